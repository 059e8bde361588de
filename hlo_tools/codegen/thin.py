"""Products of a few rows with a matrix that does not fit the cache: the matrix is read once, row after row.

The sums of all columns of a block stay in the first-level cache while rows of B stream past, several at a time. The
register tile would walk down columns instead, a few cache lines from each row, which no prefetcher follows.
"""

from __future__ import annotations

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Index
from hlo_tools.codegen.kernel import Alloc, Axis, Buffer, For, Kernel, Role, Space, Stmt, Store, Type
from hlo_tools.codegen.launch import Launch, Operand, Result
from hlo_tools.codegen.product import Product
from hlo_tools.codegen.register_tile import at_most, counter, rounded
from hlo_tools.codegen.target import Processor

_ROWS = 8
"""Rows of the result up to which B is worth streaming."""

_BLOCK = 1024
"""Columns of a block: a few pages of each row of B, and sums that fit the cache beside them."""

_PRODUCTS = 16
"""Elements of A that are kept in registers."""


def is_thin(product: Product, processor: Processor) -> bool:
    """Whether to stream B: few rows, and B is larger than the cache and contiguous along its rows."""
    m, n, depth = product.sizes
    lanes = processor.lanes(product.sums)
    size = n * depth * product.b.shape.element.bytes
    limit = processor.l2 // 2 if m <= _ROWS // 2 else 4 * processor.l2
    return m <= _ROWS and n >= lanes > 1 and product.b.stride(2) == 1 and size > limit and product.c.stride(2) == 1


def streamed(product: Product, processor: Processor) -> Launch:
    """The launch that computes a thin product."""
    m, n, depth = product.sizes
    lanes = processor.lanes(product.sums)
    width = min(_BLOCK, n) // lanes * lanes
    blocks = -(-n // width)
    a = Buffer("a", product.a.shape.element, product.a.shape.size)
    b = Buffer("b", product.b.shape.element, product.b.shape.size)
    c = Buffer("c", product.c.shape.element, product.c.shape.size, Role.OUTPUT)
    sums = Buffer("sums", product.sums, m * width, Role.INOUT, Space.LOCAL)
    part, vector, type = counter("part", product.batch * blocks), counter("j", width), Type(product.sums, lanes)
    batch, block = ix.delinearize(ix.of(part), (product.batch, blocks))
    first = at_most(block * width, n - width)  # the last block overlaps its neighbour

    def columns(body: list[Stmt]) -> For:
        return For(vector, ix.ZERO, ix.constant(width), tuple(body), Axis.PARALLEL, lanes)

    def place(row: int) -> Index:
        return ix.of(vector) + row * width

    def rows(begin: int, end: int, together: int) -> For:
        at = counter("k", depth)
        streams = []
        for step in range(together):
            where = product.b.address(batch, ix.of(at) + step, first + ix.of(vector))
            streams.append(k.convert(k.load(b, where, lanes), product.sums))
        stores: list[Stmt] = []
        for row in range(m):
            total = k.load(sums, place(row), lanes)
            for step, stream in enumerate(streams):
                x = k.load(a, product.a.address(batch, ix.constant(row), ix.of(at) + step))
                total = k.fma(k.splat(k.convert(x, product.sums), lanes), stream, total)
            stores.append(Store(sums, place(row), total))
        return For(at, ix.constant(begin), ix.constant(end), (columns(stores),), step=together)

    together = min(8, max(2, _PRODUCTS // m))
    whole = depth // together * together
    body: list[Stmt] = [Alloc(sums), columns([Store(sums, place(row), k.const(0, type)) for row in range(m)])]
    body += [rows(0, whole, together)] if whole else []
    body += [rows(whole, depth, 1)] if whole < depth else []
    finished: list[Stmt] = []
    for row in range(m):
        at = product.c.address(batch, ix.constant(row), first + ix.of(vector))
        finished.append(Store(c, at, rounded(k.load(sums, place(row), lanes), product.sums, c.element)))
    body.append(columns(finished))
    threads = For(part, ix.ZERO, ix.constant(part.high + 1), tuple(body), Axis.THREADS)
    kernel = Kernel("dot_thin", (a, b, c), (threads,), product.flops)
    return Launch(kernel, (Operand(product.operands[0]), Operand(product.operands[1]), Result()))
