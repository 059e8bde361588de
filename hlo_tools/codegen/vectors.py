"""Which loops of a kernel to run as vectors, and the loops that do it.

For each nest all candidates are built and the cheapest is taken: any of its PARALLEL loops, its innermost REDUCE
loop, or the loops inside, each on its own. What does not fill a vector is done under a mask, or by the scalar loop
where masks are dear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.costs import cost
from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.kernel import (
    MONOIDS,
    Accumulate,
    Axis,
    Cell,
    Expr,
    For,
    If,
    Set,
    Stmt,
    Store,
    Type,
    While,
)
from hlo_tools.codegen.nests import Nest, expressions, extent, is_plain, nest
from hlo_tools.codegen.target import Processor
from hlo_tools.codegen.tiles import transposed
from hlo_tools.codegen.widen import NotVectorisable, Widener
from hlo_tools.ir.element import PRED, S32, S64

_CHEAP, _MODERATE = 16, 60
"""Expressions in a loop body up to which it pays to do four, or two, registers at a time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to run a nest: the loops that become vectors or tiles, and the statements."""

    loops: tuple[For, ...]
    body: tuple[Stmt, ...]
    cost: float


def vectorised(body: Sequence[Stmt], processor: Processor) -> tuple[Stmt, ...]:
    """The statements with the best loops turned into vectors, at every level."""
    found: list[Stmt] = []
    for stmt in body:
        found.extend(_vectorised(stmt, processor))
    return tuple(found)


def _vectorised(stmt: Stmt, processor: Processor) -> tuple[Stmt, ...]:
    if isinstance(stmt, For):
        if stmt.axis in (Axis.PARALLEL, Axis.REDUCE):
            return best(nest(stmt), processor).body
        return (For(stmt.var, stmt.begin, stmt.end, vectorised(stmt.body, processor), stmt.axis, stmt.step),)
    if isinstance(stmt, If):
        then, otherwise = (vectorised(b, processor) for b in (stmt.then, stmt.otherwise))
        return (If(stmt.condition, then, otherwise),)
    if isinstance(stmt, While):
        return (While(stmt.condition, vectorised(stmt.body, processor)),)
    return (stmt,)


def best(found: Nest, processor: Processor) -> Plan:
    """The cheapest way to run a nest of PARALLEL or REDUCE loops."""
    return min(_plans(found, processor), key=lambda plan: plan.cost)


def _plans(found: Nest, processor: Processor) -> Iterator[Plan]:
    inner = found.rebuilt(vectorised(found.body, processor))
    yield Plan((), inner, cost(inner, processor))
    if processor.vector_bytes == 1:
        return
    if found.loops[0].axis is Axis.REDUCE:
        last = found.loops[-1]
        outer = Nest(found.loops[:-1], found.body)
        try:
            body = outer.rebuilt(_reduction(last, found.body, processor))
        except NotVectorisable:
            return
        yield Plan((last,), body, cost(body, processor))
        return
    for loop in found.loops:
        outer = Nest(tuple(other for other in found.loops if other is not loop), found.body)
        try:
            body = outer.rebuilt(_parallel(loop, found.body, processor))
        except NotVectorisable:
            continue
        yield Plan((loop,), body, cost(body, processor))
    yield from (Plan(loops, body, cost(body, processor)) for loops, body in transposed(found, processor))


# ---- how many lanes


def lanes_of(body: Sequence[Stmt], processor: Processor) -> int:
    """Lanes that fill one register with the widest element that the body computes with."""
    sizes = {s.buffer.element.bytes for s in k.statements(tuple(body)) if isinstance(s, Store)}
    for e in expressions(body):
        element = e.type.element
        # Addresses are s64 on paper; they are mostly scalar.
        if element is not PRED and (element is not S64 or e.op == "load"):
            sizes.add(element.bytes)
    return max(1, processor.vector_bytes // max(sizes, default=1))


def _blocked(lanes: int, count: int, body: Sequence[Stmt]) -> int:
    """Lanes of several registers, where the loop is long and the body short: more chains of work at once."""
    size = len(expressions(body))
    times = 4 if size <= _CHEAP else 2 if size <= _MODERATE else 1
    while times > 1 and count < 2 * lanes * times:
        times //= 2
    return lanes * times


# ---- loops over vectors


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of the iterations of a loop: from `begin` to `end`, `lanes` at a time, perhaps under a mask."""

    begin: Index
    end: Index
    lanes: int
    masked: bool


def _pieces(loop: For, lanes: int, wide: int, processor: Processor) -> list[_Piece]:
    """Whole blocks of `wide` lanes, then vectors of `lanes`, the last under a mask; else single lanes."""
    end = loop.end
    if end.is_const and 0 < end.const < lanes and (not processor.masks or end.const & (end.const - 1) == 0):
        lanes = wide = 1 << (end.const.bit_length() - 1)  # the largest vector that fits
    found: list[_Piece] = []
    at = ix.ZERO
    for size in dict.fromkeys((wide, lanes)):
        stop = end // size * size
        if size == lanes and processor.masks and lanes > 1:
            break
        if not (stop - at).is_const or (stop - at).const > 0:
            found.append(_Piece(at, stop, size, False))
        at = stop
    left = end - at
    if not left.is_const or left.const > 0:
        if processor.masks and lanes > 1:
            exact = left.is_const and left.const % lanes == 0
            found.append(_Piece(at, end, lanes, not exact))
        else:
            found.append(_Piece(at, end, 1, False))
    return found


def _mask(var: Var, end: Index, lanes: int) -> Expr:
    """The lanes of a vector at `var` that are below `end`."""
    element = S32 if end.high < 2**31 else S64
    left = k.convert(k.index(end - ix.of(var)), element)
    place = Expr("ramp", Type(element, lanes), (k.const(0, Type(element)),), 1)
    return k.compare("lt", place, k.splat(left, lanes))


def _parallel(loop: For, body: tuple[Stmt, ...], processor: Processor) -> tuple[Stmt, ...]:
    """A PARALLEL loop as vectors."""
    if loop.begin != ix.ZERO or loop.step != 1:
        raise NotVectorisable("a loop that does not count from 0")
    lanes = lanes_of(body, processor)
    if lanes == 1:
        raise NotVectorisable("nothing to gain")
    found: list[Stmt] = []
    for piece in _pieces(loop, lanes, _blocked(lanes, extent(loop), body), processor):
        if piece.lanes == 1:
            found.append(For(loop.var, piece.begin, piece.end, body, loop.axis))
            continue
        widened = _widened(loop.var, body, piece, varying_cells(body, loop.var))
        found.append(For(loop.var, piece.begin, piece.end, widened, loop.axis, piece.lanes))
    return tuple(found)


def _widened(var: Var, body: tuple[Stmt, ...], piece: _Piece, cells: Sequence[Cell]) -> tuple[Stmt, ...]:
    wide = {c: _wide_cell(c, piece.lanes) for c in cells}
    return _widener(var, piece, wide).body(body)


def _widener(var: Var, piece: _Piece, wide: dict[Cell, Cell]) -> Widener:
    mask = _mask(var, piece.end, piece.lanes) if piece.masked else None
    begin = piece.begin
    aligned = begin.const % piece.lanes == 0 and all(c % piece.lanes == 0 for _, c in begin.terms)
    return Widener(var, piece.lanes, aligned, wide, mask)


def _wide_cell(cell: Cell, lanes: int) -> Cell:
    return Cell(f"{cell.name}x{lanes}", Type(cell.type.element, lanes))


def _reduction(loop: For, body: tuple[Stmt, ...], processor: Processor) -> tuple[Stmt, ...]:
    """A REDUCE loop as vectors: each cell gets one accumulator per lane, combined at the end."""
    if not is_plain(loop) or any(isinstance(s, Store) for s in k.statements(body)):
        raise NotVectorisable("a reduction into memory")
    totals = {s.cell: s.monoid for s in k.statements(body) if isinstance(s, Accumulate)}
    lanes = lanes_of(body, processor)
    if lanes == 1 or not totals or any(isinstance(s, Set) and s.cell in totals for s in k.statements(body)):
        raise NotVectorisable("no plain sums")
    found: list[Stmt] = []
    for piece in _pieces(loop, lanes, _blocked(lanes, extent(loop), body), processor):
        if piece.lanes == 1:
            found.append(For(loop.var, piece.begin, piece.end, body, loop.axis))
            continue
        cells = dict.fromkeys([*totals, *varying_cells(body, loop.var, totals)])
        wide = {c: _wide_cell(c, piece.lanes) for c in cells}
        widened = _widener(loop.var, piece, wide).body(body)
        for c, monoid in totals.items():
            found.append(Set(wide[c], k.const(MONOIDS[monoid](c.type.element), wide[c].type)))
        found.append(For(loop.var, piece.begin, piece.end, widened, loop.axis, piece.lanes))
        for c, monoid in totals.items():
            found.append(Accumulate(c, monoid, Expr("hreduce", c.type, (k.cell(wide[c]),), monoid)))
    return tuple(found)


def varying_cells(body: Sequence[Stmt], var: Var, known: Sequence[Cell] | dict[Cell, str] = ()) -> list[Cell]:
    """The cells whose values depend on `var` or on the cells that are known to, in the order of their first change."""
    found = dict.fromkeys(known)
    while True:
        before = len(found)
        _spread(body, var, found, False)
        if len(found) == before:
            return list(found)


def _spread(body: Sequence[Stmt], var: Var, found: dict[Cell, None], under: bool) -> None:
    for stmt in body:
        if isinstance(stmt, (Set, Accumulate)) and (under or _varies(stmt.value, var, found)):
            found[stmt.cell] = None
        inside = under or (isinstance(stmt, (If, While)) and _varies(stmt.condition, var, found))
        for inner in k.bodies(stmt):
            _spread(inner, var, found, inside)


def _varies(root: Expr, var: Var, cells: dict[Cell, None]) -> bool:
    return any(
        (e.op == "cell" and e.attr in cells)
        or (e.op == "index" and e.attr.mentions(var))
        or (e.op == "load" and e.attr.index.mentions(var))
        for e in root.walk()
    )
