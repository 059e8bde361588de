"""Transposes that a dot can do while it reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.attributes import Dims
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops.dot import DotAttrs, dot, free_dims
from hlo_tools.ops.shapes import transpose
from hlo_tools.passes.base import Context, Pass

_SIDES = (("lhs_batch_dims", "lhs_contracting_dims"), ("rhs_batch_dims", "rhs_contracting_dims"))


@dataclass(frozen=True, slots=True)
class TransposeFolding(Pass):
    """Lets dots read what was transposed for them, with other dimension numbers.

    The free dimensions must keep their order, since the result has them in it, and neighbours in memory must not
    belong to different batches.
    """

    def run(self, module: Module, ctx: Context) -> bool:
        """Each operand of each dot on its own."""
        folded = 0
        for computation in module:
            dead: list[Instruction] = []
            for inst in computation:
                if inst.op is not dot:
                    continue
                for number in (0, 1):
                    x = inst.operands[number]
                    if x.op is transpose and (attrs := _folded(inst, number)) is not None:
                        inst.attrs = attrs
                        computation.set_operand(inst, number, x.operands[0])
                        dead.append(x)
            erase_dead(dead)
            folded += len(dead)
        ctx.count("transposes", folded)
        return folded > 0


def _folded(inst: Instruction, number: int) -> DotAttrs | None:
    """The attributes of a dot that reads the operand of the transpose; None when it may not."""
    x = inst.operands[number]
    order: tuple[int, ...] = x.attrs.dimensions
    at: DotAttrs = inst.attrs
    batch_name, summed_name = _SIDES[number]
    batch, summed = getattr(at, batch_name), getattr(at, summed_name)
    free = [order[d] for d in free_dims(len(order), batch, summed)]
    new: dict[str, Any] = {name: Dims(tuple(order[d] for d in getattr(at, name))) for name in _SIDES[number]}
    inner = x.operands[0].shape
    if free != sorted(free) or inner.order[-1:] == tuple(d for d in new[batch_name] if d == inner.order[-1]):
        return None
    return replace(at, **new)
