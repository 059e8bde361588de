"""What any instruction may have besides the fields of its op: `Extras` <-> fields of `HloInstructionProto`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hlo_tools.ir.attributes import FrontendAttributes, Json, ResultAccuracy
from hlo_tools.ir.instruction import Extras
from hlo_tools.serial.proto.metadata import read_payload
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.wire import fail
from hlo_tools.text.codecs import end_of_braces
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.shapes import MAX_NESTING
from hlo_tools.text.strings import quote, unquote


def text_or_quoted(value: str) -> str:
    """Text in braces as it is, anything else between quotes: how XLA prints configurations."""
    if value.startswith("{") and value.endswith("}"):
        try:
            if end_of_braces(value, 0) == len(value):
                return value
        except Malformed:
            pass
    return quote(value)


def plain_text(value: str) -> str:
    """The value that `text_or_quoted` shows."""
    return unquote(value) if value[:1] in ('"', "'") and len(value) > 1 else value


def read_frontend(m: Message | None) -> FrontendAttributes:
    """The pairs of a FrontendAttributes message, in its order."""
    pairs = () if m is None else m.get("map", ())
    return FrontendAttributes(tuple((_key(p.get("key", "")), text_or_quoted(p.get("value", ""))) for p in pairs))


_BARE = re.compile(r"""[^\s,{}()\[\]"'=]+""")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else quote(key)


def frontend_message(pairs: FrontendAttributes) -> Message:
    """The FrontendAttributes message, sorted by key as XLA's maps are."""
    made = Message(KINDS["FrontendAttributes"])
    for key, value in sorted({plain_text(k): plain_text(v) for k, v in pairs}.items()):
        entry = Message(KINDS["FrontendAttributes.MapEntry"])
        entry["key"], entry["value"] = key, value
        made.setdefault("map", []).append(entry)
    return made


# ---- statistics

_STATISTICS = re.compile(r"\{visualizing_index=(-?\d+)((?:,[^=,{}]+=[^=,{}]+)*)\}")


def _read_statistics(m: Message) -> Json:
    stats = m.get("statistics", ())
    if not stats:
        return Json("")
    parts = [f"visualizing_index={m.get('stat_index_to_visualize', 0)}"]
    parts += [f"{s.get('stat_name', '')}={s.get('stat_val', 0.0):.15g}" for s in stats]
    return Json("{" + ",".join(parts) + "}")


def _statistics_message(text: str) -> Message:
    m = _STATISTICS.fullmatch("".join(text.split()))
    if m is None:
        raise Malformed(f"statistics={text}")
    made = Message(KINDS["StatisticsViz"])
    made.put("stat_index_to_visualize", int(m[1]))
    for pair in m[2].split(",")[1:]:
        name, value = pair.split("=")
        one = Message(KINDS["Statistic"])
        one.put("stat_name", name)
        one.put("stat_val", float(value))
        made.setdefault("statistics", []).append(one)
    return made


# ---- accuracy

_MODES = KINDS["ResultAccuracy"].fields["mode"].members


def _read_accuracy(m: Message) -> ResultAccuracy | None:
    if "tolerance" in m:
        t = m["tolerance"]
        return ResultAccuracy("", t.get("atol", 0.0), t.get("rtol", 0.0), t.get("ulps", 0))
    assert _MODES is not None
    name = _MODES.names.get(m.get("mode", 0))
    if name is None:
        fail(f"mode is {m['mode']}", m)
    return None if name == "DEFAULT" else ResultAccuracy(name.lower())


def _accuracy_message(at: ResultAccuracy) -> Message:
    """The message for an accuracy. Raises Malformed for a mode that XLA does not have."""
    made = Message(KINDS["ResultAccuracy"])
    if not at.mode:
        t = made["tolerance"] = Message(KINDS["ResultAccuracy.Tolerance"])
        t.put("atol", at.atol)
        t.put("rtol", at.rtol)
        t.put("ulps", at.ulps)
        return made
    if _MODES is None or at.mode.upper() not in _MODES.numbers:
        raise Malformed(f"mode={at.mode}")
    made["mode"] = _MODES.numbers[at.mode.upper()]
    return made


# ---- original values

_TOKEN = re.compile(r'\s*(?:(\()|(\))|(,)|\{\s*(?:("(?:[^"\\]|\\.)*")\s*(?:\{([\d,\s]*)\}\s*)?)?\})')
_SYNTHETIC = "[synthetic_call]"


def original_value_message(text: str) -> Message:
    """The OriginalValueProto of `{({"a"}, {"b" {1}})}`. Raises Malformed."""
    made = Message(KINDS["OriginalValueProto"])
    inner = text.strip()[1:-1].strip()
    if inner == _SYNTHETIC:
        made["is_synthetic_call"] = True
        return made
    for path, name, index in _original_leaves(inner):
        element = Message(KINDS["OriginalValueElementProto"])
        element.put("shape_index", path)
        if name:
            element["original_array"] = original_array(name, index)
        made.setdefault("elements", []).append(element)
    return made


def original_array(name: str, index: str) -> Message:
    """The OriginalArrayProto of a quoted name and the numbers behind it."""
    made = Message(KINDS["OriginalArrayProto"])
    made.put("instruction_name", unquote(name))
    made.put("shape_index", [int(n) for n in index.split(",") if n.strip()])
    return made


def _original_leaves(text: str) -> Iterator[tuple[list[int], str, str]]:
    """Each leaf with its place in the tree, the quoted name and the numbers behind it."""
    at, path = 0, [0]
    while at < len(text):
        m = _TOKEN.match(text, at)
        if m is None:
            raise Malformed(f"origin={text}")
        at = m.end()
        opened, closed, comma, name, index = m.groups()
        if opened:
            path.append(0)
        elif closed:
            path.pop()
        elif comma:
            path[-1] += 1
        else:
            yield path[1:], name or "", index or ""
        if not path:
            raise Malformed(f"origin={text}")


def original_array_text(m: Message) -> str:
    """`{"name" {1}}`."""
    index = m.get("shape_index", ())
    behind = f" {{{','.join(map(str, index))}}}" if index else ""
    return f"{{{quote(m.get('instruction_name', ''))}{behind}}}"


def original_value_text(m: Message) -> str:
    """The text of an OriginalValueProto; the tree is that of the indices of its elements. Raises Damaged."""
    if m.get("is_synthetic_call", False):
        return "{" + _SYNTHETIC + "}"
    leaves = []
    for e in m.get("elements", ()):
        path = e.get("shape_index", ())
        if len(path) > MAX_NESTING:
            fail(f"an index of {len(path)} numbers", e)
        leaves.append((path, original_array_text(e["original_array"]) if "original_array" in e else "{}"))
    return "{" + _tree(leaves, 0) + "}" if leaves else ""


def _tree(leaves: list[tuple[list[int], str]], depth: int) -> str:
    """The text of leaves that agree in the first `depth` numbers of their index."""
    if len(leaves) == 1 and len(leaves[0][0]) <= depth:
        return leaves[0][1]
    groups = groupby(leaves, key=lambda leaf: leaf[0][depth] if len(leaf[0]) > depth else -1)
    return "(" + ", ".join(_tree(list(group), depth + 1) for _, group in groups) + ")"


# ---- together


@dataclass(frozen=True, slots=True)
class _Row:
    """An attribute kept as text: how it is read from its message and written."""

    field: str
    read: Callable[[Message], str]
    write: Callable[[str], Message]


_TEXTS: dict[str, _Row] = {
    "statistics": _Row("statistics_viz", _read_statistics, _statistics_message),
    "origin": _Row("original_value", original_value_text, original_value_message),
}
"""By their name in HLO text."""


def read_extras(m: Message, payloads: list[bytes]) -> dict[str, Any]:
    """The fields of `Extras` that an instruction's message sets, but for control predecessors. Raises Damaged."""
    found: dict[str, Any] = {}
    if m.get("frontend_attributes"):
        found["frontend_attributes"] = read_frontend(m["frontend_attributes"])
    if "parameter_replication" in m:
        flags = tuple(m["parameter_replication"].get("replicated_at_leaf_buffers", ()))
        if flags:
            found["parameter_replication"] = flags
    config = m.get("backend_config", b"") or read_payload(m.get("backend_config_payload"), payloads)
    if config:
        found["backend_config"] = Json(text_or_quoted(config.decode("utf-8", "surrogateescape")))
    for key, row in _TEXTS.items():
        if m.get(row.field):
            text = row.read(m[row.field])
            if text:
                found[key] = Json(text)
    if m.get("result_accuracy") and (accuracy := _read_accuracy(m["result_accuracy"])) is not None:
        found["result_accuracy"] = accuracy
    return found


def write_extras(m: Message, extras: Extras, give_up: Callable[[str], None]) -> None:
    """Put what `extras` holds into an instruction's message; `give_up` hears of each that has no place there."""
    if extras.frontend_attributes:
        m["frontend_attributes"] = frontend_message(extras.frontend_attributes)
    if extras.parameter_replication:
        made = m["parameter_replication"] = Message(KINDS["ParameterReplication"])
        made.put("replicated_at_leaf_buffers", list(extras.parameter_replication))
    if extras.backend_config:
        m["backend_config"] = plain_text(extras.backend_config).encode("utf-8", "surrogateescape")
    for key, row in _TEXTS.items():
        if text := getattr(extras, key):
            _put(m, row.field, row.write, text, key, give_up)
    if extras.result_accuracy is not None:
        _put(m, "result_accuracy", _accuracy_message, extras.result_accuracy, "result_accuracy", give_up)
    for key, _ in extras.unknown:
        give_up(key)


def _put(
    m: Message, field: str, write: Callable[[Any], Message], value: Any, key: str, give_up: Callable[[str], None]
) -> None:
    try:
        m[field] = write(value)
    except (Malformed, ValueError):
        give_up(key)
