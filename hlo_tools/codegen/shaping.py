"""Elements of ops that put elements elsewhere or make them from their index."""

from __future__ import annotations

import numpy as np

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Indices, choose, within
from hlo_tools.codegen.elemental import ELEMENT, Scope, Site, Steps, applied
from hlo_tools.codegen.index import ZERO, Dynamic, Index, constant, delinearize, linear, of
from hlo_tools.codegen.kernel import Expr, Type
from hlo_tools.codegen.launch import Data
from hlo_tools.codegen.scalar import bitcast_convert, converted
from hlo_tools.codegen.scalars import immediate
from hlo_tools.codegen.value import TRUE, UNSIGNED_OF, Num, Value, both, real
from hlo_tools.ir.element import S64, ElementType
from hlo_tools.ir.literal import Array
from hlo_tools.ir.op import NotYet
from hlo_tools.ops import OPS


@ELEMENT(OPS["broadcast"])
def _broadcast(site: Site) -> Steps:
    return (yield site.operand(0, tuple(site.at[d] for d in site.inst.attrs.dimensions)))


@ELEMENT(OPS["transpose"])
def _transpose(site: Site) -> Steps:
    found: list[Index] = [ZERO] * len(site.at)
    for index, d in zip(site.at, site.inst.attrs.dimensions, strict=True):
        found[d] = index
    return (yield site.operand(0, tuple(found)))


@ELEMENT(OPS["slice"])
def _slice(site: Site) -> Steps:
    return (
        yield site.operand(
            0, tuple(i * d.stride + d.start for i, d in zip(site.at, site.inst.attrs.slice, strict=True))
        )
    )


@ELEMENT(OPS["reverse"])
def _reverse(site: Site) -> Steps:
    dims, turned = site.shape.dims, site.inst.attrs.dimensions
    at = [constant(dims[d] - 1) - i if d in turned else i for d, i in enumerate(site.at)]
    return (yield site.operand(0, tuple(at)))


@ELEMENT(OPS["reshape"])
def _reshape(site: Site) -> Steps:
    return (yield site.operand(0, reshaped(site.at, site.shape.dims, site.inst.operands[0].shape.dims)))


def reshaped(at: Indices, dims: tuple[int, ...], target: tuple[int, ...]) -> Indices:
    """The index in an array of sizes `target` of the element at `at` in a row-major reshape of it to `dims`.

    Dimensions are matched in groups of equal size, so that most indices need no division.
    """
    if 0 in dims:
        return (ZERO,) * len(target)
    found: list[Index] = []
    i = j = 0
    while i < len(dims) or j < len(target):
        i0, j0, m, n = i, j, 1, 1
        while m != n or (i == i0 and j == j0):
            if (m <= n and i < len(dims)) or j >= len(target):
                m *= dims[i]
                i += 1
            else:
                n *= target[j]
                j += 1
        while m == n and j < len(target) and target[j] == 1:
            j += 1
        group = dims[i0:i]
        steps = [1] * len(group)
        for g in range(len(group) - 2, -1, -1):
            steps[g] = steps[g + 1] * group[g + 1]
        found.extend(delinearize(linear(at[i0:i], tuple(steps)), target[j0:j]))
    return tuple(found)


@ELEMENT(OPS["bitcast"])
def _bitcast(site: Site) -> Steps:
    """Both arrays in the order of memory are reshapes of each other."""
    x, shape = site.inst.operands[0].shape, site.shape
    if not x.is_array:
        return (yield site.operand(0, site.at, site.path))
    physical = reshaped(
        tuple(site.at[d] for d in shape.order),
        tuple(shape.dims[d] for d in shape.order),
        tuple(x.dims[d] for d in x.order),
    )
    at: list[Index] = [ZERO] * x.rank
    for d, index in zip(x.order, physical, strict=True):
        at[d] = index
    value = yield site.operand(0, tuple(at))
    if x.element is not shape.element:
        return bitcast_convert(site.inst, [value])
    return value


@ELEMENT(OPS["bitcast-convert"])
def _regroup(site: Site) -> Steps:
    """Bits as another type; where widths differ, the last dimension of the narrower array counts parts."""
    source, target = site.inst.operands[0].shape.element, site.shape.element
    if source.bits == target.bits:
        value = yield site.operand(0, site.at)
        return bitcast_convert(site.inst, [value])
    if source.bits > target.bits:
        whole = yield site.operand(0, site.at[:-1])
        bits = Num(_raw(real(whole), source))
        shift = Num(k.convert(k.index(site.at[-1] * target.bits), bits.type.element))
        return _cooked((bits >> shift).e, target)
    total: Num | None = None
    wide = UNSIGNED_OF[max(8, target.bits)]
    for part in range(target.bits // source.bits):
        value = yield site.operand(0, (*site.at, constant(part)))
        bits = Num(k.convert(_raw(real(value), source), wide)) & ((1 << source.bits) - 1)
        bits = bits << (part * source.bits) if part else bits
        total = bits if total is None else total | bits
    assert total is not None
    return _cooked(total.e, target)


def _raw(x: Expr, element: ElementType) -> Expr:
    """The bits as an unsigned integer (those of integers below a byte are the low ones of a byte)."""
    if element.bits < 8 and element.is_integer:
        return k.convert(x, UNSIGNED_OF[8])
    return k.bitcast(x, UNSIGNED_OF[max(8, element.bits)])


def _cooked(bits: Expr, element: ElementType) -> Expr:
    if element.bits < 8 and element.is_integer:
        return k.convert(bits, element)
    return k.bitcast(k.convert(bits, UNSIGNED_OF[max(8, element.bits)]), element)


@ELEMENT(OPS["copy"], OPS["opt-barrier"], OPS["copy-start"], OPS["copy-done"], OPS["domain"], OPS["add-dependency"])
def _same(site: Site) -> Steps:
    return (yield site.operand(0, site.at, site.path))


@ELEMENT(OPS["tuple"])
def _tuple(site: Site) -> Steps:
    return (yield site.operand(site.path[0], site.at, site.path[1:]))


@ELEMENT(OPS["get-tuple-element"])
def _get_tuple_element(site: Site) -> Steps:
    return (yield site.operand(0, site.at, (site.inst.attrs.index, *site.path)))


@ELEMENT(OPS["fusion"], OPS["call"])
def _called(site: Site) -> Steps:
    scope = Scope(site.inst, site.scope)
    return (yield Site(site.elements, site.inst.called[0].result, site.at, site.path, site.guard, scope))


@ELEMENT(OPS["parameter"])
def _parameter(site: Site) -> Steps:
    if site.scope is None:
        raise NotYet(f"parameter {site.inst.name} is not in memory")
    return site.scope.parameter(site)


@ELEMENT(OPS["map"])
def _map(site: Site) -> Steps:
    args: list[Value] = []
    for number in range(len(site.inst.operands)):
        args.append((yield site.operand(number, site.at)))
    return applied(site.builder, site.inst.attrs.to_apply, args)[0]


# ---- from the index


@ELEMENT(OPS["iota"])
def _iota(site: Site) -> Steps:
    yield from ()  # a generator, like every rule
    index = k.index(site.at[site.inst.attrs.iota_dimension])
    return converted(index, S64, site.shape.element)


@ELEMENT(OPS["constant"])
def _constant(site: Site) -> Steps:
    yield from ()  # a generator, like every rule
    literal, shape = site.inst.attrs.value, site.shape
    for step in site.path:
        literal = literal.value[step]
    if literal.is_elided:
        raise NotYet(f"the value of constant {site.inst.name} was elided in the text")
    if all(i.is_const for i in site.at):
        return immediate(literal, tuple(i.const for i in site.at))
    if literal.is_splat:
        return immediate(literal, (0,) * shape.rank)
    order = shape.order
    physical = np.ascontiguousarray(np.transpose(literal.array, order))
    return site.builder.param(_data(site, physical), shape).load(site.at, site.guard)


def _data(site: Site, array: Array) -> Data:
    """The same launch argument for every element of one constant."""
    return site.elements.tables.setdefault((site.inst, site.path), Data(array))


# ---- joining and surrounding


@ELEMENT(OPS["concatenate"])
def _concatenate(site: Site) -> Steps:
    """A choice between the operands, from the last to the first."""
    d = site.inst.attrs.dimensions[0]
    index, begin = site.at[d], 0
    pieces: list[tuple[int, int, int]] = []
    for number, x in enumerate(site.inst.operands):
        pieces.append((number, begin, begin + x.shape.dims[d]))
        begin += x.shape.dims[d]
    pieces = [p for p in pieces if p[2] > p[1] and p[1] <= index.high and p[2] > index.low]
    result: Value | None = None
    for number, low, high in reversed(pieces):
        inside = within(index, low, high) if len(pieces) > 1 else TRUE
        at = (*site.at[:d], index - low, *site.at[d + 1 :])
        value = yield site.operand(number, at, guard=both(site.guard, inside))
        result = value if result is None else choose(inside, value, result)
    assert result is not None
    return result


@ELEMENT(OPS["pad"])
def _pad(site: Site) -> Steps:
    dims = site.inst.operands[0].shape.dims
    inside, at = TRUE, []
    for index, p, n in zip(site.at, site.inst.attrs.padding, dims, strict=True):
        place = index - p.low
        if p.interior:
            step = p.interior + 1
            inside = both(inside, is_zero(place % step))
            place = place // step
        inside = both(inside, within(place, 0, n))
        at.append(place)
    filler = yield site.operand(1, ())
    if 0 in dims:
        return filler
    value = yield site.operand(0, tuple(at), guard=both(site.guard, inside))
    return choose(inside, value, filler)


def is_zero(index: Index) -> Expr:
    """Whether an index is 0; TRUE where that is known."""
    if index.is_const and index.const == 0:
        return TRUE
    return k.compare("eq", k.index(index), k.const(0, k.INDEX))


# ---- computed places


def clamped(start: Expr, high: int) -> Index:
    """A start index brought into 0 .. high."""
    if high <= 0:
        return ZERO
    element = start.type.element
    if element.is_integer and not element.is_signed:
        limit = k.const(high, Type(element))
        if limit.attr == high:
            start = k.binary("min", start, limit)
        return of(Dynamic(k.convert(start, S64), 0, high))
    wide = k.convert(start, S64)
    wide = k.binary("min", k.binary("max", wide, k.const(0, k.INDEX)), k.const(high, k.INDEX))
    return of(Dynamic(wide, 0, high))


def starts(site: Site, first: int, rank: int, guard: Expr = TRUE) -> list[Site]:
    """The sites of the start indices of a dynamic slice: a scalar operand each, or one vector of them."""
    operands = site.inst.operands[first:]
    if len(operands) == 1 and operands[0].shape.rank == 1:
        return [site.operand(first, (constant(d),), guard=guard) for d in range(rank)]
    return [site.operand(first + d, (), guard=guard) for d in range(rank)]


def remembered(site: Site, start: Expr, high: int) -> Index:
    """As `clamped`, the same index for the same start, so that equal addresses are known to be equal."""
    key = ("clamped", id(start), high)
    table = site.elements.clamps
    if key not in table:
        table[key] = (start, clamped(start, high))
    return table[key][1]


@ELEMENT(OPS["dynamic-slice"])
def _dynamic_slice(site: Site) -> Steps:
    dims = site.inst.operands[0].shape.dims
    at: list[Index] = []
    for d, start in enumerate(starts(site, 1, len(dims))):
        high = dims[d] - site.shape.dims[d]
        base = remembered(site, real((yield start)), high) if high else ZERO
        at.append(base + site.at[d])
    return (yield site.operand(0, tuple(at)))


@ELEMENT(OPS["dynamic-update-slice"])
def _dynamic_update_slice(site: Site) -> Steps:
    """The update where the index lies in its window, the operand elsewhere."""
    update = site.inst.operands[1].shape
    inside, at = TRUE, []
    for d, start in enumerate(starts(site, 2, len(site.at))):
        high = site.shape.dims[d] - update.dims[d]
        base = remembered(site, real((yield start)), high) if high else ZERO
        place = site.at[d] - base
        inside = both(inside, within(place, 0, update.dims[d]))
        at.append(place)
    if 0 in update.dims:
        return (yield site.operand(0, site.at))
    new = yield site.operand(1, tuple(at), guard=both(site.guard, inside))
    if inside is TRUE:
        return new
    old = yield site.operand(0, site.at)
    return choose(inside, new, old)


@ELEMENT(OPS["gather"])
def _gather(site: Site) -> Steps:
    at, (x, indices) = site.inst.attrs, (o.shape for o in site.inst.operands)
    batch = [site.at[d] for d in range(len(site.at)) if d not in at.offset_dims]
    kept = [d for d in range(x.rank) if d not in at.collapsed_slice_dims and d not in at.operand_batching_dims]
    offsets = dict(zip(kept, (site.at[d] for d in at.offset_dims), strict=True))
    place: list[Index] = []
    for d in range(x.rank):
        index = offsets.get(d, ZERO)
        if d in at.start_index_map:
            where = index_vector_element(batch, at.index_vector_dim, indices.rank, at.start_index_map.index(d))
            start = real((yield site.operand(1, where)))
            index = index + remembered(site, start, x.dims[d] - at.slice_sizes[d])
        if d in at.operand_batching_dims:
            axis = at.start_indices_batching_dims[at.operand_batching_dims.index(d)]
            index = index + batch[axis if axis < at.index_vector_dim else axis - 1]
        place.append(index)
    return (yield site.operand(0, tuple(place)))


def index_vector_element(batch: list[Index], vector_dim: int, rank: int, which: int) -> Indices:
    """Where component `which` of the index vector at `batch` stands in the array of indices."""
    if vector_dim == rank:
        return tuple(batch)
    return (*batch[:vector_dim], constant(which), *batch[vector_dim:])
