"""Files with HLO in protocol buffers: which message they hold, binary or as text, and modules made of them.

Of the messages that XLA's tools exchange, `HloModuleProto` is a module, `HloProto` has one in it, and `HloSnapshot` has
an `HloProto` together with arguments and a result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import with_default_layout
from hlo_tools.serial.proto.literals import read_literal, write_literal
from hlo_tools.serial.proto.reader import ModuleReader
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.shapes import ShapeReader, ShapeWriter
from hlo_tools.serial.proto.textformat import parse_text, show_text
from hlo_tools.serial.proto.wire import Damaged, Decoder, Encoder, fail
from hlo_tools.serial.proto.writer import ModuleWriter
from hlo_tools.support.diagnostic import Diagnostic, Note, ParseError, Severity
from hlo_tools.support.source import Source
from hlo_tools.text.reader import collector_off

Warn = Callable[[Diagnostic], None]


class Envelope(Enum):
    """The message that a file holds."""

    MODULE = "HloModuleProto"
    HLO = "HloProto"
    SNAPSHOT = "HloSnapshot"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A module with the arguments of one run of it and what came out. One literal for each parameter of the entry."""

    module: Module
    arguments: tuple[Literal, ...] = ()
    result: Literal | None = None
    platform: str = ""


# ---- which message it is

_TEXT_START = re.compile(
    r"(?:\s++|\#[^\n]*+)*(?:(hlo)|(hlo_module)|[a-z_]+)"
    r"(?:\s*:\s*(?:\"|'|\d|true|false|\[)|\s*:?\s*[{<]\s*(?:\#[^\n]*\s*)*(?:[a-z_]+\s*[:{<]|[}>]))"
)
_FIRST_FIELDS = frozenset(b"\x0a\x12\x1a")
"""Keys of fields 1, 2 and 3 that have a length: how each of the messages begins."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_PEEKED = 4096


def is_text(text: str) -> bool:
    """Whether `text` is the text format of one of the messages rather than HLO or MLIR."""
    m = _TEXT_START.match(text)
    if m is None:
        return False
    name = re.search(r"[a-z_]+", m[0].rpartition("\n")[2] if "#" in m[0] else m[0])
    return name is not None and any(name[0] in KINDS[e.value].fields for e in Envelope)


def is_binary(data: bytes) -> bool:
    """Whether `data` looks like one of the messages: it starts with a field that they have, and is no text."""
    return data[:1] != b"" and data[0] in _FIRST_FIELDS and _CONTROL.search(data, 0, _PEEKED) is not None


def _envelope(data: bytes) -> Envelope:
    """Which message `data` holds: a module starts with its name, the others with a message in a message."""
    decoder, at, end = Decoder(data), 0, len(data)
    for envelope in (Envelope.MODULE, Envelope.HLO):
        if at >= end or data[at] != 0x0A:
            return envelope
        try:
            size, at = decoder.varint(at + 1, end)
        except Damaged:
            return envelope
        end = min(end, at + size)
        if at >= end or data[at] not in _FIRST_FIELDS:
            return envelope
    return Envelope.SNAPSHOT


def _text_envelope(text: str) -> Envelope:
    m = _TEXT_START.match(text)
    if m is not None and m[1]:
        return Envelope.SNAPSHOT
    return Envelope.HLO if m is not None and m[2] else Envelope.MODULE


# ---- reading


def read_binary(data: bytes, filename: str = "<bytes>", warn: Warn | None = None) -> Snapshot:
    """The module (and arguments) in a message. Raises ParseError, with the byte that it is about.

    `warn` hears of what is not kept: fields that this version does not know, or that no module has a place for.
    """
    decoder = Decoder(data)

    def tell(sentence: str, at: int) -> None:
        if warn is not None:
            where = f" (byte {at})" if at >= 0 else ""
            warn(Diagnostic("HLO1052", sentence + where, severity=Severity.WARNING, file=filename))

    try:
        with collector_off():
            message = decoder.message(KINDS[_envelope(data).value], 0, len(data))
            for (kind, number), at in decoder.unknown.items():
                tell(f"field {number} of {kind} is not known and not kept", at)
            return _snapshot(message, tell)
    except Damaged as e:
        what = f"byte {e.at}: {e.message}" if e.at >= 0 else e.message
        raise ParseError(Diagnostic("HLO1050", what, file=filename)) from None


def read_text(text: str, filename: str = "<string>", warn: Warn | None = None) -> Snapshot:
    """The same for the text format; diagnostics have a place."""
    source = Source(filename, text)
    unknown: dict[tuple[str, str], int] = {}

    def tell(sentence: str, at: int) -> None:
        if warn is not None:
            span = source.span(at) if at >= 0 else None
            warn(Diagnostic("HLO1052", sentence, span, Severity.WARNING, file=filename))

    try:
        with collector_off():
            message = parse_text(text, KINDS[_text_envelope(text).value], unknown)
            for (kind, name), at in unknown.items():
                tell(f"field {name} of {kind} is not known and not kept", at)
            return _snapshot(message, tell)
    except Damaged as e:
        span = source.span(min(e.at, len(text))) if e.at >= 0 else None
        raise ParseError(Diagnostic("HLO1051", e.message, span, file=filename)) from None


def _snapshot(message: Message, tell: Callable[[str, int], None]) -> Snapshot:
    """The module in any of the messages. Raises Damaged."""
    envelope = Envelope(message.kind.name)
    hlo = message.get("hlo") if envelope is Envelope.SNAPSHOT else message
    if hlo is None:
        fail("it holds no HloProto", message)
    module = hlo if envelope is Envelope.MODULE else hlo.get("hlo_module")
    if module is None:
        fail("it holds no module", hlo)
    if envelope is not Envelope.MODULE and hlo.get("buffer_assignment"):
        tell("buffer_assignment of HloProto is not kept", hlo.at)
    read = ModuleReader(module, tell).read()
    if envelope is not Envelope.SNAPSHOT:
        return Snapshot(read)
    shapes = ShapeReader()
    arguments = tuple(read_literal(m, shapes) for m in message.get("arguments", ()))
    result = read_literal(message["result"], shapes) if "result" in message else None
    return Snapshot(read, arguments, result, message.get("execution_platform", ""))


# ---- writing


def write_binary(snapshot: Snapshot, envelope: Envelope = Envelope.MODULE, warn: Warn | None = None) -> bytes:
    """The bytes of a message with this module; the same module gives the same bytes.

    `warn` hears of what the messages have no place for.
    """
    with collector_off():
        return Encoder().message(_message(snapshot, envelope, warn))


def write_text(snapshot: Snapshot, envelope: Envelope = Envelope.MODULE, warn: Warn | None = None) -> str:
    """The same in the text format, which cannot tell one NaN in an array of f32 or f64 from another."""
    with collector_off():
        return show_text(_message(snapshot, envelope, warn))


def _message(snapshot: Snapshot, envelope: Envelope, warn: Warn | None) -> Message:
    module = snapshot.module

    def tell(sentence: str) -> None:
        if warn is not None:
            name = None if module.source is None else module.source.name
            note = Note("HLO text keeps it")
            warn(Diagnostic("HLO1053", sentence, severity=Severity.WARNING, notes=(note,), file=name))

    made = ModuleWriter(module, tell).message()
    if envelope is Envelope.MODULE:
        return made
    outer = Message(KINDS["HloProto"])
    outer["hlo_module"] = made
    if envelope is Envelope.HLO:
        return outer
    shapes = ShapeWriter()
    whole = Message(KINDS["HloSnapshot"])
    whole["hlo"] = outer
    whole.put("arguments", [write_literal(a, with_default_layout(a.shape), shapes) for a in snapshot.arguments])
    if snapshot.result is not None:
        whole["result"] = write_literal(snapshot.result, with_default_layout(snapshot.result.shape), shapes)
    whole.put("execution_platform", snapshot.platform)
    return whole
