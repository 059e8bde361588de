"""What a simulation can find wrong, as exceptions that say where: PTX line, thread and block."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import NDArray

Index3 = tuple[int, int, int]


class SimulationError(Exception):
    """A fault of simulated PTX code, or of the way it was launched.

    Fields: `message`; `line`, the 1-based line of the PTX text, and `text`, the statement there; `thread` and `block`,
    the (x, y, z) indices of one thread that met the fault. Each is None (or empty) where it does not apply. `lane` is
    the fault's position among the threads that executed the instruction together; the scheduler turns it into `thread`.
    """

    def __init__(self, message: str, *, line: int | None = None, text: str = "", lane: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.text = text
        self.lane = lane
        self.thread: Index3 | None = None
        self.block: Index3 | None = None

    def at(self, line: int, text: str) -> Self:
        """Adds the PTX statement to an error that has none yet."""
        if self.line is None:
            self.line, self.text = line, text
        return self

    def among(self, select: NDArray[Any]) -> Self:
        """Translates the lane of an error that arose for the lanes at the given positions only."""
        if self.lane is not None:
            self.lane = int(select[min(self.lane, len(select) - 1)])
        return self

    def by(self, thread: Index3, block: Index3) -> Self:
        """Adds the thread and block to an error that has none yet."""
        if self.thread is None:
            self.thread, self.block = thread, block
        return self

    def __str__(self) -> str:
        where = [] if self.line is None else [f"PTX line {self.line}: {self.text}"]
        if self.thread is not None:
            where.append(f"thread {self.thread} of block {self.block}")
        return self.message if not where else f"{self.message} [{'; '.join(where)}]"


class PtxSyntaxError(SimulationError):
    """The text is not PTX as LLVM writes it."""


class UnsupportedInstructionError(SimulationError):
    """An instruction, or a form of one, that the simulator does not know."""


class LaunchError(SimulationError):
    """The launch does not fit the kernel: unknown name, wrong arguments, impossible sizes."""


class MemoryFaultError(SimulationError):
    """An access to memory that the hardware would fault on or answer with garbage."""


class OutOfBoundsError(MemoryFaultError):
    """An access outside every buffer, or across the end of one."""


class MisalignedError(MemoryFaultError):
    """An access at an address that is not a multiple of its size."""


class UninitialisedReadError(MemoryFaultError):
    """A read of memory that nobody has written."""


class RaceError(SimulationError):
    """Two threads touch the same shared memory, one of them writing, with no barrier between."""


class DivergenceError(SimulationError):
    """Threads that must execute an instruction together do not: barriers, shuffles, matrix instructions."""


class StepLimitError(SimulationError):
    """The launch executed more basic blocks than allowed: an infinite loop, or a wait for a thread that never runs."""


class TrapError(SimulationError):
    """The code executed `trap`."""
