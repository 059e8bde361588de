"""The schedule that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hlo_tools.ir.module import Module
from hlo_tools.ir.schedule import set_schedule
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import SCHEDULED, Invariant


@dataclass(frozen=True, slots=True)
class HloTrivialScheduler(Pass):
    """Makes the order in which the module stands its schedule."""

    gives: ClassVar[tuple[Invariant, ...]] = (SCHEDULED,)

    def run(self, module: Module, ctx: Context) -> bool:
        """No instruction moves unless it stands before its operands."""
        return set_schedule(module, {c: c.order() for c in module})
