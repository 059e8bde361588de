"""The shared memory of the blocks that run together, with a check of every access.

For each *granule* (as many bytes as the kernel's narrowest access) two records are kept: who wrote it last and who
read it. A record is an int64: the block's barrier count, the warp's count of `bar.warp.sync`, flags, and the thread's
index in its block. Two accesses by different threads, one of them a write, race if no barrier of the block lies
between them, nor (for threads of one warp) a barrier of the warp. A record of zero means never; so reads of
uninitialised memory show as well.

Reads only go to a log at first. Most logs are thrown away at the next barrier; a write needs them as records.

A barrier that only some of the block's threads take part in counts as one of the whole block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hlo_backends.gpu.simulate.errors import OutOfBoundsError, RaceError, UninitialisedReadError
from hlo_backends.gpu.simulate.memory import Piece
from hlo_backends.gpu.simulate.scalars import Array

_THREAD = np.int64(0x3FF)
_WARP = np.int64(0x3E0)
_SEVERAL_LANES = np.int64(1 << 10)
_SEVERAL_WARPS = np.int64(1 << 11)
_ATOMIC = np.int64(1 << 12)
_WARP_EPOCH = np.int64(((1 << 19) - 1) << 13)
_ONE_WARP_EPOCH = np.int64(1 << 13)
_ONE_EPOCH = np.int64(1 << 32)
_IN_FLIGHT = np.int64(1 << 62)
_LOG_LIMIT = 1 << 22


class SharedMemory:
    """Shared memory of `blocks` blocks of `size` bytes each.

    `thread_of` gives each thread's index within its block and `block_of` its block, for all threads that run together.
    """

    def __init__(self, size: int, granule: int, thread_of: Array, block_of: Array, blocks: int) -> None:
        self.size = size
        self.granule = granule
        self.shift = np.int64(granule.bit_length() - 1)
        self.stride = -(-size // 16) * 16
        self.storage: NDArray[np.uint8] = np.full(blocks * self.stride, 0xFF, np.uint8)
        self.base: NDArray[np.int64] = block_of * np.int64(self.stride)
        self.writes: NDArray[np.int64] = np.zeros(blocks * self.stride // granule, np.int64)
        self.reads: NDArray[np.int64] = np.zeros_like(self.writes)
        self.stamp: NDArray[np.int64] = _ONE_EPOCH + thread_of
        self.log: list[tuple[Array, Array, Array]] = []
        self.log_size = 0

    # ---- synchronisation
    def pass_barrier(self, threads: Array) -> None:
        """The threads, which are all of their blocks, have passed a barrier."""
        self.stamp[threads] += _ONE_EPOCH
        if len(threads) == len(self.stamp):
            self._clear_log()

    def pass_warp_barrier(self, threads: Array) -> None:
        """The threads have passed a barrier of their warps."""
        self.stamp[threads] += _ONE_WARP_EPOCH

    # ---- accesses
    def locate(self, threads: Array, address: Array, size: int) -> Array:
        """Byte positions in `storage` of accesses at `address` (int64, within the block's memory) of some threads."""
        low, high = int(address.min()), int(address.max())
        if low < 0 or high + size > self.size:
            lane = int(np.flatnonzero((address < 0) | (address + size > self.size))[0])
            where = f"byte {int(address[lane])} of {self.size}"
            raise OutOfBoundsError(f"access of {size} bytes out of bounds of shared memory, at {where}", lane=lane)
        return self.base[threads] + address

    def piece(self, position: Array) -> Piece:
        """What `memory.read` and `memory.write` need for located accesses."""
        return Piece(None, self.storage, position)

    def granules(self, position: Array, size: int) -> list[Array]:
        """The numbers of the granules of each access, first to last."""
        first = position >> self.shift
        return [first + offset if offset else first for offset in range(max(size // self.granule, 1))]

    def check_read(self, threads: Array, position: Array, size: int) -> None:
        """Checks and records a plain read of `size` bytes."""
        stamp = self.stamp[threads]
        for granule in self.granules(position, size):
            writer = self.writes[granule]
            suspect = (writer == 0) | ((writer >= _floor(stamp)) & (writer != stamp))
            if suspect.any():
                self._explain_read(granule, writer, stamp)
            self.log.append((threads, granule, stamp))
            self.log_size += len(granule)
        if self.log_size > _LOG_LIMIT:
            self._file_log()

    def check_write(self, threads: Array, position: Array, size: int) -> None:
        """Checks and records a plain write of `size` bytes."""
        stamp = self.stamp[threads]
        for granule in self.granules(position, size):
            self._check_exclusive(granule, stamp)
            self.writes[granule] = stamp
            lane = _first(self.writes[granule] != stamp)
            if lane is not None:
                other = int(self.writes[granule[lane]] & _THREAD)
                raise self._race(granule, lane, "write", f"written by thread {other} in the same instruction")

    def check_atomic(self, threads: Array, position: Array, size: int) -> None:
        """Checks and records an atomic update: atomics do not race with one another."""
        stamp = self.stamp[threads]
        for granule in self.granules(position, size):
            writer = self.writes[granule]
            lane = _first(writer == 0)
            if lane is not None:
                raise self._unset(granule, lane)
            self._check_exclusive(granule, stamp, atomic=True)
            self.writes[granule] = stamp | _ATOMIC

    def start_copy(self, threads: Array, position: Array, size: int) -> None:
        """An asynchronous copy will write here: until it completes nobody may touch the bytes."""
        stamp = self.stamp[threads]
        for granule in self.granules(position, size):
            self._check_exclusive(granule, stamp)
            self.writes[granule] = _IN_FLIGHT

    def finish_copy(self, threads: Array, position: Array, size: int) -> None:
        """The copy is complete, as if the threads had written just now."""
        for granule in self.granules(position, size):
            self.writes[granule] = self.stamp[threads]

    # ---- the records
    def _check_exclusive(self, granule: Array, stamp: Array, atomic: bool = False) -> None:
        """Nobody else may have read or written since the last barrier."""
        self._file_log()
        floor = _floor(stamp)
        writer = self.writes[granule]
        suspect = (writer >= floor) & (writer != stamp)
        if suspect.any():
            lane = _first(suspect & ~_ordered(writer, stamp, atomic))
            if lane is not None:
                raise self._race(granule, lane, "write", _last_writer(writer, lane))
        reader = self.reads[granule]
        suspect = (reader >= floor) & (reader != stamp)
        if suspect.any():
            lane = _first(suspect & ~_ordered(reader, stamp, False))
            if lane is not None:
                several = int(reader[lane]) & int(_SEVERAL_LANES | _SEVERAL_WARPS)
                who = "several threads" if several else f"thread {int(reader[lane] & _THREAD)}"
                raise self._race(granule, lane, "write", f"read by {who}")

    def _explain_read(self, granule: Array, writer: Array, stamp: Array) -> None:
        lane = _first(writer == 0)
        if lane is not None:
            raise self._unset(granule, lane)
        suspect = (writer >= _floor(stamp)) & (writer != stamp)
        lane = _first(suspect & ~_ordered(writer, stamp, False))
        if lane is not None:
            raise self._race(granule, lane, "read", _last_writer(writer, lane))

    def _clear_log(self) -> None:
        self.log.clear()
        self.log_size = 0

    def _file_log(self) -> None:
        """Enters into the records the logged reads that no barrier has made harmless."""
        for threads, granule, stamp in self.log:
            recent = _floor(stamp) == _floor(self.stamp[threads])
            if recent.all():
                self._record_read(granule, stamp)
            elif recent.any():
                self._record_read(granule[recent], stamp[recent])
        self._clear_log()

    def _record_read(self, granule: Array, stamp: Array) -> None:
        """Adds the readers. Several lanes may read one granule at once: the last one stored wins, so look again."""
        floor = _floor(stamp)
        former = self.reads[granule]
        joins = (former >= floor) & (former != stamp)
        self.reads[granule] = np.where(joins, _merged(former, stamp), stamp) if joins.any() else stamp
        for _ in range(2):
            kept = self.reads[granule]
            missing = kept != stamp
            if not missing.any():
                return
            granule, kept, stamp = granule[missing], kept[missing], stamp[missing]
            merged = _merged(kept, stamp)
            missing = merged != kept
            granule = granule[missing]
            stamp = stamp[missing]
            self.reads[granule] = merged[missing]

    # ---- messages
    def _place(self, granule: Array, lane: int) -> str:
        return f"shared memory at byte {int(granule[lane]) * self.granule % self.stride}"

    def _unset(self, granule: Array, lane: int) -> UninitialisedReadError:
        return UninitialisedReadError(f"read of uninitialised {self._place(granule, lane)}", lane=lane)

    def _race(self, granule: Array, lane: int, action: str, other: str) -> RaceError:
        place = self._place(granule, lane)
        return RaceError(f"race: {action} of {place}, {other} with no barrier between", lane=lane)


def _floor(stamp: Array) -> Array:
    """The smallest record of the stamp's epoch."""
    floor: Array = stamp & ~np.int64(0xFFFFFFFF)
    return floor


def _first(mask: Array) -> int | None:
    """The first lane for which the mask is set."""
    found = np.flatnonzero(mask)
    return int(found[0]) if len(found) else None


def _last_writer(writer: Array, lane: int) -> str:
    if writer[lane] >= _IN_FLIGHT:
        return "target of an asynchronous copy in flight,"
    return f"written by thread {int(writer[lane] & _THREAD)}"


def _ordered(record: Array, stamp: Array, atomic: bool) -> Array:
    """Whether accesses of the same block epoch are ordered all the same: one thread, a barrier of the warp, atomics."""
    alone = (record & (_SEVERAL_LANES | _SEVERAL_WARPS)) == 0
    same_thread = alone & ((record & _THREAD) == (stamp & _THREAD))
    same_warp = ((record & _WARP) == (stamp & _WARP)) & ((record & _SEVERAL_WARPS) == 0)
    earlier = (record & _WARP_EPOCH) < (stamp & _WARP_EPOCH)
    both_atomic = (record & _ATOMIC) != 0 if atomic else np.zeros(1, bool)
    ordered: Array = (record < _IN_FLIGHT) & (same_thread | (same_warp & earlier) | both_atomic)
    return ordered


def _merged(record: Array, stamp: Array) -> Array:
    """The readers of `record` together with the thread of `stamp`, both of the same block epoch."""
    same_warp = ((record & _WARP) == (stamp & _WARP)) & ((record & _SEVERAL_WARPS) == 0)
    earlier = (record & _WARP_EPOCH) < (stamp & _WARP_EPOCH)
    same_thread = (record & _THREAD) == (stamp & _THREAD)
    within_warp: Array = np.where(earlier, stamp, np.where(same_thread, record, record | _SEVERAL_LANES))
    return np.where(same_warp, within_warp, _floor(stamp) | _SEVERAL_WARPS)
