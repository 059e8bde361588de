"""The logistic function in other words."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops import elementwise as e
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.constants import splat


@dataclass(frozen=True, slots=True)
class LogisticExpander(Pass):
    """Writes logistic(x) as 1 / (1 + exp(-x))."""

    def run(self, module: Module, ctx: Context) -> bool:
        """Each one on its own."""
        found = [inst for inst in module.instructions() if inst.op is e.logistic]
        for inst in found:
            supersede(inst, _expanded(inst))
        ctx.count("expanded", len(found))
        return bool(found)


def _expanded(inst: Instruction) -> Instruction:
    home, shape = inst.parent, inst.shape
    negated = home.add(e.negate, inst.operands, shape=shape, like=inst)
    power = home.add(e.exponential, (negated,), shape=shape, like=inst)
    one = splat(home, 1, shape)
    total = home.add(e.add, (one, power), shape=shape, like=inst)
    return home.add(e.divide, (one, total), shape=shape, like=inst)
