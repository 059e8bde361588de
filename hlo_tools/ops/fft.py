"""fft: discrete Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, FftType, attr
from hlo_tools.ir.element import ElementType, Kind, complex_of, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import narrow, wide_dtype
from hlo_tools.ops.rules import braces, made, need, need_kind

_FUNCTIONS: dict[FftType, Callable[..., Any]] = {
    FftType.FFT: np.fft.fftn,
    FftType.IFFT: np.fft.ifftn,
    FftType.RFFT: np.fft.rfftn,
    FftType.IRFFT: np.fft.irfftn,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FftAttrs:
    """The kind of transform, and the sizes of the (last) dimensions that it goes over."""

    fft_type: FftType = attr(FftType.FFT, always=True)
    fft_length: Dims = attr()


class Fft(Op[FftAttrs]):
    """The transform over the last dimensions; the real kinds store n/2 + 1 of the n complex values.

    Computed in double and rounded once. The inverse kinds divide by the number of elements. A length of 0 gives zeros.
    """

    name, arity, Attrs, stablehlo = "fft", 1, FftAttrs, "fft"

    def shape(self, at: FftAttrs, *xs: Shape) -> Shape:
        (x,) = xs
        kind, lengths = at.fft_type, at.fft_length
        need_kind(x, Kind.FLOAT if kind is FftType.RFFT else Kind.COMPLEX, 0)
        need(1 <= len(lengths) <= 3, f"fft_length={braces(lengths)} has {len(lengths)} dimensions, expected 1 to 3")
        need(len(lengths) <= x.rank, f"fft_length={braces(lengths)} has more dimensions than {x.bare}", 0)
        expected = list(lengths)
        if kind is FftType.IRFFT:
            expected[-1] = lengths[-1] // 2 + 1 if lengths[-1] else 0
        got = list(x.dims[x.rank - len(lengths) :])
        empty = kind in (FftType.FFT, FftType.IFFT) and 0 in lengths  # XLA takes it for any size; the result is zero
        need(
            empty or got == expected,
            f"operand 0 is {x.bare}, fft_length={braces(lengths)} needs {braces(expected)} at its end",
            0,
        )
        if kind in (FftType.FFT, FftType.IFFT):
            return x.bare
        last = lengths[-1] if kind is FftType.IRFFT else (lengths[-1] // 2 + 1 if lengths[-1] else 0)
        return made(_result_element(kind, x.element), (*x.dims[:-1], last))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: FftAttrs = inst.attrs
        if 0 in inst.shape.dims or 0 in xs[0].shape or 0 in at.fft_length:
            return np.zeros(inst.shape.dims, inst.shape.element.dtype)
        axes = tuple(range(-len(at.fft_length), 0))
        x = xs[0].astype(wide_dtype(inst.operands[0].shape.element))
        return narrow(_FUNCTIONS[at.fft_type](x, s=at.fft_length, axes=axes), inst.shape.element)

    def cost(self, inst: Instruction) -> Cost:
        n = prod(inst.attrs.fft_length)
        return Cost(flops=5 * inst.shape.size * max(n, 1).bit_length())


def _result_element(kind: FftType, element: ElementType) -> ElementType:
    if kind is FftType.RFFT:
        return complex_of(element)
    return real_part(element) if kind is FftType.IRFFT else element


fft = Fft()
