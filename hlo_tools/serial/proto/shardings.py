"""Shardings <-> `OpSharding`: the forms V1 and V2, tuples, groups, and the mesh axes of V3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod

from hlo_tools.ir.sharding import IotaTile, Sharding, ShardingKind
from hlo_tools.serial.proto.metadata import metadata_message, read_metadata
from hlo_tools.serial.proto.schema import ENUMERATIONS, KINDS, Message
from hlo_tools.serial.proto.wire import Damaged, fail
from hlo_tools.text.attributes import metadata_text, parse_metadata
from hlo_tools.text.malformed import Malformed

_TYPES = ENUMERATIONS["OpSharding.Type"].numbers
_NUMBERS: dict[ShardingKind, int] = {
    kind: _TYPES["OTHER" if kind is ShardingKind.TILED else kind.name]
    for kind in ShardingKind
    if kind is not ShardingKind.NAMED
}
_KINDS = {number: kind for kind, number in _NUMBERS.items()}
_GROUPS = ("shard_as", "shard_like")
_NAMES = r"'((?:[^'\\]|\\.)*)'"


def sharding_message(at: Sharding) -> Message:
    """The OpSharding of a sharding. Raises Malformed for a text of form V3 that has none."""
    made = Message(KINDS["OpSharding"])
    if at.kind is ShardingKind.NAMED:
        made["named_sharding"] = named_message(at.named)
        return made
    made.put("type", _NUMBERS[at.kind])
    made.put("tile_assignment_dimensions", list(at.tile_dims))
    if isinstance(at.devices, IotaTile):
        reshape, order = at.devices.reshape_dims, at.devices.transpose_perm
        made.put("iota_reshape_dims", list(reshape))
        made.put("iota_transpose_perm", list(order or range(len(reshape))))
    else:
        made.put("tile_assignment_devices", list(at.devices))
    made.put("tuple_shardings", [sharding_message(e) for e in at.elements])
    made.put("replicate_on_last_tile_dim", at.replicate_last)
    made.put("last_tile_dims", [_NUMBERS[k] for k in at.last_tile_dims])
    made.put("metadata", [metadata_message(parse_metadata(text)) for text in _metadata_parts(at.metadata)])
    if at.group is not None:
        made["is_shard_group"] = True
        made.put("shard_group_id", at.group[1])
        made.put("shard_group_type", _GROUPS.index(at.group[0]))
    return made


def _metadata_parts(text: str) -> list[str]:
    """`op_name="a"`, or `{op_name="a"}, {op_name="b"}`, as texts with braces."""
    if not text:
        return []
    return re.findall(r"\{[^{}]*\}", text) if text.startswith("{") else ["{" + text + "}"]


def read_sharding(message: Message) -> Sharding:
    """The sharding in an OpSharding. Raises Damaged."""
    if "named_sharding" in message:
        return Sharding(ShardingKind.NAMED, named=named_text(message["named_sharding"]))
    kind = _KINDS.get(message.get("type", 0))
    if kind is None:
        fail(f"{message.get('type')} is no type of sharding", message)
    tiles = tuple(message.get("tile_assignment_dimensions", ()))
    devices = _devices(message)
    if kind is ShardingKind.TILED:
        count = prod(devices.reshape_dims) if isinstance(devices, IotaTile) else len(devices)
        if not tiles or prod(tiles) != count:
            fail(f"{count} devices for {prod(tiles)} tiles", message)
    elif kind is ShardingKind.MAXIMAL and (isinstance(devices, IotaTile) or len(devices) != 1):
        fail("a maximal sharding names one device", message)
    try:
        last = tuple(_KINDS[n] for n in message.get("last_tile_dims", ()))
    except KeyError as e:
        raise Damaged(f"{e} is no type of sharding", message.at) from None
    return Sharding(
        kind,
        tiles,
        devices,
        message.get("replicate_on_last_tile_dim", False),
        last,
        _group(message),
        _metadata(message),
        tuple(read_sharding(e) for e in message.get("tuple_shardings", ())),
    )


def _devices(message: Message) -> tuple[int, ...] | IotaTile:
    reshape = tuple(message.get("iota_reshape_dims", ()))
    if not reshape:
        return tuple(message.get("tile_assignment_devices", ()))
    order = tuple(message.get("iota_transpose_perm", ()))
    if sorted(order) != list(range(len(reshape))):
        fail(f"iota_transpose_perm {list(order)} is no order of {len(reshape)} dimensions", message)
    return IotaTile(reshape, () if order == tuple(range(len(reshape))) else order)


def _group(message: Message) -> tuple[str, int] | None:
    if not message.get("is_shard_group", False):
        return None
    number = message.get("shard_group_type", 0)
    if number not in (0, 1):
        fail(f"{number} is no type of shard group", message)
    return _GROUPS[number], message.get("shard_group_id", 0)


def _metadata(message: Message) -> str:
    texts = [metadata_text(m) for m in map(read_metadata, message.get("metadata", ())) if m is not None]
    return texts[0][1:-1] if len(texts) == 1 else ", ".join(texts)


# ---- V3: axes of a mesh

_AXIS = re.compile(rf"{_NAMES}\s*=\s*(\d+)")
_REFERENCE = re.compile(rf"{_NAMES}(?:\s*:\s*\((\d+)\)(\d+))?")
_MESH = re.compile(
    r"mesh\[([^\]]*)\](?:,? ?device_ids=\(([^)]*(?:\([^)]*\))?)\))?\s*,?\s*"
    r"(?:\[(.*?)\](.*)|(replicated|unreduced|manual))",
    re.DOTALL,
)
_DEVICES = re.compile(r"\[([\d, ]+)\](?:T\(([\d, ]+)\))?")
_SECTION = re.compile(r"\s*,\s*(replicated|unreduced|manual)=\{([^{}]*)\}")
_SECTIONS = {"replicated": "replicated_axes", "unreduced": "unreduced_axes", "manual": "manual_axes"}


def named_message(text: str) -> Message:
    """The NamedShardingProto of `mesh['x'=2], [{'x'}, {}]`. Raises Malformed."""
    m = _MESH.fullmatch(text)
    if m is None:
        raise Malformed(f"a sharding {{{text}}}")
    axes = _AXIS.findall(m[1])
    index = {name: i for i, (name, _) in enumerate(axes)}
    made = Message(KINDS["NamedShardingProto"])
    made["mesh"] = mesh_message(axes, m[2] or "")
    if m[5]:
        everything = ",".join(f"'{name}'" for name in index)
        if m[5] != "replicated":
            made.put(_SECTIONS[m[5]], references(everything, index))
        return made
    made.put("dim_shardings", [_dimension(part, index) for part in re.findall(r"\{([^{}]*)\}", m[3])])
    rest = m[4]
    while rest:
        section = _SECTION.match(rest)
        if section is None:
            raise Malformed(f"'{rest}' in a sharding")
        made.put(_SECTIONS[section[1]], references(section[2], index))
        rest = rest[section.end() :]
    return made


def mesh_message(axes: Sequence[tuple[str, str]], devices: str) -> Message:
    """The MeshProto with these axes; `devices` is a list, `[2,4]T(1,0)`, or nothing for 0, 1, 2, ..."""
    made = Message(KINDS["MeshProto"])
    for name, size in axes:
        axis = Message(KINDS["MeshProto.MeshAxis"])
        axis.put("name", name)
        axis.put("size", int(size))
        made.setdefault("axes", []).append(axis)
    m = _DEVICES.fullmatch(devices.strip())
    if m is not None:
        iota = made["iota_transform"] = Message(KINDS["MeshProto.IotaTransform"])
        iota.put("reshape_dims", [int(n) for n in m[1].split(",")])
        iota.put("transpose_perm", [int(n) for n in (m[2] or "").split(",") if n.strip()])
    else:
        made.put("device_ids", [int(n) for n in devices.split(",") if n.strip()])
    return made


def _dimension(text: str, index: dict[str, int]) -> Message:
    made = Message(KINDS["NamedShardingProto.DimensionSharding"])
    made.put("axes", references(text, index))
    made.put("is_closed", not text.rstrip().endswith("?"))
    return made


def references(text: str, index: dict[str, int]) -> list[Message]:
    """The AxisRefProtos of `'x', 'y':(1)2`; `index` numbers the axes. Raises Malformed."""
    found = []
    for name, before, size in _REFERENCE.findall(text):
        if name not in index:
            raise Malformed(f"the mesh has no axis '{name}'")
        made = Message(KINDS["AxisRefProto"])
        made.put("mesh_axis_index", index[name])
        if size:
            part = made["sub_axis_info"] = Message(KINDS["AxisRefProto.SubAxis"])
            part.put("pre_size", int(before))
            part.put("size", int(size))
        found.append(made)
    return found


def named_text(message: Message) -> str:
    """The text of a NamedShardingProto, without its braces. Raises Damaged."""
    mesh = message.get("mesh", Message(KINDS["MeshProto"]))
    names = [axis.get("name", "") for axis in mesh.get("axes", ())]
    dims = []
    for d in message.get("dim_shardings", ()):
        parts = list(axis_texts(d.get("axes", ()), names))
        if not d.get("is_closed", False):
            parts.append("?")
        dims.append("{" + ", ".join(parts) + "}")
    sections = "".join(
        f", {key}={{{', '.join(axis_texts(message[field], names))}}}"
        for key, field in _SECTIONS.items()
        if message.get(field)
    )
    axes = {field: len(message.get(field, ())) for field in _SECTIONS.values() if message.get(field)}
    if not dims and len(axes) < 2 and set(axes.values()) <= {len(names)}:  # all axes are in one section, or in none
        short = next((key for key, field in _SECTIONS.items() if field in axes), "replicated")
        return f"{mesh_text(mesh)}, {short}"
    return f"{mesh_text(mesh)}, [{', '.join(dims)}]{sections}"


def mesh_text(mesh: Message) -> str:
    """`mesh['x'=2,'y'=4]`, with the devices where they are not 0, 1, 2, ..."""
    axes = ",".join(f"'{a.get('name', '')}'={a.get('size', 0)}" for a in mesh.get("axes", ()))
    devices = ""
    if "iota_transform" in mesh:
        iota = mesh["iota_transform"]
        order = iota.get("transpose_perm", ())
        devices = "[" + ",".join(map(str, iota.get("reshape_dims", ()))) + "]"
        devices += f"T({','.join(map(str, order))})" if order else ""
    elif mesh.get("device_ids"):
        devices = ",".join(map(str, mesh["device_ids"]))
    return f"mesh[{axes}]" + (f", device_ids=({devices})" if devices else "")


def axis_texts(references: Sequence[Message], names: list[str]) -> Iterator[str]:
    """The texts of references to the axes with these names. Raises Damaged."""
    for r in references:
        at = r.get("mesh_axis_index", 0)
        if not 0 <= at < len(names):
            fail(f"the mesh has no axis {at}", r)
        part = r.get("sub_axis_info")
        yield f"'{names[at]}'" + ("" if part is None else f":({part.get('pre_size', 0)}){part.get('size', 0)}")
