"""Windows with code of their own: running sums (a reduce-window that shows all elements so far), select-and-scatter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices, Ref, choose
from hlo_tools.codegen.contraction import Accumulator, set_together, undilated
from hlo_tools.codegen.elemental import Elements, applied
from hlo_tools.codegen.index import Dynamic, Index, constant, of
from hlo_tools.codegen.kernel import Axis, If, Role
from hlo_tools.codegen.launch import LOOPS, Launch, Result
from hlo_tools.codegen.loops import View, emit, view_of
from hlo_tools.codegen.scalar import working
from hlo_tools.codegen.scalars import monoid_name
from hlo_tools.codegen.value import TRUE, Value, both, from_parts, parts, real
from hlo_tools.ir.attributes import WindowDim
from hlo_tools.ir.element import PRED, S64
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS
from hlo_tools.ops.windows import window_of

_THREADS = 8  # into at most how many parts rows are divided

# ---- running sums


def _reduce_window(inst: Instruction) -> tuple[Launch, ...]:
    axis = scanned_dimension(inst)
    if axis is None or not inst.shape.size:
        return emit(inst)
    return (_scan(view_of(inst), axis),)


def scanned_dimension(inst: Instruction) -> int | None:
    """The dimension along which a reduce-window combines all elements up to (or from) each place."""
    shape = inst.operands[0].shape
    window = window_of(inst.attrs.window, shape.rank)
    if len(inst.operands) != 2 or monoid_name(inst.attrs.to_apply) is None:
        return None
    wide = [d for d, w in enumerate(window) if w != WindowDim()]
    if len(wide) != 1:
        return None
    w, n = window[wide[0]], shape.dims[wide[0]]
    forward = WindowDim(size=n, padding_low=n - 1)
    backward = WindowDim(size=n, padding_high=n - 1)
    return wide[0] if w in (forward, backward) else None


def _scan(view: View, axis: int) -> Launch:
    """Along the innermost dimension the sum is kept in a cell, along others it is read back from the result.

    Sums of floats narrower than f32 are always kept in a cell, of type f32.
    """
    inst, shape = view.root, view.root.shape
    forward = window_of(inst.attrs.window, shape.rank)[axis].padding_low > 0
    builder = Builder()
    elements = Elements(builder, view.inputs)
    ref = builder.param(Result(), shape, Role.INOUT)
    order, n = shape.order, shape.dims[axis]
    position = order.index(axis)
    outer, inner = order[:position], order[position + 1 :]
    initial = elements.value(inst.operands[1], ())
    first = constant(0 if forward else n - 1)

    def along(i: Index) -> Index:
        return i if forward else constant(n - 1) - i

    def place(at: Indices, i: Index) -> Indices:
        return (*at[:axis], i, *at[axis + 1 :])

    if working(shape.element) is not shape.element or all(shape.dims[d] == 1 for d in inner):
        with _rows(builder, shape.dims, (*outer, *inner)) as row:
            sums = Accumulator(builder, inst.attrs.to_apply, [initial], [shape.element])
            with builder.loop(n, Axis.SERIAL) as i:
                at = place(row, along(i))
                sums.combine([elements.value(inst.operands[0], at)])
                builder.update(ref, at, sums.results()[0])
        return builder.launch(view.name, shape.size)

    def step(at: Indices, before: Value) -> None:
        x = elements.value(inst.operands[0], at)
        (total,) = applied(builder, inst.attrs.to_apply, [before, x])
        builder.update(ref, at, total)

    with builder.nest(shape.dims, outer) as around:
        with builder.nest(shape.dims, inner) as within:
            step(place(_joined(around, within, inner), first), initial)
        with builder.loop(n, Axis.SERIAL, begin=1) as i, builder.nest(shape.dims, inner) as within:
            row = _joined(around, within, inner)
            before = ref.load(place(row, along(i - 1)))
            step(place(row, along(i)), before)
    return builder.launch(view.name, shape.size)


def _joined(outer: Indices, inner: Indices, inner_dims: Sequence[int]) -> Indices:
    """The index of which `inner` holds some dimensions and `outer` the others."""
    return tuple(inner[d] if d in inner_dims else outer[d] for d in range(len(outer)))


@contextmanager
def _rows(builder: Builder, dims: tuple[int, ...], outer: Sequence[int]) -> Iterator[Indices]:
    """Loops over rows that are read from end to end: a few parallel ones, for threads, around serial ones.

    Vectors of elements of different rows would be gathered from as many cache lines, often of one cache set.
    """
    found = [constant(0)] * len(dims)
    with ExitStack() as stack:
        for number, d in enumerate(outer):
            parallel = max(n for n in range(1, _THREADS + 1) if dims[d] % n == 0) if number == 0 else 1
            serial = dims[d] // parallel
            found[d] = stack.enter_context(builder.loop(parallel)) * serial
            found[d] = found[d] + stack.enter_context(builder.loop(serial, Axis.SERIAL))
        yield tuple(found)


# ---- select-and-scatter


def _select_and_scatter(inst: Instruction) -> tuple[Launch, ...]:
    """Fill the result, then let each place of the window add its source to the element it selects."""
    if not inst.shape.size:
        return ()
    view = view_of(inst)
    builder = Builder()
    ref = builder.param(Result(), inst.shape, Role.OUTPUT)
    initial = Elements(builder, view.inputs).value(inst.operands[2], ())
    with builder.nest(inst.shape.dims, inst.shape.order) as at:
        builder.emit(*ref.store(at, initial))
    fill = builder.launch("fill", inst.shape.size)
    return (fill, _selection(view)) if inst.operands[1].shape.size else (fill,)


def _selection(view: View) -> Launch:
    inst = view.root
    x, source, _ = inst.operands
    window = window_of(inst.attrs.window, x.shape.rank)
    builder = Builder()
    elements = Elements(builder, view.inputs)
    ref = builder.param(Result(), inst.shape, Role.INOUT)
    # places along dimensions without a window never meet
    apart = [d for d in source.shape.order if window[d] == WindowDim()]
    meeting = [d for d in source.shape.order if d not in apart]
    with builder.nest(source.shape.dims, apart) as a, builder.nest(source.shape.dims, meeting, Axis.SERIAL) as m:
        place = tuple(a[d] if d in apart else m[d] for d in range(source.shape.rank))
        zero = constant(0)
        best = [builder.cell(e.type.element, e) for e in parts(elements.value(x, (zero,) * x.shape.rank))]
        found = builder.cell(PRED, k.const(False, k.BOOL))
        where = builder.cell(S64, k.const(0, k.INDEX))
        with builder.nest([w.size for w in window], range(len(window)), Axis.SERIAL) as tap:
            inside = TRUE
            at: list[Index] = []
            for d, w in enumerate(window):
                spread = place[d] * w.stride + tap[d] * w.window_dilation - w.padding_low
                index, ok = undilated(spread, w.base_dilation, x.shape.dims[d])
                inside = both(inside, ok)
                at.append(index)
            guarded = elements.guarded(x, tuple(at), inside)
            kept = from_parts([k.cell(c) for c in best])
            stays = real(applied(builder, inst.attrs.select, [kept, guarded])[0])
            take = both(inside, k.unary("not", k.binary("and", k.cell(found), stays)))
            new = [*parts(choose(take, guarded, kept))]
            here = k.index(ref.address(tuple(at)))
            set_together(
                builder,
                [
                    *zip(best, new, strict=True),
                    (where, k.select(take, here, k.cell(where))),
                    (found, k.binary("or", k.cell(found), inside)),
                ],
            )
        with builder.body() as block:
            address = of(Dynamic(k.cell(where), 0, ref.buffer.size - 1))
            _add_at(builder, ref, address, elements.value(source, place), inst)
        builder.emit(If(k.cell(found), tuple(block.stmts)))
    return builder.launch(view.name, view.flops)


def _add_at(builder: Builder, ref: Ref, address: Index, value: Value, inst: Instruction) -> None:
    """Combine a value into the element whose parts begin at an address of the buffer."""
    old = from_parts([k.load(ref.buffer, address + i) for i in range(len(parts(value)))])
    new = builder.kept(applied(builder, inst.attrs.scatter, [old, value])[0])
    for i, e in enumerate(parts(new)):
        builder.emit(k.Store(ref.buffer, address + i, e))


LOOPS.set(OPS["reduce-window"], _reduce_window)
LOOPS.set(OPS["select-and-scatter"], _select_and_scatter)
