"""Arrays without elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hlo_tools.analysis.effects import erase_dead, has_side_effect
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.passes.base import Context, Pass


@dataclass(frozen=True, slots=True)
class ZeroSizedHloElimination(Pass):
    """Replaces arrays without elements by constants, whatever would compute them."""

    name: ClassVar[str] = "zero_sized_hlo_elimination"

    def run(self, module: Module, ctx: Context) -> bool:
        """Only arrays of static shape: a dynamic size of 0 may be a bound."""
        replaced = 0
        for computation in module:
            dead = []
            for inst in computation:
                shape = inst.shape
                if inst.op.inline is not None or not shape.is_array or not shape.is_static or shape.size:
                    continue
                if has_side_effect(inst) or inst.extras.control_predecessors:
                    continue
                empty = Literal(shape, np.empty(shape.dims, shape.element.dtype))
                computation.replace(inst, computation.add(constant, (), ConstantAttrs(empty), shape, like=inst))
                dead.append(inst)
            erase_dead(dead)
            replaced += len(dead)
        ctx.count("replaced", replaced)
        return replaced > 0
