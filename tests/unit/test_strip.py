"""Taking away what does not matter, and putting constants into a file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from console import hlo as command
from corpus import MODELS, ROUNDTRIP, name_of, text_of

import hlo_tools as hlo

TEXT = """HloModule m, entry_computation_layout={(f32[4]{0})->f32[4]{0}}, frontend_attributes={fingerprint="1"}

FileNames
1 "a.py"

FunctionNames
1 "f"

FileLocations
1 {file_name_id=1 function_name_id=1 line=1 end_line=1 column=1 end_column=1}

StackFrames
1 {file_location_id=1 parent_frame_id=1}


ENTRY %main (x: f32[4]) -> f32[4] {
  %x = f32[4]{0} parameter(0), sharding={replicated metadata={op_name="s"}}, metadata={op_name="x" stack_frame_id=1}
  %c = f32[4]{0} constant({1, -0, nan(0x7fc001), 4}), frontend_attributes={a="b"}
  %same = f32[4]{0} constant({1, -0, nan(0x7fc001), 4})
  %d = bf16[4]{0} constant({1, 2, 3, 4})
  %i = s4[4]{0} constant({1, 2, 3, -4})
  %e = f32[4]{0} convert(%d), origin={{"e"}}
  %f = f32[4]{0} convert(%i)
  %a.1 = f32[4]{0} add(%x, %c), backend_config={"a":1}
  %a.2 = f32[4]{0} add(%a.1, %e)
  %a.3 = f32[4]{0} add(%a.2, %same)
  ROOT %a.4 = f32[4]{0} add(%a.3, %f)
}

"""


def stripped(**what: bool | int) -> str:
    module = hlo.parse(TEXT)
    hlo.strip(module, hlo.Strip(**what))  # type: ignore[arg-type]
    hlo.verify(module)
    text = str(module)
    assert str(hlo.parse(text)) == text
    return text


@pytest.mark.parametrize(
    ("what", "gone"),
    [
        ("metadata", ["metadata", "StackFrames", "origin"]),
        ("frontend_attributes", ["frontend_attributes"]),
        ("shardings", ["sharding="]),
        ("backend_configs", ["backend_config"]),
        ("names", ["%x", "%a.1", "HloModule m,"]),
    ],
)
def test_only_what_was_asked_for(what: str, gone: list[str]) -> None:
    words = {"metadata", "frontend_attributes", "sharding=", "backend_config", "%a.1", "StackFrames", "origin"}
    text = stripped(**{what: True})
    assert not [word for word in gone if word in text]
    assert not [word for word in words - set(gone) if word not in text]


def test_nothing() -> None:
    assert stripped() == TEXT


def test_elide_over() -> None:
    assert stripped(elide_over=4) == TEXT
    assert stripped(elide_over=3).count("constant({...})") == 4


def test_names_follow_from_the_order() -> None:
    module, other = hlo.parse(TEXT), hlo.parse(TEXT.replace("%a.", "%b.").replace("%x", "%add.7"))
    for each in (module, other):
        hlo.strip(each, hlo.Strip(names=True))
    assert str(module).replace('op_name="x"', "") == str(other).replace('op_name="x"', "")


@pytest.mark.parametrize("path", [*MODELS, *ROUNDTRIP], ids=name_of)
def test_stripped_modules_compute_the_same(path: Path) -> None:
    module = hlo.parse(text_of(path))
    before = hlo.hash_module(module, hlo.HashOptions(shardings=False, backend_configs=False, frontend_attributes=False))
    everything = hlo.Strip(metadata=True, frontend_attributes=True, shardings=True, backend_configs=True, names=True)
    hlo.strip(module, everything)
    hlo.verify(module)
    after = hlo.hash_module(module, hlo.HashOptions(shardings=False, backend_configs=False, frontend_attributes=False))
    assert before.module == after.module


class TestConstantsInAFile:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        Path("m.hlo").write_text(TEXT)
        done = command("strip", "--only", "m.hlo", "--constants=w.npz", "--over=3", "-o", "small.hlo")
        assert (done.code, done.out, done.err) == (0, "", "")
        return tmp_path

    def test_equal_values_are_stored_once(self, folder: Path) -> None:
        with np.load("w.npz") as stored:
            assert {name: (str(stored[name].dtype), stored[name].shape) for name in stored} == {
                "c0": ("float32", (4,)), "c1": ("uint16", (4,)), "c2": ("uint8", (4,)),
            }  # fmt: skip

    def test_bit_for_bit_back(self, folder: Path) -> None:
        assert command("fmt", "small.hlo").out.count("constant({...})") == 4
        assert command("fmt", "small.hlo", "--constants=w.npz").out == TEXT

    def test_the_same_file_again(self, folder: Path) -> None:
        command("strip", "--only", "m.hlo", "--constants=again.npz", "--over=3", "-o", "small.hlo")
        assert Path("again.npz").read_bytes() == Path("w.npz").read_bytes()

    @pytest.mark.parametrize("words", ["run", "interpret", "replay", "bench --seconds=0", "opt", "aot -o made", "hash"])
    def test_all_that_load_take_them(self, words: str, folder: Path) -> None:
        name, *rest = words.split()
        done = command(name, "small.hlo", "--constants=w.npz", *rest)
        assert (done.code, done.err) == (0, "")
        if name in ("run", "interpret", "opt", "hash"):
            assert done.out.replace("small.hlo", "m.hlo") == command(name, "m.hlo", *rest).out

    def test_the_hash_is_that_of_the_values(self, folder: Path) -> None:
        assert command("hash", "small.hlo").out.split()[0] == command("hash", "m.hlo").out.split()[0]

    def test_make_knows_of_the_file(self, folder: Path) -> None:
        command("aot", "small.hlo", "--constants=w.npz", "-o", "made")
        assert Path("made.d").read_text().endswith(": small.hlo w.npz\n\nsmall.hlo:\n\nw.npz:\n")

    def test_other_weights_are_refused(self, folder: Path) -> None:
        with np.load("w.npz") as stored:
            arrays = {name: stored[name].copy() for name in stored}
        arrays["c0"][1] = 0.0  # was -0.0
        arrays["c1"] = arrays["c1"].astype(np.uint8)
        del arrays["c2"]
        np.savez("other.npz", **arrays)  # type: ignore[arg-type]
        done = command("run", "small.hlo", "--constants=other.npz")
        assert done.code == 3
        assert done.err.count("[HLO5011]") == 4
        assert "small.hlo:18:4: error: 'c0' does not hold the bits that c had" in done.err
        assert "'c1' is uint8[4], and d is bf16[4]" in done.err
        assert "the value of i should be 'c2'" in done.err

    def test_a_file_that_is_none(self, folder: Path) -> None:
        assert command("fmt", "small.hlo", "--constants=m.hlo").code == 3
        assert command("fmt", "small.hlo", "--constants=missing.npz").code == 2

    def test_xla_reads_what_is_left(self, folder: Path) -> None:
        xla = pytest.importorskip("jaxlib._hlo")
        module = xla.hlo_module_from_text(Path("small.hlo").read_text())
        assert module.to_string().count("hlo_tools_sha256=") == 4

    def test_stripping_keeps_the_way_back(self, folder: Path) -> None:
        smaller = command("strip", "small.hlo").out
        assert 'frontend_attributes={hlo_tools_constant="c0",hlo_tools_sha256="' in smaller
        assert 'a="b"' not in smaller


def test_the_command() -> None:
    usual = command("strip", "-", stdin=TEXT).out
    words = ("metadata", "frontend_attributes", "sharding", "backend_config", "FileNames")
    assert not [word for word in words if word in usual]
    assert "sharding={replicated}" in command("strip", "-", "--keep-shardings", stdin=TEXT).out
    assert command("strip", "-", "--only", stdin=TEXT).out == TEXT
    assert "backend_config" not in command("strip", "-", "--only", "--backend-configs", stdin=TEXT).out
    short = command("strip", "-", "--preset=short-parsable", "--names", stdin=TEXT).out
    assert "ROOT add.10 = f32[4]{0} add(add.9, convert.6)" in short
