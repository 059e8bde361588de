"""Every section of every file in testdata/ is a test; texttest.py says what the files may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from texttest import Failure, Section, sections

ROOT = Path(__file__).parent.parent / "testdata"
WHOLE = {"models", "roundtrip"}
"""Folders of modules that other tests use as a whole."""


def _cases() -> list[object]:
    files = sorted(path for path in ROOT.rglob("*") if path.suffix in (".hlo", ".mlir") and not WHOLE & {*path.parts})
    return [
        pytest.param(section, id=f"{path.relative_to(ROOT)}:{section.line}")
        for path in files
        for section in sections(path)
    ]


@pytest.mark.parametrize("section", _cases())
def test_section(section: Section, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    said = ""
    try:
        section.run(tmp_path, bless=request.config.getoption("--bless"))
    except Failure as failure:
        said = str(failure)
    if said:
        pytest.fail(f"{section.path}:{section.line}: {said}", pytrace=False)
