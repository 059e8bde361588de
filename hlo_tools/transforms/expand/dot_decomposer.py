"""Canonical dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.attributes import Dims
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape, array, with_default_layout
from hlo_tools.ops.dot import DotAttrs, dot, free_dims
from hlo_tools.ops.shapes import DimensionsAttrs, reshape, transpose
from hlo_tools.passes.base import Context, Pass


@dataclass(frozen=True, slots=True)
class DotDecomposer(Pass):
    """Brings dots into a canonical form: leading batch dimensions, at most one free one, one contracted one.

    The left operand becomes [batch..., M, K] and the right one [batch..., K, N], by transposes and reshapes; an
    operand that needs no transpose to become [batch..., K, M] or [batch..., N, K] is left in that order. The result
    is reshaped back.
    """

    name: ClassVar[str] = "dot_decomposer"

    def run(self, module: Module, ctx: Context) -> bool:
        """Each dot on its own."""
        changed = 0
        for inst in list(module.instructions()):
            if inst.op is dot and all(x.shape.is_static for x in inst.operands) and not is_canonical(inst):
                _canonicalize(inst)
                changed += 1
        ctx.count("dots", changed)
        return changed > 0


def is_canonical(inst: Instruction) -> bool:
    """Whether a dot has the form that this pass gives it."""
    at: DotAttrs = inst.attrs
    batch = tuple(range(len(at.lhs_batch_dims)))
    if at.lhs_batch_dims != batch or at.rhs_batch_dims != batch or len(at.lhs_contracting_dims) != 1:
        return False
    return all(x.shape.rank <= len(batch) + 2 for x in inst.operands)


@dataclass(frozen=True, slots=True)
class _Side:
    """An operand of a dot and the role of its dimensions."""

    x: Instruction
    batch: tuple[int, ...]
    free: tuple[int, ...]
    contracted: tuple[int, ...]

    def size(self, dims: Sequence[int]) -> int:
        return prod(self.x.shape.dims[d] for d in dims)

    @property
    def free_sizes(self) -> list[int]:
        """One dimension for all free ones, none for none."""
        return [self.size(self.free)] if self.free else []

    def arranged(self, contracted_first: bool) -> tuple[Instruction, int]:
        """The operand as a stack of matrices or vectors, and its contracted dimension."""
        orders = {True: (*self.batch, *self.contracted, *self.free), False: (*self.batch, *self.free, *self.contracted)}
        if orders[not contracted_first] == tuple(range(self.x.shape.rank)):
            contracted_first = not contracted_first
        batch = [self.x.shape.dims[d] for d in self.batch]
        k = [self.size(self.contracted)]
        matrix = k + self.free_sizes if contracted_first else self.free_sizes + k
        at = len(batch) if contracted_first else len(batch) + len(self.free_sizes)
        return _seen_as(_transposed(self.x, orders[contracted_first]), (*batch, *matrix)), at


def _canonicalize(inst: Instruction) -> None:
    at: DotAttrs = inst.attrs
    x, y = inst.operands
    left_free = free_dims(x.shape.rank, at.lhs_batch_dims, at.lhs_contracting_dims)
    right_free = free_dims(y.shape.rank, at.rhs_batch_dims, at.rhs_contracting_dims)
    left = _Side(x, at.lhs_batch_dims, tuple(left_free), at.lhs_contracting_dims)
    right = _Side(y, at.rhs_batch_dims, tuple(right_free), at.rhs_contracting_dims)
    a, left_at = left.arranged(contracted_first=False)
    b, right_at = right.arranged(contracted_first=True)
    batch = tuple(range(len(left.batch)))
    attrs = replace(
        at,
        lhs_batch_dims=Dims(batch),
        rhs_batch_dims=Dims(batch),
        lhs_contracting_dims=Dims((left_at,)),
        rhs_contracting_dims=Dims((right_at,)),
    )
    sizes = [x.shape.dims[d] for d in left.batch]
    shape = _shape(inst, (*sizes, *left.free_sizes, *right.free_sizes))
    made = inst.parent.add(dot, (a, b), attrs, shape, inst.name, like=inst)
    made.extras = inst.extras
    if made.shape.bare is inst.shape.bare:
        made.shape = inst.shape
        supersede(inst, made)
    else:
        supersede(inst, inst.parent.add(reshape, (made,), reshape.Attrs(), inst.shape, like=inst))


def _transposed(x: Instruction, order: tuple[int, ...]) -> Instruction:
    if order == tuple(range(len(order))):
        return x
    shape = _shape(x, tuple(x.shape.dims[d] for d in order))
    return x.parent.add(transpose, (x,), DimensionsAttrs(Dims(order)), shape, like=x)


def _seen_as(x: Instruction, dims: tuple[int, ...]) -> Instruction:
    if x.shape.dims == dims:
        return x
    return x.parent.add(reshape, (x,), reshape.Attrs(), _shape(x, dims), like=x)


def _shape(like: Instruction, dims: tuple[int, ...]) -> Shape:
    """An array of these sizes, with a layout if `like` has one."""
    shape = array(like.shape.element, dims)
    return shape if like.shape.layout is None and like.shape.rank else with_default_layout(shape)
