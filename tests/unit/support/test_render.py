from __future__ import annotations

import json

from hlo_tools.support import render
from hlo_tools.support.diagnostic import Diagnostic, Note, Severity
from hlo_tools.support.source import Source

TEXT = "HloModule m\nENTRY e {\n  ROOT x = f32[2]{0} bogus(a)\n}\n"
SOURCE = Source("m.hlo", TEXT)
AT = SOURCE.span(TEXT.index("bogus"), TEXT.index("bogus") + 5)
FOUND = Diagnostic("HLO1003", "no such opcode", AT, notes=(Note("did you mean 'cos'?"),))


def test_text_points_at_the_place() -> None:
    assert render.text(FOUND) == (
        "m.hlo:3:22: error: no such opcode [HLO1003]\n"
        "    3 |   ROOT x = f32[2]{0} bogus(a)\n"
        "      |                      ^~~~~\n"
        "note: did you mean 'cos'?"
    )


def test_a_note_may_have_its_own_place() -> None:
    start = SOURCE.span(0, 9)
    shown = render.text(Diagnostic("HLO1003", "x", AT, notes=(Note("it started here", start),)))
    assert shown.endswith("m.hlo:1:1: note: it started here\n    1 | HloModule m\n      | ^~~~~~~~~")


def test_colour_changes_no_word() -> None:
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", render.text(FOUND, color=True)) == render.text(FOUND)


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "a" * 1_000_000 + "!" + "b" * 1_000_000
    shown = render.text(Diagnostic("HLO1003", "odd", Source("f", text).span(1_000_000)))
    excerpt, caret = shown.splitlines()[1:]
    assert len(excerpt) < 200 and "..." in excerpt
    assert excerpt[caret.index("^")] == "!"


def test_the_input_cannot_steer_the_terminal() -> None:
    shown = render.text(Diagnostic("HLO1003", "found 'a\nb\x1b[31m'"))
    assert shown == "error: found 'a\\nb\\x1b[31m' [HLO1003]"


def test_a_message_that_quotes_much_is_cut() -> None:
    (line, *_) = render.text(Diagnostic("HLO1003", "x" * 10**6, AT)).splitlines()
    assert len(line) < 1100 and line.endswith("xx... [HLO1003]")


def test_tabs_do_not_move_the_caret() -> None:
    shown = render.text(Diagnostic("HLO1003", "odd", Source("f", "\t\tx!").span(3))).splitlines()
    assert shown[1][shown[2].index("^")] == "!"


def test_the_end_of_the_text_can_be_shown() -> None:
    shown = render.text(Diagnostic("HLO1003", "too short", SOURCE.span(len(TEXT))))
    assert shown.splitlines()[0] == "m.hlo:5:1: error: too short [HLO1003]"


def test_json_counts_from_one() -> None:
    row = json.loads(render.LINES["json"](FOUND))
    assert (row["file"], row["line"], row["column"], row["end_line"], row["end_column"]) == ("m.hlo", 3, 22, 3, 27)
    assert row["severity"] == "error" and row["notes"] == [{"message": "did you mean 'cos'?"}]


def test_github_escapes() -> None:
    odd = Diagnostic("HLO6001", "100 %\nwrong", file="a,b:c", severity=Severity.WARNING)
    assert render.LINES["github"](odd) == "::warning file=a%2Cb%3Ac,title=HLO6001::100 %25%0Awrong"


def test_sarif_has_a_rule_per_code() -> None:
    log = render.sarif([FOUND, FOUND], "1.0")
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["HLO1003"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"] == 22
