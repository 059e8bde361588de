"""How often a loop runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlo_tools.ir.attributes import ComparisonDirection
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops.compare import compare
from hlo_tools.ops.elementwise import add, copy
from hlo_tools.ops.structure import constant, get_tuple_element, parameter, tuple_


@dataclass(frozen=True, slots=True)
class Counter:
    """The variable that ends a loop: element `index` of the state goes from `start` by `step` while below `limit`.

    `inclusive` when the limit itself is still run.
    """

    index: int
    start: int
    step: int
    limit: int
    inclusive: bool

    @property
    def trips(self) -> int:
        """How often the body runs."""
        last = self.limit if self.inclusive else self.limit - 1
        return max(0, (last - self.start) // self.step + 1)


def counter(loop: Instruction) -> Counter | None:
    """The counter of a `while` that counts up by a constant from a constant to a constant; None for others."""
    condition, body = loop.attrs.condition, loop.attrs.body
    test = condition.result
    if test.op is not compare or test.attrs.direction not in (ComparisonDirection.LT, ComparisonDirection.LE):
        return None
    index, limit = _state_element(test.operands[0]), _integer(test.operands[1])
    state = loop.operands[0]
    if index is None or limit is None or state.op is not tuple_ or body.result.op is not tuple_:
        return None
    start = _integer(state.operands[index])
    step = _step(body.result.operands[index], index)
    if start is None or step is None or step <= 0:
        return None
    return Counter(index, start, step, limit, test.attrs.direction is ComparisonDirection.LE)


def trip_count(loop: Instruction) -> int | None:
    """How often the body of a `while` runs, when that is plain to see."""
    found = counter(loop)
    if found is None:
        return None
    element = loop.shape.elements[found.index].element
    info = np.iinfo(element.dtype) if element.bits >= 8 else None
    wraps = info is None or found.limit + found.step > info.max
    return None if wraps else found.trips


def _through(inst: Instruction) -> Instruction:
    while inst.op is copy:
        inst = inst.operands[0]
    return inst


def _state_element(inst: Instruction) -> int | None:
    """The index when `inst` is an element of the parameter of its computation."""
    inst = _through(inst)
    if inst.op is not get_tuple_element or inst.operands[0].op is not parameter:
        return None
    return int(inst.attrs.index)


def _integer(inst: Instruction) -> int | None:
    inst = _through(inst)
    if inst.op is not constant or not inst.shape.is_array or inst.shape.rank or not inst.shape.element.is_integer:
        return None
    return None if inst.attrs.value.is_elided else int(inst.attrs.value.array[()])


def _step(inst: Instruction, index: int) -> int | None:
    """The constant that `inst` adds to element `index` of the state."""
    inst = _through(inst)
    if inst.op is not add:
        return None
    for x, y in (inst.operands, inst.operands[::-1]):
        if _state_element(x) == index:
            return _integer(y)
    return None
