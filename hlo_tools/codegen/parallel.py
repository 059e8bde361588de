"""Kernels for CPUs: which loop threads share, and the whole schedule of an abstract kernel."""

from __future__ import annotations

import math

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.costs import cost
from hlo_tools.codegen.index import Dynamic, Index, Var
from hlo_tools.codegen.kernel import Axis, For, Kernel, Stmt
from hlo_tools.codegen.nests import Nest, extent, is_plain, nest, simplified
from hlo_tools.codegen.rewrite import substitute
from hlo_tools.codegen.target import Processor
from hlo_tools.codegen.vectors import best, vectorised

_WORTHWHILE = 20_000
"""Cycles of work below which waking a thread costs more than it gains."""

_PARTS = 16
"""Pieces to offer at least: several for each of a few threads, so that none waits long for the last."""

_STEP = 64
"""Pieces of a vector loop are multiples of this."""


def schedule(kernel: Kernel, processor: Processor) -> Kernel:
    """An abstract kernel made ready for a processor: loops merged and ordered, divided among threads, vectorised.

    Kernels that already say how they run, with vectors or a THREADS loop, stay as they are.
    """
    if not _is_abstract(kernel):
        return kernel
    body = simplified(kernel.body)
    if len(body) == 1 and isinstance(body[0], For) and body[0].axis is Axis.PARALLEL and is_plain(body[0]):
        body = _shared(nest(body[0]), processor)
    return Kernel(kernel.name, kernel.params, vectorised(body, processor), kernel.flops, kernel.scratch)


def _is_abstract(kernel: Kernel) -> bool:
    for stmt in k.statements(kernel.body):
        if isinstance(stmt, For) and (stmt.axis not in (Axis.PARALLEL, Axis.REDUCE, Axis.SERIAL) or stmt.step != 1):
            return False
        if any(root.type.lanes != 1 for root in k.roots(stmt)):
            return False
    return True


def _shared(found: Nest, processor: Processor) -> tuple[Stmt, ...]:
    """A PARALLEL nest with a THREADS loop outermost, where the work is worth it."""
    whole = found.rebuilt(found.body)
    if cost(whole, processor) < _WORTHWHILE:
        return whole
    taken = best(found, processor).loops
    others = [loop for loop in found.loops if loop not in taken]
    if math.prod(map(extent, others)) >= _PARTS:
        return _collapsed(others, taken, found.body)
    if taken and extent(taken[0]) >= 2 * _STEP:
        return _chunked(others, taken, found.body)
    return _collapsed(others, taken, found.body) if others else whole


def _collapsed(outer: list[For], inner: tuple[For, ...], body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """As many outer loops joined into one as it takes to have enough pieces."""
    joined, rest = [outer[0]], outer[1:]
    count = extent(outer[0])
    while count < _PARTS and rest:
        joined.append(rest.pop(0))
        count *= extent(joined[-1])
    inside = Nest((*rest, *inner), body).rebuilt(body)
    if len(joined) == 1:
        first = joined[0]
        return (For(first.var, first.begin, first.end, inside, Axis.THREADS),)
    var = Var("part", 0, count - 1)
    places = ix.delinearize(ix.of(var), tuple(extent(loop) for loop in joined))
    values = {loop.var: at for loop, at in zip(joined, places, strict=True)}
    return (For(var, ix.ZERO, ix.constant(count), substitute(inside, values), Axis.THREADS),)


def _chunked(outer: list[For], inner: tuple[For, ...], body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """A loop that is to be vectors or tiles, cut into chunks; threads share the chunks."""
    cut = inner[0]
    total = extent(cut)
    size = _chunk_size(total)
    count = -(-total // size)
    part, place = Var("part", 0, count - 1), Var(cut.var.name, 0, size - 1)
    start = ix.of(part) * size
    inside = substitute(body, {cut.var: start + ix.of(place)})
    end = ix.constant(size) if total % size == 0 else _least(size, ix.constant(total) - start)
    chunk = For(place, ix.ZERO, end, (), Axis.PARALLEL)
    loops = Nest((*outer, chunk, *inner[1:]), inside)
    return (For(part, ix.ZERO, ix.constant(count), loops.rebuilt(inside), Axis.THREADS),)


def _chunk_size(total: int) -> int:
    """A size that divides the whole where there is one, else one that leaves a short last chunk."""
    most = max(_STEP, total // _PARTS // _STEP * _STEP)
    for size in range(most, most // 2, -_STEP):
        if total % size == 0:
            return size
    return most


def _least(size: int, left: Index) -> Index:
    """The smaller of a number and what is left."""
    return ix.of(Dynamic(k.binary("min", k.const(size, k.INDEX), k.index(left)), 1, size))
