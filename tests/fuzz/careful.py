"""The two readers of HLO text side by side: that of whole lines, and the grammar by itself."""

from __future__ import annotations

import re
from unittest.mock import patch

import hlo_tools as hlo
from hlo_tools.text import body, lines, reader
from hlo_tools.text.reader import parse_hlo

_NOTHING = re.compile(r"(?!)")
_FAST = [(reader, "_HEADER"), (reader, "_HEAD"), (body, "_TAIL")]
"""The regular expressions of whole lines."""


def careful(text: str) -> str:
    """The text after a reading by the grammar alone, or the errors."""
    for module, name in _FAST:
        patch.object(module, name, _NOTHING).start()
    patch.object(lines.LineReader, "lines", lambda _, at: at).start()
    try:
        return quick(text)
    finally:
        patch.stopall()


def quick(text: str) -> str:
    """The text after an ordinary reading, or the errors."""
    try:
        return parse_hlo(text).to_text()
    except hlo.HloError as error:
        return "\n".join(map(str, error.diagnostics))
