"""Floating point formats from their definitions, in exact fractions: what results of every type are checked against.

Nothing here uses numpy's or ml_dtypes' own conversions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
INF, NAN = math.inf, math.nan


class Specials(Enum):
    """What the top of a format encodes."""

    IEEE = auto()  # all ones in the exponent: infinities and NaN
    FN = auto()  # no infinity, NaN only where all bits but the sign are set
    FNUZ = auto()  # no infinity, no -0: its bits are the only NaN
    FINITE = auto()  # neither
    POWERS = auto()  # no sign, no zero, all ones is NaN


@dataclass(frozen=True)
class Format:
    """Bits of exponent and mantissa, the bias of the exponent, and what is special."""

    name: str
    exponent: int
    mantissa: int
    bias: int
    specials: Specials

    @property
    def bits(self) -> int:
        return self.exponent + self.mantissa + (self.specials is not Specials.POWERS)

    @property
    def lowest(self) -> int:
        """The exponent of the smallest normal number."""
        return -self.bias if self.specials is Specials.POWERS else 1 - self.bias

    @property
    def largest(self) -> Fraction:
        top = (1 << self.exponent) - 1 - self.bias
        ones = (1 << (self.mantissa + 1)) - 1
        if self.specials in (Specials.IEEE, Specials.POWERS):
            top -= 1
        elif self.specials is Specials.FN:
            ones -= 1
        return ones * Fraction(2) ** (top - self.mantissa)

    def value(self, bits: int) -> float:
        """The number with these bits; exact in a double."""
        size = bits & ((1 << (self.exponent + self.mantissa)) - 1)
        negative = bits != size
        field, fraction = size >> self.mantissa, size & ((1 << self.mantissa) - 1)
        full = (1 << self.exponent) - 1
        if self.specials is Specials.POWERS:
            return NAN if field == full else 2.0 ** (field - self.bias)
        if self.specials is Specials.IEEE and field == full:
            return NAN if fraction else (-INF if negative else INF)
        if self.specials is Specials.FN and size == (1 << (self.exponent + self.mantissa)) - 1:
            return NAN
        if self.specials is Specials.FNUZ and negative and not size:
            return NAN
        whole = fraction + ((1 << self.mantissa) if field else 0)
        return math.copysign(math.ldexp(whole, max(field, 1) - self.bias - self.mantissa), -1 if negative else 1)

    def rounded(self, x: Fraction, zero: float = 0.0) -> float:
        """The nearest number of the format, ties to even; `zero` for an exact zero."""
        if self.specials is Specials.POWERS and x <= 0:
            return NAN
        if x == 0:
            return self._signed(zero)
        step = Fraction(2) ** (max(exponent_of(x), self.lowest) - self.mantissa)
        near = self.nearest(x, step)
        if self.specials is Specials.POWERS:
            near = max(near, step)
        if abs(near) > self.largest:
            return self.overflow(-1 if x < 0 else 1)
        return self._signed(math.copysign(float(near), -1 if x < 0 else 1))

    def nearest(self, x: Fraction, step: Fraction) -> Fraction:
        """The multiple of `step`, a unit of the last place, that is nearest to x, ties to even."""
        count = x / step
        if self.mantissa or abs(count) != Fraction(3, 2):
            return round(count) * step
        field = exponent_of(x) + self.bias  # without a mantissa, the last bit is one of the exponent
        return (2 if field % 2 or self.specials is Specials.POWERS else 1) * (1 if x > 0 else -1) * step

    def _signed(self, x: float) -> float:
        return 0.0 if x == 0 and self.specials is Specials.FNUZ else x

    def overflow(self, sign: float) -> float:
        """What a number beyond the largest, or an infinity, becomes."""
        if self.specials is Specials.IEEE:
            return math.copysign(INF, sign)
        return math.copysign(float(self.largest), sign) if self.specials is Specials.FINITE else NAN

    def of(self, x: float) -> float:
        """A double as a number of the format."""
        if math.isnan(x):
            return NAN
        return self.overflow(x) if math.isinf(x) else self.rounded(Fraction(x), x)


def exponent_of(x: Fraction) -> int:
    """The e with 2^e <= |x| < 2^(e+1)."""
    x = abs(x)
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= Fraction(2) ** e else e - 1


FORMATS = {
    name: Format(name, exponent, mantissa, bias, specials)
    for name, exponent, mantissa, bias, specials in (
        ("f4e2m1fn", 2, 1, 1, Specials.FINITE),
        ("f6e2m3fn", 2, 3, 1, Specials.FINITE),
        ("f6e3m2fn", 3, 2, 3, Specials.FINITE),
        ("f8e3m4", 3, 4, 3, Specials.IEEE),
        ("f8e4m3", 4, 3, 7, Specials.IEEE),
        ("f8e4m3fn", 4, 3, 7, Specials.FN),
        ("f8e4m3b11fnuz", 4, 3, 11, Specials.FNUZ),
        ("f8e4m3fnuz", 4, 3, 8, Specials.FNUZ),
        ("f8e5m2", 5, 2, 15, Specials.IEEE),
        ("f8e5m2fnuz", 5, 2, 16, Specials.FNUZ),
        ("f8e8m0fnu", 8, 0, 127, Specials.POWERS),
        ("f16", 5, 10, 15, Specials.IEEE),
        ("bf16", 8, 7, 127, Specials.IEEE),
        ("f32", 8, 23, 127, Specials.IEEE),
        ("f64", 11, 52, 1023, Specials.IEEE),
    )
}


def from_bits(bits: list[int], dtype: np.dtype[Any]) -> Array:
    """An array of a type with these bits, a byte or more for each."""
    return np.array(bits, f"u{dtype.itemsize}").view(dtype)


def to_bits(x: Array) -> list[int]:
    """The bits of each element."""
    found: list[int] = np.ascontiguousarray(x).reshape(-1).view(f"u{x.dtype.itemsize}").tolist()
    return found


def values(x: Array, format: Format) -> list[float]:
    """The elements of an array as doubles, by their bits."""
    mask = (1 << format.bits) - 1
    return [format.value(b & mask) for b in to_bits(x)]


def alike(x: float, y: float) -> bool:
    """Whether two results are the same: all NaN are, the zeros are not."""
    return (math.isnan(x) and math.isnan(y)) or (x == y and math.copysign(1, x) == math.copysign(1, y))
