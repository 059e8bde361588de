"""Statements that the threads of one block carry out together.

Every thread computes all cells, so that they agree. A PARALLEL loop is dealt out to the threads. So is a long
reduction: each thread joins its part, shared memory joins the parts, and all read the result. A store is the first
thread's. Branches and SERIAL loops around such statements are run by all threads alike, for they agree on every
condition. Wherever a statement may read or overwrite what other threads wrote or read, all wait before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from hlo_backends.gpu.device import Device
from hlo_backends.gpu.iterations import iterations
from hlo_tools.codegen.index import Var, constant, of
from hlo_tools.codegen.kernel import (
    INDEX,
    MONOIDS,
    Accumulate,
    Alloc,
    Axis,
    Barrier,
    Buffer,
    Cell,
    Expr,
    For,
    If,
    Role,
    Set,
    Space,
    Stmt,
    Store,
    binary,
    bodies,
    cell,
    compare,
    const,
    index,
    load,
    roots,
    statements,
)
from hlo_tools.codegen.nests import extent, loads
from hlo_tools.codegen.rewrite import fold
from hlo_tools.ir.element import ElementType


def shared_loops(body: Sequence[Stmt], device: Device) -> list[For]:
    """The loops that the threads of a block can share; none where the body has what they cannot carry out together."""
    found: list[For] = []
    fits = _collect(body, found) and _shared_bytes(found, device) <= device.shared_bytes
    return found if fits else []


def _collect(body: Sequence[Stmt], found: list[For]) -> bool:
    """Add the loops of a body to those found; whether threads can carry it out together."""
    for s in body:
        if _is_loop(s):
            found.append(s)
        elif isinstance(s, If) or (isinstance(s, For) and s.axis is Axis.SERIAL):
            if not all(_collect(inner, found) for inner in bodies(s)):
                return False
        elif not isinstance(s, (Set, Accumulate, Store)):
            return False
    return True


def trip_count(loop: For) -> int:
    """How many iterations a shared loop has; the most that it may have where its bounds vary."""
    many = iterations((loop,), loop.axis)
    return many.count if many.loops else extent(loop)


def threads_for(found: Sequence[For], device: Device) -> int:
    """How many threads are worth sharing these loops, a power of two."""
    longest = max(map(trip_count, found), default=1)
    threads = device.reduction_block
    while threads > device.warp and threads > longest:
        threads //= 2
    return threads


def cooperative(body: Sequence[Stmt], thread: Var, device: Device) -> tuple[Stmt, ...]:
    """What each thread of a block does, `thread` being its number. `shared_loops` has to like the body."""
    block = _Block(thread, device)
    for s in body:
        block.statement(s)
    return (*map(Alloc, block.shared.values()), *block.made)


def _is_loop(s: Stmt) -> TypeGuard[For]:
    """Whether a statement is a loop that can be shared."""
    if not isinstance(s, For) or s.axis is Axis.PARALLEL:
        return isinstance(s, For)
    sums = [inner for inner in statements(s.body) if not isinstance(inner, (For, If))]
    cells: dict[Cell, str] = {}
    return s.axis is Axis.REDUCE and all(
        isinstance(inner, Accumulate) and cells.setdefault(inner.cell, inner.monoid) == inner.monoid for inner in sums
    )


def _read_by(s: Stmt) -> list[Expr]:
    """The loads that a branch or a loop itself evaluates, not its bodies."""
    return [e for root in roots(s) for e in root.walk() if e.op == "load"]


def _sums(loop: For) -> dict[Cell, str]:
    """The cells that a reduction accumulates into, with how."""
    return {s.cell: s.monoid for s in statements(loop.body) if isinstance(s, Accumulate)}


def _shared_bytes(found: Sequence[For], device: Device) -> int:
    """An upper bound of the shared memory that reductions take."""
    sums = [s for loop in found if loop.axis is Axis.REDUCE for s in _sums(loop)]
    return sum(s.type.element.bytes * device.reduction_block for s in sums)


class _Block:
    """Statements made so far.

    read, written  the buffers touched since all threads waited
    joined         whether threads may still read the result of a reduction in shared memory
    """

    def __init__(self, thread: Var, device: Device) -> None:
        self.thread = thread
        self.threads = thread.high + 1
        self.device = device
        self.made: list[Stmt] = []
        self.shared: dict[tuple[ElementType, int], Buffer] = {}
        self.read: set[Buffer] = set()
        self.written: set[Buffer] = set()
        self.joined = False

    def statement(self, s: Stmt) -> None:
        """Add what the threads do for a statement of the body."""
        if isinstance(s, If):
            self._branch(s)
        elif isinstance(s, For) and s.axis is Axis.SERIAL:
            self._repeat(s)
        else:
            self._wait_for(loads((s,)), statements((s,)))
            self._together(s)

    def _together(self, s: Stmt) -> None:
        if not _is_loop(s):
            self.made.append(self._by_first(s) if isinstance(s, Store) else s)
        elif s.axis is Axis.PARALLEL:
            self.made.append(self._dealt(s))
        elif trip_count(s) >= self.device.min_block_reduction:
            self._reduce(s)
        else:  # not worth shared memory: every thread does all of it
            self.made.append(s)

    def _branch(self, s: If) -> None:
        self._wait_for(_read_by(s))
        before = self.read, self.written, self.joined
        ends, made = [], []
        for inner in bodies(s):
            self.read, self.written, self.joined = set(before[0]), set(before[1]), before[2]
            made.append(self._inside(inner))
            ends.append((self.read, self.written, self.joined))
        self.read = set().union(*(read for read, _, _ in ends))
        self.written = set().union(*(written for _, written, _ in ends))
        self.joined = any(joined for _, _, joined in ends)
        self.made.append(If(s.condition, *made))

    def _repeat(self, s: For) -> None:
        """A loop in order; before the next round, all wait for what this one wrote."""
        self._wait_for(_read_by(s))
        before = set(self.read), set(self.written), self.joined
        body = self._inside(s.body)
        if any(isinstance(x, Store) for x in statements(body)):
            body = (*body, Barrier())
        self.made.append(For(s.var, s.begin, s.end, body, s.axis, s.step))
        self.read |= before[0]
        self.written |= before[1]
        self.joined |= before[2]

    def _inside(self, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        """The statements made for the body of another."""
        outer, self.made = self.made, []
        for s in body:
            self.statement(s)
        made, self.made = tuple(self.made), outer
        return made

    def _wait_for(self, read: Iterable[Expr], stmts: Iterable[Stmt] = ()) -> None:
        """Wait if need be before these loads and the stores among these statements."""
        reads = {e.attr.buffer for e in read if e.attr.buffer.space is not Space.LOCAL}
        writes = {s.buffer for s in stmts if isinstance(s, Store) and s.buffer.space is not Space.LOCAL}
        if writes & (self.read | self.written) or reads & self.written:
            self._barrier()
        self.read |= reads
        self.written |= writes

    def _barrier(self) -> None:
        self.made.append(Barrier())
        self.read.clear()
        self.written.clear()
        self.joined = False

    def _by_first(self, s: Stmt) -> Stmt:
        return If(compare("eq", index(of(self.thread)), const(0, INDEX)), (s,))

    def _dealt(self, loop: For) -> For:
        """Every so-manieth iteration, beginning with the thread's own number."""
        many = iterations((loop,), loop.axis)
        if not many.loops:
            begin, step = loop.begin + of(self.thread) * loop.step, loop.step * self.threads
            return For(loop.var, begin, loop.end, loop.body, Axis.SERIAL, step)
        n = Var(many.loops[0].var.name, 0, many.count - 1)
        return For(n, of(self.thread), constant(many.count), many.at(of(n)), Axis.SERIAL, self.threads)

    def _reduce(self, loop: For) -> None:
        sums = _sums(loop)
        parts = {c: Cell(f"{c.name}_part", c.type) for c in sums}

        def partial(s: Stmt) -> tuple[Stmt, ...] | None:
            return (Accumulate(parts[s.cell], s.monoid, s.value),) if isinstance(s, Accumulate) else None

        self.made += [Set(parts[c], const(MONOIDS[m](c.type.element), c.type)) for c, m in sums.items()]
        self.made += fold((self._dealt(loop),), partial)
        rooms = {c: self._room(c.type.element, i) for i, c in enumerate(sums)}
        if self.joined:
            self._barrier()
        self.made += [Store(rooms[c], of(self.thread), cell(parts[c])) for c in sums]
        self._barrier()
        self._join(sums, rooms)
        self.made += [
            Accumulate(c, m, binary(m, load(rooms[c], constant(0)), load(rooms[c], constant(1))))
            for c, m in sums.items()
        ]
        self.joined = True

    def _room(self, element: ElementType, number: int) -> Buffer:
        """An element of shared memory for each thread, used again by later reductions."""
        found = self.shared.get((element, number))
        if found is None:
            name = f"shared{len(self.shared)}"
            found = Buffer(name, element, self.threads, Role.INOUT, Space.SHARED)
            self.shared[element, number] = found
        return found

    def _join(self, sums: dict[Cell, str], rooms: dict[Cell, Buffer]) -> None:
        """Halve the number of partial results until two are left, in the first elements."""
        half, me = self.threads // 2, of(self.thread)
        while half > 1:
            joined = [
                Store(rooms[c], me, binary(m, load(rooms[c], me), load(rooms[c], me + half))) for c, m in sums.items()
            ]
            self.made.append(If(compare("lt", index(me), const(half, INDEX)), tuple(joined)))
            self._barrier()
            half //= 2
