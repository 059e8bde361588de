"""Loops that never end: finding out that one does not, and what is known of its value all the same.

A loop whose condition reads numbers that one round leaves as they are goes on forever. XLA takes loops to end, drops
the ones whose results nobody needs, and gives the elements of the state that the body passes through. So do we: those
elements have their value, and whatever is computed from any other has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Trait
from hlo_tools.ir.shape import Shape

Element = int | None
"""An element of a tuple; None for the whole value."""

_IMPURE = Trait.SIDE_EFFECT | Trait.NONDETERMINISTIC | Trait.COLLECTIVE


class EndlessLoop(Exception):
    """The value of something that a loop computes which never ends is needed."""

    def __init__(self, value: Never) -> None:
        super().__init__(f"the loop {value.loop} never ends, and what it computes is used")
        self.value = value


class Never:
    """Stands for such a value: to do anything with it but pass it on raises EndlessLoop."""

    __slots__ = ("loop",)

    def __init__(self, loop: str) -> None:
        self.loop = loop

    def _use(self, *_: Any, **__: Any) -> NoReturn:
        raise EndlessLoop(self)

    __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __int__ = __array__ = __array_ufunc__ = _use


def settled(loop: Instruction, before: Any, after: Any) -> Any | None:
    """The value of a loop that goes from state `before` to `after` and never ends; None where it may end."""
    if not (_is_pure(loop.attrs.condition) and _is_pure(loop.attrs.body)):
        return None
    if not _unchanged(_influences(loop, _sources(loop.attrs.condition)), before, after):
        return None
    if not isinstance(after, tuple):
        return after if _same(before, after) else Never(loop.name)
    return tuple(
        value if _unchanged(_influences(loop, {i}), before, after) else Never(loop.name)
        for i, value in enumerate(after)
    )


def nothing(shape: Shape, value: Never) -> Any:
    """The value of an instruction of this shape that was computed from `value`."""
    return tuple(nothing(s, value) for s in shape.elements) if shape.is_tuple else value


def _is_pure(computation: Computation) -> bool:
    stack, seen = [computation], {computation}
    while stack:
        for inst in stack.pop():
            if inst.op.traits & _IMPURE:
                return False
            new = [c for c in inst.called if c not in seen]
            seen.update(new)
            stack.extend(new)
    return True


def _influences(loop: Instruction, wanted: Iterable[Element]) -> set[Element]:
    """The elements of the state that decide, round after round, about the `wanted` ones."""
    found, new = set[Element](), set(wanted)
    while new:
        found |= new
        new = set().union(*(_sources(loop.attrs.body, element) for element in new)) - found
    return found


def _sources(computation: Computation, element: Element = None) -> set[Element]:
    """The elements of the only parameter on which an element of the result depends."""
    found = set[Element]()
    seen = set[tuple[Instruction, Element]]()
    stack: list[tuple[Instruction, Element]] = [(computation.result, element)]
    while stack:
        value = stack.pop()
        if value not in seen:
            seen.add(value)
            if value[0].op.inline == "number":
                found.add(value[1])
            else:
                stack.extend(_read(*value))
    return found


def _read(inst: Instruction, element: Element) -> list[tuple[Instruction, Element]]:
    """What an element of the value of an instruction depends on."""
    match inst.op.name:
        case "tuple" if element is not None:
            return [(inst.operands[element], None)]
        case "get-tuple-element" if element is None:
            return [(inst.operands[0], inst.attrs.index)]
        case "while" if element is not None:
            wanted = {element} | _sources(inst.attrs.condition)
            return [(inst.operands[0], e) for e in _influences(inst, wanted)]
        case _:
            return [(x, None) for x in inst.operands]


def _unchanged(elements: Iterable[Element], before: Any, after: Any) -> bool:
    return all(
        _same(before, after) if element is None else _same(before[element], after[element]) for element in elements
    )


def _same(x: Any, y: Any) -> bool:
    """Whether two values have the same bits."""
    if isinstance(x, tuple):
        return all(map(_same, x, y))
    if x is y or not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        return x is y
    return x.shape == y.shape and x.tobytes() == y.tobytes()
