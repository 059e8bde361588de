"""Products of matrices as dots describe them: which dimensions of which array are batch, row, column and sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hlo_tools.codegen import index as ix
from hlo_tools.codegen.builder import strides
from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.register_tile import sums_of
from hlo_tools.ir.element import ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class View:
    """An array as a batch of matrices: its dimensions in three groups."""

    shape: Shape
    groups: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    def sizes(self, group: int) -> tuple[int, ...]:
        """The sizes of the dimensions of a group."""
        return tuple(self.shape.dims[d] for d in self.groups[group])

    def extent(self, group: int) -> int:
        """Elements of a group."""
        return math.prod(self.sizes(group))

    def address(self, *at: Index) -> Index:
        """The place of an element, from one index for each group."""
        steps = strides(self.shape)
        total = ix.ZERO
        for group, index in enumerate(at):
            for d, place in zip(self.groups[group], ix.delinearize(index, self.sizes(group)), strict=True):
                total = total + place * steps[d]
        return total

    def stride(self, group: int) -> int | None:
        """Distance of neighbours in a group; None where it is not the same everywhere. 1 for a single element."""
        size = self.extent(group)
        if size == 1:
            return 1
        var = Var("x", 0, size - 1)
        at = self.address(*(ix.of(var) if g == group else ix.ZERO for g in range(3)))
        return at.coefficient(var) if at.is_affine_in(var) else None


@dataclass(frozen=True, slots=True)
class Product:
    """C = A B: A by (batch, m, k), B by (batch, k, n), C by (batch, m, n); the operand numbers of A and B."""

    a: View
    b: View
    c: View
    operands: tuple[int, int]
    sums: ElementType

    @property
    def batch(self) -> int:
        """Number of products."""
        return self.a.extent(0)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """m, n and k."""
        return self.a.extent(1), self.b.extent(2), self.a.extent(2)

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.batch * math.prod(self.sizes)


def product_of(inst: Instruction) -> Product | None:
    """The dot as a product whose result is contiguous along n; None for element types without tiles."""
    at = inst.attrs
    left, right = (x.shape for x in inst.operands)
    sums = sums_of(left.element, right.element, inst.shape.element)
    if sums is None or not inst.shape.size:
        return None
    m_dims = _free(left, at.lhs_batch_dims, at.lhs_contracting_dims)
    n_dims = _free(right, at.rhs_batch_dims, at.rhs_contracting_dims)
    batches = len(at.lhs_batch_dims)
    c_batch = tuple(range(batches))
    c_m = tuple(range(batches, batches + len(m_dims)))
    c_n = tuple(range(batches + len(m_dims), inst.shape.rank))
    # The order of the contracting dimensions is free; that of the operand that is read as vectors serves best.
    both = zip(at.lhs_contracting_dims, at.rhs_contracting_dims, strict=True)
    pairs = sorted(both, key=lambda pair: right.order.index(pair[1]))
    lhs_k, rhs_k = tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)
    a = View(left, (tuple(at.lhs_batch_dims), m_dims, lhs_k))
    b = View(right, (tuple(at.rhs_batch_dims), rhs_k, n_dims))
    c = View(inst.shape, (c_batch, c_m, c_n))
    plain = Product(a, b, c, (0, 1), sums)
    if c.stride(2) == 1 and b.extent(2) > 1:
        return plain
    turned_c = View(inst.shape, (c_batch, c_n, c_m))
    turned_a = View(right, (b.groups[0], n_dims, rhs_k))
    turned_b = View(left, (a.groups[0], lhs_k, m_dims))
    turned = Product(turned_a, turned_b, turned_c, (1, 0), sums)
    return turned if turned_c.stride(2) == 1 and turned_b.extent(2) > 1 else plain


def _free(shape: Shape, *used: Sequence[int]) -> tuple[int, ...]:
    return tuple(d for d in range(shape.rank) if not any(d in u for u in used))
