"""No possessive group that may give up half-way through an iteration.

`(?:ab?c)++` matches all of "aca" with Python before 3.11.5: what the failing iteration took is not given back
(python/cpython issue 106052). Possessive repeats of one character class are sound, and so are groups that choose
between single characters.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder, suffix in (("hlo_tools", "py"), ("backends", "py"), ("grammar", "lark"))
    for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
]
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>")
CHARACTERS = re.compile(
    r"""\(\?:\[\^["'](?:\\\\)?(?:\\n)?\](?:\+\+)?\|\\\\(?:\.|\['"\])\)[*+]\+"""  # of a string: [^"\\]++ or \\.
)


def hazards(text: str) -> list[str]:
    """The lines with a possessive group that is not known to be sound."""
    return [line for line in text.splitlines() if POSSESSIVE_GROUP.search(CHARACTERS.sub("", line))]


def test_no_hazards() -> None:
    assert {path.name: found for path in FILES if (found := hazards(path.read_text()))} == {}


@pytest.mark.parametrize("line", ["(?:ab?c)++", r"(?:\s++|/\*[^*]*+\*/)*+", "(?:#x)?+", "(?>a|ab)", "(?:ab){1,3}+"])
def test_hazards_are_seen(line: str) -> None:
    assert hazards(line) == [line]


def test_strings_are_sound() -> None:
    assert hazards(r""" "(?:[^"\\]++|\\.)*+" '(?:[^'\\\n]|\\.)*+' [^x]*+ """) == []
