"""Layouts: in which order the dimensions of an array lie in memory, and what XLA's backends add to that.

Source: `LayoutProto` in XLA's `xla_data.proto`; the text form is that of `Layout::ToString`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """Where a dimension is split between memories: `SC(dimension:index,index)`."""

    dimension: int
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The physical form of an array. `minor_to_major[0]` is the dimension whose elements are neighbours.

    Get one from `layout(...)`, which interns: equal layouts are the same object.
    """

    minor_to_major: tuple[int, ...]
    dim_level_types: tuple[str, ...] = ()  # "D", "C", "S", "H", each with "+" (not unique) or "~" (not ordered)
    tiles: tuple[tuple[int | None, ...], ...] = ()  # None: a tile dimension that is combined ("*")
    tail_padding_alignment: int = 1  # elements
    index_type: str = ""
    pointer_type: str = ""
    element_bits: int = 0  # 0: the natural width
    memory_space: int = 0
    split_configs: tuple[SplitConfig, ...] = ()
    physical_shape: str = ""  # text of the physical shape, `P(...)`
    metadata_prefix_bytes: int = 0

    @property
    def major_to_minor(self) -> tuple[int, ...]:
        """Dimensions from the slowest to the fastest."""
        return self.minor_to_major[::-1]

    def __str__(self) -> str:
        return "{" + ",".join(map(str, self.minor_to_major)) + _extras_text(self) + "}"


def _extras_text(at: Layout) -> str:
    parts: list[str] = []
    if at.dim_level_types:
        parts.append(f"D({','.join(at.dim_level_types)})")
    if at.tiles:
        parts.append("T" + "".join(f"({','.join('*' if d is None else str(d) for d in t)})" for t in at.tiles))
    if at.tail_padding_alignment != 1:
        parts.append(f"L({at.tail_padding_alignment})")
    if at.index_type:
        parts.append(f"#({at.index_type})")
    if at.pointer_type:
        parts.append(f"*({at.pointer_type})")
    if at.element_bits:
        parts.append(f"E({at.element_bits})")
    if at.memory_space:
        parts.append(f"S({at.memory_space})")
    if at.split_configs:
        parts.append("SC" + "".join(f"({c.dimension}:{','.join(map(str, c.indices))})" for c in at.split_configs))
    if at.physical_shape:
        parts.append(f"P({at.physical_shape})")
    if at.metadata_prefix_bytes:
        parts.append(f"M({at.metadata_prefix_bytes})")
    return ":" + "".join(parts) if parts else ""


_INTERNED: dict[Layout, Layout] = {}


def layout(minor_to_major: tuple[int, ...], **extras: object) -> Layout:
    """The layout with this order and these further fields of `Layout`."""
    made = Layout(minor_to_major, **extras)  # type: ignore[arg-type]
    return _INTERNED.setdefault(made, made)


@lru_cache(None)
def row_major(rank: int) -> Layout:
    """The default layout: the last dimension is the fastest."""
    return layout(tuple(range(rank - 1, -1, -1)))


def is_plain(at: Layout) -> bool:
    """Whether a layout is an order of dimensions and nothing more."""
    return all(getattr(at, f.name) == f.default for f in fields(at) if f.name != "minor_to_major")
