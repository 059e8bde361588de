"""Laws of arithmetic and logic. Those that floats do not obey exactly say so, or hold for integers only."""

from __future__ import annotations

from math import frexp

import numpy as np

from hlo_tools.ir.attributes import ComparisonDirection, ComparisonType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.compare import CompareAttrs, compare, usual_order
from hlo_tools.rewrite.constants import splat, splat_value
from hlo_tools.rewrite.guards import integer, not_complex, predicate, real, unchanged_type, unsigned
from hlo_tools.rewrite.pattern import c, d, s, words, x, y
from hlo_tools.rewrite.rule import Changes, Rule, rule

add, subtract, multiply, divide, remainder, power = words(
    "add", "subtract", "multiply", "divide", "remainder", "power"
)  # fmt: skip
negate, absolute, exponential, log, sign = words("negate", "abs", "exponential", "log", "sign")
maximum, minimum = words("maximum", "minimum")
and_, or_, xor, not_ = words("and", "or", "xor", "not")
shift_left, shift_right_arithmetic, shift_right_logical = words(
    "shift-left", "shift-right-arithmetic", "shift-right-logical"
)  # fmt: skip
complex_, real_, imag = words("complex", "real", "imag")
compare_ = next(words("compare"))

OPPOSITE = {
    ComparisonDirection.EQ: ComparisonDirection.NE,
    ComparisonDirection.NE: ComparisonDirection.EQ,
    ComparisonDirection.LT: ComparisonDirection.GE,
    ComparisonDirection.GE: ComparisonDirection.LT,
    ComparisonDirection.GT: ComparisonDirection.LE,
    ComparisonDirection.LE: ComparisonDirection.GT,
}


def _last_use(i: Instruction, **_: Instruction) -> bool:
    """The operands that are negations have no other use, so that these go."""
    once = all(operand.op is not e.negate or len(operand.users) == 1 for operand in i.operands)
    return once and i.operands[0] is not i.operands[1]


def _exact_inverse(i: Instruction, x: Instruction, s: Instruction) -> Instruction | None:
    """Division by a power of two as multiplication: the inverse is exact."""
    if not i.shape.element.is_float:
        return None
    value = float(splat_value(s))
    if value == 0 or not np.isfinite(value) or abs(frexp(value)[0]) != 0.5:
        return None
    if float(np.float64(1 / value).astype(i.shape.element.dtype)) != 1 / value:
        return None
    return i.parent.add(e.multiply, (x, splat(i.parent, 1 / value, i.shape)), shape=i.shape, like=i)


def _rounded_inverse(i: Instruction, x: Instruction, s: Instruction) -> Instruction | None:
    """Division by any constant as multiplication by its rounded inverse."""
    value = splat_value(s)
    if i.shape.element.name not in ("f32", "f64") or value == 0 or not np.isfinite(value):
        return None
    return i.parent.add(e.multiply, (x, splat(i.parent, 1 / value, i.shape)), shape=i.shape, like=i)


def _power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def _shifted(i: Instruction, x: Instruction, s: Instruction) -> Instruction | None:
    """Unsigned division by a power of two as a shift."""
    value = int(splat_value(s))
    if not _power_of_two(value):
        return None
    bits = splat(i.parent, value.bit_length() - 1, i.shape)
    return i.parent.add(e.shift_right_logical, (x, bits), shape=i.shape, like=i)


def _masked(i: Instruction, x: Instruction, s: Instruction) -> Instruction | None:
    """Unsigned remainder by a power of two as a mask."""
    value = int(splat_value(s))
    if not _power_of_two(value):
        return None
    return i.parent.add(e.and_, (x, splat(i.parent, value - 1, i.shape)), shape=i.shape, like=i)


def _all_bits(i: Instruction, s: Instruction, **_: Instruction) -> bool:
    """The constant `s` has every bit set."""
    value = splat_value(s)
    return i.shape.element.is_integer and int(value) == (
        -1 if i.shape.element.is_signed else 2**i.shape.element.bits - 1
    )


def _lowest(i: Instruction, s: Instruction, **_: Instruction) -> bool:
    """The constant `s` is the least value of the type."""
    value, element = splat_value(s), i.shape.element
    if element.is_float:
        return bool(value == -np.inf)
    low = -(2 ** (element.bits - 1)) if element.is_signed else 0
    return element.is_integer and int(value) == low


def _highest(i: Instruction, s: Instruction, **_: Instruction) -> bool:
    """The constant `s` is the greatest value of the type."""
    value, element = splat_value(s), i.shape.element
    if element.is_float:
        return bool(value == np.inf)
    return element.is_integer and int(value) == 2 ** (element.bits - element.is_signed) - 1


def _opposite(i: Instruction, **_: Instruction) -> Instruction | None:
    """The comparison that holds when the negated one does not; of floats only (in)equality has one."""
    inner = i.operands[0]
    at: CompareAttrs = inner.attrs
    order = at.type or usual_order(inner.operands[0].shape.element)
    equality = at.direction in (ComparisonDirection.EQ, ComparisonDirection.NE)
    if order is ComparisonType.FLOAT and not equality:
        return None
    attrs = CompareAttrs(OPPOSITE[at.direction], at.type)
    return i.parent.add(compare, inner.operands, attrs, i.shape, like=i)


RULES: list[Rule] = [
    # sums
    rule(add(x, 0), x, changes=Changes.ZERO_SIGN),
    rule(add(x, False), x),
    rule(subtract(x, 0), x, changes=Changes.ZERO_SIGN),
    rule(subtract(x, x), 0, when=integer),  # not for floats: inf - inf
    rule(subtract(0, x), negate(x), when=integer),
    rule(add(x, negate(y)), subtract(x, y), when=_last_use),
    rule(subtract(x, negate(y)), add(x, y), when=_last_use),
    rule(subtract(add(x, y), y), x, when=integer),
    rule(add(subtract(x, y), y), x, when=integer),
    rule(add(add(x, c), d), add(x, add(c, d)), when=integer),
    rule(subtract(subtract(x, c), d), subtract(x, add(c, d)), when=integer),
    # products
    rule(multiply(x, 1), x, when=not_complex),
    rule(multiply(x, True), x),
    rule(multiply(x, 0), 0, when=integer),  # not for floats: nan, inf, -0
    rule(multiply(x, -1), negate(x), when=real),
    rule(multiply(negate(x), negate(y)), multiply(x, y)),
    rule(multiply(multiply(x, c), d), multiply(x, multiply(c, d)), when=integer),
    rule(multiply(exponential(x), exponential(y)), exponential(add(x, y)), changes=Changes.ROUNDING | Changes.NAN),
    rule(divide(x, 1), x, when=not_complex),
    rule(divide(negate(x), negate(y)), divide(x, y), when=real),
    rule(divide(x, s), _shifted, when=unsigned),
    rule(divide(x, s), _exact_inverse),
    rule(divide(x, s), _rounded_inverse, changes=Changes.ROUNDING),
    rule(remainder(x, s), _masked, when=unsigned),
    rule(power(x, 1), x, when=real),
    rule(power(x, 0), 1, when=real),
    rule(power(x, 2), multiply(x, x), when=real, changes=Changes.ROUNDING),
    rule(power(x, -1), divide(1, x), when=real, changes=Changes.ROUNDING),
    rule(log(exponential(x)), x, when=real, changes=Changes.ROUNDING | Changes.NAN),
    # signs
    rule(negate(negate(x)), x),
    rule(absolute(negate(x)), absolute(x), when=real),
    rule(absolute(absolute(x)), absolute(x), when=unchanged_type),
    rule(absolute(x), x, when=unsigned),
    rule(sign(sign(x)), sign(x), when=not_complex),
    # extremes
    rule(maximum(x, x), x),
    rule(minimum(x, x), x),
    rule(maximum(x, s), x, when=_lowest),
    rule(minimum(x, s), x, when=_highest),
    rule(maximum(maximum(x, c), d), maximum(x, maximum(c, d))),
    rule(minimum(minimum(x, c), d), minimum(x, minimum(c, d))),
    # logic
    rule(and_(x, x), x),
    rule(or_(x, x), x),
    rule(xor(x, x), 0, when=integer),
    rule(xor(x, x), False, when=predicate),
    rule(and_(x, True), x),
    rule(and_(x, False), False),
    rule(or_(x, True), True),
    rule(or_(x, False), x),
    rule(xor(x, False), x),
    rule(xor(x, True), not_(x)),
    rule(and_(x, 0), 0, when=integer),
    rule(or_(x, 0), x),
    rule(xor(x, 0), x),
    rule(and_(x, s), x, when=_all_bits),
    rule(not_(not_(x)), x),
    rule(not_(compare_.any), _opposite),
    rule(and_(x, not_(x)), 0, when=integer),
    rule(and_(x, not_(x)), False, when=predicate),
    rule(or_(x, not_(x)), True, when=predicate),
    rule(maximum(x, y), or_(x, y), when=predicate),
    rule(minimum(x, y), and_(x, y), when=predicate),
    # shifts
    rule(shift_left(x, 0), x),
    rule(shift_right_arithmetic(x, 0), x),
    rule(shift_right_logical(x, 0), x),
    # complex numbers
    rule(real_(complex_(x, y)), x),
    rule(imag(complex_(x, y)), y),
    rule(complex_(real_(x), imag(x)), x, when=unchanged_type),
    rule(real_(x), x, when=unchanged_type),
]
