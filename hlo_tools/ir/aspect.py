"""One treatment of all ops: a table that some layer fills and owns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from hlo_tools.ir.op import Op, Trait

T = TypeVar("T")


class Aspect(Generic[T]):
    """A rule per op, else the rule of the first trait that the op has, else nothing.

    `not_yet` names the ops that are known to lack a rule; a test compares it with the truth, so it only shrinks.
    """

    def __init__(self, name: str, by_trait: Mapping[Trait, T] | None = None, not_yet: Iterable[str] = ()) -> None:
        self.name = name
        self.by_trait = dict(by_trait or {})
        self.not_yet = frozenset(not_yet)
        self.rules: dict[Op[Any], T] = {}

    def __call__(self, *ops: Op[Any]) -> Callable[[T], T]:
        """Decorator: the rule of these ops."""

        def put(rule: T) -> T:
            for op in ops:
                self.set(op, rule)
            return rule

        return put

    def set(self, op: Op[Any], rule: T) -> None:
        """Give the rule of one op; ValueError when it has one."""
        if op in self.rules:
            raise ValueError(f"{self.name} of {op.name} is given twice")
        self.rules[op] = rule

    def find(self, op: Op[Any]) -> T | None:
        """The rule of `op`, or None."""
        rule = self.rules.get(op)
        if rule is not None:
            return rule
        return next((r for trait, r in self.by_trait.items() if trait in op.traits), None)
