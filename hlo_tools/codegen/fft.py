"""fft: mixed-radix Stockham transforms of rows, and Bluestein's method for lengths with large prime factors.

A length n = n1 n2 is transformed as a matrix: columns of length n1, a twiddle and a transposition, columns of
length n2. So the innermost loops run over neighbours in memory in every pass. A real transform of even length is a
complex one of half the length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices, Ref
from hlo_tools.codegen.complex import Pair
from hlo_tools.codegen.elemental import Elements
from hlo_tools.codegen.index import Index, constant, linear
from hlo_tools.codegen.kernel import Role
from hlo_tools.codegen.launch import LOOPS, Data, Launch, Result, Scratch
from hlo_tools.codegen.loops import View, view_of
from hlo_tools.codegen.rooms import Room, Rooms
from hlo_tools.codegen.value import Complex, Num, Value
from hlo_tools.ir.attributes import FftType
from hlo_tools.ir.element import ElementType, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Array
from hlo_tools.ir.shape import Shape, array
from hlo_tools.ops import OPS

LARGEST_RADIX = 13
_SMALL = 16  # up to here a length is one column


@dataclass(frozen=True, slots=True)
class _Half:
    """Real and imaginary parts of a row, apart."""

    re: Room
    im: Room

    def load(self, i: Index) -> Pair:
        return Pair(Num(self.re.load(i)), Num(self.im.load(i)))


class Row:
    """The working memory of one row, and transforms of what is in it.

    sign    -1 forward, 1 inverse (without the division by the length)
    """

    def __init__(self, builder: Builder, rooms: Rooms, element: ElementType, length: int, sign: int) -> None:
        self.builder = builder
        self.element = element
        self.sign = sign
        self.length = length
        self.padded = length if _factors(length) else 1 << (2 * length - 2).bit_length()
        self.halves = [_Half(*(rooms.room(element, self.padded) for _ in range(2))) for _ in range(2)]
        self.tables: dict[str, Ref] = {}

    @staticmethod
    def bytes(element: ElementType, length: int) -> int:
        """How much memory a row takes."""
        padded = length if _factors(length) else 1 << (2 * length - 2).bit_length()
        return 4 * padded * element.bytes

    @property
    def values(self) -> _Half:
        """Where the row is now."""
        return self.halves[0]

    def put(self, i: Index, value: Pair, half: int = 0) -> None:
        """Write an element of half 0, where the row is, or of half 1, where it goes next.

        Half 0 only with what does not come from there: the two parts are written one after the other.
        """
        h = self.halves[half]
        self.builder.emit(h.re.store(i, value.re.e), h.im.store(i, value.im.e))

    def table(self, name: str, values: Array) -> tuple[Ref, Ref]:
        """Read-only complex numbers, as two arrays."""
        found = []
        for part, numbers in (("re", values.real), ("im", values.imag)):
            key = f"{name}.{part}"
            if key not in self.tables:
                data = np.ascontiguousarray(numbers).astype(self.element.dtype)
                self.tables[key] = self.builder.param(Data(data), array(self.element, data.shape))
            found.append(self.tables[key])
        return found[0], found[1]

    # ---- transforms

    def transform(self) -> None:
        """Transform the row in place."""
        if self.padded != self.length:
            self._bluestein()
        else:
            self._fft(self.length, self.sign)

    def _fft(self, n: int, sign: int) -> None:
        factors = _factors(n)
        outer: list[int] = []
        while n > _SMALL and prod(outer) ** 2 < n and len(outer) < len(factors) - 1:
            outer.append(factors[len(outer)])
        n1 = prod(outer)
        if n1 == 1:
            self._columns(factors, 1, sign)
            return
        n2 = n // n1
        self._columns(outer, n2, sign)
        twiddle = np.exp(sign * 2j * np.pi * (np.outer(np.arange(n1), np.arange(n2)) % n) / n).reshape(-1)
        re, im = self.table(f"cross{n}{sign}", twiddle)
        with self.builder.loop(n2) as j, self.builder.loop(n1) as i:
            at = i * n2 + j
            w = Pair(_number(re, at), _number(im, at))
            self.put(j * n1 + i, self.values.load(at) * w, 1)
        self.halves.reverse()
        self._columns(factors[len(outer) :], n1, sign)

    def _columns(self, factors: Sequence[int], lanes: int, sign: int) -> None:
        """Transform all columns of a matrix with `lanes` columns; their length is the product of the factors."""
        left, done = prod(factors), lanes
        for radix in factors:
            m = left // radix
            with self.builder.loop(m) as p, self.builder.loop(done) as q:
                xs = [self.values.load((p + m * j) * done + q) for j in range(radix)]
                for out, y in enumerate(_butterfly(xs, sign)):
                    if out and m > 1:
                        twiddle = np.exp(sign * 2j * np.pi * (out * np.arange(m)) / left)
                        re, im = self.table(f"pass{left}.{radix}.{out}.{sign}", twiddle)
                        y = y * Pair(_number(re, p), _number(im, p))
                    self.put((p * radix + out) * done + q, y, 1)
            self.halves.reverse()
            left, done = m, done * radix

    def _bluestein(self) -> None:
        """As a convolution with a chirp, by transforms of a power of two."""
        n, m, b = self.length, self.padded, self.builder
        squares = np.arange(n) ** 2 % (2 * n)
        chirp = np.exp(self.sign * 1j * np.pi * squares / n)
        kernel = np.zeros(m, np.complex128)
        kernel[:n] = np.conj(chirp)
        kernel[m - n + 1 :] = np.conj(chirp[1:][::-1])
        re, im = self.table("chirp", chirp)
        kernel_re, kernel_im = self.table("kernel", np.fft.fft(kernel) / m)
        with b.loop(n) as i:
            self.put(i, self.values.load(i) * Pair(_number(re, i), _number(im, i)), 1)
        with b.loop(m, begin=n) as i:
            zero = Num(k.const(0.0, k.Type(self.element)))
            self.put(i, Pair(zero, zero), 1)
        self.halves.reverse()
        self._fft(m, -1)
        with b.loop(m) as i:
            self.put(i, self.values.load(i) * Pair(_number(kernel_re, i), _number(kernel_im, i)), 1)
        self.halves.reverse()
        self._fft(m, 1)
        with b.loop(n) as i:
            self.put(i, self.values.load(i) * Pair(_number(re, i), _number(im, i)), 1)
        self.halves.reverse()


def _number(table: Ref, at: Index) -> Num:
    return Num(k.load(table.buffer, at))


def _factors(n: int) -> list[int]:
    """Radices whose product is n, fours first; none when a prime factor is too large."""
    found: list[int] = []
    for radix in (4, 2, 3, 5, 7, 11, LARGEST_RADIX):
        while n % radix == 0:
            found.append(radix)
            n //= radix
    return (found or [1]) if n == 1 else []


def _butterfly(xs: list[Pair], sign: int) -> list[Pair]:
    """The transform of a few numbers."""
    if len(xs) == 1:
        return xs
    if len(xs) == 2:
        return [xs[0] + xs[1], xs[0] - xs[1]]
    if len(xs) == 4:
        a, b, c, d = xs[0] + xs[2], xs[0] - xs[2], xs[1] + xs[3], xs[1] - xs[3]
        turned = d.times_i() if sign > 0 else -d.times_i()
        return [a + c, b + turned, a - c, b - turned]
    n = len(xs)
    out: list[Pair] = []
    for j in range(n):
        total = xs[0]
        for i in range(1, n):
            w = np.exp(sign * 2j * np.pi * (i * j % n) / n)
            x = xs[i]
            total = total + Pair(x.re * w.real - x.im * w.imag, x.re * w.imag + x.im * w.real)
        out.append(total)
    return out


# ---- the op


def emit_fft(inst: Instruction) -> tuple[Launch, ...]:
    """A kernel for each dimension that is transformed, the last one first (or last, for IRFFT)."""
    if not inst.shape.size:
        return ()
    view = view_of(inst)
    kind, rank = inst.attrs.fft_type, len(inst.attrs.fft_length)
    axes = list(range(inst.shape.rank - 1, inst.shape.rank - 1 - rank, -1))
    if kind is not FftType.IRFFT:
        first = _Pass(view, kind, axes[0], None, None)
        rest = FftType.FFT if kind is FftType.RFFT else kind
        return (first.launch(), *(_Pass(view, rest, axis, Result(), Result()).launch() for axis in axes[1:]))
    x = inst.operands[0].shape
    middle = Scratch(99, x.bytes)
    launches = []
    for i, axis in enumerate(axes[1:]):
        launches.append(_Pass(view, FftType.IFFT, axis, middle if i else None, middle).launch())
    launches.append(_Pass(view, kind, axes[0], middle if rank > 1 else None, None).launch())
    return tuple(launches)


class _Pass:
    """The transform of one dimension: from the operand or from `source`, to the result or to `target`."""

    def __init__(
        self, view: View, kind: FftType, axis: int, source: Result | Scratch | None, target: Result | Scratch | None
    ) -> None:
        self.view, self.kind, self.axis = view, kind, axis
        inst = view.root
        self.builder = Builder()
        self.elements = Elements(self.builder, view.inputs)
        shapes: dict[type[object], Shape] = {Result: inst.shape, Scratch: inst.operands[0].shape}
        self.target = self.builder.param(target or Result(), shapes[type(target or Result())], Role.INOUT)
        self.source = None if source is None else self.builder.param(source, shapes[type(source)], Role.INOUT)
        self.from_shape = inst.operands[0].shape if self.source is None else self.source.shape
        self.element = real_part(self.from_shape.element)
        self.length = inst.attrs.fft_length[self.axis - inst.shape.rank]
        self.at: Indices = ()

    def launch(self) -> Launch:
        """The kernel."""
        shape, axis, b = self.target.shape, self.axis, self.builder
        around = [d for d in shape.order if d != axis]
        half = self.kind is FftType.RFFT and self.length % 2 == 0
        n = self.length // 2 if half else self.length
        with b.nest(shape.dims, around) as self.at:
            sizes = [shape.dims[d] for d in around]
            steps = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
            number = linear(tuple(self.at[d] for d in around), tuple(steps))
            rooms = Rooms(b, number, prod(sizes), Row.bytes(self.element, n))
            row = Row(b, rooms, self.element, n, -1 if self.kind in (FftType.FFT, FftType.RFFT) else 1)
            if half:
                self._real_of_even_length(row)
            else:
                self._load(row)
                row.transform()
                self._deliver(row)
        flops = 5 * shape.size * max(1, self.length.bit_length())
        return b.launch(self.view.name, flops)

    def _element(self, i: Index) -> Value:
        place = (*self.at[: self.axis], i, *self.at[self.axis + 1 :])
        if self.source is not None:
            return self.source.load(place)
        return self.elements.value(self.view.root.operands[0], place)

    def _pair(self, i: Index) -> Pair:
        value = self._element(i)
        if isinstance(value, Complex):
            return Pair(Num(value.re), Num(value.im))
        return Pair(Num(value), Num(k.const(0.0, value.type)))

    def _store(self, i: Index, value: Value) -> None:
        place = (*self.at[: self.axis], i, *self.at[self.axis + 1 :])
        self.builder.emit(*self.target.store(place, value))

    def _load(self, row: Row) -> None:
        b, n = self.builder, self.length
        if self.kind is not FftType.IRFFT:
            with b.loop(n) as i:
                row.put(i, self._pair(i))
            return
        # the other half of a row whose transform is real is the mirror image of the first
        ends = [0, n // 2] if n % 2 == 0 else [0]
        with b.loop(n // 2 + 1) as i:
            row.put(i, self._pair(i))
        for end in ends:
            here = self._pair(constant(end))
            row.put(constant(end), Pair(here.re, here.im.like(0.0)))
        with b.loop(n, begin=n // 2 + 1) as i:
            x = self._pair(constant(n) - i)
            row.put(i, Pair(x.re, -x.im))

    def _deliver(self, row: Row) -> None:
        inverse = self.kind in (FftType.IFFT, FftType.IRFFT)
        count = self.length // 2 + 1 if self.kind is FftType.RFFT else self.length
        with self.builder.loop(count) as i:
            y = row.values.load(i)
            y = y * (1.0 / self.length) if inverse else y
            self._store(i, y.re.e if self.kind is FftType.IRFFT else Complex(y.re.e, y.im.e))

    def _real_of_even_length(self, row: Row) -> None:
        """Even elements as real parts, odd ones as imaginary parts; the two transforms are taken apart afterwards."""
        b, h = self.builder, self.length // 2
        with b.loop(h) as i:
            row.put(i, Pair(self._pair(i * 2).re, self._pair(i * 2 + 1).re))
        row.transform()
        re, im = row.table("apart", np.exp(-1j * np.pi * np.arange(h) / h))
        with b.loop(h, begin=1) as i:
            x, y = row.values.load(i), row.values.load(constant(h) - i)
            even = Pair((x.re + y.re) * 0.5, (x.im - y.im) * 0.5)
            odd = Pair((x.im + y.im) * 0.5, (y.re - x.re) * 0.5)
            out = even + odd * Pair(_number(re, i), _number(im, i))
            self._store(i, Complex(out.re.e, out.im.e))
        first = row.values.load(constant(0))
        zero = first.re.like(0.0).e
        self._store(constant(0), Complex((first.re + first.im).e, zero))
        self._store(constant(h), Complex((first.re - first.im).e, zero))


LOOPS.set(OPS["fft"], emit_fft)
