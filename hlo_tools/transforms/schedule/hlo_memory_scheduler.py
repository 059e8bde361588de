"""Schedules that need little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import ClassVar

from hlo_tools.analysis.liveness import peak_bytes, size_of, uses
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.schedule import set_schedule
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import SCHEDULED, Invariant


@dataclass(frozen=True, slots=True)
class HloMemoryScheduler(Pass):
    """Orders instructions so that few bytes are alive at a time.

    For each computation the best of three orders: as it stands, depth first from the root, and a list schedule that
    always runs what frees most.
    """

    gives: ClassVar[tuple[Invariant, ...]] = (SCHEDULED,)

    def run(self, module: Module, ctx: Context) -> bool:
        """Callees first, since what they need counts where they are called."""
        peaks: dict[Computation, int] = {}
        schedule: dict[Computation, Sequence[Instruction]] = {}
        for computation in module.order():
            orders = [computation.order(), _depth_first(computation), _list_schedule(computation)]
            found = [(peak_bytes(computation, order, peaks), n, order) for n, order in enumerate(orders)]
            peaks[computation], _, schedule[computation] = min(found, key=lambda f: f[:2])
        ctx.count("peak bytes", peaks[module.main])
        return set_schedule(module, schedule)


def _depth_first(computation: Computation) -> tuple[Instruction, ...]:
    """Operands right before their first user, the operand whose tree is largest first."""
    weight: dict[Instruction, int] = {}
    for inst in computation.order():
        weight[inst] = size_of(inst) + max((weight[x] for x in inst.operands), default=0)
    done: dict[Instruction, None] = {}
    for start in (computation.result, *computation.order()):
        stack = [start]
        while stack:
            inst = stack[-1]
            before = inst.operands + inst.extras.control_predecessors
            todo = [x for x in before if x not in done] if inst not in done else []
            if todo:
                stack.extend(sorted(todo, key=weight.__getitem__))
            else:
                stack.pop()
                done[inst] = None
    return tuple(done)


def _list_schedule(computation: Computation) -> tuple[Instruction, ...]:
    """Of what is ready always that which frees most bytes beyond those it takes; the first in text among equals."""
    how = uses(computation)
    left = how.counts()
    position = {inst: n for n, inst in enumerate(computation.order())}
    readers: dict[Instruction, list[Instruction]] = {}
    waiting: dict[Instruction, int] = {}
    followers: dict[Instruction, list[Instruction]] = {}
    for inst in position:
        before = set(inst.operands + inst.extras.control_predecessors)
        waiting[inst] = len(before)
        for x in before:
            followers.setdefault(x, []).append(inst)
        for buffer in how.reads[inst]:
            readers.setdefault(buffer, []).append(inst)

    def cost(inst: Instruction) -> tuple[int, int]:
        freed = sum(size_of(b) for b in how.reads[inst] if left[b] == 1)
        return size_of(inst) - freed, position[inst]

    ready = [(cost(inst), inst) for inst in position if not waiting[inst]]
    heapify(ready)
    done: dict[Instruction, None] = {}
    while ready:
        (known, _), inst = heappop(ready)
        if inst in done:
            continue
        now = cost(inst)
        if now[0] > known:  # an entry from before something changed; the others are as good or better
            heappush(ready, (now, inst))
            continue
        done[inst] = None
        for buffer in how.reads[inst]:
            left[buffer] -= 1
            if left[buffer] == 1:
                last = next((r for r in readers[buffer] if r not in done), None)
                if last is not None and not waiting[last]:
                    heappush(ready, (cost(last), last))
        for follower in followers.get(inst, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(ready, (cost(follower), follower))
    return tuple(done)
