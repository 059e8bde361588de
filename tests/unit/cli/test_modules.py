"""The commands that read and write modules: opt, fmt, translate, verify, stats."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from console import hlo

import hlo_tools as library

TEXT = """HloModule m

ENTRY e {
  x = f32[2]{0} parameter(0)
  dead = f32[2]{0} cosine(x)
  ROOT s = f32[2]{0} add(x, x)
}
"""
BROKEN = TEXT.replace("f32[2]{0} cosine", "cosinus")
ILL = TEXT.replace("f32[2]{0} cosine", "f32[3]{0} cosine")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "m.hlo"
    path.write_text(TEXT)
    return path


class TestOpt:
    def test_passes_change_the_module(self, module: Path) -> None:
        assert "dead" in hlo("opt", module).out
        assert "dead" not in hlo("opt", module, "--passes=dce").out

    @pytest.mark.parametrize("words", [["opt"], ["opt", "-"]])
    def test_standard_input(self, words: list[str], module: Path) -> None:
        assert hlo(*words, stdin=TEXT).out == hlo("opt", module).out

    def test_what_it_prints_it_reads(self, module: Path) -> None:
        once = hlo("opt", module, "--passes=dce").out
        assert hlo("opt", "--passes=dce", stdin=once).out == once

    def test_compressed_input(self, module: Path) -> None:
        assert hlo("opt", stdin=gzip.compress(TEXT.encode())).out == hlo("opt", module).out

    def test_output_file(self, module: Path, tmp_path: Path) -> None:
        done = hlo("opt", module, "-o", tmp_path / "new" / "out.hlo")
        assert (done.code, done.out, done.err) == (0, "", "")
        assert (tmp_path / "new" / "out.hlo").read_text() == hlo("opt", module).out

    @pytest.mark.parametrize(("text", "code"), [(BROKEN, "HLO1007"), (ILL, "HLO2001"), (TEXT[:-20], "HLO1003")])
    def test_no_output_from_bad_input(self, text: str, code: str, tmp_path: Path) -> None:
        done = hlo("opt", "-o", tmp_path / "out", stdin=text)
        assert done.code == 3
        assert done.err.startswith("<stdin>:") and f"[{code}]" in done.err
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("pipeline", ["dcee", "dce,,", "dce{no-such=1}", "fixpoint(dce"])
    def test_a_bad_pipeline_is_a_usage_error(self, pipeline: str, module: Path) -> None:
        done = hlo("opt", module, f"--passes={pipeline}")
        assert done.code == 2
        assert "<pipeline>:1:" in done.err and "^" in done.err

    def test_sections_keep_their_line_numbers(self) -> None:
        good = hlo("opt", "--split-input-file", stdin=f"{TEXT}// -----\n{TEXT}")
        assert good.out == "// -----\n".join([hlo("opt", stdin=TEXT).out] * 2)
        bad = hlo("opt", "--split-input-file", stdin=f"{TEXT}// -----\n{BROKEN}")
        line = TEXT.count("\n") + 1 + TEXT[: TEXT.index("cosine")].count("\n") + 1
        assert bad.err.startswith(f"<stdin>:{line}:")

    def test_dumps_have_the_names_of_xla(self, module: Path, tmp_path: Path) -> None:
        dump = tmp_path / "dump"
        hlo("opt", module, "--passes=dce,cse", f"--xla_dump_to={dump}", "--xla_dump_hlo_pass_re=dce")
        names = sorted(path.name for path in dump.iterdir())
        assert names == [
            "index.json",
            "module_0000.m.0000.transforms_pipeline.after_pipeline-start.before_dce.txt",
            "module_0000.m.0001.transforms_pipeline.after_dce.before_cse.txt",
            "module_0000.m.after_optimizations.txt",
            "module_0000.m.before_optimizations.txt",
        ]
        assert "dead" in (dump / names[1]).read_text() and "dead" not in (dump / names[2]).read_text()

    def test_flags_from_the_environment(self, module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XLA_FLAGS", "--xla_disable_hlo_passes=dce")
        assert "dead" in hlo("opt", module, "--passes=dce").out

    def test_remarks_go_to_standard_error(self, module: Path) -> None:
        words = ["--time-passes", "--statistics", "--print-pipeline"]
        done = hlo("opt", module, "--passes=dce", *words)
        assert done.out == hlo("opt", module, "--passes=dce").out
        assert done.err.startswith("dce\n") and "total" in done.err

    def test_the_limit_stops_passes(self, module: Path) -> None:
        assert "dead" in hlo("opt", module, "--passes=dce", "--limit-passes=0").out

    def test_forms(self, module: Path) -> None:
        text = hlo("opt", module, "--preset=short-parsable").out
        assert "%" not in text and "ROOT s = f32[2]{0} add(x, x)" in text

    def test_an_unknown_stage(self, module: Path) -> None:
        done = hlo("opt", module, "--stage=llvm")
        assert done.code == 2 and "transforms has no stage 'llvm'" in done.err


class TestFmt:
    def test_prints_what_opt_prints(self, module: Path) -> None:
        assert hlo("fmt", module).out == hlo("opt", module).out

    def test_in_place(self, module: Path) -> None:
        assert hlo("fmt", "--check", module).code == 1
        assert module.read_text() == TEXT
        assert hlo("fmt", "--in-place", module).code == 0
        assert hlo("fmt", "--check", module).code == 0

    def test_no_place_on_standard_input(self) -> None:
        assert hlo("fmt", "--in-place", "-", stdin=TEXT).code == 2


class TestVerify:
    def test_silence_is_good(self, module: Path) -> None:
        done = hlo("verify", module, module)
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_every_file_is_read(self, module: Path, tmp_path: Path) -> None:
        bad = tmp_path / "bad.hlo"
        bad.write_text(BROKEN)
        done = hlo("verify", bad, "missing", module, bad)
        assert done.code == 3
        assert done.err.count("[HLO1007]") == 2 and done.err.count("[HLO6001]") == 1

    def test_the_place_is_shown(self, tmp_path: Path) -> None:
        path = tmp_path / "m.hlo"
        path.write_text(BROKEN)
        lines = hlo("verify", path).err.splitlines()
        assert lines[0].startswith(f"{path}:5:10: error: unknown opcode 'cosinus'")
        assert lines[1] == "    5 |   dead = cosinus(x)"
        assert lines[2] == "      |          ^~~~~~~"


def test_translate(module: Path, tmp_path: Path) -> None:
    assert hlo("translate", module, "--to", "hlo").out == hlo("opt", module).out
    assert hlo("translate", module, "--to", "hlo", "-o", tmp_path / "o").out == ""
    assert (tmp_path / "o").read_text() == hlo("opt", module).out


def test_stats(module: Path) -> None:
    found = json.loads(hlo("stats", module, "--json").out)
    assert found["instructions"] == 3 and found["parameter_bytes"] == 8
    assert found["opcodes"] == {"add": 1, "cosine": 1, "parameter": 1}
    assert "cosine" in hlo("stats", module).out


def test_the_library_does_the_same(module: Path) -> None:
    loaded = library.load(str(module))
    library.verify(loaded)
    assert library.run_passes(loaded, "dce") is True
    assert library.run_passes(loaded, "dce") is False
    assert str(loaded) == hlo("opt", module, "--passes=dce").out


def test_presets_and_print_options(module: Path) -> None:
    canonical = hlo("fmt", module, "--preset=canonical").out
    assert "tmp_0" in canonical
    plain = hlo("fmt", module, "--print-option", "print_percent=false", "--print-option=indent_amount=1").out
    assert "%" not in plain
    assert plain.startswith("  HloModule")
    wrong = hlo("fmt", module, "--print-option=print_ides=0")
    assert wrong.code == 2
    assert "did you mean 'print_ids'?" in wrong.err
    assert "is no value of print_ids: true, 1, false, 0" in hlo("fmt", module, "--print-option=print_ids=maybe").err
    assert "bodies" in hlo("fmt", module, "--print-option=print_subcomputation_mode=full").err
