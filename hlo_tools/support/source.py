"""Where a text came from and what an offset in it means to a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A text with its name; turns offsets into lines and columns on demand."""

    name: str
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both counted from 1."""
        at = max(offset, 0)
        return self.text.count("\n", 0, at) + 1, offset - self.text.rfind("\n", 0, at)

    def line_at(self, offset: int) -> str:
        """The text of the line that holds `offset`, without its end."""
        start = self.text.rfind("\n", 0, max(offset, 0)) + 1
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end].rstrip("\r")

    def span(self, start: int, end: int | None = None) -> Span:
        """The characters from `start` up to, not including, `end` (default: one character)."""
        return Span(self, start, start + 1 if end is None else end)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of characters of one source."""

    source: Source
    start: int
    end: int

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the first character, counted from 1."""
        return self.source.position(self.start)
