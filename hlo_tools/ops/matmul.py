"""Products of matrices in numpy with the accumulation that XLA promises; dot and convolution share them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_tools.ir.element import ElementType
from hlo_tools.ops.numerics import Array, integer_info, narrow

_EXACT_SINGLE, _EXACT_DOUBLE = 2.0**24, 2.0**53
_ROWS = 128
"""So many rows at a time become floats, which take more memory than short integers do."""


def batched_matmul(x: Array, y: Array, element: ElementType) -> Array:
    """`x[..., m, k] @ y[..., k, n]` with elements of the result type `element`."""
    if element.dtype == np.bool_:
        reached: Array = np.matmul(x.astype(np.float32), y.astype(np.float32)) > 0
        return reached
    if element.is_integer:
        return _integer_matmul(x, y, element)
    if element.is_complex:
        return _complex_matmul(x.astype(element.dtype), y.astype(element.dtype))
    dtype = accumulator(element)
    left, right = (np.ascontiguousarray(v, dtype) for v in (x, y))  # numpy's fast product wants plain strides
    return narrow(np.matmul(left, right), element)


def _complex_matmul(x: Array, y: Array) -> Array:
    """One product after the other, each rounded: what a fast library gives where terms cancel is its own affair."""
    total: Array = np.zeros((*x.shape[:-1], y.shape[-1]), x.dtype)
    for k in range(x.shape[-1]):
        total += x[..., :, k, None] * y[..., None, k, :]
    return total


def accumulator(element: ElementType) -> np.dtype[Any]:
    """The type in which products are summed: f32 for floats below 32 bits, f64 for none but itself."""
    return np.dtype(np.float32) if element.is_float and element.bits < 32 else element.dtype


def _integer_matmul(x: Array, y: Array, element: ElementType) -> Array:
    """Modulo 2^bits; by way of floats (which have a fast product) where no sum leaves their exact range."""
    wide = np.uint64 if not element.is_signed else np.int64
    if x.size and y.size:
        bound = _magnitude(x) * _magnitude(y) * x.shape[-1]
        if bound <= _EXACT_SINGLE:
            return _by_rows(x, y.astype(np.float32), element)
        if bound < _EXACT_DOUBLE:
            return _by_rows(x, y.astype(np.float64), element)
    return narrow(np.matmul(x.astype(wide), y.astype(wide)), element)


def _by_rows(x: Array, y: Array, element: ElementType) -> Array:
    """The product of integers with integers that are written as floats."""
    result = np.empty((*x.shape[:-1], y.shape[-1]), element.dtype)
    for i in range(0, x.shape[-2], _ROWS):
        rows = slice(i, i + _ROWS)
        result[..., rows, :] = narrow(np.matmul(x[..., rows, :].astype(y.dtype), y).astype(np.int64), element)
    return result


def _magnitude(x: Array) -> float:
    if x.dtype.itemsize == 1 and x.dtype.kind not in "iu":
        limits = integer_info(x.dtype)
        return float(max(abs(int(limits.min)), int(limits.max)))
    return float(max(abs(int(x.min())), abs(int(x.max()))))
