"""topk: the best k of each row are kept sorted while the row is read; a block with no better one costs a maximum."""

from __future__ import annotations

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices
from hlo_tools.codegen.comparators import integer_key
from hlo_tools.codegen.elemental import Elements
from hlo_tools.codegen.index import Index, constant, linear
from hlo_tools.codegen.kernel import MONOIDS, Accumulate, Axis, Cell, Expr, Role, Type
from hlo_tools.codegen.launch import LOOPS, Launch, Result
from hlo_tools.codegen.loops import View, view_of
from hlo_tools.codegen.rooms import Room, Rooms, at_cell, at_value
from hlo_tools.codegen.value import Num, real
from hlo_tools.ir.element import S32, S64, U32, U64
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS

BLOCK = 64
"""Elements that are looked at together."""


class _Row:
    """The keys of the best k so far in `best[1 .. k]`, the best first, and their indices in `where`.

    `best[0]` is above everything. Of equal keys the first wins, because later ones are put behind.
    """

    def __init__(self, builder: Builder, view: View) -> None:
        inst = view.root
        x = inst.operands[0].shape
        self.builder, self.inst, self.count = builder, inst, inst.attrs.k
        self.length = x.dims[-1]
        self.elements = Elements(builder, view.inputs)
        self.values = builder.param(Result((0,)), inst.shape.at((0,)), Role.OUTPUT)
        self.places = builder.param(Result((1,)), inst.shape.at((1,)), Role.OUTPUT)
        self.at: Indices = ()

    def key(self, i: Index) -> Expr:
        """The key of element `i`, greater for better ones, as u64."""
        x = real(self.elements.value(self.inst.operands[0], (*self.at, i)))
        return k.convert(integer_key(x, True, self.inst.attrs.largest), U64)

    def run(self, rooms: Rooms) -> None:
        """Find the best and write them."""
        b, n, count = self.builder, self.length, self.count
        best = rooms.room(U64, count + 1)
        where = rooms.room(U32, count + 1)
        b.emit(best.store(constant(0), k.const(-1, Type(U64))))
        with b.loop(count) as i:  # the first k, in any case
            b.emit(best.store(i + 1, k.const(0, Type(U64))), where.store(i + 1, k.const(0, Type(U32))))
        filled = b.cell(S64, k.const(0, k.INDEX))
        with b.loop(-(-n // BLOCK), Axis.SERIAL) as block:
            begin = block * BLOCK
            last = at_value(k.binary("min", k.index(begin + BLOCK), k.const(n, k.INDEX)), 0, n)
            top = b.cell(U64, k.const(MONOIDS["max"](U64), Type(U64)))
            with b.loop(last, Axis.REDUCE, begin=begin) as i:
                b.emit(Accumulate(top, "max", self.key(i)))
            open_ = k.compare("lt", k.cell(filled), k.const(count, k.INDEX))
            better = (Num(k.cell(top)) > Num(best.load(constant(count)))).e
            with b.when(k.binary("or", open_, better)), b.loop(last, Axis.SERIAL, begin=begin) as i:
                self._offer(best, where, filled, i)
        with b.loop(count) as i:
            source = at_value(k.cell(b.cell(U32, where.load(i + 1))), 0, n - 1)
            value = self.elements.value(self.inst.operands[0], (*self.at, source))
            b.emit(*self.values.store((*self.at, i), value))
            b.emit(*self.places.store((*self.at, i), k.convert(k.index(source), S32)))

    def _offer(self, best: Room, where: Room, filled: Cell, i: Index) -> None:
        """Put element `i` behind all that are at least as good; the worst falls out when there are k already."""
        b, count = self.builder, self.count
        key = b.cell(U64, self.key(i))
        open_ = k.compare("lt", k.cell(filled), k.const(count, k.INDEX))
        better = (Num(k.cell(key)) > Num(best.load(constant(count)))).e
        with b.when(k.binary("or", open_, better)):
            b.set(filled, k.binary("min", (Num(k.cell(filled)) + 1).e, k.const(count, k.INDEX)))
            j = b.cell(S64, k.cell(filled))
            here, before = at_cell(j, 1, count), at_cell(j, 1, count) - 1
            with b.repeat((Num(best.load(before)) < Num(k.cell(key))).e):
                b.emit(best.store(here, best.load(before)), where.store(here, where.load(before)))
                b.set(j, (Num(k.cell(j)) - 1).e)
            b.emit(best.store(here, k.cell(key)), where.store(here, k.convert(k.index(i), U32)))


def emit_topk(inst: Instruction) -> tuple[Launch, ...]:
    """The kernel of a topk."""
    view = view_of(inst)
    x, count = inst.operands[0].shape, inst.attrs.k
    if not x.size or not count:
        return ()
    builder = Builder()
    row = _Row(builder, view)
    outer = [d for d in x.order if d != x.rank - 1]
    with builder.nest(x.dims[:-1], outer) as row.at:
        steps = [1] * (x.rank - 1)
        for d in range(x.rank - 3, -1, -1):
            steps[d] = steps[d + 1] * x.dims[d + 1]
        rooms = Rooms(builder, linear(row.at, tuple(steps)), x.size // x.dims[-1], 12 * (count + 1))
        row.run(rooms)
    return (builder.launch(view.name, view.flops),)


LOOPS.set(OPS["topk"], emit_topk)
