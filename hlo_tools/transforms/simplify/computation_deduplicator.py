"""Merging of equal computations."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.equality import representatives
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import map_callees
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import FLAT_CALL_GRAPH
from hlo_tools.transforms.simplify.dce import remove_uncalled


@dataclass(frozen=True, slots=True)
class ComputationDeduplicator(Pass):
    """Lets equal computations be one."""

    breaks = (FLAT_CALL_GRAPH,)

    def run(self, module: Module, ctx: Context) -> bool:
        """Redirect every call to the first of each group of equals."""
        same = representatives(module)
        if all(a is b for a, b in same.items()):
            return False
        for inst in module.instructions():
            if any(same[c] is not c for c in inst.called):
                inst.attrs = map_callees(inst.attrs, same.__getitem__)
                inst.parent.touch()
        ctx.count("computations", remove_uncalled(module))
        return True
