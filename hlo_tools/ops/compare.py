"""Ops that ask and choose: compare, select, clamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import ComparisonDirection, ComparisonType, NoAttrs, attr
from hlo_tools.ir.element import PRED, ElementType, Kind, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import arithmetic
from hlo_tools.ops.numerics import Array, same_extent, total_order_key
from hlo_tools.ops.rules import (
    made,
    merged_dynamic,
    need,
    need_array,
    need_kind,
    need_same_dims,
    need_same_element,
)


@dataclass(frozen=True, slots=True)
class CompareAttrs:
    """What is asked, and how values are ordered where that is not the usual way of their type."""

    direction: ComparisonDirection
    type: ComparisonType | None = attr(None)


def usual_order(element: ElementType) -> ComparisonType:
    """How `compare` orders a type when nothing is said."""
    if element.kind in Kind.FLOAT | Kind.COMPLEX:
        return ComparisonType.FLOAT
    return ComparisonType.SIGNED if element.is_signed else ComparisonType.UNSIGNED


_FUNCTIONS: dict[ComparisonDirection, Callable[..., Any]] = {
    ComparisonDirection.EQ: np.equal,
    ComparisonDirection.NE: np.not_equal,
    ComparisonDirection.GE: np.greater_equal,
    ComparisonDirection.GT: np.greater,
    ComparisonDirection.LE: np.less_equal,
    ComparisonDirection.LT: np.less,
}


_STRICT = {
    ComparisonDirection.GE: ComparisonDirection.GT,
    ComparisonDirection.LE: ComparisonDirection.LT,
}


def _compared(x: Array, y: Array, direction: ComparisonDirection, element: ElementType, total: bool) -> Any:
    """A relation between real numbers."""
    if total:
        x, y = total_order_key(x, element), total_order_key(y, element)
    return _FUNCTIONS[direction](x, y)


class Compare(Op[CompareAttrs]):
    """Whether a relation holds between the elements of two arrays.

    type TOTALORDER compares floats as IEEE 754 totalOrder (-NaN < -inf < -0 < 0 < inf < NaN). Complex numbers are
    ordered by their real parts, and where those are equal by their imaginary parts (StableHLO spec, section compare).
    """

    name, arity, Attrs, stablehlo = "compare", 2, CompareAttrs, "compare"
    traits = Trait.ELEMENTWISE

    def shape(self, at: CompareAttrs, *xs: Shape) -> Shape:
        x, y = xs
        need_array(x, 0)
        need_array(y, 1)
        need_same_element(x, y, 1)
        need_same_dims(x, y, 1)
        if at.type is not None:
            usual = usual_order(x.element)
            total = at.type is ComparisonType.TOTALORDER and usual is ComparisonType.FLOAT
            need(at.type is usual or total, f"type={at.type.value} does not fit {x.element}, expected {usual.value}", 0)
        return made(PRED, x.dims, merged_dynamic(xs))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        x, y = same_extent(xs) if inst.shape.dynamic else xs
        element, direction = inst.operands[0].shape.element, inst.attrs.direction
        total = inst.attrs.type is ComparisonType.TOTALORDER
        if not element.is_complex:
            return _compared(x, y, direction, element, total)
        part = real_part(element)
        imaginary = _compared(x.imag, y.imag, direction, part, total)
        if direction is ComparisonDirection.NE:
            return _compared(x.real, y.real, direction, part, total) | imaginary
        strictly = _STRICT.get(direction, direction)
        equal = _compared(x.real, y.real, ComparisonDirection.EQ, part, total)
        decided = strictly is not ComparisonDirection.EQ and _compared(x.real, y.real, strictly, part, total)
        return decided | (equal & imaginary)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size)


class Select(Op[NoAttrs]):
    """Elements of operand 1 where operand 0, an array or a scalar, is true, else of operand 2."""

    name, arity, stablehlo, traits = "select", 3, "select", Trait.ELEMENTWISE

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        pred, x, y = xs
        need_kind(pred, Kind.PRED, 0)
        need_array(x, 1)
        need_array(y, 2)
        need_same_element(x, y, 2)
        need_same_dims(x, y, 2)
        fits = not pred.dims or pred.dims == x.dims
        need(fits, f"operand 0 is {pred.bare}, expected pred[] or the dimensions of {x.bare}", 0)
        return made(x.element, x.dims, merged_dynamic((x, y) if pred.rank != x.rank else xs))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        pred, x, y = same_extent(xs) if inst.shape.dynamic else xs
        return np.where(pred, x, y)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size)


class Clamp(Op[NoAttrs]):
    """minimum(maximum(low, x), high); `low` and `high` are arrays like x or scalars."""

    name, arity, stablehlo, traits = "clamp", 3, "clamp", Trait.ELEMENTWISE

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        low, x, high = xs
        need_kind(x, Kind.INTEGER | Kind.FLOAT | Kind.PRED, 1)
        for i, bound in ((0, low), (2, high)):
            need_array(bound, i)
            need_same_element(x, bound, i)
            need(
                not bound.dims or bound.dims == x.dims,
                f"operand {i} is {bound.bare}, expected a scalar or the dimensions of {x.bare}",
                i,
            )
        return x.bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        low, x, high = xs
        element = inst.shape.element
        return arithmetic.minimum(arithmetic.maximum(low, x, element=element), high, element=element)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=2 * inst.shape.size)


compare = Compare()
select = Select()
clamp = Clamp()
