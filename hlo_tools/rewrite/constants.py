"""Constants as rules see them: splats, through broadcasts."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.shape import Shape, scalar
from hlo_tools.ops.shapes import DimensionsAttrs, broadcast
from hlo_tools.ops.structure import ConstantAttrs, constant


def splat_value(inst: Instruction) -> Any:
    """The one value that all elements of a constant, or of a broadcast of one, have; None where there is none."""
    while inst.op is broadcast:
        inst = inst.operands[0]
    if inst.op is not constant:
        return None
    literal: Literal = inst.attrs.value
    value = literal.value
    if not isinstance(value, np.ndarray) or value.size == 0:
        return None
    return value.reshape(-1)[0] if value.size == 1 or literal.is_splat else None


def is_number(inst: Instruction, number: float | bool) -> bool:
    """Whether `inst` is a constant, or a broadcast of one, with this value everywhere. Zeros of both signs are 0."""
    while inst.op is broadcast:
        inst = inst.operands[0]
    if inst.op is not constant:
        return False
    value = inst.attrs.value.value
    if not isinstance(value, np.ndarray) or value.size == 0:
        return False
    if isinstance(number, bool) != (value.dtype == np.bool_):
        return False
    return bool(value.reshape(-1)[0] == number) and (value.size == 1 or bool((value == number).all()))


def is_constant(inst: Instruction) -> bool:
    """Whether `inst` is a constant array whose value is known."""
    return inst.op is constant and isinstance(inst.attrs.value.value, np.ndarray)


def splat(home: Computation, value: Any, shape: Shape) -> Instruction:
    """An array with `value` everywhere: a constant scalar, broadcast where `shape` has dimensions."""
    element = shape.element
    made = Literal(scalar(element), np.asarray(value).astype(element.dtype).reshape(()))
    if not shape.rank:
        return home.add(constant, (), ConstantAttrs(made), shape)
    single = home.add(constant, (), ConstantAttrs(made), scalar(element))
    return home.add(broadcast, (single,), DimensionsAttrs(Dims(())), shape)
