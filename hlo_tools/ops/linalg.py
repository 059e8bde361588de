"""Linear algebra: cholesky, triangular-solve. Computed in double (complex double) and rounded once."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Transpose, attr
from hlo_tools.ir.element import Kind
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import Array, narrow, wide_dtype
from hlo_tools.ops.rules import need, need_count, need_kind, need_same_element


@dataclass(frozen=True, slots=True)
class CholeskyAttrs:
    """Which triangle is read and written."""

    lower: bool = attr(False)


class Cholesky(Op[CholeskyAttrs]):
    """The triangular factor of symmetric (Hermitian) positive definite matrices, in the last two dimensions.

    Only one triangle of the operand is read; the other one of the result is zero. A matrix that is not positive
    definite gives NaN.
    """

    name, arity, Attrs, stablehlo = "cholesky", 1, CholeskyAttrs, "cholesky"

    def shape(self, at: CholeskyAttrs, *xs: Shape) -> Shape:
        need_kind(xs[0], Kind.FLOAT | Kind.COMPLEX, 0)
        _need_square(xs[0])
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        element = inst.shape.element
        n = xs[0].shape[-1]
        factors = np.empty((prod(xs[0].shape[:-2]), n, n), element.dtype)
        for i, matrix in enumerate(xs[0].reshape(factors.shape)):
            try:
                factors[i] = narrow(_factor(matrix.astype(wide_dtype(element)), inst.attrs.lower), element)
            except np.linalg.LinAlgError:
                factors[i] = np.nan
        return factors.reshape(xs[0].shape)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size * inst.shape.dims[-1] // 3)


def _factor(a: Array, lower: bool) -> Array:
    """The factor of one matrix; numpy reads the lower triangle only."""
    return np.linalg.cholesky(a) if lower else np.linalg.cholesky(a.T.conj()).T.conj()


def _need_square(x: Shape) -> None:
    need(x.rank >= 2, f"operand 0 is {x.bare}, expected at least 2 dimensions", 0)
    need(x.dims[-1] == x.dims[-2], f"operand 0 is {x.bare}, expected square matrices", 0)


@dataclass(frozen=True, slots=True)
class TriangularSolveAttrs:
    """Which side the matrix stands on, which triangle it is, and how it is read."""

    left_side: bool = attr(False)
    lower: bool = attr(False)
    unit_diagonal: bool = attr(False)
    transpose_a: Transpose = attr(Transpose.TRANSPOSE_INVALID)


class TriangularSolve(Op[TriangularSolveAttrs]):
    """x of `op(a) x = b` (left side) or `x op(a) = b`, for triangular matrices a."""

    name, arity, Attrs, stablehlo = "triangular-solve", 2, TriangularSolveAttrs, "triangular_solve"

    def shape(self, at: TriangularSolveAttrs, *xs: Shape) -> Shape:
        a, b = xs
        need_kind(a, Kind.FLOAT | Kind.COMPLEX, 0)
        need_kind(b, Kind.FLOAT | Kind.COMPLEX, 1)
        need_same_element(a, b, 1)
        _need_square(a)
        need_count(b.rank, a.rank, "rank of operand 1")
        need(a.dims[:-2] == b.dims[:-2], f"operand 1 is {b.bare}, expected the batch dimensions of {a.bare}", 1)
        shared = b.dims[-2 if at.left_side else -1]
        need(shared == a.dims[-1], f"operand 1 is {b.bare}, which does not fit {a.bare}", 1)
        return b.bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: TriangularSolveAttrs = inst.attrs
        dtype = wide_dtype(inst.shape.element)
        a, b = (x.astype(dtype) for x in xs)
        lower = at.lower
        if at.transpose_a is Transpose.ADJOINT:
            a = np.conj(a)
        if at.transpose_a in (Transpose.TRANSPOSE, Transpose.ADJOINT):
            a, lower = np.swapaxes(a, -1, -2), not lower
        if not at.left_side:  # x a = b is a' x' = b'
            a, b, lower = np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not lower
        x = substitute(a, b, lower, at.unit_diagonal)
        return narrow(x if at.left_side else np.swapaxes(x, -1, -2), inst.shape.element)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size * inst.operands[0].shape.dims[-1])


def substitute(a: Array, b: Array, lower: bool, unit: bool) -> Array:
    """Row by row: what is known so far is subtracted, then comes the division by the diagonal."""
    n = a.shape[-1]
    x = np.zeros_like(b)
    for i in range(n) if lower else range(n - 1, -1, -1):
        known = slice(0, i) if lower else slice(i + 1, n)
        row = b[..., i, :] - np.matmul(a[..., i : i + 1, known], x[..., known, :])[..., 0, :]
        x[..., i, :] = row if unit else row / a[..., i, i, None]
    return x


cholesky = Cholesky()
triangular_solve = TriangularSolve()
