"""Schedules: the order in which the instructions of a computation run.

`Computation.order()` keeps the order of insertion wherever operands allow. A module is scheduled when its header says
so; the order of insertion of each computation is then its schedule, in memory as in text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module

Schedule = Mapping[Computation, Sequence[Instruction]]
"""For each computation all of its instructions, operands and control predecessors first."""


def set_schedule(module: Module, schedule: Schedule) -> bool:
    """Let the computations run in these orders; whether that is new.

    Raises ValueError when an order lacks an instruction, or has one before what it depends on.
    """
    changed = not module.header.is_scheduled
    for computation, order in schedule.items():
        if tuple(computation.instructions) == tuple(order):
            continue
        if len(order) != len(computation) or set(order) != set(computation.instructions):
            raise ValueError(f"the schedule of {computation.name} does not have its instructions")
        computation.instructions = dict.fromkeys(order)
        computation.touch()
        if computation.order() != tuple(order):
            raise ValueError(f"the schedule of {computation.name} runs an instruction before its operands")
        changed = True
    module.header = replace(module.header, is_scheduled=True)
    return changed


def clear_schedule(module: Module) -> bool:
    """Let the order of instructions be free again; whether there was a schedule."""
    was_scheduled = module.header.is_scheduled
    module.header = replace(module.header, is_scheduled=False)
    return was_scheduled
