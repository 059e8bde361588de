"""Laws of dots."""

from __future__ import annotations

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import array
from hlo_tools.ops.dot import DotAttrs, free_dims
from hlo_tools.ops.elementwise import multiply
from hlo_tools.ops.shapes import reshape
from hlo_tools.rewrite.constants import splat
from hlo_tools.rewrite.guards import integer
from hlo_tools.rewrite.pattern import words, x, y
from hlo_tools.rewrite.rule import Rule, rule
from hlo_tools.transforms.simplify.algebra.shapes import broadcast_of

dot = next(words("dot"))


def _plain(i: Instruction, x: Instruction, y: Instruction) -> bool:
    """All of one element type, and all sizes known."""
    same = x.shape.element is y.shape.element is i.shape.element
    return same and i.shape.is_static and x.shape.is_static and y.shape.is_static and not i.shape.element.is_complex


def _without_sum(i: Instruction, x: Instruction, y: Instruction) -> Instruction | None:
    """A dot that sums over one element or none: a product of broadcasts."""
    at: DotAttrs = i.attrs
    if any(x.shape.dims[d] != 1 for d in at.lhs_contracting_dims):
        return None
    left = free_dims(x.shape.rank, at.lhs_batch_dims, at.lhs_contracting_dims)
    right = free_dims(y.shape.rank, at.rhs_batch_dims, at.rhs_contracting_dims)
    batch = len(at.lhs_batch_dims)
    left_places = {d: k for k, d in enumerate((*at.lhs_batch_dims, *left))}
    right_places = {d: k for k, d in enumerate(at.rhs_batch_dims)}
    right_places.update({d: batch + len(left) + k for k, d in enumerate(right)})
    a = broadcast_of(_dropped(x, at.lhs_contracting_dims), [left_places[d] for d in sorted(left_places)], i)
    b = broadcast_of(_dropped(y, at.rhs_contracting_dims), [right_places[d] for d in sorted(right_places)], i)
    return i.parent.add(multiply, (a, b), shape=i.shape, like=i)


def _dropped(x: Instruction, dims: tuple[int, ...]) -> Instruction:
    """`x` without its dimensions `dims` of size one."""
    if not dims:
        return x
    shape = array(x.shape.element, tuple(n for d, n in enumerate(x.shape.dims) if d not in dims))
    return x.parent.add(reshape, (x,), reshape.Attrs(), shape, like=x)


def _of_nothing(i: Instruction, x: Instruction, y: Instruction) -> Instruction | None:
    """Sums over no elements are zero."""
    empty = any(x.shape.dims[d] == 0 for d in i.attrs.lhs_contracting_dims)
    return splat(i.parent, 0, i.shape) if empty and i.shape.is_static else None


RULES: list[Rule] = [
    rule(dot(x, y), _of_nothing),
    rule(dot(x, 0), 0, when=integer),
    rule(dot(0, x), 0, when=integer),
    rule(dot(x, y), _without_sum, when=_plain),
]
