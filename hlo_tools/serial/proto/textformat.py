"""Messages <-> the text format of protocol buffers (`.pbtxt`), after the tables of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from hlo_tools.serial.proto.schema import Field, Kind, Message
from hlo_tools.serial.proto.wire import MAX_DEPTH, Damaged
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.strings import quote, unquote

_TOKEN = re.compile(
    r"""(?:\s++|\#[^\n]*+)*(?:
    (?P<name>[A-Za-z_]\w*+)
    |(?P<number>(?:0[xX][0-9a-fA-F]++|(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+\-]?\d++)?)[fF]?)
    |(?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')
    |(?P<mark>[{}<>\[\]:;,\-])
    |(?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
_RANGES = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "enum": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
    "bool": (0, 1),
}
_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
_FLOATS = {"inf": float("inf"), "infinity": float("inf"), "nan": float("nan")}
_DTYPES = {
    "bool": "?",
    "int32": "<i4",
    "int64": "<i8",
    "uint32": "<u4",
    "uint64": "<u8",
    "float": "<f4",
    "double": "<f8",
}
_LONGEST = 1000
"""Characters that a number may have."""
_CLOSING = {"{": "}", "<": ">"}


def parse_text(text: str, kind: Kind, unknown: dict[tuple[str, str], int]) -> Message:
    """The message that `text` denotes; `unknown` gets the fields that the schema lacks. Raises Damaged."""
    return _Parser(text, unknown).message(kind)


class _Parser:
    """Reads one text, token by token."""

    def __init__(self, text: str, unknown: dict[tuple[str, str], int]) -> None:
        self.text = text
        self.unknown = unknown
        self.kind = self.value = ""
        self.at = self.end = 0
        self._next()

    def _next(self) -> None:
        m = _TOKEN.match(self.text, self.end)
        if m is None:
            at = self.end + len(self.text[self.end :]) - len(self.text[self.end :].lstrip())
            raise Damaged(f"unexpected {self.text[at : at + 1]!r}", at)
        self.kind = m.lastgroup or "end"
        self.value, self.at, self.end = m[self.kind], m.start(self.kind), m.end()

    def _took(self, mark: str) -> bool:
        if self.kind != "mark" or self.value != mark:
            return False
        self._next()
        return True

    def _unexpected(self, wanted: str) -> Damaged:
        return Damaged(f"expected {wanted}, found {self.value!r}" if self.value else f"expected {wanted}", self.at)

    def message(self, kind: Kind) -> Message:
        """The whole text as one message."""
        made = Message(kind, self.at)
        open_: list[tuple[Message, str]] = [(made, "")]
        while open_:
            top, closing = open_[-1]
            if (self.kind == "end" and not closing) or (closing and self._took(closing)):
                open_.pop()
                _finish(top)
                if open_:
                    self._separator()
                continue
            inner = self._field(top)
            if inner is None:
                self._separator()
                continue
            if len(open_) > MAX_DEPTH:
                raise Damaged(f"messages are nested deeper than {MAX_DEPTH}", self.at)
            open_.append(inner)
        return made

    def _separator(self) -> None:
        if self.kind == "mark" and self.value in ",;":
            self._next()

    def _field(self, into: Message) -> tuple[Message, str] | None:
        """Read a field. For a message, open it: the message and what closes it."""
        if self.kind != "name":
            raise self._unexpected("the name of a field")
        name, at = self.value, self.at
        self._next()
        field = into.kind.fields.get(name)
        if field is None:
            self.unknown.setdefault((into.kind.name, name), at)
            self._skip()
            return None
        if field.kind is not None:
            self._took(":")
            if self.kind == "mark" and self.value == "[":
                raise Damaged(f"a list of messages in {name}: write each with its own name", self.at)
            opening = self.value
            if self.kind != "mark" or opening not in _CLOSING:
                raise self._unexpected("'{'")
            inner = Message(field.kind, self.at)
            self._next()
            self._put(into, field, inner, at)
            return inner, _CLOSING[opening]
        if not self._took(":"):
            raise self._unexpected("':'")
        if self._took("["):
            into.setdefault(name, [])
            while not self._took("]"):
                self._put(into, field, self._scalar(field), at)
                if not self._took(",") and not (self.kind == "mark" and self.value == "]"):
                    raise self._unexpected("',' or ']'")
        else:
            self._put(into, field, self._scalar(field), at)
        return None

    def _put(self, into: Message, field: Field, value: Any, at: int) -> None:
        if field.repeated:
            into.setdefault(field.name, []).append(value)
        elif field.name in into:
            raise Damaged(f"{field.name} is given twice", at)
        else:
            into[field.name] = value

    def _scalar(self, field: Field) -> Any:
        if field.type in ("string", "bytes"):
            return self._string(field)
        at, negative = self.at, self._took("-")
        word, kind = self.value, self.kind
        if kind not in ("number", "name") or len(word) > _LONGEST:
            raise self._unexpected(f"a value of {field.name}")
        self._next()
        value = _number(word, kind, field)
        if value is None:
            raise Damaged(f"{word!r} is no value of {field.name}", at)
        value = -value if negative else value
        low, high = _RANGES.get(field.type, (None, None))
        if low is not None and high is not None and not low <= value <= high:
            raise Damaged(f"{value} is out of range for {field.name}", at)
        return bool(value) if field.type == "bool" else value

    def _string(self, field: Field) -> Any:
        parts = []
        if self.kind != "string":
            raise self._unexpected(f"a string for {field.name}")
        while self.kind == "string":
            try:
                parts.append(unquote(self.value).encode("utf-8", "surrogateescape"))
            except Malformed as e:
                raise Damaged(e.message, self.at) from None
            self._next()
        raw = b"".join(parts)
        return raw if field.type == "bytes" else raw.decode("utf-8", "surrogateescape")

    def _skip(self) -> None:
        """Pass over the value of a field that is not known."""
        colon = self._took(":")
        if self.kind == "mark" and self.value in "{<[":
            depth = 0
            while True:
                if self.kind == "end":
                    raise self._unexpected("a closing brace")
                if self.kind == "mark":
                    depth += (self.value in "{<[") - (self.value in "}>]")
                self._next()
                if depth == 0:
                    return
        if not colon:
            raise self._unexpected("':' or '{'")
        self._took("-")
        if self.kind not in ("number", "name", "string"):
            raise self._unexpected("a value")
        self._next()
        while self.kind == "string":
            self._next()


def _finish(made: Message) -> None:
    for name, type_ in made.kind.arrays:
        if name in made:
            made[name] = np.asarray(made[name], _DTYPES[type_])


def _number(word: str, kind: str, field: Field) -> Any:
    """The value of a word, None when it is none."""
    if kind == "name":
        if field.members is not None:
            return field.members.numbers.get(word)
        if field.type == "bool":
            return _BOOLS.get(word)
        return _FLOATS.get(word.lower()) if field.type in ("float", "double") else None
    if field.type in ("float", "double"):
        return float(word.rstrip("fF")) if word[:2] not in ("0x", "0X") else None
    try:
        return int(word, 8 if len(word) > 1 and word[0] == "0" and word.isdigit() else 0)
    except ValueError:
        return None


def show_text(message: Message) -> str:
    """The text of a message: fields by number, two blanks for each level, lists of numbers in brackets."""
    lines: list[str] = []
    stack: list[Iterator[tuple[Field, Any]]] = [iter(_flat(message))]
    while stack:
        indent = "  " * (len(stack) - 1)
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
            if stack:
                lines.append("  " * (len(stack) - 1) + "}")
        elif item[0].kind is not None:
            lines.append(f"{indent}{item[0].name} {{")
            stack.append(iter(_flat(item[1])))
        else:
            lines.append(f"{indent}{item[0].name}: {_value_text(*item)}")
    return "\n".join(lines) + "\n"


def _flat(message: Message) -> list[tuple[Field, Any]]:
    """The fields of a message; messages and strings of a list one by one."""
    found: list[tuple[Field, Any]] = []
    for field, value in message.items_in_order():
        if field.repeated and (field.kind is not None or field.type in ("string", "bytes")):
            found.extend((field, one) for one in value)
        else:
            found.append((field, value))
    return found


def _value_text(field: Field, value: Any) -> str:
    if field.type in ("string", "bytes"):
        return quote(value if isinstance(value, str) else value.decode("utf-8", "surrogateescape"))
    if field.repeated:
        values = value.tolist() if isinstance(value, np.ndarray) else value
        single = value.dtype == np.float32 if isinstance(value, np.ndarray) else False
        return "[" + ", ".join([_scalar_text(field, v, single) for v in values]) + "]"
    return _scalar_text(field, value, field.type == "float")


def _scalar_text(field: Field, value: Any, single: bool) -> str:
    if field.type == "bool":
        return "true" if value else "false"
    if field.members is not None:
        return field.members.names.get(value, str(value))
    if isinstance(value, float):
        return str(np.float32(value)) if single else repr(value)
    return str(value)
