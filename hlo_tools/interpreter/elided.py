"""Constants whose values a text elided (`{...}`): where they are, and made-up values for them.

An elided value is unknown and equals only itself: passes keep it, and whatever would execute it refuses.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import numpy as np

from hlo_tools.interpreter.inputs import random_array
from hlo_tools.ir.attributes import FrontendAttributes
from hlo_tools.ir.external import DIGEST, NAME
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Array, Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.structure import ConstantAttrs, constant


class Fill(StrEnum):
    """Made-up values: zeros, numbers from a seed, or 0, 1, 2 and so on."""

    ZERO = "zero"
    RANDOM = "random"
    IOTA = "iota"


def elided_constants(module: Module) -> list[Instruction]:
    """The constants without values, in order."""
    found = (inst for computation in module.order() for inst in computation.order())
    return [inst for inst in found if inst.op is constant and inst.attrs.value.is_elided]


def fill_elided(module: Module, fill: Fill, seed: int = 0) -> int:
    """Give values to the elided constants of `module`, in place; returns how many there were.

    Random values are those of generated arguments: floats are standard normal, integers small. Each constant has its
    own stream, so that the same seed gives the same values on every machine. Iota counts along the elements in
    logical order and starts again where the type ends to be exact.
    """
    known: dict[int, Literal] = {}
    for inst in elided_constants(module):
        old = inst.attrs.value
        if id(old) not in known:
            known[id(old)] = _filled(old, fill, np.random.default_rng([seed, len(known)]))
        set_value(inst, known[id(old)])
    return len(known)


def set_value(inst: Instruction, value: Literal) -> None:
    """Give an elided constant its value; what it says of a file in which the value lies goes."""
    inst.attrs = ConstantAttrs(value)
    rest = tuple(pair for pair in inst.extras.frontend_attributes if pair[0] not in (NAME, DIGEST))
    inst.extras = replace(inst.extras, frontend_attributes=FrontendAttributes(rest))
    inst.parent.touch()


def _filled(old: Literal, fill: Fill, rng: np.random.Generator) -> Literal:
    if isinstance(old.value, tuple):
        return Literal(old.shape, tuple(_filled(part, fill, rng) for part in old.value))
    if old.value is not None:
        return old
    if old.shape.is_tuple:
        return Literal(old.shape, tuple(_filled(Literal(part, None), fill, rng) for part in old.shape.elements))
    if fill is Fill.RANDOM:
        return Literal(old.shape, random_array(old.shape, rng))
    return Literal(old.shape, _zeros(old.shape) if fill is Fill.ZERO else _iota(old.shape))


def _zeros(shape: Shape) -> Array:
    return np.zeros(shape.dims, shape.element.dtype)  # all bits zero: for f8e8m0fnu, which has no 0, that is 2^-127


def _iota(shape: Shape) -> Array:
    element = shape.element
    if element.dtype == np.bool_:
        count = 2
    elif element.is_integer:
        count = 1 << min(element.bits - element.is_signed, 62)
    else:
        count = _EXACT.get(element.name, 1 << 24)
    numbers = np.arange(shape.size) % count
    return (numbers + (element.name == "f8e8m0fnu")).astype(element.dtype).reshape(shape.dims)


_EXACT = {
    "f4e2m1fn": 5, "f6e2m3fn": 8, "f6e3m2fn": 9, "f8e3m4": 16, "f8e4m3": 17, "f8e4m3fn": 17, "f8e4m3b11fnuz": 17,
    "f8e4m3fnuz": 17, "f8e5m2": 9, "f8e5m2fnuz": 9, "f8e8m0fnu": 2, "f16": 2049, "bf16": 257,
}  # fmt: skip
"""How many whole numbers, from 0 on, a short float holds exactly (f8e8m0fnu: from 1 on)."""
