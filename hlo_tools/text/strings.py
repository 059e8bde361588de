"""Quoted strings: C escapes as XLA writes them (`absl::CEscape`) and all that it reads (`absl::CUnescape`)."""

from __future__ import annotations

import re

from hlo_tools.text.malformed import Malformed

_PLAIN = re.compile(r"""[ -!#-&(-\[\]-~]*""")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL)
_LETTERS = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v",
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"?": b"?",
}  # fmt: skip
_WRITTEN = {10: r"\n", 13: r"\r", 9: r"\t", 34: r"\"", 39: r"\'", 92: r"\\"}


def quote(value: str) -> str:
    """`value` between double quotes; bytes outside of printable ASCII become octal."""
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    if _PLAIN.fullmatch(value.replace("'", "").replace('"', "")):
        return '"' + value.replace("'", "\\'").replace('"', '\\"') + '"'
    data = value.encode("utf-8", "surrogateescape")
    return '"' + "".join(_WRITTEN.get(c) or (chr(c) if 32 <= c < 127 else f"\\{c:03o}") for c in data) + '"'


def unquote(text: str) -> str:
    """The value of a quoted string, given with its quotes. Bytes that are not UTF-8 become surrogates."""
    inner = text[1:-1]
    slashes = inner.count("\\")
    if not slashes:
        return inner
    if slashes == inner.count("\\'") + inner.count('\\"'):  # the only escapes that most texts have
        return inner.replace("\\'", "'").replace('\\"', '"')
    data = _ESCAPE.sub(_escape, inner.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def _escape(m: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = m.groups()
    if octal is not None:
        return _byte(int(octal, 8), m)
    if hexadecimal is not None:
        return _byte(int(hexadecimal, 16), m)
    if short is not None or long is not None:
        return _code_point(int(short or long, 16), m)
    if letter not in _LETTERS:
        raise Malformed(f"unknown escape {m[0].decode('utf-8', 'replace')} in a string", code="HLO1005")
    return _LETTERS[letter]


def _byte(value: int, m: re.Match[bytes]) -> bytes:
    if value > 255:
        raise Malformed(f"escape {m[0].decode()} is no byte", code="HLO1005")
    return bytes([value])


def _code_point(value: int, m: re.Match[bytes]) -> bytes:
    if value > 0x10FFFF:
        raise Malformed(f"escape {m[0].decode()} is no character", code="HLO1005")
    return chr(value).encode("utf-8", "surrogatepass")
