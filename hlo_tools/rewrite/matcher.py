"""Compiles rules to flat Python functions: all rules of one root op become one function, tried in their order.

    def match(i0):
        i1, i2, = i0.operands
        if is_number(i2, 0):
            x = i1
            if when_3(i0, x=x):
                new = x
                if new is not None: return 3, new
        ...

The source is made from rules only, never from modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Op, Trait
from hlo_tools.rewrite.constants import is_constant, is_number, splat, splat_value
from hlo_tools.rewrite.pattern import Any_, Constant, Node, Number, Pattern
from hlo_tools.rewrite.rule import Rule

Match = Callable[[Instruction], tuple[int, Instruction] | None]
"""Tries rules on an instruction: the number of the rule that fired, and what it made."""


def compile_rules(rules: Sequence[Rule]) -> dict[Op[Any], Match]:
    """A matcher for each op at the root of a rule; numbers are positions in `rules`."""
    by_op: dict[Op[Any], list[int]] = {}
    for number, rule in enumerate(rules):
        by_op.setdefault(rule.pattern.op, []).append(number)
    return {op: _compile(numbers, rules) for op, numbers in by_op.items()}


def _compile(numbers: Sequence[int], rules: Sequence[Rule]) -> Match:
    writer = _Writer()
    for number in numbers:
        for pattern in _orders(rules[number].pattern):
            writer.rule(number, rules[number], pattern)
    source = "\n".join(["def match(i0):", *writer.lines, "    return None"])
    exec(compile(source, f"<rules of {rules[numbers[0]].pattern.op.name}>", "exec"), writer.names)
    match: Match = writer.names["match"]
    return match


def _orders(pattern: Pattern) -> Iterator[Any]:
    """The pattern with the operands of commutative ops in both orders, where that makes a difference."""
    if not isinstance(pattern, Node) or pattern.args is None:
        yield pattern
        return
    orders = [pattern.args]
    if Trait.COMMUTATIVE in pattern.op.traits and len(pattern.args) == 2 and pattern.args[0] != pattern.args[1]:
        orders.append(pattern.args[::-1])
    for args in orders:
        for chosen in product(*(tuple(_orders(a)) for a in args)):
            yield Node(pattern.op, chosen)


class _Writer:
    """Writes one match function. Each rule is a cascade of conditions; a failed one leaves it by `break`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "is_constant": is_constant,
            "is_number": is_number,
            "splat": splat,
            "splat_value": splat_value,
        }
        self._values = 0

    def _line(self, text: str) -> None:
        self.lines.append(f"        {text}")

    def _name(self, prefix: str, value: object) -> str:
        name = f"{prefix}_{len(self.names)}"
        self.names[name] = value
        return name

    def _op(self, op: Op[Any]) -> str:
        name = "op_" + op.name.replace("-", "_")
        self.names[name] = op
        return name

    def rule(self, number: int, rule: Rule, pattern: Node) -> None:
        """Append the tests of one rule and the making of its result."""
        self._values = 0
        self.lines.append("    while True:")
        bound: dict[str, str] = {}
        self._test(pattern, "i0", bound)
        given = "".join(f", {name}={value}" for name, value in bound.items())
        if rule.when is not None:
            self._line(f"if not {self._name('when', rule.when)}(i0{given}): break")
        if isinstance(rule.result, Pattern):
            self._line(f"new = {self._made(rule.result, bound, root=True)}")
        else:
            self._line(f"new = {self._name('build', rule.result)}(i0{given})")
        self._line(f"if new is not None and new is not i0: return {number}, new")
        self._line("break")

    def _test(self, pattern: Pattern, value: str, bound: dict[str, str]) -> None:
        match pattern:
            case Any_(name):
                if name in bound:
                    self._line(f"if {value} is not {bound[name]}: break")
                bound.setdefault(name, value)
            case Constant(name, splat=wants_splat):
                test = f"splat_value({value}) is None" if wants_splat else f"not is_constant({value})"
                self._line(f"if {test}: break")
                bound[name] = value
            case Number(number):
                self._line(f"if not is_number({value}, {self._name('number', number)}): break")
            case Node(op, args):
                if value != "i0":
                    self._line(f"if {value}.op is not {self._op(op)}: break")
                if args is not None:
                    self._operands(args, value, bound)

    def _operands(self, args: Sequence[Pattern], value: str, bound: dict[str, str]) -> None:
        names = [f"i{self._values + k + 1}" for k in range(len(args))]
        self._values += len(args)
        self._line(f"if len({value}.operands) != {len(args)}: break")
        if names:
            self._line(f"{', '.join(names)}, = {value}.operands")
        cheap_first = sorted(zip(args, names, strict=True), key=lambda pair: isinstance(pair[0], Number | Constant))
        for arg, name in cheap_first:
            self._test(arg, name, bound)

    def _made(self, pattern: Pattern, bound: Mapping[str, str], root: bool = False) -> str:
        match pattern:
            case Any_(name) | Constant(name):
                return bound[name]
            case Number(number):
                return f"splat(i0.parent, {self._name('number', number)}, i0.shape)"
            case Node(op, args):
                parts = ", ".join(self._made(a, bound) for a in args or ())
                shape = "i0.shape" if root else "None"
                return f"i0.parent.add({self._op(op)}, ({parts},), shape={shape}, like=i0)"
        raise TypeError(f"{pattern} cannot be made")
