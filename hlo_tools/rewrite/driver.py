"""Applies rules to a computation until none fires: a worklist, operands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from hlo_tools.analysis.effects import control_sources, erase_dead
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import compatible, with_default_layout
from hlo_tools.rewrite.matcher import compile_rules
from hlo_tools.rewrite.rule import Changes, Rule


class Rewriter:
    """A set of rules, compiled. `allowed` says what rules may change in the numbers; others are left out."""

    def __init__(self, rules: Sequence[Rule], allowed: Changes = Changes.NOTHING) -> None:
        self.rules = tuple(r for r in rules if r.changes in allowed)
        self._match = compile_rules(self.rules)

    def apply(self, computation: Computation, limit: int) -> Counter[str]:
        """Rewrite to a fixed point; returns how often each rule fired, by name.

        At most `limit` firings per instruction of the computation, so that rules that undo each other come to an
        end.
        """
        work = dict.fromkeys(reversed(computation.order()))
        fired: Counter[str] = Counter()
        left = limit * max(len(computation), 64)
        pinned = control_sources(computation)
        while work and left:
            inst = work.popitem()[0]
            if inst.parent is not computation or inst not in computation.instructions:
                continue
            if inst.extras.control_predecessors:
                continue
            found = self._one(computation, inst, work, pinned)
            if found is not None:
                fired[found] += 1
                left -= 1
        return fired

    def _one(
        self, computation: Computation, inst: Instruction, work: dict[Instruction, None], pinned: set[Instruction]
    ) -> str | None:
        """Fire the first rule that matches `inst`; returns its name."""
        match = self._match.get(inst.op)
        if match is None:
            return None
        before = len(computation)
        found = match(inst)
        made = list(islice(reversed(computation.instructions), max(len(computation) - before, 0)))
        if found is None or not _fits(inst, found[1], made):
            erase_dead(made, pinned)
            return None
        number, new = found
        users = list(inst.users)
        for fresh in made:
            if inst.shape.layout is not None and fresh.shape.is_array:
                fresh.shape = with_default_layout(fresh.shape)
        computation.replace(inst, new)
        operands = inst.operands
        erase_dead([inst], pinned)
        for item in (*users, *operands, new, *made):
            if item in computation.instructions:
                work[item] = None
        return self.rules[number].name


def _fits(old: Instruction, new: Instruction, made: list[Instruction]) -> bool:
    """Whether `new` may take the place of `old`: the same type, and of a sharded value only what a rule made."""
    if not compatible(old.shape, new.shape) or new.extras.control_predecessors:
        return False
    if new in made:
        if new.shape is not old.shape and new.shape.is_array:
            new.shape = old.shape
        return True
    return old.sharding is None or old.sharding == new.sharding
