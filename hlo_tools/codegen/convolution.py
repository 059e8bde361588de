"""Convolutions for CPUs: a direct loop over taps around the register tile of matrix products.

A tile is a few neighbouring pixels of the result by two vectors of output features; the sums run over the taps of
the window and the input features. Padding, base dilation, other layouts and short types are dealt with by a copy of
the input, which costs little beside the products. Weights are copied into panels as wide as the tile where that pays.
Windows of size 1 that move by 1 are matrix products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hlo_tools.codegen import index as ix
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import strides
from hlo_tools.codegen.index import Index, Var
from hlo_tools.codegen.kernel import Axis, Buffer, For, Kernel, Role, Stmt, Store, Type
from hlo_tools.codegen.launch import Arg, Emitter, Launch, Operand, Result, Scratch
from hlo_tools.codegen.matmul import launches_of
from hlo_tools.codegen.parallel import schedule
from hlo_tools.codegen.product import Product, View
from hlo_tools.codegen.register_tile import (
    Tile,
    at_most,
    balanced,
    blocks,
    counter,
    exact,
    fit,
    multiply,
    parallel,
    rounded,
    sums_of,
)
from hlo_tools.codegen.target import Processor
from hlo_tools.ir.attributes import WindowDim
from hlo_tools.ir.element import ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import NotYet
from hlo_tools.ir.shape import Shape

_PARTS = 8
"""Blocks of work to cut a convolution into at least, for threads."""

_INPUT, _WEIGHTS, _RESULT = 0, 1, 2
"""Keys of the scratch buffers."""


def convolution_emitter(processor: Processor, otherwise: Emitter) -> Emitter:
    """The emitter of convolution for a processor; `otherwise` serves what the tiles do not cover."""

    def emit(inst: Instruction) -> tuple[Launch, ...]:
        x, weights = (o.shape for o in inst.operands)
        if not (x.is_array and weights.is_array):
            raise NotYet("convolution of sparse operands")
        sums = sums_of(x.element, weights.element, inst.shape.element)
        at = inst.attrs
        outs = weights.dims[at.dim_labels.kernel_output_feature] // at.feature_group_count
        small = not inst.shape.size or not x.size or not weights.size
        if small or sums is None or at.batch_group_count > 1 or not at.window or processor.vector_bytes == 1:
            return otherwise(inst)
        if outs < max(2, processor.lanes(sums) // 2):
            return otherwise(inst)
        product = _as_product(inst, sums)
        found = None if product is None else launches_of(product, processor)
        return _Direct(inst, sums, processor).launches() if found is None else found

    return emit


def _as_product(inst: Instruction, sums: ElementType) -> Product | None:
    """A convolution that looks at one pixel for one pixel, as a matrix product."""
    at, d = inst.attrs, inst.attrs.dim_labels
    if at.feature_group_count > 1 or any(w != WindowDim() for w in at.window):
        return None
    x, weights = (o.shape for o in inst.operands)
    a = View(x, ((), (d.input_batch, *d.input_spatial), (d.input_feature,)))
    b = View(weights, ((), (*d.kernel_spatial, d.kernel_input_feature), (d.kernel_output_feature,)))
    c = View(inst.shape, ((), (d.output_batch, *d.output_spatial), (d.output_feature,)))
    return Product(a, b, c, (0, 1), sums)


@dataclass(frozen=True, slots=True)
class _Array:
    """An array by batch, spatial dimensions and feature: elements between neighbours in each, and the first one."""

    buffer: Buffer
    batch: int
    spatial: tuple[int, ...]
    feature: int
    first: int = 0

    def address(self, batch: Index, spatial: tuple[Index, ...], feature: Index) -> Index:
        """The place of an element."""
        total = batch * self.batch + feature * self.feature + self.first
        for at, step in zip(spatial, self.spatial, strict=True):
            total = total + at * step
        return total


class _Direct:
    """One convolution cut into tiles for a processor."""

    def __init__(self, inst: Instruction, sums: ElementType, processor: Processor) -> None:
        self.inst, self.sums, self.processor = inst, sums, processor
        at, d = inst.attrs, inst.attrs.dim_labels
        self.window: tuple[WindowDim, ...] = tuple(at.window)
        self.x: Shape = inst.operands[0].shape
        self.weights: Shape = inst.operands[1].shape
        self.groups: int = at.feature_group_count
        self.batch: int = self.x.dims[d.input_batch]
        self.ins: int = self.weights.dims[d.kernel_input_feature]
        self.outs: int = self.weights.dims[d.kernel_output_feature] // self.groups
        self.sizes: tuple[int, ...] = tuple(inst.shape.dims[o] for o in d.output_spatial)
        self.taps: tuple[int, ...] = tuple(w.size for w in self.window)
        self.depth: int = math.prod(self.taps) * self.ins
        self.element = exact(self.x.element, self.weights.element, sums, self.depth)
        self.tile, self.tall, self.wide = self._tile()
        self.panels: int = -(-self.outs // self.tile.width)

    def _tile(self) -> tuple[Tile, int, int]:
        """The register tile, and how many pixels down and across it is."""
        tile = fit(self.processor, self.element, 1 << 20, self.outs)
        wide = balanced(self.sizes[-1], tile.rows)
        tall = balanced(self.sizes[-2], max(1, tile.rows // wide)) if len(self.sizes) > 1 else 1
        return replace(tile, rows=tall * wide), tall, wide

    def launches(self) -> tuple[Launch, ...]:
        """Copy what needs copying, then multiply, then put the result in order if it is not."""
        found: list[Launch] = []
        x, x_arg, copies = self._input()
        found += copies
        packed = self._packs()
        if packed:
            found.append(self._pack())
        c, c_arg, after = self._result()
        kernel_size = self.groups * self.panels * self.depth * self.tile.width
        b = Buffer("b", self.element, kernel_size if packed else self.weights.size)
        kernel = Kernel("convolution", (x.buffer, b, c.buffer), self._blocks(x, b, c, packed), self._flops())
        b_arg: Arg = _scratch(_WEIGHTS, b) if packed else Operand(1)
        found.append(Launch(kernel, (x_arg, b_arg, c_arg)))
        return (*found, *after)

    def _flops(self) -> int:
        return 2 * self.inst.shape.size * self.depth

    # ---- the input

    def _input(self) -> tuple[_Array, Arg, list[Launch]]:
        """The input as the tiles read it: as it is where that works, else a copy, padded and in order."""
        d, steps = self.inst.attrs.dim_labels, strides(self.x)
        plain = all(
            w.base_dilation == 1
            and w.padding_low <= 0
            and (n - 1) * w.stride + w.dilated_size - w.padding_low <= self.x.dims[s]
            for w, n, s in zip(self.window, self.sizes, d.input_spatial, strict=True)
        )
        if plain and self.x.element is self.element and steps[d.input_feature] == 1:
            spatial = tuple(steps[s] for s in d.input_spatial)
            first = -sum(w.padding_low * step for w, step in zip(self.window, spatial, strict=True))
            buffer = Buffer("x", self.element, self.x.size)
            return _Array(buffer, steps[d.input_batch], spatial, 1, first), Operand(0), []
        return self._padded()

    def _padded(self) -> tuple[_Array, Arg, list[Launch]]:
        d = self.inst.attrs.dim_labels
        needed = [(n - 1) * w.stride + w.dilated_size for n, w in zip(self.sizes, self.window, strict=True)]
        features = self.ins * self.groups
        steps, step = [], features
        for n in reversed(needed):
            steps.append(step)
            step *= n
        spatial = tuple(reversed(steps))
        target = Buffer("padded", self.element, self.batch * step, Role.OUTPUT)
        copy = _Array(target, step, spatial, 1)
        arg = _scratch(_INPUT, target)
        ranges = [_covered(w, n, self.x.dims[s]) for w, n, s in zip(self.window, needed, d.input_spatial, strict=True)]
        found: list[Launch] = []
        if any(high - low < n for (low, high), n in zip(ranges, needed, strict=True)):
            found.append(Launch(schedule(_cleared(target), self.processor), (arg,)))
        found.append(self._copied(copy, ranges, arg))
        return replace(copy, buffer=Buffer("x", self.element, target.size)), arg, found

    def _copied(self, copy: _Array, ranges: list[tuple[int, int]], arg: Arg) -> Launch:
        """The launch that copies the elements of the input in `ranges` to their places."""
        d = self.inst.attrs.dim_labels
        source = Buffer("x", self.x.element, self.x.size)
        batch, feature = counter("batch", self.batch), counter("feature", self.ins * self.groups)
        places = [counter(f"y{i}", high - low) for i, (low, high) in enumerate(ranges)]
        read: list[Index] = [ix.ZERO] * self.x.rank
        read[d.input_batch], read[d.input_feature] = ix.of(batch), ix.of(feature)
        written: list[Index] = []
        for var, (low, _), w, s in zip(places, ranges, self.window, d.input_spatial, strict=True):
            read[s] = ix.of(var) + low
            written.append((ix.of(var) + low) * w.base_dilation + w.padding_low)
        value = k.convert(k.load(source, ix.linear(tuple(read), strides(self.x))), self.element)
        store = Store(copy.buffer, copy.address(ix.of(batch), tuple(written), ix.of(feature)), value)
        loops = parallel((batch, *places, feature), (store,))
        kernel = Kernel("convolution_input", (source, copy.buffer), loops, self.x.size)
        return Launch(schedule(kernel, self.processor), (Operand(0), arg))

    # ---- the weights

    def _packs(self) -> bool:
        """Whether to copy the weights into panels."""
        d, steps = self.inst.attrs.dim_labels, strides(self.weights)
        usable = (
            steps[d.kernel_output_feature] == 1
            and self.weights.element is self.element
            and not any(w.reversal for w in self.window)
        )
        pixels = self.batch * math.prod(self.sizes)
        narrow = self.groups == 1 and self.panels == 1
        return not (usable and (narrow or pixels <= 2 * self.tile.rows))

    def _pack(self) -> Launch:
        source = Buffer("w", self.weights.element, self.weights.size)
        target = Buffer("panels", self.element, self.groups * self.panels * self.depth * self.tile.width, Role.OUTPUT)
        group, panel = counter("group", self.groups), counter("panel", self.panels)
        taps = tuple(counter(f"tap{i}", n) for i, n in enumerate(self.taps))
        feature, column = counter("feature", self.ins), counter("column", self.tile.width)
        out = ix.of(group) * self.outs + self._column(ix.of(panel)) + ix.of(column)
        at = tuple(
            ix.constant(w.size - 1) - ix.of(tap) if w.reversal else ix.of(tap)
            for w, tap in zip(self.window, taps, strict=True)
        )
        value = k.convert(k.load(source, self._weight(at, ix.of(feature), out)), self.element)
        flat = ix.linear(tuple(map(ix.of, taps)), _row_major(self.taps)) * self.ins + ix.of(feature)
        place = self._panel(ix.of(group), ix.of(panel)) + flat * self.tile.width + ix.of(column)
        loops = parallel((group, panel, *taps, feature, column), (Store(target, place, value),))
        kernel = Kernel("convolution_weights", (source, target), loops, self.weights.size)
        return Launch(schedule(kernel, self.processor), (Operand(1), _scratch(_WEIGHTS, target)))

    def _weight(self, taps: tuple[Index, ...], feature: Index, out: Index) -> Index:
        """The place of a weight in the operand."""
        d = self.inst.attrs.dim_labels
        at = [ix.ZERO] * len(self.weights.dims)
        at[d.kernel_input_feature], at[d.kernel_output_feature] = feature, out
        for dim, tap in zip(d.kernel_spatial, taps, strict=True):
            at[dim] = tap
        return ix.linear(tuple(at), strides(self.weights))

    def _panel(self, group: Index, panel: Index) -> Index:
        return (group * self.panels + panel) * (self.depth * self.tile.width)

    def _column(self, panel: Index) -> Index:
        """The first output feature of a panel, in its group; the last panel ends with the group."""
        return at_most(panel * self.tile.width, self.outs - self.tile.width)

    # ---- the result

    def _result(self) -> tuple[_Array, Arg, list[Launch]]:
        """Where the tiles write: the result, or a copy with the features innermost that is then put in order."""
        d, shape = self.inst.attrs.dim_labels, self.inst.shape
        final = _labelled(shape, Buffer("c", shape.element, shape.size, Role.OUTPUT), self.inst)
        if final.feature == 1:
            return final, Result(), []
        features = shape.dims[d.output_feature]
        spatial = tuple(step * features for step in _row_major(self.sizes))
        scratch = Buffer("c", shape.element, shape.size, Role.OUTPUT)
        copy = _Array(scratch, math.prod(self.sizes) * features, spatial, 1)
        batch, feature = counter("batch", self.batch), counter("feature", features)
        places = tuple(counter(f"y{i}", n) for i, n in enumerate(self.sizes))
        at = (ix.of(batch), tuple(map(ix.of, places)), ix.of(feature))
        source = Buffer("x", shape.element, shape.size)
        store = Store(final.buffer, final.address(*at), k.load(source, copy.address(*at)))
        loops = parallel((batch, *places, feature), (store,))
        kernel = Kernel("convolution_result", (source, final.buffer), loops, shape.size)
        arg = _scratch(_RESULT, scratch)
        return copy, arg, [Launch(schedule(kernel, self.processor), (arg, Result()))]

    # ---- the product

    def _blocks(self, x: _Array, b: Buffer, c: _Array, packed: bool) -> tuple[Stmt, ...]:
        """Threads take blocks of pixel rows and panels; in a block each panel of weights meets all pixels."""
        outer = self.sizes[:-2]
        down = -(-self.sizes[-2] // self.tall) if len(self.sizes) > 1 else 1
        across = -(-self.sizes[-1] // self.wide)
        bands, apart = math.prod(outer) * down, self.batch * self.groups
        parts = -(-_PARTS // apart)
        if self.weights.size > self.x.size:  # read the weights once, and cut them first
            width, widths = blocks(self.panels, parts)
            height, heights = blocks(bands, -(-parts // widths))
        else:
            height, heights = blocks(bands, parts)
            width, widths = blocks(self.panels, -(-parts // heights))
        part = counter("part", apart * heights * widths)
        batch, group, row, column = ix.delinearize(ix.of(part), (self.batch, self.groups, heights, widths))
        panel, band, step = counter("panel", self.panels), counter("band", bands), counter("step", across)
        place = ix.delinearize(ix.of(band), (*outer, down))
        pixel = [*place[:-1], *self._start(place[-1], -2, self.tall), *self._start(ix.of(step), -1, self.wide)]
        tile = self._tile_body(x, b, c, packed, batch, group, ix.of(panel), tuple(pixel))
        body: tuple[Stmt, ...] = (For(step, ix.ZERO, ix.constant(across), tile),)
        body = (For(band, row * height, at_most(row * height + height, bands), body),)
        body = (For(panel, column * width, at_most(column * width + width, self.panels), body),)
        return (For(part, ix.ZERO, ix.constant(part.high + 1), body, Axis.THREADS),)

    def _start(self, number: Index, dim: int, size: int) -> list[Index]:
        """The first pixel of a tile in a dimension, as a list that is empty where there is no such dimension."""
        if len(self.sizes) < -dim:
            return []
        return [at_most(number * size, self.sizes[dim] - size)]

    def _tile_body(
        self,
        x: _Array,
        b: Buffer,
        c: _Array,
        packed: bool,
        batch: Index,
        group: Index,
        panel: Index,
        pixel: tuple[Index, ...],
    ) -> tuple[Stmt, ...]:
        over, taps, feature = self._sums_over(x, packed)
        column, lanes = self._column(panel), self.tile.lanes
        vectors = []
        for j in range(self.tile.vectors):
            if packed:
                flat = ix.linear(taps, _row_major(self.taps)) * self.ins + feature
                at = self._panel(group, panel) + flat * self.tile.width + j * lanes
            else:
                at = self._weight(taps, feature, group * self.outs + column + j * lanes)
            vectors.append(k.load(b, at, lanes))
        pixels = [self._shifted(pixel, i) for i in range(self.tile.rows)]
        scalars = []
        for p in pixels:
            seen = tuple(o * w.stride + tap * w.window_dilation for o, w, tap in zip(p, self.window, taps, strict=True))
            scalars.append(k.load(x.buffer, x.address(batch, seen, group * self.ins + feature)))
        found, sums = multiply(self.tile, over, scalars, vectors)
        for p, line in zip(pixels, sums, strict=True):
            for j, total in enumerate(line):
                out = group * self.outs + column + j * lanes
                value = rounded(total, self.sums, c.buffer.element)
                found.append(Store(c.buffer, c.address(batch, p, out), value))
        return tuple(found)

    def _sums_over(self, x: _Array, packed: bool) -> tuple[list[tuple[Var, int]], tuple[Index, ...], Index]:
        """The loops of the sum with their extents, and tap and feature in terms of them.

        Where the last tap and the features are one line in memory in both operands, they are one loop, written as
        a feature that runs on into the next taps.
        """
        *outer, last = self.taps
        variables = [(counter(f"tap{i}", n), n) for i, n in enumerate(outer)]
        taps = tuple(ix.of(v) for v, _ in variables)
        together = self.window[-1].window_dilation == 1 and self.groups == 1 and x.spatial[-1] == self.ins
        if not packed:
            d, steps = self.inst.attrs.dim_labels, strides(self.weights)
            together &= steps[d.kernel_spatial[-1]] == self.ins * steps[d.kernel_input_feature]
        if together:
            line = counter("line", last * self.ins)
            return [*variables, (line, last * self.ins)], (*taps, ix.ZERO), ix.of(line)
        tap, feature = counter(f"tap{len(outer)}", last), counter("feature", self.ins)
        return [*variables, (tap, last), (feature, self.ins)], (*taps, ix.of(tap)), ix.of(feature)

    def _shifted(self, pixel: tuple[Index, ...], row: int) -> tuple[Index, ...]:
        """The pixel of a row of the tile."""
        down, across = divmod(row, self.wide)
        if len(pixel) == 1:
            return (pixel[0] + across,)
        return (*pixel[:-2], pixel[-2] + down, pixel[-1] + across)


def _covered(w: WindowDim, needed: int, size: int) -> tuple[int, int]:
    """The elements of the input that lie in the part of the padded dimension that windows see: first, and end."""
    low = max(0, -(w.padding_low // w.base_dilation))
    high = min(size, (needed - 1 - w.padding_low) // w.base_dilation + 1)
    return low, max(low, high)


def _cleared(target: Buffer) -> Kernel:
    place = counter("i", target.size)
    zero = k.const(0, Type(target.element))
    return Kernel("convolution_clear", (target,), parallel((place,), (Store(target, ix.of(place), zero),)), target.size)


def _labelled(shape: Shape, buffer: Buffer, inst: Instruction) -> _Array:
    """The result by its dimension labels."""
    d, steps = inst.attrs.dim_labels, strides(shape)
    return _Array(buffer, steps[d.output_batch], tuple(steps[s] for s in d.output_spatial), steps[d.output_feature])


def _row_major(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(sizes[i + 1 :]) for i in range(len(sizes)))


def _scratch(key: int, buffer: Buffer) -> Scratch:
    return Scratch(key, buffer.size * buffer.element.bytes)
