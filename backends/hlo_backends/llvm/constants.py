"""Bytes and strings as LLVM IR constants."""

from __future__ import annotations

_PLAIN = frozenset(range(32, 127)) - {ord('"'), ord("\\")}
_ESCAPED = [chr(b) if b in _PLAIN else f"\\{b:02X}" for b in range(256)]


def bytes_text(data: bytes) -> str:
    """The constant expression of a byte array; all zeros are said in one word."""
    if not any(data):
        return "zeroinitializer"
    return f'c"{"".join(map(_ESCAPED.__getitem__, data))}"'


def string_text(name: str, text: str) -> str:
    """The definition of a private, zero-terminated string."""
    data = text.encode() + b"\0"
    return f'@"{name}" = private unnamed_addr constant [{len(data)} x i8] {bytes_text(data)}'
