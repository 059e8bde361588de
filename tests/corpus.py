"""Modules that the checks of the HLO text run over: those of testdata, and real dumps where a checkout has them."""

from __future__ import annotations

import gzip
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDTRIP = sorted((ROOT / "testdata" / "roundtrip").glob("*.hlo"))
MODELS = sorted((ROOT / "testdata" / "models").glob("*.hlo"))
DUMPS = sorted((ROOT.parent / "shared" / "corpus" / "real").glob("*.hlo.gz"))
CASES = sorted((ROOT.parent / "shared" / "bench" / "cases").glob("*/module.hlo"))


def text_of(path: Path) -> str:
    """The text of a file, unpacked."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def name_of(path: Path) -> str:
    """A short name for a test."""
    return path.parent.name if path.name == "module.hlo" else path.name.split(".")[0]
