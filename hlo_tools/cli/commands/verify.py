"""`hlo verify`: is this a module, and does it keep the rules?"""

from __future__ import annotations

from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli.options import InputFiles
from hlo_tools.cli.session import session
from hlo_tools.support.diagnostic import HloError

PANEL = "Inspect and convert"
EXAMPLES = (
    ("hlo verify module.hlo", "Print every error with its place; say nothing when there is none."),
    ("hlo verify --diagnostics-format=sarif dumps/*.txt 2> hlo.sarif", "Check many files for a code-scanning service."),
)


def command(
    context: typer.Context,
    files: InputFiles,
    layout_sensitive: Annotated[
        bool, typer.Option("--layout-sensitive", help="Check also what holds once layouts are assigned.")
    ] = False,
) -> int:
    """Parse and verify modules; report every error of every file."""
    state = session(context)
    worst = 0
    for path in files:
        try:
            hlo.verify(state.load(path), layout_sensitive)
        except HloError as error:
            state.report(error.diagnostics)
            worst = max(worst, error.exit_code)
    return worst
