"""One computation for each call site."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import map_callees
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import FLAT_CALL_GRAPH

SEQUENTIAL = frozenset({"call", "while", "conditional"})
"""Ops that run what they call as a part of the program, with buffers of its own."""


@dataclass(frozen=True, slots=True)
class FlattenCallGraph(Pass):
    """Copies computations until each is called from one place.

    Only calls, loops and branches count: what reduce or sort apply to scalars has no buffers. A computation that is
    used in both ways is copied, too.
    """

    gives = (FLAT_CALL_GRAPH,)

    def run(self, module: Module, ctx: Context) -> bool:
        """Callers first: a copy that calls others gets copies of these in its turn."""
        taken: set[Computation] = {module.main}
        taken.update(c for i in module.instructions() if i.op.name not in SEQUENTIAL for c in i.called)
        copies = 0
        work = [module.main]

        def own(callee: Computation) -> Computation:
            nonlocal copies
            if callee in taken:
                callee = module.clone_computation(callee)
                copies += 1
            taken.add(callee)
            work.append(callee)
            return callee

        while work:
            caller = work.pop()
            for inst in caller.order():
                if inst.op.name in SEQUENTIAL:
                    before = inst.attrs
                    inst.attrs = map_callees(before, own)
                    caller.version += inst.attrs != before
        ctx.count("copies", copies)
        return copies > 0
