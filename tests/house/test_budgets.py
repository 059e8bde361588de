"""Limits that keep the house easy to live in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hlo_tools.support.codes import CODES, FAMILIES

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "hlo_tools").rglob("*.py"), *(ROOT / "backends").rglob("*.py")])
MAX_LINES = 800
LONG: dict[str, int] = {}
"""Files that may be longer, with their own limits; this table only shrinks."""


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_files_are_short(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LONG.get(_id(path), MAX_LINES)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8"))


def test_every_code_is_explained() -> None:
    used = {code for path in FILES for code in re.findall(r'"(HLO\d{4})"', path.read_text(encoding="utf-8"))}
    missing = ", ".join(sorted(used - CODES.keys()))
    assert not missing, f"add to hlo_tools/support/codes.py: {missing}"


def test_every_explained_code_is_used() -> None:
    home = ROOT / "hlo_tools" / "support" / "codes.py"
    text = "".join(path.read_text(encoding="utf-8") for path in FILES if path != home)
    unused = ", ".join(code for code in CODES if f'"{code}"' not in text)
    assert not unused, f"remove from hlo_tools/support/codes.py: {unused}"


def test_codes_are_in_order_and_belong_to_a_family() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(code[3] in FAMILIES for code in CODES)
