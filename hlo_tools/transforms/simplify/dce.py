"""Dead code elimination."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.module import Module, called_by
from hlo_tools.passes.base import Context, Pass


@dataclass(frozen=True, slots=True)
class Dce(Pass):
    """Removes instructions that nobody reads and computations that nobody calls.

    Parameters stay, and so do instructions with side effects or control dependencies.
    """

    def run(self, module: Module, ctx: Context) -> bool:
        """Callers first: what a removed call named is not looked at."""
        instructions = 0
        for computation in reversed(module.order()):
            instructions += erase_dead(list(computation.instructions))
        computations = remove_uncalled(module)
        ctx.count("instructions", instructions)
        ctx.count("computations", computations)
        return instructions + computations > 0


def remove_uncalled(module: Module) -> int:
    """Remove the computations that cannot be reached from the entry; returns how many."""
    reached = {module.main}
    work = [module.main]
    while work:
        for callee in called_by(work.pop()):
            if callee not in reached:
                reached.add(callee)
                work.append(callee)
    dead = [c for c in module if c not in reached]
    for computation in dead:
        module.remove_computation(computation)
    return len(dead)
