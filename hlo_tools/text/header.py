"""The line `HloModule name, key=value, ...` and its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from hlo_tools.ir.module import Alias, Donor, EntryLayout, Header
from hlo_tools.ir.shape import numbered
from hlo_tools.text.attributes import Pair
from hlo_tools.text.codecs import CODECS, Codec, Scope, Style, path, show_path, simple
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.shapes import parse_shape

_ALIAS = re.compile(r"\{([\d, ]*)\}: ?(?:\((\d+), ?\{([\d, ]*)\}(?:, ?(may|must)-alias)?\)|(\d+))")
_DONOR = re.compile(r"\((\d+), ?\{([\d, ]*)\}\)")


def _aliases(text: str) -> tuple[Alias, ...]:
    return tuple(
        Alias(path(out), int(number or alone), path(at or ""), kind == "must")
        for out, number, at, kind, alone in _ALIAS.findall(text)
    )


def _show_aliases(value: tuple[Alias, ...]) -> str:
    def one(a: Alias) -> str:
        kind = "must-alias" if a.must else "may-alias"
        return f"{show_path(a.output)}: ({a.parameter}, {show_path(a.parameter_index)}, {kind})"

    return "{ " + ", ".join(map(one, value)) + " }"


def _donors(text: str) -> tuple[Donor, ...]:
    return tuple(Donor(int(n), path(at)) for n, at in _DONOR.findall(text))


def _show_donors(value: tuple[Donor, ...]) -> str:
    return "{ " + ", ".join(f"({d.parameter}, {show_path(d.index)})" for d in value) + " }"


def _entry_layout(text: str) -> EntryLayout:
    parameters, arrow, result = text[1:-1].rpartition(")->")
    if not arrow:
        raise Malformed("expected (parameters)->result", code="HLO1002")
    return EntryLayout(parse_shape(parameters + ")").elements, parse_shape(result))


def _show_entry_layout(value: EntryLayout) -> str:
    inner = ", ".join(numbered([s.text for s in value.parameters]))
    return f"{{({inner})->{value.result.text}}}"


_FLAGS = simple(
    "flags",
    r"\{(?:true|false|,)*\}",
    lambda t: tuple(x == "true" for x in re.findall("true|false", t)),
    lambda v: "{" + ",".join("true" if x else "false" for x in v) + "}",
)
_OWN: dict[Any, Codec] = {
    tuple[Alias, ...]: simple(
        "input_output_alias", rf"\{{ ?(?:{_ALIAS.pattern}(?:, )?)* ?\}}", _aliases, _show_aliases
    ),
    tuple[Donor, ...]: simple("buffer_donor", rf"\{{ ?(?:{_DONOR.pattern}(?:, )?)* ?\}}", _donors, _show_donors),
    EntryLayout | None: simple("entry_layout", r"\{\(.*\)->[^>]*\}", _entry_layout, _show_entry_layout),
    tuple[bool, ...]: _FLAGS,
}
_KEYS = {"entry_layout": "entry_computation_layout"}


@cache
def _syntax() -> dict[str, tuple[str, Codec, Any]]:
    hints = get_type_hints(Header)
    rows = {}
    for f in fields(Header):
        if f.name == "unknown":
            continue
        kind = hints[f.name]
        rows[_KEYS.get(f.name, f.name)] = (f.name, _OWN[kind] if kind in _OWN else CODECS[kind], f.default)
    return rows


def read_header(pairs: Iterable[Pair], scope: Scope, report: Callable[[Malformed], None]) -> tuple[Header, list[Pair]]:
    """The header of these attributes, and those that this version does not know; `report` gets what is malformed."""
    values: dict[str, Any] = {}
    unknown = []
    for pair in pairs:
        row = _syntax().get(pair.key)
        if row is None:
            unknown.append(pair)
            continue
        if row[0] in values:
            report(Malformed(f"attribute '{pair.key}' is given twice", pair.at, pair.at + len(pair.key), "HLO1020"))
            continue
        try:
            values[row[0]] = row[1].parse(pair.value, scope)
        except Malformed as e:
            report(e.shifted(pair.value_at))
    return Header(**values, unknown=tuple((p.key, p.value) for p in unknown)), unknown


def header_text(name: str, header: Header, style: Style) -> str:
    """The header line, without its end."""
    parts = [f"HloModule {name}"]
    for key, (field, codec, default) in _syntax().items():
        value = getattr(header, field)
        if value != default:
            parts.append(f"{key}={codec.show(value, style)}")
    parts += [f"{key}={value}" for key, value in header.unknown]
    return ", ".join(parts)
