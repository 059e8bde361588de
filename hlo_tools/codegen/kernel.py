"""The kernel IR: loop nests over buffers with typed expressions, shared by all targets.

A kernel reads and writes flat buffers of elements. Its statements are loops, stores, cells (mutable scalars or
vectors) and branches; its expressions are typed values, scalar or with several lanes. Loops carry an axis that
says what may be done with them. `elemental.py` and `loops.py` make kernels from HLO; rewrites tile and vectorise
them for a target; a backend prints them as LLVM IR.

Every integer type computes modulo 2**bits. `pred` is one bit. Complex numbers are pairs of real expressions and
never occur here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hlo_tools.codegen.index import Dynamic, Index, Quotient, Remainder, Var
from hlo_tools.ir.element import PRED, S64, ElementType


@dataclass(frozen=True, slots=True)
class Type:
    """An element type and a number of lanes."""

    element: ElementType
    lanes: int = 1

    def __str__(self) -> str:
        return self.element.name if self.lanes == 1 else f"{self.element.name}x{self.lanes}"


INDEX = Type(S64)
BOOL = Type(PRED)


class Space(Enum):
    """Where a buffer lives."""

    GLOBAL = "global"
    LOCAL = "local"  # the stack of one thread
    SHARED = "shared"  # a GPU block's memory


class Role(Enum):
    """What a kernel does with a buffer that it is given."""

    INPUT = "in"
    OUTPUT = "out"
    INOUT = "inout"


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A flat array of `size` elements, `align` bytes aligned.

    Two different buffers of one kernel never overlap, except that an OUTPUT may be the very memory of an INPUT
    when `Kernel.in_place` says so.
    """

    name: str
    element: ElementType
    size: int
    role: Role = Role.INPUT
    space: Space = Space.GLOBAL
    align: int = 64

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A mutable scalar or vector of one thread; set before it is read."""

    name: str
    type: Type

    def __repr__(self) -> str:
        return self.name


class Expr:
    """A pure value. `op` names it, `attr` holds what is not an operand.

    op         args             attr            value
    const                       int | float     the number (bool for pred); all lanes alike
    index                       Index           an s64 (lanes 1)
    ramp       base             step            base, base + step, ... lane by lane
    cell                        Cell            the current value of the cell
    load       [mask]           Access          contiguous lanes from `access.index` on; masked-off lanes are 0
    gather     offsets [, mask] Buffer          lane by lane at element offsets (s64 or s32)
    splat      x                                x in every lane
    extract    x                lane            one lane of x
    shuffle    x, y             lanes           lanes picked from the lanes of x and y, in that order
    hreduce    x                monoid name     all lanes combined (see MONOIDS)
    neg abs not sqrt floor ceil trunc rint popcount clz ctz         unary
    add sub mul div rem and or xor shl shr sar min max mulhi        binary
    fma        x, y, z                          x * y + z, rounded once where the target can
    cmp        x, y             eq ne lt le gt ge   pred; floats: false on NaN but for `ne`; order by type
    select     c, x, y                          x where c, else y
    convert    x                                to the type of the expression: integers wrap or extend by the
                                                sign of x, float to integer saturates with NaN to 0, != 0 to pred
    bitcast    x                                the same bits (equal widths)

    `min` and `max` return NaN when either side is NaN. `div` and `rem` of integers are undefined by zero and on
    overflow: whoever makes them guards them. Shifts by the width or more are undefined likewise.
    """

    __slots__ = ("args", "attr", "op", "type")

    def __init__(self, op: str, type: Type, args: tuple[Expr, ...] = (), attr: Any = None) -> None:
        self.op = op
        self.type = type
        self.args = args
        self.attr = attr

    @property
    def children(self) -> tuple[Expr, ...]:
        """Operands, and the expressions inside indices."""
        if self.op == "index":
            return self.args + tuple(dynamics(self.attr))
        if self.op == "load":
            return self.args + tuple(dynamics(self.attr.index))
        return self.args

    def walk(self, seen: set[int] | None = None) -> Iterator[Expr]:
        """Every expression below and this one, each once, and none whose id is in `seen`, which is kept."""
        seen = set() if seen is None else seen
        stack = [self]
        while stack:
            e = stack.pop()
            if id(e) not in seen:
                seen.add(id(e))
                yield e
                stack.extend(e.children)

    def mentions(self, var: Var) -> bool:
        """Whether the value depends on a loop variable directly."""
        return any(
            (e.op == "index" and e.attr.mentions(var)) or (e.op == "load" and e.attr.index.mentions(var))
            for e in self.walk()
        )

    def __repr__(self) -> str:
        parts = [repr(a) for a in self.args]
        if self.attr is not None:
            parts.append(repr(self.attr))
        return f"{self.op}.{self.type}({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Access:
    """Elements of a buffer from an index on."""

    buffer: Buffer
    index: Index

    def __repr__(self) -> str:
        return f"{self.buffer.name}[{self.index}]"


def dynamics(index: Index) -> Iterator[Expr]:
    """The run-time expressions inside an index."""
    for atom, _ in index.terms:
        if isinstance(atom, Dynamic):
            yield atom.expr
        elif isinstance(atom, (Quotient, Remainder)):
            yield from dynamics(atom.of)


# ---- statements


class Axis(Enum):
    """What may be done with the iterations of a loop."""

    SERIAL = "serial"  # in order
    PARALLEL = "parallel"  # independent: any order, at once
    REDUCE = "reduce"  # the body only changes memory or cells by `Accumulate`: any grouping
    UNROLL = "unroll"  # in order, and to be expanded
    THREADS = "threads"  # PARALLEL, divided among threads: the caller of the kernel gives first and last
    GRID_X = "grid.x"  # PARALLEL, one GPU block each
    GRID_Y = "grid.y"
    GRID_Z = "grid.z"
    BLOCK_X = "block.x"  # PARALLEL, one GPU thread of the block each
    BLOCK_Y = "block.y"
    BLOCK_Z = "block.z"


@dataclass(frozen=True, slots=True, eq=False)
class For:
    """For var = begin, begin + step, ... below end."""

    var: Var
    begin: Index
    end: Index
    body: tuple[Stmt, ...]
    axis: Axis = Axis.SERIAL
    step: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """Write a value (all its lanes, contiguously) at an index; masked-off lanes stay."""

    buffer: Buffer
    index: Index
    value: Expr
    mask: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Write lane by lane at element offsets."""

    buffer: Buffer
    offsets: Expr
    value: Expr
    mask: Expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """Give a cell a value."""

    cell: Cell
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Accumulate:
    """cell = monoid(cell, value), in any order and grouping."""

    cell: Cell
    monoid: str
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """A branch on a one-lane pred."""

    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class While:
    """Repeat `body` while `condition` holds; it is evaluated anew before each round (cells, loads)."""

    condition: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Alloc:
    """A buffer of the kernel's own for the statements that follow it; uninitialised."""

    buffer: Buffer


@dataclass(frozen=True, slots=True, eq=False)
class Barrier:
    """All threads of a GPU block wait for each other."""


Stmt = For | Store | Scatter | Set | Accumulate | If | While | Alloc | Barrier


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A function over buffers.

    params      in the order of the calling convention
    body        statements; a THREADS loop may stand at top level only, alone, from 0 to a constant in steps of 1:
                the caller runs any part of that range
    flops       work of one run, to decide whether threads pay
    scratch     params that are workspace, contents undefined before and after
    """

    name: str
    params: tuple[Buffer, ...]
    body: tuple[Stmt, ...]
    flops: int = 0
    scratch: tuple[Buffer, ...] = field(default=())

    @property
    def threads_loop(self) -> For | None:
        """The loop that is divided among threads, if there is one."""
        return next((s for s in self.body if isinstance(s, For) and s.axis is Axis.THREADS), None)


MONOIDS: dict[str, Callable[[ElementType], int | float]] = {
    "add": lambda e: 0,
    "mul": lambda e: 1,
    "min": lambda e: _largest(e),
    "max": lambda e: _least(e),
    "and": lambda e: -1 if e.is_signed else (1 << e.bits) - 1,
    "or": lambda e: 0,
    "xor": lambda e: 0,
}
"""Associative, commutative combinations, each with its identity for an element type."""


def _largest(e: ElementType) -> int | float:
    if e.is_float:
        return float("inf")
    return (1 << (e.bits - 1)) - 1 if e.is_signed else (1 << e.bits) - 1


def _least(e: ElementType) -> int | float:
    if e.is_float:
        return float("-inf")
    return -(1 << (e.bits - 1)) if e.is_signed else 0


# ---- walking


def bodies(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """The statement lists inside a statement."""
    if isinstance(stmt, (For, While)):
        return (stmt.body,)
    if isinstance(stmt, If):
        return (stmt.then, stmt.otherwise)
    return ()


def statements(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Every statement of a body, outer ones first."""
    for stmt in body:
        yield stmt
        for inner in bodies(stmt):
            yield from statements(inner)


def roots(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions that a statement itself evaluates (not those of its bodies)."""
    if isinstance(stmt, For):
        return tuple(dynamics(stmt.begin)) + tuple(dynamics(stmt.end))
    if isinstance(stmt, Store):
        masks = () if stmt.mask is None else (stmt.mask,)
        return (stmt.value, *masks, *dynamics(stmt.index))
    if isinstance(stmt, Scatter):
        return (stmt.offsets, stmt.value) if stmt.mask is None else (stmt.offsets, stmt.value, stmt.mask)
    if isinstance(stmt, (Set, Accumulate)):
        return (stmt.value,)
    if isinstance(stmt, (If, While)):
        return (stmt.condition,)
    return ()


# ---- making expressions; trivial ones fold


def const(value: int | float | bool, type: Type) -> Expr:
    """A number; integers are reduced to the range of the type."""
    e = type.element
    if e.is_integer:
        value = int(value) & ((1 << e.bits) - 1)
        if e.is_signed and value >> (e.bits - 1):
            value -= 1 << e.bits
    elif e is PRED:
        value = bool(value)
    else:
        value = float(value)
    return Expr("const", type, (), value)


def index(at: Index) -> Expr:
    """An index as an s64 value."""
    return const(at.const, INDEX) if at.is_const else Expr("index", INDEX, (), at)


def load(buffer: Buffer, at: Index, lanes: int = 1, mask: Expr | None = None) -> Expr:
    """Elements of a buffer."""
    return Expr("load", Type(buffer.element, lanes), () if mask is None else (mask,), Access(buffer, at))


def cell(of: Cell) -> Expr:
    """The current value of a cell."""
    return Expr("cell", of.type, (), of)


def unary(op: str, x: Expr) -> Expr:
    """neg abs not sqrt floor ceil trunc rint popcount clz ctz."""
    return Expr(op, x.type, (x,))


def binary(op: str, x: Expr, y: Expr) -> Expr:
    """add sub mul div rem and or xor shl shr sar min max mulhi, on equal types."""
    if x.type != y.type:
        raise TypeError(f"{op} of {x.type} and {y.type}")
    return Expr(op, x.type, (x, y))


def fma(x: Expr, y: Expr, z: Expr) -> Expr:
    """x * y + z."""
    return Expr("fma", x.type, (x, y, z))


def compare(predicate: str, x: Expr, y: Expr) -> Expr:
    """eq ne lt le gt ge."""
    if x.type != y.type:
        raise TypeError(f"cmp of {x.type} and {y.type}")
    return Expr("cmp", Type(PRED, x.type.lanes), (x, y), predicate)


def select(c: Expr, x: Expr, y: Expr) -> Expr:
    """x where c, else y."""
    if x.type != y.type or c.type.element is not PRED:
        raise TypeError(f"select of {c.type}, {x.type}, {y.type}")
    if c.op == "const":
        return x if c.attr else y
    return Expr("select", x.type, (c, x, y))


def convert(x: Expr, element: ElementType) -> Expr:
    """To another element type."""
    return x if x.type.element is element else Expr("convert", Type(element, x.type.lanes), (x,))


def bitcast(x: Expr, element: ElementType) -> Expr:
    """The same bits as another element type of equal width."""
    return x if x.type.element is element else Expr("bitcast", Type(element, x.type.lanes), (x,))


def splat(x: Expr, lanes: int) -> Expr:
    """x in every lane."""
    if lanes == 1:
        return x
    t = Type(x.type.element, lanes)
    return const(x.attr, t) if x.op == "const" else Expr("splat", t, (x,))


# ---- rewriting


def bottom_up(root: Expr, done: Container[int]) -> Iterator[Expr]:
    """Expressions whose ids are not in `done`, children first. Who iterates adds each to `done` when it comes.

    Expressions may be deep, so this does not recurse.
    """
    stack = [root]
    while stack:
        e = stack[-1]
        pending = () if id(e) in done else [c for c in e.children if id(c) not in done]
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        if id(e) not in done:
            yield e


def map_expr(root: Expr, change: Callable[[Expr], Expr | None], memo: dict[int, Expr]) -> Expr:
    """Rebuild an expression bottom-up: `change(original)` gives the replacement, or None to rebuild it as it is.

    Run-time atoms inside indices are rebuilt too. `memo` keeps shared parts shared; expressions may be deep, so
    this does not recurse.
    """
    stack = [root]
    while stack:
        e = stack[-1]
        if id(e) in memo:
            stack.pop()
            continue
        new = change(e)
        if new is None:
            pending = [c for c in e.children if id(c) not in memo]
            if pending:
                stack.extend(pending)
                continue
            new = _rebuilt(e, memo)
        memo[id(e)] = new
        stack.pop()
    return memo[id(root)]


def _rebuilt(e: Expr, memo: dict[int, Expr]) -> Expr:
    args = tuple(memo[id(a)] for a in e.args)
    attr = e.attr
    inside = e.children[len(args) :]
    if inside and any(memo[id(c)] is not c for c in inside):
        if e.op == "index":
            attr = attr.substitute({}, lambda x: memo[id(x)])
        else:
            attr = Access(attr.buffer, attr.index.substitute({}, lambda x: memo[id(x)]))
    return e if args == e.args and attr is e.attr else Expr(e.op, e.type, args, attr)
