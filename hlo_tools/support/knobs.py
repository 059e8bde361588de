"""Every environment variable that hlo-tools reads, in one table. `hlo env` and the man pages print it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from hlo_tools.support.diagnostic import UsageError

T = TypeVar("T")


def _flag(text: str) -> bool:
    """On for anything but nothing, 0, false, no and off, in any case."""
    return text.strip().lower() not in ("", "0", "false", "no", "off")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("negative")
    return number


@dataclass(frozen=True)
class Knob(Generic[T]):
    """One variable: its name, what it means, the value when it is not set, and how its text is read."""

    name: str
    help: str
    default: T
    read: Callable[[str], T]

    def get(self, environ: Mapping[str, str] = os.environ) -> T:
        """The value now. Raises UsageError when the text cannot be read."""
        text = environ.get(self.name)
        if text is None:
            return self.default
        try:
            return self.read(text)
        except ValueError as error:
            raise UsageError.at("HLO6005", f"environment variable {self.name}: cannot use '{text}'") from error


DEBUG = Knob("HLO_TOOLS_DEBUG", "show the Python traceback of an internal error", False, _flag)
EVIDENCE = Knob("HLO_TOOLS_EVIDENCE", "folder for the evidence of internal errors (default: temporary files)", "", str)
MAX_INPUT_BYTES = Knob(
    "HLO_TOOLS_MAX_INPUT_BYTES", "largest input file, after decompression (default: 2 GiB)", 2 << 30, _count
)
XLA_FLAGS = Knob("XLA_FLAGS", "XLA's flags, separated by blanks; those on the command line win", "", str)
NO_COLOR = Knob("NO_COLOR", "no colours, if not empty (no-color.org)", False, bool)
FORCE_COLOR = Knob("FORCE_COLOR", "colours even where the output is no terminal", False, _flag)
CLICOLOR_FORCE = Knob("CLICOLOR_FORCE", "the same as FORCE_COLOR", False, _flag)
TERM = Knob("TERM", "`dumb`: no colours", "", str)

KNOBS: tuple[Knob[bool] | Knob[int] | Knob[str], ...] = (
    DEBUG,
    EVIDENCE,
    MAX_INPUT_BYTES,
    XLA_FLAGS,
    NO_COLOR,
    FORCE_COLOR,
    CLICOLOR_FORCE,
    TERM,
)
