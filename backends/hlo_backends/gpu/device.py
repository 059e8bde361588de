"""What the mapping to a GPU needs to know of it: rows, no branches on names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """Sizes that kernels are cut to.

    block               threads of a block for independent iterations
    reduction_block     threads of a block that reduces together, a power of two
    min_block_reduction a reduction shorter than this is left to one thread
    max_row_threads     with more iterations than this, one thread each fills the device
    tile                rows and columns of a block's tile of a matrix product
    depth               how much of the contracting dimension is in shared memory at a time
    micro               rows and columns of a thread's part of the tile
    """

    block: int = 256
    reduction_block: int = 256
    min_block_reduction: int = 64
    max_row_threads: int = 1 << 17
    tile: int = 64
    depth: int = 16
    micro: int = 4
