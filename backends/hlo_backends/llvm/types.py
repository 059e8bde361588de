"""How LLVM spells element types, vectors and numbers."""

from __future__ import annotations

from functools import cache

import numpy as np

from hlo_tools.codegen.kernel import Type
from hlo_tools.ir.element import F32, F64, ElementType
from hlo_tools.ops.numerics import narrow

_FLOATS = {F32: "float", F64: "double"}
"""All others are integers of their width to LLVM. It knows f16 and bf16, but where the processor does not, moving one
under a mask is enough to make it call libgcc."""

_SHORT = {F32: "f32", F64: "f64"}
"""As in the suffix of an overloaded intrinsic."""


@cache
def scalar(element: ElementType) -> str:
    """The type in which one element is computed."""
    return _FLOATS.get(element) or f"i{element.bits}"


@cache
def storage(element: ElementType) -> str:
    """The type of one element in a buffer: whole bytes."""
    return _FLOATS.get(element) or f"i{element.bytes * 8}"


@cache
def spelled(type: Type) -> str:
    """The type of a value."""
    return vector(scalar(type.element), type.lanes)


@cache
def stored(type: Type) -> str:
    """The type that a load or a store of a value has."""
    return vector(storage(type.element), type.lanes)


def vector(scalar: str, lanes: int) -> str:
    """`lanes` of an LLVM scalar type; the scalar itself for one."""
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


@cache
def suffix(type: Type) -> str:
    """The type as part of an intrinsic's name, e.g. `v16f32`."""
    short = _SHORT.get(type.element) or scalar(type.element)
    return short if type.lanes == 1 else f"v{type.lanes}{short}"


def number(value: int | float | bool, element: ElementType) -> str:
    """A scalar constant."""
    if element in _FLOATS:
        return _float(value, element)
    if element.is_float:
        bits = narrow(np.asarray(value), element).view(np.dtype(f"u{element.bytes}"))
        return str(int(bits) & ((1 << element.bits) - 1))
    if element.bits == 1:
        return "true" if value else "false"
    return str(int(value))


def constant(value: int | float | bool, type: Type) -> str:
    """A constant operand: the same number in all lanes."""
    text = number(value, type.element)
    return text if type.lanes == 1 else f"splat ({scalar(type.element)} {text})"


def _float(value: float, element: ElementType) -> str:
    # LLVM writes a float, too, as the bits of the double of the same value.
    with np.errstate(all="ignore"):
        exact = np.float64(np.float32(value) if element is F32 else value)
    return f"0x{int(exact.view(np.uint64)):016X}"
