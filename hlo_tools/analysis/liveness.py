"""How much memory values take while a computation runs in a given order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hlo_tools.ir.computation import Computation, by_version
from hlo_tools.ir.instruction import Instruction

VIEWS = frozenset({"add-dependency", "bitcast", "domain", "get-tuple-element", "opt-barrier", "tuple"})
"""Ops whose results lie in the buffers of their operands."""

Buffers = tuple[Instruction, ...]
"""Instructions that own memory, each once."""


@dataclass(frozen=True, slots=True)
class Uses:
    """Which buffers each instruction reads, and which leave the computation.

    A buffer is named by the instruction that defines it; views stand for what they show.
    """

    reads: Mapping[Instruction, Buffers]
    results: frozenset[Instruction]

    def counts(self) -> Counter[Instruction]:
        """How many instructions read each buffer; a result has one reader more, the caller."""
        found = Counter(b for buffers in self.reads.values() for b in buffers)
        found.update(self.results)
        return found


@by_version
def uses(computation: Computation) -> Uses:
    """The uses of all buffers of a computation."""
    shown: dict[Instruction, Buffers] = {}
    reads: dict[Instruction, Buffers] = {}
    for inst in computation.order():
        seen = tuple(dict.fromkeys(b for x in inst.operands for b in shown[x]))
        if inst.op.name in VIEWS:
            source = inst.operands[0] if inst.operands else inst
            if inst.op.name == "get-tuple-element" and source.op.name == "tuple":
                seen = shown[source.operands[inst.attrs.index]]
            shown[inst] = seen
            reads[inst] = ()
        else:
            shown[inst] = (inst,)
            reads[inst] = seen
    return Uses(reads, frozenset(shown[computation.result]))


def size_of(inst: Instruction) -> int:
    """Bytes of memory that `inst` needs for its result: none for views, parameters and constants."""
    return 0 if inst.op.name in VIEWS or inst.op.inline is not None else inst.shape.bytes


def peak_bytes(computation: Computation, order: Sequence[Instruction], inside: Mapping[Computation, int]) -> int:
    """The most bytes alive at a time when `computation` runs in `order`.

    `inside` gives the peaks of called computations, which add to what is alive when they are called.
    """
    how = uses(computation)
    left = how.counts()
    alive = peak = 0
    for inst in order:
        alive += size_of(inst)
        peak = max(peak, alive + max((inside.get(c, 0) for c in inst.called), default=0))
        for buffer in how.reads[inst]:
            left[buffer] -= 1
            if left[buffer] == 0:
                alive -= size_of(buffer)
        if left[inst] == 0:
            alive -= size_of(inst)
    return peak
