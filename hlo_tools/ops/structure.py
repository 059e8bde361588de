"""Ops that hold a program together: parameters, constants, tuples, order of effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import NoAttrs, Raw, attr
from hlo_tools.ir.element import Kind
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.op import Env, NotYet, Op, ShapeError, Trait
from hlo_tools.ir.shape import TOKEN_SHAPE, Shape, tuple_of
from hlo_tools.ops.family import Identity
from hlo_tools.ops.numerics import narrow
from hlo_tools.ops.rules import need

TOKEN_VALUE = None
"""What `evaluate` returns for a token."""


class Elided(NotYet):
    """The value of a constant is needed, and the text has `{...}` in its place."""


@dataclass(frozen=True, slots=True)
class ParameterAttrs:
    """`parameter(number)`."""

    number: int


class Parameter(Op[ParameterAttrs]):
    """An argument of the computation; the interpreter supplies its value."""

    name, arity, Attrs, inline, declared = "parameter", 0, ParameterAttrs, "number", True

    def check(self, at: ParameterAttrs, shape: Shape, *xs: Shape) -> None:
        need(at.number >= 0, f"parameter number {at.number} is negative")


@dataclass(frozen=True, slots=True)
class ConstantAttrs:
    """`constant(value)`."""

    value: Literal


class Constant(Op[ConstantAttrs]):
    """A value known at compile time; Elided when it is asked for and the text had `{...}` in its place."""

    name, arity, Attrs, inline, declared = "constant", 0, ConstantAttrs, "value", True
    stablehlo = "constant"
    traits = Trait.DATA_MOVEMENT

    def shape(self, at: ConstantAttrs, *xs: Shape) -> Shape:
        return at.value.shape

    def check(self, at: ConstantAttrs, shape: Shape, *xs: Shape) -> None:
        need(at.value.shape is shape.bare, f"the literal is {at.value.shape}, but {shape.bare} is declared")

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return literal_value(inst.attrs.value)


def literal_value(literal: Literal) -> Any:
    """The array of a literal, or the tuple of arrays; NotYet where the value is missing."""
    if isinstance(literal.value, tuple):
        return tuple(literal_value(x) for x in literal.value)
    if literal.value is None:
        raise Elided(f"the value of this constant of shape {literal.shape} is not in the text ({{...}})")
    return literal.value


def zeros(shape: Shape) -> Any:
    """Zeros of any shape."""
    if shape.is_tuple:
        return tuple(map(zeros, shape.elements))
    return np.zeros(shape.dims, shape.element.dtype) if shape.is_array else TOKEN_VALUE


@dataclass(frozen=True, slots=True)
class IotaAttrs:
    """Which dimension counts."""

    iota_dimension: int


class Iota(Op[IotaAttrs]):
    """Each element is its index along one dimension, rounded or wrapped to the element type."""

    name, arity, Attrs, declared, stablehlo = "iota", 0, IotaAttrs, True, "iota"

    def check(self, at: IotaAttrs, shape: Shape, *xs: Shape) -> None:
        need(
            shape.is_array and shape.element.kind in Kind.NUMBER,
            f"the result is {shape.bare}, expected an array of numbers",
        )
        need(
            0 <= at.iota_dimension < shape.rank,
            f"iota_dimension={at.iota_dimension} is out of range for rank {shape.rank}",
        )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        shape, d = inst.shape, inst.attrs.iota_dimension
        if not shape.size:
            return np.empty(shape.dims, shape.element.dtype)
        line = np.arange(shape.dims[d], dtype=np.float64 if not shape.element.is_integer else np.int64)
        column = narrow(line, shape.element).reshape([-1 if i == d else 1 for i in range(shape.rank)])
        return np.broadcast_to(column, shape.dims)


class Tuple(Op[NoAttrs]):
    """Groups values."""

    name, stablehlo = "tuple", "tuple"

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        return tuple_of(tuple(x.bare for x in xs))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return xs


@dataclass(frozen=True, slots=True)
class GetTupleElementAttrs:
    """Which element."""

    index: int


class GetTupleElement(Op[GetTupleElementAttrs]):
    """An element of a tuple."""

    name, arity, Attrs, stablehlo = "get-tuple-element", 1, GetTupleElementAttrs, "get_tuple_element"

    def shape(self, at: GetTupleElementAttrs, *xs: Shape) -> Shape:
        need(xs[0].is_tuple, f"operand 0 is {xs[0]}, expected a tuple", 0)
        count = len(xs[0].elements)
        if not 0 <= at.index < count:
            raise ShapeError(f"index={at.index} is out of range for a tuple of {count} elements", 0)
        return xs[0].elements[at.index].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return xs[0][inst.attrs.index]


class AfterAll(Op[NoAttrs]):
    """A token that comes after all of its operands."""

    name, stablehlo = "after-all", "after_all"

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        for i, x in enumerate(xs):
            need(x.is_token, f"operand {i} is {x}, expected a token", i)
        return TOKEN_SHAPE

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return TOKEN_VALUE


class AddDependency(Op[NoAttrs]):
    """Its first operand, available only after the second, a token."""

    name, arity = "add-dependency", 2

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        need(xs[1].is_token, f"operand 1 is {xs[1]}, expected a token", 1)
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return xs[0]


@dataclass(frozen=True, slots=True)
class DomainAttrs:
    """The kind of domain, and what holds on both sides, as written."""

    domain: Raw = attr()


class Domain(Identity):
    """Its operand; marks where an attribute such as a sharding changes."""

    Attrs = DomainAttrs


parameter = Parameter()
constant = Constant()
iota = Iota()
tuple_ = Tuple()
get_tuple_element = GetTupleElement()
after_all = AfterAll()
add_dependency = AddDependency()
opt_barrier = Identity("opt-barrier", stablehlo="optimization_barrier")
domain = Domain("domain")
