"""Removal of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hlo_tools.ir.module import Module
from hlo_tools.ir.schedule import clear_schedule
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import SCHEDULED, Invariant


@dataclass(frozen=True, slots=True)
class HloDescheduler(Pass):
    """Forgets the schedule."""

    breaks: ClassVar[tuple[Invariant, ...]] = (SCHEDULED,)

    def run(self, module: Module, ctx: Context) -> bool:
        """The instructions stay where they are."""
        return clear_schedule(module)
