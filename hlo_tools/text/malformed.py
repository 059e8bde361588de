"""The exception inside the text floor for a piece of text that cannot be read; the reader makes a diagnostic of it."""

from __future__ import annotations


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


def expect(holds: bool, message: str) -> None:
    """Raise Malformed unless `holds`."""
    if not holds:
        raise Malformed(message)
