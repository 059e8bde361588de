"""Rebuilding kernels: other values for loop variables, other expressions, other statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.kernel import (
    Access,
    Accumulate,
    Expr,
    For,
    If,
    Scatter,
    Set,
    Stmt,
    Store,
    While,
    index,
    map_expr,
)


class Rewriter:
    """Rebuilds statements with loop variables replaced by indices.

    Subclasses may override `statement` to replace statements; the default rebuilds with all parts rewritten.
    """

    def __init__(self, values: Mapping[Var, Index]) -> None:
        self.values = values
        self._memo: dict[int, Expr] = {}
        self._kept: list[Expr] = []  # so that ids in the memo stay taken

    def body(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The statements rewritten, in order."""
        return tuple(new for old in body for new in self.statement(old))

    def index(self, at: Index) -> Index:
        """An index with the variables replaced."""
        return at.substitute(self.values, self.expr)

    def expr(self, e: Expr) -> Expr:
        """An expression with the variables replaced."""
        self._kept.append(e)
        return map_expr(e, self._replace, self._memo)

    def _replace(self, e: Expr) -> Expr | None:
        if e.op == "index" and self._touches(e.attr):
            return index(self.index(e.attr))
        if e.op == "load" and self._touches(e.attr.index):
            args = tuple(self.expr(a) for a in e.args)
            return Expr("load", e.type, args, Access(e.attr.buffer, self.index(e.attr.index)))
        return None

    def _touches(self, at: Index) -> bool:
        return any(at.mentions(v) for v in self.values)

    def statement(self, s: Stmt) -> tuple[Stmt, ...]:
        """What stands in place of a statement."""
        if isinstance(s, For):
            return (For(s.var, self.index(s.begin), self.index(s.end), self.body(s.body), s.axis, s.step),)
        if isinstance(s, Store):
            return (Store(s.buffer, self.index(s.index), self.expr(s.value), self._mask(s.mask)),)
        if isinstance(s, Scatter):
            return (Scatter(s.buffer, self.expr(s.offsets), self.expr(s.value), self._mask(s.mask)),)
        if isinstance(s, Set):
            return (Set(s.cell, self.expr(s.value)),)
        if isinstance(s, Accumulate):
            return (Accumulate(s.cell, s.monoid, self.expr(s.value)),)
        if isinstance(s, If):
            return (If(self.expr(s.condition), self.body(s.then), self.body(s.otherwise)),)
        if isinstance(s, While):
            return (While(self.expr(s.condition), self.body(s.body)),)
        return (s,)

    def _mask(self, mask: Expr | None) -> Expr | None:
        return None if mask is None else self.expr(mask)


def substitute(body: tuple[Stmt, ...], values: Mapping[Var, Index]) -> tuple[Stmt, ...]:
    """The statements with loop variables replaced."""
    return Rewriter(values).body(body)


def fold(body: tuple[Stmt, ...], change: Callable[[Stmt], tuple[Stmt, ...] | None]) -> tuple[Stmt, ...]:
    """Replace statements, innermost first: `change` gives what stands in place of one, or None to keep it."""
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, For):
            s = For(s.var, s.begin, s.end, fold(s.body, change), s.axis, s.step)
        elif isinstance(s, While):
            s = While(s.condition, fold(s.body, change))
        elif isinstance(s, If):
            s = If(s.condition, fold(s.then, change), fold(s.otherwise, change))
        new = change(s)
        out.extend((s,) if new is None else new)
    return tuple(out)
