"""`hlo targets`: what code can be made for."""

from __future__ import annotations

from hlo_tools.cli.session import emit

PANEL = "Reference"
EXAMPLES = (("hlo targets", "List the backends and the machines that they compile for."),)


def command() -> None:
    """List backends, their stages and the targets that are tested."""
    from hlo_tools import backend

    for name in backend.names():
        found = backend.find(name)
        emit(f"{name}: stages {', '.join(found.stages)}")
        for target in found.targets():
            emit(f"  {target.triple} {target.cpu}".rstrip())
