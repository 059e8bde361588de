"""Quoted strings of MLIR text: `\\"`, `\\\\`, `\\n`, `\\t`, and `\\0A` for any other byte.

Source: `Token::getStringValue` and `llvm::printEscapedString`. HLO text escapes in another way.
"""

from __future__ import annotations

import re

from hlo_tools.text.malformed import Malformed

_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*")
_ESCAPE = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\"}


def quote(value: str) -> str:
    """`value` between double quotes, as MLIR prints it."""
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    data = value.encode("utf-8", "surrogateescape")
    shown = (chr(c) if 32 <= c < 127 and c not in b'"\\' else "\\\\" if c == 92 else f"\\{c:02X}" for c in data)
    return f'"{"".join(shown)}"'


def unquote(text: str) -> str:
    """The value of a quoted string, given with its quotes. Raises Malformed for an escape that MLIR does not know."""
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    data = _ESCAPE.sub(_unescaped, inner.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def symbol(name: str) -> str:
    """`@main`, `@"a-b"`, `@outer::@inner`: a name with its signs, and quotes where it needs them."""
    return "::".join("@" + (part if _BARE.fullmatch(part) else quote(part)) for part in name.split("::"))


def _unescaped(m: re.Match[bytes]) -> bytes:
    if m[1] is not None:
        return bytes.fromhex(m[1].decode())
    if m[2] not in _LETTERS:
        raise Malformed(f"unknown escape {m[0].decode('utf-8', 'replace')} in a string", code="HLO1005")
    return _LETTERS[m[2]]
