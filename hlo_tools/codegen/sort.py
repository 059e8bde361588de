"""sort: by radix where the comparator orders a key, else a stable merge sort that calls it.

Rows (all dimensions but the sorted one) are independent. A radix record is the key and, below it, what the result
needs: the element itself where that is all there is to move, else its index. Short rows are sorted by insertion.
"""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices
from hlo_tools.codegen.comparators import SortKey, sort_key
from hlo_tools.codegen.elemental import Elements, applied
from hlo_tools.codegen.index import Index, constant, linear
from hlo_tools.codegen.kernel import Axis, Cell, Expr, Role, Type
from hlo_tools.codegen.launch import LOOPS, Launch, Result
from hlo_tools.codegen.loops import View, view_of
from hlo_tools.codegen.rooms import Room, Rooms, at_cell, at_value
from hlo_tools.codegen.value import UNSIGNED_OF, Num, Value, real
from hlo_tools.ir.element import PRED, S32, S64, U32, U64, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS

INSERTION = 32
"""Rows up to this length are sorted by insertion."""
DIGITS = 256


class Rows:
    """The loop over rows, and access to the elements of one."""

    def __init__(self, builder: Builder, view: View) -> None:
        inst = view.root
        self.builder = builder
        self.inst = inst
        self.axis = inst.attrs.dimensions[0]
        shape = inst.operands[0].shape
        self.dims = shape.dims
        self.length = shape.dims[self.axis]
        self.around = [d for d in shape.order if d != self.axis]
        self.count = shape.size // self.length
        self.elements = Elements(builder, view.inputs)
        paths = [path for path, _ in inst.shape.leaves()]
        self.refs = [builder.param(Result(path), inst.shape.at(path), Role.OUTPUT) for path in paths]
        self.at: Indices = ()

    def number(self) -> Index:
        """Which row this is."""
        sizes = [self.dims[d] for d in self.around]
        steps = [1] * len(sizes)
        for i in range(len(sizes) - 2, -1, -1):
            steps[i] = steps[i + 1] * sizes[i + 1]
        return linear(tuple(self.at[d] for d in self.around), tuple(steps))

    def place(self, i: Index) -> Indices:
        """The index of element `i` of the row."""
        return (*self.at[: self.axis], i, *self.at[self.axis + 1 :])

    def element(self, operand: int, i: Index) -> Value:
        """Element `i` of an operand."""
        return self.elements.value(self.inst.operands[operand], self.place(i))

    def deliver(self, operand: int, i: Index, value: Value) -> None:
        """Write element `i` of a result."""
        self.builder.emit(*self.refs[operand].store(self.place(i), value))


def emit_sort(inst: Instruction) -> tuple[Launch, ...]:
    """The kernel of a sort."""
    view = view_of(inst)
    shape = inst.operands[0].shape
    if not shape.size:
        return ()
    builder = Builder()
    rows = Rows(builder, view)
    key = sort_key(inst.attrs.to_apply)
    with builder.nest(shape.dims, rows.around) as rows.at:
        if key is None:
            _merge_sort(rows)
        else:
            records = Records(rows, key)
            records.fill()
            records.sort()
            _deliver(rows, records)
    return (builder.launch(view.name, view.flops * 4),)


# ---- by key


@dataclass(frozen=True, slots=True)
class Carried:
    """The element itself as the payload of a record."""

    element: ElementType

    def packed(self, value: Value) -> Expr:
        """The bits of an element, as u32."""
        e = real(value)
        if self.element is PRED or (self.element.is_integer and self.element.bits < 8):
            return k.convert(e, U32)
        return k.convert(k.bitcast(e, UNSIGNED_OF[max(8, self.element.bits)]), U32)

    def unpacked(self, bits: Expr) -> Expr:
        """The element with these bits."""
        if self.element is PRED or (self.element.is_integer and self.element.bits < 8):
            return k.convert(bits, self.element)
        return k.bitcast(k.convert(bits, UNSIGNED_OF[max(8, self.element.bits)]), self.element)


class Records:
    """The records of a row: key and payload in one u64 where the key has up to 32 bits, else in two arrays."""

    def __init__(self, rows: Rows, key: SortKey) -> None:
        inst, n = rows.inst, rows.length
        self.rows, self.key, self.n = rows, key, n
        self.builder = rows.builder
        self.wide = key.bits > 32
        self.passes = key.bits // 8
        element = inst.operands[0].shape.element
        alone = len(inst.operands) == 1 and element.bits <= 32 and not self.wide
        self.carried = Carried(element) if alone else None
        size = 2 * n * 8 + 4 * DIGITS * self.passes + (2 * n * 4 if self.wide else 0)
        self.rooms = Rooms(self.builder, rows.number(), rows.count, size)
        self.keys = self.rooms.room(U64, 2 * n)
        self.payloads = self.rooms.room(U32, 2 * n) if self.wide else None
        self.final = 0  # the half that holds the sorted records

    def key_of(self, record: Expr) -> Num:
        """The key part of what `keys` holds."""
        return Num(record) if self.wide else Num(record) >> 32

    def fill(self) -> None:
        """Make the records in the first half."""
        b = self.builder
        with b.loop(self.n) as i:
            value = self.rows.element(self.key.operand, i)
            key = k.convert(self.key.of(value), U64)
            payload = self.carried.packed(value) if self.carried else k.convert(k.index(i), U32)
            if self.payloads is not None:
                b.emit(self.keys.store(i, key), self.payloads.store(i, payload))
            else:
                b.emit(self.keys.store(i, ((Num(key) << 32) | Num(k.convert(payload, U64))).e))

    def payload(self, i: Index) -> Expr:
        """What sorted record `i` carries, as u32."""
        at = i + self.final * self.n
        if self.payloads is not None:
            return self.payloads.load(at)
        return k.convert(self.keys.load(at), U32)

    def sort(self) -> None:
        """Sort, stably."""
        if self.n <= INSERTION:
            self._insertion()
        else:
            self._radix()

    def _insertion(self) -> None:
        b, n = self.builder, self.n
        with b.loop(n, Axis.SERIAL, begin=1) as i:
            moving = [b.cell(room.buffer.element, room.load(i)) for room in self._halves()]
            j = b.cell(S64, k.index(i))
            here, before = at_cell(j, 0, n - 1), at_cell(j, 1, n) - 1
            inside = k.compare("gt", k.cell(j), k.const(0, k.INDEX))
            later = self.key_of(self.keys.load(before, inside)) > self.key_of(k.cell(moving[0]))
            with b.repeat(k.binary("and", inside, later.e)):
                for room in self._halves():
                    b.emit(room.store(here, room.load(before)))
                b.set(j, (Num(k.cell(j)) - 1).e)
            for room, cell in zip(self._halves(), moving, strict=True):
                b.emit(room.store(here, k.cell(cell)))

    def _halves(self) -> list[Room]:
        return [self.keys] if self.payloads is None else [self.keys, self.payloads]

    def _radix(self) -> None:
        """From the lowest digit to the highest: count, then move each record behind those with lesser digits."""
        b, n = self.builder, self.n
        counts = self.rooms.room(S32, DIGITS * self.passes)
        with b.loop(DIGITS * self.passes) as i:
            b.emit(counts.store(i, k.const(0, Type(S32))))
        with b.loop(n, Axis.SERIAL) as i:
            record = b.cell(U64, self.keys.load(i))
            for turn in range(self.passes):
                slot = self._digit(record, turn)
                b.emit(counts.store(slot, (Num(counts.load(slot)) + 1).e))
        for turn in range(self.passes):
            total = b.cell(S32, k.const(0, Type(S32)))
            with b.loop(DIGITS, Axis.SERIAL) as i:
                count = b.cell(S32, counts.load(i + turn * DIGITS))
                b.emit(counts.store(i + turn * DIGITS, k.cell(total)))
                b.set(total, (Num(k.cell(total)) + Num(k.cell(count))).e)
        for turn in range(self.passes):
            self._move(counts, turn)
        self.final = self.passes % 2

    def _digit(self, record: Cell, turn: int) -> Index:
        """Where the count of a record's digit stands."""
        shift = 8 * turn + (0 if self.wide else 32)
        digit = (Num(k.cell(record)) >> shift) & (DIGITS - 1)
        return at_value(digit.e, 0, DIGITS - 1) + turn * DIGITS

    def _move(self, counts: Room, turn: int) -> None:
        b, n = self.builder, self.n
        source, target = (turn % 2) * n, (1 - turn % 2) * n
        with b.loop(n, Axis.SERIAL) as i:
            moving = [b.cell(room.buffer.element, room.load(i + source)) for room in self._halves()]
            slot = self._digit(moving[0], turn)
            to = b.cell(S32, counts.load(slot))
            b.emit(counts.store(slot, (Num(k.cell(to)) + 1).e))
            for room, cell in zip(self._halves(), moving, strict=True):
                b.emit(room.store(at_cell(to, 0, n - 1) + target, k.cell(cell)))


def _deliver(rows: Rows, records: Records) -> None:
    """Write the results in the order of the records."""
    b = rows.builder
    with b.loop(rows.length) as i:
        if records.carried is not None:
            rows.deliver(0, i, records.carried.unpacked(records.payload(i)))
            return
        source = at_value(k.cell(b.cell(U32, records.payload(i))), 0, rows.length - 1)
        for operand in range(len(rows.inst.operands)):
            rows.deliver(operand, i, rows.element(operand, source))


# ---- by comparator


def _merge_sort(rows: Rows) -> None:
    """Bottom-up merge sort of indices; `order` has two halves, `source` says which one holds the sorted runs."""
    b, n = rows.builder, rows.length
    order = Rooms(b, rows.number(), rows.count, 8 * n).room(S32, 2 * n)
    with b.loop(n) as i:
        b.emit(order.store(i, k.convert(k.index(i), S32)))
    source = b.cell(S64, k.const(0, k.INDEX))
    width = b.cell(S64, k.const(1, k.INDEX))
    with b.repeat((Num(k.cell(width)) < n).e):
        begin = b.cell(S64, k.const(0, k.INDEX))
        with b.repeat((Num(k.cell(begin)) < n).e):
            middle = b.cell(S64, _least(Num(k.cell(begin)) + Num(k.cell(width)), n))
            end = b.cell(S64, _least(Num(k.cell(middle)) + Num(k.cell(width)), n))
            _merge(rows, order, source, begin, middle, end)
            b.set(begin, k.cell(end))
        b.set(source, (Num(k.cell(source)) * -1 + n).e)
        b.set(width, (Num(k.cell(width)) * 2).e)
    with b.loop(n) as i:
        chosen = at_value(k.cell(b.cell(S32, order.load(at_cell(source, 0, n) + i))), 0, n - 1)
        for operand in range(len(rows.inst.operands)):
            rows.deliver(operand, i, rows.element(operand, chosen))


def _least(x: Num, high: int) -> Expr:
    return k.binary("min", x.e, k.const(high, x.type))


def _merge(rows: Rows, order: Room, source: Cell, begin: Cell, middle: Cell, end: Cell) -> None:
    b, n = rows.builder, rows.length
    left, right = b.cell(S64, k.cell(begin)), b.cell(S64, k.cell(middle))
    with b.loop(at_cell(end, 0, n), Axis.SERIAL, begin=at_cell(begin, 0, n)) as i:
        has_left = Num(k.cell(left)) < Num(k.cell(middle))
        has_right = Num(k.cell(right)) < Num(k.cell(end))
        from_half = at_cell(source, 0, n)
        x = b.cell(S32, order.load(from_half + at_cell(left, 0, n - 1), has_left.e))
        y = b.cell(S32, order.load(from_half + at_cell(right, 0, n - 1), has_right.e))
        args: list[Value] = []
        for operand in range(len(rows.inst.operands)):
            args += [rows.element(operand, at_cell(c, 0, n - 1)) for c in (y, x)]
        before = Num(real(applied(b, rows.inst.attrs.to_apply, args)[0]))
        take = b.cell(PRED, (has_right & (~has_left | before)).e)
        chosen = k.select(k.cell(take), k.cell(y), k.cell(x))
        b.emit(order.store(constant(n) - from_half + i, chosen))
        step = Num(k.convert(k.cell(take), S64))
        b.set(right, (Num(k.cell(right)) + step).e)
        b.set(left, (Num(k.cell(left)) + 1 - step).e)


LOOPS.set(OPS["sort"], emit_sort)
