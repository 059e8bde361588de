"""The primitive types of XLA: 32 array element types and the four kinds of value that are not arrays.

Source: `PrimitiveType` in XLA's `xla_data.proto`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Any

import ml_dtypes
import numpy as np


class Kind(Flag):
    """Classes of element types, to be joined with `|`."""

    PRED = auto()
    SIGNED = auto()
    UNSIGNED = auto()
    FLOAT = auto()
    COMPLEX = auto()
    TUPLE = auto()
    TOKEN = auto()
    OPAQUE = auto()
    BUFFER = auto()

    INTEGER = SIGNED | UNSIGNED
    NUMBER = INTEGER | FLOAT | COMPLEX
    ARRAY = PRED | NUMBER


@dataclass(frozen=True, slots=True, eq=False)
class ElementType:
    """A primitive type.

    bits        the logical width
    dtype       how numpy stores one element
    is_array    whether arrays of it exist
    is_integer  signed or unsigned; pred is neither
    """

    name: str
    kind: Kind
    bits: int
    dtype: np.dtype[Any]
    is_array: bool = field(init=False)
    is_integer: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_array", bool(self.kind & Kind.ARRAY))
        object.__setattr__(self, "is_integer", bool(self.kind & Kind.INTEGER))

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name

    @property
    def bytes(self) -> int:
        """Bytes of one element in an unpacked buffer (a sub-byte element fills a byte)."""
        return self.dtype.itemsize

    @property
    def is_signed(self) -> bool:
        """A two's complement integer."""
        return self.kind is Kind.SIGNED

    @property
    def is_float(self) -> bool:
        """A real floating point type of any width."""
        return self.kind is Kind.FLOAT

    @property
    def is_complex(self) -> bool:
        """A pair of floats."""
        return self.kind is Kind.COMPLEX


def _rows() -> dict[str, ElementType]:
    m = ml_dtypes
    table: list[tuple[Kind, dict[str, tuple[int, Any]]]] = [
        (Kind.PRED, {"pred": (1, np.bool_)}),
        (
            Kind.SIGNED,
            {
                "s1": (1, m.int1),
                "s2": (2, m.int2),
                "s4": (4, m.int4),
                "s8": (8, np.int8),
                "s16": (16, np.int16),
                "s32": (32, np.int32),
                "s64": (64, np.int64),
            },
        ),
        (
            Kind.UNSIGNED,
            {
                "u1": (1, m.uint1),
                "u2": (2, m.uint2),
                "u4": (4, m.uint4),
                "u8": (8, np.uint8),
                "u16": (16, np.uint16),
                "u32": (32, np.uint32),
                "u64": (64, np.uint64),
            },
        ),
        (
            Kind.FLOAT,
            {
                "f4e2m1fn": (4, m.float4_e2m1fn),
                "f6e2m3fn": (6, m.float6_e2m3fn),
                "f6e3m2fn": (6, m.float6_e3m2fn),
                "f8e3m4": (8, m.float8_e3m4),
                "f8e4m3": (8, m.float8_e4m3),
                "f8e4m3fn": (8, m.float8_e4m3fn),
                "f8e4m3b11fnuz": (8, m.float8_e4m3b11fnuz),
                "f8e4m3fnuz": (8, m.float8_e4m3fnuz),
                "f8e5m2": (8, m.float8_e5m2),
                "f8e5m2fnuz": (8, m.float8_e5m2fnuz),
                "f8e8m0fnu": (8, m.float8_e8m0fnu),
                "f16": (16, np.float16),
                "bf16": (16, m.bfloat16),
                "f32": (32, np.float32),
                "f64": (64, np.float64),
            },
        ),
        (Kind.COMPLEX, {"c64": (64, np.complex64), "c128": (128, np.complex128)}),
        (Kind.TUPLE, {"tuple": (0, np.void)}),
        (Kind.TOKEN, {"token": (0, np.void)}),
        (Kind.OPAQUE, {"opaque": (0, np.void)}),
        (Kind.BUFFER, {"b": (0, np.void)}),
    ]
    return {name: ElementType(name, kind, bits, np.dtype(t)) for kind, row in table for name, (bits, t) in row.items()}


ELEMENT_TYPES: dict[str, ElementType] = _rows()
"""Every primitive type by its name in HLO text."""

PRED, S8, S32, S64 = (ELEMENT_TYPES[n] for n in ("pred", "s8", "s32", "s64"))
U8, U32, U64 = (ELEMENT_TYPES[n] for n in ("u8", "u32", "u64"))
F16, BF16, F32, F64 = (ELEMENT_TYPES[n] for n in ("f16", "bf16", "f32", "f64"))
F8E8M0FNU = ELEMENT_TYPES["f8e8m0fnu"]
C64, C128 = ELEMENT_TYPES["c64"], ELEMENT_TYPES["c128"]
TUPLE, TOKEN, OPAQUE, BUFFER = (ELEMENT_TYPES[n] for n in ("tuple", "token", "opaque", "b"))

_BY_DTYPE = {t.dtype: t for t in ELEMENT_TYPES.values() if t.is_array}
_PARTS = {C64: F32, C128: F64}


def element_of(dtype: Any) -> ElementType:
    """The element type that numpy stores as `dtype`; KeyError if there is none."""
    return _BY_DTYPE[np.dtype(dtype)]


def real_part(element: ElementType) -> ElementType:
    """f32 for c64, f64 for c128, the type itself otherwise."""
    return _PARTS.get(element, element)


def complex_of(element: ElementType) -> ElementType:
    """c64 for f32, c128 for f64; KeyError otherwise."""
    return {part: whole for whole, part in _PARTS.items()}[element]
