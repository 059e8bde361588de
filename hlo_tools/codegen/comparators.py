"""Reads comparators of sort: those that compare one key of each side become integers whose order is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.kernel import Expr, Type
from hlo_tools.codegen.scalar import total_order_key
from hlo_tools.codegen.scalars import constant_of, leaves_of
from hlo_tools.codegen.value import SIGNED_OF, UNSIGNED_OF, Num, Value, real
from hlo_tools.ir.attributes import ComparisonDirection, ComparisonType
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import ELEMENT_TYPES, PRED, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS

_ASCENDS = {ComparisonDirection.LT: True, ComparisonDirection.GT: False}


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a comparator orders by.

    operand   number of the sort operand that holds the key
    bits      width of the key
    of        the key of an element: an unsigned integer, least first
    """

    operand: int
    bits: int
    of: Callable[[Value], Expr]


def sort_key(comparator: Computation) -> SortKey | None:
    """The key of a comparator that is a strict order of one scalar of each side, in any disguise; None otherwise."""
    root = comparator.result
    if root.op is not OPS["compare"] or root.attrs.direction not in _ASCENDS:
        return None
    left, right = root.operands
    element = left.shape.element
    sides = _parameters(left), _parameters(right)
    if element.is_complex or any(len(s) != 1 for s in sides) or not _alike(left, right):
        return None
    first, second = next(iter(sides[0])), next(iter(sides[1]))
    if first // 2 != second // 2 or first == second:
        return None
    ascending = _ASCENDS[root.attrs.direction] == (first < second)
    total = root.attrs.type is ComparisonType.TOTALORDER

    def key(value: Value) -> Expr:
        args = [value if p.attrs.number == first else constant_of(0, p.shape.element) for p in comparator.parameters]
        x = real(leaves_of(comparator, args)[left][0])
        return integer_key(x, total, ascending)

    return SortKey(first // 2, key_bits(element), key)


def key_bits(element: ElementType) -> int:
    """The width of the keys of an element type."""
    if element.is_float and element.bits < 8:
        return 32
    return max(8, element.bits)


def integer_key(x: Expr, total: bool = True, ascending: bool = True) -> Expr:
    """An unsigned integer that orders like `x`: floats by total order, or with -0 equal to 0."""
    element = x.type.element
    width = UNSIGNED_OF[key_bits(element)]
    if element.is_float:
        signed = total_order_key(x if total else _without_negative_zero(x))
        raw = Num(k.bitcast(signed, width)) ^ (1 << (width.bits - 1))
    elif element is PRED or not element.is_signed:
        raw = Num(k.convert(x, width))
    else:
        raw = Num(k.bitcast(k.convert(x, SIGNED_OF[width.bits]), width)) ^ (1 << (width.bits - 1))
    return raw.e if ascending else (~raw).e


def _without_negative_zero(x: Expr) -> Expr:
    wide = Num(x).to(ELEMENT_TYPES["f64" if x.type.element.bits == 64 else "f32"])
    return k.select(wide.eq(0.0).e, k.const(0.0, Type(x.type.element)), x)


def _parameters(inst: Instruction) -> set[int]:
    """The numbers of the parameters that an instruction depends on."""
    seen = {inst}
    stack = [inst]
    while stack:
        for x in stack.pop().operands:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return {int(x.attrs.number) for x in seen if x.op.inline == "number"}


def _alike(left: Instruction, right: Instruction) -> bool:
    """Whether two instructions compute the same of different parameters."""
    seen: set[tuple[Instruction, Instruction]] = set()
    stack = [(left, right)]
    while stack:
        pair = stack.pop()
        if pair in seen:
            continue
        seen.add(pair)
        a, b = pair
        if a.op is not b.op or a.shape.bare is not b.shape.bare or len(a.operands) != len(b.operands):
            return False
        if a.op.inline != "number" and a.attrs != b.attrs:
            return False
        stack.extend(zip(a.operands, b.operands, strict=True))
    return True
