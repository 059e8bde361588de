"""cholesky and triangular-solve: plain loops whose innermost one runs over neighbours in memory."""

from __future__ import annotations

from math import nan, prod

from hlo_tools.codegen import complex
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices, Ref, choose
from hlo_tools.codegen.elemental import Elements
from hlo_tools.codegen.index import Index, constant, linear
from hlo_tools.codegen.kernel import Axis, Role
from hlo_tools.codegen.launch import LOOPS, Launch, Result
from hlo_tools.codegen.loops import view_of
from hlo_tools.codegen.rooms import Room, Rooms
from hlo_tools.codegen.scalars import constant_of
from hlo_tools.codegen.value import Complex, Num, Value, from_parts, parts
from hlo_tools.ir.attributes import Transpose
from hlo_tools.ir.element import PRED, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import NotYet
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import OPS

_ALIGNED = 16  # rows are updated from a multiple of this on


def _pairs(name: str, x: Value, y: Value) -> Value:
    """x (operation) y, real or complex."""
    if isinstance(x, Complex):
        function = {"mul": complex.Pair.__mul__, "sub": complex.Pair.__sub__, "div": complex.Pair.__truediv__}[name]
        return complex.on_pairs(function)(x, y)
    return from_parts([k.binary(name, a, b) for a, b in zip(parts(x), parts(y), strict=True)])


def _conjugate(x: Value) -> Value:
    return Complex(x.re, k.unary("neg", x.im)) if isinstance(x, Complex) else x


def _need_wide(shape: Shape) -> None:
    if real_part(shape.element).bits < 32:
        raise NotYet(f"{shape.element} matrices")


# ---- cholesky


class _Square:
    """A matrix in working memory, row-major."""

    def __init__(self, rooms: Rooms, shape: Shape, n: int) -> None:
        self.n = n
        self.width = 2 if shape.element.is_complex else 1
        self.room: Room = rooms.room(real_part(shape.element), n * n * self.width)

    def load(self, i: Index, j: Index) -> Value:
        at = (i * self.n + j) * self.width
        return from_parts([self.room.load(at + part) for part in range(self.width)])

    def store(self, builder: Builder, i: Index, j: Index, value: Value) -> None:
        at = (i * self.n + j) * self.width
        value = builder.kept(value) if isinstance(value, Complex) else value
        builder.emit(*(self.room.store(at + part, e) for part, e in enumerate(parts(value))))


def emit_cholesky(inst: Instruction) -> tuple[Launch, ...]:
    """The kernel of cholesky: the upper factor row by row, each of which then updates all rows below.

    A pivot that is not positive makes all that follow NaN, and then the whole matrix.
    """
    shape = inst.shape
    if not shape.size:
        return ()
    _need_wide(shape)
    view = view_of(inst)
    builder = Builder()
    elements = Elements(builder, view.inputs)
    target = builder.param(Result(), shape, Role.OUTPUT)
    n, sizes = shape.dims[-1], shape.dims[:-2]
    with builder.nest(sizes, range(len(sizes))) as batch:
        number = linear(batch, tuple(prod(sizes[d + 1 :]) for d in range(len(sizes))))
        rooms = Rooms(builder, number, prod(sizes), n * n * shape.element.bytes)
        square = _Square(rooms, shape, n)
        with builder.loop(n) as i, builder.loop(n) as j:
            # the upper triangle of the operand, or of its mirror image
            place = (*batch, j, i) if inst.attrs.lower else (*batch, i, j)
            value = elements.value(inst.operands[0], place)
            square.store(builder, i, j, _conjugate(value) if inst.attrs.lower else value)
        _factor(builder, square)
        last = parts(square.load(constant(n - 1), constant(n - 1)))[0]
        failed = k.cell(builder.cell(PRED, k.compare("ne", last, last)))
        with builder.loop(n) as i, builder.loop(n) as j:
            value = _conjugate(square.load(j, i)) if inst.attrs.lower else square.load(i, j)
            inside = k.compare("le" if not inst.attrs.lower else "ge", k.index(i), k.index(j))
            value = choose(inside, value, constant_of(0, shape.element))
            value = choose(failed, constant_of(nan, shape.element), value)
            builder.emit(*target.store((*batch, i, j), value))
    return (builder.launch(view.name, view.flops),)


def _factor(builder: Builder, square: _Square) -> None:
    n = square.n
    with builder.loop(n, Axis.SERIAL) as row:
        pivot = _root(square.load(row, row))
        pivot = builder.kept(pivot)
        with builder.loop(n, begin=row) as j:
            square.store(builder, row, j, _pairs("div", square.load(row, j), pivot))
        with builder.loop(n, begin=row + 1) as i:
            factor = builder.kept(_conjugate(square.load(row, i)))
            # what is computed left of the diagonal is never read
            with builder.loop(n, begin=(i // _ALIGNED) * _ALIGNED) as j:
                change = _pairs("mul", factor, square.load(row, j))
                square.store(builder, i, j, _pairs("sub", square.load(i, j), change))


def _root(value: Value) -> Value:
    """The square root of a diagonal element, which is real; NaN when it is not positive."""
    re = Num(parts(value)[0])
    root = (re > 0.0).where(re.unary("sqrt"), float("nan")).e
    return Complex(root, k.const(0.0, root.type)) if isinstance(value, Complex) else root


# ---- triangular-solve


class _Triangle:
    """The matrix of a triangular-solve as it is applied: transposed, conjugated, with ones on the diagonal.

    lower   whether what is applied is a lower triangle
    """

    def __init__(self, elements: Elements, inst: Instruction, batch: Indices) -> None:
        at = inst.attrs
        self.elements, self.matrix, self.batch = elements, inst.operands[0], batch
        self.turned = at.transpose_a in (Transpose.TRANSPOSE, Transpose.ADJOINT)
        self.conjugated = at.transpose_a is Transpose.ADJOINT
        self.unit = at.unit_diagonal
        self.lower = at.lower is not self.turned

    def at(self, i: Index, j: Index) -> Value:
        """An element."""
        place = (*self.batch, j, i) if self.turned else (*self.batch, i, j)
        value = self.elements.value(self.matrix, place)
        return _conjugate(value) if self.conjugated else value


def emit_triangular_solve(inst: Instruction) -> tuple[Launch, ...]:
    """The kernel of triangular-solve: forward or backward substitution in place of a copy of the right side."""
    shape = inst.shape
    if not shape.size:
        return ()
    _need_wide(shape)
    view = view_of(inst)
    builder = Builder()
    elements = Elements(builder, view.inputs)
    target = builder.param(Result(), shape, Role.INOUT)
    sizes = shape.dims[:-2]
    with builder.nest(sizes, range(len(sizes))) as batch:
        triangle = _Triangle(elements, inst, batch)
        with builder.loop(shape.dims[-2]) as i, builder.loop(shape.dims[-1]) as j:
            at = (*batch, i, j)
            builder.emit(*target.store(at, elements.value(inst.operands[1], at)))
        solve = _solve_left if inst.attrs.left_side else _solve_right
        solve(builder, triangle, target, batch)
    return (builder.launch(view.name, view.flops),)


def _solve_left(builder: Builder, a: _Triangle, x: Ref, batch: Indices) -> None:
    """a x = b: each row, less multiples of the rows that are known, divided by the diagonal."""
    n, columns = x.shape.dims[-2:]
    with builder.loop(n, Axis.SERIAL) as step:
        i = step if a.lower else constant(n - 1) - step
        with builder.loop(step, Axis.SERIAL) as known:
            other = known if a.lower else constant(n - 1) - known
            factor = builder.kept(a.at(i, other))
            with builder.loop(columns) as j:
                change = _pairs("mul", factor, x.load((*batch, other, j)))
                value = _pairs("sub", x.load((*batch, i, j)), change)
                builder.update(x, (*batch, i, j), value)
        if not a.unit:
            pivot = builder.kept(a.at(i, i))
            with builder.loop(columns) as j:
                builder.update(x, (*batch, i, j), _pairs("div", x.load((*batch, i, j)), pivot))


def _solve_right(builder: Builder, a: _Triangle, x: Ref, batch: Indices) -> None:
    """x a = b: in each row, an element that is known is taken out of those that are not."""
    rows, n = x.shape.dims[-2:]
    with builder.loop(rows) as r, builder.loop(n, Axis.SERIAL) as step:
        i = constant(n - 1) - step if a.lower else step
        at = (*batch, r, i)
        value = x.load(at) if a.unit else _pairs("div", x.load(at), a.at(i, i))
        found = builder.kept(value)
        builder.update(x, at, found)
        begin, end = (constant(0), i) if a.lower else (i + 1, constant(n))
        with builder.loop(end, begin=begin) as j:
            change = _pairs("mul", found, a.at(i, j))
            builder.update(x, (*batch, r, j), _pairs("sub", x.load((*batch, r, j)), change))


LOOPS.set(OPS["cholesky"], emit_cholesky)
LOOPS.set(OPS["triangular-solve"], emit_triangular_solve)
