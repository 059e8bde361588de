"""The fast path of the HLO reader reads exactly what the grammar defines.

Each text is read twice: as always, and with the fast path switched off, so that the grammar sees every statement. Both
must come to the same module or both refuse. The second way is slow, so the whole corpus is only read on request, with
HLO_TOOLS_ALL_DUMPS set.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from corpus import CASES, DUMPS, MODELS, ROUNDTRIP, name_of, text_of
from fuzz.careful import careful, quick
from hypothesis import given, settings
from hypothesis import strategies as st

from hlo_tools.text.grammar import canonical, grammar
from hlo_tools.text.reader import parse_hlo

EVERY = "HLO_TOOLS_ALL_DUMPS" in os.environ
"""All dumps take a quarter of an hour."""


@pytest.mark.parametrize("path", [*ROUNDTRIP, *MODELS, *CASES], ids=name_of)
def test_modules(path: Path) -> None:
    text = text_of(path)
    assert careful(text) == quick(text)


@pytest.mark.slow
@pytest.mark.parametrize("path", DUMPS if EVERY else DUMPS[17::16], ids=name_of)
def test_dumps(path: Path) -> None:
    text = text_of(path)
    assert careful(text) == quick(text)


@pytest.mark.parametrize("path", ROUNDTRIP, ids=name_of)
def test_the_grammar_of_a_module_is_that_of_its_statements(path: Path) -> None:
    tree = grammar("hlo").parse(text_of(path), start="module")
    module = parse_hlo(text_of(path))
    found = [sum(1 for _ in c.find_data("instruction")) for c in tree.find_data("computation")]
    assert sorted(found) == sorted(len(c) for c in module)


LINES = [line for path in ROUNDTRIP for line in text_of(path).split("\n") if " = " in line]
PIECES = ["", " ", ",", "(", ")", "{", "}", "=", "%", '"', "'", "0", "-", "/*x*/", "// y\n", "\n", "ROOT ", "f32[] ",
          ", index=0", "#0", "_", "a", "[", "]", "metadata={", "é", "\\"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LINES), st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES), st.booleans()), max_size=3))
def test_damaged_lines(line: str, changes: list[tuple[float, str, bool]]) -> None:
    for place, piece, insert in changes:
        at = int(place * len(line))
        line = line[:at] + piece + line[at if insert else at + 1 :]
    declared = "".join(f"  {name} = f32[8,4]{{1,0}} parameter({i})\n" for i, name in enumerate(("x", "p", "a", "b")))
    text = f"HloModule m\n\nsum {{\n{declared}}}\n\nENTRY e {{\n{declared}{line}\n}}\n"
    assert careful(text) == quick(text)


@pytest.mark.parametrize(
    "lines",
    [
        ["%b = f32[2]{0} negate(%a)", '   , metadata={op_name="n"}', "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2]{0} negate(%a),", '   metadata={op_name="n"}', "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2]{0} negate(%a), ", '   metadata={op_name="n"}', "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2]{0} negate(%a)", "// a remark", "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2]{0} negate(%a)", "/* %c = f32[] constant(1)", "*/ ROOT %c = f32[2]{0} abs(%b)"],
        ["%é = f32[2]{0} negate(%a)", "%b = f32[2]{0} abs(%é)", "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b%c = f32[2]{0} negate(%a)", "ROOT %c = f32[2]{0} abs(%b%c)"],
        ["% = f32[2]{0} negate(%a)", "ROOT %c = f32[2]{0} abs(%)"],
        ["b = f32[2]{0} negate(a)", "%c = f32[2]{0} add(%a, b)", "ROOT d = f32[2]{0} add(b, %c)"],
        ["%b = f32[2]{0} negate(f32[2]{0} %a)", "ROOT %c = f32[2]{0} add(f32[2]{0} %a, f32[2]{0} %b)"],
        ["%b = f32[2]{0} negate(f32[3]{0} %a)", "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2]{0} negate(%a), ", "ROOT %c = f32[2]{0} abs(%b), "],
        ["%b = f32[2]{0} negate(%a)\n, index=0  % = f32[] parameter(0)"],
        ["b = f32[2]{0} negate(%a)", "ROOT = f32[2]{0} abs(b)"],
        ["ENTRY = f32[2]{0} negate(%a)", "ROOT ROOT = f32[2]{0} abs(%a)"],
        ["%b = f32[2/*x*/]{0} negate(%a)", "ROOT %c = f32[2]{0} abs(%b)"],
        ["%b = f32[2/*(*/]{0} negate(%a)", "ROOT %c = (f32[2/*x*/]{0}, f32[2]{0}) tuple(%a, %b)"],
        ["%b = f32[2]{0} add(%a, %a, )", "ROOT %c = f32[2]{0} abs(%b)"],
        ["ROOT %b = f32[2]{0} negate(%a)", "ROOT %c = f32[2]{0} abs(%b)"],
        ["%a = f32[2]{0} negate(%a)", "ROOT %c = f32[2]{0} abs(%a)"],
        ["%b = f32[2]{0:T(2,128)} negate(%a)", "ROOT %c = (f32[2]{0}, f32[2]{0}) tuple(%a, %b)"],
        ['%b = f32[2]{0} negate(%a), metadata={op_name="n"}, backend_config={"a":", metadata={"}'],
        ['%b = f32[2]{0} negate(%a), metadata={op_name="n"}, '],
        ["%b = (f32[], (pred[], s32[2]{0})) constant((1, (true, {1, 2})))", "ROOT %c = f32[2]{0} abs(%a)"],
        ["%b = f32[2]{0} negate(%a)" + " " * 70_000, "ROOT %c = f32[2]{0} abs(%b)"],
        [f"%a.{i} = f32[2]{{0}} negate(%a)" for i in range(5000)] + ["  , sharding={replicated}", "}", "ENTRY %f {"],
        [f"%a.{i} = f32[2]{{0}} negate(%a)" for i in range(3000)] + ["%é = f32[2]{0} abs(%a.2)", "%b = f32[] abs(%é)"],
    ],
)  # fmt: skip
def test_unusual_lines(lines: list[str]) -> None:
    body = "".join(f"  {line}\n" for line in ["%a = f32[2]{0} parameter(0)", *lines])
    text = f"HloModule m\n\nENTRY %e {{\n{body}}}\n"
    assert careful(text) == quick(text)


@pytest.mark.parametrize(
    "head",
    [
        "ENTRY {",
        "ENTRY %ENTRY {",
        "%ENTRY {",
        "ENTRY ENTRY {",
        "ENTRY () -> f32[] {",
        "ENTRY e () -> f32[] { {",
        "e (x: f32[]) -> f32[] {[]) -> f32[] {",
        "e (x: f32[]) -> f32[]{ {",
    ],
)
def test_heads(head: str) -> None:
    text = f"HloModule m\n\n{head}\n  ROOT %c = f32[] constant(1)\n}}\n"
    assert careful(text) == quick(text)


@pytest.mark.parametrize(
    ("rule", "text", "plain"),
    [
        ("dims", "{ 0 , /* x */ 1 }", "{0,1}"),
        ("window", "{ size=3x3  stride=2x2 pad=0_1x0_1 }", "{size=3x3 stride=2x2 pad=0_1x0_1}"),
        ("slices", "{ [0:4], [1 : 3:2] }", "{[0:4],[1:3:2]}"),
        ("sharding", "{ devices=[2,2] <= [4] last_tile_dim_replicate }", "{devices=[2,2]<=[4]last_tile_dim_replicate}"),
        ("shape", "( f32[ 2 ]{ 0 : T(8) }, token[] )", "(f32[2]{0:T(8)},token[])"),
        ("metadata", '{ op_name="a"  stack_frame_id=3 }', '{op_name="a" stack_frame_id=3}'),
    ],
)
def test_canonical_text_of_values(rule: str, text: str, plain: str) -> None:
    assert canonical("attributes", rule, text) == plain
