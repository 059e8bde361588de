"""Ops in wider types."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.element import F32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops.linalg import cholesky, triangular_solve
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import converted


@dataclass(frozen=True, slots=True)
class ChangeOpDataType(Pass):
    """Computes cholesky and triangular-solve of floats narrower than f32 in f32, and rounds once."""

    def run(self, module: Module, ctx: Context) -> bool:
        """Each op on its own."""
        found = [i for i in module.instructions() if i.op in (cholesky, triangular_solve) and _is_narrow(i)]
        for inst in found:
            supersede(inst, _widened(inst))
        ctx.count("widened", len(found))
        return bool(found)


def _is_narrow(inst: Instruction) -> bool:
    element = inst.shape.element
    return element.is_float and element.bits < F32.bits


def _widened(inst: Instruction) -> Instruction:
    home, operands = inst.parent, [converted(x, F32) for x in inst.operands]
    made = home.add(inst.op, operands, inst.attrs, inst.shape.with_element(F32), inst.name, like=inst)
    return converted(made, inst.shape.element)
