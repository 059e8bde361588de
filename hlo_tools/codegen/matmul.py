"""Matrix products for CPUs: packed panels and a register tile of vectors.

A dot is a batch of C[m, n] = sum over k of A[m, k] * B[k, n], where m, n and k each stand for all dimensions of their
kind. The tile keeps `rows` x `columns` vectors of sums in registers while k runs; A is broadcast element by element,
B is loaded as vectors. Large operands are first copied: B into panels as wide as the tile (which turns it where k is
contiguous), A into rows that neither share cache sets nor need converting. Tiles at an edge overlap their neighbours
and compute a few elements twice, so that there is one tile code for all.
"""

from __future__ import annotations

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.kernel import Axis, Buffer, For, Kernel, Role, Stmt, Store
from hlo_tools.codegen.launch import Emitter, Launch, Operand, Result, Scratch
from hlo_tools.codegen.parallel import schedule
from hlo_tools.codegen.product import Product, View, product_of
from hlo_tools.codegen.register_tile import at_most, blocks, counter, exact, fit, multiply, parallel, rounded
from hlo_tools.codegen.target import Processor
from hlo_tools.codegen.thin import is_thin, streamed
from hlo_tools.ir.instruction import Instruction

_SMALL = 4096
"""Products below this are left to the plain loops."""

_THIN = 4
"""Rows up to which a product is bound by memory, so that tiles gain nothing over plain loops."""

_PARTS = 8
"""Blocks of work to cut a product into at least, for threads."""


def dot_emitter(processor: Processor, otherwise: Emitter) -> Emitter:
    """The emitter of dot for a processor; `otherwise` serves what the tiles do not cover."""

    def emit(inst: Instruction) -> tuple[Launch, ...]:
        product = product_of(inst)
        found = None if product is None else launches_of(product, processor)
        return otherwise(inst) if found is None else found

    return emit


def launches_of(product: Product, processor: Processor) -> tuple[Launch, ...] | None:
    """The launches that compute a product; None for one that plain loops serve best."""
    if processor.vector_bytes == 1 or not _suits(product, processor):
        return None
    return (streamed(product, processor),) if is_thin(product, processor) else _Tiled(product, processor).launches()


def _suits(product: Product, processor: Processor) -> bool:
    """Whether tiles are the way to compute it."""
    m, n, depth = product.sizes
    if product.flops < _SMALL or product.c.stride(2) != 1 or depth == 0:
        return False
    if n < processor.lanes(product.sums) // 2:
        return False
    return m > _THIN or product.b.stride(2) == 1


# ---- how


class _Tiled:
    """One product cut into tiles for a processor."""

    def __init__(self, product: Product, processor: Processor) -> None:
        self.product = product
        self.processor = processor
        self.m, self.n, self.depth = product.sizes
        self.element = exact(product.a.shape.element, product.b.shape.element, product.sums, self.depth)
        self.tile = fit(processor, self.element, self.m, self.n)
        self.rows, self.width = self.tile.rows, self.tile.width
        self.panels = -(-self.n // self.width)
        self.bands = -(-self.m // self.rows)
        self.packs_b = self._packs_b()
        self.packs_a = self._packs_a()

    def _packs_b(self) -> bool:
        b = self.product.b
        if b.stride(2) != 1 or b.stride(1) is None or b.shape.element is not self.element:
            return True
        step = (b.stride(1) or 0) * self.element.bytes
        near = step * self.depth <= self.processor.l1
        return not (near or self.m <= 2 * self.rows)

    def _packs_a(self) -> bool:
        a = self.product.a
        if a.stride(1) is None or a.stride(2) is None or a.shape.element is not self.element:
            return True
        step = (a.stride(1) or 0) * self.element.bytes
        # Rows a large power of two apart fall into the same few sets of the cache.
        crowded = step % 1024 == 0 and self.rows > 8 and self.panels > 1
        return (a.stride(2) != 1 or crowded) and self.n > 2 * self.width and self.m > self.rows

    def launches(self) -> tuple[Launch, ...]:
        """Copy what needs copying, then multiply."""
        found: list[Launch] = []
        if self.packs_a:
            found.append(self._pack_a())
        if self.packs_b:
            found.append(self._pack_b())
        return (*found, self._multiply())

    # ---- copies

    @property
    def pitch(self) -> int:
        """Elements from row to row of the copy of A: not a power of two."""
        line = 64 // self.element.bytes
        return -(-self.depth // line) * line + line

    def _pack_a(self) -> Launch:
        p = self.product
        source = Buffer("a", p.a.shape.element, p.a.shape.size)
        copy = Buffer("rows", self.element, p.batch * self.m * self.pitch, Role.OUTPUT)
        batch, row, place = counter("batch", p.batch), counter("m", self.m), counter("k", self.depth)
        value = k.convert(k.load(source, p.a.address(ix.of(batch), ix.of(row), ix.of(place))), self.element)
        body: tuple[Stmt, ...] = (Store(copy, self._row(batch, ix.of(row)) + ix.of(place), value),)
        kernel = Kernel("dot_rows", (source, copy), parallel((batch, row, place), body), p.batch * self.m * self.depth)
        return Launch(schedule(kernel, self.processor), (Operand(p.operands[0]), self._scratch(0, copy)))

    def _row(self, batch: Var, row: Index) -> Index:
        return (ix.of(batch) * self.m + row) * self.pitch

    def _pack_b(self) -> Launch:
        p = self.product
        source = Buffer("b", p.b.shape.element, p.b.shape.size)
        copy = Buffer("panels", self.element, p.batch * self.panels * self.depth * self.width, Role.OUTPUT)
        batch, panel = counter("batch", p.batch), counter("panel", self.panels)
        place, column = counter("k", self.depth), counter("n", self.width)
        at = self._column(ix.of(panel)) + ix.of(column)
        value = k.convert(k.load(source, p.b.address(ix.of(batch), ix.of(place), at)), self.element)
        target = self._panel(ix.of(batch), ix.of(panel)) + ix.of(place) * self.width + ix.of(column)
        body: tuple[Stmt, ...] = (Store(copy, target, value),)
        work = p.batch * self.n * self.depth
        kernel = Kernel("dot_panels", (source, copy), parallel((batch, panel, place, column), body), work)
        return Launch(schedule(kernel, self.processor), (Operand(p.operands[1]), self._scratch(1, copy)))

    def _panel(self, batch: Index, panel: Index) -> Index:
        return (batch * self.panels + panel) * (self.depth * self.width)

    def _column(self, panel: Index) -> Index:
        """The first column of a panel; the last panel ends with the matrix."""
        return at_most(panel * self.width, self.n - self.width)

    def _scratch(self, key: int, buffer: Buffer) -> Scratch:
        return Scratch(key, buffer.size * buffer.element.bytes)

    # ---- the product

    def _multiply(self) -> Launch:
        p = self.product
        a = Buffer("a", self.element, p.batch * self.m * self.pitch) if self.packs_a else _input("a", p.a)
        size = p.batch * self.panels * self.depth * self.width
        b = Buffer("b", self.element, size) if self.packs_b else _input("b", p.b)
        c = Buffer("c", p.c.shape.element, p.c.shape.size, Role.OUTPUT)
        kernel = Kernel("dot", (a, b, c), self._blocks(a, b, c), p.flops)
        left = self._scratch(0, a) if self.packs_a else Operand(p.operands[0])
        right = self._scratch(1, b) if self.packs_b else Operand(p.operands[1])
        return Launch(kernel, (left, right, Result()))

    def _blocks(self, a: Buffer, b: Buffer, c: Buffer) -> tuple[Stmt, ...]:
        """Threads take blocks of bands and panels; in a block each panel of B meets all bands of A."""
        tall = max(1, min(self.bands, self.processor.l2 // 2 // max(1, self.rows * self.depth * self.element.bytes)))
        tall, heights = blocks(self.bands, -(-self.bands // tall))
        wide, widths = blocks(self.panels, -(-_PARTS // (heights * self.product.batch)))
        part = counter("part", self.product.batch * heights * widths)
        batch, height, width = ix.delinearize(ix.of(part), (self.product.batch, heights, widths))
        panel, band = counter("panel", self.panels), counter("band", self.bands)
        tile = self._tile_body(a, b, c, batch, ix.of(band), ix.of(panel))
        inner = For(band, height * tall, at_most(height * tall + tall, self.bands), tile)
        outer = For(panel, width * wide, at_most(width * wide + wide, self.panels), (inner,))
        return (For(part, ix.ZERO, ix.constant(part.high + 1), (outer,), Axis.THREADS),)

    def _tile_body(self, a: Buffer, b: Buffer, c: Buffer, batch: Index, band: Index, panel: Index) -> tuple[Stmt, ...]:
        p, lanes = self.product, self.tile.lanes
        row, column = at_most(band * self.rows, self.m - self.rows), self._column(panel)
        place = counter("k", self.depth)
        vectors = []
        for j in range(self.tile.vectors):
            at = self._b_place(batch, panel, column + j * lanes, ix.of(place), j)
            vectors.append(k.load(b, at, lanes))
        scalars = [k.load(a, self._a_place(batch, row + i, ix.of(place))) for i in range(self.rows)]
        found, sums = multiply(self.tile, [(place, self.depth)], scalars, vectors)
        for i, line in enumerate(sums):
            for j, total in enumerate(line):
                at = p.c.address(batch, row + i, column + j * lanes)
                found.append(Store(c, at, rounded(total, p.sums, c.element)))
        return tuple(found)

    def _a_place(self, batch: Index, row: Index, place: Index) -> Index:
        if self.packs_a:
            return (batch * self.m + row) * self.pitch + place
        return self.product.a.address(batch, row, place)

    def _b_place(self, batch: Index, panel: Index, column: Index, place: Index, vector: int) -> Index:
        if self.packs_b:
            return self._panel(batch, panel) + place * self.width + vector * self.tile.lanes
        return self.product.b.address(batch, place, column)


def _input(name: str, view: View) -> Buffer:
    return Buffer(name, view.shape.element, view.shape.size)
