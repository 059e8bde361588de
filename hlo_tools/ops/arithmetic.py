"""The functions behind the elementwise ops that are exact or rounded once: integers, bits, order, signs.

Each takes arrays and the element type as keyword, see `ops.family.Function`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_tools.ir.element import ElementType, element_of
from hlo_tools.ops.numerics import Array, arithmetic, from_bits, narrow, precise, unsigned_bits


def divide(x: Array, y: Array, *, element: ElementType) -> Array:
    """Floats as IEEE 754, complex numbers as C99 Annex G.

    Integers truncate; x / 0 has all bits set, and INT_MIN / -1 is INT_MIN (as in XLA).
    """
    if element.is_complex:
        return _complex_division(x, y)
    if not element.is_integer:
        return _divide(x, y, element=element)
    return _integer_division(x, y, element)[0]


def remainder(x: Array, y: Array, *, element: ElementType) -> Array:
    """The rest of a division that truncates, with the sign of x. Integers: x rem 0 is x, INT_MIN rem -1 is 0."""
    if not element.is_integer:
        return _fmod(x, y, element=element)
    return _integer_division(x, y, element)[1]


_divide = arithmetic(np.divide)
_fmod = arithmetic(np.fmod)


def _complex_division(x: Array, y: Array) -> Array:
    """The quotient, with infinities instead of NaN where C99 Annex G.5.1.1 asks for them."""
    x, y = np.broadcast_arrays(x, y)
    result = np.atleast_1d(np.divide(x, y))
    lost = np.isnan(result.real) & np.isnan(result.imag)
    if lost.any():
        result[lost] = _recovered_quotient(np.atleast_1d(x)[lost], np.atleast_1d(y)[lost], result[lost])
    return result.reshape(x.shape)


def _recovered_quotient(x: Array, y: Array, plain: Array) -> Array:
    a, b, c, d = x.real, x.imag, y.real, y.imag
    inf = a.dtype.type(np.inf)

    def boxed(v: Array, infinite: Array) -> Array:
        return np.where(infinite, np.copysign(np.where(np.isinf(v), 1, 0), v), v).astype(v.dtype)

    by_zero = (c == 0) & (d == 0) & ~(np.isnan(a) & np.isnan(b))
    above = np.isinf(a) | np.isinf(b)
    below = np.isinf(c) | np.isinf(d)
    infinite = above & np.isfinite(c) & np.isfinite(d)
    vanishing = below & np.isfinite(a) & np.isfinite(b)
    p, q = boxed(a, infinite), boxed(b, infinite)
    r, s = boxed(c, vanishing), boxed(d, vanishing)
    scale = np.where(infinite, inf, a.dtype.type(0))
    pole = np.copysign(inf, c)
    found = infinite | vanishing
    real = np.where(by_zero, pole * a, np.where(found, scale * (p * r + q * s), plain.real))
    imag = np.where(by_zero, pole * b, np.where(found, scale * (q * r - p * s), plain.imag))
    return make_complex(real, imag, element=element_of(a.dtype))


def _integer_division(x: Array, y: Array, element: ElementType) -> tuple[Array, Array]:
    """Quotient toward zero, and rest."""
    wide = np.int8 if element.is_signed else np.uint8
    a, b = (v.astype(wide) if element.bits < 8 else v for v in (x, y))
    zero = b == 0
    safe = np.where(zero, np.ones_like(b), b)
    if element.is_signed:
        flip = safe == -1  # numpy's INT_MIN / -1 is platform business; a negation wraps
        safe = np.where(flip, np.ones_like(b), safe)
        rest = np.fmod(a, safe)
        quotient = np.where(flip, np.negative(a), (a - rest) // safe)
    else:
        quotient, rest = np.divmod(a, safe)
    quotient = np.where(zero, np.invert(np.zeros_like(b)), quotient)
    rest = np.where(zero, a, rest)
    return narrow(quotient, element), narrow(rest, element)


def power(x: Array, y: Array, *, element: ElementType) -> Array:
    """x to the y. Integers wrap; a negative exponent gives 1 or -1 for the bases 1 and -1, else 0."""
    if not element.is_integer:
        return _power(x, y, element=element)
    base, exponent = np.broadcast_arrays(x, y)
    dtype = np.int64 if element.is_signed else np.uint64
    base, exponent = base.astype(dtype), exponent.astype(dtype)
    result, factor, left = np.ones_like(base), base, np.where(exponent < 0, 0, exponent)
    while left.any():
        result = np.where(left & 1 != 0, result * factor, result)
        factor = factor * factor
        left = left >> np.asarray(1, dtype)
    if element.is_signed:
        units = np.where(base == 1, 1, np.where(base == -1, np.where(exponent & 1 != 0, -1, 1), 0))
        result = np.where(exponent < 0, units, result)
    return narrow(result, element)


def _float_power(x: Array, y: Array) -> Array:
    """C99 `pow`; numpy's complex power is taken as it is."""
    result: Array = np.power(x, y)
    return result


_power = precise(_float_power)


def maximum(x: Array, y: Array, *, element: ElementType) -> Array:
    """IEEE 754-2019 maximum: NaN if either is, and +0 is above -0. Complex numbers go by their parts, real first."""
    result = _maximum(x, y, element=element)
    return _signed_zeros(result, x, y, np.add) if element.is_float else result


def minimum(x: Array, y: Array, *, element: ElementType) -> Array:
    """IEEE 754-2019 minimum: NaN if either is, and -0 is below +0. Complex numbers go by their parts, real first."""
    result = _minimum(x, y, element=element)
    return _signed_zeros(result, x, y, lambda a, b: -((-a) + (-b))) if element.is_float else result


_maximum = arithmetic(np.maximum)
_minimum = arithmetic(np.minimum)


def _signed_zeros(result: Array, x: Array, y: Array, combine: Any) -> Array:
    """`result`, but `combine` of the operands where both are zeros: numpy leaves their sign to chance."""
    zeros = (result == 0) & (x == y)
    return np.where(zeros, combine(x, y), result) if np.any(zeros) else result


def shift_left(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bits move up; a shift by the width or more (or a negative one) leaves 0."""
    bits, count, far = _shift_operands(x, y, element)
    return from_bits(_masked(np.where(far, 0, bits << count), element), element)


def shift_right_logical(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bits move down, zeros follow; a shift by the width or more leaves 0."""
    bits, count, far = _shift_operands(x, y, element)
    return from_bits(_masked(np.where(far, 0, bits >> count), element), element)


def shift_right_arithmetic(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bits move down, copies of the top bit follow; a shift by the width or more leaves only those."""
    _, count, far = _shift_operands(x, y, element)
    top = element.bits - 1
    signed = np.dtype(f"i{max(element.bits, 8) // 8}")
    value = x.astype(np.int8) if element.is_signed and element.bits < 8 else x
    if not element.is_signed:
        bits = unsigned_bits(x, element)
        spare = 8 * bits.dtype.itemsize - element.bits
        value = (bits << np.asarray(spare, bits.dtype)).view(signed) >> np.asarray(spare, signed)
    count = np.where(far, top, count).astype(signed)
    return from_bits(_masked((value >> count).astype(signed), element), element)


def _shift_operands(x: Array, y: Array, element: ElementType) -> tuple[Array, Array, Array]:
    bits, count = unsigned_bits(x, element), unsigned_bits(y, element)
    far = count >= element.bits
    return bits, np.where(far, 0, count).astype(bits.dtype), far


def _masked(bits: Array, element: ElementType) -> Array:
    """The low bits of an element type that does not fill its byte."""
    flat = bits.view(np.dtype(f"u{bits.dtype.itemsize}"))
    if element.bits >= 8:
        return flat
    sign = 1 << (element.bits - 1)
    low = flat & np.uint8((1 << element.bits) - 1)
    return ((low ^ np.uint8(sign)) - np.uint8(sign)) if element.is_signed else low


def logical_and(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bitwise and; of pred, logical."""
    return _bitwise(np.bitwise_and, element, x, y)


def logical_or(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bitwise or; of pred, logical."""
    return _bitwise(np.bitwise_or, element, x, y)


def logical_xor(x: Array, y: Array, *, element: ElementType) -> Array:
    """Bitwise exclusive or; of pred, logical."""
    return _bitwise(np.bitwise_xor, element, x, y)


def logical_not(x: Array, *, element: ElementType) -> Array:
    """All bits flipped; of pred, logical."""
    return _bitwise(np.invert, element, x)


def _bitwise(function: Any, element: ElementType, *xs: Array) -> Array:
    if element.bits >= 8 or element.dtype == np.bool_:
        result: Array = function(*xs)
        return result
    wide = np.int8 if element.is_signed else np.uint8
    return narrow(function(*[x.astype(wide) for x in xs]), element)


def mulhi(x: Array, y: Array, *, element: ElementType) -> Array:
    """The upper half of the double-width product."""
    if element.bits <= 32:
        dtype = np.int64 if element.is_signed else np.uint64
        return narrow((x.astype(dtype) * y.astype(dtype)) >> np.asarray(element.bits, dtype), element)
    high = _high_product(x.view(np.uint64), y.view(np.uint64))
    if element.is_signed:  # a negative factor counts 2^64 too much
        high = high - np.where(x < 0, y.view(np.uint64), 0) - np.where(y < 0, x.view(np.uint64), 0)
    return high.astype(np.uint64).view(element.dtype)


def _high_product(x: Array, y: Array) -> Array:
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b, c, d = x >> half, x & low, y >> half, y & low
    middle = (b * d >> half) + (a * d & low) + (b * c & low)
    result: Array = a * c + (a * d >> half) + (b * c >> half) + (middle >> half)
    return result


def popcnt(x: Array, *, element: ElementType) -> Array:
    """How many bits are set."""
    return narrow(np.bitwise_count(unsigned_bits(x, element)), element)


def count_leading_zeros(x: Array, *, element: ElementType) -> Array:
    """How many bits above the highest that is set; the width for 0."""
    bits = unsigned_bits(x, element).astype(np.uint64)
    count = np.zeros(bits.shape, np.uint64)
    for step in (32, 16, 8, 4, 2, 1):
        big = (bits >> np.uint64(step)) != 0
        count = count + np.where(big, np.uint64(step), np.uint64(0))
        bits = np.where(big, bits >> np.uint64(step), bits)
    return narrow(np.where(bits == 0, element.bits, element.bits - 1 - count.astype(np.int64)), element)


def absolute(x: Array, *, element: ElementType) -> Array:
    """The absolute value; INT_MIN stays; of complex numbers the length, without overflow on the way."""
    if element.is_complex:
        wide = x.astype(np.complex128, copy=False)
        return np.hypot(wide.real, wide.imag).astype(x.real.dtype)
    return _absolute(x, element=element)


_absolute = arithmetic(np.abs)


def sign(x: Array, *, element: ElementType) -> Array:
    """-1, 0 or 1; zeros and NaN stay as they are; of complex numbers x / |x|."""
    if element.is_complex:
        length = absolute(x, element=element)
        return np.where(x == 0, x, x / np.where(length == 0, 1, length)).astype(x.dtype)
    if element.is_float:
        return np.where((x == 0) | np.isnan(x), x, np.copysign(np.ones_like(x), x))
    return _sign(x, element=element)


_sign = arithmetic(np.sign)


def round_nearest_afz(x: Array, *, element: ElementType) -> Array:
    """To the nearest integer, ties away from zero."""
    return _round_afz(x, element=element)


def _afz(x: Array) -> Array:
    whole = np.trunc(x)
    result: Array = np.copysign(np.abs(whole) + (np.abs(x - whole) >= 0.5), x)
    return result


_round_afz = arithmetic(_afz)


def is_finite(x: Array, *, element: ElementType) -> Array:
    """Whether x is neither infinite nor NaN."""
    return np.isfinite(x)


def real(x: Array, *, element: ElementType) -> Array:
    """The real part."""
    return np.ascontiguousarray(x.real).reshape(x.shape)


def imag(x: Array, *, element: ElementType) -> Array:
    """The imaginary part; zero for a real number."""
    return np.ascontiguousarray(x.imag).reshape(x.shape) if element.is_complex else np.zeros_like(x)


def make_complex(x: Array, y: Array, *, element: ElementType) -> Array:
    """x + iy."""
    x, y = np.broadcast_arrays(x, y)
    result = np.empty(x.shape, np.complex64 if element.bits == 32 else np.complex128)
    result.real, result.imag = x, y
    return result
