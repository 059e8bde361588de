"""Householder reflectors as LAPACK's larfg makes them: H = I - tau v v', where the first element of v is 1."""

from __future__ import annotations

import numpy as np

from hlo_tools.ops.numerics import Array


def reflector(x: Array) -> tuple[Array, Array, Array]:
    """For a stack of vectors: beta, tau and v, such that H' x is beta in the first place and 0 elsewhere."""
    alpha = x[:, 0]
    rest = np.sum(np.abs(x[:, 1:]) ** 2, axis=1)
    done = (rest == 0) & (alpha.imag == 0)
    beta = np.where(done, alpha.real, -np.copysign(np.sqrt(np.abs(alpha) ** 2 + rest), alpha.real))
    tau = np.where(done, 0, (beta - alpha) / np.where(done, 1, beta))
    v = x / np.where(done, 1, alpha - beta)[:, None]
    v[:, 0] = 1
    return beta, tau, v


def from_left(tau: Array, v: Array, a: Array) -> None:
    """Replace each matrix a of a stack by H a."""
    a -= tau[:, None, None] * v[:, :, None] * (v.conj()[:, None, :] @ a)


def from_right(tau: Array, v: Array, a: Array) -> None:
    """Replace each matrix a of a stack by a H."""
    a -= tau[:, None, None] * (a @ v[:, :, None]) * v.conj()[:, None, :]


def packed(a: Array, i: int) -> Array:
    """The vector of reflector i, stored below the diagonal of column i."""
    v = a[:, i:, i].copy()
    v[:, 0] = 1
    return v
