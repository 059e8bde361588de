"""Elements that take a loop: reductions, windows, and (as plain sums of products) dot and convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices, choose, within
from hlo_tools.codegen.complex import Pair, on_pairs
from hlo_tools.codegen.elemental import ELEMENT, Site, Steps, applied
from hlo_tools.codegen.index import ZERO, Index, constant
from hlo_tools.codegen.kernel import MONOIDS, Accumulate, Axis, Cell, Expr
from hlo_tools.codegen.scalar import working
from hlo_tools.codegen.scalars import monoid_name
from hlo_tools.codegen.shaping import is_zero
from hlo_tools.codegen.value import TRUE, Complex, Value, both, from_parts, parts, real
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import ElementType, real_part
from hlo_tools.ir.op import NotYet
from hlo_tools.ops import OPS
from hlo_tools.ops.windows import window_of


class Accumulator:
    """Cells that hold N values while others are combined into them.

    Sums of short floats are kept in f32; reducers that are no monoid see their own types and run in order.
    """

    def __init__(
        self, builder: Builder, computation: Computation, initial: Sequence[Value], elements: Sequence[ElementType]
    ) -> None:
        self.builder = builder
        self.computation = computation
        self.elements = elements
        self.monoid = monoid_name(computation) if len(initial) == 1 else None
        self.cells = [
            [builder.cell(e.type.element, e) for e in parts(self._widened(x, element))]
            for x, element in zip(initial, elements, strict=True)
        ]

    @property
    def axis(self) -> Axis:
        """What may be done with the loop that combines."""
        return Axis.SERIAL if self.monoid is None else Axis.REDUCE

    def _widened(self, x: Value, element: ElementType) -> Value:
        if self.monoid is None or element.is_complex:
            return x
        return k.convert(real(x), working(element))

    def combine(self, values: Sequence[Value], present: Expr = TRUE) -> None:
        """Combine one more value each, where `present` holds."""
        if self.monoid is not None:
            value = self._widened(values[0], self.elements[0])
            for cell, e in zip(self.cells[0], parts(value), strict=True):
                identity = k.const(MONOIDS[self.monoid](e.type.element), e.type)
                e = e if present is TRUE else k.select(present, e, identity)
                self.builder.emit(Accumulate(cell, self.monoid, e))
            return
        old = self._stored()
        new = applied(self.builder, self.computation, [*old, *values])
        pairs = [
            (cell, e)
            for cells, x, was in zip(self.cells, new, old, strict=True)
            for cell, e in zip(cells, parts(choose(present, x, was)), strict=True)
        ]
        set_together(self.builder, pairs)

    def _stored(self) -> list[Value]:
        return [from_parts([k.cell(c) for c in cells]) for cells in self.cells]

    def results(self) -> list[Value]:
        """The combined values, in their own types."""
        return [
            x if isinstance(x, Complex) else k.convert(x, element)
            for x, element in zip(self._stored(), self.elements, strict=True)
        ]


def set_together(builder: Builder, pairs: Sequence[tuple[Cell, Expr]]) -> None:
    """Give several cells values that may depend on each other's old ones."""
    if len(pairs) > 1:
        pairs = [(cell, k.cell(builder.cell(e.type.element, e))) for cell, e in pairs]
    for cell, e in pairs:
        builder.set(cell, e)


@contextmanager
def in_front(site: Site) -> Iterator[Builder]:
    """Emit what takes a loop of its own outside all loops that the index of the site does not depend on."""
    b = site.builder
    with b.outside(site.level()):
        yield b


def noted(site: Site, values: Sequence[Value]) -> None:
    """Remember all leaves of the instruction at this index."""
    many = len(values) > 1
    for i, value in enumerate(values):
        site.builder.remember(site.leaf((i,) if many else ()), value)


@ELEMENT(OPS["reduce"])
def _reduce(site: Site) -> Steps:
    inst = site.inst
    n, gone = len(inst.operands) // 2, inst.attrs.dimensions
    shape = inst.operands[0].shape
    with in_front(site) as b:
        initial: list[Value] = []
        for i in range(n):
            initial.append((yield site.operand(n + i, (), guard=TRUE)))
        sums = Accumulator(b, inst.attrs.to_apply, initial, [x.shape.element for x in inst.operands[:n]])
        with b.nest([shape.dims[d] for d in gone], _order(gone, shape.order), sums.axis) as inner:
            at = _merged(site.at, gone, inner)
            values: list[Value] = []
            for i in range(n):
                values.append((yield site.operand(i, at)))
            sums.combine(values)
        results = sums.results()
        noted(site, results)
    return results[site.path[0]] if site.path else results[0]


def _order(dims: Sequence[int], physical: Sequence[int]) -> list[int]:
    """Positions in `dims`, those outermost in memory first."""
    return sorted(range(len(dims)), key=lambda i: physical.index(dims[i]))


def _merged(outer: Indices, gone: Sequence[int], inner: Indices) -> Indices:
    """The index of an operand from that of the kept dimensions and that of those reduced."""
    kept = iter(outer)
    place = dict(zip(gone, inner, strict=True))
    return tuple(place[d] if d in place else next(kept) for d in range(len(outer) + len(gone)))


@ELEMENT(OPS["reduce-window"])
def _reduce_window(site: Site) -> Steps:
    inst = site.inst
    n, shape = len(inst.operands) // 2, inst.operands[0].shape
    window = window_of(inst.attrs.window, shape.rank)
    with in_front(site) as b:
        initial: list[Value] = []
        for i in range(n):
            initial.append((yield site.operand(n + i, (), guard=TRUE)))
        sums = Accumulator(b, inst.attrs.to_apply, initial, [x.shape.element for x in inst.operands[:n]])
        with b.nest([w.size for w in window], shape.order, sums.axis) as inner:
            present, at = TRUE, []
            for index, w, tap, size in zip(site.at, window, inner, shape.dims, strict=True):
                spread = index * w.stride + tap * w.window_dilation - w.padding_low
                place, inside = undilated(spread, w.base_dilation, size)
                present = both(present, inside)
                at.append(place)
            values: list[Value] = []
            for i in range(n):
                values.append((yield site.operand(i, tuple(at), guard=both(site.guard, present))))
            sums.combine(values, present)
        results = sums.results()
        noted(site, results)
    return results[site.path[0]] if site.path else results[0]


def undilated(spread: Index, dilation: int, size: int) -> tuple[Index, Expr]:
    """The element behind a place of a dilated dimension, and whether there is one."""
    if dilation == 1:
        return spread, within(spread, 0, size)
    place = spread // dilation
    return place, both(is_zero(spread % dilation), within(place, 0, size))


# ---- sums of products


def _product(x: Value, y: Value, element: ElementType) -> Value:
    """The product in the type that sums of `element` are kept in."""
    if element.is_complex:
        return on_pairs(Pair.__mul__)(_complexified(x, element), _complexified(y, element))
    wide = working(element)
    a, b = (k.convert(real(v), wide) for v in (x, y))
    return k.binary("mul", a, b) if element.name != "pred" else k.binary("and", a, b)


def _complexified(x: Value, element: ElementType) -> Complex:
    if isinstance(x, Complex):
        return x
    part = k.convert(x, real_part(element))
    return Complex(part, k.const(0.0, part.type))


class _Sum:
    """Cells that hold a sum of products of one element type."""

    def __init__(self, builder: Builder, element: ElementType) -> None:
        self.builder = builder
        self.element = element
        self.monoid = "or" if element.name == "pred" else "add"
        wide = real_part(working(element))
        count = 2 if element.is_complex else 1
        self.cells = [builder.cell(wide, k.const(0, k.Type(wide))) for _ in range(count)]

    def add(self, x: Value, y: Value, present: Expr = TRUE) -> None:
        """Add a product."""
        for cell, e in zip(self.cells, parts(_product(x, y, self.element)), strict=True):
            e = e if present is TRUE else k.select(present, e, k.const(0, e.type))
            self.builder.emit(Accumulate(cell, self.monoid, e))

    def result(self) -> Value:
        """The sum, rounded to its type."""
        whole = from_parts([k.cell(c) for c in self.cells])
        return whole if isinstance(whole, Complex) else k.convert(whole, self.element)


@ELEMENT(OPS["dot"])
def _dot(site: Site) -> Steps:
    inst, at = site.inst, site.inst.attrs
    x, y = (o.shape for o in inst.operands)
    free = [d for d in range(x.rank) if d not in at.lhs_batch_dims and d not in at.lhs_contracting_dims]
    batches = len(at.lhs_batch_dims)
    batch, left, right = site.at[:batches], site.at[batches : batches + len(free)], site.at[batches + len(free) :]
    with in_front(site) as b:
        total = _Sum(b, inst.shape.element)
        sizes = [x.dims[d] for d in at.lhs_contracting_dims]
        with b.nest(sizes, _order(at.lhs_contracting_dims, x.order), Axis.REDUCE) as inner:
            lhs = yield site.operand(0, _placed(x.rank, at.lhs_batch_dims, batch, at.lhs_contracting_dims, inner, left))
            rhs = yield site.operand(
                1, _placed(y.rank, at.rhs_batch_dims, batch, at.rhs_contracting_dims, inner, right)
            )
            total.add(lhs, rhs)
        result = total.result()
        b.remember(site, result)
    return result


def _placed(
    rank: int, batch_dims: Sequence[int], batch: Indices, inner_dims: Sequence[int], inner: Indices, free: Indices
) -> Indices:
    """The index of an operand of dot."""
    found = dict(zip((*batch_dims, *inner_dims), (*batch, *inner), strict=True))
    rest = iter(free)
    return tuple(found[d] if d in found else next(rest) for d in range(rank))


@ELEMENT(OPS["convolution"])
def _convolution(site: Site) -> Steps:
    inst, at = site.inst, site.inst.attrs
    labels = at.dim_labels
    x, weights = (o.shape for o in inst.operands)
    if not (x.is_array and weights.is_array):
        raise NotYet("convolution of sparse operands")
    features = weights.dims[labels.kernel_input_feature]
    out = site.at[labels.output_feature]
    with in_front(site) as b:
        total = _Sum(b, inst.shape.element)
        sizes = [*(w.size for w in at.window), features]
        with b.nest(sizes, range(len(sizes)), Axis.REDUCE) as inner:
            feature, batch = inner[-1], site.at[labels.output_batch]
            per_group = weights.dims[labels.kernel_output_feature] // max(at.feature_group_count, at.batch_group_count)
            group = out // per_group
            if at.feature_group_count > 1:
                feature = feature + group * features
            if at.batch_group_count > 1:
                batch = batch + group * inst.shape.dims[labels.output_batch]
            place: list[Index] = [ZERO] * x.rank
            tap: list[Index] = [ZERO] * weights.rank
            place[labels.input_batch], place[labels.input_feature] = batch, feature
            tap[labels.kernel_input_feature], tap[labels.kernel_output_feature] = inner[-1], out
            present = TRUE
            for i, w in enumerate(at.window):
                d = labels.input_spatial[i]
                spread = site.at[labels.output_spatial[i]] * w.stride + inner[i] * w.window_dilation - w.padding_low
                place[d], inside = undilated(spread, w.base_dilation, x.dims[d])
                present = both(present, inside)
                tap[labels.kernel_spatial[i]] = constant(w.size - 1) - inner[i] if w.reversal else inner[i]
            lhs = yield site.operand(0, tuple(place), guard=both(site.guard, present))
            rhs = yield site.operand(1, tuple(tap))
            total.add(lhs, rhs, present)
        result = total.result()
        b.remember(site, result)
    return result
