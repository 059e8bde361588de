"""Ops that HLO lacks: custom calls under their own name, as XLA keeps those of dynamic shape.

`check.*` ops have no result and count as side effects. Their attributes, and constants among them, become text in the
backend config, in the way of MLIR.
"""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.ir.attributes import CustomCallApiVersion, Json
from hlo_tools.ir.instruction import Extras, Instruction
from hlo_tools.ir.shape import tuple_of
from hlo_tools.ops.custom import CustomCallAttrs, custom_call
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.text.stablehlo.attributes import literal, text_of
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Dense, Operation


def _opaque(side_effect: bool) -> Builder:
    def build(scope: Scope, op: Operation) -> Sequence[Instruction]:
        operands = scope.operands(op)
        value = scope.optional(op, "value")
        if isinstance(value, Dense):
            shape = scope.shape(op, value.type)
            at = ConstantAttrs(literal(value, shape, scope.importer.resources))
            operands.append(scope.add(constant, (), at, shape))
        shapes = scope.result_shapes(op)
        attrs = CustomCallAttrs(
            custom_call_target=op.name,
            custom_call_has_side_effect=side_effect,
            api_version=CustomCallApiVersion.TYPED_FFI if op.attributes else CustomCallApiVersion.ORIGINAL,
        )
        shape = shapes[0] if len(shapes) == 1 else tuple_of(tuple(shapes))
        inst = scope.add(custom_call, operands, attrs, shape)
        kept = {k: v for k, v in op.attributes.items() if not (k == "value" and isinstance(value, Dense))}
        if kept:
            config = Json(text_of(kept))
            inst.extras = Extras(frontend_attributes=inst.extras.frontend_attributes, backend_config=config)
        return [inst] if len(shapes) == 1 else scope.parts(inst)

    return build


OPAQUE: dict[str, Builder] = {
    **dict.fromkeys(
        (
            "stablehlo.dynamic_broadcast_in_dim",
            "stablehlo.dynamic_conv",
            "stablehlo.dynamic_gather",
            "stablehlo.dynamic_iota",
            "stablehlo.dynamic_pad",
            "stablehlo.dynamic_reshape",
            "stablehlo.real_dynamic_slice",
            "interpreter.probe",
        ),
        _opaque(False),
    ),
    **dict.fromkeys(
        (
            "check.expect_almost_eq",
            "check.expect_almost_eq_const",
            "check.expect_close",
            "check.expect_eq",
            "check.expect_eq_const",
            "check.expect_serialized_eq",
            "interpreter.print",
        ),
        _opaque(True),
    ),
}
