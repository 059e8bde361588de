"""How LLVM spells element types, vectors and numbers."""

from __future__ import annotations

from functools import cache

import ml_dtypes
import numpy as np

from hlo_tools.codegen.kernel import Type
from hlo_tools.ir.element import BF16, F16, F32, F64, ElementType

_FLOATS = {F16: "half", BF16: "bfloat", F32: "float", F64: "double"}

_SHORT = {F16: "f16", BF16: "bf16", F32: "f32", F64: "f64"}
"""As in the suffix of an overloaded intrinsic."""


@cache
def scalar(element: ElementType) -> str:
    """The type in which one element is computed; a float that LLVM lacks is an integer of its width."""
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
        return str(int(np.asarray(value).astype(element.dtype).view(np.uint8)) & ((1 << element.bits) - 1))
    if element.bits == 1:
        return "true" if value else "false"
    return str(int(value))


def constant(value: int | float | bool, type: Type) -> str:
    """A constant operand: the same number in all lanes."""
    text = number(value, type.element)
    return text if type.lanes == 1 else f"splat ({scalar(type.element)} {text})"


def _float(value: float, element: ElementType) -> str:
    with np.errstate(all="ignore"):
        if element is F16:
            return f"0xH{int(np.float16(value).view(np.uint16)):04X}"
        if element is BF16:
            return f"0xR{int(np.asarray(value).astype(ml_dtypes.bfloat16).view(np.uint16)):04X}"
        # LLVM writes a float, too, as the bits of the double of the same value.
        exact = np.float64(np.float32(value) if element is F32 else value)
    return f"0x{int(exact.view(np.uint64)):016X}"
