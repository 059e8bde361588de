"""gather: slices of an array, taken at computed places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import Array
from hlo_tools.ops.rules import (
    braces,
    dynamic_of,
    made,
    need,
    need_array,
    need_count,
    need_dims,
    need_index,
    need_sorted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherAttrs:
    """Which dimension is what; the names are those of XLA's `GatherDimensionNumbers`."""

    offset_dims: Dims
    collapsed_slice_dims: Dims
    start_index_map: Dims
    operand_batching_dims: Dims = attr(Dims(()))
    start_indices_batching_dims: Dims = attr(Dims(()))
    index_vector_dim: int = attr()
    slice_sizes: Dims = attr()
    indices_are_sorted: bool = attr(False)


class Gather(Op[GatherAttrs]):
    """For each index vector in operand 1, a slice of operand 0 that starts there, clamped so that it fits."""

    name, arity, Attrs, stablehlo, traits = "gather", 2, GatherAttrs, "gather", Trait.DATA_MOVEMENT

    def shape(self, at: GatherAttrs, *xs: Shape) -> Shape:
        x, indices = xs
        need_array(x, 0)
        need_index(indices, 1)
        _check_operand(at, x)
        batch = index_batch_dims(indices, at.index_vector_dim)
        vector = 1 if at.index_vector_dim == indices.rank else indices.dims[at.index_vector_dim]
        need_count(len(at.start_index_map), vector, "size of start_index_map against the index vectors")
        rank = len(batch) + len(at.offset_dims)
        need_dims(at.offset_dims, rank, "offset dimension")
        need_sorted(at.offset_dims, "offset_dims")
        kept = window_dims(x.rank, (*at.collapsed_slice_dims, *at.operand_batching_dims))
        need_count(len(at.offset_dims), len(kept), "offset_dims against the dimensions of a slice")
        check_batching(x, indices, at.operand_batching_dims, at.start_indices_batching_dims, at.index_vector_dim)
        whole = [dynamic and size == n for dynamic, size, n in zip(dynamic_of(x), at.slice_sizes, x.dims, strict=True)]
        windows = iter([(at.slice_sizes[d], whole[d]) for d in kept])
        counts = iter([(indices.dims[d], dynamic_of(indices)[d]) for d in batch])
        result = [next(windows) if d in at.offset_dims else next(counts) for d in range(rank)]
        return made(x.element, [n for n, _ in result], [dynamic for _, dynamic in result])

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        x, indices = xs
        at: GatherAttrs = inst.attrs
        sizes = [min(size, n) for size, n in zip(at.slice_sizes, x.shape, strict=True)]
        starts = index_vectors(indices, at.index_vector_dim)
        batch = starts.shape[:-1]
        kept = window_dims(x.ndim, (*at.collapsed_slice_dims, *at.operand_batching_dims))
        places = []
        for d in range(x.ndim):
            where = np.zeros(batch + (1,) * len(kept), np.int64)
            if d in at.start_index_map:
                start = starts[..., at.start_index_map.index(d)]
                clamped = np.clip(start, 0, x.shape[d] - sizes[d])
                where = clamped.reshape(batch + (1,) * len(kept))
            if d in at.operand_batching_dims:
                where = batch_position(at.operand_batching_dims.index(d), at.start_indices_batching_dims,
                                       at.index_vector_dim, batch, len(kept))  # fmt: skip
            if d in kept:
                where = where + np.arange(sizes[d]).reshape(
                    [-1 if k == d else 1 for k in [-1] * len(batch) + list(kept)]
                )
            places.append(where)
        result = x[tuple(places)] if places else np.broadcast_to(x, batch)
        rank = len(batch) + len(kept)
        result = np.broadcast_to(result, batch + tuple(sizes[d] for d in kept))
        axes = iter(range(len(batch)))
        order = [len(batch) + at.offset_dims.index(d) if d in at.offset_dims else next(axes) for d in range(rank)]
        return np.transpose(result, order)


def _check_operand(at: GatherAttrs, x: Shape) -> None:
    need_count(len(at.slice_sizes), x.rank, f"slice_sizes of {x.bare}")
    need_dims(at.collapsed_slice_dims, x.rank, "collapsed slice dimension")
    need_sorted(at.collapsed_slice_dims, "collapsed_slice_dims")
    need_dims(at.operand_batching_dims, x.rank, "operand batching dimension")
    need_sorted(at.operand_batching_dims, "operand_batching_dims")
    need_dims(at.start_index_map, x.rank, "start_index_map dimension")
    both = set(at.collapsed_slice_dims) & set(at.operand_batching_dims)
    need(not both, f"{braces(sorted(both))} are both in collapsed_slice_dims and operand_batching_dims")
    both = set(at.start_index_map) & set(at.operand_batching_dims)
    need(not both, f"{braces(sorted(both))} are both in start_index_map and operand_batching_dims")
    for d, (size, n) in enumerate(zip(at.slice_sizes, x.dims, strict=True)):
        need(0 <= size <= n, f"slice size {size} of dimension {d} does not fit into {n}", 0)
    for d in (*at.collapsed_slice_dims, *at.operand_batching_dims):
        need(
            at.slice_sizes[d] <= 1, f"dimension {d} is collapsed or batching, but its slice size is {at.slice_sizes[d]}"
        )


def index_batch_dims(indices: Shape, index_vector_dim: int) -> list[int]:
    """The dimensions of the index array that count index vectors."""
    need(
        0 <= index_vector_dim <= indices.rank,
        f"index_vector_dim={index_vector_dim} is out of range for {indices.bare}",
        1,
    )
    return [d for d in range(indices.rank) if d != index_vector_dim]


def window_dims(rank: int, left_out: tuple[int, ...]) -> list[int]:
    """The dimensions of the operand that a slice keeps."""
    return [d for d in range(rank) if d not in left_out]


def check_batching(x: Shape, indices: Shape, operand_dims: Dims, index_dims: Dims, index_vector_dim: int) -> None:
    """Batching dimensions of operand and indices have to pair up."""
    need_count(len(index_dims), len(operand_dims), "batching dimensions of the indices against those of the operand")
    need_dims(index_dims, indices.rank, "index batching dimension")
    for d, i in zip(operand_dims, index_dims, strict=True):
        need(i != index_vector_dim, f"index batching dimension {i} is the index_vector_dim")
        need(
            x.dims[d] == indices.dims[i],
            f"batching dimension {d} of the operand has size {x.dims[d]}, dimension {i} of the indices"
            f" {indices.dims[i]}",
        )


def index_vectors(indices: Array, index_vector_dim: int) -> Array:
    """The index array with its vectors in the last dimension, as 64-bit integers."""
    wide = indices.astype(np.uint64 if indices.dtype == np.uint64 else np.int64)
    if indices.dtype == np.uint64:
        wide = np.minimum(wide, np.uint64(np.iinfo(np.int64).max)).astype(np.int64)
    return wide[..., None] if index_vector_dim == wide.ndim else np.moveaxis(wide, index_vector_dim, -1)


def batch_position(which: int, index_dims: Dims, index_vector_dim: int, batch: tuple[int, ...], kept: int) -> Array:
    """For batching dimension number `which`: the index in it of each index vector, with `kept` ones behind."""
    d = index_dims[which]
    axis = d if d < index_vector_dim else d - 1
    line = np.arange(batch[axis]).reshape([-1 if k == axis else 1 for k in range(len(batch))])
    return np.broadcast_to(line, batch).reshape(batch + (1,) * kept)


gather = Gather()
