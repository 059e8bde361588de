"""Shapes that the text leaves out: what the op infers, with the layouts that XLA's `ShapeInference` gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.layout import layout, row_major
from hlo_tools.ir.op import Op, ShapeError, Trait
from hlo_tools.ir.shape import TOKEN_SHAPE, Shape, array, in_one_precision, tuple_of

Operands = tuple[Instruction, ...]


def made_shape(opcode: str, operands: Operands) -> Shape | None:
    """The shape that XLA gives the result of this op whatever the text says; None for most ops."""
    rule = MADE.get(opcode)
    try:
        return None if rule is None else rule(operands)
    except IndexError:  # what is wrong with the operands is for the verifier to say
        return None


def inferred_shape(op: Op[Any], record: Any, operands: Operands) -> Shape:
    """The shape of a result that the text does not give. Raises what `op.shape` raises."""
    made = made_shape(op.name, operands)
    if made is not None:
        return made
    if op.name == "broadcast" and len(operands) == 1:  # XLA takes the dimensions for the sizes to put in front
        first = operands[0].shape
        return array(first.element, (*record.dimensions, *first.dims))
    bare = _bare_shape(op, record, [x.shape for x in operands])
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


def _bare_shape(op: Op[Any], record: Any, xs: list[Shape]) -> Shape:
    """What the op infers; XLA does so for floats of different precisions, too, and leaves them to the verifier."""
    try:
        return op.shape(record, *xs)
    except ShapeError:
        alike = in_one_precision(xs)
        if alike == [x.bare for x in xs]:
            raise
        bare = op.shape(record, *alike)
        # the elements of a window become that of the initial value
        return array(xs[-1].element, bare.dims) if op.name == "reduce-window" and bare.is_array else bare


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


def _first(operands: Operands) -> Shape:
    return operands[0].shape


def _token(operands: Operands) -> Shape:
    return TOKEN_SHAPE


def _received(operands: Operands) -> Shape:
    return tuple_of((operands[0].shape.elements[0], TOKEN_SHAPE))


MADE: dict[str, Callable[[Operands], Shape]] = {
    "add-dependency": _first,
    "after-all": _token,
    "outfeed": _token,
    "recv-done": _received,
    "send-done": _token,
}
"""Ops whose results XLA's parser gives shapes of its own, without a look at what is declared."""

_LAYOUTS: dict[str, Callable[[Any, Operands, Shape], Shape]] = {
    "tuple": _tuple,
    "get-tuple-element": _element,
    "transpose": _transpose,
    "pad": _as_first,
}
