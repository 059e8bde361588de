"""What the mapping to a GPU needs to know of it: rows, no branches on names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """Sizes that kernels are cut to.

    warp                threads that run in step: a block's size is a multiple of it
    block               threads of a block for independent iterations
    reduction_block     threads of a block that shares loops, at most; a power of two
    min_block_reduction a reduction shorter than this is left to one thread
    max_rows            with more iterations than this, one thread each fills the device
    min_columns         with as many iterations as this, one thread each is better where neighbours are neighbours
                        in memory
    shared_bytes        static shared memory of a block
    tile                rows and columns of a block's tile of a matrix product
    depth               how much of the contracting dimension is in shared memory at a time
    micro               rows and columns of a thread's part of the tile
    """

    warp: int = 32
    block: int = 256
    reduction_block: int = 256
    min_block_reduction: int = 64
    max_rows: int = 1 << 17
    min_columns: int = 1 << 12
    shared_bytes: int = 48 * 1024
    tile: int = 64
    depth: int = 16
    micro: int = 4
