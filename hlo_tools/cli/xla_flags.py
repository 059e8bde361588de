"""XLA's own flags: those that mean something here, by their names in `xla/debug_options_flags.cc`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from hlo_tools.support.diagnostic import Diagnostic, Severity, UsageError


@dataclass(frozen=True, slots=True)
class XlaFlags:
    """The flags that are honoured; the field's name is the flag's."""

    xla_dump_to: str = ""
    """Folder for dumps of the module before and after the passes."""
    xla_dump_hlo_pass_re: str = ""
    """Dump also between passes where the name of one matches."""
    xla_dump_hlo_pipeline_re: str = ""
    """Of those, only in pipelines whose names match."""
    xla_dump_hlo_module_re: str = ""
    """Dump only modules whose names match."""
    xla_dump_large_constants: bool = False
    """Print the values of large constants in dumps, instead of `{...}`."""
    xla_disable_hlo_passes: tuple[str, ...] = ()
    """Passes to leave out, separated by commas."""
    xla_enable_hlo_passes_only: tuple[str, ...] = ()
    """Run only these passes, separated by commas."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _truth(text: str) -> bool:
    return {"": True, "true": True, "1": True, "false": False, "0": False}[text.lower()]


_READERS: dict[str, Callable[[str], Any]] = {"str": str, "bool": _truth, "tuple[str, ...]": _names}
_KNOWN = {field.name: _READERS[str(field.type)] for field in fields(XlaFlags)}


def parse(environment: str, words: Iterable[str]) -> tuple[XlaFlags, list[Diagnostic]]:
    """The flags of XLA_FLAGS and of the command line, where the later one wins, and a warning if any is unknown.

    Raises UsageError for a known flag without its value.
    """
    values: dict[str, Any] = {}
    unknown: dict[str, None] = {}
    for word in [*shlex.split(environment), *words]:
        name, equals, text = word.lstrip("-").partition("=")
        read = _KNOWN.get(name)
        if read is None:
            unknown[name] = None
        elif not equals and read is not _truth:
            raise UsageError.at("HLO6006", f"--{name} needs a value: --{name}=...")
        else:
            values[name] = _value(name, read, text)
    warnings = []
    if unknown:
        message = f"not known here and ignored: {', '.join('--' + name for name in unknown)}"
        warnings.append(Diagnostic("HLO6007", message, severity=Severity.WARNING))
    return replace(XlaFlags(), **values), warnings


def _value(name: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except KeyError as error:
        raise UsageError.at("HLO6006", f"--{name} takes true or false, not '{text}'") from error
