"""Aspect `SCALAR`: the code of one element of every elementwise op.

Floats narrower than f32 are computed in f32 and rounded once; integers narrower than a byte in 32 bits. The
meaning is that of `Op.evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes

from hlo_tools.codegen import complex, kernel, math
from hlo_tools.codegen.kernel import Expr
from hlo_tools.codegen.value import (
    SIGNED_OF,
    UNSIGNED_OF,
    Complex,
    Num,
    Value,
    copysign,
    element_of,
    from_parts,
    parts,
    real,
)
from hlo_tools.ir.aspect import Aspect
from hlo_tools.ir.attributes import ComparisonType
from hlo_tools.ir.element import F8E8M0FNU, F32, PRED, S32, U32, ElementType, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS

Rule = Callable[[Instruction, Sequence[Value]], Value]
"""The element of an instruction, given the elements of its operands."""

SCALAR: Aspect[Rule] = Aspect("scalar", not_yet=("stochastic-convert",))


def working(element: ElementType) -> ElementType:
    """The type in which elements are computed."""
    if element.is_float and element.bits <= 16:
        return F32
    if element.is_integer and element.bits < 8:
        return S32 if element.is_signed else U32
    return element


def on_numbers(
    function: Callable[..., Num],
    pred: str | None = None,
    pairs: Callable[..., complex.Pair | Num] | None = None,
) -> Rule:
    """The rule that applies `function` in the working type.

    `pred` names the kernel operation for booleans, `pairs` is the function of complex numbers.
    """
    of_complex = None if pairs is None else complex.on_pairs(pairs)

    def rule(inst: Instruction, args: Sequence[Value]) -> Value:
        if of_complex is not None and isinstance(args[0], Complex):
            return of_complex(*args)
        element = element_of(args[0])
        if element is PRED and pred is not None:
            exprs = tuple(real(a) for a in args)
            return Expr(pred, exprs[0].type, exprs)
        wide = working(element)
        result = function(*[Num(kernel.convert(real(a), wide)) for a in args])
        return kernel.convert(result.e, inst.shape.element)

    return rule


def by_kind(floats: Callable[..., Num], integers: Callable[..., Num]) -> Callable[..., Num]:
    """One function for floats and another for integers."""
    return lambda x, *rest: (floats if x.type.element.is_float else integers)(x, *rest)


# ---- integers


def _guarded(x: Num, y: Num) -> tuple[Num, Num]:
    """Whether y is 0, and a divisor with which neither that nor INT_MIN / -1 traps."""
    zero = y.eq(0)
    if not x.type.element.is_signed:
        return zero, zero.where(1, y)
    least = -(1 << (x.type.element.bits - 1))
    return zero, (zero | (x.eq(least) & y.eq(-1))).where(1, y)


def _integer_divide(x: Num, y: Num) -> Num:
    zero, safe = _guarded(x, y)
    return zero.where(-1, x / safe)


def _integer_remainder(x: Num, y: Num) -> Num:
    zero, safe = _guarded(x, y)
    rest = x % safe
    if x.type.element.is_signed:  # INT_MIN rem -1 was computed as rem 1: 0, too
        return zero.where(x, rest)
    return zero.where(x, rest)


def _integer_power(x: Num, y: Num) -> Num:
    result = math.unsigned_power(x, y)
    if not x.type.element.is_signed:
        return result
    units = x.eq(-1).where((y & 1).ne(0).where(x.like(-1), 1), 0)
    return (y < 0).where(x.eq(1).where(1, units), result)


def _integer_sign(x: Num) -> Num:
    positive = (x > 0).where(x.like(1), 0)
    return (x < 0).where(-1, positive) if x.type.element.is_signed else positive


def _shift(kind: str) -> Rule:
    """Shifts look at the width of the element, not at that of the type they are computed in."""

    def rule(inst: Instruction, args: Sequence[Value]) -> Value:
        element = inst.shape.element
        x, y = (Num(kernel.convert(real(a), working(element))) for a in args)
        far = _plain_bits(y, element) >= element.bits
        result = _SHIFTS[kind](x, y, far, element)
        return kernel.convert(Num(kernel.bitcast(result.e, x.type.element)).e, element)

    return rule


def _plain_bits(x: Num, element: ElementType) -> Num:
    """The bits of an element, zeros above them."""
    bits = x.bits(signed=False)
    return bits & ((1 << element.bits) - 1) if element.bits < 8 else bits


def _left(x: Num, y: Num, far: Num, element: ElementType) -> Num:
    return far.where(0, x << y)


def _right_logical(x: Num, y: Num, far: Num, element: ElementType) -> Num:
    return far.where(0, _plain_bits(x, element) >> y.bits(signed=False))


def _right_arithmetic(x: Num, y: Num, far: Num, element: ElementType) -> Num:
    signed, count = x.bits(), far.where(element.bits - 1, y.bits())
    if not element.is_signed and element.bits < 8:
        spare = 32 - element.bits
        signed = (signed << spare) >> spare
    return signed >> count


_SHIFTS: dict[str, Callable[[Num, Num, Num, ElementType], Num]] = {
    "left": _left,
    "right": _right_logical,
    "arithmetic": _right_arithmetic,
}


def _count(op: str) -> Rule:
    """Counts of bits within the width of the element."""

    def rule(inst: Instruction, args: Sequence[Value]) -> Value:
        element = inst.shape.element
        wide = working(element)
        bits = _plain_bits(Num(kernel.convert(real(args[0]), wide)), element)
        count = bits.unary(op)
        if op == "clz" and wide is not element:
            count = count - (wide.bits - element.bits)
        return kernel.convert(kernel.bitcast(count.e, wide), element)

    return rule


def _mulhi(inst: Instruction, args: Sequence[Value]) -> Value:
    element = inst.shape.element
    if element.bits >= 32:
        return kernel.binary("mulhi", real(args[0]), real(args[1]))
    x, y = (Num(kernel.convert(real(a), S32 if element.is_signed else U32)) for a in args)
    return kernel.convert(((x * y) >> element.bits).e, element)


# ---- floats


def _float_sign(x: Num) -> Num:
    return (x.eq(0.0) | x.is_nan).where(x, copysign(x.like(1.0), x))


def _round_away(x: Num) -> Num:
    whole = x.unary("trunc")
    away = abs(whole) + (abs(x - whole) >= 0.5).where(x.like(1.0), 0.0)
    return copysign(away, x)


def _is_finite(inst: Instruction, args: Sequence[Value]) -> Value:
    x = Num(real(args[0]))
    return (abs(x.to(working(x.type.element))) < math.INF).e


def mantissa_bits(element: ElementType) -> int:
    """Stored bits of the mantissa of a float type."""
    finfo: Any = ml_dtypes.finfo
    return int(finfo(element.dtype).nmant)


def _reduce_precision(inst: Instruction, args: Sequence[Value]) -> Value:
    """XLA's algorithm on the bits: round the mantissa to nearest even, then clip the exponent."""
    element, at = inst.shape.element, inst.attrs
    mantissa = mantissa_bits(element)
    exponent = element.bits - 1 - mantissa
    x = Num(real(args[0]))
    top = 1 << (element.bits - 1)
    bits = Num(kernel.bitcast(x.e, UNSIGNED_OF[max(8, element.bits)]))
    sign, size = bits & top, bits & (top - 1)
    if at.mantissa_bits < mantissa:
        drop = mantissa - at.mantissa_bits
        size = size + ((1 << (drop - 1)) - 1) + ((size >> drop) & 1)
        size = (size >> drop) << drop
    if at.exponent_bits < exponent:
        bias, small = (1 << (exponent - 1)) - 1, (1 << (at.exponent_bits - 1)) - 1
        field = size >> mantissa
        size = (field > bias + small).where(((1 << exponent) - 1) << mantissa, size)
        size = (field <= bias - small).where(0, size)
    reduced = kernel.bitcast((sign | size).e, element)
    wide = x.to(working(element))
    return kernel.select(wide.is_nan.e, x.e, reduced)


# ---- order and choice


def total_order_key(x: Expr) -> Expr:
    """A signed integer that orders floats as IEEE 754 totalOrder: -NaN, -inf ... -0, 0 ... inf, NaN."""
    if x.type.element.bits < 8:
        x = kernel.convert(x, F32)
    bits = x.type.element.bits
    raw = Num(kernel.bitcast(x, SIGNED_OF[bits]))
    if x.type.element is F8E8M0FNU:  # it has no sign
        return (raw ^ -(1 << (bits - 1))).e
    return (raw < 0).where(raw ^ ((1 << (bits - 1)) - 1), raw).e


def _compare(inst: Instruction, args: Sequence[Value]) -> Value:
    """Complex numbers are ordered by their real parts, and where those are equal by their imaginary parts."""
    word, total = inst.attrs.direction.value.lower(), inst.attrs.type is ComparisonType.TOTALORDER
    x, y = args
    if not (isinstance(x, Complex) and isinstance(y, Complex)):
        return _compared(word, real(x), real(y), total)
    (a, c), (b, d) = parts(x), parts(y)
    imaginary = _compared(word, c, d, total)
    if word == "ne":
        return kernel.binary("or", _compared(word, a, b, total), imaginary)
    tied = kernel.binary("and", _compared("eq", a, b, total), imaginary)
    strictly = word.replace("e", "t")
    return tied if word == "eq" else kernel.binary("or", _compared(strictly, a, b, total), tied)


def _compared(word: str, a: Expr, b: Expr, total: bool) -> Expr:
    element = a.type.element
    if total and element.is_float:
        a, b = total_order_key(a), total_order_key(b)
    elif element is PRED:
        a, b = kernel.convert(a, UNSIGNED_OF[8]), kernel.convert(b, UNSIGNED_OF[8])
    else:
        a, b = kernel.convert(a, working(element)), kernel.convert(b, working(element))
    return kernel.compare(word, a, b)


def _select(inst: Instruction, args: Sequence[Value]) -> Value:
    condition = real(args[0])
    both = zip(parts(args[1]), parts(args[2]), strict=True)
    return from_parts([kernel.select(condition, x, y) for x, y in both])


def _clamp(inst: Instruction, args: Sequence[Value]) -> Value:
    element = inst.shape.element
    low, x, high = (kernel.convert(real(a), working(element)) for a in args)
    if element is PRED:
        return kernel.binary("and", kernel.binary("or", low, x), high)
    return kernel.convert(kernel.binary("min", kernel.binary("max", low, x), high), element)


# ---- conversion


def converted(x: Value, source: ElementType, target: ElementType) -> Value:
    """`x` as another element type, by the rules of `convert`."""
    if target.is_complex:
        part = real_part(target)
        if isinstance(x, Complex):
            return Complex(kernel.convert(x.re, part), kernel.convert(x.im, part))
        re = kernel.convert(x, part)
        return Complex(re, kernel.const(0.0, re.type))
    e = x.re if isinstance(x, Complex) else x
    if target is PRED and source is not PRED:
        wide = kernel.convert(e, working(real_part(source)))
        return kernel.compare("ne", wide, kernel.const(0, wide.type))
    return kernel.convert(e, target)


def _convert(inst: Instruction, args: Sequence[Value]) -> Value:
    return converted(args[0], inst.operands[0].shape.element, inst.shape.element)


def bitcast_convert(inst: Instruction, args: Sequence[Value]) -> Value:
    """Of equal widths; others regroup elements, which is not elementwise (see `elemental.py`)."""
    source, target = inst.operands[0].shape.element, inst.shape.element
    if source.is_complex or source is target:
        return args[0]
    return kernel.bitcast(real(args[0]), target)


def _same(inst: Instruction, args: Sequence[Value]) -> Value:
    return args[0]


def _complex(inst: Instruction, args: Sequence[Value]) -> Value:
    return Complex(real(args[0]), real(args[1]))


def _real(inst: Instruction, args: Sequence[Value]) -> Value:
    return parts(args[0])[0]


def _imag(inst: Instruction, args: Sequence[Value]) -> Value:
    x = args[0]
    return x.im if isinstance(x, Complex) else kernel.const(0.0, x.type)


# ---- the table


def _binary(op: str) -> Callable[[Num, Num], Num]:
    return lambda x, y: Num(kernel.binary(op, x.e, y.e))


def _unary(op: str) -> Callable[[Num], Num]:
    return lambda x: Num(kernel.unary(op, x.e))


def _abs(x: Num) -> Num:
    return abs(x) if x.type.element.is_float or x.type.element.is_signed else x


_TABLE: dict[str, Rule] = {
    "abs": on_numbers(_abs, pairs=complex.hypot),
    "acos": on_numbers(math.acos, pairs=complex.acos),
    "acosh": on_numbers(math.acosh, pairs=complex.acosh),
    "add": on_numbers(_binary("add"), pred="or", pairs=lambda x, y: x + y),
    "and": on_numbers(_binary("and"), pred="and"),
    "asin": on_numbers(math.asin, pairs=complex.asin),
    "asinh": on_numbers(math.asinh, pairs=complex.asinh),
    "atan2": on_numbers(math.atan2, pairs=complex.atan2),
    "atanh": on_numbers(math.atanh, pairs=complex.atanh),
    "bitcast-convert": bitcast_convert,
    "cbrt": on_numbers(math.cbrt),
    "ceil": on_numbers(_unary("ceil")),
    "clamp": _clamp,
    "compare": _compare,
    "complex": _complex,
    "convert": _convert,
    "copy": _same,
    "cosh": on_numbers(math.cosh, pairs=complex.cosh),
    "cosine": on_numbers(math.cos, pairs=complex.cos),
    "count-leading-zeros": _count("clz"),
    "divide": on_numbers(by_kind(_binary("div"), _integer_divide), pairs=lambda x, y: x / y),
    "erf": on_numbers(math.erf),
    "exponential": on_numbers(math.exp, pairs=complex.exp),
    "exponential-minus-one": on_numbers(math.expm1, pairs=complex.expm1),
    "floor": on_numbers(_unary("floor")),
    "imag": _imag,
    "is-finite": _is_finite,
    "log": on_numbers(math.log, pairs=complex.log),
    "log-plus-one": on_numbers(math.log1p, pairs=complex.log1p),
    "logistic": on_numbers(math.logistic, pairs=complex.logistic),
    "maximum": on_numbers(_binary("max"), pred="or", pairs=complex.maximum),
    "minimum": on_numbers(_binary("min"), pred="and", pairs=complex.minimum),
    "mulhi": _mulhi,
    "multiply": on_numbers(_binary("mul"), pred="and", pairs=lambda x, y: x * y),
    "negate": on_numbers(_unary("neg"), pairs=lambda x: -x),
    "not": on_numbers(_unary("not"), pred="not"),
    "or": on_numbers(_binary("or"), pred="or"),
    "popcnt": _count("popcount"),
    "power": on_numbers(by_kind(math.power, _integer_power), pairs=complex.power),
    "real": _real,
    "reduce-precision": _reduce_precision,
    "remainder": on_numbers(by_kind(_binary("rem"), _integer_remainder)),
    "round-nearest-afz": on_numbers(_round_away),
    "round-nearest-even": on_numbers(_unary("rint")),
    "rsqrt": on_numbers(math.rsqrt, pairs=complex.rsqrt),
    "select": _select,
    "shift-left": _shift("left"),
    "shift-right-arithmetic": _shift("arithmetic"),
    "shift-right-logical": _shift("right"),
    "sign": on_numbers(by_kind(_float_sign, _integer_sign), pairs=complex.sign),
    "sine": on_numbers(math.sin, pairs=complex.sin),
    "sinh": on_numbers(math.sinh, pairs=complex.sinh),
    "sqrt": on_numbers(_unary("sqrt"), pairs=complex.sqrt),
    "subtract": on_numbers(_binary("sub"), pairs=lambda x, y: x - y),
    "tan": on_numbers(math.tan, pairs=complex.tan),
    "tanh": on_numbers(math.tanh, pairs=complex.tanh),
    "xor": on_numbers(_binary("xor"), pred="xor"),
}
for _name, _rule in _TABLE.items():
    SCALAR.set(OPS[_name], _rule)
