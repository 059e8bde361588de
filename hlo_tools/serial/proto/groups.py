"""Who takes part in a collective: replica groups in their three forms, and pairs of source and target."""

from __future__ import annotations

import re

from hlo_tools.ir.attributes import Raw
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.shardings import axis_texts, mesh_message, mesh_text, references
from hlo_tools.serial.proto.wire import fail
from hlo_tools.text.malformed import Malformed

_IOTA = re.compile(r"\[(\d+),\s*(\d+)\]<=\[([\d,\s]+)\](?:T\(([\d,\s]+)\))?")
_GROUP = re.compile(r"\{([\d,\s]*)\}")
_MESH = re.compile(r"mesh\[([^\]]*)\](?:,?\s*device_ids=\(([^)]*(?:\([^)]*\))?)\))?\s*,?\s*\{([^{}]*)\}")
_AXIS = re.compile(r"'((?:[^'\\]|\\.)*)'\s*=\s*(\d+)")
_PAIR = re.compile(r"\{\s*(-?\d+)\s*,\s*(-?\d+)\s*\}")


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"-?\d+", text)]


def write_groups(m: Message, text: str) -> None:
    """Put the replica groups that `text` denotes into an instruction. Raises Malformed."""
    text = text.strip()
    if iota := _IOTA.fullmatch(text):
        made = m["iota_collective_device_list"] = Message(KINDS["IotaReplicaGroupListProto"])
        reshape = _numbers(iota[3])
        made.put("num_replica_groups", int(iota[1]))
        made.put("num_devices_per_group", int(iota[2]))
        made.put("iota_reshape_dims", reshape)
        made.put("iota_transpose_perm", _numbers(iota[4] or "") or list(range(len(reshape))))
    elif mesh := _MESH.fullmatch(text):
        axes = _AXIS.findall(mesh[1])
        made = m["mesh_axes_replica_group_list"] = Message(KINDS["MeshAxesReplicaGroupListProto"])
        made["mesh"] = mesh_message(axes, mesh[2] or "")
        made.put("axes", references(mesh[3], {name: i for i, (name, _) in enumerate(axes)}))
    elif text.startswith("{"):
        made = m["collective_device_list"] = Message(KINDS["CollectiveDeviceListProto"])
        for group in _GROUP.findall(text[1:-1]):
            one = Message(KINDS["ReplicaGroup"])
            one.put("replica_ids", _numbers(group))
            made.setdefault("replica_groups", []).append(one)
    else:
        raise Malformed(f"replica_groups={text}")


def read_groups(m: Message) -> Raw:
    """The text of the replica groups of an instruction. Raises Damaged."""
    if "iota_collective_device_list" in m:
        return Raw(_iota_text(m["iota_collective_device_list"]))
    if "mesh_axes_replica_group_list" in m:
        found = m["mesh_axes_replica_group_list"]
        mesh = found.get("mesh", Message(KINDS["MeshProto"]))
        names = [axis.get("name", "") for axis in mesh.get("axes", ())]
        return Raw(f"{mesh_text(mesh)} {{{', '.join(axis_texts(found.get('axes', ()), names))}}}")
    groups = m["collective_device_list"].get("replica_groups", ()) if "collective_device_list" in m else ()
    groups = groups or m.get("replica_groups", ())
    return Raw("{" + ",".join("{" + ",".join(map(str, g.get("replica_ids", ()))) + "}" for g in groups) + "}")


def _iota_text(m: Message) -> str:
    reshape, order = m.get("iota_reshape_dims", []), m.get("iota_transpose_perm", [])
    if sorted(order) != list(range(len(reshape))) or not reshape:
        fail(f"iota_transpose_perm {order} is no order of {len(reshape)} dimensions", m)
    turned = "" if order == list(range(len(reshape))) else f"T({','.join(map(str, order))})"
    sizes = f"{m.get('num_replica_groups', 0)},{m.get('num_devices_per_group', 0)}"
    return f"[{sizes}]<=[{','.join(map(str, reshape))}]{turned}"


def write_pairs(m: Message, text: str) -> None:
    """Put the source-target pairs that `text` denotes into an instruction."""
    for source, target in _PAIR.findall(text):
        one = Message(KINDS["SourceTarget"])
        one.put("source", int(source))
        one.put("target", int(target))
        m.setdefault("source_target_pairs", []).append(one)


def read_pairs(m: Message) -> Raw:
    """The text of the source-target pairs of an instruction."""
    pairs = m.get("source_target_pairs", ())
    return Raw("{" + ",".join(f"{{{p.get('source', 0)},{p.get('target', 0)}}}" for p in pairs) + "}")
