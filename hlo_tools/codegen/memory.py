"""Where slots lie in the scratch area: slots whose lives do not overlap share memory."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.codegen.program import Slot

ALIGN = 64
"""Every slot starts at a multiple of this many bytes."""


def aligned(size: int) -> int:
    """`size` rounded up to the alignment; an empty slot still gets a place of its own."""
    return max(-(-size // ALIGN) * ALIGN, ALIGN)


def assign(slots: Sequence[Slot]) -> int:
    """Give each slot its offset; returns the bytes of the whole area.

    Walks the slots by the time of their first use and takes the smallest hole that fits (best fit), or grows the
    area. Deterministic: ties go to the lower offset.
    """
    pending = sorted((s for s in slots if s.first >= 0), key=lambda s: (s.first, -s.bytes, s.number))
    live: list[Slot] = []
    holes: list[tuple[int, int]] = []  # (offset, bytes), by offset, never adjacent
    top = 0
    for slot in pending:
        for dead in [s for s in live if s.last < slot.first]:
            holes = _release(holes, dead.offset, aligned(dead.bytes))
        live = [s for s in live if s.last >= slot.first]
        size = aligned(slot.bytes)
        fitting = [(room, at) for at, room in holes if room >= size]
        if fitting:
            room, at = min(fitting)
            slot.offset = at
            holes = [(a, r) if a != at else (at + size, room - size) for a, r in holes]
            holes = [h for h in holes if h[1]]
        elif holes and holes[-1][0] + holes[-1][1] == top:
            slot.offset = holes.pop()[0]
            top = slot.offset + size
        else:
            slot.offset = top
            top += size
        live.append(slot)
    return top


def _release(holes: list[tuple[int, int]], offset: int, size: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for at, room in sorted([*holes, (offset, size)]):
        if merged and merged[-1][0] + merged[-1][1] == at:
            merged[-1] = (merged[-1][0], merged[-1][1] + room)
        else:
            merged.append((at, room))
    return merged
