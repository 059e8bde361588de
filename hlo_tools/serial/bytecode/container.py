"""The sections of a file of MLIR bytecode: strings, names of operations, and where attributes and types lie."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.serial.bytecode.stream import Damaged, Stream

MAGIC = b"ML\xefR"
NEWEST = 6
"""The newest version of the encoding that is known here."""

_STRINGS, _DIALECTS, _VALUES, _OFFSETS, _IR, _PROPERTIES = 0, 1, 2, 3, 4, 8
_NAMES = {_STRINGS: "strings", _DIALECTS: "dialects", _VALUES: "attributes", _OFFSETS: "offsets", _IR: "operations"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An attribute or a type that has not been read yet.

    dialect  whose it is
    own      whether it is in the dialect's own encoding; else it is text
    """

    dialect: str
    own: bool
    start: int
    end: int


class Container:
    """What a file holds besides its operations.

    version     of the encoding
    producer    who wrote it: `StableHLO_v1.9.0`
    operations  the names of operations, as they are numbered
    ir          the section of the operations
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        stream = Stream(data)
        if stream.take(len(MAGIC)) != MAGIC:
            raise Damaged("this is no MLIR bytecode", 0)
        self.version = stream.number()
        if self.version > NEWEST:
            stream.fail(f"version {self.version} of the bytecode is newer than {NEWEST}")
        self.producer = stream.text()
        sections: dict[int, Stream] = {}
        while stream.left:
            kind, content = stream.section()
            sections[kind] = content
        missing = [name for kind, name in _NAMES.items() if kind not in sections]
        if missing:
            raise Damaged(f"there is no section of {missing[0]}", len(data))
        self.strings = _strings(sections[_STRINGS])
        self.dialects: list[str] = []
        self.operations: list[str] = []
        self._read_dialects(sections[_DIALECTS])
        self.attributes, self.types = self._entries(sections[_OFFSETS], sections[_VALUES])
        self.properties = _blobs(sections[_PROPERTIES]) if _PROPERTIES in sections else []
        self.ir = sections[_IR]

    def string(self, stream: Stream) -> str:
        """The string whose number comes next."""
        return self.strings[stream.index(len(self.strings), "string")]

    def _read_dialects(self, stream: Stream) -> None:
        for _ in range(stream.count()):
            if self.version < 1:
                self.dialects.append(self.string(stream))
                continue
            flagged = stream.number()
            if flagged >> 1 >= len(self.strings):
                stream.fail(f"there is no string {flagged >> 1}")
            self.dialects.append(self.strings[flagged >> 1])
            if flagged & 1:
                stream.section()  # the version of the dialect, which the producer names, too
        if self.version >= 4:
            stream.number()  # the number of names
        while stream.left:
            dialect = self.dialects[stream.index(len(self.dialects), "dialect")]
            for _ in range(stream.count()):
                flagged = stream.number()
                name = flagged >> 1 if self.version >= 5 else flagged
                if name >= len(self.strings):
                    stream.fail(f"there is no string {name}")
                self.operations.append(f"{dialect}.{self.strings[name]}")

    def _entries(self, offsets: Stream, values: Stream) -> tuple[list[Entry], list[Entry]]:
        totals = [offsets.number(), offsets.number()]
        at = values.at
        found: list[list[Entry]] = []
        for total in totals:
            entries: list[Entry] = []
            while len(entries) < total:
                dialect = self.dialects[offsets.index(len(self.dialects), "dialect")]
                for _ in range(offsets.count()):
                    flagged = offsets.number()
                    end = at + (flagged >> 1)
                    if end > values.end:
                        offsets.fail("an attribute or a type ends behind its section")
                    entries.append(Entry(dialect, bool(flagged & 1), at, end))
                    at = end
            found.append(entries)
        return found[0], found[1]


def _strings(stream: Stream) -> list[str]:
    """Their lengths come first, the last one in front."""
    sizes = stream.many(stream.number)[::-1]
    if sum(sizes) > stream.left:
        stream.fail(f"strings of {sum(sizes)} bytes are announced, and {stream.left} are left")
    found = []
    for size in sizes:
        raw = stream.take(size)
        if not raw.endswith(b"\0"):
            stream.fail("a string does not end with a zero")
        found.append(raw[:-1].decode("utf-8", "surrogateescape"))
    return found


def _blobs(stream: Stream) -> list[Stream]:
    found = []
    for _ in range(stream.count()):
        size = stream.number()
        start = stream.at
        stream.take(size)
        found.append(Stream(stream.data, start, stream.at))
    return found
