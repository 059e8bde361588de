"""Floating-point arithmetic as PTX defines it, where numpy's own does not already give it.

Formats are decoded to float32 (float64 for f64), computed there and encoded again with a single rounding. Where one
operation of the wider type would round twice, sums are first rounded *to odd* (the exact value's last bit is sticky),
after which a second rounding to a format at least two bits narrower is as good as one (S. Boldo, G. Melquiond,
"Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import ml_dtypes
import numpy as np

from hlo_backends.gpu.simulate.scalars import UNSIGNED, Array

_TIE_BITS = np.int64(0x1FFFFFFF)  # what float64 has beyond float32
_TIE = np.int64(0x10000000)
_SMALLEST_NORMAL = np.float64(2.0**-126)


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """How values of a type are read and written; `encode` rounds float32 or float64 values to nearest even."""

    name: str
    size: int
    decode: Callable[[Array], Array]
    encode: Callable[[Array], Array]
    largest: float
    smallest_normal: float


def _bits(values: Array) -> Array:
    return values.view(UNSIGNED[values.dtype.itemsize])


def odd_float32(values: Array) -> Array:
    """float64 -> float32, rounded to odd."""
    nearest = values.astype(np.float32)
    back = nearest.astype(np.float64)
    bits = _bits(nearest)
    bits = np.where(np.abs(back) > np.abs(values), bits - np.uint32(1), bits)
    inexact = (back != values) & ~np.isnan(values)
    return np.where(inexact, bits | np.uint32(1), bits).view(np.float32)


def _encode_bf16(values: Array) -> Array:
    single = odd_float32(values) if values.dtype == np.float64 else values
    bits = _bits(single)
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)
    return np.where(np.isnan(single), np.uint32(0x7FFF), rounded).astype(np.uint16)


def _decode_bf16(raw: Array) -> Array:
    return (raw.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _encode_f16(values: Array) -> Array:
    raw = _bits(values.astype(np.float16))
    return np.where(np.isnan(values), np.uint16(0x7FFF), raw)


def _encode_tf32(values: Array) -> Array:
    single = odd_float32(values) if values.dtype == np.float64 else values
    bits = _bits(single)
    rounded = (bits + (np.uint32(0xFFF) + ((bits >> np.uint32(13)) & np.uint32(1)))) & np.uint32(0xFFFFE000)
    return np.where(np.isnan(single), np.uint32(0x7FFFFFFF), rounded)


def _float8(dtype: type, largest: float, smallest_normal: float) -> FloatFormat:
    def encode(values: Array) -> Array:
        single = odd_float32(values) if values.dtype == np.float64 else values
        return np.clip(single, -largest, largest).astype(dtype).view(np.uint8)

    def decode(raw: Array) -> Array:
        return raw.view(dtype).astype(np.float32)

    return FloatFormat(dtype.__name__, 1, decode, encode, largest, smallest_normal)


FORMATS: dict[str, FloatFormat] = {
    "f32": FloatFormat("f32", 4, lambda raw: raw.view(np.float32), lambda v: _bits(v.astype(np.float32, copy=False)),
                       float(np.finfo(np.float32).max), 2.0**-126),
    "f64": FloatFormat("f64", 8, lambda raw: raw.view(np.float64), lambda v: _bits(v.astype(np.float64, copy=False)),
                       float(np.finfo(np.float64).max), 2.0**-1022),
    "f16": FloatFormat("f16", 2, lambda raw: raw.view(np.float16).astype(np.float32), _encode_f16, 65504.0, 2.0**-14),
    "bf16": FloatFormat("bf16", 2, _decode_bf16, _encode_bf16, 3.3895313892515355e38, 2.0**-126),
    "tf32": FloatFormat("tf32", 4, lambda raw: (raw & np.uint32(0xFFFFE000)).view(np.float32), _encode_tf32,
                        3.4011621342146535e38, 2.0**-126),
    "e4m3": _float8(ml_dtypes.float8_e4m3fn, 448.0, 2.0**-6),
    "e5m2": _float8(ml_dtypes.float8_e5m2, 57344.0, 2.0**-14),
}  # fmt: skip

PACKED: dict[str, str] = {"f16x2": "f16", "bf16x2": "bf16", "e4m3x2": "e4m3", "e5m2x2": "e5m2"}


def encode_rounded(values: Array, form: FloatFormat, mode: str) -> Array:
    """Encodes with the rounding mode rn (nearest even), rna (nearest, ties away), rz, rm or rp."""
    raw = form.encode(values)
    if mode == "rn":
        return raw
    one = raw.dtype.type(1)
    if mode == "rna":  # only for tf32: add half a unit to the magnitude, then cut
        return (_bits(values.astype(np.float32)) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    exact = values.astype(np.float64)
    back = form.decode(raw).astype(np.float64)
    negative = (raw >> raw.dtype.type(8 * form.size - 1)) != 0
    if mode == "rz":
        return np.where(np.abs(back) > np.abs(exact), raw - one, raw)
    if mode == "rm":
        return np.where(back > exact, np.where(negative, raw + one, raw - one), raw)
    return np.where(back < exact, np.where(negative, raw - one, raw + one), raw)


def flush(values: Array, smallest_normal: float = 2.0**-126) -> Array:
    """The `.ftz` modifier: subnormal numbers become zeros of the same sign."""
    zero = np.zeros((), values.dtype)
    return np.where(np.abs(values) < smallest_normal, np.copysign(zero, values), values)


def canonical(values: Array) -> Array:
    """All NaNs become PTX's canonical one (min, max and conversions promise that)."""
    nan = np.isnan(values)
    if not nan.any():
        return values
    quiet = np.uint32(0x7FFFFFFF) if values.dtype == np.float32 else np.uint64(0x7FFFFFFFFFFFFFFF)
    return np.where(nan, quiet.view(values.dtype), values)


def round_integral(values: Array, mode: str) -> Array:
    """To a whole number: rni (nearest even), rzi, rmi or rpi."""
    functions = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}
    rounded: Array = functions[mode](values)
    return rounded


# ---- sums and products with their rounding error


def sum_error(a: Array, b: Array, total: Array) -> Array:
    """What `total = a + b` lost to rounding, exactly (Knuth's TwoSum)."""
    part = total - a
    lost: Array = (a - (total - part)) + (b - part)
    return lost


def product_error(a: Array, b: Array, product: Array) -> Array:
    """What the float64 `product = a * b` lost to rounding (Dekker); needs |a|, |b| < 2**990 and no underflow."""
    splitter = np.float64(2.0**27 + 1)

    def split(value: Array) -> tuple[Array, Array]:
        scaled = value * splitter
        high = scaled - (scaled - value)
        return high, value - high

    a_high, a_low = split(a)
    b_high, b_low = split(b)
    lost: Array = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return lost


def make_odd(values: Array, lost: Array) -> Array:
    """Rounds `values + lost` to odd, given that `values` is its nearest float64."""
    bits = values.view(np.int64)
    even = ((bits & np.int64(1)) == 0) & (lost != 0) & np.isfinite(values)
    step = np.where((lost > 0) == (values > 0), np.int64(1), np.int64(-1))
    return np.where(even, bits + step, bits).view(np.float64)


def odd_sum(a: Array, b: Array) -> Array:
    """The float64 sum rounded to odd."""
    total = a + b
    return make_odd(total, sum_error(a, b, total))


def fma_float32(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float32 values with one rounding."""
    product = a.astype(np.float64) * b.astype(np.float64)  # exact: 48 bits
    addend = c.astype(np.float64)
    total = product + addend
    result = total.astype(np.float32)
    magnitude = np.abs(total)
    doubtful = ((total.view(np.int64) & _TIE_BITS) == _TIE) | ((magnitude < _SMALLEST_NORMAL) & (magnitude != 0))
    if doubtful.any():
        result = np.where(doubtful, odd_sum(product, addend).astype(np.float32), result)
    return result


def fma_odd(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float32 values, as a float64 rounded to odd: to be encoded in any narrower format."""
    return odd_sum(a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64))


def fma_float64(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float64 values with one rounding."""
    a, b, c = np.broadcast_arrays(a, b, c)
    product = a * b
    low = product_error(a, b, product)
    middle = c + low
    middle_lost = sum_error(c, low, middle)
    high = product + middle
    high_lost = sum_error(product, middle, high)
    result = np.asarray(high + odd_sum(middle_lost, high_lost))
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    plain = ~finite | (a == 0) | (b == 0) | (result == 0)  # the product is exact here, so one sum rounds once
    magnitude = np.abs(product)
    extreme = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(c)) > 2.0**990
    extreme |= (magnitude > 2.0**1000) | (magnitude < 2.0**-900) | ((np.abs(c) < 2.0**-900) & (c != 0))
    extreme &= finite & (a != 0) & (b != 0)
    result = np.where(plain, product + c, result)
    for where in np.flatnonzero(extreme):
        result[where] = _exact_fma(float(a[where]), float(b[where]), float(c[where]))
    return result


def _exact_fma(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c  # the sign of zero follows the ordinary rules
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")
