"""How a value is divided among devices (XLA `OpSharding`, the forms V1, V2 and V3).

Only data here: partitioning reads it, the text form lives in `text/shardings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class ShardingKind(Enum):
    """What the devices hold."""

    REPLICATED = "replicated"
    MAXIMAL = "maximal"
    TILED = "tiled"
    TUPLE = "tuple"
    MANUAL = "manual"
    UNKNOWN = "unknown"
    UNREDUCED = "unreduced"
    NAMED = "named"  # V3: axes of a mesh, kept as text


@dataclass(frozen=True, slots=True)
class IotaTile:
    """Devices 0, 1, ... arranged as `reshape_dims`, then transposed: `<=[2,4]T(1,0)`."""

    reshape_dims: tuple[int, ...]
    transpose_perm: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sharding:
    """One sharding, or a tuple of them."""

    kind: ShardingKind
    tile_dims: tuple[int, ...] = ()
    devices: tuple[int, ...] | IotaTile = ()
    replicate_last: bool = False
    last_tile_dims: tuple[ShardingKind, ...] = ()
    group: tuple[str, int] | None = None  # ("shard_as" or "shard_like", id)
    metadata: str = ""  # text between the braces of `metadata={...}`
    elements: tuple[Sharding, ...] = ()
    named: str = ""  # text between the braces of a sharding of form V3

    def without_metadata(self) -> Sharding:
        """The same sharding without the notes of where it came from."""
        elements = tuple(element.without_metadata() for element in self.elements)
        return replace(self, metadata="", elements=elements) if self.metadata or elements else self


REPLICATED = Sharding(ShardingKind.REPLICATED)
