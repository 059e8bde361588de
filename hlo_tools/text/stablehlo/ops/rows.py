"""Rows: ops whose operands are those of their HLO twin and whose attributes convert one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.attributes import NONE, NoAttrs
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Op
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.attributes import integers
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Attribute, Operation


class _Required:
    """Marks a field without default."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class From:
    """A field of an HLO attribute record, made from the attribute `name` of the operation."""

    name: str
    convert: Callable[[Attribute], Any]
    default: Any = REQUIRED

    def read(self, scope: Scope, op: Operation) -> Any:
        """The value of the field. Raises Malformed."""
        if isinstance(self.default, _Required):
            given: Attribute | None = scope.attribute(op, self.name)
        else:
            given = scope.optional(op, self.name)
        if given is None:
            return self.default
        try:
            return self.convert(given)
        except Malformed as e:
            raise Malformed(f"{self.name}: {e.message}", code=e.code) from None


def dims(name: str, default: Any = REQUIRED) -> From:
    """A list of integers."""
    return From(name, integers, default)


def row(hlo: Op[Any], **fields: From) -> Builder:
    """The builder of an op with the same operands as `hlo` and one attribute for each of its fields."""

    def build(scope: Scope, op: Operation) -> Sequence[Instruction]:
        attrs = record(scope, op, hlo.Attrs, fields)
        return scope.results(op, hlo, scope.operands(op), attrs)

    return build


def record(scope: Scope, op: Operation, kind: type[Any], fields: dict[str, From]) -> Any:
    """An attribute record. Raises Malformed."""
    if kind is NoAttrs:
        return NONE
    return kind(**{name: field.read(scope, op) for name, field in fields.items()})
