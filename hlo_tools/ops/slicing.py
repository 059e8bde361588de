"""Ops that cut out, put in and surround: slice, pad, dynamic-slice, dynamic-update-slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, NoAttrs, Padding, SliceDims
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import Array
from hlo_tools.ops.rules import (
    made,
    need,
    need_array,
    need_count,
    need_index,
    need_same_element,
    need_scalar,
)


@dataclass(frozen=True, slots=True)
class SliceAttrs:
    """Start, limit and stride of each dimension."""

    slice: SliceDims


class Slice(Op[SliceAttrs]):
    """The elements start, start + stride, ... below limit of each dimension."""

    name, arity, Attrs, stablehlo, traits = "slice", 1, SliceAttrs, "slice", Trait.DATA_MOVEMENT

    def shape(self, at: SliceAttrs, *xs: Shape) -> Shape:
        (x,) = xs
        need_array(x, 0)
        need_count(len(at.slice), x.rank, f"slice dimensions of {x.bare}")
        for i, (d, n) in enumerate(zip(at.slice, x.dims, strict=True)):
            need(0 <= d.start <= d.limit <= n, f"slice [{d.start}:{d.limit}] of dimension {i} leaves 0..{n}", 0)
            need(d.stride > 0, f"slice dimension {i} has stride {d.stride}", 0)
        dims = [-(-(d.limit - d.start) // d.stride) for d in at.slice]
        dynamic = [
            was and (d.start, d.limit, d.stride) == (0, n, 1)
            for was, d, n in zip(x.dynamic or (False,) * x.rank, at.slice, x.dims, strict=True)
        ]
        return made(x.element, dims, dynamic)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return xs[0][tuple(slice(d.start, d.limit, d.stride) for d in inst.attrs.slice)]


@dataclass(frozen=True, slots=True)
class PadAttrs:
    """How much goes before, behind and between the elements of each dimension."""

    padding: Padding


class Pad(Op[PadAttrs]):
    """Surrounds operand 0 with copies of the scalar operand 1, and may put some between its elements.

    Negative low or high padding cuts elements off, after the interior ones have been put in.
    """

    name, arity, Attrs, stablehlo, traits = "pad", 2, PadAttrs, "pad", Trait.DATA_MOVEMENT

    def shape(self, at: PadAttrs, *xs: Shape) -> Shape:
        x, value = xs
        need_array(x, 0)
        need_scalar(value, 1)
        need_same_element(x, value, 1)
        need_count(len(at.padding), x.rank, f"padding dimensions of {x.bare}")
        dims = []
        for i, (p, n) in enumerate(zip(at.padding, x.dims, strict=True)):
            need(p.interior >= 0, f"interior padding of dimension {i} is {p.interior}", 0)
            size = n + max(n - 1, 0) * p.interior + p.low + p.high
            need(size >= 0, f"padding dimension {i} of size {n} with {p.low} and {p.high} leaves size {size}", 0)
            dims.append(size)
        return made(x.element, dims, x.dynamic)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return padded(xs[0], xs[1], inst.attrs.padding)


def padded(x: Array, value: Any, padding: Padding) -> Array:
    """`x` surrounded as `pad` does."""
    sizes = [n + max(n - 1, 0) * p.interior + p.low + p.high for n, p in zip(x.shape, padding, strict=True)]
    result = np.full(sizes, value, x.dtype)
    target, source = [], []
    for n, p, size in zip(x.shape, padding, sizes, strict=True):
        step = p.interior + 1
        first = max(0, -(p.low // step))  # the first element that is not cut off
        last = min(n - 1, (size - 1 - p.low) // step)
        source.append(slice(first, last + 1))
        target.append(slice(p.low + first * step, p.low + last * step + 1, step) if last >= first else slice(0, 0))
    if all(s.stop > s.start for s in source):
        result[tuple(target)] = x[tuple(source)]
    return result


@dataclass(frozen=True, slots=True)
class DynamicSliceAttrs:
    """The size of the result in each dimension."""

    dynamic_slice_sizes: Dims


class DynamicSlice(Op[DynamicSliceAttrs]):
    """A slice of fixed sizes that starts at operands 1, 2, ...; the start is clamped so that it fits."""

    name, Attrs, stablehlo, traits = "dynamic-slice", DynamicSliceAttrs, "dynamic_slice", Trait.DATA_MOVEMENT

    def shape(self, at: DynamicSliceAttrs, *xs: Shape) -> Shape:
        need(len(xs) > 0, "there are no operands")
        x = xs[0]
        need_array(x, 0)
        _need_starts(x, xs[1:], 1)
        need_count(len(at.dynamic_slice_sizes), x.rank, f"dynamic_slice_sizes of {x.bare}")
        for i, (size, n) in enumerate(zip(at.dynamic_slice_sizes, x.dims, strict=True)):
            need(0 <= size <= n, f"slice size {size} of dimension {i} does not fit into {n}", 0)
        return made(x.element, at.dynamic_slice_sizes)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        sizes = inst.attrs.dynamic_slice_sizes
        return xs[0][_window(xs[0].shape, sizes, xs[1:])]


class DynamicUpdateSlice(Op[NoAttrs]):
    """Operand 0 with operand 1 written over it at operands 2, 3, ...; the start is clamped so that it fits."""

    name, stablehlo, traits = "dynamic-update-slice", "dynamic_update_slice", Trait.DATA_MOVEMENT

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        need(len(xs) > 1, f"got {len(xs)} operands, expected at least 2")
        x, update = xs[:2]
        need_array(x, 0)
        need_array(update, 1)
        need_same_element(x, update, 1)
        need_count(update.rank, x.rank, "rank of the update")
        for i, (size, n) in enumerate(zip(update.dims, x.dims, strict=True)):
            need(size <= n, f"update size {size} of dimension {i} does not fit into {n}", 1)
        _need_starts(x, xs[2:], 2)
        return x.bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        result = np.array(xs[0])
        result[_window(result.shape, xs[1].shape, xs[2:])] = xs[1]
        return result


def _need_starts(x: Shape, starts: tuple[Shape, ...], first: int) -> None:
    """One scalar index per dimension, or (an older form) one vector of them."""
    if len(starts) == 1 and starts[0].is_array and starts[0].rank == 1:
        need_index(starts[0], first)
        need_count(starts[0].dims[0], x.rank, "start indices")
        return
    need_count(len(starts), x.rank, "start indices")
    for i, s in enumerate(starts):
        need_scalar(s, first + i)
        need_index(s, first + i)
        need_same_element(starts[0], s, first + i)


def _window(dims: tuple[int, ...], sizes: tuple[int, ...], starts: tuple[Array, ...]) -> tuple[slice, ...]:
    flat = starts[0].tolist() if len(starts) == 1 and starts[0].ndim == 1 else [int(s) for s in starts]
    begins = [min(max(int(s), 0), n - size) for s, n, size in zip(flat, dims, sizes, strict=True)]
    return tuple(slice(b, b + size) for b, size in zip(begins, sizes, strict=True))


slice_ = Slice()
pad = Pad()
dynamic_slice = DynamicSlice()
dynamic_update_slice = DynamicUpdateSlice()
