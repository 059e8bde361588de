"""Working memory of one row of a kernel whose rows run in parallel: on the stack where it is small, else scratch."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder
from hlo_tools.codegen.index import ZERO, Dynamic, Index, of
from hlo_tools.codegen.kernel import Buffer, Cell, Expr, Store
from hlo_tools.ir.element import S64, ElementType

STACK_BYTES = 64 * 1024
"""What one row may have on the stack, in all."""


@dataclass(frozen=True, slots=True)
class Room:
    """A stretch of a buffer."""

    buffer: Buffer
    base: Index = ZERO

    def load(self, at: Index, mask: Expr | None = None) -> Expr:
        """An element."""
        return k.load(self.buffer, self.base + at, mask=mask)

    def store(self, at: Index, value: Expr) -> Store:
        """Write an element."""
        return Store(self.buffer, self.base + at, value)

    def part(self, begin: int) -> Room:
        """The rest from an element on."""
        return Room(self.buffer, self.base + begin)


class Rooms:
    """Hands out the working memory of a row."""

    def __init__(self, builder: Builder, row: Index, rows: int, total_bytes: int) -> None:
        """`row` of `rows` is the number of this row; `total_bytes` is all that it is going to ask for."""
        self.builder = builder
        self.row = row
        self.rows = rows
        self.local = total_bytes <= STACK_BYTES
        self.count = 0

    def room(self, element: ElementType, size: int) -> Room:
        """Uninitialised memory for `size` elements."""
        self.count += 1
        if self.local:
            return Room(self.builder.local(element, size))
        return Room(self.builder.workspace(element, size * self.rows, self.count), self.row * size)


def at_value(e: Expr, low: int, high: int) -> Index:
    """An integer expression as an index from `low` to `high`."""
    return of(Dynamic(k.convert(e, S64), low, high))


def at_cell(cell: Cell, low: int, high: int) -> Index:
    """The value of a cell as an index from `low` to `high`."""
    return at_value(k.cell(cell), low, high)
