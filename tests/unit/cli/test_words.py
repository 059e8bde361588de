from __future__ import annotations

from pathlib import Path

import pytest

from hlo_tools.cli.words import expand, split_options
from hlo_tools.cli.xla_flags import XlaFlags, parse
from hlo_tools.support.diagnostic import UsageError


def test_response_files_nest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("one 'two three' @b # a comment\n")
    Path("b").write_text('"fo\\"ur"\n')
    assert expand(["x", "@a", "@", "--", "@a"]) == ["x", "one", "two three", 'fo"ur', "@", "--", "@a"]


@pytest.mark.parametrize("text", ["'open", "@a", None])
def test_bad_response_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("a").write_text(text)
    with pytest.raises(UsageError, match="HLO6008"):
        expand(["@a"])


def test_options_of_the_program_move_to_the_front() -> None:
    words = ["opt", "f", "--color", "never", "--xla_dump_to=d", "--diagnostics-format=json", "-xla_a", "--", "--color"]
    assert split_options(words) == (
        ["--xla_dump_to=d", "-xla_a"],
        ["--color", "never", "--diagnostics-format=json", "opt", "f", "--", "--color"],
    )


def test_later_xla_flags_win() -> None:
    flags, warnings = parse("--xla_dump_to=env --xla_dump_large_constants", ["--xla_dump_to=line"])
    assert flags == XlaFlags(xla_dump_to="line", xla_dump_large_constants=True)
    assert not warnings


def test_lists_of_passes() -> None:
    flags, _ = parse("", ["--xla_disable_hlo_passes=dce,cse"])
    assert flags.xla_disable_hlo_passes == ("dce", "cse")


def test_one_warning_for_all_unknown_flags() -> None:
    _, warnings = parse("--xla_a=1", ["--xla_b", "--xla_a=2"])
    (warning,) = warnings
    assert "--xla_a, --xla_b" in warning.message


@pytest.mark.parametrize("flag", ["--xla_dump_to", "--xla_dump_large_constants=maybe"])
def test_values_are_checked(flag: str) -> None:
    with pytest.raises(UsageError, match="HLO6006"):
        parse("", [flag])
