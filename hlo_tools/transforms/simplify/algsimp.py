"""Algebraic simplification."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hlo_tools.ir.module import Module
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.driver import Rewriter
from hlo_tools.rewrite.rule import Changes
from hlo_tools.transforms.simplify.algebra import LAWS

USUAL = Changes.ZERO_SIGN | Changes.ORDER
"""What XLA's simplifier lets happen everywhere: x + 0 is x for -0, too, and sums may change their order."""


@dataclass(frozen=True, slots=True)
class Algsimp(Pass):
    """Applies laws of algebra until none applies.

    Laws that are exact but for the sign of zeros always run.

    allow_rounding  also those that change the last bits: x / 3 as x * (1/3), exp(x) * exp(y) as exp(x + y)
    allow_nan       also those that give a number where NaN or an infinity came out: log(exp(x)) as x
    limit           firings for each instruction, before a computation is left as it is
    """

    allow_rounding: bool = False
    allow_nan: bool = False
    limit: int = 20

    def run(self, module: Module, ctx: Context) -> bool:
        """Each computation on its own; firings are counted by law."""
        allowed = USUAL
        if self.allow_rounding:
            allowed |= Changes.ROUNDING
        if self.allow_nan:
            allowed |= Changes.NAN
        rewriter = _rewriter(allowed)
        changed = False
        for computation in module:
            fired = rewriter.apply(computation, self.limit)
            changed |= bool(fired)
            for law, times in fired.items():
                ctx.count(law, times)
        return changed


@lru_cache(4)
def _rewriter(allowed: Changes) -> Rewriter:
    return Rewriter(LAWS, allowed)
