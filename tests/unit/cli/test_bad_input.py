"""Whatever is wrong with the input: a located diagnostic, the right exit code, no traceback, no output file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from console import Finished, hlo

MODEL = Path(__file__).parents[3] / "testdata" / "models" / "mlp.hlo"
TEXT = MODEL.read_text()
ELIDED = """HloModule m
ENTRY e {
  x = f32[20]{0} parameter(0)
  c = f32[20]{0} constant({...})
  ROOT s = f32[20]{0} add(x, c)
}
"""


def check(done: Finished, code: int, folder: Path) -> None:
    """A first line `file:line:column: error: ... [HLOnnnn]`, and nothing left behind."""
    first = done.err.splitlines()[0]
    assert done.code == code, done.err
    assert first.startswith("<stdin>:") and ": error: " in first and first.endswith("]")
    assert "Traceback" not in done.err and not done.data
    assert not list(folder.iterdir())


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.77, 0.98])
def test_a_truncated_module(share: float, tmp_path: Path) -> None:
    check(hlo("opt", "-o", tmp_path / "out", stdin=TEXT[: int(len(TEXT) * share)]), 3, tmp_path)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("maximum(", "maximun("),
        ("f32[1,256]{1,0} maximum", "f32[1,257]{1,0} maximum"),
        ("f32[1,256]{1,0} parameter", "f33[1,256]{1,0} parameter"),
        ("max.3 = ", "max.2 = "),
        ("dimensions={}", "dimensions={0,1,2}"),
        ("ENTRY main.4 {", "ENTRY main.4"),
    ],
)
def test_a_damaged_module(good: str, bad: str, tmp_path: Path) -> None:
    assert good in TEXT
    done = hlo("aot", "-", "-o", tmp_path / "out", stdin=TEXT.replace(good, bad, 1))
    check(done, 3, tmp_path)


@pytest.mark.parametrize("line", ["x" * 50_000_000, "(" * 50_000_000, "f32[" + "1," * 25_000_000])
def test_a_line_of_fifty_megabytes(line: str, tmp_path: Path) -> None:
    check(hlo("verify", "-", stdin=f"HloModule m\nENTRY e {{\n  a = {line}\n}}\n"), 3, tmp_path)


@pytest.mark.parametrize("words", [["interpret", "-"], ["run", "-"], ["aot", "-", "-o", "out"]])
def test_a_constant_without_values_cannot_be_executed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hlo("verify", "-", stdin=ELIDED).code == 0
    check(hlo(*words, stdin=ELIDED), 4, tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_noise_in_a_module(seed: int, tmp_path: Path) -> None:
    noise = random.Random(seed)
    text = list(TEXT)
    for _ in range(5):
        text[noise.randrange(len(text))] = chr(noise.randrange(32, 127))
    done = hlo("opt", "-", "--passes=dce", "-o", tmp_path / "out", stdin="".join(text))
    assert done.code in (0, 3), done.err


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "in.npz"
    np.savez(path, arg0=np.zeros((1, 784), np.float32))
    assert "[HLO5001]" in hlo("interpret", MODEL, "--inputs", path).err
    np.savez(path, **{f"arg{i}": np.zeros((2, 2), np.float64) for i in range(5)})
    done = hlo("interpret", MODEL, "--inputs", path)
    assert done.code == 2 and "float64[2, 2]; the module takes f32[1,784]" in done.err
    path.write_bytes(b"no archive")
    assert hlo("interpret", MODEL, "--inputs", path).code == 3
    assert hlo("interpret", MODEL, "--inputs", tmp_path / "missing").code == 2
