"""`hlo explain`: what a diagnostic code means."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from hlo_tools.cli.session import emit
from hlo_tools.support.codes import CODES, FAMILIES
from hlo_tools.support.diagnostic import UsageError

PANEL = "Reference"
EXAMPLES = (
    ("hlo explain HLO6001", "Say what HLO6001 means and what to do about it."),
    ("hlo explain", "List all codes."),
)


def _complete(incomplete: str) -> list[str]:
    return [code for code in CODES if code.startswith(incomplete.upper())]


def command(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="a code as diagnostics show it", autocompletion=_complete)
    ] = None,
) -> None:
    """Explain a diagnostic code, or list all of them."""
    if code is None:
        for family, subject in FAMILIES.items():
            rows = [f"  {known}  {row.title}" for known, row in CODES.items() if known[3] == family]
            if rows:
                emit("\n".join([f"HLO{family}xxx: {subject}", *rows]))
        return
    row = CODES.get(code.upper())
    if row is None:
        raise UsageError.at("HLO6009", f"no diagnostic has the code '{code}'")
    emit(f"{code.upper()}: {row.title}\n\n{textwrap.fill(row.text, 88)}")
