"""dot: products of matrices, with any batch and contracting dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from hlo_tools.ir.attributes import Dims, DotAlgorithm, Precisions, attr
from hlo_tools.ir.element import BF16
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.family import NotYetOp
from hlo_tools.ops.matmul import batched_matmul
from hlo_tools.ops.rules import braces, made, need, need_array, need_count, need_dims


@dataclass(frozen=True, slots=True)
class DotAttrs:
    """Which dimensions are batch and which are summed over; how exactly."""

    lhs_batch_dims: Dims = attr(Dims(()))
    lhs_contracting_dims: Dims = attr(Dims(()), always=True)
    rhs_batch_dims: Dims = attr(Dims(()))
    rhs_contracting_dims: Dims = attr(Dims(()), always=True)
    operand_precision: Precisions = attr(Precisions(()))
    algorithm: DotAlgorithm = attr(DotAlgorithm.UNSET)


def free_dims(rank: int, *used: Dims) -> list[int]:
    """The dimensions that are neither batch nor contracting."""
    return [d for d in range(rank) if not any(d in u for u in used)]


class Dot(Op[DotAttrs]):
    """Sums of products over the contracting dimensions; the result has batch, left free and right free dimensions.

    Products of floats below 32 bits are summed in f32 and rounded once; integers wrap in the result type.
    The result type may be wider than that of the operands. `algorithm` allows a backend to round the operands; like
    XLA's evaluator and its CPU backend, this evaluation does not.
    """

    name, arity, Attrs, declared, stablehlo = "dot", 2, DotAttrs, True, "dot_general"

    def shape(self, at: DotAttrs, *xs: Shape) -> Shape:
        x, y = xs
        need_array(x, 0)
        need_array(y, 1)
        _check_dims(at, x, y)
        batch = [x.dims[d] for d in at.lhs_batch_dims]
        left = [x.dims[d] for d in free_dims(x.rank, at.lhs_batch_dims, at.lhs_contracting_dims)]
        right = [y.dims[d] for d in free_dims(y.rank, at.rhs_batch_dims, at.rhs_contracting_dims)]
        wider = x.element if x.element.bits >= y.element.bits else y.element
        return made(wider, [*batch, *left, *right])

    def check(self, at: DotAttrs, shape: Shape, *xs: Shape) -> None:
        inferred = self.shape(at, *xs)
        need(
            shape.is_array and shape.dims == inferred.dims,
            f"the result is {inferred.bare}, but {shape.bare} is declared",
        )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: DotAttrs = inst.attrs
        x, y = xs
        left = free_dims(x.ndim, at.lhs_batch_dims, at.lhs_contracting_dims)
        right = free_dims(y.ndim, at.rhs_batch_dims, at.rhs_contracting_dims)
        b = prod(x.shape[d] for d in at.lhs_batch_dims)
        m, n = prod(x.shape[d] for d in left), prod(y.shape[d] for d in right)
        k = prod(x.shape[d] for d in at.lhs_contracting_dims)
        a = x.transpose([*at.lhs_batch_dims, *left, *at.lhs_contracting_dims]).reshape(b, m, k)
        c = y.transpose([*at.rhs_batch_dims, *at.rhs_contracting_dims, *right]).reshape(b, k, n)
        return batched_matmul(a, c, inst.shape.element).reshape(inst.shape.dims)

    def cost(self, inst: Instruction) -> Cost:
        x = inst.operands[0].shape
        return Cost(flops=2 * inst.shape.size * prod(x.dims[d] for d in inst.attrs.lhs_contracting_dims))


def _check_dims(at: DotAttrs, x: Shape, y: Shape) -> None:
    need_dims((*at.lhs_batch_dims, *at.lhs_contracting_dims), x.rank, "left batch or contracting dimension")
    need_dims((*at.rhs_batch_dims, *at.rhs_contracting_dims), y.rank, "right batch or contracting dimension")
    need_count(len(at.rhs_batch_dims), len(at.lhs_batch_dims), "rhs_batch_dims against lhs_batch_dims")
    need_count(
        len(at.rhs_contracting_dims), len(at.lhs_contracting_dims), "rhs_contracting_dims against lhs_contracting_dims"
    )
    for kind, left, right in (
        ("batch", at.lhs_batch_dims, at.rhs_batch_dims),
        ("contracting", at.lhs_contracting_dims, at.rhs_contracting_dims),
    ):
        for i, j in zip(left, right, strict=True):
            need(
                x.dims[i] == y.dims[j],
                f"operand 1 has {kind} size {y.dims[j]} in dimension {j}, expected {x.dims[i]}"
                f" ({kind}_dims {braces(left)} and {braces(right)})",
                1,
            )


@dataclass(frozen=True, slots=True)
class RaggedDotAttrs:
    """As `DotAttrs`, and the dimensions that are cut into groups."""

    lhs_batch_dims: Dims = attr(Dims(()))
    lhs_contracting_dims: Dims = attr(Dims(()), always=True)
    rhs_batch_dims: Dims = attr(Dims(()))
    rhs_contracting_dims: Dims = attr(Dims(()), always=True)
    lhs_ragged_dims: Dims = attr(Dims(()), always=True)
    rhs_group_dims: Dims = attr(Dims(()))
    operand_precision: Precisions = attr(Precisions(()))


@dataclass(frozen=True, slots=True)
class ScaledDotAttrs:
    """As `DotAttrs`."""

    lhs_batch_dims: Dims = attr(Dims(()))
    lhs_contracting_dims: Dims = attr(Dims(()), always=True)
    rhs_batch_dims: Dims = attr(Dims(()))
    rhs_contracting_dims: Dims = attr(Dims(()), always=True)
    operand_precision: Precisions = attr(Precisions(()))


class ScaledDot(NotYetOp):
    """A dot of operands 0 and 1, each multiplied block by block with its scales, operands 2 and 3.

    Operands 4 and 5, where they are given, are scales of the whole operands.
    """

    def check(self, at: ScaledDotAttrs, shape: Shape, *xs: Shape) -> None:
        need(len(xs) in (4, 6), f"got {len(xs)} operands, expected 4 or 6")
        for i, x in enumerate(xs):
            need_array(x, i)
        dims = DotAttrs(at.lhs_batch_dims, at.lhs_contracting_dims, at.rhs_batch_dims, at.rhs_contracting_dims)
        for i, contracting in ((0, at.lhs_contracting_dims), (1, at.rhs_contracting_dims)):
            _check_scales(xs[i], xs[2 + i], contracting, 2 + i)
        need(bool(xs[2].dims or xs[3].dims), "at least one of the scales should not be a scalar", 2)
        for i, x in enumerate(xs[4:], 4):
            need(not x.dims, f"operand {i} is {x.bare}, expected a scalar", i)
        dot.check(dims, shape, *xs[:2])


def _check_scales(x: Shape, scales: Shape, contracting: Dims, operand: int) -> None:
    """Each dimension of the operand has to be a multiple of that of its scales; bf16 ones stand for no scales."""
    if scales.element is x.element is BF16 and all(n == 1 for n in scales.dims) and any(n != 1 for n in x.dims):
        return
    need_count(scales.rank, x.rank, f"rank of the scales of {x.bare}")
    need_count(len(contracting), 1, "contracting dimensions")
    for d, (n, m) in enumerate(zip(x.dims, scales.dims, strict=True)):
        need(
            m > 0 and n % m == 0,
            f"dimension {d} of {x.bare} should be a multiple of dimension {d} of its scales, {scales.bare}",
            operand,
        )


dot = Dot()
ragged_dot = NotYetOp("ragged-dot", 3, RaggedDotAttrs, stablehlo="chlo.ragged_dot")
scaled_dot = ScaledDot("scaled-dot", None, ScaledDotAttrs)
