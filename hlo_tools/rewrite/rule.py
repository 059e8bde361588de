"""A rule: a pattern, what takes its place, when, and what it may change in the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto

from hlo_tools.ir.instruction import Instruction
from hlo_tools.rewrite.pattern import Node, Pattern, lift


class Changes(Flag):
    """In which respects the right side of a rule may differ from the left one."""

    NOTHING = 0
    ZERO_SIGN = auto()  # -0 for +0 or the other way round
    NAN = auto()  # a number where the left side is NaN, or the other way round
    ORDER = auto()  # the order in which a reduction combines, which HLO leaves open
    ROUNDING = auto()  # the last bits


Build = Callable[..., Instruction | None]
"""Makes the right side: called with the matched root and the bound variables by name; None: not this time."""
Guard = Callable[..., bool]
"""Called like a Build; whether the rule may fire."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A law. `name` is its text, by which firings are counted.

    pattern  the left side; its root is a node
    result   the right side: a pattern over the same variables, or a function where words end
    when     a further condition
    changes  how the numbers may differ; a driver runs only rules whose changes are allowed
    """

    name: str
    pattern: Node
    result: Pattern | Build
    when: Guard | None = None
    changes: Changes = Changes.NOTHING


def rule(
    pattern: Node,
    result: Pattern | Build | float | bool,
    when: Guard | None = None,
    changes: Changes = Changes.NOTHING,
) -> Rule:
    """The rule that rewrites `pattern` to `result`."""
    if callable(result):
        return Rule(f"{pattern} -> {getattr(result, '__name__', 'built').strip('_')}", pattern, result, when, changes)
    lifted = lift(result)
    return Rule(f"{pattern} -> {lifted}", pattern, lifted, when, changes)
