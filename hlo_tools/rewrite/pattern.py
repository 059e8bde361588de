"""Patterns: what the left side of a rule looks like, written as the graph that it matches.

add, negate = words("add", "negate")
add(x, 0)          add of anything and a constant zero (an array of zeros or a broadcast zero as well)
negate(negate(x))  the same variable twice means the same instruction twice
add(x, c)          `c` stands for any constant, `s` for a constant whose elements are all equal
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.op import Op
from hlo_tools.ops import OPS


class Pattern:
    """What can stand in a pattern."""


@dataclass(frozen=True, slots=True)
class Any_(Pattern):
    """Matches every instruction and binds it to a name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Constant(Pattern):
    """Matches a constant; with `splat` one whose elements are all equal, or a broadcast of such."""

    name: str
    splat: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Number(Pattern):
    """Matches a constant, or a broadcast of one, whose elements all equal this number."""

    value: float | bool

    def __str__(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else f"{self.value:g}"


@dataclass(frozen=True, slots=True)
class Node(Pattern):
    """Matches an instruction of this op. `args` are its operands; None leaves them open."""

    op: Op[Any]
    args: tuple[Pattern, ...] | None

    def __str__(self) -> str:
        return f"{self.op.name}({'...' if self.args is None else ', '.join(map(str, self.args))})"


@dataclass(frozen=True, slots=True)
class Word:
    """An op as a word of the pattern language: calling it makes a node."""

    op: Op[Any]

    def __call__(self, *args: Pattern | float | bool) -> Node:
        """The node with these operands."""
        return Node(self.op, tuple(lift(a) for a in args))

    @property
    def any(self) -> Node:
        """Any instruction of this op, whatever its operands."""
        return Node(self.op, None)


def lift(value: Pattern | float | bool) -> Pattern:
    """A pattern as it is; a number as a Number."""
    return value if isinstance(value, Pattern) else Number(value)


def words(*names: str) -> Iterator[Word]:
    """The words for ops of these names."""
    return (Word(OPS[name]) for name in names)


x, y, z, w = Any_("x"), Any_("y"), Any_("z"), Any_("w")
c, d = Constant("c"), Constant("d")
s = Constant("s", splat=True)
