"""Quantized programs: integers of the storage type, with what the scales say spelled out.

A quantized value is the array of its integers. Ops that only move elements or pass values on work on those; the others
as the specification defines them: dequantize, compute in the expressed type, quantize.
Source: StableHLO spec, sections Quantized types, `uniform_quantize`, `uniform_dequantize`, `dequantize_op_quantize`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlo_tools.ir.attributes import Dims
from hlo_tools.ir.element import ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.shape import Shape, array, with_default_layout
from hlo_tools.ops.compare import clamp
from hlo_tools.ops.conversion import convert
from hlo_tools.ops.elementwise import add, divide, multiply, round_nearest_even, subtract
from hlo_tools.ops.shapes import DimensionsAttrs, broadcast
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.quantization import Quantization, quantization_of
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Operation
from hlo_tools.text.stablehlo.types import element_type

_MOVES = frozenset(
    {"broadcast_in_dim", "concatenate", "constant", "dynamic_broadcast_in_dim", "dynamic_gather", "dynamic_iota",
     "dynamic_pad", "dynamic_reshape", "dynamic_slice", "dynamic_update_slice", "gather", "get_dimension_size",
     "get_tuple_element", "optimization_barrier", "pad", "real_dynamic_slice", "reshape", "reverse", "select",
     "set_dimension_size", "slice", "transpose", "tuple", "bitcast_convert", "custom_call", "composite", "call"}
)  # fmt: skip
"""Ops that leave elements as they are: they work on the integers."""


def lowered(build: Builder, op: Operation) -> Builder:
    """The builder for an op with quantized operands or results, given that for other ones."""
    short = op.name.partition(".")[2]
    if op.name in UNIFORM or short in _MOVES or op.regions or op.name.startswith(("check.", "interpreter.", "func.")):
        return build

    def computed(scope: Scope, op: Operation) -> Sequence[Instruction]:
        names: list[str] = []
        operands = scope.operands(op)
        for i, (name, x) in enumerate(zip(op.operands, operands, strict=True)):
            q = scope.quantization(name)
            made = x if q is None else dequantize(scope, x, q)
            names.append(f"{name}.float{i}")
            scope.values[names[i]] = made
        outputs = [quantization_of(t) for t in op.result_types]
        floats = [
            t if q is None else t.replace(q.text, q.expressed) for t, q in zip(op.result_types, outputs, strict=True)
        ]
        plain = Operation(op.name, tuple(names), op.attributes, (), tuple(floats), at=op.at)
        results = build(scope, plain)
        return [y if q is None else quantize(scope, y, q) for y, q in zip(results, outputs, strict=True)]

    return computed


def _convert(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """`uniform_quantize` (of floats, or from other parameters) and `uniform_dequantize`."""
    (x,) = scope.operands(op, 1)
    source = scope.quantization(op.operands[0])
    value = x if source is None else dequantize(scope, x, source)
    target = quantization_of(op.result_types[0])
    return [value if target is None else quantize(scope, value, target)]


def dequantize(scope: Scope, x: Instruction, q: Quantization) -> Instruction:
    """`(x - zero_point) * scale` in the expressed type."""
    expressed = element_type(q.expressed)
    floats = _shape(x, expressed)
    made = scope.add(convert, [x], shape=floats)
    if any(q.zero_points):
        made = scope.add(subtract, [made, _parameters(scope, q.zero_points, q, floats)], shape=floats)
    return scope.add(multiply, [made, _parameters(scope, q.scales, q, floats)], shape=floats)


def quantize(scope: Scope, x: Instruction, q: Quantization) -> Instruction:
    """`x / scale + zero_point`, rounded to the nearest even, in the range of the storage type."""
    floats = x.shape
    made = scope.add(divide, [x, _parameters(scope, q.scales, q, floats)], shape=floats)
    made = scope.add(round_nearest_even, [made], shape=floats)
    if any(q.zero_points):
        made = scope.add(add, [made, _parameters(scope, q.zero_points, q, floats)], shape=floats)
    low, high = (_scalar(scope, n, floats.element) for n in (q.low, q.high))
    made = scope.add(clamp, [low, made, high], shape=floats)
    return scope.add(convert, [made], shape=_shape(x, element_type(q.storage)))


def _shape(x: Instruction, element: ElementType) -> Shape:
    return with_default_layout(array(element, x.shape.dims, None, x.shape.dynamic))


def _scalar(scope: Scope, value: float, element: ElementType) -> Instruction:
    shape = with_default_layout(array(element, ()))
    return scope.add(constant, (), ConstantAttrs(Literal(shape, np.array(value).astype(element.dtype))), shape)


def _parameters(scope: Scope, values: Sequence[float], q: Quantization, shape: Shape) -> Instruction:
    """Scales or zero points in every place of an array: one for all, or one for each index of the axis."""
    if q.axis is None or len(values) == 1:
        one = _scalar(scope, values[0], shape.element)
        return scope.add(broadcast, [one], DimensionsAttrs(Dims(())), shape) if shape.rank else one
    if q.axis >= shape.rank:
        raise Malformed(f"quantization axis {q.axis} of {shape.bare}", code="HLO1504")
    row = with_default_layout(array(shape.element, (len(values),)))
    literal = Literal(row, np.array(values).astype(shape.element.dtype))
    line = scope.add(constant, (), ConstantAttrs(literal), row)
    return scope.add(broadcast, [line], DimensionsAttrs(Dims((q.axis,))), shape)


UNIFORM: dict[str, Builder] = {"stablehlo.uniform_quantize": _convert, "stablehlo.uniform_dequantize": _convert}
