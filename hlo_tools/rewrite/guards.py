"""Conditions that many rules share: they look at the matched root, some at a variable."""

from __future__ import annotations

from hlo_tools.ir.element import PRED, ElementType
from hlo_tools.ir.instruction import Instruction


def integer(i: Instruction, **_: Instruction) -> bool:
    """The result is an array of integers."""
    return i.shape.element.is_integer


def unsigned(i: Instruction, **_: Instruction) -> bool:
    """The result is an array of unsigned integers."""
    return i.shape.element.is_integer and not i.shape.element.is_signed


def predicate(i: Instruction, **_: Instruction) -> bool:
    """The result is an array of booleans."""
    return i.shape.element is PRED


def real(i: Instruction, **_: Instruction) -> bool:
    """The result is an array of floats."""
    return i.shape.element.is_float


def not_complex(i: Instruction, **_: Instruction) -> bool:
    """The result is not complex: there, a factor of 1 multiplies infinite parts by zero, and a sign is rounded."""
    return not i.shape.element.is_complex


def unchanged_type(i: Instruction, x: Instruction, **_: Instruction) -> bool:
    """The result has the shape of `x`."""
    return i.shape.bare is x.shape.bare


def holds(wide: ElementType, narrow: ElementType) -> bool:
    """Whether every value of `narrow` is also one of `wide`, so that converting to it loses nothing."""
    if wide is narrow:
        return True
    if wide.is_complex or narrow.is_complex or wide is PRED:
        return False
    if narrow is PRED:
        return True
    if narrow.is_integer and wide.is_integer:
        if narrow.is_signed and not wide.is_signed:
            return False
        return wide.bits > narrow.bits
    if narrow.is_integer:
        return narrow.bits - narrow.is_signed <= _PRECISION.get(wide.name, 0)
    return wide.is_float and wide.name in _WIDER.get(narrow.name, ())


_PRECISION = {"bf16": 8, "f16": 11, "f32": 24, "f64": 53}
"""Bits of an integer that a float holds exactly."""
_SMALL = ("f4e2m1fn", "f6e2m3fn", "f6e3m2fn", "f8e3m4", "f8e4m3", "f8e4m3fn", "f8e4m3b11fnuz", "f8e4m3fnuz",
          "f8e5m2", "f8e5m2fnuz")  # fmt: skip
_WIDER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_SMALL, ("f32", "f64")),
    "bf16": ("f32", "f64"),
    "f16": ("f32", "f64"),
    "f32": ("f64",),
}
"""Floats that hold every value of a float."""
