"""Arguments to try a module on: made from the shapes of the entry parameters and a seed, nothing else.

Floats are standard normal. Integers are small; those that reach a gather, scatter or dynamic slice as an index stay
inside the array. The same seed gives the same arrays on every machine, and each leaf has its own stream, so that
changing one parameter leaves the others as they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_tools.ir.element import ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.control import call, fusion, while_
from hlo_tools.ops.conversion import convert
from hlo_tools.ops.gather import gather
from hlo_tools.ops.numerics import Array, narrow
from hlo_tools.ops.scatter import scatter
from hlo_tools.ops.slicing import dynamic_slice, dynamic_update_slice
from hlo_tools.ops.structure import get_tuple_element, tuple_

_SMALL = 8
"""Integers that are no indices lie in [-8, 8), or [0, 8) when they have no sign."""


def random_inputs(module: Module, seed: int = 0) -> list[Array]:
    """One array per leaf of the entry parameters, in order."""
    made: list[Array] = []
    for parameter in module.main.parameters:
        for path, shape in parameter.shape.leaves():
            if not shape.is_token:
                bound = _index_bound(parameter, path) if shape.element.is_integer else None
                made.append(random_array(shape, np.random.default_rng([seed, len(made)]), bound))
    return made


def random_array(shape: Shape, rng: np.random.Generator, bound: int | None = None) -> Array:
    """An array of this shape; integers lie in [0, bound) when there is a bound."""
    element, dims = shape.element, shape.dims
    if element.dtype == np.bool_:
        return rng.integers(0, 2, size=dims).astype(np.bool_)
    if element.is_integer:
        return _integers(element, dims, rng, bound)
    if element.is_complex:
        return (rng.standard_normal(dims) + 1j * rng.standard_normal(dims)).astype(element.dtype)
    values = rng.standard_normal(dims)
    return narrow(np.asarray(np.abs(values) if element.name == "f8e8m0fnu" else values), element)


def _integers(element: ElementType, dims: tuple[int, ...], rng: np.random.Generator, bound: int | None) -> Array:
    top = 1 << (element.bits - 1 if element.is_signed else element.bits)
    if bound is not None:
        return narrow(rng.integers(0, max(1, min(bound, top)), size=dims), element)
    high = min(_SMALL, top)
    return narrow(rng.integers(-high if element.is_signed else 0, high, size=dims), element)


def _index_bound(parameter: Instruction, path: tuple[int, ...]) -> int | None:
    """The number of values that are indices wherever this leaf is used as one; None where it is none."""
    bounds: list[int] = []
    seen: set[tuple[Instruction, tuple[int, ...]]] = set()
    stack = [(parameter, path)]
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen.add(value)
        inst, inner = value
        for user in inst.users:
            for number, x in enumerate(user.operands):
                if x is inst:
                    bounds.extend(_bounds_of_use(user, number))
                    stack.extend(_flows(user, number, inner))
    return min(bounds, default=None)


def _bounds_of_use(user: Instruction, number: int) -> list[int]:
    """How many starts fit, for each dimension that operand `number` of `user` indexes."""
    at: Any = user.attrs
    dims = user.operands[0].shape.dims
    if user.op is gather and number == 1:
        return [dims[d] - at.slice_sizes[d] + 1 for d in at.start_index_map]
    if user.op is scatter and number == len(user.operands) // 2:
        return [dims[d] for d in at.scatter_dims_to_operand_dims]
    if user.op is dynamic_slice and number > 0:
        free = [n - size + 1 for n, size in zip(dims, at.dynamic_slice_sizes, strict=True)]
        return free if len(user.operands) == 2 else [free[number - 1]]
    if user.op is dynamic_update_slice and number > 1:
        free = [n - size + 1 for n, size in zip(dims, user.operands[1].shape.dims, strict=True)]
        return free if len(user.operands) == 3 else [free[number - 2]]
    return []


def _flows(user: Instruction, number: int, path: tuple[int, ...]) -> list[tuple[Instruction, tuple[int, ...]]]:
    """Where the value turns up again, unchanged but for its place."""
    if user.op is tuple_:
        return [(user, (number, *path))]
    if user.op is get_tuple_element:
        return [(user, path[1:])] if path and path[0] == user.attrs.index else []
    if user.op in (call, fusion):
        return [(user.called[0].parameters[number], path)]
    if user.op is while_:
        return [(user, path), (user.attrs.body.parameters[0], path), (user.attrs.condition.parameters[0], path)]
    moves = Trait.DATA_MOVEMENT in user.op.traits or (user.op is convert and user.shape.element.is_integer)
    return [(user, path)] if moves else []
