"""`OpMetadata` <-> metadata of instructions."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hlo_tools.ir.attributes import Dims, Json, Metadata
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.text.strings import quote, unquote

_NAMES = tuple(f.name for f in fields(Metadata) if f.name != "metadata_payload")
NOT_KEPT = tuple(name for name in KINDS["OpMetadata"].fields if name not in (*_NAMES, "metadata_payload"))
"""Fields of OpMetadata that HLO text does not show and a module does not hold."""


def read_metadata(message: Message, payloads: list[bytes] | None = None) -> Metadata | None:
    """The metadata in an OpMetadata, None when it says nothing. `payloads` are those of the module."""
    values: dict[str, Any] = {name: message[name] for name in _NAMES if name in message}
    if "profile_type" in values:
        values["profile_type"] = Dims(tuple(values["profile_type"]))
    raw = read_payload(message.get("metadata_payload"), payloads or [])
    if raw:
        values["metadata_payload"] = Json(quote(raw.decode("utf-8", "surrogateescape")))
    return Metadata(**values) if values else None


def read_payload(message: Message | None, payloads: list[bytes]) -> bytes:
    """The bytes that a Payload holds or refers to; none when there is none."""
    if message is None:
        return b""
    if "value" in message:
        return bytes(message["value"])
    at = message.get("id", -1)
    return payloads[at] if 0 <= at < len(payloads) else b""


def metadata_message(at: Metadata | None) -> Message:
    """The OpMetadata of an instruction."""
    made = Message(KINDS["OpMetadata"])
    if at is None:
        return made
    for name in _NAMES:
        value = getattr(at, name)
        made.put(name, list(value) if name == "profile_type" else value)
    if at.metadata_payload:
        text = at.metadata_payload
        raw = unquote(text) if text.startswith('"') else text
        made["metadata_payload"] = payload_message(raw.encode("utf-8", "surrogateescape"))
    return made


def payload_message(value: bytes) -> Message:
    """A Payload that holds these bytes."""
    made = Message(KINDS["Payload"])
    made["value"] = value
    return made
