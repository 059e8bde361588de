"""Builds kernels: parameters on demand, nested blocks of statements, names in order of creation."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import ZERO, Index, Var, constant, linear
from hlo_tools.codegen.kernel import (
    Alloc,
    Axis,
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
    While,
)
from hlo_tools.codegen.launch import Arg, Launch, Scratch
from hlo_tools.codegen.value import TRUE, Complex, Value, both, from_parts, parts
from hlo_tools.ir.element import ElementType, real_part
from hlo_tools.ir.shape import Shape
from hlo_tools.support.names import sanitize

Indices = tuple[Index, ...]
"""The coordinates of an element, one for each dimension."""


@dataclass(eq=False, slots=True)
class Block:
    """Statements under construction, the loop variable they belong to, and values known in them."""

    var: Var | None = None
    stmts: list[Stmt] = field(default_factory=list)
    memo: dict[Hashable, Value] = field(default_factory=dict)
    cells: set[Cell] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Ref:
    """An array in a buffer: how its elements are addressed, by its layout (row-major without one)."""

    buffer: Buffer
    shape: Shape

    def address(self, at: Indices) -> Index:
        """The element number in the buffer; of a complex element, that of its real part."""
        whole = linear(at, strides(self.shape))
        return whole * 2 if self.shape.element.is_complex else whole

    def load(self, at: Indices, guard: Expr = TRUE) -> Value:
        """The element; 0 where `guard` does not hold (then the index may lie outside)."""
        mask = None if guard is TRUE or self._inside(at) else guard
        where = self.address(at)
        re = k.load(self.buffer, where, mask=mask)
        return Complex(re, k.load(self.buffer, where + 1, mask=mask)) if self.shape.element.is_complex else re

    def store(self, at: Indices, value: Value, mask: Expr | None = None) -> tuple[Store, ...]:
        """The statements that write the element."""
        where = self.address(at)
        return tuple(Store(self.buffer, where + i, e, mask) for i, e in enumerate(parts(value)))

    def _inside(self, at: Indices) -> bool:
        return all(i.low >= 0 and i.high < n for i, n in zip(at, self.shape.dims, strict=True))


def strides(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours in each dimension."""
    found = [0] * shape.rank
    step = 1
    for d in reversed(shape.order):
        found[d] = step
        step *= shape.dims[d]
    return tuple(found)


class Builder:
    """A kernel under construction. `emit` appends to the innermost open block."""

    def __init__(self) -> None:
        self.blocks = [Block()]
        self.args: list[Arg] = []
        self.params: list[Buffer] = []
        self._by_arg: dict[Arg, Buffer] = {}
        self._counts: dict[str, int] = {}

    # ---- names and memory

    def _name(self, prefix: str) -> str:
        number = self._counts.get(prefix, 0)
        self._counts[prefix] = number + 1
        return f"{prefix}{number}"

    def param(self, arg: Arg, shape: Shape, role: Role = Role.INPUT) -> Ref:
        """The array that a launch argument holds."""
        buffer = self._by_arg.get(arg)
        if buffer is None:
            element = real_part(shape.element)
            size = shape.size * (2 if shape.element.is_complex else 1)
            buffer = Buffer(self._name(role.value), element, size, role)
            self._bind(arg, buffer)
        return Ref(buffer, shape)

    def workspace(self, element: ElementType, size: int, key: int = 0) -> Buffer:
        """Scratch memory of the launch."""
        arg = Scratch(key, size * element.bytes)
        buffer = self._by_arg.get(arg)
        if buffer is None:
            buffer = Buffer(self._name("tmp"), element, size, Role.INOUT)
            self._bind(arg, buffer)
        return buffer

    def _bind(self, arg: Arg, buffer: Buffer) -> None:
        self._by_arg[arg] = buffer
        self.args.append(arg)
        self.params.append(buffer)

    def local(self, element: ElementType, size: int) -> Buffer:
        """A small buffer of one thread, allocated here."""
        buffer = Buffer(self._name("local"), element, size, Role.INOUT, Space.LOCAL)
        self.emit(Alloc(buffer))
        return buffer

    def cell(self, element: ElementType, initial: Expr | None = None) -> Cell:
        """A mutable scalar, set at once if an initial value is given."""
        made = Cell(self._name("c"), Type(element))
        self.block.cells.add(made)
        if initial is not None:
            self.set(made, initial)
        return made

    # ---- statements

    @property
    def block(self) -> Block:
        """The innermost open block."""
        return self.blocks[-1]

    def emit(self, *stmts: Stmt) -> None:
        """Append statements."""
        self.blocks[-1].stmts.extend(stmts)

    def kept(self, value: Value) -> Value:
        """A value computed here and now, whatever the statements that follow do to memory."""
        return from_parts([k.cell(self.cell(e.type.element, e)) for e in parts(value)])

    def update(self, ref: Ref, at: Indices, value: Value) -> None:
        """Write an element whose new value may depend on the old one."""
        self.emit(*ref.store(at, self.kept(value) if isinstance(value, Complex) else value))

    def set(self, cell: Cell, value: Expr) -> None:
        """Give a cell a value."""
        self.emit(Set(cell, value))

    @contextmanager
    def body(self, var: Var | None = None) -> Iterator[Block]:
        """An open block; its statements are the caller's to use once it is closed."""
        block = Block(var)
        self.blocks.append(block)
        yield block
        self.blocks.pop()

    @contextmanager
    def loop(
        self, end: int | Index, axis: Axis = Axis.PARALLEL, begin: int | Index = 0, step: int = 1
    ) -> Iterator[Index]:
        """A loop from `begin` below `end`; gives its variable. One round needs no loop, none leaves no statements."""
        first = constant(begin) if isinstance(begin, int) else begin
        last = constant(end) if isinstance(end, int) else end
        if first.is_const and last.is_const and last.const <= first.const + step:
            if last.const > first.const:
                yield first
            else:
                with self.body():
                    yield first
            return
        var = Var(self._name("i"), first.low, max(first.low, last.high - 1))
        with self.body(var) as block:
            yield Index(((var, 1),))
        if block.stmts:
            self.emit(For(var, first, last, tuple(block.stmts), axis, step))

    @contextmanager
    def nest(
        self,
        dims: Sequence[int],
        order: Sequence[int],
        axis: Axis = Axis.PARALLEL,
        splits: dict[int, tuple[int, ...]] | None = None,
    ) -> Iterator[Indices]:
        """Loops over `dims`, the first of `order` outermost; gives the index of each dimension.

        A dimension in `splits` becomes a loop for each of the factors given, the outermost first.
        """
        found: list[Index] = [ZERO] * len(dims)
        with ExitStack() as stack:
            for d in order:
                index = ZERO
                for size in (splits or {}).get(d, (dims[d],)):
                    index = index * size + stack.enter_context(self.loop(size, axis))
                found[d] = index
            yield tuple(found)

    @contextmanager
    def when(self, condition: Expr) -> Iterator[None]:
        """A branch; a condition that is always true needs none."""
        if condition is TRUE:
            yield
            return
        with self.body() as block:
            yield
        if block.stmts:
            self.emit(If(condition, tuple(block.stmts)))

    @contextmanager
    def repeat(self, condition: Expr) -> Iterator[None]:
        """A loop while a condition on cells and memory holds."""
        with self.body() as block:
            yield
        self.emit(While(condition, tuple(block.stmts)))

    # ---- levels

    def level(self, indices: Indices, *exprs: Expr) -> int:
        """How many of the open blocks a value needs that depends on these indices and expressions."""
        needed = 1
        for depth, block in enumerate(self.blocks, 1):
            var = block.var
            if (
                (var is not None and (any(i.mentions(var) for i in indices) or any(e.mentions(var) for e in exprs)))
                or (block.cells and _reads_cell(block.cells, indices, exprs))
                or (depth > 1 and var is None)  # a branch: do not leave it
            ):
                needed = depth
        return needed

    @contextmanager
    def outside(self, level: int) -> Iterator[None]:
        """Emit into the innermost of the first `level` blocks, in front of the loops that are open further in."""
        inner = self.blocks[level:]
        del self.blocks[level:]
        yield
        self.blocks.extend(inner)

    def remember(self, key: Hashable, value: Value) -> None:
        """Note a value that holds in the innermost block."""
        self.blocks[-1].memo[key] = value

    def recall(self, key: Hashable) -> Value | None:
        """A value noted in any of the open blocks."""
        for block in reversed(self.blocks):
            found = block.memo.get(key)
            if found is not None:
                return found
        return None

    # ---- result

    def launch(self, name: str, flops: int = 0) -> Launch:
        """The finished kernel, bound to its arguments."""
        scratch = tuple(b for b, a in zip(self.params, self.args, strict=True) if isinstance(a, Scratch))
        made = Kernel(sanitize(name), tuple(self.params), tuple(self.blocks[0].stmts), flops, scratch)
        return Launch(made, tuple(self.args))


def _reads_cell(cells: set[Cell], indices: Indices, exprs: Sequence[Expr]) -> bool:
    found = list(exprs)
    for index in indices:
        found.extend(k.dynamics(index))
    return any(e.op == "cell" and e.attr in cells for root in found for e in root.walk())


def within(index: Index, low: int, high: int) -> Expr:
    """Whether low <= index < high; TRUE where that is known."""
    found = TRUE
    if index.low < low:
        found = both(found, k.compare("ge", k.index(index), k.const(low, k.INDEX)))
    if index.high >= high:
        found = both(found, k.compare("lt", k.index(index), k.const(high, k.INDEX)))
    return found


def choose(condition: Expr, x: Value, y: Value) -> Value:
    """`x` where the condition holds, else `y`."""
    if condition is TRUE:
        return x
    return from_parts([k.select(condition, a, b) for a, b in zip(parts(x), parts(y), strict=True)])
