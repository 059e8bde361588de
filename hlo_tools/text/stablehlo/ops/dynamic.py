"""Ops that take shapes as operands: the static op where the result is static after all, else a custom call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hlo_tools.ir.element import S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import array
from hlo_tools.ops.dynamic import dynamic_reshape
from hlo_tools.ops.shapes import ReshapeAttrs, reshape
from hlo_tools.ops.structure import IotaAttrs, constant, iota
from hlo_tools.text.stablehlo.attributes import integer
from hlo_tools.text.stablehlo.body import EMIT, Body, Value, twin
from hlo_tools.text.stablehlo.ops.opaque import opaque
from hlo_tools.text.stablehlo.ops.regions import gather_of
from hlo_tools.text.stablehlo.ops.rows import dims
from hlo_tools.text.stablehlo.ops.shapes import broadcast_in_dim
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.spelling import number
from hlo_tools.text.stablehlo.syntax import Operation

_opaque = opaque(side_effect=False)
_BROADCAST_DIMENSIONS = dims("broadcast_dimensions")


def _when_static(static: Builder) -> Builder:
    """`static` where operand 0 and the result have static shapes: then the operands that give shapes say nothing."""

    def build(scope: Scope, op: Operation) -> Sequence[Instruction]:
        known = scope.result_shape(op).is_static and all(x.shape.is_static for x in scope.operands(op)[:1])
        return static(scope, op) if known else _opaque(scope, op)

    return build


def _broadcast(scope: Scope, op: Operation) -> Sequence[Instruction]:
    x, _ = scope.operands(op, 2)
    return [broadcast_in_dim(scope, x, _BROADCAST_DIMENSIONS.read(scope, op), scope.result_shape(op))]


def _iota(scope: Scope, op: Operation) -> Sequence[Instruction]:
    at = IotaAttrs(integer(scope.attribute(op, "iota_dimension")))
    return [scope.add(iota, (), at, scope.result_shape(op))]


def _reshape(scope: Scope, op: Operation) -> Sequence[Instruction]:
    x, _ = scope.operands(op, 2)
    return [scope.add(reshape, [x], ReshapeAttrs(), scope.result_shape(op))]


def _dynamic_gather(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """A gather where the sizes of the slices are a constant."""
    operands = scope.operands(op, 3)
    sizes = operands[2]
    if sizes.op is not constant or not scope.result_shape(op).is_static:
        return _opaque(scope, op)
    given = {**op.attributes, "slice_sizes": tuple(int(n) for n in sizes.attrs.value.array.reshape(-1))}
    return gather_of(scope, replace(op, operands=op.operands[:2], attributes=given, operand_types=()))


@EMIT(dynamic_reshape)
def _emit_dynamic_reshape(body: Body, inst: Instruction) -> Value:
    """The sizes, which HLO has as scalars, are joined to a vector."""
    value, *sizes = body.operands(inst)
    rows = [body.emit("stablehlo.reshape", [n], [array(S32, (1,))])[0] for n in sizes]
    vector = array(S32, (len(rows),))
    (shape,) = body.emit("stablehlo.concatenate", rows, [vector], {"dimension": number(0)})
    return body.results(inst, twin(inst.op), [value, shape])


DYNAMIC: dict[str, Builder] = {
    "stablehlo.dynamic_broadcast_in_dim": _when_static(_broadcast),
    "stablehlo.dynamic_conv": _opaque,
    "stablehlo.dynamic_gather": _dynamic_gather,
    "stablehlo.dynamic_iota": _when_static(_iota),
    "stablehlo.dynamic_pad": _opaque,
    "stablehlo.dynamic_reshape": _when_static(_reshape),
    "stablehlo.real_dynamic_slice": _opaque,
}
