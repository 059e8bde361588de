"""Device memory: buffers at addresses of their own, far apart, so that no access can reach one from another.

Shared, local and parameter memory have windows of the generic address space, above all buffers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from hlo_backends.gpu.simulate.errors import (
    LaunchError,
    MisalignedError,
    OutOfBoundsError,
    UninitialisedReadError,
)
from hlo_backends.gpu.simulate.scalars import UNSIGNED, Array

FIRST_ADDRESS = 1 << 32
BUFFER_ALIGN = 256
RED_ZONE = 1 << 16
SHARED_WINDOW = 1 << 56
LOCAL_WINDOW = 2 << 56
PARAM_WINDOW = 3 << 56
WINDOW_SIZE = 1 << 56


class DeviceBuffer:
    """A range of device memory: `address`, `size` in bytes and its bytes.

    With `track` every byte that was never written is an error to read.
    """

    def __init__(self, address: int, size: int, *, track: bool = False, name: str = "") -> None:
        self.address = address
        self.size = size
        self.name = name or f"buffer at {address:#x}"
        padded = -(-size // 16) * 16
        self.storage: NDArray[np.uint8] = np.zeros(padded, np.uint8)
        self.written: NDArray[np.uint8] | None = np.zeros(padded, np.uint8) if track else None

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The contents, as a view."""
        return self.storage[: self.size]

    def array(self, dtype: DTypeLike, shape: int | Sequence[int] | None = None) -> NDArray[Any]:
        """The contents as a view of type `dtype`, one-dimensional unless a shape is given."""
        flat = self.bytes.view(dtype)
        return flat if shape is None else flat.reshape(shape)

    def write(self, values: ArrayLike) -> None:
        """Sets the contents from an array of the buffer's size in bytes. Raises LaunchError where the sizes differ."""
        data = np.ascontiguousarray(values)
        if data.nbytes != self.size:
            raise LaunchError(f"{data.nbytes} bytes do not fit {self.name} of {self.size} bytes")
        self.bytes[:] = data.reshape(-1).view(np.uint8)
        if self.written is not None:
            self.written[:] = 1


class DeviceMemory:
    """All buffers of a device."""

    def __init__(self) -> None:
        self.buffers: list[DeviceBuffer] = []
        self._starts: list[int] = []
        self._top = FIRST_ADDRESS

    def allocate(self, size: int, *, track: bool = True, name: str = "") -> DeviceBuffer:
        """A new buffer of zeros; reading what was never written is an error unless `track` is False."""
        buffer = DeviceBuffer(self._top, size, track=track, name=name)
        self._top += -(-(size + RED_ZONE) // BUFFER_ALIGN) * BUFFER_ALIGN
        self._starts.append(buffer.address)
        self.buffers.append(buffer)
        return buffer

    def upload(self, values: ArrayLike, *, name: str = "") -> DeviceBuffer:
        """A new buffer that holds a copy of the array."""
        data = np.ascontiguousarray(values)
        buffer = self.allocate(data.nbytes, track=False, name=name)
        buffer.write(data)
        return buffer

    def find(self, address: int) -> int:
        """The number of the last buffer that starts at or before the address, -1 if none."""
        return bisect_right(self._starts, address) - 1


@dataclass(slots=True)
class Piece:
    """Where some of the lanes' accesses lie: `index[i]`, in bytes of `storage`, for the lanes `select` (None: all).

    `index` may have one element for all lanes. `written` is the map of written bytes, where there is one, of the
    buffer called `name`.
    """

    select: Array | None
    storage: NDArray[np.uint8]
    index: Array
    written: NDArray[np.uint8] | None = None
    name: str = ""

    @classmethod
    def of(cls, buffer: DeviceBuffer, select: Array | None, address: Array) -> Self:
        """Accesses that all lie in one buffer."""
        return cls(select, buffer.storage, address - np.int64(buffer.address), buffer.written, buffer.name)


def check_alignment(address: Array, size: int) -> None:
    """Raises MisalignedError unless every address is a multiple of `size` (a power of two)."""
    wrong = address & np.int64(size - 1)
    if wrong.any():
        lane = int(np.flatnonzero(wrong)[0])
        raise MisalignedError(f"access of {size} bytes at misaligned address {int(address[lane]):#x}", lane=lane)


def locate_global(memory: DeviceMemory, address: Array, size: int) -> list[Piece]:
    """The pieces of global memory at `address` (int64), each within one buffer."""
    low, high = int(address.min()), int(address.max())
    number = memory.find(low)
    if number >= 0:
        buffer = memory.buffers[number]
        if high + size <= buffer.address + buffer.size:
            return [Piece.of(buffer, None, address)]
    return _locate_each(memory, address, size)


def _locate_each(memory: DeviceMemory, address: Array, size: int) -> list[Piece]:
    starts = np.array([buffer.address for buffer in memory.buffers], np.int64)
    owner = np.searchsorted(starts, address, side="right") - 1
    ends = np.array([buffer.address + buffer.size for buffer in memory.buffers], np.int64)
    outside = (owner < 0) | (address + size > ends[owner]) if len(ends) else np.ones(address.shape, bool)
    if outside.any():
        lane = int(np.flatnonzero(outside)[0])
        raise OutOfBoundsError(_describe(memory, int(address[lane]), int(owner[lane]), size), lane=lane)
    pieces = []
    for number in np.unique(owner):
        select = np.flatnonzero(owner == number)
        pieces.append(Piece.of(memory.buffers[int(number)], select, address[select]))
    return pieces


def _describe(memory: DeviceMemory, address: int, owner: int, size: int) -> str:
    if address < 1 << 16:
        return f"access of {size} bytes through a null pointer ({address:#x})"
    message = f"access of {size} bytes out of bounds at {address:#x}"
    candidates = []
    if 0 <= owner < len(memory.buffers):
        buffer = memory.buffers[owner]
        candidates.append((address - buffer.address - buffer.size, f"at byte {address - buffer.address} of", buffer))
    if owner + 1 < len(memory.buffers):
        buffer = memory.buffers[owner + 1]
        candidates.append((buffer.address - address, f"{buffer.address - address} bytes before", buffer))
    near = [one for one in candidates if one[0] < 1 << 31]
    if near:
        _, where, buffer = min(near, key=lambda one: one[0])
        message += f": {where} {buffer.name}, which has {buffer.size} bytes"
    return message


def read(piece: Piece, size: int, count: int) -> list[Array]:
    """`count` consecutive elements of `size` bytes each, as unsigned integers.

    Raises UninitialisedReadError where the piece keeps a map of written bytes.
    """
    dtype = UNSIGNED[size]
    first = piece.index >> np.int64(size.bit_length() - 1)
    if piece.written is not None:
        ones = dtype.type(int.from_bytes(b"\1" * size, "little"))
        marks = piece.written.view(dtype)
        for offset in range(count):
            unset = marks[first + offset] != ones
            if unset.any():
                position = int(np.flatnonzero(unset)[0])
                lane = position if piece.select is None else int(piece.select[position])
                byte = int(piece.index[position]) + offset * size
                raise UninitialisedReadError(
                    f"read of byte {byte} of {piece.name}, which nobody has written", lane=lane
                )
    values = piece.storage.view(dtype)
    return [values[first + offset] if offset else values[first] for offset in range(count)]


def write(piece: Piece, values: Sequence[Array]) -> None:
    """Stores consecutive elements, given as unsigned integers for the piece's lanes (or one for all)."""
    dtype = values[0].dtype
    first = piece.index >> np.int64(dtype.itemsize.bit_length() - 1)
    stored = piece.storage.view(dtype)
    for offset, value in enumerate(values):
        stored[first + offset] = value if len(value) <= len(first) else value[-1:]
        if piece.written is not None:
            ones = dtype.type(int.from_bytes(b"\1" * dtype.itemsize, "little"))
            piece.written.view(dtype)[first + offset] = ones


class LocalMemory:
    """The threads' private variables (`.local` and call parameters): `frame` bytes for each thread."""

    def __init__(self, threads: int, frame: int) -> None:
        self.frame = frame
        self.stride = -(-frame // 16) * 16
        self.storage: NDArray[np.uint8] = np.full(threads * self.stride, 0xFF, np.uint8)

    def locate(self, threads: Array, address: Array, size: int) -> list[Piece]:
        """The piece of the threads' accesses at `address` (int64), counted from the start of each one's frame."""
        outside = (address < 0) | (address + size > self.frame)
        if outside.any():
            lane = int(np.flatnonzero(outside)[0])
            where = f"byte {int(address[lane])} of {self.frame}"
            raise OutOfBoundsError(f"access of {size} bytes out of bounds of local memory, at {where}", lane=lane)
        return [Piece(None, self.storage, threads * self.stride + address)]
