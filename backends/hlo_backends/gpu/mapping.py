"""Abstract kernels to device kernels: which loop becomes the grid, which the threads of a block.

A kernel is cut at its top level, for blocks cannot wait for each other: each outermost PARALLEL nest becomes a
device kernel. Its iterations get
- one thread each, where they are many or short;
- one block each, where their bodies are reductions and further PARALLEL loops: its threads share every such loop and
  wait for each other in between (`blocks.py`).
What has no PARALLEL loop around it runs in a single block in the same way, or in a single thread.
"""

from __future__ import annotations

from collections.abc import Iterable

from hlo_backends.gpu.blocks import cooperative, shared_loops, threads_for, trip_count
from hlo_backends.gpu.device import Device
from hlo_backends.gpu.iterations import Iterations, iterations
from hlo_tools.codegen.index import Var, constant, of
from hlo_tools.codegen.kernel import (
    INDEX,
    Accumulate,
    Alloc,
    Axis,
    Buffer,
    Cell,
    For,
    If,
    Kernel,
    Set,
    Space,
    Stmt,
    Store,
    compare,
    const,
    index,
    roots,
    statements,
)
from hlo_tools.codegen.nests import loads, simplified

_DEVICE_AXES = frozenset({Axis.GRID_X, Axis.GRID_Y, Axis.GRID_Z, Axis.BLOCK_X, Axis.BLOCK_Y, Axis.BLOCK_Z})


def device_kernels(kernel: Kernel, device: Device) -> tuple[Kernel, ...]:
    """The device kernels that, run in order on the same parameters, do what `kernel` does; none for no work."""
    if any(s.axis in _DEVICE_AXES for s in statements(kernel.body) if isinstance(s, For)):
        return (kernel,)
    parts = _parts(simplified(kernel.body))
    if len(parts) > 1 and _share_state(parts):
        parts = [tuple(s for part in parts for s in part)]
    made = [body for part in parts if (body := _device_body(part, device))]
    several = len(made) > 1
    return tuple(
        Kernel(f"{kernel.name}.{i}" if several else kernel.name, kernel.params, body, kernel.flops, kernel.scratch)
        for i, body in enumerate(made)
    )


# ---- cutting


def _parts(body: tuple[Stmt, ...]) -> list[tuple[Stmt, ...]]:
    """Each outermost parallel loop alone, and the runs of other statements between."""
    parts: list[tuple[Stmt, ...]] = []
    serial: list[Stmt] = []
    for s in body:
        if isinstance(s, For) and s.axis is Axis.PARALLEL:
            if serial:
                parts.append(tuple(serial))
                serial = []
            parts += [(loop,) for loop in _distributed(s)]
        else:
            serial.append(s)
    return [*parts, tuple(serial)] if serial else parts


def _distributed(loop: For) -> list[For]:
    """A nest around several PARALLEL loops as a nest around each, where they neither share state nor read writes."""
    nest = iterations((loop,), Axis.PARALLEL)
    body = nest.body
    if len(body) < 2 or not all(isinstance(s, For) and s.axis is Axis.PARALLEL for s in body):
        return [loop]
    stored = {s.buffer for s in statements(body) if isinstance(s, Store)}
    if any(e.attr.buffer in stored for e in loads(body)) or _share_state([(s,) for s in body]):
        return [loop]
    found: list[For] = []
    for s in body:
        for around in reversed(nest.loops):
            s = For(around.var, around.begin, around.end, (s,), around.axis, around.step)
        assert isinstance(s, For)
        found.append(s)
    return found


def _share_state(parts: Iterable[tuple[Stmt, ...]]) -> bool:
    """Whether a cell or a buffer of the kernel's own is used in two parts."""
    owner: dict[Cell | Buffer, int] = {}
    return any(owner.setdefault(item, number) != number for number, part in enumerate(parts) for item in _state(part))


def _state(part: tuple[Stmt, ...]) -> Iterable[Cell | Buffer]:
    """The cells and the buffers of the kernel's own that statements name."""
    for s in statements(part):
        if isinstance(s, (Set, Accumulate)):
            yield s.cell
        elif isinstance(s, (Alloc, Store)) and s.buffer.space is not Space.GLOBAL:
            yield s.buffer
        for root in roots(s):
            yield from (e.attr for e in root.walk() if e.op == "cell")
    yield from (e.attr.buffer for e in loads(part) if e.attr.buffer.space is not Space.GLOBAL)


# ---- mapping one part


def _device_body(part: tuple[Stmt, ...], device: Device) -> tuple[Stmt, ...]:
    """The device kernel of a part; nothing where it has no iterations."""
    outer = iterations(part, Axis.PARALLEL)
    if outer.count == 0:
        return ()
    shared = shared_loops(outer.body, device)
    if _pays(outer, shared, device):
        return _block_per_iteration(outer, threads_for(shared, device), device)
    if not outer.loops:
        return _launch(Var("block", 0, 0), Var("thread", 0, 0), part)
    return _thread_per_iteration(outer, device)


def _pays(outer: Iterations, shared: list[For], device: Device) -> bool:
    """Whether to give each iteration a block that shares these loops, instead of a thread."""
    longest = max(map(trip_count, shared), default=0)
    if longest < device.min_block_reduction or outer.count > device.max_rows:
        return False
    return outer.count < device.min_columns or not all(_is_strided(outer, loop) for loop in shared)


def _is_strided(outer: Iterations, loop: For) -> bool:
    """Whether neighbouring iterations of the outer nest, rather than of the loop, touch neighbouring memory."""
    near, along = outer.loops[-1].var, (iterations((loop,), loop.axis).loops or (loop,))[-1].var
    places = [e.attr.index for e in loads(loop.body)] + [s.index for s in statements(loop.body) if isinstance(s, Store)]
    return any(at.coefficient(near) == 1 for at in places) and not any(at.coefficient(along) == 1 for at in places)


def _block_per_iteration(outer: Iterations, threads: int, device: Device) -> tuple[Stmt, ...]:
    block, thread = Var("block", 0, outer.count - 1), Var("thread", 0, threads - 1)
    return _launch(block, thread, cooperative(outer.at(of(block)), thread, device))


def _thread_per_iteration(outer: Iterations, device: Device) -> tuple[Stmt, ...]:
    threads = min(device.block, -(-outer.count // device.warp) * device.warp)
    blocks = -(-outer.count // threads)
    block, thread = Var("block", 0, blocks - 1), Var("thread", 0, threads - 1)
    number = of(block) * threads + of(thread)
    if outer.count == blocks * threads:
        return _launch(block, thread, outer.at(number))
    # The number is bounded by the guard, which the ranges of block and thread do not show: a variable says so.
    inside = Var("i", 0, outer.count - 1)
    guarded = For(inside, number, number + 1, outer.at(of(inside)), Axis.SERIAL)
    within = compare("lt", index(number), const(outer.count, INDEX))
    return _launch(block, thread, (If(within, (guarded,)),))


def _launch(block: Var, thread: Var, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    inner = For(thread, constant(0), constant(thread.high + 1), body, Axis.BLOCK_X)
    return (For(block, constant(0), constant(block.high + 1), (inner,), Axis.GRID_X),)
