"""Which instructions must stay although nobody reads them."""

from __future__ import annotations

from collections.abc import Callable

from hlo_tools.ir.computation import Computation, by_version
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Trait


def has_side_effect(inst: Instruction) -> bool:
    """Whether executing `inst` does anything besides producing its value (in computations that it calls, too)."""
    if Trait.SIDE_EFFECT in inst.op.traits or getattr(inst.attrs, "custom_call_has_side_effect", False):
        return True
    called = inst.called
    return bool(called) and any(map(is_effectful, called))


@by_version
def is_effectful(computation: Computation) -> bool:
    """Whether an instruction of `computation` has a side effect."""
    return any(map(has_side_effect, computation.instructions))


def is_deterministic(inst: Instruction) -> bool:
    """Whether two executions with equal operands give equal results."""
    if Trait.NONDETERMINISTIC in inst.op.traits:
        return False
    called = inst.called
    return not called or all(map(_deterministic, called))


@by_version
def _deterministic(computation: Computation) -> bool:
    return all(map(is_deterministic, computation.instructions))


def erase_dead(
    candidates: list[Instruction], keep: Callable[[Instruction], bool] = lambda inst: inst.op.inline == "number"
) -> int:
    """Erase those of `candidates` that nobody needs, then their operands, and so on; returns how many.

    Roots, instructions with side effects or control dependencies, and those that `keep` names (parameters by
    default) stay.
    """
    bound: dict[Computation, set[Instruction]] = {}
    erased = 0
    work = list(candidates)
    while work:
        inst = work.pop()
        home = inst.parent
        if inst.users or inst is home.root or inst not in home.instructions or keep(inst):
            continue
        if inst.extras.control_predecessors or has_side_effect(inst):
            continue
        if home not in bound:
            bound[home] = {p for i in home.instructions for p in i.extras.control_predecessors}
        if inst in bound[home]:
            continue
        home.erase(inst)
        erased += 1
        work.extend(inst.operands)
    return erased


def supersede(old: Instruction, new: Instruction) -> None:
    """Let the users of `old` read `new`, and erase `old` and what only it needed."""
    old.parent.replace(old, new)
    erase_dead([old])
