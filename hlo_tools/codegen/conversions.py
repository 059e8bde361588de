"""Conversions of small floats in integer operations, for targets that have no instructions for them.

Every type below 32 bits is read exactly as f32 and written from f32 by one rounding to nearest even. f64 goes by
way of an f32 that is rounded to odd, so that the second rounding is the only one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.kernel import Expr, Kernel, Stmt
from hlo_tools.codegen.rewrite import Rewriter
from hlo_tools.codegen.value import UNSIGNED_OF, Num
from hlo_tools.ir.element import ELEMENT_TYPES, F32, F64, S32, U32, ElementType, Kind

_U6 = ElementType("u6", Kind.UNSIGNED, 6, np.dtype(np.uint8))
"""The bits of the 6-bit floats; no array has this type."""


class Special(Enum):
    """What the largest bit patterns mean."""

    IEEE = "infinity, then NaN"
    ONE_NAN = "all ones are NaN, no infinity"
    NEGATIVE_ZERO = "NaN is where -0 would be, no infinity"
    FINITE = "neither: too large values become the largest"
    POWER = "powers of two alone, no sign, all ones are NaN"


@dataclass(frozen=True, slots=True)
class Format:
    """A float type: bits of the mantissa, bias of the exponent, special values."""

    element: ElementType
    mantissa: int
    bias: int
    special: Special

    @property
    def raw(self) -> ElementType:
        """The unsigned integer with the same bits."""
        if self.element.bits == 6:
            return _U6
        return ELEMENT_TYPES["u4"] if self.element.bits == 4 else UNSIGNED_OF[self.element.bits]

    @property
    def sign(self) -> int:
        """The sign bit; 0 if there is none."""
        return 0 if self.special is Special.POWER else 1 << (self.element.bits - 1)

    @property
    def ones(self) -> int:
        """All bits but the sign."""
        return (1 << self.element.bits) - 1 if not self.sign else self.sign - 1

    @property
    def infinity(self) -> int:
        """The first pattern beyond the finite ones, without sign."""
        if self.special is Special.IEEE:
            return self.ones >> self.mantissa << self.mantissa
        return self.ones + (self.special in (Special.FINITE, Special.NEGATIVE_ZERO))

    @property
    def nan(self) -> int:
        """A pattern of NaN, without sign; for FINITE, what NaN becomes."""
        if self.special is Special.IEEE:
            return self.infinity | (1 << (self.mantissa - 1))
        if self.special is Special.FINITE:
            return 0
        return self.sign if self.special is Special.NEGATIVE_ZERO else self.ones


FORMATS: dict[ElementType, Format] = {
    f.element: f
    for f in (
        Format(ELEMENT_TYPES["bf16"], 7, 127, Special.IEEE),
        Format(ELEMENT_TYPES["f16"], 10, 15, Special.IEEE),
        Format(ELEMENT_TYPES["f8e5m2"], 2, 15, Special.IEEE),
        Format(ELEMENT_TYPES["f8e4m3"], 3, 7, Special.IEEE),
        Format(ELEMENT_TYPES["f8e3m4"], 4, 3, Special.IEEE),
        Format(ELEMENT_TYPES["f8e4m3fn"], 3, 7, Special.ONE_NAN),
        Format(ELEMENT_TYPES["f8e4m3b11fnuz"], 3, 11, Special.NEGATIVE_ZERO),
        Format(ELEMENT_TYPES["f8e4m3fnuz"], 3, 8, Special.NEGATIVE_ZERO),
        Format(ELEMENT_TYPES["f8e5m2fnuz"], 2, 16, Special.NEGATIVE_ZERO),
        Format(ELEMENT_TYPES["f8e8m0fnu"], 0, 127, Special.POWER),
        Format(ELEMENT_TYPES["f6e2m3fn"], 3, 1, Special.FINITE),
        Format(ELEMENT_TYPES["f6e3m2fn"], 2, 3, Special.FINITE),
        Format(ELEMENT_TYPES["f4e2m1fn"], 1, 1, Special.FINITE),
    )
}
"""All float types below 32 bits."""

_F32_INFINITY = 0x7F800000


def decoded(x: Expr) -> Expr:
    """A small float as f32, exactly."""
    f = FORMATS[x.type.element]
    bits = Num(k.convert(k.bitcast(x, f.raw), U32))
    size = bits & f.ones
    wide = size << (23 - f.mantissa)
    if f.special is Special.POWER:
        value = size.eq(0).where(0x400000, wide)
        return size.eq(f.ones).where(0x7FC00000, value).as_float().e
    if f.bias == 127:
        value = wide
    else:
        # read with the bias of f32, also where it is subnormal, and then scaled
        value = (wide.as_float() * 2.0 ** (127 - f.bias)).bits(signed=False)
        if f.special is Special.IEEE:
            value = (size >= f.infinity).where(wide | _F32_INFINITY, value)
    if f.special is Special.ONE_NAN:
        value = size.eq(f.nan).where(0x7FC00000, value)
    value = value | ((bits & f.sign) << (32 - f.element.bits))
    if f.special is Special.NEGATIVE_ZERO:
        value = bits.eq(f.nan).where(0x7FC00000, value)
    return value.as_float().e


def encoded(x: Expr, element: ElementType) -> Expr:
    """An f32 or f64 as a small float, rounded once to nearest even."""
    if x.type.element is F64:
        x = _rounded_to_odd(x)
    f = FORMATS[element]
    bits = Num(x).bits(signed=False)
    size = bits & 0x7FFFFFFF
    drop = 23 - f.mantissa
    if f.special is Special.POWER:  # as ml_dtypes: ties go up, and so does all above 2**-127 that is subnormal in f32
        tiny = (size > 0x400000).where(size.like(1), 0)
        rounded = (size < 0x800000).where(tiny, (size + 0x400000) >> drop)
    else:
        rounded = (size + ((1 << (drop - 1)) - 1) + ((size >> drop) & 1)) >> drop
    result = rounded - ((127 - f.bias) << f.mantissa) if f.bias != 127 else rounded
    if f.bias != 127:
        # below the normal numbers: adding a constant leaves the multiple of the least number in the low bits
        magic = 2.0 ** (1 - f.bias - f.mantissa + 23)
        small = (size.as_float() + magic).bits(signed=False) - int(np.float32(magic).view(np.uint32))
        result = (size < int(np.float32(2.0 ** (1 - f.bias)).view(np.uint32))).where(small, result)
    largest = f.ones if f.special is Special.FINITE else f.infinity if f.special is Special.IEEE else f.nan
    # compared as s32: every pattern is small, and there are vector instructions for it everywhere
    result = (result.to(S32) >= f.infinity).where(largest, result)
    nan = size > _F32_INFINITY
    result = nan.where(f.nan, result)
    if f.special is Special.POWER:
        result = (size.eq(0) | bits.to(S32).__lt__(0)).where(f.nan, result)
    elif f.special is Special.NEGATIVE_ZERO:
        signed = result | ((bits >> 31) << (f.element.bits - 1))
        result = result.eq(0).where(0, result.eq(f.nan).where(f.nan, signed))
    else:
        result = result | ((bits >> 31) << (f.element.bits - 1))
    return k.bitcast(k.convert(result.e, f.raw), element)


def _rounded_to_odd(x: Expr) -> Expr:
    """f64 to f32, toward zero, with the last bit set where that is inexact."""
    near = Num(k.convert(x, F32))
    back, exact = near.to(F64), Num(x)
    bits = near.bits(signed=False)
    bits = (abs(back) > abs(exact)).where(bits - 1, bits)
    return (back.ne(exact) & exact.eq(exact)).where(bits | 1, bits).as_float().e


def expanded(e: Expr, native: frozenset[ElementType]) -> Expr | None:
    """A conversion from or to a small float that is not `native`, in other operations; None for anything else."""
    if e.op != "convert":
        return None
    (x,), source, target = e.args, e.args[0].type.element, e.type.element
    if source in FORMATS and source not in native:
        x = decoded(x)
        return _converted(x, target, native)
    return _converted(x, target, native) if target in FORMATS and target not in native else None


def _converted(x: Expr, target: ElementType, native: frozenset[ElementType]) -> Expr:
    source = x.type.element
    if target not in FORMATS or target in native:
        return k.convert(x, target)
    if not source.is_float:
        x = k.convert(x, F64 if source.bits > 24 else F32)
    elif source in FORMATS:
        x = k.convert(x, F32)
    return encoded(x, target)


class _Expander(Rewriter):
    """Rewrites the conversions in all expressions."""

    def __init__(self, native: frozenset[ElementType]) -> None:
        super().__init__({})
        self.native = native

    def expr(self, e: Expr) -> Expr:
        """The expression with its conversions replaced, innermost first."""
        self._kept.append(e)
        for inner in _conversions(e):
            if id(inner) not in self._memo:
                x = k.map_expr(inner.args[0], _as_it_is, self._memo)
                made = Expr("convert", inner.type, (x,))
                self._memo[id(inner)] = expanded(made, self.native) or made
        return k.map_expr(e, _as_it_is, self._memo)


def _as_it_is(e: Expr) -> None:
    return None


def _conversions(root: Expr) -> list[Expr]:
    """The conversions in an expression, operands first."""
    found: list[Expr] = []
    done: set[int] = set()
    for e in k.bottom_up(root, done):
        done.add(id(e))
        if e.op == "convert":
            found.append(e)
    return found


def expand_conversions(kernel: Kernel, native: frozenset[ElementType] = frozenset()) -> Kernel:
    """The kernel with integer operations in place of conversions from and to small floats that are not `native`."""
    if not any(_uses_small(stmt) for stmt in k.statements(kernel.body)):
        return kernel
    return replace(kernel, body=_Expander(native).body(kernel.body))


def _uses_small(stmt: Stmt) -> bool:
    return any(
        e.op == "convert" and (e.type.element in FORMATS or e.args[0].type.element in FORMATS)
        for root in k.roots(stmt)
        for e in root.walk()
    )
