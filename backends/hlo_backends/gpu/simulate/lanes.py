"""The threads that execute an instruction together, and the registers as they see them.

A *batch* is the threads of one or more blocks, numbered consecutively; its register file holds for each register one
array: either an element for each thread, or a single element where all threads agree. A basic block runs for some of
the threads, the *lanes*; instructions only ever see arrays over those lanes (or single elements), so no instruction
knows about masks. Results that later blocks need are stored back when the block ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hlo_backends.gpu.simulate.memory import DeviceMemory, LocalMemory
from hlo_backends.gpu.simulate.scalars import Array
from hlo_backends.gpu.simulate.shared import SharedMemory

WARP = 32
Index3 = tuple[int, int, int]


@dataclass(slots=True)
class PendingCopy:
    """Asynchronous copies in flight: per lane the thread, its group number, where to and what."""

    threads: Array
    groups: Array
    position: Array
    data: NDArray[np.uint8]


class Batch:
    """The state of blocks `first` to `first + count - 1` of a launch while they run."""

    def __init__(
        self,
        grid: Index3,
        block: Index3,
        first: int,
        count: int,
        device: DeviceMemory,
        parameters: NDArray[np.uint8],
        empty: list[Array],
    ) -> None:
        per_block = block[0] * block[1] * block[2]
        self.grid, self.block, self.per_block, self.blocks = grid, block, per_block, count
        self.size = per_block * count
        self.all_threads = np.arange(self.size)
        self.block_of = self.all_threads // per_block
        self.thread_of = self.all_threads - self.block_of * per_block
        self.lane_of = self.thread_of % WARP
        self.warps_per_block = -(-per_block // WARP)
        self.warp_of = self.block_of * self.warps_per_block + self.thread_of // WARP
        self.first = first
        self.device = device
        self.parameters = parameters
        self.empty = empty
        self.registers: list[Array | None] = [None] * len(empty)
        self.live = np.ones(self.size, bool)
        self.special = self._special_registers()
        self.steps = 0
        self.committed = np.zeros(self.size, np.int64)
        self.pending: list[PendingCopy] = []
        self.shared: SharedMemory
        self.local: LocalMemory

    def _special_registers(self) -> dict[str, Array]:
        found: dict[str, Array] = {}
        thread, block = self.thread_of, self.block_of + self.first
        for axis, name in enumerate("xyz"):
            found[f"%ntid.{name}"] = np.full(1, self.block[axis], np.uint32)
            found[f"%nctaid.{name}"] = np.full(1, self.grid[axis], np.uint32)
            for register, index, extent in (("tid", thread, self.block[axis]), ("ctaid", block, self.grid[axis])):
                values = (index % extent).astype(np.uint32)
                found[f"%{register}.{name}"] = values if extent > 1 else np.zeros(1, np.uint32)
            thread, block = thread // self.block[axis], block // self.grid[axis]
        lane = self.lane_of.astype(np.uint32)
        one, ones = np.uint32(1), np.uint32(0xFFFFFFFF)
        found["%laneid"] = lane
        found["%warpid"] = (self.thread_of // WARP).astype(np.uint32)
        found["%nwarpid"] = np.full(1, self.warps_per_block, np.uint32)
        found["%lanemask_eq"] = one << lane
        found["%lanemask_lt"] = (one << lane) - one
        found["%lanemask_le"] = found["%lanemask_lt"] | found["%lanemask_eq"]
        found["%lanemask_gt"] = ones ^ found["%lanemask_le"]
        found["%lanemask_ge"] = ones ^ found["%lanemask_lt"]
        found["%smid"] = np.zeros(1, np.uint32)
        found["%nsmid"] = np.ones(1, np.uint32)
        return found

    def set_register(self, slot: int, threads: Array, value: Array) -> None:
        """Changes a register for some of the threads."""
        whole = self.registers[slot]
        if whole is None or len(whole) == 1:
            whole = np.full(self.size, self.empty[slot][0] if whole is None else whole[0])
            self.registers[slot] = whole
        whole[threads] = value

    def thread_index(self, thread: int) -> tuple[Index3, Index3]:
        """(thread, block) indices of a thread of the batch."""
        return (
            _unravel(int(self.thread_of[thread]), self.block),
            _unravel(int(self.block_of[thread]) + self.first, self.grid),
        )


def _unravel(index: int, extents: Index3) -> Index3:
    return index % extents[0], index // extents[0] % extents[1], index // (extents[0] * extents[1])


class Lanes:
    """Some threads of a batch, in ascending order, and their view of the registers."""

    __slots__ = ("_warps", "batch", "count", "full", "parent", "select", "threads", "values")

    def __init__(self, batch: Batch, threads: Array, select: Array, parent: Lanes | None = None) -> None:
        self.batch = batch
        self.threads = threads
        self.count = len(threads)
        self.full = parent is None and self.count == batch.size
        self.parent = parent
        self.select = select
        self.values: list[Array | None] = batch.registers if self.full else [None] * len(batch.empty)
        self._warps: Warps | None = None

    def narrow(self, select: Array) -> Lanes:
        """The lanes at the given positions; their results stay their own until merged."""
        return Lanes(self.batch, self.threads[select], select, self)

    def read(self, slot: int) -> Array:
        """The bits of a register: one element per lane, or one for all."""
        value = self.values[slot]
        return self._load(slot) if value is None else value

    def _load(self, slot: int) -> Array:
        source = self.parent.read(slot) if self.parent else self.batch.registers[slot]
        if source is None:
            return self.batch.empty[slot]
        value = source if len(source) == 1 else source[self.select]
        self.values[slot] = value
        return value

    def store(self, slots: tuple[int, ...]) -> None:
        """Writes results back to the register file, at the end of a block."""
        for slot in slots:
            value = self.values[slot]
            if value is not None:
                self.batch.set_register(slot, self.threads, value)

    def merge(self, part: Lanes, slots: tuple[int, ...]) -> None:
        """Takes over the results of `part`, lanes narrowed from these."""
        for slot in slots:
            value = part.values[slot]
            if value is not None:
                whole = np.empty(self.count, value.dtype)
                whole[:] = self.read(slot)
                whole[part.select] = value
                self.values[slot] = whole

    def spread(self, value: Array) -> Array:
        """One element per lane."""
        return value if len(value) == self.count else np.broadcast_to(value, (self.count,))

    @property
    def warps(self) -> Warps:
        """The lanes arranged by warps."""
        if self._warps is None:
            self._warps = Warps(self)
        return self._warps


class Warps:
    """The lanes as rows of 32: one row for each warp that any of them belongs to."""

    def __init__(self, lanes: Lanes) -> None:
        batch = lanes.batch
        self.lanes = lanes
        self.dense = lanes.full and batch.per_block % WARP == 0
        if self.dense:
            self.numbers = np.arange(batch.size // WARP)
            self.active = np.ones((len(self.numbers), WARP), bool)
            self.row = self.numbers
        else:
            warp = batch.warp_of[lanes.threads]
            self.numbers, self.row = np.unique(warp, return_inverse=True)
            self.column = batch.lane_of[lanes.threads]
            self.active = np.zeros((len(self.numbers), WARP), bool)
            self.active[self.row, self.column] = True

    def rows(self, value: Array) -> Array:
        """(warps, 32) of a lane value; 0 where there is no lane."""
        if self.dense:
            return self.lanes.spread(value).reshape(-1, WARP)
        grid = np.zeros(self.active.shape, value.dtype)
        grid[self.row, self.column] = value
        return grid

    def collect(self, grid: Array) -> Array:
        """The lanes' elements of a (warps, 32) array, as a new array."""
        return grid.reshape(-1).copy() if self.dense else grid[self.row, self.column]

    def each(self, per_warp: Array) -> Array:
        """The lanes' elements of one value per warp."""
        return np.repeat(per_warp, WARP) if self.dense else per_warp[self.row]

    def lane_at(self, mask: Array) -> int:
        """The lane number (position among the lanes) of the first set element of a (warps, 32) mask."""
        return int(np.flatnonzero(self.collect(mask))[0])

    def full_rows(self) -> bool:
        """Whether all 32 threads of every warp are here."""
        return self.dense or bool(self.active.all())
