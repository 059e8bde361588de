"""What one run of a command carries along: how it prints diagnostics, and XLA's flags."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TextIO

import typer

from hlo_tools import __version__
from hlo_tools.cli.xla_flags import XlaFlags
from hlo_tools.support import knobs, render
from hlo_tools.support.diagnostic import Diagnostic, Severity
from hlo_tools.support.files import write_stdout


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour `stream`: the option first, then NO_COLOR, then the FORCE variables, then the terminal."""
    if choice != "auto":
        return choice == "always"
    if knobs.NO_COLOR.get():
        return False
    if knobs.FORCE_COLOR.get() or knobs.CLICOLOR_FORCE.get():
        return True
    return stream.isatty() and knobs.TERM.get() != "dumb"


@dataclass(slots=True)
class Session:
    """The options of the program as a whole, and what has been reported so far."""

    diagnostics_format: str = "text"
    color: str = "auto"
    max_errors: int = 20
    xla: XlaFlags = field(default_factory=XlaFlags)
    _held: list[Diagnostic] = field(default_factory=list)  # SARIF is one document
    _shown: int = 0

    def report(self, found: Iterable[Diagnostic]) -> None:
        """Print diagnostics on standard error; after `max_errors` errors only count them."""
        hidden = 0
        for diagnostic in found:
            if diagnostic.severity is Severity.ERROR:
                self._shown += 1
                if self._shown > self.max_errors > 0:
                    hidden += 1
                    continue
            self._print(diagnostic)
        if hidden and self.diagnostics_format == "text":
            print(f"{hidden} more not shown; --max-errors=0 shows all", file=sys.stderr)

    def _print(self, diagnostic: Diagnostic) -> None:
        if self.diagnostics_format == "sarif":
            self._held.append(diagnostic)
        elif self.diagnostics_format == "text":
            print(render.text(diagnostic, wants_color(self.color, sys.stderr)), file=sys.stderr)
        else:
            print(render.LINES[self.diagnostics_format](diagnostic), file=sys.stderr)

    def close(self) -> None:
        """Print what had to wait for the end."""
        if self.diagnostics_format == "sarif":
            print(json.dumps(render.sarif(self._held, __version__), indent=2, ensure_ascii=False), file=sys.stderr)


def session(context: typer.Context) -> Session:
    """The session that a command runs in."""
    found = context.find_root().obj
    assert isinstance(found, Session)
    return found


def emit(text: str) -> None:
    """Print a result on standard output, with exactly one line end behind it."""
    write_stdout((text if text.endswith("\n") else text + "\n").encode("utf-8", "surrogateescape"))


def note(text: str) -> None:
    """Print a remark on standard error."""
    print(text, file=sys.stderr)
