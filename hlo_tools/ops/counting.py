"""Loops that do nothing but count, of which tests and ported programs have many: their value without running them.

Such a loop adds constants to integers of its state, leaves the others alone, and goes on while one of them compares
with a constant or with one that stays. Where it stops follows from a division, whether or not the numbers wrap around.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import ComparisonDirection, ComparisonType
from hlo_tools.ir.element import ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops.compare import compare
from hlo_tools.ops.elementwise import add, copy, subtract
from hlo_tools.ops.numerics import Array, from_bits
from hlo_tools.ops.structure import constant, get_tuple_element, tuple_

_MIRRORED = {
    ComparisonDirection.LT: ComparisonDirection.GT,
    ComparisonDirection.GT: ComparisonDirection.LT,
    ComparisonDirection.LE: ComparisonDirection.GE,
    ComparisonDirection.GE: ComparisonDirection.LE,
}


@dataclass(frozen=True, slots=True)
class _Test:
    """The loop goes on while element `index` of the state stands in relation `direction` to `limit`."""

    index: int
    direction: ComparisonDirection
    limit: Instruction


def counted(loop: Instruction, state: Any) -> Any | None:
    """The value of a loop that only counts, starting from `state`; None for any other, and where it never ends."""
    result = loop.attrs.body.result
    parts = result.operands if loop.shape.is_tuple and result.op is tuple_ else (result,)
    values = state if loop.shape.is_tuple else (state,)
    if len(parts) != len(values):
        return None
    steps = [_step(part, i) for i, part in enumerate(parts)]
    test = _test(loop.attrs.condition.result)
    if test is None or any(step is None for step in steps):
        return None
    limit = _known(test.limit, values, steps)
    if limit is None or not steps[test.index]:
        return None
    element = parts[test.index].shape.element
    rounds = _rounds(int(values[test.index]), steps[test.index] or 0, test.direction, limit, element)
    if rounds is None:
        return None
    ended = tuple(
        _advanced(value, rounds * step, part.shape.element) if step else value
        for value, step, part in zip(values, steps, parts, strict=True)
    )
    return ended if loop.shape.is_tuple else ended[0]


def _element(inst: Instruction) -> int | None:
    """Which element of the state an instruction is; of a state that is no tuple, 0."""
    while inst.op is copy:
        inst = inst.operands[0]
    if inst.op is get_tuple_element and inst.operands[0].op.inline == "number":
        return int(inst.attrs.index)
    return 0 if inst.op.inline == "number" and not inst.shape.is_tuple else None


def _constant(inst: Instruction) -> int | None:
    scalar = inst.op is constant and inst.shape.is_array and not inst.shape.dims and inst.shape.element.is_integer
    return int(inst.attrs.value.array) if scalar and not inst.attrs.value.is_elided else None


def _step(inst: Instruction, index: int) -> int | None:
    """What one round adds to element `index`, whose next value is `inst`."""
    while inst.op is copy:
        inst = inst.operands[0]
    if _element(inst) == index:
        return 0
    if inst.op is add:
        for x, y in (inst.operands, inst.operands[::-1]):
            if _element(x) == index:
                return _constant(y)
    if inst.op is subtract and _element(inst.operands[0]) == index:
        step = _constant(inst.operands[1])
        return None if step is None else -step
    return None


def _test(root: Instruction) -> _Test | None:
    if root.op is not compare or root.attrs.direction not in _MIRRORED:
        return None
    x, y = root.operands
    if x.shape.dims or not x.shape.element.is_integer or root.attrs.type is ComparisonType.TOTALORDER:
        return None
    index = _element(x)
    if index is not None and (_constant(y) is not None or _element(y) is not None):
        return _Test(index, root.attrs.direction, y)
    index = _element(y)
    return None if index is None else _Test(index, _MIRRORED[root.attrs.direction], x)


def _known(limit: Instruction, values: Any, steps: list[int | None]) -> int | None:
    """The number that the counter is compared with, if it stays the same."""
    found = _constant(limit)
    index = _element(limit)
    return int(values[index]) if found is None and index is not None and steps[index] == 0 else found


def _rounds(start: int, step: int, direction: ComparisonDirection, limit: int, element: ElementType) -> int | None:
    """How often the body runs; None where the counter jumps over the numbers at which it would stop."""
    span = 1 << element.bits
    low, high = (-(span // 2), span // 2 - 1) if element.is_signed else (0, span - 1)
    first, last = {
        ComparisonDirection.LT: (low, limit - 1),
        ComparisonDirection.LE: (low, limit),
        ComparisonDirection.GT: (limit + 1, high),
        ComparisonDirection.GE: (limit, high),
    }[direction]
    if not first <= start <= last:
        return 0
    rounds = (last - start) // step + 1 if step > 0 else (start - first) // -step + 1
    end = start + rounds * step
    wrapped = end - span if end > high else end + span if end < low else end
    return None if first <= wrapped <= last or not low <= wrapped <= high else rounds


def _advanced(value: Any, by: int, element: ElementType) -> Array:
    bits = np.asarray((int(value) + by) & ((1 << element.bits) - 1), f"u{element.dtype.itemsize}")
    if element.bits < 8 and element.is_signed and int(bits) >> (element.bits - 1):
        bits = np.asarray(int(bits) | 0xFF << element.bits & 0xFF, np.uint8)
    return from_bits(bits, element)
