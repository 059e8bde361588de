"""gtsv."""

from __future__ import annotations

import numpy as np

from hlo_tools.ops.calls.lapack.typed import routine
from hlo_tools.ops.calls.site import CustomCall
from hlo_tools.ops.numerics import Array


def _gtsv(call: CustomCall, lower: Array, d: Array, upper: Array, b: Array) -> tuple[Array, ...]:
    """What elimination with row interchanges leaves of the three diagonals, the solutions, and the number of a pivot
    that is 0. The first element of `lower` and the last of `upper` lie outside the matrix."""
    n = d.shape[1]
    below = lower[:, 1:]
    for i in range(n - 1):
        _eliminate(below, d, upper, b, i)
    zero = d == 0
    info = np.where(zero.any(axis=1), np.argmax(zero, axis=1) + 1, 0)
    for i in reversed(range(n)):
        if i + 1 < n:
            b[:, i] -= upper[:, i, None] * b[:, i + 1]
        if i + 2 < n:
            b[:, i] -= below[:, i, None] * b[:, i + 2]
        b[:, i] /= d[:, i, None]
    return lower, d, upper, b, info


def _eliminate(below: Array, d: Array, upper: Array, b: Array, i: int) -> None:
    """Row i + 1 minus a multiple of row i, after swapping them where that element is the larger one."""
    swap = _size(d[:, i]) < _size(below[:, i])
    pivot, other = np.where(swap, below[:, i], d[:, i]), np.where(swap, d[:, i], below[:, i])
    factor = other / np.where(pivot == 0, 1, pivot)
    right, next_right = np.where(swap, d[:, i + 1], upper[:, i]), np.where(swap, upper[:, i], d[:, i + 1])
    d[:, i], d[:, i + 1], upper[:, i] = pivot, next_right - factor * right, right
    if i + 2 < d.shape[1]:
        below[:, i] = np.where(swap, upper[:, i + 1], 0)
        upper[:, i + 1] = np.where(swap, -factor * upper[:, i + 1], upper[:, i + 1])
    rows = b[:, i : i + 2].copy()
    rows[swap] = rows[swap][:, ::-1]
    b[:, i], b[:, i + 1] = rows[:, 0], rows[:, 1] - factor[:, None] * rows[:, 0]


def _size(x: Array) -> Array:
    """LAPACK's measure of complex numbers."""
    size: Array = np.abs(x.real) + np.abs(x.imag)
    return size


CALLS = routine("gtsv", _gtsv, 1, 1, 1, 2)
"""By target."""
