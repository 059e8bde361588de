"""Messages <-> bytes, after the tables of the schema.

Reading checks every length against what is there, nests as deep as the public runtimes do, and makes one object of
equal small messages: a shape or a source position that a thousand instructions share is decoded once. Writing gives the
same bytes for the same message: fields by number, lists of numbers packed, defaults left out.
"""

from __future__ import annotations

import struct
from typing import Any, NoReturn

import numpy as np

from hlo_tools.ir.literal import Array
from hlo_tools.serial.proto.schema import Field, Kind, Message, Wire

MAX_DEPTH = 100
"""How deep messages may be nested; the limit of the public runtimes."""

_SHARED_SIZE = 512
"""Bytes up to which a message is compared with those that were read before."""
_SMALL_LIST = 24
"""Bytes up to which a packed list is read number by number."""
_SIGN, _WRAP = 1 << 63, 1 << 64
_DTYPES: dict[str, str] = {
    "bool": "?", "int32": "<i4", "int64": "<i8", "uint32": "<u4", "uint64": "<u8", "float": "<f4", "double": "<f8",
}  # fmt: skip
_FORMATS = {"float": "<f", "double": "<d"}


class Damaged(Exception):
    """Bytes or characters that are no message; `at` is where."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


# ---- reading


class Decoder:
    """Reads messages from one buffer. `unknown` gets each field that the schema lacks, and where it first stood."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.unknown: dict[tuple[str, int], int] = {}
        self._seen: dict[tuple[Kind, bytes], Message] = {}

    def message(self, kind: Kind, at: int, end: int, depth: int = 0) -> Message:
        """The message in the bytes from `at` to `end`. Raises Damaged."""
        if depth > MAX_DEPTH:
            raise Damaged(f"messages are nested deeper than {MAX_DEPTH}", at)
        made = Message(kind, at)
        data, by_tag = self.data, kind.by_tag
        while at < end:
            start, tag = at, data[at]
            at += 1
            if tag > 127:
                tag, at = self.varint(start, end)
            row = by_tag.get(tag)
            if row is None:
                at = self._skip(kind, tag, start, at, end)
                continue
            field, packed = row
            if field.wire is Wire.VARINT and not packed:
                value: Any = data[at] if at < end else 128
                at += 1
                if value > 127:
                    value, at = self.varint(at - 1, end)
                    value = _narrow(value, field.type)
                elif field.type == "bool":
                    value = value != 0
            else:
                if field.wire is Wire.BYTES or packed:
                    size = data[at] if at < end else 128
                    at += 1
                    if size > 127:
                        size, at = self.varint(at - 1, end)
                else:
                    size = 4 if field.wire is Wire.FIXED32 else 8
                if size > end - at:
                    raise Damaged(f"{kind}.{field.name} has {size} bytes, but {end - at} are left", start)
                value = self._value(field, packed, at, at + size, depth)
                at += size
            if not field.repeated:
                if field.kind is not None and field.name in made:
                    value = _merged(made[field.name], value)
                made[field.name] = value
            elif packed and not field.array:
                made.setdefault(field.name, []).extend(value)
            else:
                made.setdefault(field.name, []).append(value)
        for name, type_ in kind.arrays:
            if name in made:
                made[name] = _joined(made[name], type_)
        return made

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The number at `at`, and where it ends. Raises Damaged."""
        data, value, shift, start = self.data, 0, 0, at
        while at < end and shift < 70:
            byte = data[at]
            value |= (byte & 127) << shift
            at += 1
            if byte < 128:
                return value & (_WRAP - 1), at
            shift += 7
        raise Damaged("a number has more than ten bytes" if shift >= 70 else "the data end inside of a number", start)

    def _value(self, field: Field, packed: bool, at: int, end: int, depth: int) -> Any:
        if packed:
            return self._packed(field, at, end)
        if field.kind is not None:
            return self._nested(field.kind, at, end, depth + 1)
        raw = self.data[at:end]
        if field.type == "string":
            return raw.decode("utf-8", "surrogateescape")
        if field.type == "bytes":
            return raw
        return np.frombuffer(raw, _DTYPES[field.type]) if field.array else struct.unpack(_FORMATS[field.type], raw)[0]

    def _nested(self, kind: Kind, at: int, end: int, depth: int) -> Message:
        if not kind.shared or end - at > _SHARED_SIZE:
            return self.message(kind, at, end, depth)
        key = kind, self.data[at:end]
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self.message(kind, at, end, depth)
        return found

    def _packed(self, field: Field, at: int, end: int) -> Any:
        """The numbers of a packed list: an array for `field.array`, else a list."""
        if field.wire is not Wire.VARINT:
            width = 4 if field.wire is Wire.FIXED32 else 8
            if (end - at) % width:
                raise Damaged(f"{field.name} has {end - at} bytes, which is no multiple of {width}", at)
            found = np.frombuffer(self.data, _DTYPES[field.type], (end - at) // width, at)
            return found if field.array else found.tolist()
        if end - at > _SMALL_LIST or field.array:
            numbers = self._varints(at, end).astype(np.int64)
            found = numbers.astype(_DTYPES.get(field.type, "<i4"))
            return found if field.array else found.tolist()
        values = []
        while at < end:
            value = self.data[at]
            at += 1
            if value > 127:
                value, at = self.varint(at - 1, end)
            values.append(_narrow(value, field.type))
        return values

    def _varints(self, at: int, end: int) -> Array:
        """Many numbers at once."""
        raw = np.frombuffer(self.data, np.uint8, end - at, at)
        last = np.flatnonzero(raw < 128)
        if not raw.size or last.size == raw.size:
            return raw.astype(np.uint64)
        if not last.size or last[-1] != raw.size - 1:
            raise Damaged("the data end inside of a number", end)
        first = np.concatenate(([0], last[:-1] + 1))
        sizes = last - first + 1
        if sizes.max() > 10:
            raise Damaged("a number has more than ten bytes", at + int(first[int(sizes.argmax())]))
        values = (raw[first] & 127).astype(np.uint64)
        for i in range(1, int(sizes.max())):
            longer = np.flatnonzero(sizes > i)
            values[longer] |= (raw[first[longer] + i] & 127).astype(np.uint64) << np.uint64(7 * i)
        return values

    def _skip(self, kind: Kind, tag: int, start: int, at: int, end: int) -> int:
        """Where a field that the schema lacks ends."""
        number, wire = tag >> 3, tag & 7
        if number == 0 or number >= 1 << 29:
            raise Damaged(f"{number} is no number of a field", start)
        if wire == Wire.VARINT:
            _, at = self.varint(at, end)
        elif wire == Wire.BYTES:
            size, at = self.varint(at, end)
            at += size
        elif wire in (Wire.FIXED32, Wire.FIXED64):
            at += 4 if wire == Wire.FIXED32 else 8
        else:
            raise Damaged(f"{wire} is no wire type that XLA's messages use", start)
        if at > end:
            raise Damaged(f"field {number} of {kind} goes beyond the end of the data", start)
        known = kind.by_number.get(number)
        if known is not None:
            raise Damaged(f"{kind}.{known.name} has wire type {wire}", start)
        self.unknown.setdefault((kind.name, number), start)
        return at


def _narrow(value: int, type_: str) -> Any:
    """The value that 64 bits stand for in a field of this type."""
    if type_ == "int64":
        return value - _WRAP if value >= _SIGN else value
    if type_ in ("int32", "enum"):
        value &= 0xFFFFFFFF
        return value - (1 << 32) if value >= 1 << 31 else value
    if type_ == "bool":
        return value != 0
    return value & 0xFFFFFFFF if type_ == "uint32" else value


def _merged(old: Message, new: Message) -> Message:
    """Two parts of one message: as the encoding demands, the second one is laid over the first."""
    made = Message(old.kind, old.at)
    made.update(old)
    for field, value in new.items_in_order():
        if field.name not in made:
            made[field.name] = value
        elif field.repeated:
            before = made[field.name]
            made[field.name] = np.concatenate([before, value]) if field.array else before + value
        else:
            made[field.name] = _merged(made[field.name], value) if field.kind is not None else value
    return made


def _joined(parts: list[Any], type_: str) -> Array:
    """One array of the parts of a list: packed runs and single numbers."""
    arrays = [np.asarray(part, _DTYPES[type_]).reshape(-1) for part in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


# ---- writing


class Encoder:
    """Writes messages. The bytes of a message that stands in several places are made once."""

    def __init__(self) -> None:
        self._made: dict[int, bytes] = {}

    def message(self, message: Message) -> bytes:
        """The bytes of a message, without its length."""
        parts: list[bytes] = []
        for field, value in message.items_in_order():
            if field.kind is not None:
                for one in value if field.repeated else (value,):
                    parts.append(self._nested(field, one))
            elif field.repeated and field.wire is not Wire.BYTES:
                raw = _packed(field, value)
                parts.append(_key(field, Wire.BYTES) + _varint(len(raw)) + raw)
            elif field.repeated:
                parts.extend(_scalar(field, one) for one in value)
            else:
                parts.append(_scalar(field, value))
        return b"".join(parts)

    def _nested(self, field: Field, value: Message) -> bytes:
        raw = self._made.get(id(value)) if value.kind.shared else None
        if raw is None:
            raw = self.message(value)
            raw = _varint(len(raw)) + raw
            if value.kind.shared:
                self._made[id(value)] = raw
        return _key(field, Wire.BYTES) + raw


_VARINTS = [bytes([n]) for n in range(128)]


def _varint(value: int) -> bytes:
    if 0 <= value < 128:
        return _VARINTS[value]
    value &= _WRAP - 1
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _key(field: Field, wire: Wire) -> bytes:
    return _varint(field.number << 3 | wire)


def _scalar(field: Field, value: Any) -> bytes:
    key = _key(field, field.wire)
    if field.wire is Wire.VARINT:
        return key + _varint(int(value))
    if field.wire is not Wire.BYTES:
        return key + struct.pack(_FORMATS[field.type], value)
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
    return key + _varint(len(raw)) + raw


def _packed(field: Field, values: Any) -> bytes:
    if field.wire is not Wire.VARINT:
        return np.asarray(values, _DTYPES[field.type]).tobytes()
    if field.array:
        return _many_varints(np.asarray(values))
    return b"".join([_varint(int(value)) for value in values])


def _many_varints(values: Array) -> bytes:
    """The same for millions of numbers."""
    bits = values.astype(np.int64).view(np.uint64)
    if not bits.size or bits.max() < 128:
        return bits.astype(np.uint8).tobytes()
    columns = np.zeros((bits.size, 10), np.uint8)
    used = np.zeros((bits.size, 10), np.bool_)
    for i in range(10):
        rest = bits >> np.uint64(7 * i)
        used[:, i] = (rest != 0) | (i == 0)
        columns[:, i] = (rest & np.uint64(127)).astype(np.uint8) | np.where(rest > 127, 128, 0).astype(np.uint8)
    return columns[used].tobytes()


def fail(message: str, at: Message) -> NoReturn:
    """Raise Damaged for a message that can be decoded and makes no sense."""
    raise Damaged(f"{at.kind}: {message}", at.at)
