"""Ops that put elements elsewhere without choosing among them: broadcast, reshape, transpose, reverse, concatenate."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env, NotYet, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.rules import (
    braces,
    dynamic_of,
    made,
    need,
    need_array,
    need_count,
    need_dims,
    need_same_element,
)


@dataclass(frozen=True, slots=True)
class DimensionsAttrs:
    """A list of dimensions."""

    dimensions: Dims = attr(Dims(()), always=True)


class Broadcast(Op[DimensionsAttrs]):
    """Operand dimension i becomes result dimension `dimensions[i]`; the array is repeated along the others."""

    name, arity, Attrs, declared, stablehlo = "broadcast", 1, DimensionsAttrs, True, "broadcast_in_dim"
    traits = Trait.DATA_MOVEMENT

    def check(self, at: DimensionsAttrs, shape: Shape, *xs: Shape) -> None:
        (x,) = xs
        need_array(x, 0)
        need(shape.is_array, f"the result is {shape}, expected an array")
        need_same_element(shape, x, 0)
        need_count(len(at.dimensions), x.rank, f"dimensions of operand {x.bare}")
        need_dims(at.dimensions, shape.rank, "dimension")
        for i, d in enumerate(at.dimensions):
            need(
                x.dims[i] == shape.dims[d],
                f"operand dimension {i} has size {x.dims[i]}, result dimension {d} has {shape.dims[d]}",
                0,
            )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        shape, dimensions = inst.shape, inst.attrs.dimensions
        if not shape.dims:
            return xs[0]
        order = sorted(range(len(dimensions)), key=dimensions.__getitem__)
        x = np.transpose(xs[0], order)
        sizes, dims = [1] * shape.rank, list(shape.dims)
        for i, d in enumerate(dimensions):
            sizes[d] = dims[d] = xs[0].shape[i]
        return np.broadcast_to(x.reshape(sizes), dims)


@dataclass(frozen=True, slots=True)
class ReshapeAttrs:
    """`inferred_dimension`: the dynamic dimension whose size follows from the others; -1 for none."""

    inferred_dimension: int = attr(-1)


class Reshape(Op[ReshapeAttrs]):
    """The same elements, in row-major order, under other dimensions."""

    name, arity, Attrs, declared, stablehlo = "reshape", 1, ReshapeAttrs, True, "reshape"
    traits = Trait.DATA_MOVEMENT

    def check(self, at: ReshapeAttrs, shape: Shape, *xs: Shape) -> None:
        (x,) = xs
        need_array(x, 0)
        need(shape.is_array, f"the result is {shape}, expected an array")
        need_same_element(shape, x, 0)
        need(
            x.size == shape.size or bool(x.dynamic or shape.dynamic),
            f"operand {x.bare} has {x.size} elements, result {shape.bare} has {shape.size}",
            0,
        )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        shape = inst.shape
        if not shape.dims and not inst.operands[0].shape.dims:
            return xs[0]
        return xs[0].reshape(shape.dims if not shape.dynamic else _actual_dims(shape, xs[0].size))


def _actual_dims(shape: Shape, size: int) -> list[int]:
    """The sizes of a reshaped array with one dynamic dimension; NotYet for more."""
    if sum(shape.dynamic) != 1:
        raise NotYet(f"how {size} elements fill {shape.bare} is not known")
    rest = prod(n for n, dynamic in zip(shape.dims, shape.dynamic, strict=True) if not dynamic)
    inferred = size // rest if rest else 0
    return [inferred if dynamic else n for n, dynamic in zip(shape.dims, shape.dynamic, strict=True)]


class Transpose(Op[DimensionsAttrs]):
    """Permutes the dimensions: result dimension i is operand dimension `dimensions[i]`."""

    name, arity, Attrs, stablehlo, traits = "transpose", 1, DimensionsAttrs, "transpose", Trait.DATA_MOVEMENT

    def shape(self, at: DimensionsAttrs, *xs: Shape) -> Shape:
        (x,) = xs
        need_array(x, 0)
        need(
            sorted(at.dimensions) == list(range(x.rank)),
            f"dimensions={braces(at.dimensions)} is no permutation of the {x.rank} dimensions of {x.bare}",
            0,
        )
        dynamic = dynamic_of(x)
        return made(x.element, [x.dims[d] for d in at.dimensions], [dynamic[d] for d in at.dimensions])

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return np.transpose(xs[0], inst.attrs.dimensions) if inst.attrs.dimensions else xs[0]


class Reverse(Op[DimensionsAttrs]):
    """Turns the order of the elements round along each of `dimensions`."""

    name, arity, Attrs, stablehlo, traits = "reverse", 1, DimensionsAttrs, "reverse", Trait.DATA_MOVEMENT

    def shape(self, at: DimensionsAttrs, *xs: Shape) -> Shape:
        need_array(xs[0], 0)
        need_dims(at.dimensions, xs[0].rank, "dimension")
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return np.flip(xs[0], inst.attrs.dimensions) if inst.attrs.dimensions else xs[0]


class Concatenate(Op[DimensionsAttrs]):
    """Joins arrays along one dimension."""

    name, Attrs, stablehlo, traits = "concatenate", DimensionsAttrs, "concatenate", Trait.DATA_MOVEMENT

    def shape(self, at: DimensionsAttrs, *xs: Shape) -> Shape:
        need(len(xs) > 0, "there are no operands")
        need_count(len(at.dimensions), 1, "dimensions")
        first, (d,) = xs[0], at.dimensions
        need_array(first, 0)
        need_dims(at.dimensions, first.rank, "dimension")
        for i, x in enumerate(xs):
            need_array(x, i)
            need_same_element(first, x, i)
            need_count(x.rank, first.rank, f"rank of operand {i}")
            for k, (m, n) in enumerate(zip(first.dims, x.dims, strict=True)):
                need(k == d or m == n, f"operand {i} has size {n} in dimension {k}, expected {m}", i)
        dims = [sum(x.dims[d] for x in xs) if k == d else n for k, n in enumerate(first.dims)]
        dynamic = [any(column) for column in zip(*map(dynamic_of, xs), strict=True)]
        return made(first.element, dims, dynamic)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return np.concatenate(xs, axis=inst.attrs.dimensions[0])


broadcast = Broadcast()
reshape = Reshape()
transpose = Transpose()
reverse = Reverse()
concatenate = Concatenate()
