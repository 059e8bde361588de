"""Executes kernels on numpy, without any compiler: the reference for what a kernel means.

Independent iterations run together as the rows of arrays, so that kernels of millions of elements are feasible.
Every access of an active iteration is checked against the bounds of its buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hlo_tools.codegen.index import Atom, Dynamic, Index, Quotient, Var
from hlo_tools.codegen.kernel import (
    MONOIDS,
    Accumulate,
    Alloc,
    Axis,
    Barrier,
    Buffer,
    Cell,
    Expr,
    For,
    If,
    Kernel,
    Scatter,
    Set,
    Stmt,
    Store,
    While,
    bottom_up,
)
from hlo_tools.ir.element import PRED, ElementType
from hlo_tools.ops.numerics import narrow

Array = np.ndarray[Any, np.dtype[Any]]
"""Values have the shape (rows, lanes), where one row stands for all when they agree."""

ROWS = 1 << 21
"""How many iterations run together at most."""


class OutOfBounds(Exception):
    """An active iteration reads or writes outside a buffer."""


def run_kernel(kernel: Kernel, buffers: Sequence[Array]) -> None:
    """Execute `kernel` on flat arrays, one for each parameter; outputs are written in place.

    Raises OutOfBounds for an access outside a buffer.
    """
    memory: dict[Buffer, Array] = {}
    for buffer, array in zip(kernel.params, buffers, strict=True):
        if array.shape != (buffer.size,) or array.dtype != buffer.element.dtype:
            raise ValueError(f"{array.dtype}{list(array.shape)} is no {buffer.element}[{buffer.size}] ({buffer})")
        memory[buffer] = array
    with np.errstate(all="ignore"):
        _Machine(memory).run(kernel.body)


class _Machine:
    """The state of `rows` iterations that run in step."""

    def __init__(self, memory: dict[Buffer, Array]) -> None:
        self.memory = memory
        self.rows = 1
        self.vars: dict[Var, Array] = {}
        self.cells: dict[Cell, list[Array]] = {}
        self.mask: Array | None = None  # which rows are active; None: all
        self.local: set[Buffer] = set()

    # ---- statements

    def run(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            _EXECUTE[type(stmt)](self, stmt)

    def loop(self, stmt: For) -> None:
        begin, end = self.index(stmt.begin), self.index(stmt.end)
        low, high = int(begin.min()), int(end.max())
        uniform = begin.size == 1 and end.size == 1
        together = stmt.axis not in (Axis.SERIAL, Axis.UNROLL)
        if together and uniform:
            self.loop_together(stmt, range(low, high, stmt.step))
        elif uniform:
            for i in range(low, high, stmt.step):
                self.vars[stmt.var] = np.array([[i]])
                self.run(stmt.body)
        else:
            self.loop_masked(stmt, begin, end)

    def loop_masked(self, stmt: For, begin: Array, end: Array) -> None:
        """A loop whose bounds differ from row to row: each round runs the rows that are not at their end."""
        outer = self.mask
        at = np.broadcast_to(begin, (self.rows, 1)).copy()
        while True:
            active = at < end
            self.mask = active if outer is None else active & outer
            if not self.mask.any():
                break
            self.vars[stmt.var] = np.where(active, at, begin)
            self.run(stmt.body)
            at = at + stmt.step
        self.mask = outer

    def loop_together(self, stmt: For, values: range) -> None:
        chunk = max(1, ROWS // self.rows)
        for start in range(0, len(values), chunk):
            part = np.array(values[start : start + chunk], np.int64)
            n = len(part)
            saved = self.rows, dict(self.cells), self.mask, dict(self.vars)
            self.vars[stmt.var] = np.tile(part, self.rows)[:, None]
            if self.mask is not None:
                self.mask = np.repeat(self.mask, n, axis=0)
            self.rows *= n
            self.run(stmt.body)
            self.rows, self.cells, self.mask, self.vars = saved

    def store(self, stmt: Store) -> None:
        value = self.value(stmt.value)
        at = self.index(stmt.index) + np.arange(value.shape[1])
        self.write(stmt.buffer, at, value, stmt.mask)

    def scatter(self, stmt: Scatter) -> None:
        self.write(stmt.buffer, self.value(stmt.offsets), self.value(stmt.value), stmt.mask)

    def write(self, buffer: Buffer, at: Array, value: Array, mask: Expr | None) -> None:
        active = self.active(mask, value.shape[1])
        at, value, active = np.broadcast_arrays(at, value, active)
        self.check(buffer, at, active)
        target, where = self.place(buffer, at)
        target[where[active]] = value[active]

    def set(self, stmt: Set) -> None:
        value = self.value(stmt.value)
        value = np.broadcast_to(value, (self.rows, value.shape[1]))
        if self.mask is not None and stmt.cell in self.cells:
            value = np.where(self.mask, value, self.spread(self.cells[stmt.cell][0]))
        box = self.cells.get(stmt.cell)
        if box is not None and len(box[0]) == self.rows:
            box[0] = value
        else:
            self.cells[stmt.cell] = [value]

    def accumulate(self, stmt: Accumulate) -> None:
        value = self.value(stmt.value)
        value = np.broadcast_to(value, (self.rows, value.shape[1]))
        element = stmt.cell.type.element
        if self.mask is not None:
            identity = np.array(MONOIDS[stmt.monoid](element), element.dtype)
            value = np.where(self.mask, value, identity)
        box = self.cells[stmt.cell]
        per_row = value.reshape(len(box[0]), -1, value.shape[1])
        combine = _UFUNCS[stmt.monoid]
        total = per_row[:, 0]
        if per_row.shape[1] > 1:
            total = combine.reduce(per_row, axis=1, dtype=element.dtype)
        box[0] = combine(box[0], total)

    def branch(self, stmt: If) -> None:
        condition = self.value(stmt.condition)
        outer = self.mask
        for body, taken in ((stmt.then, condition), (stmt.otherwise, ~condition)):
            self.mask = np.broadcast_to(taken if outer is None else taken & outer, (self.rows, 1))
            if body and self.mask.any():
                self.run(body)
        self.mask = outer

    def repeat(self, stmt: While) -> None:
        outer = self.mask
        while True:
            going = self.value(stmt.condition)
            self.mask = np.broadcast_to(going if self.mask is None else going & self.mask, (self.rows, 1))
            if not self.mask.any():
                break
            self.run(stmt.body)
        self.mask = outer

    def allocate(self, stmt: Alloc) -> None:
        self.local.add(stmt.buffer)
        self.memory[stmt.buffer] = np.zeros(self.rows * stmt.buffer.size, stmt.buffer.element.dtype)

    def barrier(self, stmt: Barrier) -> None:
        """Rows run in step, so there is nothing to wait for."""

    # ---- values

    def spread(self, value: Array) -> Array:
        """A value of an outer loop for the rows of this one."""
        if len(value) in (1, self.rows):
            return value
        return np.repeat(value, self.rows // len(value), axis=0)

    def active(self, mask: Expr | None, lanes: int) -> Array:
        found = np.ones((1, lanes), np.bool_) if mask is None else self.value(mask)
        return np.broadcast_to(found if self.mask is None else found & self.mask, (self.rows, lanes))

    def check(self, buffer: Buffer, at: Array, active: Array) -> None:
        bad = active & ((at < 0) | (at >= buffer.size))
        if bad.any():
            raise OutOfBounds(f"{buffer.name}[{at[bad][0]}] of {buffer.size}")

    def place(self, buffer: Buffer, at: Array) -> tuple[Array, Array]:
        """The array behind a buffer, and the element numbers in it: each row has its own local buffers."""
        memory = self.memory[buffer]
        if buffer not in self.local:
            return memory, at
        copies = len(memory) // buffer.size
        row = np.arange(self.rows)[:, None] // (self.rows // copies)
        return memory, at + row * buffer.size

    def read(self, buffer: Buffer, at: Array, mask: Expr | None) -> Array:
        active = self.active(mask, at.shape[1])
        if mask is None and self.mask is None and len(at) == 1 and buffer not in self.local:
            active = active[:1]
        at, active = np.broadcast_arrays(at, active)
        self.check(buffer, at, active)
        memory, where = self.place(buffer, np.where(active, at, 0))
        if not buffer.size:
            return np.zeros(at.shape, memory.dtype)
        return np.where(active, memory[where], np.zeros((), memory.dtype))

    def index(self, index: Index, memo: dict[int, Array] | None = None) -> Array:
        total = np.array([[index.const]], np.int64)
        for atom, c in index.terms:
            total = total + self.atom(atom, memo) * c
        return total

    def atom(self, atom: Atom, memo: dict[int, Array] | None) -> Array:
        if isinstance(atom, Var):
            return self.spread(self.vars[atom])
        if isinstance(atom, Dynamic):
            return self.value(atom.expr, memo)
        inner = self.index(atom.of, memo)
        return inner // atom.by if isinstance(atom, Quotient) else inner % atom.by

    def value(self, root: Expr, memo: dict[int, Array] | None = None) -> Array:
        """The value of an expression, shape (rows or 1, lanes)."""
        memo = {} if memo is None else memo
        for e in bottom_up(root, memo):
            memo[id(e)] = self.compute(e, [memo[id(a)] for a in e.args], memo)
        return memo[id(root)]

    def compute(self, e: Expr, args: list[Array], memo: dict[int, Array]) -> Array:
        if e.op in _PURE:
            return _PURE[e.op](e, *args)
        if e.op == "index":
            return self.index(e.attr, memo)
        if e.op == "cell":
            return self.spread(self.cells[e.attr][0])
        if e.op == "load":
            at = self.index(e.attr.index, memo) + np.arange(e.type.lanes)
            return self.read(e.attr.buffer, at, e.args[0] if e.args else None)
        if e.op == "gather":
            return self.read(e.attr, args[0].astype(np.int64), e.args[1] if len(args) > 1 else None)
        raise ValueError(f"unknown expression {e.op}")


_EXECUTE: dict[type[Any], Callable[[_Machine, Any], None]] = {
    For: _Machine.loop,
    Store: _Machine.store,
    Scatter: _Machine.scatter,
    Set: _Machine.set,
    Accumulate: _Machine.accumulate,
    If: _Machine.branch,
    While: _Machine.repeat,
    Alloc: _Machine.allocate,
    Barrier: _Machine.barrier,
}


# ---- pure operations


def _unsigned(x: Array) -> Array:
    return x.view(np.dtype(f"u{x.dtype.itemsize}"))


def _truncated_quotient(e: Expr, x: Array, y: Array) -> Array:
    if not e.type.element.is_integer:
        return _typed(e, x / y)
    y = np.where(y == 0, np.ones((), y.dtype), y)  # a select discards the lanes that would trap
    return _typed(e, (x - np.fmod(x, y)) // y)


def _remainder(e: Expr, x: Array, y: Array) -> Array:
    if e.type.element.is_integer:
        y = np.where(y == 0, np.ones((), y.dtype), y)
    return _typed(e, np.fmod(x, y))


def _shift(op: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def shifted(e: Expr, x: Array, y: Array) -> Array:
        amount = y & (e.type.element.bits - 1)  # undefined beyond the width: some value, as on hardware
        return _typed(e, op(x, amount))

    return shifted


def _logical_right(x: Array, y: Array) -> Array:
    result: Array = (_unsigned(x) >> _unsigned(y)).view(x.dtype)
    return result


def _high_product(e: Expr, x: Array, y: Array) -> Array:
    bits = e.type.element.bits
    whole: Array = (x.astype(object) * y.astype(object)) >> bits
    return whole.astype(e.type.element.dtype)


def _leading_zeros(e: Expr, x: Array) -> Array:
    bits, rest = e.type.element.bits, _unsigned(x)
    count = np.zeros(x.shape, np.int64)
    for _ in range(bits):
        count += rest != 0
        rest = rest >> 1
    return (bits - count).astype(x.dtype)


def _trailing_zeros(e: Expr, x: Array) -> Array:
    low = _unsigned(x) & (~_unsigned(x) + _unsigned(x).dtype.type(1))
    return np.where(x == 0, e.type.element.bits, np.bitwise_count(low - low.dtype.type(1))).astype(x.dtype)


def _typed(e: Expr, x: Array) -> Array:
    return x if x.dtype == e.type.element.dtype else x.astype(e.type.element.dtype)


def _convert(e: Expr, x: Array) -> Array:
    return convert_array(x, e.args[0].type.element, e.type.element)


def convert_array(x: Array, source: ElementType, target: ElementType) -> Array:
    """`x` converted as the `convert` expression does."""
    if target is PRED:
        truth: Array = x != 0
        return truth
    if source.is_float and target.is_integer:
        wide = x.astype(np.float64)
        low, high = (
            (-(1 << target.bits - 1), (1 << target.bits - 1) - 1) if target.is_signed else (0, (1 << target.bits) - 1)
        )
        inside = (wide > low) & (wide < high)
        whole = np.where(inside, wide, 0).astype(np.int64 if target.is_signed else np.uint64)
        whole = np.where(wide >= high, np.array(high, whole.dtype), whole)
        whole = np.where(wide <= low, np.array(low, whole.dtype), whole)
        return whole.astype(target.dtype)
    if source.bits < 8 and not source.is_float:
        x = x.astype(np.int8 if source.is_signed else np.uint8)
    elif source.is_float and source.bits <= 16:
        x = x.astype(np.float32)
    if target.is_integer and target.bits < 8:
        x = x.astype(np.int8 if target.is_signed else np.uint8)
    if target.is_float and target.bits <= 16 and not source.is_float:
        x = x.astype(np.float64)
    return narrow(x, target)


def _compare(e: Expr, x: Array, y: Array) -> Array:
    result: Array = _COMPARE[e.attr](x, y)
    return result


def _horizontal(e: Expr, x: Array) -> Array:
    result: Array = _UFUNCS[e.attr].reduce(x, axis=1, dtype=e.type.element.dtype)[:, None]
    return result


def _shuffle(e: Expr, x: Array, y: Array) -> Array:
    x, y = np.broadcast_arrays(x, y) if len(x) == len(y) else _same_rows(x, y)
    return np.concatenate([x, y], axis=1)[:, list(e.attr)]


def _same_rows(x: Array, y: Array) -> tuple[Array, Array]:
    rows = max(len(x), len(y))
    return np.broadcast_to(x, (rows, x.shape[1])), np.broadcast_to(y, (rows, y.shape[1]))


def _ramp(e: Expr, base: Array) -> Array:
    return _typed(e, base + np.arange(e.type.lanes).astype(base.dtype) * e.attr)


def _splat(e: Expr, x: Array) -> Array:
    return np.repeat(x, e.type.lanes, axis=1)


def _const(e: Expr) -> Array:
    return np.full((1, e.type.lanes), e.attr, e.type.element.dtype)


_COMPARE: Mapping[str, Any] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UFUNCS: Mapping[str, Any] = {
    "add": np.add,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def _lifted(function: Any) -> Callable[..., Array]:
    return lambda e, *args: _typed(e, function(*args))


_PURE: Mapping[str, Callable[..., Array]] = {
    "const": _const,
    "ramp": _ramp,
    "splat": _splat,
    "extract": lambda e, x: x[:, e.attr : e.attr + 1],
    "shuffle": _shuffle,
    "hreduce": _horizontal,
    "neg": _lifted(np.negative),
    "abs": _lifted(np.abs),
    "not": _lifted(np.invert),
    "sqrt": _lifted(np.sqrt),
    "floor": _lifted(np.floor),
    "ceil": _lifted(np.ceil),
    "trunc": _lifted(np.trunc),
    "rint": _lifted(np.rint),
    "popcount": lambda e, x: np.bitwise_count(_unsigned(x)).astype(x.dtype),
    "clz": _leading_zeros,
    "ctz": _trailing_zeros,
    **{name: _lifted(function) for name, function in _UFUNCS.items()},
    "sub": _lifted(np.subtract),
    "div": _truncated_quotient,
    "rem": _remainder,
    "shl": _shift(np.left_shift),
    "sar": _shift(np.right_shift),
    "shr": _shift(_logical_right),
    "mulhi": _high_product,
    "fma": _lifted(lambda x, y, z: x * y + z),
    "cmp": _compare,
    "select": _lifted(np.where),
    "convert": _convert,
    "bitcast": lambda e, x: np.ascontiguousarray(x).view(e.type.element.dtype),
}
