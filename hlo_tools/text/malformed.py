"""The exception inside the text floor for a piece of text that cannot be read; the reader makes a diagnostic of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Malformed(Exception):
    """`message` says what is wrong with the characters from `at` to `end` of the piece that was to be read.

    code  the diagnostic code, see `hlo explain`
    """

    def __init__(self, message: str, at: int = 0, end: int | None = None, code: str = "HLO1010") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.end = end
        self.code = code

    def shifted(self, by: int) -> Malformed:
        """The same for a text that begins `by` characters earlier."""
        return Malformed(self.message, self.at + by, None if self.end is None else self.end + by, self.code)


def located(read: Callable[[str], Any], text: str, at: int) -> Any:
    """What `read` makes of `text`, which stands at `at`. Raises Malformed, there."""
    try:
        return read(text)
    except Malformed as e:
        end = len(text) if e.end is None else e.end
        raise Malformed(e.message, at + e.at, at + end, e.code) from None


def expect(holds: bool, message: str) -> None:
    """Raise Malformed unless `holds`."""
    if not holds:
        raise Malformed(message)
