"""Descriptions of messages, built from the tables, and messages as Python values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from hlo_tools.serial.proto.messages import ENUMS, MESSAGES


class Wire(IntEnum):
    """How a field lies in bytes."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


WIRES = {"float": Wire.FIXED32, "double": Wire.FIXED64, "string": Wire.BYTES, "bytes": Wire.BYTES}
"""The wire type of each scalar type that is no varint."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The members of an enumeration, by name and by number."""

    name: str
    numbers: dict[str, int]
    names: dict[int, str]


@dataclass(slots=True, eq=False)
class Field:
    """One field of a message: `type` is a scalar type, `enum` or `message`.

    array     many numbers, read into a numpy array
    explicit  the default is a value like any other
    """

    name: str
    number: int
    type: str
    repeated: bool
    array: bool
    explicit: bool
    kind: Kind | None = None
    members: Enumeration | None = None
    wire: Wire = Wire.VARINT


@dataclass(slots=True, eq=False)
class Kind:
    """A kind of message. Equal messages of a `shared` kind are one object when they are read."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    by_number: dict[int, Field] = field(default_factory=dict)
    by_tag: dict[int, tuple[Field, bool]] = field(default_factory=dict)
    """For each key on the wire its field, and whether it is a packed list."""
    shared: bool = True
    arrays: list[tuple[str, str]] = field(default_factory=list)
    """Names and types of the fields that are read into arrays."""

    def __repr__(self) -> str:
        return self.name


class Message(dict[str, Any]):
    """The fields of a message that are set. `at` is the offset of the first byte (or character) it was read from."""

    __slots__ = ("at", "kind")

    def __init__(self, kind: Kind, at: int = -1) -> None:
        super().__init__()
        self.kind = kind
        self.at = at

    def put(self, name: str, value: Any) -> None:
        """Set a field, unless that is its default."""
        if value or self.kind.fields[name].explicit or isinstance(value, Message):
            self[name] = value

    def items_in_order(self) -> list[tuple[Field, Any]]:
        """The fields that are set, by number."""
        fields = self.kind.fields
        return sorted(((fields[name], value) for name, value in self.items()), key=_number)


def _number(item: tuple[Field, Any]) -> int:
    return item[0].number


_UNIQUE = frozenset({"HloModuleProto", "HloComputationProto", "HloInstructionProto", "HloProto", "HloSnapshot"})
_ROW = re.compile(r"  (\d+) (\w+) ([*@]?)([\w.]+)(\??)")
_MEMBER = re.compile(r"(\w+)=(\d+)")


def _enumerations() -> dict[str, Enumeration]:
    found = {}
    for text in re.split(r"\n(?! )", ENUMS.strip()):
        name, _, members = text.partition(": ")
        numbers = {m: int(n) for m, n in _MEMBER.findall(members)}
        found[name] = Enumeration(name, numbers, {n: m for m, n in numbers.items()})
    return found


def _kinds(enumerations: dict[str, Enumeration]) -> dict[str, Kind]:
    lines = MESSAGES.strip().splitlines()
    kinds = {line: Kind(line, shared=line not in _UNIQUE) for line in lines if not line.startswith(" ")}
    kind = kinds["HloSnapshot"]
    for line in lines:
        if line in kinds:
            kind = kinds[line]
            continue
        m = _ROW.fullmatch(line)
        assert m is not None, line
        number, name, mark, type_, explicit = m.groups()
        made = Field(name, int(number), type_, bool(mark), mark == "@", bool(explicit))
        if type_ in kinds:
            made.type, made.kind, made.wire = "message", kinds[type_], Wire.BYTES
        elif type_ in enumerations:
            made.type, made.members = "enum", enumerations[type_]
        else:
            made.wire = WIRES.get(type_, Wire.VARINT)
        kind.fields[name] = kind.by_number[made.number] = made
        kind.by_tag[made.number << 3 | made.wire] = (made, False)
        if made.array and made.wire is not Wire.BYTES:
            kind.arrays.append((name, type_))
        if made.repeated and made.wire is not Wire.BYTES:
            kind.by_tag[made.number << 3 | Wire.BYTES] = (made, True)
    return kinds


ENUMERATIONS = _enumerations()
"""Every enumeration by name."""
KINDS = _kinds(ENUMERATIONS)
"""Every kind of message by name."""
