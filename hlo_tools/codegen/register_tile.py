"""The register tile that matrix products and convolutions share: sums in vectors, one operand broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Dynamic, Index, Var
from hlo_tools.codegen.kernel import Axis, Cell, Expr, For, Set, Stmt, Type
from hlo_tools.codegen.scalar import working
from hlo_tools.codegen.target import Processor
from hlo_tools.ir.element import F32, S32, ElementType


@dataclass(frozen=True, slots=True)
class Tile:
    """`rows` times `vectors` vectors of `lanes` sums."""

    element: ElementType
    lanes: int
    vectors: int
    rows: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.lanes * self.vectors


def fit(processor: Processor, element: ElementType, rows: int, columns: int) -> Tile:
    """As many sums as there are registers, less those for the operands, for a result of this size.

    The tile never exceeds the result, so that tiles at an edge can overlap their neighbours instead of being cut.
    """
    lanes = processor.lanes(element)
    while lanes > columns:
        lanes //= 2
    vectors = 2 if columns >= 2 * lanes else 1
    most = (processor.registers - vectors - 1) // vectors
    most = min(most - most % 2 if most > 2 else most, 14 if vectors == 2 else 24)
    return Tile(element, lanes, vectors, balanced(rows, most))


def balanced(count: int, most: int) -> int:
    """The size of equal parts, at most `most`, that `count` is cut into."""
    return -(-count // -(-count // most))


def sums_of(left: ElementType, right: ElementType, result: ElementType) -> ElementType | None:
    """The type that sums of products are kept in; None where there are no tiles for it."""
    if result.is_float:
        return working(result) if left.is_float and right.is_float else None
    return working(result) if result.is_integer and left.is_integer and right.is_integer else None


def exact(left: ElementType, right: ElementType, sums: ElementType, depth: int) -> ElementType:
    """What to compute in: f32 for short integers while every sum of their products is exact in it."""
    if sums.is_integer:
        worst = depth
        for e in (left, right):
            worst *= 1 << (e.bits - 1 if e.is_signed else e.bits)
        if worst <= 1 << 24:
            return F32
    return sums


def multiply(
    tile: Tile, over: Sequence[tuple[Var, int]], a: Sequence[Expr], b: Sequence[Expr]
) -> tuple[list[Stmt], list[list[Expr]]]:
    """The statements that sum the products of `a` (one scalar per row) and `b` (vectors) over loops, and the sums.

    over  variables with their extents, outermost first
    """
    type = Type(tile.element, tile.lanes)
    sums = [[Cell(f"c{i}_{j}", type) for j in range(tile.vectors)] for i in range(tile.rows)]
    steps: list[Stmt] = []
    for x, line in zip(a, sums, strict=True):
        for y, total in zip(b, line, strict=True):
            steps.append(Set(total, k.fma(k.splat(x, tile.lanes), y, k.cell(total))))
    body = tuple(steps)
    for var, count in reversed(over):
        body = (For(var, ix.ZERO, ix.constant(count), body),)
    cleared: list[Stmt] = [Set(total, k.const(0, type)) for line in sums for total in line]
    return [*cleared, *body], [[k.cell(total) for total in line] for line in sums]


def rounded(total: Expr, sums: ElementType, result: ElementType) -> Expr:
    """A sum as it is stored."""
    if sums.is_integer and total.type.element.is_float:
        total = k.convert(total, S32)  # exact; from there on integers wrap
    return k.convert(total, result)


# ---- loops and indices


def counter(name: str, count: int) -> Var:
    """A variable from 0 to `count` - 1."""
    return Var(name, 0, max(0, count - 1))


def parallel(variables: Sequence[Var], body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """PARALLEL loops over variables, outermost first."""
    for var in reversed(variables):
        body = (For(var, ix.ZERO, ix.constant(var.high + 1), body, Axis.PARALLEL),)
    return body


def at_most(at: Index, high: int) -> Index:
    """The smaller of an index and a bound."""
    if at.high <= high:
        return at
    return ix.of(Dynamic(k.binary("min", k.index(at), k.const(high, k.INDEX)), min(at.low, high), high))


def blocks(count: int, parts: int) -> tuple[int, int]:
    """The size of equal blocks, and how many, when `count` is cut into about `parts`."""
    size = -(-count // max(1, min(parts, count)))
    return size, -(-count // size)
