"""What happens to the words of a command line before Typer sees them.

Response files are put in their place, XLA's flags are taken out wherever they stand, and the options that every
command has move in front of the command, where Typer expects them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from hlo_tools.support.diagnostic import UsageError

GLOBAL_OPTIONS = ("--color", "--diagnostics-format", "--max-errors")
"""Options of the program as a whole that take a value."""

GLOBAL_FLAGS = ("--werror", "-Werror")
"""Those that take none."""

_DEPTH = 20


def expand(words: Iterable[str], depth: int = 0) -> list[str]:
    """Replace `@FILE` by the words in FILE, quoted as in a POSIX shell; `#` starts a comment there.

    Such files may name others; paths are relative to the current folder. Behind `--` nothing is replaced.
    Raises UsageError for a file that is missing, badly quoted or includes itself.
    """
    out: list[str] = []
    words = list(words)
    for at, word in enumerate(words):
        if word == "--":
            return out + words[at:]
        if len(word) > 1 and word.startswith("@"):
            if depth == _DEPTH:
                raise UsageError.at("HLO6008", f"response file '{word[1:]}': more than {_DEPTH} files deep")
            out += expand(_read(word[1:]), depth + 1)
        else:
            out.append(word)
    return out


def _read(path: str) -> list[str]:
    try:
        return shlex.split(Path(path).read_text(encoding="utf-8"), comments=True)
    except OSError as error:
        raise UsageError.at("HLO6008", f"cannot read response file '{path}': {error.strerror}") from error
    except ValueError as error:  # an open quote, or bytes that are no text
        raise UsageError.at("HLO6008", f"response file '{path}': {error}") from error


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """The flags that start with `--xla_` (or `-xla_`), and the other words with the global options in front.

    `-h` becomes `--help` here: Typer would list the two in an order that differs from run to run.
    """
    xla: list[str] = []
    front: list[str] = []
    rest: list[str] = []
    queue = iter(words)
    for word in queue:
        if word == "--":
            return xla, [*front, *rest, word, *queue]
        name = word.partition("=")[0]
        if name.lstrip("-").startswith("xla_") and word.startswith("-"):
            xla.append(word)
        elif word in GLOBAL_FLAGS:
            front.append(word)
        elif name in GLOBAL_OPTIONS:
            front.append(word)
            if "=" not in word:
                front.extend(value for value in [next(queue, None)] if value is not None)
        else:
            rest.append("--help" if word == "-h" else word)
    return xla, [*front, *rest]
