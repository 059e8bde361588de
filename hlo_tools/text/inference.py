"""Shapes that the text leaves out: what the op infers, with the layouts that XLA's `ShapeInference` gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.layout import layout, row_major
from hlo_tools.ir.op import Op, Trait
from hlo_tools.ir.shape import Shape, tuple_of

Operands = tuple[Instruction, ...]


def inferred_shape(op: Op[Any], record: Any, operands: Operands) -> Shape:
    """The shape of a result that the text does not give. Raises what `op.shape` raises."""
    bare = op.shape(record, *[x.shape for x in operands])
    known = _LAYOUTS.get(op.name)
    if known is not None:
        return known(record, operands, bare)
    if not operands:
        return bare
    first = operands[0].shape
    if first.bare is bare:
        return first
    if Trait.ELEMENTWISE in op.traits and bare.is_array and bare.rank == first.rank:
        return bare.with_layout(first.layout)
    return bare


def _tuple(record: Any, operands: Operands, bare: Shape) -> Shape:
    return tuple_of(tuple(x.shape for x in operands))


def _element(record: Any, operands: Operands, bare: Shape) -> Shape:
    index: int = record.index
    return operands[0].shape.elements[index]


def _transpose(record: Any, operands: Operands, bare: Shape) -> Shape:
    given = operands[0].shape.layout or row_major(bare.rank)
    place = {dimension: i for i, dimension in enumerate(record.dimensions)}
    return bare.with_layout(layout(tuple(place[d] for d in given.minor_to_major)))


def _as_first(record: Any, operands: Operands, bare: Shape) -> Shape:
    return bare.with_layout(operands[0].shape.layout)


_LAYOUTS: dict[str, Callable[[Any, Operands, Shape], Shape]] = {
    "tuple": _tuple,
    "get-tuple-element": _element,
    "transpose": _transpose,
    "pad": _as_first,
}
