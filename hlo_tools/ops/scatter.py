"""scatter: slices of an array, combined with updates at computed places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Cost, Env, Op
from hlo_tools.ir.shape import Shape, scalar
from hlo_tools.ops.gather import (
    batch_position,
    check_batching,
    index_batch_dims,
    index_vectors,
    window_dims,
)
from hlo_tools.ops.monoid import combine_at
from hlo_tools.ops.numerics import Array
from hlo_tools.ops.rules import (
    braces,
    need,
    need_array,
    need_count,
    need_dims,
    need_index,
    need_same_dims,
    need_same_element,
    need_signature,
    need_sorted,
    results_like,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterAttrs:
    """Which dimension is what; the names are those of XLA's `ScatterDimensionNumbers`."""

    update_window_dims: Dims
    inserted_window_dims: Dims
    scatter_dims_to_operand_dims: Dims
    input_batching_dims: Dims = attr(Dims(()))
    scatter_indices_batching_dims: Dims = attr(Dims(()))
    index_vector_dim: int = attr()
    indices_are_sorted: bool = attr(False)
    unique_indices: bool = attr(False)
    to_apply: Callee = attr()


class Scatter(Op[ScatterAttrs]):
    """N arrays, with `to_apply` of old values and updates at the places that the indices say.

    Operands: N arrays, the indices, N arrays of updates. A window that does not fit into the array is dropped as a
    whole (as XLA does; the StableHLO spec drops elements). Updates of one place are applied in row-major order.
    """

    name, Attrs, stablehlo = "scatter", ScatterAttrs, "scatter"

    def shape(self, at: ScatterAttrs, *xs: Shape) -> Shape:
        need(len(xs) >= 3 and len(xs) % 2 == 1, f"got {len(xs)} operands, expected 2N + 1")
        n = len(xs) // 2
        inputs, indices, updates = xs[:n], xs[n], xs[n + 1 :]
        need_index(indices, n)
        for i, (x, u) in enumerate(zip(inputs, updates, strict=True)):
            need_array(x, i)
            need_same_dims(inputs[0], x, i)
            need_array(u, n + 1 + i)
            need_same_element(x, u, n + 1 + i)
            _check_updates(at, x, indices, u, n + 1 + i)
        return results_like(at.to_apply, [x.bare for x in inputs])

    def verify(self, inst: Instruction) -> None:
        n = len(inst.operands) // 2
        scalars = [scalar(x.shape.element) for x in inst.operands[:n]]
        update = inst.attrs.to_apply
        need_signature(update, [*scalars, *scalars], results_like(update, scalars), "the update computation")

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        n = len(xs) // 2
        inputs, updates = xs[:n], xs[n + 1 :]
        at: ScatterAttrs = inst.attrs
        inside, flat = scatter_places(at, xs)
        results = [np.array(x).reshape(-1) for x in inputs]
        values = [u.reshape(-1)[inside] for u in updates]
        combine_at(env, at.to_apply, results, flat, values)
        shaped = tuple(r.reshape(x.shape) for r, x in zip(results, inputs, strict=True))
        return shaped if inst.shape.is_tuple else shaped[0]

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=sum(x.shape.size for x in inst.operands[len(inst.operands) // 2 + 1 :]))


def scatter_places(at: ScatterAttrs, xs: Sequence[Any]) -> tuple[Array, Array]:
    """For operand values: which update elements land inside (flat mask, row-major), and the flat place of each."""
    n = len(xs) // 2
    return _places(at, xs[0].shape, xs[n], xs[n + 1].shape)


def _check_updates(at: ScatterAttrs, x: Shape, indices: Shape, update: Shape, operand: int) -> None:
    batch = index_batch_dims(indices, at.index_vector_dim)
    vector = 1 if at.index_vector_dim == indices.rank else indices.dims[at.index_vector_dim]
    need_count(len(at.scatter_dims_to_operand_dims), vector, "size of scatter_dims_to_operand_dims against the vectors")
    need_dims(at.scatter_dims_to_operand_dims, x.rank, "Invalid scatter_dims_to_operand_dims mapping: dimension")
    need_dims(at.inserted_window_dims, x.rank, "inserted window dimension")
    need_sorted(at.inserted_window_dims, "inserted_window_dims")
    need_dims(at.input_batching_dims, x.rank, "input batching dimension")
    need_sorted(at.input_batching_dims, "input_batching_dims")
    both = set(at.inserted_window_dims) & set(at.input_batching_dims)
    need(not both, f"{braces(sorted(both))} are both in inserted_window_dims and input_batching_dims")
    check_batching(x, indices, at.input_batching_dims, at.scatter_indices_batching_dims, at.index_vector_dim)
    need_dims(at.update_window_dims, update.rank, "update window dimension")
    need_sorted(at.update_window_dims, "update_window_dims")
    kept = window_dims(x.rank, (*at.inserted_window_dims, *at.input_batching_dims))
    need_count(len(at.update_window_dims), len(kept), "update_window_dims against the dimensions of a window")
    need_count(update.rank, len(batch) + len(kept), f"rank of the updates {update.bare}")
    for d, k in zip(kept, at.update_window_dims, strict=True):
        need(
            update.dims[k] <= x.dims[d],
            f"window dimension {k} of the updates has size {update.dims[k]}, operand dimension {d} has {x.dims[d]}",
            operand,
        )
    scattered = [k for k in range(update.rank) if k not in at.update_window_dims]
    for k, d in zip(scattered, batch, strict=True):
        need(
            update.dims[k] == indices.dims[d],
            f"dimension {k} of the updates has size {update.dims[k]}, dimension {d} of the indices"
            f" has {indices.dims[d]}",
            operand,
        )


def _places(at: ScatterAttrs, dims: tuple[int, ...], indices: Array, update: tuple[int, ...]) -> tuple[Array, Array]:
    """Which update elements are inside (flat mask, row-major), and the flat place of each of those."""
    starts = index_vectors(indices, at.index_vector_dim)
    batch = starts.shape[:-1]
    kept = window_dims(len(dims), (*at.inserted_window_dims, *at.input_batching_dims))
    sizes = [update[k] for k in at.update_window_dims]
    ones = (1,) * len(kept)
    rank = len(batch) + len(kept)
    inside = np.ones(batch + ones, np.bool_)
    flat = np.zeros(batch + ones, np.int64)
    for d, n in enumerate(dims):
        where = np.zeros((1,) * rank, np.int64)
        size = sizes[kept.index(d)] if d in kept else 1
        if d in at.scatter_dims_to_operand_dims:
            start = starts[..., at.scatter_dims_to_operand_dims.index(d)].reshape(batch + ones)
            inside = inside & (start >= 0) & (start <= n - size)
            where = np.clip(start, 0, max(n - size, 0))
        if d in at.input_batching_dims:
            which = at.input_batching_dims.index(d)
            where = batch_position(which, at.scatter_indices_batching_dims, at.index_vector_dim, batch, len(kept))
        if d in kept:
            line = [1] * rank
            line[len(batch) + kept.index(d)] = -1
            where = where + np.arange(size).reshape(line)
        flat = flat * n + where
    whole = (*batch, *sizes)
    order = np.argsort([k for k in range(len(update)) if k not in at.update_window_dims] + list(at.update_window_dims))
    inside = np.transpose(np.broadcast_to(inside, whole), order).reshape(-1)
    flat = np.transpose(np.broadcast_to(flat, whole), order).reshape(-1)
    return inside, flat[inside]


scatter = Scatter()
