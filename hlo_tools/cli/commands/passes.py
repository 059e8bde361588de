"""`hlo passes`: what `hlo opt --passes` can run."""

from __future__ import annotations

from typing import Annotated

import typer

from hlo_tools.cli.session import emit

PANEL = "Reference"
EXAMPLES = (
    ("hlo passes", "List all passes with a line about each."),
    ("hlo passes fusion", "Describe one pass and its options."),
)


def complete(incomplete: str) -> list[str]:
    """The names of passes that start so."""
    from hlo_tools.passes import registry

    return [name for name in registry.names() if name.startswith(incomplete)]


def command(
    name: Annotated[str | None, typer.Argument(metavar="PASS", help="one pass", autocompletion=complete)] = None,
) -> None:
    """List the passes, or describe one and its options."""
    from hlo_tools.passes import registry

    if name is None:
        names = registry.names()
        width = max(map(len, names), default=0)
        emit("\n".join(f"{known:{width}}  {registry.describe(known).help}" for known in names))
        return
    found = registry.describe(name)
    emit("\n".join([f"{found.name}: {found.help}", *(f"  {o.name} (default {o.default})" for o in found.options)]))
