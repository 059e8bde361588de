"""Numbers as XLA defines them, in numpy: the type to compute in, one rounding at the end, bits.

Rules of this library, where the specifications leave the choice:
- `+ - * /` and their like on 16-bit and smaller floats are computed in f32 and rounded once to their own type;
- transcendental functions are computed one type wider (f64 for all floats up to f32, c128 for c64) and rounded once,
  so that they are within 0.5000001 units in the last place and the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from hlo_tools.ir.element import F8E8M0FNU, ElementType

Array = np.ndarray[Any, np.dtype[Any]]

F32, F64, C128 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128)
UINTS: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.uint32),
    8: np.dtype(np.uint64),
}
"""The unsigned integer of each width in bytes."""


def compute_dtype(element: ElementType) -> np.dtype[Any]:
    """The type in which sums and products of `element` are computed; its own where numpy has it."""
    if element.is_float and element.bits <= 16:
        return F32 if element is not F8E8M0FNU else F64  # its range is that of f32, squared in a product
    if element.is_integer and element.bits < 8:
        return np.dtype(np.int8 if element.is_signed else np.uint8)
    return element.dtype


def wide_dtype(element: ElementType) -> np.dtype[Any]:
    """The type in which functions and long sums of `element` are computed."""
    if element.is_float:
        return F64
    return C128 if element.is_complex else compute_dtype(element)


def _odd_f32(x: Array) -> Array:
    """f64 to f32, rounded to odd: a later rounding to a shorter type is then the only one."""
    near = x.astype(np.float32)
    inexact = (near != x) & np.isfinite(x) & ((near.view(np.uint32) & 1) == 0)
    if not inexact.any():
        return near
    toward = np.where(near.astype(np.float64) < x, np.float32(np.inf), np.float32(-np.inf))
    return np.where(inexact, np.nextafter(near, toward), near)


def _powers_of_two(x: Array) -> Array:
    """Doubles as f8e8m0fnu: the nearest power, the larger one of two; NaN for what is not positive or too large."""
    part, exponent = np.frexp(x)
    exponent = np.maximum(exponent - 1 + (part >= 0.75), -127)
    bits = np.where((x > 0) & np.isfinite(x) & (exponent <= 127), exponent + 127, 255)
    return bits.astype(np.uint8).view(F8E8M0FNU.dtype)


def same_extent(xs: Sequence[Array]) -> list[Array]:
    """Arrays whose run-time sizes differ, cut to the sizes that all have; a size of 1 is repeated, as in XLA."""
    ranks = {x.ndim for x in xs if x.ndim}
    if len(ranks) != 1:
        return list(xs)
    sizes = zip(*[x.shape for x in xs if x.ndim], strict=True)
    common = tuple(slice(min((n for n in each if n != 1), default=1)) for each in sizes)
    return [x[common] if x.ndim else x for x in xs]


def narrow(x: Any, element: ElementType) -> Array:
    """`x` as an array of `element`: floats rounded once to nearest even, integers wrapped."""
    y: Array = np.asarray(x)
    if y.dtype == element.dtype:
        return y
    if element is F8E8M0FNU:
        return _powers_of_two(y.astype(F64))
    if y.dtype == F64 and element.is_float and element.bits <= 16 and element.dtype != np.float16:
        y = _odd_f32(y)
    if element.is_float and y.dtype.itemsize == 1 and y.dtype != np.bool_:
        y = y.astype(F32)  # exact, and ml_dtypes lacks some of the direct ways
    if element.is_integer and element.bits < 8 and y.dtype.itemsize > 1:
        y = y.astype(np.int8)
    if element.is_float and element.bits <= 8 and y.dtype.itemsize == 1:
        y = y.astype(F32)  # numpy does not know all conversions between short floats
    return y.astype(element.dtype)


def arithmetic(function: Callable[..., Any]) -> Callable[..., Array]:
    """The numpy function on arrays of an element type, computed in its `compute_dtype` and rounded once."""

    def run(*xs: Array, element: ElementType) -> Array:
        dtype = compute_dtype(element)
        if dtype is element.dtype:
            result: Array = function(*xs)
            return result
        return narrow(function(*[x.astype(dtype) for x in xs]), element)

    return run


def precise(function: Callable[..., Any]) -> Callable[..., Array]:
    """The numpy function on arrays of an element type, computed in its `wide_dtype` and rounded once."""

    def run(*xs: Array, element: ElementType) -> Array:
        dtype = wide_dtype(element)
        return narrow(function(*[x.astype(dtype, copy=False) for x in xs]), element)

    return run


def bits_of(x: Array) -> Array:
    """The bits of each element as an unsigned integer of its width in memory."""
    return np.ascontiguousarray(x).reshape(x.shape).view(UINTS[x.dtype.itemsize])


def unsigned_bits(x: Array, element: ElementType) -> Array:
    """The bits of integers as an unsigned integer in which the width of `element` fits, higher bits zero."""
    bits = bits_of(x)
    return bits & np.uint8((1 << element.bits) - 1) if element.bits < 8 else bits


def from_bits(bits: Array, element: ElementType) -> Array:
    """The elements with these bits (as `unsigned_bits` gives them)."""
    if element.is_integer and element.bits < 8:
        return bits.astype(np.uint8).view(np.int8).astype(element.dtype)
    if element.dtype == np.bool_:
        return (bits & 1).astype(np.bool_)
    return np.ascontiguousarray(bits).reshape(bits.shape).view(element.dtype)


def total_order_key(x: Array, element: ElementType) -> Array:
    """Integers that order floats as IEEE 754 totalOrder: -NaN, -inf ... -0, 0 ... inf, NaN. Others stay."""
    if not element.is_float:
        return x.astype(compute_dtype(element), copy=False)
    if element is F8E8M0FNU:  # it has no sign
        return bits_of(x).astype(np.int16)
    if element.bits < 8:
        x = x.astype(np.float32)
    bits = bits_of(x)
    signed: Array = bits.view(f"i{bits.dtype.itemsize}")
    top = np.iinfo(signed.dtype).max
    return np.where(signed < 0, signed ^ top, signed)


def as_doubles(x: Array, element: ElementType) -> Array:
    """The values as doubles, which hold all but the largest 64-bit integers."""
    if element.is_integer and element.bits < 8:
        return x.astype(np.int8 if element.is_signed else np.uint8).astype(np.float64)
    return x.astype(np.float64)


def units_apart(expected: Array, got: Array, element: ElementType) -> Array:
    """How many representable values lie between, as doubles; for integers the difference."""
    if not element.is_float:
        difference: Array = np.abs(as_doubles(expected, element) - as_doubles(got, element))
        return difference
    x, y = (_from_zero(total_order_key(v, element)) for v in (expected, got))
    roughly = np.abs(x.astype(np.float64) - y.astype(np.float64))
    return np.where(roughly < 2.0**52, np.abs(x - y).astype(np.float64), roughly)


def _from_zero(key: Array) -> Array:
    """Total order keys as 64-bit integers in which both zeros are 0."""
    wide = key.astype(np.int64)
    return np.where(wide < 0, wide + 1, wide)


def float_info(dtype: np.dtype[Any]) -> Any:
    """Facts of a float type, as `numpy.finfo` names them, for the types that numpy lacks too."""
    describe: Any = ml_dtypes.finfo
    return describe(dtype)


def integer_info(dtype: np.dtype[Any]) -> Any:
    """`min` and `max` of an integer type, for the types that numpy lacks too."""
    describe: Any = ml_dtypes.iinfo
    return describe(dtype)


def extremes(element: ElementType) -> tuple[Any, Any]:
    """The least and the greatest value of a real type (infinities where it has them), as numpy scalars."""
    dtype = element.dtype
    if dtype == np.bool_:
        return dtype.type(False), dtype.type(True)
    if element.is_integer:
        info = integer_info(dtype)
        return dtype.type(info.min), dtype.type(info.max)
    with np.errstate(all="ignore"):
        top = np.array([np.inf], F32).astype(dtype)
    if np.isinf(top.astype(F32))[0]:
        return (-top)[0], top[0]
    limits = float_info(dtype)
    return dtype.type(limits.min), dtype.type(limits.max)
