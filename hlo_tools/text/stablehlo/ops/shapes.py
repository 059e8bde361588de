"""Constants and ops that move elements: broadcasts, reshapes, slices, padding."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.ir.attributes import Dims, Padding, PaddingDim, SliceDim, SliceDims
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.shape import Shape, array, scalar, with_default_layout
from hlo_tools.ops.shapes import DimensionsAttrs, ReshapeAttrs, broadcast, concatenate, reshape, reverse, transpose
from hlo_tools.ops.slicing import (
    DynamicSliceAttrs,
    PadAttrs,
    SliceAttrs,
    dynamic_slice,
    dynamic_update_slice,
    pad,
    slice_,
)
from hlo_tools.ops.structure import ConstantAttrs, constant, iota
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.attributes import integer, integers, literal
from hlo_tools.text.stablehlo.ops.rows import From, dims, row
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Dense, Operation


def _constant(scope: Scope, op: Operation) -> Sequence[Instruction]:
    value = scope.attribute(op, "value")
    if not isinstance(value, Dense):
        raise Malformed("expected dense elements", code="HLO1505")
    shape = scope.shape(op, op.result_types[0] if op.result_types else value.type)
    if shape.is_array and shape.dynamic:
        shape = scope.shape(op, value.type)
    return [dense_constant(scope, value, shape)]


def dense_constant(scope: Scope, value: Dense, shape: Shape) -> Instruction:
    """The constant with the elements of `value`; one number for all of them is broadcast."""
    made = literal(value, shape, scope.importer.resources)
    if shape.size > 1 and made.is_splat:
        one = scope.add(constant, (), ConstantAttrs(splat_element(made)), scalar(shape.element))
        return scope.add(broadcast, [one], DimensionsAttrs(Dims(())), shape)
    return scope.add(constant, (), ConstantAttrs(made), shape)


def splat_element(value: Literal) -> Literal:
    """The scalar that fills a literal: XLA, too, keeps an array of equal elements as a broadcast scalar."""
    return Literal(scalar(value.shape.element), value.array.reshape(-1)[:1].reshape(()))


def broadcast_in_dim(scope: Scope, x: Instruction, dimensions: Sequence[int], result: Shape) -> Instruction:
    """The steps that XLA's builder takes: dimensions of size 1 that grow are reshaped away and broadcast again."""
    if len(dimensions) != x.shape.rank or any(not 0 <= d < result.rank for d in dimensions):
        raise Malformed(f"broadcast_dimensions do not fit {x.shape.bare} and {result.bare}", code="HLO1505")
    sizes = list(result.dims)
    for d, n in zip(dimensions, x.shape.dims, strict=True):
        sizes[d] = n
    middle = with_default_layout(array(result.element, tuple(sizes), None, result.dynamic))
    first = scope.add(broadcast, [x], DimensionsAttrs(Dims(tuple(dimensions))), middle)
    if middle is result:
        return first
    kept = [d for d, n in enumerate(result.dims) if sizes[d] == n]
    if any(sizes[d] not in (1, n) for d, n in enumerate(result.dims)):
        raise Malformed(f"{x.shape.bare} does not broadcast to {result.bare}", code="HLO1504")
    small = with_default_layout(array(result.element, tuple([sizes[d] for d in kept])))
    squeezed = scope.add(reshape, [first], ReshapeAttrs(), small)
    return scope.add(broadcast, [squeezed], DimensionsAttrs(Dims(tuple(kept))), result)


def _broadcast_in_dim(scope: Scope, op: Operation) -> Sequence[Instruction]:
    (x,) = scope.operands(op, 1)
    return [broadcast_in_dim(scope, x, _BROADCAST_DIMENSIONS.read(scope, op), scope.result_shape(op))]


_BROADCAST_DIMENSIONS = dims("broadcast_dimensions")


def _broadcast(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """New dimensions go in front."""
    (x,) = scope.operands(op, 1)
    result = scope.result_shape(op)
    front = result.rank - x.shape.rank
    return [scope.add(broadcast, [x], DimensionsAttrs(Dims(tuple(range(front, result.rank)))), result)]


def _columns(scope: Scope, op: Operation, *names: str) -> list[tuple[int, ...]]:
    """Rows of the values that several attributes give for each dimension."""
    found = [integers(scope.attribute(op, name)) for name in names]
    if len({len(f) for f in found}) != 1:
        raise Malformed(f"{', '.join(names)} have different lengths", code="HLO1505")
    return list(zip(*found, strict=True))


def _slice(scope: Scope, op: Operation) -> Sequence[Instruction]:
    rows = _columns(scope, op, "start_indices", "limit_indices", "strides")
    at = SliceAttrs(SliceDims(tuple([SliceDim(*r) for r in rows])))
    return [scope.add(slice_, scope.operands(op), at, scope.result_shape(op))]


def _pad(scope: Scope, op: Operation) -> Sequence[Instruction]:
    rows = _columns(scope, op, "edge_padding_low", "edge_padding_high", "interior_padding")
    at = PadAttrs(Padding(tuple([PaddingDim(*r) for r in rows])))
    return [scope.add(pad, scope.operands(op), at, scope.result_shape(op))]


def _dynamic_slice(scope: Scope, op: Operation) -> Sequence[Instruction]:
    sizes = Dims(integers(scope.attribute(op, "slice_sizes")))
    return [scope.add(dynamic_slice, scope.operands(op), DynamicSliceAttrs(sizes), scope.result_shape(op))]


SHAPES: dict[str, Builder] = {
    "arith.constant": _constant,
    "stablehlo.constant": _constant,
    "stablehlo.iota": row(iota, iota_dimension=From("iota_dimension", integer)),
    "stablehlo.broadcast": _broadcast,
    "stablehlo.broadcast_in_dim": _broadcast_in_dim,
    "stablehlo.reshape": row(reshape),
    "stablehlo.transpose": row(transpose, dimensions=dims("permutation")),
    "stablehlo.reverse": row(reverse, dimensions=dims("dimensions")),
    "stablehlo.concatenate": row(concatenate, dimensions=From("dimension", lambda v: Dims((integer(v),)))),
    "stablehlo.slice": _slice,
    "stablehlo.pad": _pad,
    "stablehlo.dynamic_slice": _dynamic_slice,
    "stablehlo.dynamic_update_slice": row(dynamic_update_slice),
}
