"""The fast path of the HLO reader reads exactly what the grammar defines.

Each text is read twice: as always, and with the fast path switched off, so that the grammar sees every statement. Both
must come to the same module or both refuse. The second way is slow, so the whole corpus is only read on request, with
HLO_TOOLS_ALL_DUMPS set.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from corpus import CASES, DUMPS, MODELS, ROUNDTRIP, name_of, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

import hlo_tools as hlo
from hlo_tools.text import body, lines, reader
from hlo_tools.text.grammar import canonical, grammar
from hlo_tools.text.reader import parse_hlo

EVERY = "HLO_TOOLS_ALL_DUMPS" in os.environ
"""All dumps take a quarter of an hour."""
NOTHING = re.compile(r"(?!)")
FAST = [(lines, "LINE"), (reader, "_HEADER"), (reader, "_HEAD"), (body, "_TAIL")]
"""The regular expressions of whole lines."""


def careful(text: str) -> str:
    """The text after a reading by the grammar alone, or the codes of the errors."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in FAST:
            patch.setattr(module, name, NOTHING)
        return quick(text)


def quick(text: str) -> str:
    """The text after an ordinary reading, or the codes of the errors."""
    try:
        return parse_hlo(text).to_text()
    except hlo.ParseError as e:
        return "\n".join(map(str, e.diagnostics))


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
