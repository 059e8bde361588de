"""The tables of source positions that stand between the header and the computations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.module import StackTables
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.strings import quote, unquote

_NAME = re.compile(r'\s*(\d{1,9}) ("(?:[^"\\\n]|\\.)*")(?=\s)')
_RECORD = re.compile(r"\s*(\d{1,9}) ?\{([^{}]*)\}")
_ROW = re.compile(r"\s*(\d+)")
_INT = r"\d{1,18}"
_FIELD = re.compile(r"(\w+)\s*=\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its heading, the field of `StackTables`, and its rows."""

    heading: str
    field: str
    row: re.Pattern[str]
    read: Callable[[str], Any]
    show: Callable[[Any], str]
    plain: re.Pattern[str] | None = None  # rows as XLA prints them: the number and each field


def _records(heading: str, field: str, keys: tuple[str, ...]) -> Table:
    def read(text: str) -> tuple[int, ...]:
        found = dict(_FIELD.findall(text))
        unknown = [k for k in found if k not in keys]
        if unknown:
            raise Malformed(f"'{unknown[0]}' is no field of {heading}", code="HLO1022")
        return tuple(int(found.get(k, 0)) for k in keys)

    form = "{" + " ".join(f"{k}=%d" for k in keys) + "}"

    def show(row: tuple[int, ...]) -> str:
        return form % row

    plain = rf"\n(\d{{1,9}}) \{{{' '.join(f'{k}=({_INT})' for k in keys)}\}}(?=\n|\Z)"
    return Table(heading, field, _RECORD, read, show, re.compile(plain, re.ASCII))


TABLES = {
    t.heading: t
    for t in (
        Table("FileNames", "files", _NAME, unquote, quote),
        Table("FunctionNames", "functions", _NAME, unquote, quote),
        _records(
            "FileLocations",
            "locations",
            ("file_name_id", "function_name_id", "line", "end_line", "column", "end_column"),
        ),
        _records("StackFrames", "frames", ("file_location_id", "parent_frame_id")),
    )
}
"""The tables by heading, in print order."""


def read_table(table: Table, text: str, at: int) -> tuple[tuple[Any, ...], int]:
    """The rows that start at `at`, behind the heading, and where they end. Raises Malformed."""
    rows: list[Any] = []
    if table.plain is not None:
        end = text.find("\n\n", at)
        block = text[at:end] if end >= 0 else ""
        found = table.plain.findall(block)
        if (
            found
            and len(found) == block.count("\n")
            and [int(row[0]) for row in found] == list(range(1, len(found) + 1))
        ):
            return tuple([tuple(map(int, row[1:])) for row in found]), end
    while m := table.row.match(text, at):
        if int(m[1]) != len(rows) + 1:
            raise Malformed(f"row {m[1]} of {table.heading} follows row {len(rows)}", m.start(1), m.end(1), "HLO1022")
        try:
            rows.append(table.read(m[2]))
        except Malformed as e:
            raise e.shifted(m.start(2)) from None
        except ValueError:
            raise Malformed("a number is out of range", m.start(2), m.end(2), "HLO1015") from None
        at = m.end()
    if (m := _ROW.match(text, at)) is not None:
        raise Malformed(f"row {m[1]} of {table.heading} is malformed", m.start(1), m.end(1), "HLO1022")
    return tuple(rows), at


def tables_text(tables: StackTables) -> str:
    """All tables, each followed by an empty line, and one more behind the last."""
    parts = []
    for table in TABLES.values():
        rows = getattr(tables, table.field)
        show = table.show
        lines = "".join([f"{i} {show(row)}\n" for i, row in enumerate(rows, 1)])
        parts.append(f"{table.heading}\n{lines}\n")
    return "".join(parts) + "\n"
