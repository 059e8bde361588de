"""Integer arithmetic as PTX defines it, where numpy's own does not already give it.

Arguments are arrays of the instruction's integer dtype; results have that dtype unless said otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_backends.gpu.simulate.scalars import SIGNED, UNSIGNED, Array


def wider(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The integer dtype of the same kind and twice the size."""
    return np.dtype(f"{dtype.kind}{2 * dtype.itemsize}")


def _bits(a: Array) -> int:
    return 8 * a.dtype.itemsize


def divide(a: Array, b: Array) -> Array:
    """Rounds toward zero. Division by zero, which PTX leaves open, gives all ones as the hardware does."""
    zero = b == 0
    divisor = np.where(zero, b.dtype.type(1), b)
    quotient = a // divisor if a.dtype.kind == "u" else _signed_quotient(a, divisor)
    return np.where(zero, ~a.dtype.type(0), quotient)


def _signed_quotient(a: Array, b: Array) -> Array:
    floor: Array = np.where(b == -1, -a, a // np.where(b == -1, b.dtype.type(1), b))
    inexact = np.where(b == -1, False, floor * b != a)
    quotient: Array = floor + (inexact & (floor < 0)).astype(a.dtype)
    return quotient


def remainder(a: Array, b: Array) -> Array:
    """Takes the sign of the dividend; the dividend itself where the divisor is zero."""
    return np.where(b == 0, a, a - divide(a, b) * b)


def multiply_low(a: Array, b: Array) -> Array:
    """The lower half of the double-width product."""
    product: Array = a * b
    return product


def multiply_high(a: Array, b: Array) -> Array:
    """The upper half of the double-width product."""
    bits = _bits(a)
    if bits < 64:
        wide = wider(a.dtype)
        upper: Array = ((a.astype(wide) * b.astype(wide)) >> wide.type(bits)).astype(a.dtype)
        return upper
    x, y = a.view(np.uint64), b.view(np.uint64)
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    x_low, x_high, y_low, y_high = x & mask, x >> half, y & mask, y >> half
    cross = x_high * y_low + ((x_low * y_low) >> half)
    middle = x_low * y_high + (cross & mask)
    high = x_high * y_high + (cross >> half) + (middle >> half)
    if a.dtype.kind == "i":
        high = high - np.where(a < 0, y, np.uint64(0)) - np.where(b < 0, x, np.uint64(0))
    result: Array = high.view(a.dtype)
    return result


def shift_left(a: Array, amount: Array) -> Array:
    """Amounts (uint32) of the width or more give zero."""
    bits = _bits(a)
    shifted: Array = a << np.minimum(amount, bits - 1).astype(a.dtype)
    return np.where(amount >= bits, a.dtype.type(0), shifted)


def shift_right(a: Array, amount: Array) -> Array:
    """Amounts (uint32) of the width or more give zero, or copies of the sign for signed values."""
    bits = _bits(a)
    shifted: Array = a >> np.minimum(amount, bits - 1).astype(a.dtype)
    if a.dtype.kind == "u":
        shifted = np.where(amount >= bits, a.dtype.type(0), shifted)
    return shifted


def _mask(dtype: np.dtype[Any], length: Array) -> Array:
    """`length` (uint32, at most the width) low ones."""
    ones = np.full(1, ~dtype.type(0), dtype)
    mask: Array = ~shift_left(ones, length)
    return mask


def extract_field(a: Array, position: Array, length: Array) -> Array:
    """bfe: `length` bits from `position` on; the sign bit of the field is repeated for signed values."""
    bits = np.uint32(_bits(a))
    position = np.minimum(position & np.uint32(255), bits)
    length = np.minimum(length & np.uint32(255), bits)
    unsigned = UNSIGNED[a.dtype.itemsize]
    shifted = shift_right(a, position)
    if a.dtype.kind == "u":
        return shifted & _mask(unsigned, length)
    cut = np.where(position + length < bits, bits - length, np.uint32(0))
    extended = shift_right(shift_left(shifted, cut), cut)
    return np.where(length == 0, a.dtype.type(0), extended)


def insert_field(field: Array, base: Array, position: Array, length: Array) -> Array:
    """bfi: `base` with its `length` bits from `position` on replaced by the low bits of `field`."""
    bits = np.uint32(_bits(base))
    position = np.minimum(position & np.uint32(255), bits)
    length = np.minimum(length & np.uint32(255), bits)
    mask = shift_left(_mask(base.dtype, length), position)
    return (base & ~mask) | (shift_left(field, position) & mask)


def count_leading_zeros(a: Array) -> Array:
    """uint32."""
    bits = _bits(a)
    spread = a.copy()
    step = 1
    while step < bits:
        spread |= spread >> a.dtype.type(step)
        step *= 2
    return np.uint32(bits) - np.bitwise_count(spread).astype(np.uint32)


def reverse_bits(a: Array) -> Array:
    """The bits in the opposite order."""
    result = a.copy()
    bits = _bits(a)
    step = bits // 2
    while step:
        block = sum(((1 << step) - 1) << start for start in range(0, bits, 2 * step))
        low, by = a.dtype.type(block), a.dtype.type(step)
        result = ((result & low) << by) | ((result >> by) & low)
        step //= 2
    return result


def find_leading(a: Array) -> Array:
    """bfind: the position of the highest bit that differs from the sign (the highest set bit, for unsigned); uint32."""
    unsigned = UNSIGNED[a.dtype.itemsize]
    plain = np.where(a < 0, ~a, a).view(unsigned) if a.dtype.kind == "i" else a
    return np.uint32(_bits(a) - 1) - count_leading_zeros(plain)


def permute_bytes(a: Array, b: Array, selector: Array) -> Array:
    """prmt in its default mode: each nibble of the selector picks a byte of b:a, or its sign eight times."""
    joined = (b.astype(np.uint64) << np.uint64(32)) | a.astype(np.uint64)
    result = np.zeros(1, np.uint32)
    for place in range(4):
        nibble = (selector >> np.uint32(4 * place)) & np.uint32(15)
        byte = (joined >> ((nibble & np.uint32(7)) * np.uint32(8)).astype(np.uint64)).astype(np.uint32) & np.uint32(255)
        sign = np.where(byte & np.uint32(128), np.uint32(255), np.uint32(0))
        result = result | (np.where(nibble & np.uint32(8), sign, byte) << np.uint32(8 * place))
    return result


def funnel_shift(low: Array, high: Array, amount: Array, left: bool, clamp: bool) -> Array:
    """shf: 32 bits of the 64-bit high:low, shifted by up to 31 (wrap) or 32 (clamp)."""
    count = (np.minimum(amount, np.uint32(32)) if clamp else amount & np.uint32(31)).astype(np.uint64)
    joined = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    shifted = (joined << count) >> np.uint64(32) if left else joined >> count
    return shifted.astype(np.uint32)


def logic3(table: int, a: Array, b: Array, c: Array) -> Array:
    """lop3: bit i of the table answers for the inputs whose bits spell i (a highest)."""
    result: Array = np.zeros_like(a & b & c)
    for row in range(8):
        if table >> row & 1:
            term: Array = (a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c)
            result |= term
    return result


def dot4(a: Array, b: Array, c: Array, a_type: np.dtype[Any], b_type: np.dtype[Any]) -> Array:
    """dp4a: c plus the dot product of four bytes of a and b."""
    x = np.ascontiguousarray(a).view(a_type).reshape(-1, 4).astype(np.int32)
    y = np.ascontiguousarray(b).view(b_type).reshape(-1, 4).astype(np.int32)
    total: Array = (x * y).sum(axis=1, dtype=np.int32).view(np.uint32) + c
    return total


def saturating(function: np.ufunc, a: Array, b: Array) -> Array:
    """add.sat and sub.sat of 32-bit signed values."""
    limits = np.iinfo(np.int32)
    wide: Array = function(a.astype(SIGNED[8]), b.astype(SIGNED[8]))
    return np.clip(wide, limits.min, limits.max).astype(np.int32)
