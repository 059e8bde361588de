"""The order in which XLA prints computations and instructions, whatever order they were made in.

Source: `HloModule::MakeComputationPostOrder` (depth first) and `HloComputation::MakeInstructionPostOrder`.
"""

from __future__ import annotations

from collections.abc import Iterator

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module, called_by


def computations(module: Module) -> list[Computation]:
    """Depth first from the computations that nothing calls, each after those it calls."""
    called = {callee for computation in module for callee in called_by(computation)}
    done: dict[Computation, None] = {}
    for root in module:
        if root not in called:
            for computation in _embedded(root):
                done[computation] = None
            done[root] = None
    return list(done)


def _embedded(root: Computation) -> Iterator[Computation]:
    """The computations that `root` calls, directly or not, in order of the calls."""
    seen: set[Computation] = set()
    stack: list[tuple[Computation, Iterator[Instruction]]] = []

    def enter(inst: Instruction) -> None:
        called = inst.called
        if inst.op.name != "while":  # whose body counts before its condition
            called = called[::-1]
        for callee in called:
            if callee not in seen:
                seen.add(callee)
                stack.append((callee, iter(callee)))

    for start in root:
        enter(start)
        while stack:
            computation, rest = stack[-1]
            inst = next(rest, None)
            if inst is None:
                stack.pop()
                yield computation
            else:
                enter(inst)


def instructions(computation: Computation) -> tuple[Instruction, ...]:
    """Depth first from the instructions that nobody uses, operands from left to right."""
    before = _same_channel(computation)
    done: dict[Instruction, None] = {}
    opened: set[Instruction] = set()
    for start in computation:
        if start.users:
            continue
        stack = [start]
        while stack:
            inst = stack[-1]
            if inst not in opened:
                opened.add(inst)
                waits = [] if inst is start else before.get(inst, [])
                for x in (*waits, *reversed(inst.operands), *inst.extras.control_predecessors):
                    if x not in done:
                        stack.append(x)
            else:
                stack.pop()
                done[inst] = None
    return tuple(done)


_ONE_CHANNEL = frozenset(
    "all-reduce all-gather all-to-all collective-broadcast collective-permute ragged-all-to-all reduce-scatter".split()
)


def _same_channel(computation: Computation) -> dict[Instruction, list[Instruction]]:
    """For a collective, those further up with its channel: parts of one exchange, whose order counts."""
    groups: dict[int, list[Instruction]] = {}
    before: dict[Instruction, list[Instruction]] = {}
    for inst in computation:
        if inst.op.name in _ONE_CHANNEL and inst.attrs.channel_id is not None:
            group = groups.setdefault(inst.attrs.channel_id, [])
            before[inst] = list(group)
            group.append(inst)
    return before
