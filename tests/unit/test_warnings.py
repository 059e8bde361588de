"""What is odd but read, as Python hears of it."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import hlo_tools as hlo

ODD = "HloModule m, shiny=1\nENTRY e {\n  ROOT p = f32[] parameter(0), shiny=yes\n}\n"


def test_the_first_finding_is_a_python_warning(tmp_path: Path) -> None:
    path = tmp_path / "in.hlo"
    path.write_text(ODD)
    for read in (lambda: hlo.parse(ODD, str(path)), lambda: hlo.load(str(path)), lambda: hlo.load_snapshot(str(path))):
        with pytest.warns(hlo.HloWarning) as heard:
            read()
        (warning,) = heard
        assert str(warning.message).startswith(f"{path}:1:14: warning: unknown attribute 'shiny' of the module")
        assert str(warning.message).endswith("[HLO1040], and 1 more")
        assert warning.filename == __file__


def test_who_asks_for_diagnostics_gets_them_instead() -> None:
    found: list[hlo.Diagnostic] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hlo.parse(ODD, warn=found.append)
    assert [(d.code, d.severity) for d in found] == [("HLO1040", hlo.Severity.WARNING)] * 2


def test_python_can_take_them_for_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", hlo.HloWarning)
        with pytest.raises(hlo.HloWarning):
            hlo.parse(ODD)


@pytest.mark.parametrize(("most", "count"), [(0, 50), (7, 7), (100, 50)])
def test_as_many_errors_as_are_wanted(most: int, count: int) -> None:
    text = "ENTRY e {\n" + "".join(f"  a.{i} = f32[] negate(none.{i})\n" for i in range(50)) + "}\n"
    with pytest.raises(hlo.ParseError) as caught:
        hlo.parse(text, max_errors=most)
    assert len(caught.value.diagnostics) == count
