"""The table in a module's header that says how lost values are computed again: text <-> messages."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from hlo_tools.ir.attributes import Json
from hlo_tools.ir.module import Module
from hlo_tools.serial.proto.extras import original_array, original_array_text
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.support.diagnostic import HloError
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.reader import parse_hlo

_ARRAY = r'\{\s*("(?:[^"\\]|\\.)*")\s*(?:\{([\d,\s]*)\}\s*)?\}'
_ENTRY = re.compile(rf'\s*{_ARRAY}\s*:\s*{_ARRAY}\s*(?:,\s*"(.*?)"\s*(?=\{{\s*"|\}}\Z))?,?', re.DOTALL)
"""The text of a module stands between quotes, and the quotes in it are not marked."""


def recovery_message(text: str, write: Callable[[Module], Message]) -> Message:
    """The OriginalValueRecoveryTableProto that `text` denotes. Raises Malformed."""
    made = Message(KINDS["OriginalValueRecoveryTableProto"])
    at, end = 1, len(text.rstrip())
    while at < end - 1 and text[at : end - 1].strip():
        m = _ENTRY.match(text, at)
        if m is None:
            raise Malformed("origin_recovery_table")
        old, old_index, new, new_index, module = m.groups()
        entry = Message(KINDS["OriginalValueRecoveryTableProto.Entry"])
        entry["old_original_array"] = original_array(old, old_index or "")
        entry["new_original_array"] = original_array(new, new_index or "")
        if module is not None and module.strip():
            try:
                entry["recovery_module"] = write(parse_hlo(module))
            except HloError:
                raise Malformed("origin_recovery_table") from None
        made.setdefault("entries", []).append(entry)
        at = m.end()
    return made


def recovery_text(m: Message | None, read: Callable[[Message], Module]) -> Json:
    """The text of an OriginalValueRecoveryTableProto; nothing when there is none."""
    entries = () if m is None else m.get("entries", ())
    parts = []
    for e in entries:
        old, new = (
            original_array_text(e.get(name, Message(KINDS["OriginalArrayProto"])))
            for name in ("old_original_array", "new_original_array")
        )
        module = ""
        if "recovery_module" in e:
            body = textwrap.indent(read(e["recovery_module"]).to_text(), "    ", lambda line: bool(line.strip()))
            module = f',\n  "\n{body}\n  "'
        parts.append(f"  {old} : {new}{module}\n")
    return Json("{\n" + "".join(parts) + "}" if parts else "")
