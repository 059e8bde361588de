"""A whole module as a program: steps in order over numbered buffers, the form that backends turn into code.

Every array value gets a *slot*. Ops that only rename (tuple, get-tuple-element, bitcast-like reshapes) share the
slot of their operand. Loop state lives in one slot per leaf: the body reads it and leaves the next state in it,
computed in place where nobody still reads the old one. Slots of the scratch area share memory when their lives do
not overlap (`memory.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from hlo_tools.codegen.kernel import Kernel
from hlo_tools.ir.literal import Array
from hlo_tools.ir.shape import Shape


class Area(Enum):
    """The kinds of memory that a program addresses."""

    ARGUMENT = "arg"
    RESULT = "result"
    SCRATCH = "scratch"
    CONSTANT = "const"


class Slot:
    """A stretch of memory: `number` of its area; in SCRATCH, `offset` bytes from the start once assigned.

    `first` and `last` are the times of the first and the last step that touches it.
    """

    __slots__ = ("area", "bytes", "first", "last", "number", "offset")

    def __init__(self, area: Area, number: int, size: int) -> None:
        self.area = area
        self.number = number
        self.bytes = size
        self.offset = 0
        self.first = -1
        self.last = -1

    def touch(self, time: int) -> None:
        """Note that the step at `time` reads or writes it."""
        if self.first < 0:
            self.first = time
        self.last = max(self.last, time)

    def __repr__(self) -> str:
        place = f"+{self.offset}" if self.area is Area.SCRATCH else str(self.number)
        return f"{self.area.value}{place}"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Run a kernel on these slots."""

    kernel: Kernel
    slots: tuple[Slot, ...]
    name: str  # of the instruction that it belongs to


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """Copy all bytes of one slot to another of the same size."""

    source: Slot
    target: Slot


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """Run `condition`; while the pred in `holds` is true, run `body` and `condition` again."""

    condition: tuple[Step, ...]
    holds: Slot
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """Run one of `branches`: by a pred (the first one when true), or by an s32 (out of range: the last)."""

    selector: Slot
    by_pred: bool
    branches: tuple[tuple[Step, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CustomCall:
    """Ask the host to run `target` on these slots, operands first, then results."""

    target: str
    slots: tuple[Slot, ...]
    opaque: str


Step = Call | Copy | Loop | Branch | CustomCall


@dataclass(frozen=True, slots=True)
class Port:
    """An argument or a result of the program: a leaf of the entry's signature."""

    name: str
    shape: Shape
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Read-only data."""

    slot: Slot
    data: Array


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What a backend compiles. `kernels` are distinct by text; scratch is 64 bytes aligned."""

    name: str
    arguments: tuple[Port, ...]
    results: tuple[Port, ...]
    constants: tuple[Constant, ...]
    kernels: tuple[Kernel, ...]
    steps: tuple[Step, ...]
    scratch_bytes: int

    def to_text(self) -> str:
        """The steps, one a line, for dumps."""
        lines = [f"program {self.name}, scratch {self.scratch_bytes} bytes"]
        lines += [f"  arg{i} {p.name} {p.shape}" for i, p in enumerate(self.arguments)]
        lines += [f"  result{i} {p.name} {p.shape}" for i, p in enumerate(self.results)]
        lines += [f"  const{c.slot.number} {c.slot.bytes} bytes" for c in self.constants]
        return "\n".join([*lines, *_text(self.steps, "  ")]) + "\n"


def _text(steps: Iterable[Step], indent: str) -> list[str]:
    lines: list[str] = []
    for s in steps:
        if isinstance(s, Call):
            lines.append(f"{indent}{s.kernel.name}({', '.join(map(repr, s.slots))})  // {s.name}")
        elif isinstance(s, Copy):
            lines.append(f"{indent}copy {s.source!r} -> {s.target!r} {s.source.bytes} bytes")
        elif isinstance(s, Loop):
            lines += [f"{indent}while {{", *_text(s.condition, indent + "  "), f"{indent}}} {s.holds!r} {{"]
            lines += [*_text(s.body, indent + "  "), f"{indent}}}"]
        elif isinstance(s, Branch):
            for i, branch in enumerate(s.branches):
                lines += [f"{indent}{'branch' if i == 0 else '} else'} {i} on {s.selector!r} {{"]
                lines += _text(branch, indent + "  ")
            lines.append(f"{indent}}}")
        else:
            lines.append(f"{indent}custom-call {s.target}({', '.join(map(repr, s.slots))})")
    return lines
