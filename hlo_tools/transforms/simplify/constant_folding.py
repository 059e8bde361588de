"""Constant folding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hlo_tools.analysis.effects import erase_dead, has_side_effect, is_deterministic
from hlo_tools.interpreter.run import Limits, Machine
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import NotYet, Trait
from hlo_tools.ops.endless import EndlessLoop
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.passes.base import Context, Pass
from hlo_tools.support.diagnostic import LimitError

_KEPT = frozenset(
    {
        "after-all", "broadcast", "call", "conditional", "constant", "copy", "custom-call", "domain", "fusion", "iota",
        "opt-barrier", "parameter", "tuple", "while",
    }
)  # fmt: skip
"""Ops that stay although their operands are constants: cheap to keep (broadcast, iota), or not a value's own work."""

_FREE_GROWTH = 64
"""A result of so many elements may be larger than the constants that it is made of."""


@dataclass(frozen=True, slots=True)
class ConstantFolding(Pass):
    """Evaluates instructions whose operands are constants.

    max_elements  of the result, and of each operand; larger arrays stay as they are computed
    max_steps     instructions evaluated for one folded instruction
    """

    name: ClassVar[str] = "constant_folding"
    max_elements: int = 1 << 20
    max_steps: int = 1 << 20

    def run(self, module: Module, ctx: Context) -> bool:
        """One walk over each computation, operands first; a broadcast of a small constant counts as one."""
        folded = 0
        with np.errstate(all="ignore"):
            for computation in module:
                values: dict[Instruction, Any] = {}
                dead: list[Instruction] = []
                for inst in computation.order():
                    value = self._value(inst, values, module)
                    if value is None:
                        continue
                    values[inst] = value
                    if inst.op.name not in _KEPT:
                        made = Literal(inst.shape, np.ascontiguousarray(value).reshape(inst.shape.dims))
                        new = computation.add(constant, (), ConstantAttrs(made), inst.shape, like=inst)
                        computation.replace(inst, new)
                        dead.append(inst)
                erase_dead(dead)
                folded += len(dead)
        ctx.count("folded", folded)
        return folded > 0

    def _value(self, inst: Instruction, values: Mapping[Instruction, Any], module: Module) -> Any:
        """The array that `inst` always is, None when that is unknown or too much work."""
        if inst.op is constant:
            literal = inst.attrs.value
            known = inst.shape.is_array and not literal.is_elided and inst.shape.size <= self.max_elements
            return literal.array if known else None
        if not inst.operands or any(x not in values for x in inst.operands) or not self._may_fold(inst):
            return None
        machine = Machine(module, Limits(steps=self.max_steps))
        try:
            return np.asarray(inst.op.evaluate(machine, inst, *[values[x] for x in inst.operands]))
        except (NotYet, LimitError, EndlessLoop):
            return None

    def _may_fold(self, inst: Instruction) -> bool:
        if not inst.shape.is_array or not inst.shape.is_static or inst.extras.control_predecessors:
            return False
        if inst.op.name in _KEPT and not (inst.op.name == "broadcast" and inst.shape.size <= _FREE_GROWTH):
            return False
        if inst.shape.size > max(_FREE_GROWTH, *(x.shape.size for x in inst.operands)):
            return False
        if inst.op.cost(inst).flops > 16 * self.max_elements or Trait.COLLECTIVE in inst.op.traits:
            return False
        return not has_side_effect(inst) and is_deterministic(inst)
