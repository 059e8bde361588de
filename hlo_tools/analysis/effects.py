"""Which instructions must stay although nobody reads them."""

from __future__ import annotations

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


def control_sources(computation: Computation) -> set[Instruction]:
    """The instructions that others of `computation` name as control predecessors."""
    return {p for i in computation.instructions for p in i.extras.control_predecessors}


def erase_dead(
    candidates: list[Instruction], pinned: set[Instruction] | None = None, keep_parameters: bool = True
) -> int:
    """Erase those of `candidates`, all of one computation, that nobody needs, then their operands, and so on.

    Roots, instructions with side effects or control dependencies, and parameters stay. `pinned` are the control
    sources of the computation; looked up when not given, which takes a walk over it. Returns how many were erased.
    """
    erased = 0
    work = [c for c in candidates if not c.users]
    if work and pinned is None:
        pinned = control_sources(work[0].parent)
    while work:
        inst = work.pop()
        home = inst.parent
        if inst.users or inst is home.root or inst not in home.instructions:
            continue
        if (keep_parameters and inst.op.inline == "number") or inst in (pinned or ()):
            continue
        if inst.extras.control_predecessors or has_side_effect(inst):
            continue
        home.erase(inst)
        erased += 1
        work.extend(inst.operands)
    return erased


def supersede(old: Instruction, new: Instruction) -> None:
    """Let the users of `old` read `new`, and erase `old` and what only it needed."""
    old.parent.replace(old, new)
    erase_dead([old])
