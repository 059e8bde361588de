"""Tuples that are made only to be taken apart, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.passes.base import Context, Pass


@dataclass(frozen=True, slots=True)
class TupleSimplifier(Pass):
    """Removes get-tuple-element of a tuple, and tuples that only rebuild another."""

    exclude_entry_computation: bool = False

    def run(self, module: Module, ctx: Context) -> bool:
        """One walk over each computation, operands first."""
        simplified = 0
        for computation in module:
            if not (self.exclude_entry_computation and computation is module.entry):
                simplified += _simplify(computation)
        ctx.count("simplified", simplified)
        return simplified > 0


def _simplify(computation: Computation) -> int:
    replaced: list[Instruction] = []
    for inst in computation.order():
        new = _element(inst) if inst.op.name == "get-tuple-element" else _whole(inst)
        if new is not None and inst.sharding == new.sharding:
            computation.replace(inst, new)
            replaced.append(inst)
    erase_dead(replaced)
    return len(replaced)


def _element(inst: Instruction) -> Instruction | None:
    """What stands at the place of the tuple that `inst` reads."""
    source = inst.operands[0]
    return source.operands[inst.attrs.index] if source.op.name == "tuple" else None


def _whole(inst: Instruction) -> Instruction | None:
    """The tuple whose elements `inst`, a tuple, lists completely and in order."""
    if inst.op.name != "tuple" or not inst.operands:
        return None
    first = inst.operands[0]
    whole = first.operands[0] if first.op.name == "get-tuple-element" else None
    if whole is None or whole.shape is not inst.shape:
        return None
    for index, x in enumerate(inst.operands):
        if x.op.name != "get-tuple-element" or x.operands[0] is not whole or x.attrs.index != index:
            return None
    return whole
