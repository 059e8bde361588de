"""Ops that this version does not know: newer than it, or of somebody's own. They are carried along as they are."""

from __future__ import annotations

from dataclasses import make_dataclass
from functools import lru_cache
from typing import Any

from hlo_tools.ir.attributes import NoAttrs, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env, NotYet, Op, Trait
from hlo_tools.ir.shape import Shape


class UnknownOp(Op[Any]):
    """An opcode without meaning. Its declared shape is believed; no pass removes, moves or merges it."""

    declared = True
    traits = Trait.SIDE_EFFECT | Trait.NONDETERMINISTIC

    def __init__(self, name: str, attrs: type[Any]) -> None:
        self.name = name
        self.Attrs = attrs

    def shape(self, at: Any, *xs: Shape) -> Shape:
        raise NotYet(f"the result shape of {self.name} must be given: this version does not know the opcode")

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        raise NotYet(f"unknown opcode '{self.name}' cannot be executed")


@lru_cache(1 << 10)
def unknown_op(name: str, attributes: tuple[tuple[str, Any], ...]) -> UnknownOp:
    """The op of this opcode with these attributes: their keys in text, and the types of their values.

    The order of the attributes is that in which they are printed; a type is one that the text floor has a codec for.
    """
    if not attributes:
        return UnknownOp(name, NoAttrs)
    fields: list[tuple[str, Any, Any]] = [(f"at{i}", kind, attr(key=key)) for i, (key, kind) in enumerate(attributes)]
    return UnknownOp(name, make_dataclass("UnknownAttrs", fields, frozen=True, slots=True))
