"""Perfect nests of loops as one row of numbered iterations, to be dealt out to blocks and threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from hlo_tools.codegen.index import Index, Var, delinearize
from hlo_tools.codegen.kernel import Axis, For, Stmt
from hlo_tools.codegen.rewrite import substitute


@dataclass(frozen=True, slots=True)
class Iterations:
    """Loops of one axis with constant bounds and nothing but each other inside, and the innermost body."""

    loops: tuple[For, ...]
    body: tuple[Stmt, ...]

    @property
    def count(self) -> int:
        """How many there are; 1 without loops."""
        return prod(map(_extent, self.loops))

    def at(self, number: Index) -> tuple[Stmt, ...]:
        """The body of iteration `number`."""
        places = delinearize(number, tuple(map(_extent, self.loops)))
        values: dict[Var, Index] = {
            loop.var: place * loop.step + loop.begin.const for loop, place in zip(self.loops, places, strict=True)
        }
        return substitute(self.body, values)


def iterations(body: Sequence[Stmt], axis: Axis) -> Iterations:
    """The nest that statements are; without loops where they are none."""
    loops: list[For] = []
    body = tuple(body)
    while len(body) == 1 and isinstance(body[0], For) and body[0].axis is axis and _is_constant(body[0]):
        loops.append(body[0])
        body = body[0].body
    return Iterations(tuple(loops), body)


def _is_constant(loop: For) -> bool:
    return loop.begin.is_const and loop.end.is_const


def _extent(loop: For) -> int:
    return max(0, -(-(loop.end.const - loop.begin.const) // loop.step))
