"""`hlo targets`: what code can be made for."""

from __future__ import annotations

import typer

from hlo_tools.cli.session import emit, session
from hlo_tools.support.diagnostic import UnsupportedError

PANEL = "Reference"
EXAMPLES = (("hlo targets", "List the backends and the machines that they compile for."),)


def command(context: typer.Context) -> int:
    """List backends, their stages and the targets that are tested."""
    from hlo_tools import backend

    code = 0
    for name in backend.names():
        try:
            found = backend.find(name)
        except UnsupportedError as error:
            session(context).report(error.diagnostics)
            code = error.exit_code
            continue
        emit(f"{name}: stages {', '.join(found.stages)}")
        for target in found.targets():
            emit(f"  {target.triple} {target.cpu}".rstrip())
    return code
