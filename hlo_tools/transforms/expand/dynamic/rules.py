"""For each op what it does to arrays of run-time size: the same op on bounded arrays, and the sizes of the result.

What lies beyond the sizes may hold anything. An op that mixes elements first puts there what changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from hlo_tools.ir.attributes import ComparisonDirection, Dims, Padding, PaddingDim
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import PRED, S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, NotYet, Op, Trait
from hlo_tools.ir.shape import scalar, tuple_of
from hlo_tools.ops import OPS
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.compare import CompareAttrs, compare, select
from hlo_tools.ops.gather import GatherAttrs, gather
from hlo_tools.ops.monoid import identity, monoid
from hlo_tools.ops.reduce import ReduceAttrs
from hlo_tools.ops.shapes import ReshapeAttrs, reshape
from hlo_tools.ops.slicing import DynamicSliceAttrs, PadAttrs, dynamic_slice, dynamic_update_slice, pad
from hlo_tools.ops.structure import ParameterAttrs, parameter
from hlo_tools.ops.windows import window_of
from hlo_tools.rewrite.build import element_of, shaped_like, whole_number
from hlo_tools.rewrite.constants import splat
from hlo_tools.transforms.expand.dynamic.sizes import (
    Value,
    bounds,
    clipped,
    compute,
    counts,
    everywhere,
    filled,
    positions,
    product,
    whole,
    zero,
)

Sizes = tuple[Instruction | None, ...]
Rule = Callable[[Instruction, list[Value]], list[Value]]
"""The leaves of the result of an instruction, given its operands."""


def rule_of(op: Op[Any]) -> Rule | None:
    """The rule of an op; None for one that takes only arrays of static size."""
    if op in RULES:
        return RULES[op]
    return _elementwise if Trait.ELEMENTWISE in op.traits else None


def emit(inst: Instruction, operands: Sequence[Instruction], attrs: Any = None) -> Instruction:
    """The instruction again, with other operands, beside these."""
    home = operands[0].parent
    attrs = inst.attrs if attrs is None else attrs
    made = home.add(inst.op, operands, attrs, bounds(inst.shape), inst.name, like=inst)
    made.at = inst.at
    return made


def _leaves(made: Instruction, sizes: Sizes) -> list[Value]:
    """All results of an instruction, which have equal sizes."""
    if not made.shape.is_tuple:
        return [Value(made, sizes)]
    return [Value(element_of(made, i), sizes) for i in range(len(made.shape.elements))]


def _plain(inst: Instruction, xs: list[Value], sizes: Sequence[Instruction | None]) -> list[Value]:
    return [Value(emit(inst, [x.inst for x in xs]), tuple(sizes))]


# ---- element by element


def _elementwise(inst: Instruction, xs: list[Value]) -> list[Value]:
    arrays = [x for x in xs if len(x.sizes) == inst.shape.rank]
    return _plain(inst, xs, [_common([x.sizes[d] for x in arrays]) for d in range(inst.shape.rank)])


def _common(sizes: Sequence[Instruction | None]) -> Instruction | None:
    """The least of the sizes that are not the bound; None when all are."""
    found = list(dict.fromkeys(size for size in sizes if size is not None))
    return functools.reduce(lambda x, y: compute(e.minimum, x, y), found) if found else None


def _first(inst: Instruction, xs: list[Value]) -> list[Value]:
    """The sizes of operand 0."""
    return _plain(inst, xs, xs[0].sizes)


# ---- asking and saying


def _get_size(inst: Instruction, xs: list[Value]) -> list[Value]:
    return [whole(xs[0].size(inst.attrs.dimensions[0]))]


def _set_size(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Elements that come to count are zeros."""
    x, (d,) = xs[0], inst.attrs.dimensions
    if x.sizes[d] is not None:
        x = Value(filled(x, zero(x), [d]), x.sizes)
    if not inst.shape.dynamic or not inst.shape.dynamic[d]:
        return [x.with_size(d, None)]
    return [x.with_size(d, clipped(xs[1].inst, 0, inst.shape.dims[d]))]


# ---- moving


def _broadcast(inst: Instruction, xs: list[Value]) -> list[Value]:
    at = dict(zip(inst.attrs.dimensions, xs[0].sizes, strict=True))
    return _plain(inst, xs, [at.get(d) for d in range(inst.shape.rank)])


def _transpose(inst: Instruction, xs: list[Value]) -> list[Value]:
    return _plain(inst, xs, [xs[0].sizes[d] for d in inst.attrs.dimensions])


def _slice(inst: Instruction, xs: list[Value]) -> list[Value]:
    dynamic = inst.shape.dynamic or (False,) * inst.shape.rank
    return _plain(inst, xs, [size if so else None for size, so in zip(xs[0].sizes, dynamic, strict=True)])


def _reverse(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Turned around as a whole, what counts comes last: it is cut out from there."""
    (x,) = xs
    made = emit(inst, [x.inst])
    for d in x.dynamic:
        if d in inst.attrs.dimensions:
            start = compute(e.subtract, whole_number(made.parent, x.inst.shape.dims[d]), x.size(d))
            made = _shifted(made, d, start)
    return [Value(made, x.sizes)]


def _shifted(x: Instruction, d: int, start: Instruction) -> Instruction:
    """The elements from `start` on in dimension `d`, then anything."""
    home, dims = x.parent, x.shape.dims
    padding = Padding(tuple(PaddingDim(0, dims[d] if i == d else 0) for i in range(len(dims))))
    wide = shaped_like(x.shape, x.shape.element, tuple(2 * n if i == d else n for i, n in enumerate(dims)))
    longer = home.add(pad, (x, zero(whole(x))), PadAttrs(padding), wide)
    nothing = whole_number(home, 0)
    starts = [start if i == d else nothing for i in range(len(dims))]
    return home.add(dynamic_slice, (longer, *starts), DynamicSliceAttrs(Dims(dims)), x.shape)


def _pad(inst: Instruction, xs: list[Value]) -> list[Value]:
    """What does not count becomes padding."""
    x, filler = xs
    sizes: list[Instruction | None] = []
    home = x.inst.parent
    for d, p in enumerate(inst.attrs.padding):
        size = x.sizes[d]
        if size is not None:
            gaps = clipped(compute(e.subtract, size, whole_number(home, 1)), 0)
            size = compute(e.add, size, compute(e.multiply, gaps, whole_number(home, p.interior)))
            size = clipped(compute(e.add, size, whole_number(home, p.low + p.high)), 0)
        sizes.append(size)
    return [Value(emit(inst, [filled(x, filler.inst), filler.inst]), tuple(sizes))]


def _concatenate(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Each operand is put where the one before it ends, over what does not count of that."""
    (d,) = inst.attrs.dimensions
    sizes = [_common([x.sizes[i] for x in xs]) for i in range(inst.shape.rank)]
    if all(x.sizes[d] is None for x in xs):
        return _plain(inst, xs, sizes)
    home = xs[0].inst.parent
    made, nothing = splat(home, 0, bounds(inst.shape)), whole_number(home, 0)
    end = nothing
    for x in xs:
        starts = [end if i == d else nothing for i in range(inst.shape.rank)]
        made = home.add(dynamic_update_slice, (made, x.inst, *starts), shape=made.shape, like=inst)
        end = compute(e.add, end, x.size(d))
    sizes[d] = end
    return [Value(made, tuple(sizes))]


def _dynamic_slice(inst: Instruction, xs: list[Value]) -> list[Value]:
    x = xs[0]
    kept = [size if n == m else None for size, n, m in zip(x.sizes, x.inst.shape.dims, inst.shape.dims, strict=True)]
    return _plain(inst, xs, kept)


def _dynamic_update_slice(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Where the update does not count, the old elements are put back."""
    x, update, starts = xs[0], xs[1], [s.inst for s in xs[2:]]
    new = update.inst
    if update.dynamic:
        at = DynamicSliceAttrs(Dims(new.shape.dims))
        old = new.parent.add(dynamic_slice, (x.inst, *starts), at, new.shape)
        new = new.parent.add(select, (counts(update), new, old), shape=new.shape)
    return [Value(emit(inst, [x.inst, new, *starts]), x.sizes)]


def _gather(inst: Instruction, xs: list[Value]) -> list[Value]:
    x, indices = xs
    at: GatherAttrs = inst.attrs
    kept = [d for d in range(len(x.sizes)) if d not in (*at.collapsed_slice_dims, *at.operand_batching_dims)]
    batch = [size for d, size in enumerate(indices.sizes) if d != at.index_vector_dim]
    sizes: list[Instruction | None] = []
    for d in range(inst.shape.rank):
        if d in at.offset_dims:
            of = kept[at.offset_dims.index(d)]
            sizes.append(x.sizes[of] if at.slice_sizes[of] == x.inst.shape.dims[of] else None)
        else:
            sizes.append(batch.pop(0))
    return _plain(inst, xs, sizes)


def _scatter(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Index vectors that do not count point nowhere, and nothing is put there."""
    n = len(xs) // 2
    indices, updates = xs[n], xs[n + 1 :]
    if any(d in inst.attrs.update_window_dims for u in updates for d in u.dynamic):
        raise NotYet("windows of run-time size")
    nowhere = splat(indices.inst.parent, -1, scalar(indices.inst.shape.element))
    operands = [*(x.inst for x in xs[:n]), filled(indices, nowhere), *(u.inst for u in updates)]
    made = emit(inst, operands)
    if not made.shape.is_tuple:
        return [Value(made, xs[0].sizes)]
    return [Value(element_of(made, i), x.sizes) for i, x in enumerate(xs[:n])]


# ---- reshape


def _reshape(inst: Instruction, xs: list[Value]) -> list[Value]:
    (x,) = xs
    dims = inst.shape.dims
    dynamic = [d for d, so in enumerate(inst.shape.dynamic) if so]
    home = x.inst.parent
    sizes: list[Instruction | None] = [None] * len(dims)
    if len(dynamic) == 1:
        rest = whole_number(home, max(1, prod(n for d, n in enumerate(dims) if d != dynamic[0])))
        total = product(x.size(d) for d in range(len(x.sizes)))
        sizes[dynamic[0]] = clipped(compute(e.divide, total, rest), 0, dims[dynamic[0]])
    elif dynamic:
        before = [(d, n) for d, n in enumerate(x.inst.shape.dims) if n != 1 or x.sizes[d] is not None]
        after = [(d, n) for d, n in enumerate(dims) if n != 1 or d in dynamic]
        if [n for _, n in before] != [n for _, n in after]:
            raise NotYet(f"how the elements of {inst.operands[0].shape.bare} fill {inst.shape.bare}")
        for (old, _), (new, _) in zip(before, after, strict=True):
            sizes[new] = x.sizes[old]
    return [_rearranged(inst, x, tuple(sizes))]


def _dynamic_reshape(inst: Instruction, xs: list[Value]) -> list[Value]:
    """Zeros fill up where there are more places than elements."""
    x, home = xs[0], xs[0].inst.parent
    sizes = tuple(clipped(s.inst, 0, n) for s, n in zip(xs[1:], inst.shape.dims, strict=True))
    if not sizes:
        return [_rearranged(inst, x, sizes)]
    number = _numbers(home, inst, sizes)
    total = product([whole_number(home, 1), *(x.size(d) for d in range(len(x.sizes)))])
    inside = home.add(
        compare,
        (number, everywhere(total, number)),
        CompareAttrs(ComparisonDirection.LT),
        shaped_like(number.shape, PRED, number.shape.dims),
    )
    found = _numbered(inst, x, number)
    return [Value(home.add(select, (inside, found, everywhere(zero(x), found)), shape=found.shape), sizes)]


def _rearranged(inst: Instruction, x: Value, sizes: Sizes) -> Value:
    """The elements that count, in row-major order, as an array of other sizes."""
    home = x.inst.parent
    if x.dynamic or any(sizes):
        return Value(_numbered(inst, x, _numbers(home, inst, sizes)), sizes)
    return whole(home.add(reshape, (x.inst,), ReshapeAttrs(), bounds(inst.shape), inst.name, like=inst))


def _numbers(home: Computation, inst: Instruction, sizes: Sizes) -> Instruction:
    """For each place of a result of these sizes its number in row-major order."""
    number = splat(home, 0, shaped_like(inst.shape, S32, inst.shape.dims))
    step = whole_number(home, 1)
    whole_result = Value(number, sizes)
    for d in reversed(range(inst.shape.rank)):
        number = compute(e.add, number, compute(e.multiply, positions(number, d), everywhere(step, number)))
        step = compute(e.multiply, step, whole_result.size(d))
    return number


def _numbered(inst: Instruction, x: Value, number: Instruction) -> Instruction:
    """For each place the element of `x` that has this number among those that count."""
    home, dims = number.parent, x.inst.shape.dims
    place, stride = splat(home, 0, number.shape), 1
    for d in reversed(range(len(dims))):
        size = everywhere(clipped(x.size(d), 1), number)
        part = compute(e.multiply, compute(e.remainder, number, size), splat(home, stride, number.shape))
        place, number = compute(e.add, place, part), compute(e.divide, number, size)
        stride *= dims[d]
    flat = home.add(reshape, (x.inst,), ReshapeAttrs(), shaped_like(x.inst.shape, x.inst.shape.element, (stride,)))
    at = GatherAttrs(
        offset_dims=Dims(()),
        collapsed_slice_dims=Dims((0,)),
        start_index_map=Dims((0,)),
        index_vector_dim=number.shape.rank,
        slice_sizes=Dims((1,)),
    )
    return home.add(gather, (flat, place), at, bounds(inst.shape), inst.name, like=inst)


# ---- combining


def _neutral(reducer: Computation, initial: Sequence[Instruction]) -> list[Instruction]:
    """What combines with anything to the same; for a reducer of which it is not known, the initial values."""
    op = monoid(reducer)
    if op is None or len(initial) > 1:
        return list(initial)
    element = initial[0].shape.element
    return [splat(initial[0].parent, identity(op, element), scalar(element))]


def _reduce(inst: Instruction, xs: list[Value]) -> list[Value]:
    n, at = len(xs) // 2, inst.attrs
    assert isinstance(at, ReduceAttrs)
    initial = [x.inst for x in xs[n:]]
    fillers = _neutral(at.to_apply, initial)
    arrays = [filled(x, f, at.dimensions) for x, f in zip(xs[:n], fillers, strict=True)]
    kept = tuple(size for d, size in enumerate(xs[0].sizes) if d not in at.dimensions)
    return _leaves(emit(inst, [*arrays, *initial]), kept)


def _reduce_window(inst: Instruction, xs: list[Value]) -> list[Value]:
    n = len(xs) // 2
    initial = [x.inst for x in xs[n:]]
    fillers = _neutral(inst.attrs.to_apply, initial)
    arrays = [filled(x, f) for x, f in zip(xs[:n], fillers, strict=True)]
    sizes: list[Instruction | None] = []
    for size, w in zip(xs[0].sizes, window_of(inst.attrs.window, len(xs[0].sizes)), strict=True):
        sizes.append(None if size is None else _places(size, w))
    return _leaves(emit(inst, [*arrays, *initial]), tuple(sizes))


def _places(size: Instruction, w: Any) -> Instruction:
    """How many places a window has on `size` elements (`WindowDim.output_size` at run time)."""
    home = size.parent
    one = whole_number(home, 1)
    gaps = clipped(compute(e.subtract, size, one), 0)
    spread = compute(e.add, size, compute(e.multiply, gaps, whole_number(home, w.base_dilation - 1)))
    room = compute(e.add, spread, whole_number(home, w.padding_low + w.padding_high - w.dilated_size + w.stride))
    return compute(e.divide, clipped(room, 0), whole_number(home, w.stride))


def _dot(inst: Instruction, xs: list[Value]) -> list[Value]:
    x, y = xs
    at = inst.attrs
    left = [d for d in range(len(x.sizes)) if d not in (*at.lhs_batch_dims, *at.lhs_contracting_dims)]
    right = [d for d in range(len(y.sizes)) if d not in (*at.rhs_batch_dims, *at.rhs_contracting_dims)]
    batch = [x.sizes[i] or y.sizes[j] for i, j in zip(at.lhs_batch_dims, at.rhs_batch_dims, strict=True)]
    sizes = (*batch, *(x.sizes[d] for d in left), *(y.sizes[d] for d in right))
    # both sides are cut by whichever size is known
    for i, j in zip(at.lhs_contracting_dims, at.rhs_contracting_dims, strict=True):
        size = x.sizes[i] or y.sizes[j]
        x, y = x.with_size(i, size), y.with_size(j, size)
    lhs, rhs = filled(x, zero(x), at.lhs_contracting_dims), filled(y, zero(y), at.rhs_contracting_dims)
    return [Value(emit(inst, [lhs, rhs]), sizes)]


def _convolution(inst: Instruction, xs: list[Value]) -> list[Value]:
    x, kernel = xs
    labels = inst.attrs.dim_labels
    if any(d in labels.input_spatial for d in x.dynamic) or any(
        d != labels.kernel_input_feature for d in kernel.dynamic
    ):
        raise NotYet("images and kernels of run-time size")
    sizes: list[Instruction | None] = [None] * inst.shape.rank
    sizes[labels.output_batch] = x.sizes[labels.input_batch]
    operands = [filled(x, zero(x), [labels.input_feature]), filled(kernel, zero(kernel))]
    return [Value(emit(inst, operands), tuple(sizes))]


def _sort(inst: Instruction, xs: list[Value]) -> list[Value]:
    """One more operand says which elements count; they come first, whatever the comparator says."""
    (d,) = inst.attrs.dimensions
    if xs[0].sizes[d] is None:
        return _leaves(emit(inst, [x.inst for x in xs]), xs[0].sizes)
    home = xs[0].inst.parent
    operands = [*(x.inst for x in xs), counts(xs[0], [d])]
    attrs = replace(inst.attrs, to_apply=Callee(_those_first(inst.attrs.to_apply)))
    shape = tuple_of(tuple(x.shape for x in operands))
    made = home.add(inst.op, operands, attrs, shape, inst.name, like=inst)
    return [Value(element_of(made, i), x.sizes) for i, x in enumerate(xs)]


def _those_first(comparator: Computation) -> Computation:
    """The comparator with two more parameters, whether left and right count."""
    module = comparator.module
    assert module is not None
    made = module.add_computation(f"{comparator.name}.counted")
    old = comparator.parameters
    mapping = {p: made.add(parameter, (), ParameterAttrs(i), p.shape, p.name, like=p) for i, p in enumerate(old)}
    left, right = (made.add(parameter, (), ParameterAttrs(len(old) + i), scalar(PRED)) for i in range(2))
    before = comparator.clone_into(made, mapping)
    alone = made.add(e.not_, (right,))
    made.root = made.add(e.and_, (left, made.add(e.or_, (alone, before))))
    return made


RULES: dict[Op[Any], Rule] = {
    OPS[name]: rule
    for name, rule in {
        "bitcast-convert": _first,
        "broadcast": _broadcast,
        "concatenate": _concatenate,
        "convolution": _convolution,
        "copy": _first,
        "dot": _dot,
        "dynamic-reshape": _dynamic_reshape,
        "dynamic-slice": _dynamic_slice,
        "dynamic-update-slice": _dynamic_update_slice,
        "gather": _gather,
        "get-dimension-size": _get_size,
        "map": _elementwise,
        "pad": _pad,
        "reduce": _reduce,
        "reduce-precision": _first,
        "reduce-window": _reduce_window,
        "reshape": _reshape,
        "reverse": _reverse,
        "scatter": _scatter,
        "set-dimension-size": _set_size,
        "slice": _slice,
        "sort": _sort,
        "transpose": _transpose,
    }.items()
}
