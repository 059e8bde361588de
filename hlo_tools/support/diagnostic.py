"""Diagnostics as data, and the exceptions that carry them.

HloError                 anything a user can cause; has `.diagnostics` and an exit code
|-- ParseError           HLO1xxx  the text is not HLO or StableHLO
|-- VerifyError          HLO2xxx  the module breaks a rule of its language
|-- PassError            HLO3xxx  a pass or a pipeline cannot do what was asked
|-- UnsupportedError     HLO4xxx  an op, a type or a target that a backend does not know
|-- LimitError           HLO5xxx  a limit on time, memory or steps was reached
|-- CompareError         HLO5xxx  two results differ
`-- UsageError           HLO6xxx  a file, an option or a configuration is wrong
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Self

from hlo_tools.support.source import Span


class Severity(Enum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Note:
    """A remark that belongs to a diagnostic, with its own place if it has one."""

    message: str
    span: Span | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One finding: a stable code, a sentence, the place, and remarks."""

    code: str
    message: str
    span: Span | None = None
    severity: Severity = Severity.ERROR
    notes: tuple[Note, ...] = ()
    file: str | None = None  # where there is no span, e.g. a file that cannot be opened

    @property
    def where(self) -> str:
        """`file:line:column`, as far as known; empty when nothing is."""
        if self.span is None:
            return self.file or ""
        line, column = self.span.position
        return f"{self.span.source.name}:{line}:{column}"

    def __str__(self) -> str:
        where = self.where
        return f"{where + ': ' if where else ''}{self.severity.value}: {self.message} [{self.code}]"


class HloError(Exception):
    """Base of all errors a user can cause. `diagnostics` holds at least one."""

    exit_code: ClassVar[int] = 70

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = found
        super().__init__("\n".join(map(str, found)))

    @classmethod
    def at(cls, code: str, message: str, span: Span | None = None, *notes: Note) -> Self:
        """The error with one diagnostic."""
        return cls(Diagnostic(code, message, span, notes=notes))


class HloWarning(UserWarning):
    """Something odd in a module that was read nevertheless: Python's warning where nobody asked for diagnostics."""


class ParseError(HloError):
    """The text is not what its language allows."""

    exit_code = 3


class VerifyError(HloError):
    """A module that reads well breaks a rule."""

    exit_code = 3


class PassError(HloError):
    """A pass or a pipeline cannot do what was asked."""

    exit_code = 2


class UnsupportedError(HloError):
    """An op, a type or a target that is not covered."""

    exit_code = 4


class LimitError(HloError):
    """A limit on time, memory or steps was reached."""

    exit_code = 5


class CompareError(HloError):
    """Two results that should agree do not."""

    exit_code = 1


class UsageError(HloError):
    """A file, an option or a configuration is wrong."""

    exit_code = 2
