"""Shardy: what programs say about sharding stays as XLA keeps it, in frontend attributes, until a pass uses it."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops.custom import CustomCallAttrs, custom_call
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.annotations import per_value, with_shardy
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Angles, Operation, Struct


def _constraint(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """An identity under the name that XLA's passes know."""
    (x,) = scope.operands(op, 1)
    sharding = scope.attribute(op, "sharding")
    if not isinstance(sharding, Angles | Struct):
        raise Malformed("expected a sharding", code="HLO1505")
    inst = scope.add(custom_call, [x], CustomCallAttrs(custom_call_target="Sharding"), scope.result_shape(op))
    with_shardy(inst, per_value([sharding]))
    return [inst]


SHARDING: dict[str, Builder] = {
    "sdy.sharding_constraint": _constraint,
    "sdy.reshard": _constraint,
}
