"""The runner of testdata/ says no where it should."""

from __future__ import annotations

from pathlib import Path

import pytest
from texttest import Failure, sections

MODULE = """HloModule m
ENTRY e {
  x = f32[2]{0} parameter(0)
  dead = f32[2]{0} cosine(x)
  ROOT s = f32[2]{0} add(x, x)
}
"""
RUN = "// RUN: hlo-opt %s --passes=dce --preset=short-parsable | FileCheck %s\n"


def run(tmp_path: Path, text: str, bless: bool = False) -> Path:
    path = tmp_path / "t.hlo"
    path.write_text(text)
    for section in sections(path):
        section.run(tmp_path / "scratch", bless)
    return path


def test_checks(tmp_path: Path) -> None:
    run(tmp_path, RUN + MODULE + "// CHECK-NOT: dead\n// CHECK: ROOT s = f32[2]{0} add(x, x)\n")
    with pytest.raises(Failure, match="cosine"):
        run(tmp_path, RUN + MODULE + "// CHECK: cosine\n")


def test_run_lines_hold_for_later_sections(tmp_path: Path) -> None:
    text = RUN + MODULE + "// CHECK: add\n// -----\n" + MODULE + "// CHECK: cosine\n"
    with pytest.raises(Failure):
        run(tmp_path, text)


def test_a_failing_command(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="exit code 2"):
        run(tmp_path, "// RUN: hlo-opt %s --passes=nothing\n" + MODULE)
    run(tmp_path, "// RUN: not hlo-opt %s --passes=nothing | FileCheck %s\n// CHECK: HLO3001\n" + MODULE)


def test_errors(tmp_path: Path) -> None:
    bad = MODULE.replace("f32[2]{0} cosine(x)", "cosinus(x)  // error: unknown opcode")
    run(tmp_path, bad)
    with pytest.raises(Failure, match="no diagnostic came"):
        run(tmp_path, MODULE.replace("cosine(x)", "cosine(x)  // error: unknown opcode"))
    with pytest.raises(Failure, match=r"line 4: no diagnostic says .other"):
        run(tmp_path, bad.replace("error: unknown", "error: other"))
    with pytest.raises(Failure, match="more than expected"):
        run(tmp_path, bad.replace("f32[2]{0} add(x, x)", "plus(x, x)"))


def test_calls(tmp_path: Path) -> None:
    run(tmp_path, RUN + "// CHECK: add\n" + MODULE + "// run: main({1, 2}) == {2, 4}\n")
    run(tmp_path, MODULE + "// run: main({nan, inf}) == {nan, inf}\n")
    with pytest.raises(Failure, match="result 0"):
        run(tmp_path, MODULE + "// run: main({1, 2}) == {2, 5}\n")
    with pytest.raises(Failure, match="3 values"):
        run(tmp_path, MODULE + "// run: main({1, 2, 3}) == {2, 5}\n")


def test_nothing_to_do_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no RUN"):
        run(tmp_path, MODULE)


def test_bless_writes_checks_that_hold(tmp_path: Path) -> None:
    text = RUN + MODULE + "// CHECK: nonsense\n// -----\n" + RUN + MODULE.replace("HloModule m", "HloModule n")
    path = run(tmp_path, text, bless=True)
    blessed = path.read_text()
    assert "nonsense" not in blessed and "// CHECK: HloModule n" in blessed
    run(tmp_path, blessed)
