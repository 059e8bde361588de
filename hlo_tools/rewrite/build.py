"""What expanding passes build from: shapes in the style of a neighbour, reducers, sums, conversions, loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hlo_tools.ir.attributes import ComparisonDirection, Dims
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import S32, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Op
from hlo_tools.ir.shape import Shape, array, scalar, tuple_of, with_default_layout
from hlo_tools.ops.compare import CompareAttrs, compare
from hlo_tools.ops.control import WhileAttrs, while_
from hlo_tools.ops.conversion import convert
from hlo_tools.ops.elementwise import add
from hlo_tools.ops.reduce import ReduceAttrs, reduce
from hlo_tools.ops.shapes import DimensionsAttrs, broadcast
from hlo_tools.ops.structure import GetTupleElementAttrs, ParameterAttrs, get_tuple_element, parameter, tuple_
from hlo_tools.rewrite.constants import splat


def shaped_like(like: Shape, element: ElementType, dims: tuple[int, ...]) -> Shape:
    """An array of these sizes: row-major said outright if `like` has a layout, left open if it has none."""
    shape = array(element, dims)
    return with_default_layout(shape) if like.layout is not None else shape


def combiner(home: Computation, op: Op[Any], element: ElementType) -> Computation:
    """A new computation that applies a binary op to two scalars."""
    module = home.module
    assert module is not None
    made = module.add_computation(f"{op.name}_{element.name}")
    x, y = (made.add(parameter, (), ParameterAttrs(n), scalar(element), name) for n, name in enumerate("xy"))
    made.root = made.add(op, (x, y))
    return made


def converted(x: Instruction, element: ElementType) -> Instruction:
    """`x` as another element type; `x` itself where it is that already."""
    if x.shape.element is element:
        return x
    return x.parent.add(convert, (x,), shape=x.shape.with_element(element), like=x)


def spread(x: Instruction, dimensions: Sequence[int], shape: Shape) -> Instruction:
    """`x` broadcast to `shape`, its dimensions standing at `dimensions` there."""
    return x.parent.add(broadcast, (x,), DimensionsAttrs(Dims(tuple(dimensions))), shape, like=x)


def summed(x: Instruction, dimensions: Sequence[int]) -> Instruction:
    """The sum of `x` over some dimensions."""
    element = x.shape.element
    kept = tuple(n for d, n in enumerate(x.shape.dims) if d not in dimensions)
    attrs = ReduceAttrs(Dims(tuple(dimensions)), Callee(combiner(x.parent, add, element)))
    zero = splat(x.parent, 0, scalar(element))
    return x.parent.add(reduce, (x, zero), attrs, shaped_like(x.shape, element, kept), like=x)


def whole_number(home: Computation, value: int, element: ElementType = S32) -> Instruction:
    """A constant integer."""
    return splat(home, value, scalar(element))


def element_of(x: Instruction, index: int) -> Instruction:
    """get-tuple-element."""
    return x.parent.add(get_tuple_element, (x,), GetTupleElementAttrs(index), x.shape.elements[index], like=x)


Round = Callable[[Computation, Instruction, list[Instruction]], list[Instruction]]
"""Adds one round of a loop to a computation: from the number of the round, an s32, and the state to the next state."""


def counted_loop(home: Computation, rounds: int, state: Sequence[Instruction], step: Round) -> list[Instruction]:
    """A while loop of a known number of rounds; gives the state after the last one."""
    module = home.module
    assert module is not None
    parts = (whole_number(home, 0), *state)
    start = home.add(tuple_, parts, shape=tuple_of(tuple(x.shape for x in parts)))
    condition, body = module.add_computation("loop_condition"), module.add_computation("loop_body")
    known = condition.add(parameter, (), ParameterAttrs(0), start.shape, "state")
    limit = whole_number(condition, rounds)
    condition.root = condition.add(compare, (element_of(known, 0), limit), CompareAttrs(ComparisonDirection.LT))
    known = body.add(parameter, (), ParameterAttrs(0), start.shape, "state")
    number, *now = (element_of(known, i) for i in range(len(state) + 1))
    after = body.add(add, (number, whole_number(body, 1)))
    body.root = body.add(tuple_, (after, *step(body, number, now)), shape=start.shape)
    attrs = WhileAttrs(condition=Callee(condition), body=Callee(body))
    loop = home.add(while_, (start,), attrs, start.shape)
    return [element_of(loop, i + 1) for i in range(len(state))]
