"""Loop nests: taking perfect nests apart, merging loops that are one loop in memory, putting loops in memory order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Dynamic, Index, Quotient, Remainder, Var
from hlo_tools.codegen.kernel import Axis, Expr, For, If, Stmt, Store, While
from hlo_tools.codegen.rewrite import substitute


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops of one axis with nothing but each other inside, outermost first, and the innermost body."""

    loops: tuple[For, ...]
    body: tuple[Stmt, ...]

    def rebuilt(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The loops around another body."""
        for loop in reversed(self.loops):
            body = (For(loop.var, loop.begin, loop.end, body, loop.axis, loop.step),)
        return body


def nest(loop: For) -> Nest:
    """The perfect nest that a loop begins: loops from 0 to a constant by 1."""
    loops = [loop]
    body = loop.body
    while len(body) == 1 and isinstance(body[0], For) and body[0].axis is loop.axis and is_plain(body[0]):
        loops.append(body[0])
        body = body[0].body
    return Nest(tuple(loops), body)


def is_plain(loop: For) -> bool:
    """Whether a loop runs from 0 to a constant by 1."""
    return loop.begin == ix.ZERO and loop.end.is_const and loop.step == 1


def extent(loop: For) -> int:
    """Iterations of a loop with constant bounds; the most there can be where they are not."""
    span = loop.end - loop.begin
    return max(0, -(-_most(span) // loop.step))


def _most(span: Index) -> int:
    """An upper bound that knows what rounding down to a multiple leaves: x - x / n * n is below n."""
    for atom, c in span.terms:
        if isinstance(atom, Quotient) and c == -atom.by and span + ix.of(atom) * atom.by == atom.of:
            return min(span.high, atom.by - 1)
    return span.high


# ---- what a body reads and writes


def indices(body: Sequence[Stmt]) -> Iterator[Index]:
    """Every index that statements evaluate."""
    seen: set[int] = set()
    for stmt in k.statements(tuple(body)):
        if isinstance(stmt, For):
            yield stmt.begin
            yield stmt.end
        elif isinstance(stmt, Store):
            yield stmt.index
        for root in k.roots(stmt):
            for e in root.walk(seen):
                if e.op == "index":
                    yield e.attr
                elif e.op == "load":
                    yield e.attr.index


def loads(body: Sequence[Stmt]) -> list[Expr]:
    """The loads that statements evaluate, each once."""
    seen: set[int] = set()
    return [
        e for stmt in k.statements(tuple(body)) for root in k.roots(stmt) for e in root.walk(seen) if e.op == "load"
    ]


def expressions(body: Sequence[Stmt]) -> list[Expr]:
    """Everything that statements evaluate, each once; not what is in nested bodies twice."""
    seen: set[int] = set()
    return [e for stmt in k.statements(tuple(body)) for root in k.roots(stmt) for e in root.walk(seen)]


# ---- rewriting


def simplified(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """Statements with nested loops merged and put in memory order, at every level."""
    return tuple(map(_simplified, body))


def _simplified(stmt: Stmt) -> Stmt:
    if isinstance(stmt, If):
        return If(stmt.condition, simplified(stmt.then), simplified(stmt.otherwise))
    if isinstance(stmt, While):
        return While(stmt.condition, simplified(stmt.body))
    if not isinstance(stmt, For):
        return stmt
    if stmt.axis not in (Axis.PARALLEL, Axis.REDUCE) or not is_plain(stmt):
        return For(stmt.var, stmt.begin, stmt.end, simplified(stmt.body), stmt.axis, stmt.step)
    found = nest(stmt)
    merged = _merged(_ordered(Nest(found.loops, simplified(found.body))))
    return merged.rebuilt(merged.body)[0]


def _ordered(found: Nest) -> Nest:
    """The loops by how far they move in memory: in what is stored, or where nothing is, in what is loaded."""
    stores = [s.index for s in k.statements(found.body) if isinstance(s, Store)]
    places = stores or [e.attr.index for e in loads(found.body)]
    if not places or len(found.loops) == 1:
        return found

    def reach(loop: For) -> int:
        return max(abs(at.coefficient(loop.var)) for at in places)

    # A loop that no address follows keeps its place outside.
    far = max(map(reach, found.loops)) + 1
    return Nest(tuple(sorted(found.loops, key=lambda loop: -(reach(loop) or far))), found.body)


def _merged(found: Nest) -> Nest:
    """Neighbours joined where all addresses move as if they were one loop."""
    loops = list(found.loops)
    body = found.body
    i = len(loops) - 2
    while i >= 0:
        outer, inner = loops[i], loops[i + 1]
        times = inner.end.const
        if outer.end.const == 1 or times == 1 or all(_as_one(at, outer.var, inner.var, times) for at in indices(body)):
            both = Var(inner.var.name, 0, outer.end.const * times - 1)
            if times == 1:
                values = {outer.var: ix.of(both), inner.var: ix.ZERO}
            else:
                values = {outer.var: ix.ZERO, inner.var: ix.of(both)}
            body = substitute(body, values)
            loops[i : i + 2] = [For(both, ix.ZERO, ix.constant(outer.end.const * times), (), outer.axis)]
        i = min(i, len(loops) - 1) - 1
    return Nest(tuple(loops), body)


def _as_one(at: Index, outer: Var, inner: Var, times: int) -> bool:
    """Whether `outer` and `inner` occur only as `outer * times + inner`."""
    if at.coefficient(outer) != times * at.coefficient(inner):
        return False
    return all(_atom_as_one(a, outer, inner, times) for a, _ in at.terms if not isinstance(a, Var))


def _atom_as_one(atom: Quotient | Remainder | Dynamic, outer: Var, inner: Var, times: int) -> bool:
    if isinstance(atom, Dynamic):
        return True  # the indices inside its expression are checked on their own
    return _as_one(atom.of, outer, inner, times)
