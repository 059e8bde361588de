"""dot: products of matrices, with any batch and contracting dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, DotAlgorithm, Precisions, attr
from hlo_tools.ir.element import BF16, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.matmul import batched_matmul
from hlo_tools.ops.numerics import Array
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
        return product(inst.attrs, xs[0], xs[1], inst.shape.element)

    def cost(self, inst: Instruction) -> Cost:
        x = inst.operands[0].shape
        return Cost(flops=2 * inst.shape.size * prod(x.dims[d] for d in inst.attrs.lhs_contracting_dims))


def product(at: AnyDotAttrs, x: Array, y: Array, element: ElementType) -> Array:
    """The sums of products of two arrays as `Dot` forms them, in a result type."""
    left = free_dims(x.ndim, at.lhs_batch_dims, at.lhs_contracting_dims)
    right = free_dims(y.ndim, at.rhs_batch_dims, at.rhs_contracting_dims)
    batch, rows, columns = ([v.shape[d] for d in dims] for v, dims in ((x, at.lhs_batch_dims), (x, left), (y, right)))
    b, m, n, k = prod(batch), prod(rows), prod(columns), prod(x.shape[d] for d in at.lhs_contracting_dims)
    a = x.transpose([*at.lhs_batch_dims, *left, *at.lhs_contracting_dims]).reshape(b, m, k)
    c = y.transpose([*at.rhs_batch_dims, *at.rhs_contracting_dims, *right]).reshape(b, k, n)
    return batched_matmul(a, c, element).reshape([*batch, *rows, *columns])


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


AnyDotAttrs = DotAttrs | RaggedDotAttrs | ScaledDotAttrs


class RaggedDot(Op[RaggedDotAttrs]):
    """A dot whose left operand is cut into groups along its ragged dimension, as long as operand 2 says.

    Where that dimension is free, each group of rows meets its own right operand (one along `rhs_group_dims`), and rows
    behind the last group give zeros. Where it is contracting, each group gives a result of its own, along a new first
    dimension. Where it is a batch dimension, groups make no difference. Operand 2 holds a length for each group, once
    for all or for each index of the dimensions in front of the ragged one: those of the batch, then the others of its
    kind. Source: the three modes of `jax.lax.ragged_dot_general`.
    """

    name, arity, Attrs, declared, stablehlo = "ragged-dot", 3, RaggedDotAttrs, True, "chlo.ragged_dot"

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: RaggedDotAttrs = inst.attrs
        x, y, sizes = xs
        (ragged,) = at.lhs_ragged_dims
        element = inst.shape.element
        if ragged in at.lhs_batch_dims:
            return product(at, x, y, element)
        inside = _group_masks(at, x.shape, ragged, np.asarray(sizes).astype(np.int64))
        if ragged in at.lhs_contracting_dims:
            return np.stack(
                [product(at, _only(mask, x), _only(_of_right(at, mask, y.ndim), y), element) for mask in inside]
            )
        (group,) = at.rhs_group_dims
        dims = DotAttrs(
            at.lhs_batch_dims,
            at.lhs_contracting_dims,
            Dims(tuple(d - (d > group) for d in at.rhs_batch_dims)),
            Dims(tuple(d - (d > group) for d in at.rhs_contracting_dims)),
        )
        result = np.zeros(inst.shape.dims, element.dtype)
        for g, mask in enumerate(inside):
            rows = _of_result(at, mask, len(inst.shape.dims))
            if rows.any():
                result = np.where(rows, product(dims, x, np.take(y, g, group), element), result)
        return result

    def cost(self, inst: Instruction) -> Cost:
        x = inst.operands[0].shape
        return Cost(flops=2 * inst.shape.size * prod(x.dims[d] for d in inst.attrs.lhs_contracting_dims))


def _group_masks(at: RaggedDotAttrs, dims: tuple[int, ...], ragged: int, sizes: Array) -> list[Array]:
    """For each group which elements of the left operand belong to it; of size 1 where the dimension does not matter."""
    summed = ragged in at.lhs_contracting_dims
    inner = at.lhs_contracting_dims if summed else free_dims(len(dims), at.lhs_batch_dims, at.lhs_contracting_dims)
    before = [*at.lhs_batch_dims, *inner][: sizes.ndim - 1]
    ends = np.cumsum(sizes, axis=-1)
    whole = [n if d in before else 1 for d, n in enumerate(dims)]
    place = np.arange(dims[ragged]).reshape([-1 if d == ragged else 1 for d in range(len(dims))])
    masks = []
    for g in range(sizes.shape[-1]):
        end, size = (v[..., g].transpose(np.argsort(before)) for v in (ends, sizes))
        masks.append((place >= (end - size).reshape(whole)) & (place < end.reshape(whole)))
    return masks


def _only(mask: Array, x: Array) -> Array:
    return np.where(mask, x, np.zeros((), x.dtype))


def _of_right(at: RaggedDotAttrs, mask: Array, rank: int) -> Array:
    """A mask of the left operand, which is of size 1 along free dimensions, as one of the right operand."""
    left, right = (*at.lhs_batch_dims, *at.lhs_contracting_dims), (*at.rhs_batch_dims, *at.rhs_contracting_dims)
    free = free_dims(mask.ndim, at.lhs_batch_dims, at.lhs_contracting_dims)
    shared = mask.transpose([*left, *free]).reshape([mask.shape[d] for d in left])
    sizes = dict(zip(right, shared.shape, strict=True))
    return shared.transpose(np.argsort(right)).reshape([sizes.get(d, 1) for d in range(rank)])


def _of_result(at: RaggedDotAttrs, mask: Array, rank: int) -> Array:
    """A mask of the left operand, which is of size 1 along contracting dimensions, as one of the result."""
    free = free_dims(mask.ndim, at.lhs_batch_dims, at.lhs_contracting_dims)
    kept = mask.transpose([*at.lhs_batch_dims, *free, *at.lhs_contracting_dims])
    dims = kept.shape[: len(at.lhs_batch_dims) + len(free)]
    return kept.reshape(*dims, *[1] * (rank - len(dims)))


class ScaledDot(Op[ScaledDotAttrs]):
    """A dot of operands 0 and 1, each multiplied block by block with its scales, operands 2 and 3.

    Operands 4 and 5, where they are given, are scales of the whole operands. Scales are applied in f32.
    """

    name, arity, Attrs, declared = "scaled-dot", None, ScaledDotAttrs, True

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

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        scaled = [_scaled(xs[i], xs[2 + i], inst.operands[i].shape, inst.operands[2 + i].shape) for i in range(2)]
        for i, whole in enumerate(xs[4:]):
            scaled[i] = scaled[i] * whole.astype(np.float32)
        return product(inst.attrs, scaled[0], scaled[1], inst.shape.element)


def _scaled(x: Array, scales: Array, shape: Shape, of: Shape) -> Array:
    """An operand times its scales, each of which is for a block."""
    values = x.astype(np.float32)
    if _stands_for_none(shape, of):
        return values
    factors = scales.astype(np.float32)
    for d, (n, m) in enumerate(zip(x.shape, scales.shape, strict=True)):
        factors = np.repeat(factors, n // m, axis=d)
    return values * factors


def _stands_for_none(x: Shape, scales: Shape) -> bool:
    """Whether an operand has no scales: bf16 ones of size 1 stand for that."""
    return scales.element is x.element is BF16 and all(n == 1 for n in scales.dims) and any(n != 1 for n in x.dims)


def _check_scales(x: Shape, scales: Shape, contracting: Dims, operand: int) -> None:
    """Each dimension of the operand has to be a multiple of that of its scales; bf16 ones stand for no scales."""
    if _stands_for_none(x, scales):
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
ragged_dot = RaggedDot()
scaled_dot = ScaledDot()
