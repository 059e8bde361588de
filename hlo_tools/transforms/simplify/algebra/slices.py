"""Laws of slices, pads and updates."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.ir.attributes import Padding, PaddingDim, SliceDim, SliceDims
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import array
from hlo_tools.ops.shapes import concatenate
from hlo_tools.ops.slicing import PadAttrs, SliceAttrs, dynamic_update_slice, pad, slice_
from hlo_tools.ops.structure import constant
from hlo_tools.rewrite.constants import splat_value
from hlo_tools.rewrite.guards import unchanged_type
from hlo_tools.rewrite.pattern import words, x, y
from hlo_tools.rewrite.rule import Rule, rule
from hlo_tools.transforms.simplify.algebra.shapes import broadcast_of

slice__, pad_, broadcast, concatenate_, transpose = words("slice", "pad", "broadcast", "concatenate", "transpose")
dynamic_slice, dynamic_update = words("dynamic-slice", "dynamic-update-slice")


def _part(x: Instruction, dims: Sequence[SliceDim], like: Instruction) -> Instruction:
    """A slice of `x`, or `x` itself when it is the whole."""
    if all(s == SliceDim(0, n) for s, n in zip(dims, x.shape.dims, strict=True)):
        return x
    shape = like.shape if x.shape.element is like.shape.element and len(dims) == like.shape.rank else None
    sizes = tuple(-(-(s.limit - s.start) // s.stride) for s in dims)
    if shape is None or shape.dims != sizes:
        shape = array(x.shape.element, sizes)
    return like.parent.add(slice_, (x,), SliceAttrs(SliceDims(tuple(dims))), shape, like=like)


def _static(i: Instruction, **_: Instruction) -> bool:
    """No dimension is dynamic."""
    return i.shape.is_static and all(x.shape.is_static for x in i.operands)


def _slice_of_slice(i: Instruction, x: Instruction) -> Instruction:
    """One slice."""
    dims = []
    for outer, inner in zip(i.attrs.slice, i.operands[0].attrs.slice, strict=True):
        start = inner.start + outer.start * inner.stride
        count = -(-(outer.limit - outer.start) // outer.stride)
        stride = outer.stride * inner.stride
        limit = start + (count - 1) * stride + 1 if count else start
        limit = min(max(limit, start), inner.limit) if stride == 1 else limit
        dims.append(SliceDim(start, limit, stride))
    return _part(x, dims, i)


def _slice_of_concatenate(i: Instruction) -> Instruction | None:
    """The slice touches one operand only, or leaves some out."""
    joined = i.operands[0]
    d = joined.attrs.dimensions[0]
    wanted = i.attrs.slice[d]
    start = 0
    touched: list[tuple[int, Instruction]] = []
    for part in joined.operands:
        if start < wanted.limit and start + part.shape.dims[d] > wanted.start:
            touched.append((start, part))
        start += part.shape.dims[d]
    if not touched or len(touched) == len(joined.operands):
        return None
    offset = touched[0][0]
    parts = [part for _, part in touched]
    if len(parts) == 1:
        source = parts[0]
    else:
        source = i.parent.add(concatenate, parts, joined.attrs, like=joined)
    dims = list(i.attrs.slice)
    dims[d] = SliceDim(wanted.start - offset, wanted.limit - offset, wanted.stride)
    return _part(source, dims, i)


def _slice_of_broadcast(i: Instruction, x: Instruction) -> Instruction:
    """A smaller broadcast, of a slice where the operand has a dimension of its own."""
    dims = i.operands[0].attrs.dimensions
    inner = [i.attrs.slice[d] for d in dims]
    return broadcast_of(_part(x, inner, i) if inner else x, dims, i)


def _slice_of_pad(i: Instruction, x: Instruction, y: Instruction) -> Instruction | None:
    """A slice that lies inside what was padded, or outside of it."""
    dims = []
    for s, p, n in zip(i.attrs.slice, i.operands[0].attrs.padding, x.shape.dims, strict=True):
        if s.limit <= p.low or (s.start >= p.low + n and not p.interior and p.low >= 0 <= p.high):
            return broadcast_of(y, (), i) if p.low >= 0 and s.limit > s.start else None
        if p.interior or s.start < p.low or s.limit > p.low + n or p.low < 0 or p.high < 0:
            return None
        dims.append(SliceDim(s.start - p.low, s.limit - p.low, s.stride))
    return _part(x, dims, i)


def _slice_of_transpose(i: Instruction, x: Instruction) -> Instruction | None:
    """Transpose of a slice, when nobody else reads the whole."""
    inner = i.operands[0]
    if len(inner.users) > 1:
        return None
    dims = [SliceDim(0, 0)] * x.shape.rank
    for k, d in enumerate(inner.attrs.dimensions):
        dims[d] = i.attrs.slice[k]
    return i.parent.add(inner.op, (_part(x, dims, i),), inner.attrs, i.shape, like=inner)


def _pads_nothing(i: Instruction, x: Instruction, y: Instruction) -> bool:
    return all(p == PaddingDim(0, 0) for p in i.attrs.padding)


def _pad_of_same(i: Instruction, x: Instruction) -> Instruction | None:
    """Padding an array of one value with that value."""
    return broadcast_of(x, (), i) if not x.shape.rank else None


def _cuts(i: Instruction, x: Instruction, y: Instruction) -> Instruction | None:
    """Negative padding as a slice of what is padded otherwise."""
    padding = i.attrs.padding
    if all(p.low >= 0 and p.high >= 0 for p in padding):
        return None
    grown = tuple(PaddingDim(max(p.low, 0), max(p.high, 0), p.interior) for p in padding)
    wide = x
    if any(p != PaddingDim(0, 0) for p in grown):
        wide = i.parent.add(pad, (x, y), PadAttrs(Padding(grown)), like=i)
    dims = [SliceDim(max(-p.low, 0), n - max(-p.high, 0)) for p, n in zip(padding, wide.shape.dims, strict=True)]
    if any(s.limit < s.start for s in dims):
        return None
    return _part(wide, dims, i)


def _starts(operands: Sequence[Instruction]) -> list[int] | None:
    """Constant start indices of a dynamic slice; None when one is not known."""
    found = []
    for index in operands:
        value = splat_value(index) if index.op is constant else None
        if value is None or index.shape.rank:
            return None
        found.append(int(value))
    return found


def _known_slice(i: Instruction) -> Instruction | None:
    """A dynamic slice at constant indices, which are clamped."""
    source = i.operands[0]
    if not i.shape.is_static or not source.shape.is_static:
        return None
    if source.shape.bare is i.shape.bare:
        return source
    starts = _starts(i.operands[1:])
    if starts is None or len(starts) != i.shape.rank:
        return None
    dims = []
    for start, size, n in zip(starts, i.shape.dims, source.shape.dims, strict=True):
        begin = min(max(start, 0), n - size)
        dims.append(SliceDim(begin, begin + size))
    return _part(source, dims, i)


def _read_back(i: Instruction) -> Instruction | None:
    """A dynamic slice of what was just put at the same place."""
    update = i.operands[0]
    if (
        update.op is not dynamic_update_slice
        or update.operands[2:] != i.operands[1:]
        or update.operands[1].shape.bare is not i.shape.bare
    ):
        return None
    return update.operands[1]


def _whole_update(i: Instruction) -> Instruction | None:
    """An update of everything or of nothing."""
    target, update = i.operands[:2]
    if update.shape.bare is target.shape.bare:
        return update
    return target if update.shape.size == 0 else None


def _written_over(i: Instruction) -> Instruction | None:
    """An update at the place of the one before, which is lost."""
    inner = i.operands[0]
    if inner.op is not dynamic_update_slice or inner.operands[2:] != i.operands[2:]:
        return None
    if inner.operands[1].shape.bare is not i.operands[1].shape.bare:
        return None
    return i.parent.add(dynamic_update_slice, (inner.operands[0], *i.operands[1:]), i.attrs, i.shape, like=i)


RULES: list[Rule] = [
    rule(slice__(x), x, when=unchanged_type),
    rule(slice__(slice__(x)), _slice_of_slice, when=_static),
    rule(slice__(concatenate_.any), _slice_of_concatenate, when=_static),
    rule(slice__(broadcast(x)), _slice_of_broadcast, when=_static),
    rule(slice__(pad_(x, y)), _slice_of_pad, when=_static),
    rule(slice__(transpose(x)), _slice_of_transpose, when=_static),
    rule(pad_(x, y), x, when=_pads_nothing),
    rule(pad_(broadcast(x), x), _pad_of_same),
    rule(pad_(x, y), _cuts, when=_static),
    rule(dynamic_slice.any, _known_slice),
    rule(dynamic_slice.any, _read_back, when=_static),
    rule(dynamic_update.any, _whole_update, when=_static),
    rule(dynamic_update.any, _written_over, when=_static),
]
