"""Arrays that fill their bounds, with the sizes that count beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from hlo_tools.ir.attributes import ComparisonDirection
from hlo_tools.ir.element import PRED, S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Op
from hlo_tools.ir.shape import Shape, array, tuple_of
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.compare import CompareAttrs, compare, select
from hlo_tools.ops.structure import IotaAttrs, iota
from hlo_tools.rewrite.build import shaped_like, spread, whole_number
from hlo_tools.rewrite.constants import splat


@dataclass(frozen=True, slots=True)
class Value:
    """An array: `inst` fills the bounds, of which the first `sizes` count; None where the whole bound does."""

    inst: Instruction
    sizes: tuple[Instruction | None, ...]

    @property
    def dynamic(self) -> list[int]:
        """The dimensions whose size is known only at run time."""
        return [d for d, size in enumerate(self.sizes) if size is not None]

    def size(self, d: int) -> Instruction:
        """The size of a dimension, an s32."""
        size = self.sizes[d]
        return whole_number(self.inst.parent, self.inst.shape.dims[d]) if size is None else size

    def with_size(self, d: int, size: Instruction | None) -> Value:
        """The same array, of another size in one dimension."""
        return Value(self.inst, (*self.sizes[:d], size, *self.sizes[d + 1 :]))


def whole(inst: Instruction) -> Value:
    """An array all of which counts."""
    return Value(inst, (None,) * inst.shape.rank)


def bounds(shape: Shape) -> Shape:
    """The shape with every run-time size at its bound."""
    if shape.is_tuple:
        return tuple_of(tuple(map(bounds, shape.elements)))
    return array(shape.element, shape.dims, shape.layout) if shape.is_array else shape


def compute(op: Op[Any], *xs: Instruction) -> Instruction:
    """An elementwise op; operand 0 has the shape of the result."""
    return xs[0].parent.add(op, xs, shape=xs[0].shape)


def product(sizes: Iterable[Instruction]) -> Instruction:
    """The product of one or more sizes."""
    return reduce(lambda x, y: compute(e.multiply, x, y), sizes)


def clipped(size: Instruction, low: int, high: int | None = None) -> Instruction:
    """A size brought into low .. high."""
    home = size.parent
    size = compute(e.maximum, size, whole_number(home, low))
    return size if high is None else compute(e.minimum, size, whole_number(home, high))


def positions(like: Instruction, d: int) -> Instruction:
    """The index in dimension `d` of each element, as an s32."""
    return like.parent.add(iota, (), IotaAttrs(d), shaped_like(like.shape, S32, like.shape.dims))


def everywhere(scalar: Instruction, like: Instruction) -> Instruction:
    """A scalar in every element of an array with the dimensions of `like`."""
    return spread(scalar, (), shaped_like(like.shape, scalar.shape.element, like.shape.dims))


def counts(value: Value, dimensions: Sequence[int] | None = None) -> Instruction:
    """For each element whether it lies within the sizes (of some dimensions, of all if none are given)."""
    x, home = value.inst, value.inst.parent
    shape = shaped_like(x.shape, PRED, x.shape.dims)
    found: Instruction | None = None
    for d in value.dynamic if dimensions is None else dimensions:
        size = everywhere(value.size(d), x)
        inside = home.add(compare, (positions(x, d), size), CompareAttrs(ComparisonDirection.LT), shape)
        found = inside if found is None else compute(e.and_, found, inside)
    return splat(home, True, shape) if found is None else found


def filled(value: Value, filler: Instruction, dimensions: Sequence[int] | None = None) -> Instruction:
    """The array with a scalar wherever an element does not count (in some dimensions, in any if none are given)."""
    chosen = value.dynamic if dimensions is None else [d for d in value.dynamic if d in dimensions]
    if not chosen:
        return value.inst
    x = value.inst
    return x.parent.add(select, (counts(value, chosen), x, everywhere(filler, x)), shape=x.shape, like=x)


def zero(value: Value) -> Instruction:
    """The number 0 in the type of an array."""
    return splat(value.inst.parent, 0, array(value.inst.shape.element, ()))
