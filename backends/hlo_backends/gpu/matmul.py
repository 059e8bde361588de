"""Matrix products on a GPU: tiles of both operands in shared memory, a small square of the result in each thread.

Any dot: batch, free and contracting dimensions may stand in any order and layout; each group is run through as one
linear number whose coordinates are recovered by the index arithmetic (which folds where dimensions are neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from hlo_backends.gpu.device import Device
from hlo_tools.codegen.builder import strides
from hlo_tools.codegen.index import ZERO, Index, Var, constant, delinearize, of
from hlo_tools.codegen.kernel import (
    Alloc,
    Axis,
    Barrier,
    Buffer,
    Cell,
    Expr,
    For,
    If,
    Kernel,
    Role,
    Set,
    Space,
    Stmt,
    Store,
    Type,
    binary,
    cell,
    compare,
    const,
    convert,
    fma,
    index,
    load,
)
from hlo_tools.codegen.launch import LOOPS, Emitter, Launch, Operand, Result
from hlo_tools.ir.element import F32, PRED, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import NotYet
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import OPS
from hlo_tools.ops.dot import free_dims
from hlo_tools.support.names import sanitize


def dot_emitter(device: Device) -> Emitter:
    """The emitter of `dot` for a device; complex products and tiny ones take the common loop nest."""
    common = LOOPS.find(OPS["dot"])

    def emit(inst: Instruction) -> tuple[Launch, ...]:
        sizes = _Product(inst)
        small = min(sizes.rows, sizes.columns, sizes.depth) < device.micro or not sizes.batch
        if small or inst.shape.element.is_complex or inst.shape.element is PRED:
            if common is None:
                raise NotYet("dot has no common loop nest")
            return common(inst)
        return (Launch(_kernel(inst, sizes, device), (Operand(0), Operand(1), Result())),)

    return emit


@dataclass(frozen=True, slots=True)
class _Side:
    """How one array is addressed: sizes and strides of its batch, free and contracting dimensions."""

    groups: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]

    def address(self, *numbers: Index) -> Index:
        total = ZERO
        for (sizes, steps), number in zip(self.groups, numbers, strict=True):
            for place, step in zip(delinearize(number, sizes), steps, strict=True):
                total = total + place * step
        return total


def _side(shape: Shape, *groups: Sequence[int]) -> _Side:
    steps = strides(shape)
    return _Side(tuple((tuple(shape.dims[d] for d in g), tuple(steps[d] for d in g)) for g in groups))


class _Product:
    """The three arrays of a dot in terms of (batch, row, column, depth) numbers."""

    def __init__(self, inst: Instruction) -> None:
        at, (lhs, rhs) = inst.attrs, (x.shape for x in inst.operands)
        rows = free_dims(lhs.rank, at.lhs_batch_dims, at.lhs_contracting_dims)
        columns = free_dims(rhs.rank, at.rhs_batch_dims, at.rhs_contracting_dims)
        self.lhs = _side(lhs, at.lhs_batch_dims, rows, at.lhs_contracting_dims)
        self.rhs = _side(rhs, at.rhs_batch_dims, at.rhs_contracting_dims, columns)
        first, second = len(at.lhs_batch_dims), len(at.lhs_batch_dims) + len(rows)
        out = range(inst.shape.rank)
        self.out = _side(inst.shape, out[:first], out[first:second], out[second:])
        self.batch = prod(lhs.dims[d] for d in at.lhs_batch_dims)
        self.rows = prod(lhs.dims[d] for d in rows)
        self.columns = prod(rhs.dims[d] for d in columns)
        self.depth = prod(lhs.dims[d] for d in at.lhs_contracting_dims)


def _accumulator(element: ElementType) -> ElementType:
    return F32 if element.is_float and element.bits < 32 else element


def _kernel(inst: Instruction, p: _Product, device: Device) -> Kernel:
    a = Buffer("a", inst.operands[0].shape.element, inst.operands[0].shape.size)
    b = Buffer("b", inst.operands[1].shape.element, inst.operands[1].shape.size)
    c = Buffer("c", inst.shape.element, inst.shape.size, Role.OUTPUT)
    side, tile, depth = device.tile // device.micro, device.tile, device.depth
    # One number for all blocks: the other extents of a grid are limited to 65535.
    grid = (p.batch, -(-p.rows // tile), -(-p.columns // tile))
    block = Var("block", 0, prod(grid) - 1)
    batch, tile_row, tile_column = delinearize(of(block), grid)
    tx, ty = Var("tx", 0, side - 1), Var("ty", 0, side - 1)
    column0, row0 = tile_column * tile, tile_row * tile
    element = _accumulator(inst.shape.element)
    type_ = Type(element)
    # One more column than needed, so that a column of the tile does not fall into one bank.
    shared_a = Buffer("shared_a", element, tile * (depth + 1), Role.INOUT, Space.SHARED)
    shared_b = Buffer("shared_b", element, depth * tile, Role.INOUT, Space.SHARED)
    sums = {(i, j): Cell(f"sum{i}_{j}", type_) for i in range(device.micro) for j in range(device.micro)}
    k0 = Var("k0", 0, (p.depth - 1) // depth * depth)
    thread = of(ty) * side + of(tx)

    def fetch_a(place: Index) -> Stmt:
        row, k = row0 + place // depth, of(k0) + place % depth
        value = _guarded(a, p.lhs.address(batch, row, k), [(row, p.rows), (k, p.depth)], element)
        return Store(shared_a, (place // depth) * (depth + 1) + place % depth, value)

    def fetch_b(place: Index) -> Stmt:
        k, column = of(k0) + place // tile, column0 + place % tile
        value = _guarded(b, p.rhs.address(batch, k, column), [(k, p.depth), (column, p.columns)], element)
        return Store(shared_b, place, value)

    threads = side * side
    fetches = [fetch_a(thread + threads * r) for r in range(tile * depth // threads)]
    fetches += [fetch_b(thread + threads * r) for r in range(tile * depth // threads)]
    step = (*fetches, Barrier(), *_inner(sums, shared_a, shared_b, tx, ty, side, device), Barrier())
    loop = For(k0, ZERO, constant(p.depth), step, Axis.SERIAL, depth)
    finish = [
        _finish(c, p, batch, (row0 + of(ty) + i * side, column0 + of(tx) + j * side), cell(sums[i, j])) for i, j in sums
    ]
    zero = tuple(Set(s, const(0, type_)) for s in sums.values())
    body: tuple[Stmt, ...] = (Alloc(shared_a), Alloc(shared_b), *zero, loop, *finish)
    for var, extent, axis in (
        (tx, side, Axis.BLOCK_X),
        (ty, side, Axis.BLOCK_Y),
        (block, prod(grid), Axis.GRID_X),
    ):
        body = (For(var, ZERO, constant(extent), body, axis),)
    flops = 2 * p.batch * p.rows * p.columns * p.depth
    return Kernel(sanitize(inst.name), (a, b, c), body, flops)


def _guarded(buffer: Buffer, at: Index, bounds: Sequence[tuple[Index, int]], element: ElementType) -> Expr:
    """An element as `element`, 0 outside the array."""
    mask: Expr | None = None
    for number, limit in bounds:
        if number.high >= limit:
            inside = compare("lt", index(number), const(limit, index(number).type))
            mask = inside if mask is None else binary("and", mask, inside)
    return convert(load(buffer, at, mask=mask), element)


def _inner(
    sums: dict[tuple[int, int], Cell], a: Buffer, b: Buffer, tx: Var, ty: Var, side: int, device: Device
) -> tuple[Stmt, ...]:
    k = Var("k", 0, device.depth - 1)
    rows = [load(a, (of(ty) + i * side) * (device.depth + 1) + of(k)) for i in range(device.micro)]
    columns = [load(b, of(k) * device.tile + of(tx) + j * side) for j in range(device.micro)]
    update = tuple(Set(s, _multiply_add(rows[i], columns[j], cell(s))) for (i, j), s in sums.items())
    return (For(k, ZERO, constant(device.depth), update, Axis.SERIAL),)


def _multiply_add(x: Expr, y: Expr, z: Expr) -> Expr:
    return fma(x, y, z) if z.type.element.is_float else binary("add", binary("mul", x, y), z)


def _finish(c: Buffer, p: _Product, batch: Index, place: tuple[Index, Index], value: Expr) -> Stmt:
    row, column = place
    store: Stmt = Store(c, p.out.address(batch, row, column), convert(value, c.element))
    for number, limit in ((row, p.rows), (column, p.columns)):
        if number.high >= limit:
            store = If(compare("lt", index(number), const(limit, index(number).type)), (store,))
    return store
