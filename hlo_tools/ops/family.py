"""Families of ops: one row makes an op of an elementwise kind, and one class holds what the rows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hlo_tools.ir.attributes import NoAttrs
from hlo_tools.ir.element import ElementType, Kind
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import Array, same_extent
from hlo_tools.ops.rules import made, merged_dynamic, need_kind, need_same_dims, need_same_element

Function = Callable[..., Array]
"""Maps operand arrays, and the element type of the first operand as keyword `element`, to the result array."""


def keep(element: ElementType) -> ElementType:
    """The result has the element type of the operands."""
    return element


class Elementwise(Op[NoAttrs]):
    """Applies one scalar function to the elements at the same place of all operands."""

    def __init__(
        self,
        name: str,
        arity: int,
        function: Function,
        accepts: Kind,
        traits: Trait = Trait.NONE,
        stablehlo: str | None = None,
        result: Callable[[ElementType], ElementType] = keep,
    ) -> None:
        self.name = name
        self.arity = arity
        self.function = function
        self.accepts = accepts
        self.traits = Trait.ELEMENTWISE | traits
        self.stablehlo = stablehlo
        self.result = result

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        first = xs[0]
        for i, x in enumerate(xs):
            need_kind(x, self.accepts, i)
            need_same_element(first, x, i)
            need_same_dims(first, x, i)
        if not first.dynamic and first.layout is None and self.result is keep and len(xs) == 1:
            return first
        return made(self.result(first.element), first.dims, merged_dynamic(xs))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        operands = same_extent(xs) if inst.shape.dynamic else xs
        return self.function(*operands, element=inst.operands[0].shape.element)

    def cost(self, inst: Instruction) -> Cost:
        size = inst.shape.size
        return Cost(transcendentals=size) if Trait.TRANSCENDENTAL in self.traits else Cost(flops=size)


class Identity(Op[NoAttrs]):
    """Returns its operand, which may be of any type."""

    arity = 1

    def __init__(self, name: str, traits: Trait = Trait.NONE, stablehlo: str | None = None) -> None:
        self.name = name
        self.traits = traits
        self.stablehlo = stablehlo

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return xs[0]
