"""Modules as the text that a command was asked for."""

from __future__ import annotations

import hlo_tools as hlo
from hlo_tools.cli.options import Form


def in_form(module: hlo.Module, form: Form) -> str:
    """The HLO text of `module`."""
    options = {
        Form.long: hlo.PrintOptions.default,
        Form.short: hlo.PrintOptions.short_parsable,
        Form.canonical: hlo.PrintOptions.canonical,
    }
    return module.to_text(options[form]())
