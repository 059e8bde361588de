"""Kernels for CPUs: which loop threads share, and the whole schedule of an abstract kernel."""

from __future__ import annotations

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.costs import cost
from hlo_tools.codegen.index import Dynamic, Index, Var
from hlo_tools.codegen.kernel import Axis, For, Kernel, Stmt
from hlo_tools.codegen.nests import Nest, extent, is_plain, nest, simplified, substitute
from hlo_tools.codegen.target import Processor
from hlo_tools.codegen.vectors import best, vectorised

_WORTHWHILE = 20_000
"""Cycles of work below which waking a thread costs more than it gains."""

_PARTS = 16
"""Pieces to offer at least: several for each of a few threads, so that none waits long for the last."""

_CHUNK = 1024
"""Iterations of a vector loop that one piece has at least."""


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
    if cost(found.rebuilt(found.body), processor) < _WORTHWHILE:
        return found.rebuilt(found.body)
    lanes = best(found.rebuilt(found.body)[0], processor).loop  # type: ignore[arg-type]
    others = [loop for loop in found.loops if loop is not lanes]
    count = 1
    for loop in others:
        count *= extent(loop)
    if lanes is None or count >= _PARTS or extent(lanes) < 2 * _CHUNK:
        return _collapsed(others or list(found.loops), lanes if others else None, found.body)
    return _chunked(others, lanes, found.body)


def _collapsed(outer: list[For], inner: For | None, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """As many outer loops joined into one as it takes to have enough pieces."""
    joined, rest = [outer[0]], outer[1:]
    count = extent(outer[0])
    while count < _PARTS and rest:
        joined.append(rest.pop(0))
        count *= extent(joined[-1])
    inside = Nest((*rest, *(() if inner is None else (inner,))), body).rebuilt(body)
    if len(joined) == 1:
        first = joined[0]
        return (For(first.var, first.begin, first.end, inside, Axis.THREADS),)
    var = Var("part", 0, count - 1)
    places = ix.delinearize(ix.of(var), tuple(extent(loop) for loop in joined))
    values = {loop.var: at for loop, at in zip(joined, places, strict=True)}
    return (For(var, ix.ZERO, ix.constant(count), substitute(inside, values), Axis.THREADS),)


def _chunked(outer: list[For], lanes: For, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The vector loop cut into chunks; threads share the chunks."""
    size, total = _chunk_size(extent(lanes)), extent(lanes)
    count = -(-total // size)
    part, inner = Var("part", 0, count - 1), Var(lanes.var.name, 0, size - 1)
    start = ix.of(part) * size
    inside = substitute(body, {lanes.var: start + ix.of(inner)})
    end = ix.constant(size) if total % size == 0 else _least(size, ix.constant(total) - start)
    loops = Nest((*outer, For(inner, ix.ZERO, end, (), Axis.PARALLEL)), inside)
    return (For(part, ix.ZERO, ix.constant(count), loops.rebuilt(inside), Axis.THREADS),)


def _chunk_size(total: int) -> int:
    """A size that divides the whole where there is one, else one that leaves a short last chunk."""
    most = max(_CHUNK, total // _PARTS)
    for size in range(most - most % 64, _CHUNK // 2, -64):
        if total % size == 0:
            return size
    return most - most % 64


def _least(size: int, left: Index) -> Index:
    """The smaller of a number and what is left."""
    return ix.of(Dynamic(k.binary("min", k.const(size, k.INDEX), k.index(left)), 1, size))
