"""Abstract kernels to device kernels: which loop becomes the grid, which the threads of a block.

A kernel is cut at its top level, for blocks cannot wait for each other: each outermost PARALLEL nest becomes a
device kernel with one thread per iteration; what is serial in between runs in a single thread. A nest whose body
is one long reduction gets a block per iteration, whose threads reduce strided parts and join them in shared memory.
"""

from __future__ import annotations

from collections.abc import Iterable

from hlo_backends.gpu.device import Device
from hlo_tools.codegen.index import Index, Var, constant, delinearize, of
from hlo_tools.codegen.kernel import (
    MONOIDS,
    Accumulate,
    Alloc,
    Axis,
    Barrier,
    Buffer,
    Cell,
    For,
    If,
    Kernel,
    Role,
    Set,
    Space,
    Stmt,
    Store,
    binary,
    cell,
    compare,
    const,
    index,
    load,
    roots,
    statements,
)
from hlo_tools.codegen.rewrite import substitute


def device_kernels(kernel: Kernel, device: Device) -> tuple[Kernel, ...]:
    """The device kernels that, run in order on the same parameters, do what `kernel` does."""
    if any(s.axis in _DEVICE_AXES for s in statements(kernel.body) if isinstance(s, For)):
        return (kernel,)
    parts = _parts(kernel.body)
    if len(parts) > 1 and _share_state(parts):
        parts = [kernel.body]
    made = [_device_kernel(part, device) for part in parts]
    several = len(made) > 1
    return tuple(
        Kernel(f"{kernel.name}.{i}" if several else kernel.name, kernel.params, body, kernel.flops, kernel.scratch)
        for i, body in enumerate(made)
    )


_DEVICE_AXES = frozenset({Axis.GRID_X, Axis.GRID_Y, Axis.GRID_Z, Axis.BLOCK_X, Axis.BLOCK_Y, Axis.BLOCK_Z})


def _parts(body: tuple[Stmt, ...]) -> list[tuple[Stmt, ...]]:
    """Each outermost parallel loop alone, and the runs of other statements between."""
    parts: list[tuple[Stmt, ...]] = []
    serial: list[Stmt] = []
    for s in body:
        if isinstance(s, For) and s.axis is Axis.PARALLEL:
            if serial:
                parts.append(tuple(serial))
                serial = []
            parts.append((s,))
        else:
            serial.append(s)
    return [*parts, tuple(serial)] if serial else parts


def _share_state(parts: Iterable[tuple[Stmt, ...]]) -> bool:
    """Whether a cell or a buffer of the kernel's own is used in two parts."""
    owner: dict[Cell | Buffer, int] = {}
    for number, part in enumerate(parts):
        for item in _state(part):
            if owner.setdefault(item, number) != number:
                return True
    return False


def _state(part: tuple[Stmt, ...]) -> Iterable[Cell | Buffer]:
    for s in statements(part):
        if isinstance(s, (Set, Accumulate)):
            yield s.cell
        elif isinstance(s, Alloc):
            yield s.buffer
        for root in roots(s):
            yield from (e.attr for e in root.walk() if e.op == "cell")


def _device_kernel(part: tuple[Stmt, ...], device: Device) -> tuple[Stmt, ...]:
    loops: list[For] = []
    body = part
    while len(body) == 1 and isinstance(body[0], For) and body[0].axis is Axis.PARALLEL and _is_constant(body[0]):
        loops.append(body[0])
        body = body[0].body
    if not loops:
        return _single_thread(part)
    count = 1
    for loop in loops:
        count *= _extent(loop)
    reduction = _reduction(body)
    if reduction is not None and _extent(reduction) >= device.min_block_reduction and count < device.max_row_threads:
        return _block_per_iteration(loops, count, body, reduction, device)
    return _thread_per_iteration(loops, count, body, device)


def _is_constant(loop: For) -> bool:
    return loop.begin.is_const and loop.end.is_const


def _extent(loop: For) -> int:
    return max(0, -(-(loop.end.const - loop.begin.const) // loop.step))


def _values(loops: list[For], linear: Index) -> dict[Var, Index]:
    """What the variables of a nest are in iteration number `linear`."""
    places = delinearize(linear, tuple(_extent(p) for p in loops))
    return {p.var: place * p.step + p.begin.const for p, place in zip(loops, places, strict=True)}


def _single_thread(part: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    return _launch(1, 1, part)


def _launch(
    blocks: int, threads: int, body: tuple[Stmt, ...], block: Var | None = None, thread: Var | None = None
) -> tuple[Stmt, ...]:
    block = block or Var("block", 0, blocks - 1)
    thread = thread or Var("thread", 0, threads - 1)
    inner = For(thread, constant(0), constant(threads), body, Axis.BLOCK_X)
    return (For(block, constant(0), constant(blocks), (inner,), Axis.GRID_X),)


def _thread_per_iteration(loops: list[For], count: int, body: tuple[Stmt, ...], device: Device) -> tuple[Stmt, ...]:
    threads = min(device.block, max(32, -(-count // 32) * 32))
    blocks = max(1, -(-count // threads))
    block, thread = Var("block", 0, blocks - 1), Var("thread", 0, threads - 1)
    number = of(block) * threads + of(thread)
    if count != blocks * threads:
        # The variable of the iteration is bounded by the guard, which the ranges of block and thread do not show.
        inside = Var("i", 0, max(count - 1, 0))
        guarded = For(inside, number, number + 1, substitute(body, _values(loops, of(inside))), Axis.SERIAL)
        within = compare("lt", index(number), const(count, index(number).type))
        return _launch(blocks, threads, (If(within, (guarded,)),), block, thread)
    return _launch(blocks, threads, substitute(body, _values(loops, number)), block, thread)


def _reduction(body: tuple[Stmt, ...]) -> For | None:
    """The reduction of a body of the form: set cells, one REDUCE loop that accumulates into them, finish."""
    found = [s for s in body if isinstance(s, For)]
    if len(found) != 1 or found[0].axis is not Axis.REDUCE or not _is_constant(found[0]):
        return None
    at = body.index(found[0])
    if not all(isinstance(s, Set) for s in body[:at]):
        return None
    inner = [s for s in statements(found[0].body) if not isinstance(s, For)]
    if not inner or not all(isinstance(s, Accumulate) for s in inner):
        return None
    return found[0]


def _block_per_iteration(
    loops: list[For], count: int, body: tuple[Stmt, ...], reduction: For, device: Device
) -> tuple[Stmt, ...]:
    threads = device.reduction_block
    row, thread = Var("block", 0, count - 1), Var("thread", 0, threads - 1)
    values = _values(loops, of(row))
    at = body.index(reduction)
    sums = [s for s in statements(reduction.body) if isinstance(s, Accumulate)]
    cells = {s.cell: s.monoid for s in sums}
    identity = tuple(Set(c, const(MONOIDS[m](c.type.element), c.type)) for c, m in cells.items())
    strided = For(
        reduction.var,
        of(thread) * reduction.step + reduction.begin.const,
        reduction.end,
        substitute(reduction.body, values),
        Axis.SERIAL,
        threads * reduction.step,
    )
    shared = {c: Buffer(f"shared{i}", c.type.element, threads, Role.INOUT, Space.SHARED) for i, c in enumerate(cells)}
    steps: list[Stmt] = [Alloc(b) for b in shared.values()]
    steps += [*identity, strided]
    steps += [Store(b, of(thread), cell(c)) for c, b in shared.items()]
    steps.append(Barrier())
    steps += _tree(cells, shared, thread, threads)
    joined = tuple(Accumulate(c, m, load(shared[c], constant(0))) for c, m in cells.items())
    first = (*substitute(body[:at], values), *joined, *substitute(body[at + 1 :], values))
    steps.append(If(compare("eq", index(of(thread)), const(0, index(of(thread)).type)), first))
    return _launch(count, threads, tuple(steps), row, thread)


def _tree(cells: dict[Cell, str], shared: dict[Cell, Buffer], thread: Var, threads: int) -> Iterable[Stmt]:
    """Halve the number of partial results until one is left in element 0."""
    half = threads // 2
    while half:
        active = compare("lt", index(of(thread)), const(half, index(of(thread)).type))
        combine = tuple(
            Store(b, of(thread), binary(cells[c], load(b, of(thread)), load(b, of(thread) + half)))
            for c, b in shared.items()
        )
        yield If(active, combine)
        yield Barrier()
        half //= 2
