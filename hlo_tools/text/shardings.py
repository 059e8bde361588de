"""Shardings: text <-> `Sharding` (the forms V1 and V2, and V3 as it stands, of XLA's `HloSharding::ToString`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import Any

from hlo_tools.ir.shape import numbered
from hlo_tools.ir.sharding import IotaTile, Sharding, ShardingKind
from hlo_tools.text.malformed import Malformed

_NUMBERS = r"\d+(?:, ?\d+)*"
_SIMPLE = re.compile(r"(replicated|manual|unknown|unreduced)\b")
_MAXIMAL = re.compile(r"maximal device=(-?\d+)")
_TILED = re.compile(rf"devices=\[({_NUMBERS})\](?:<=\[({_NUMBERS})\](?:T\(({_NUMBERS})\))?|({_NUMBERS}))")
_FIELD = re.compile(
    r" ?(?:(last_tile_dim_replicate)|last_tile_dims=\{([^{}]*)\}|(shard_as|shard_like) (\d+)"
    r"|metadata=(\{(?:[^{}]|\{[^{}]*\})*\}))"
)
_COMMENT = re.compile(r"/\*index=\d+\*/")


def read_sharding(text: str) -> Sharding:
    """The sharding that `{...}` denotes; blanks only where XLA prints them. Raises Malformed."""
    try:
        return _read(text[1:-1])
    except Malformed:
        raise
    except ValueError:  # from int: more digits than Python converts
        raise Malformed("a number is out of range", code="HLO1015") from None


def _read(inner: str) -> Sharding:
    if inner.startswith(("{", "/*index=")) or not inner:
        members = split_braced(_COMMENT.sub("", inner))
        return Sharding(ShardingKind.TUPLE, elements=tuple(_one(m[1:-1]) for m in members))
    return _one(inner)


def split_braced(text: str) -> list[str]:
    """The members of `{a}, {b}`, each with its braces. Raises Malformed when they are not balanced."""
    members: list[str] = []
    depth = start = 0
    for m in re.finditer(r"[{}]", text):
        if m[0] == "{":
            if depth == 0:
                start = m.start()
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                members.append(text[start : m.end()])
    if depth or re.sub(r", ?", "", text) != re.sub(r", ?", "", "".join(members)):
        raise Malformed(f"{{{text}}} is no list in braces", code="HLO1016")
    return members


def _one(inner: str) -> Sharding:
    if inner.startswith(("mesh", "maximal_mesh")):
        return Sharding(ShardingKind.NAMED, named=inner)
    if m := _SIMPLE.match(inner):
        made: dict[str, Any] = {"kind": ShardingKind(m[1])}
    elif m := _MAXIMAL.match(inner):
        made = {"kind": ShardingKind.MAXIMAL, "devices": (int(m[1]),)}
    elif m := _TILED.match(inner):
        made = {"kind": ShardingKind.TILED, "tile_dims": _ints(m[1]), "devices": _devices(m)}
        _check_count(made["tile_dims"], made["devices"])
    else:
        raise Malformed(f"{{{inner}}} is no sharding", code="HLO1016")
    at = m.end()
    while at < len(inner):
        m = _FIELD.match(inner, at)
        if m is None:
            raise Malformed(f"'{inner[at:]}' is no property of a sharding", code="HLO1016")
        made.update(_field(m))
        at = m.end()
    return Sharding(**made)


def _devices(m: re.Match[str]) -> tuple[int, ...] | IotaTile:
    if m[2]:
        return IotaTile(_ints(m[2]), _ints(m[3]) if m[3] else ())
    return _ints(m[4])


def _check_count(tiles: tuple[int, ...], devices: tuple[int, ...] | IotaTile) -> None:
    count = prod(devices.reshape_dims) if isinstance(devices, IotaTile) else len(devices)
    if prod(tiles) != count:
        raise Malformed(f"{count} devices do not match the tile assignment of {prod(tiles)}", code="HLO1016")


def _field(m: re.Match[str]) -> dict[str, Any]:
    replicate, last, group, number, metadata = m.groups()
    if replicate:
        return {"replicate_last": True}
    if last is not None:
        try:
            return {"last_tile_dims": tuple(ShardingKind(k.strip()) for k in last.split(",") if k.strip())}
        except ValueError as e:
            raise Malformed(str(e), code="HLO1016") from None
    if group:
        return {"group": (group, int(number))}
    return {"metadata": metadata[1:-1].strip()}


def _ints(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def show_sharding(at: Sharding) -> str:
    """The text of a sharding, with its braces."""
    if at.kind is ShardingKind.TUPLE:
        return "{" + ", ".join(numbered([show_sharding(e) for e in at.elements])) + "}"
    parts = [_KINDS.get(at.kind, _plain)(at)]
    if at.replicate_last:
        parts.append("last_tile_dim_replicate")
    if at.last_tile_dims:
        parts.append("last_tile_dims={" + ", ".join(k.value for k in at.last_tile_dims) + "}")
    if at.group:
        parts.append(f"{at.group[0]} {at.group[1]}")
    if at.metadata:
        parts.append(f"metadata={{{at.metadata}}}")
    return "{" + " ".join(parts) + "}"


def _plain(at: Sharding) -> str:
    return at.kind.value


def _named(at: Sharding) -> str:
    return at.named


def _maximal(at: Sharding) -> str:
    assert isinstance(at.devices, tuple)
    return f"maximal device={at.devices[0]}"


def _tiled(at: Sharding) -> str:
    tiles = ",".join(map(str, at.tile_dims))
    if isinstance(at.devices, tuple):
        return f"devices=[{tiles}]{','.join(map(str, at.devices))}"
    order = f"T({','.join(map(str, at.devices.transpose_perm))})" if at.devices.transpose_perm else ""
    return f"devices=[{tiles}]<=[{','.join(map(str, at.devices.reshape_dims))}]{order}"


_KINDS: dict[ShardingKind, Callable[[Sharding], str]] = {
    ShardingKind.MAXIMAL: _maximal,
    ShardingKind.TILED: _tiled,
    ShardingKind.NAMED: _named,
}
