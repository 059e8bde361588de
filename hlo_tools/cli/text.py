"""Modules as the text that a command was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any

import hlo_tools as hlo
from hlo_tools.cli.options import Form
from hlo_tools.support.diagnostic import UsageError
from hlo_tools.text.options import PRESETS


def in_form(module: hlo.Module, form: Form, changes: Iterable[str] | None = None) -> str:
    """The HLO text of `module`."""
    return module.to_text(print_options(form, changes))


def print_options(form: Form, changes: Iterable[str] | None = None) -> hlo.PrintOptions:
    """A preset with `changes` of the form `print_metadata=false`. Raises UsageError for what is no option or value."""
    options = PRESETS[form.value]()
    known = {f.name: getattr(options, f.name) for f in fields(options)}
    for change in changes or ():
        name, _, value = change.partition("=")
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"; did you mean '{close[0]}'?" if close else f": {', '.join(known)}"
            raise UsageError.at("HLO6006", f"--print-option: there is no option '{name}'{hint}")
        options = replace(options, **{name: _value(name, type(known[name]), value)})
    return options


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _value(name: str, kind: Any, text: str) -> Any:
    if kind is bool:
        known: dict[str, Any] = _BOOLEANS
    elif issubclass(kind, Enum):
        known = {member.value: member for member in kind}
    elif text.isascii() and text.isdigit() and len(text) < 5:
        return int(text)
    else:
        known = {"0": 0, "1": 1, "2": 2}
    if text not in known:
        raise UsageError.at("HLO6006", f"--print-option: '{text}' is no value of {name}: {', '.join(known)}")
    return known[text]
