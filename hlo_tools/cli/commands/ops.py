"""`hlo ops`: the instructions of HLO."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hlo_tools.cli.session import emit
from hlo_tools.support.diagnostic import UsageError

if TYPE_CHECKING:
    from hlo_tools.ir.op import Op

PANEL = "Reference"
EXAMPLES = (
    ("hlo ops", "List all opcodes."),
    ("hlo ops pad", "Say what pad takes and what it is in StableHLO."),
)


def _complete(incomplete: str) -> list[str]:
    from hlo_tools.ops import OPS

    return [name for name in OPS if name.startswith(incomplete)]


def command(
    name: Annotated[str | None, typer.Argument(metavar="OPCODE", help="one opcode", autocompletion=_complete)] = None,
) -> None:
    """List the opcodes, or describe one."""
    from hlo_tools.ops import OPS

    if name is None:
        emit("\n".join(OPS))
    elif name in OPS:
        emit(_describe(OPS[name]))
    else:
        raise UsageError.at("HLO6010", f"HLO has no opcode '{name}'; `hlo ops` lists them")


def _describe(op: Op[Any]) -> str:
    takes = "any number of operands" if op.arity is None else f"{op.arity} operand{'s' * (op.arity != 1)}"
    traits = [trait.name.lower().replace("_", " ") for trait in op.traits if trait.name]
    attributes = [field.name for field in fields(op.Attrs)]
    lines = [f"{op.name}: {takes}"]
    if type(op).__doc__:
        lines.append(inspect.getdoc(op) or "")
    if attributes:
        lines.append(f"attributes: {', '.join(attributes)}")
    if traits:
        lines.append(f"traits: {', '.join(traits)}")
    lines.append(f"StableHLO: {op.stablehlo or 'none'}")
    return "\n".join(lines)
