"""Named properties of modules that passes need, give or break.

A pipeline is checked before anything runs: each pass must find its needs given by an earlier pass, or true of the
module from the start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hlo_tools.ir.module import Module


@dataclass(frozen=True, slots=True, eq=False)
class Invariant:
    """A property of modules: its name in messages, what it says, and the test."""

    name: str
    text: str
    holds: Callable[[Module], bool]

    def __repr__(self) -> str:
        return self.name


def _flat(module: Module) -> bool:
    sites: Counter[str] = Counter()
    for inst in module.instructions():
        if inst.op.name in ("call", "while", "conditional"):
            sites.update(c.name for c in inst.called)
    return all(n == 1 for n in sites.values())


def _laid_out(module: Module) -> bool:
    return all(
        leaf.layout is not None
        for inst in module.instructions()
        for _, leaf in inst.shape.leaves()
        if leaf.is_array and leaf.rank
    )


def _scheduled(module: Module) -> bool:
    return module.header.is_scheduled


FLAT_CALL_GRAPH = Invariant("flat-call-graph", "each called computation has one call site", _flat)
LAYOUTS = Invariant("layouts", "every array has a layout", _laid_out)
SCHEDULED = Invariant("scheduled", "the module has a schedule", _scheduled)
