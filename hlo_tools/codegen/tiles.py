"""Square tiles for nests that read along one loop and write along another: transposes, alone or fused.

A tile loads its rows as vectors, turns them in registers by a network of shuffles, and computes the body for each
of its columns: every cache line is touched once, whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.kernel import Access, Axis, Expr, For, Stmt, Store
from hlo_tools.codegen.nests import Nest, is_plain, loads
from hlo_tools.codegen.rewrite import substitute
from hlo_tools.codegen.target import Processor
from hlo_tools.codegen.widen import NotVectorisable, Widener

_LARGEST = 16


def transposed(found: Nest, processor: Processor) -> Iterator[tuple[tuple[For, For], tuple[Stmt, ...]]]:
    """The nest in tiles, with its two loops, the one that is contiguous in the result last; or nothing."""
    if not all(isinstance(s, Store) and s.mask is None for s in found.body):
        return
    for along in found.loops:
        if not all(isinstance(s, Store) and s.index.coefficient(along.var) == 1 for s in found.body):
            continue
        across = _read_along(found, along.var)
        if across is not None:
            try:
                yield (across, along), _tiled(found, along, across, processor)
            except NotVectorisable:
                continue


def _read_along(found: Nest, along: Var) -> For | None:
    """The loop along which the loads are contiguous that are far apart along `along`."""
    far = [e.attr.index for e in loads(found.body) if abs(e.attr.index.coefficient(along)) > 1]
    for loop in found.loops:
        if loop.var is not along and far and all(at.coefficient(loop.var) == 1 for at in far):
            return loop
    return None


def _tiled(found: Nest, along: For, across: For, processor: Processor) -> tuple[Stmt, ...]:
    if not is_plain(along) or across.begin != ix.ZERO or across.step != 1:
        raise NotVectorisable("bounds that are not constant")
    side = _side(found, along, across, processor)
    rows, columns = along.end // side * side, across.end // side * side
    tile = _tile(found.body, along.var, across.var, side)
    outer = Nest(tuple(loop for loop in found.loops if loop not in (along, across)), ())
    body: list[Stmt] = [
        For(
            across.var,
            ix.ZERO,
            columns,
            (For(along.var, ix.ZERO, rows, tile, Axis.PARALLEL, side),),
            Axis.PARALLEL,
            side,
        )
    ]
    if rows != along.end:
        body.append(_rest(along, rows, across, ix.ZERO, columns, found.body))
    if columns != across.end:
        body.append(_rest(along, ix.ZERO, across, columns, across.end, found.body))
    return outer.rebuilt(tuple(body))


def _rest(along: For, begin: Index, across: For, low: Index, high: Index, body: tuple[Stmt, ...]) -> For:
    """What the tiles leave at an edge, element by element."""
    inner = For(along.var, begin, along.end, body, Axis.PARALLEL)
    return For(across.var, low, high, (inner,), Axis.PARALLEL)


def _side(found: Nest, along: For, across: For, processor: Processor) -> int:
    widest = max(s.buffer.element.bytes for s in found.body if isinstance(s, Store))
    side = min(_LARGEST, processor.vector_bytes // widest)
    while side > min(along.end.high, across.end.high):
        side //= 2
    if side < 2:
        raise NotVectorisable("too narrow for tiles")
    return side


def _tile(body: tuple[Stmt, ...], along: Var, across: Var, side: int) -> tuple[Stmt, ...]:
    """The body for `side` x `side` elements."""
    turned: dict[tuple[k.Buffer, Index], list[Expr]] = {}
    found: list[Stmt] = []
    for column in range(side):
        shifted = substitute(body, {across: ix.of(across) + column})
        known: dict[int, Expr] = {}
        for original, e in zip(loads(body), loads(shifted), strict=True):
            at = original.attr.index
            if abs(at.coefficient(along)) > 1:
                if e.args or not at.is_affine_in(along) or not at.is_affine_in(across):
                    raise NotVectorisable("a guarded load")
                key = (original.attr.buffer, at)
                if key not in turned:
                    turned[key] = _transpose(_rows(original.attr, along, side))
                known[id(e)] = turned[key][column]
        found.extend(Widener(along, side, True, {}, replaced=known).body(shifted))
    return tuple(found)


def _rows(access: Access, along: Var, side: int) -> list[Expr]:
    step = access.index.coefficient(along)
    return [k.load(access.buffer, access.index + step * lane, side) for lane in range(side)]


def _transpose(rows: list[Expr]) -> list[Expr]:
    """Exchange halves of ever smaller blocks: log2(side) rounds of two-input shuffles."""
    side = len(rows)
    block = side // 2
    while block:
        low = tuple(lane if not lane & block else side + (lane ^ block) for lane in range(side))
        high = tuple((lane | block) if not lane & block else side + lane for lane in range(side))
        turned = list(rows)
        for i in range(side):
            if not i & block:
                a, b = rows[i], rows[i + block]
                turned[i] = Expr("shuffle", a.type, (a, b), low)
                turned[i + block] = Expr("shuffle", a.type, (a, b), high)
        rows = turned
        block //= 2
    return rows
