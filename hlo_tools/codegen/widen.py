"""Scalar loop bodies to vector bodies: one iteration of the result does `lanes` iterations of the original.

What does not depend on the loop variable stays scalar. A load becomes a splat, a contiguous load, a reversed one, a
pair of loads with a shuffle, or a gather, as its address moves with the variable. Branches on a condition that
differs between lanes become masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Atom, Dynamic, Index, Quotient, Remainder, Var
from hlo_tools.codegen.kernel import (
    MONOIDS,
    Access,
    Accumulate,
    Cell,
    Expr,
    For,
    If,
    Scatter,
    Set,
    Stmt,
    Store,
    Type,
    While,
)
from hlo_tools.ir.element import ELEMENT_TYPES, PRED, S32, S64

_UNSIGNED = {S32: ELEMENT_TYPES["u32"], S64: ELEMENT_TYPES["u64"]}


class NotVectorisable(Exception):
    """The body holds something that has no vector form; the loop stays scalar."""


class Widener:
    """Rewrites a body for `lanes` consecutive values of `var`.

    var         at lane 0; lane l stands for var + l
    aligned     whether var is a multiple of `lanes` at lane 0
    mask        the lanes that exist, None for all
    wide        cells that differ between lanes, with their vector forms
    guarded     whether this is a branch that only the lanes of `mask` take
    replaced    expressions, by identity, whose vector form is known already
    """

    def __init__(
        self,
        var: Var,
        lanes: int,
        aligned: bool,
        wide: Mapping[Cell, Cell],
        mask: Expr | None = None,
        guarded: bool = False,
        replaced: Mapping[int, Expr] | None = None,
    ) -> None:
        self.var = var
        self.lanes = lanes
        self.aligned = aligned
        self.wide = wide
        self.mask = mask
        self.guarded = guarded
        self.memo: dict[int, Expr] = dict(replaced or {})

    # ---- expressions

    def expr(self, root: Expr) -> Expr:
        """The vector form; a value that is the same in all lanes stays scalar."""
        stack = [root]
        while stack:
            e = stack[-1]
            if id(e) in self.memo:
                stack.pop()
                continue
            missing = [c for c in e.children if id(c) not in self.memo]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self.memo[id(e)] = self._widened(e)
        return self.memo[id(root)]

    def vector(self, e: Expr) -> Expr:
        """The vector form, with a splat where all lanes are the same."""
        return self.spread(self.expr(e))

    def spread(self, wide: Expr) -> Expr:
        """A widened value in all lanes."""
        return wide if wide.type.lanes > 1 else k.splat(wide, self.lanes)

    def _widened(self, e: Expr) -> Expr:
        if e.type.lanes != 1:
            raise NotVectorisable(e.op)
        if e.op == "cell":
            return k.cell(self.wide[e.attr]) if e.attr in self.wide else e
        if e.op == "index":
            return self._index(e)
        if e.op == "load":
            return self._load(e)
        args = [self.memo[id(a)] for a in e.args]
        if all(a.type.lanes == 1 for a in args):
            return e
        if e.op == "gather":
            raise NotVectorisable("gather")
        return Expr(e.op, Type(e.type.element, self.lanes), tuple(map(self.spread, args)), e.attr)

    # ---- indices

    def stride(self, at: Index) -> int | None:
        """How far an index moves from lane to lane; None where that differs or is not known."""
        total = 0
        for atom, c in at.terms:
            step = self._step(atom)
            if step is None:
                return None
            total += c * step
        return total

    def _step(self, atom: Atom) -> int | None:
        if isinstance(atom, Var):
            return int(atom is self.var)
        if isinstance(atom, Dynamic):
            return 0 if self.memo[id(atom.expr)].type.lanes == 1 else None
        inner = self.stride(atom.of)
        if inner == 0:
            return 0
        # All lanes fall into one block of `by`: its number is the same, the place in it counts up.
        if inner == 1 and self.aligned and atom.by % self.lanes == 0 and self._starts_aligned(atom.of):
            return 0 if isinstance(atom, Quotient) else 1
        return None

    def _starts_aligned(self, of: Index) -> bool:
        return of.const % self.lanes == 0 and all(a is self.var or c % self.lanes == 0 for a, c in of.terms)

    def _index(self, e: Expr) -> Expr:
        step = self.stride(e.attr)
        if step == 0:
            return e
        if step is not None:
            return Expr("ramp", Type(S64, self.lanes), (e,), step)
        return k.convert(self.offsets(e.attr), S64)

    def offsets(self, at: Index) -> Expr:
        """An index lane by lane, as s32 where all that goes into it fits, else as s64."""
        narrow = _fits(at)
        return self._sum(at, narrow)

    def _sum(self, at: Index, narrow: bool) -> Expr:
        element = S32 if narrow else S64
        wide = Type(element, self.lanes)
        same = Index(tuple((a, c) for a, c in at.terms if self._step(a) == 0), at.const)
        moving = [(a, c) for a, c in at.terms if self._step(a) != 0]
        slope = sum(c for a, c in moving if isinstance(a, Var))
        base = k.convert(k.index(same + ix.of(self.var) * slope), element)
        total = Expr("ramp", wide, (base,), slope) if slope else k.splat(base, self.lanes)
        for atom, c in moving:
            if not isinstance(atom, Var):
                part = self._atom(atom, narrow)
                scaled = part if c == 1 else k.binary("mul", part, k.const(c, wide))
                total = k.binary("add", total, scaled)
        return total

    def _atom(self, atom: Quotient | Remainder | Dynamic, narrow: bool) -> Expr:
        element = S32 if narrow else S64
        if isinstance(atom, Dynamic):
            return k.convert(self.memo[id(atom.expr)], element)
        # Shift into the positive numbers, where the unsigned division is the floor.
        blocks = max(0, -(atom.of.low // atom.by))
        positive = k.convert(self._sum(atom.of + blocks * atom.by, narrow), _UNSIGNED[element])
        by = k.const(atom.by, positive.type)
        if isinstance(atom, Remainder):
            return k.convert(k.binary("rem", positive, by), element)
        quotient = k.convert(k.binary("div", positive, by), element)
        return k.binary("sub", quotient, k.const(blocks, quotient.type)) if blocks else quotient

    # ---- loads

    def _load(self, e: Expr) -> Expr:
        access: Access = e.attr
        own = self.memo[id(e.args[0])] if e.args else None
        step = self.stride(access.index)
        if step == 0 and (own is None or own.type.lanes == 1) and (not self.guarded or _inside(access)):
            return e
        mask = self._masked(None if own is None else self.spread(own))
        if step == 1:
            return k.load(access.buffer, access.index, self.lanes, mask)
        if step == -1:
            low = k.load(access.buffer, access.index - (self.lanes - 1), self.lanes, self._reversed(mask))
            return self._reverse(low)
        if step == 2 and mask is None and _pairs(access):
            return self._every_other(access)
        offsets = self.offsets(access.index)
        args = (offsets,) if mask is None else (offsets, mask)
        return Expr("gather", Type(access.buffer.element, self.lanes), args, access.buffer)

    def _every_other(self, access: Access) -> Expr:
        """Two loads that cover even and odd elements; equal ones are shared by the printer."""
        first = access.index.const % 2
        wide = Type(access.buffer.element, self.lanes)
        low = k.load(access.buffer, access.index - first, self.lanes)
        high = k.load(access.buffer, access.index - first + self.lanes, self.lanes)
        return Expr("shuffle", wide, (low, high), tuple(range(first, 2 * self.lanes, 2)))

    def _masked(self, own: Expr | None) -> Expr | None:
        if own is None or self.mask is None:
            return self.mask if own is None else own
        return Expr("and", Type(PRED, self.lanes), (own, self.mask))

    def _reverse(self, e: Expr) -> Expr:
        return Expr("shuffle", e.type, (e, e), tuple(reversed(range(self.lanes))))

    def _reversed(self, mask: Expr | None) -> Expr | None:
        return None if mask is None else self._reverse(mask)

    # ---- statements

    def body(self, stmts: Iterable[Stmt]) -> tuple[Stmt, ...]:
        """The vector form of statements."""
        found: list[Stmt] = []
        for stmt in stmts:
            found.extend(self._stmt(stmt))
        return tuple(found)

    def _stmt(self, stmt: Stmt) -> Iterable[Stmt]:
        if isinstance(stmt, Store):
            return self._store(stmt)
        if isinstance(stmt, Set):
            return self._set(stmt)
        if isinstance(stmt, Accumulate):
            return self._accumulate(stmt)
        if isinstance(stmt, For):
            return self._for(stmt)
        if isinstance(stmt, If):
            return self._if(stmt)
        if isinstance(stmt, While) and self.expr(stmt.condition).type.lanes == 1:
            return (While(stmt.condition, self.body(stmt.body)),)
        raise NotVectorisable(type(stmt).__name__)

    def _store(self, stmt: Store) -> Iterable[Stmt]:
        for e in k.dynamics(stmt.index):
            self.expr(e)
        value = self.expr(stmt.value)
        own = None if stmt.mask is None else self.vector(stmt.mask)
        step = self.stride(stmt.index)
        mask = self._masked(own)
        if step == 0 and value.type.lanes == 1 and own is None:
            return (stmt,)  # all lanes write the same value to the same place
        if step == 1:
            return (Store(stmt.buffer, stmt.index, self.spread(value), mask),)
        if step == -1:
            low = stmt.index - (self.lanes - 1)
            return (Store(stmt.buffer, low, self._reverse(self.spread(value)), self._reversed(mask)),)
        if step == 0:
            raise NotVectorisable("different values for one place")
        return (Scatter(stmt.buffer, self.offsets(stmt.index), self.spread(value), mask),)

    def _set(self, stmt: Set) -> Iterable[Stmt]:
        if stmt.cell not in self.wide:
            return (Set(stmt.cell, self.expr(stmt.value)),)
        return (Set(self.wide[stmt.cell], self.vector(stmt.value)),)

    def _accumulate(self, stmt: Accumulate) -> Iterable[Stmt]:
        if stmt.cell not in self.wide:
            return (Accumulate(stmt.cell, stmt.monoid, self.expr(stmt.value)),)
        value = self.vector(stmt.value)
        if self.mask is not None:
            identity = k.const(MONOIDS[stmt.monoid](value.type.element), value.type)
            value = k.select(self.mask, value, identity)
        return (Accumulate(self.wide[stmt.cell], stmt.monoid, value),)

    def _for(self, loop: For) -> Iterable[Stmt]:
        for bound in (loop.begin, loop.end):
            for e in k.dynamics(bound):
                self.expr(e)
            if self.stride(bound) != 0:
                raise NotVectorisable("a bound that differs between lanes")
        return (For(loop.var, loop.begin, loop.end, self.body(loop.body), loop.axis, loop.step),)

    def _if(self, stmt: If) -> Iterable[Stmt]:
        condition = self.expr(stmt.condition)
        if condition.type.lanes == 1:
            return (If(condition, self.body(stmt.then), self.body(stmt.otherwise)),)
        return [*self._under(condition, stmt.then), *self._under(_negated(condition), stmt.otherwise)]

    def _under(self, condition: Expr, body: tuple[Stmt, ...]) -> Iterable[Stmt]:
        """A branch that only some lanes take."""
        if not body:
            return ()
        mask = self._masked(condition)
        inner = Widener(self.var, self.lanes, self.aligned, self.wide, mask, guarded=True)
        found: list[Stmt] = []
        for stmt in inner.body(body):
            if isinstance(stmt, Set) and mask is not None:
                if stmt.cell.type.lanes == 1:
                    raise NotVectorisable("a scalar cell set by some lanes")
                stmt = Set(stmt.cell, k.select(mask, stmt.value, k.cell(stmt.cell)))
            elif isinstance(stmt, (If, For, While)) and any(isinstance(s, Set) for s in k.statements((stmt,))):
                raise NotVectorisable("a cell set deep in a branch that some lanes take")
            found.append(stmt)
        return found


def _negated(condition: Expr) -> Expr:
    return Expr("not", condition.type, (condition,))


def _fits(at: Index) -> bool:
    """Whether an index and all divisions inside it can be computed in s32."""
    if not -(2**31) <= at.low <= at.high < 2**31:
        return False
    return all(_fits(a.of) for a, _ in at.terms if isinstance(a, (Quotient, Remainder)))


def _inside(access: Access) -> bool:
    """Whether an address is valid whatever the variables are."""
    return access.index.low >= 0 and access.index.high < access.buffer.size


def _pairs(access: Access) -> bool:
    """Whether elements at even and odd places belong together, so that both may be read."""
    return access.buffer.size % 2 == 0 and all(c % 2 == 0 for _, c in access.index.terms)
