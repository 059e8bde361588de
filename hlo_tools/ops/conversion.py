"""Ops that change the element type: convert, bitcast-convert, bitcast, reduce-precision, stochastic-convert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import NoAttrs
from hlo_tools.ir.element import ElementType, Kind, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, NotYet, Op, Trait
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.numerics import (
    Array,
    as_doubles,
    bits_of,
    compute_dtype,
    float_info,
    from_bits,
    integer_info,
    narrow,
    unsigned_bits,
)
from hlo_tools.ops.rules import need, need_array, need_kind, need_same_dims


class Convert(Op[NoAttrs]):
    """The same numbers in another element type.

    Floats round to nearest even, once. To integers they truncate toward zero and saturate, NaN gives 0; integers
    wrap; anything but 0 becomes true; a complex number loses its imaginary part on the way to a real type.
    """

    name, arity, declared, stablehlo = "convert", 1, True, "convert"
    traits = Trait.ELEMENTWISE

    def check(self, at: NoAttrs, shape: Shape, *xs: Shape) -> None:
        need_array(xs[0], 0)
        need(shape.is_array, f"the result is {shape}, expected an array")
        need_same_dims(shape, xs[0], 0)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return converted(xs[0], inst.operands[0].shape.element, inst.shape.element)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size)


def converted(x: Array, source: ElementType, target: ElementType) -> Array:
    """The numbers of `x` as `target`, by the rules of `convert`."""
    if source is target:
        return x
    if source.is_complex and not target.is_complex:
        return converted(x.real, real_part(source), target)
    if target.dtype == np.bool_:
        nonzero: Array = (x.astype(compute_dtype(source)) if source.bits < 16 else x) != 0
        return nonzero
    if source.is_float and target.is_integer:
        return _saturated(x, target)
    if source.is_integer and source.bits < 8:
        x = x.astype(compute_dtype(source))
    if target.is_float and source.is_integer and target.bits <= 16:
        x = _odd_f64(x)
    return narrow(x, target)


def _odd_f64(x: Array) -> Array:
    """Integers as doubles, rounded to odd where they are too long: a later rounding is then the only one."""
    if x.dtype.itemsize < 8:
        return x.astype(np.float64)
    low = x & np.asarray(0x7FF, x.dtype)
    long = (x >= 1 << 53) | (x < -(1 << 53)) if x.dtype.kind == "i" else x >= 1 << 53
    sticky = (x ^ low) | np.where(low != 0, np.asarray(0x800, x.dtype), np.asarray(0, x.dtype))
    return np.where(long, sticky, x).astype(np.float64)


def _saturated(x: Array, target: ElementType) -> Array:
    info = integer_info(target.dtype)
    low, high = int(info.min), int(info.max)
    whole = np.trunc(x.astype(np.float64))
    dtype = np.int64 if target.is_signed else np.uint64
    inside = np.where((whole > low) & (whole < high), whole, 0.0).astype(dtype)
    exact = np.where(whole <= low, np.asarray(low, dtype), np.where(whole >= high, np.asarray(high, dtype), inside))
    return narrow(np.where(np.isnan(whole), np.asarray(0, dtype), exact), target)


class BitcastConvert(Op[NoAttrs]):
    """The same bits read as another element type, within each element or group of elements.

    When the widths differ, the last dimension of the array with the narrower type counts the parts of one element
    of the wider type, the least significant first.
    """

    name, arity, declared, stablehlo = "bitcast-convert", 1, True, "bitcast_convert"
    traits = Trait.ELEMENTWISE

    def check(self, at: NoAttrs, shape: Shape, *xs: Shape) -> None:
        (x,) = xs
        need_array(x, 0)
        need(shape.is_array, f"the result is {shape}, expected an array")
        need(
            x.element.is_complex == shape.element.is_complex,
            f"{x.element} and {shape.element}: complex numbers are not cast to or from real ones",
            0,
        )
        wide, thin = (x, shape) if x.element.bits >= shape.element.bits else (shape, x)
        ratio, rest = divmod(wide.element.bits, thin.element.bits)
        need(rest == 0, f"the widths of {x.element} and {shape.element} are no multiples of each other", 0)
        parts = () if ratio == 1 else (ratio,)
        need(thin.dims == wide.dims + parts, f"operand {x.bare} cannot be read as {shape.bare}", 0)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return reinterpreted(xs[0], inst.operands[0].shape.element, inst.shape.element)


def reinterpreted(x: Array, source: ElementType, target: ElementType) -> Array:
    """The bits of `x` as `target`, by the rules of `bitcast-convert`."""
    if source is target:
        return x
    if source.is_complex or target.is_complex or min(source.bits, target.bits) >= 8:
        flat = np.ascontiguousarray(x)
        if source.bits == target.bits:
            return flat.view(target.dtype).reshape(x.shape)
        if source.bits > target.bits:
            return flat.reshape((*x.shape, 1)).view(target.dtype)
        return flat.view(target.dtype).reshape(x.shape[:-1])
    bits = unsigned_bits(x, source) if source.is_integer else bits_of(x)
    if source.bits == target.bits:
        return from_bits(bits, target)
    if source.bits > target.bits:
        shifts = np.arange(0, source.bits, target.bits, dtype=bits.dtype)
        mask = np.asarray((1 << target.bits) - 1, bits.dtype)
        return from_bits(((bits[..., None] >> shifts) & mask).astype(np.uint8), target)
    wide = np.dtype(f"u{max(target.bits, 8) // 8}")
    shifts = np.arange(0, target.bits, source.bits, dtype=wide)
    return from_bits(np.bitwise_or.reduce(bits.astype(wide) << shifts, axis=-1), target)


class Bitcast(Op[NoAttrs]):
    """The same buffer under another shape: the elements in the order of memory stay where they are."""

    name, arity, declared = "bitcast", 1, True
    traits = Trait.DATA_MOVEMENT

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        source, target = inst.operands[0].shape, inst.shape
        if not source.is_array or (not source.dims and source.bare is target.bare):
            return xs[0]
        physical = np.ascontiguousarray(np.transpose(xs[0], source.order)).reshape(-1)
        if source.element is not target.element:
            physical = np.ascontiguousarray(physical).view(target.element.dtype)
        laid = physical.reshape([target.dims[d] for d in target.order])
        return np.transpose(laid, np.argsort(target.order))


@dataclass(frozen=True, slots=True)
class ReducePrecisionAttrs:
    """The bits of the exponent and the mantissa that are kept."""

    exponent_bits: int
    mantissa_bits: int


class ReducePrecision(Op[ReducePrecisionAttrs]):
    """Rounds floats as if they were stored with fewer bits: too large becomes infinite, too small zero."""

    name, arity, Attrs, stablehlo = "reduce-precision", 1, ReducePrecisionAttrs, "reduce_precision"
    traits = Trait.ELEMENTWISE

    def shape(self, at: ReducePrecisionAttrs, *xs: Shape) -> Shape:
        need_kind(xs[0], Kind.FLOAT, 0)
        need(at.exponent_bits >= 1, f"exponent_bits={at.exponent_bits}, expected at least 1")
        need(at.mantissa_bits >= 0, f"mantissa_bits={at.mantissa_bits} is negative")
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return _reduced(xs[0], inst.shape.element, inst.attrs.exponent_bits, inst.attrs.mantissa_bits)

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=inst.shape.size)


def _reduced(x: Array, element: ElementType, exponent_bits: int, mantissa_bits: int) -> Array:
    """XLA's algorithm on the bits: round the mantissa to nearest even, then clip the exponent."""
    info = float_info(element.dtype)
    mantissa = int(info.nmant)
    exponent = element.bits - 1 - mantissa
    bits = bits_of(x)
    one = bits.dtype.type(1)
    sign = bits & (one << bits.dtype.type(element.bits - 1))
    size = bits ^ sign
    if mantissa_bits < mantissa:
        drop = bits.dtype.type(mantissa - mantissa_bits)
        half = (one << (drop - one)) - one
        size = size + half + ((size >> drop) & one)
        size = (size >> drop) << drop
    if exponent_bits < exponent:
        bias = (1 << (exponent - 1)) - 1
        small = (1 << (exponent_bits - 1)) - 1
        field = size >> bits.dtype.type(mantissa)
        infinite = bits.dtype.type(((1 << exponent) - 1) << mantissa)
        size = np.where(field > bias + small, infinite, np.where(field <= bias - small, 0, size)).astype(bits.dtype)
    result = from_bits(sign | size, element)
    return np.where(np.isnan(x), x, result)


class StochasticConvert(Op[NoAttrs]):
    """Floats as integers, rounded away from zero where the fraction, in units of 2^-bits, is above a random number.

    Operand 1 holds the random numbers, unsigned and as wide as the floats. Numbers out of range give the nearest
    integer there is, NaN gives 0. Source: XLA's evaluator.
    """

    name, arity, declared, traits = "stochastic-convert", 2, True, Trait.ELEMENTWISE

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        source, target = inst.operands[0].shape.element, inst.shape.element
        if not target.is_integer:
            raise NotYet(f"stochastic-convert to {target} is not defined")
        x = as_doubles(xs[0], source)
        size = np.abs(x)
        whole = np.floor(size)
        fraction = np.where(np.isfinite(x), np.ldexp(size - whole, source.bits), 0.0)
        up = np.asarray(xs[1]).astype(np.float64) < np.floor(fraction)
        return _saturated(np.copysign(whole + up, x), target)


convert = Convert()
bitcast_convert = BitcastConvert()
bitcast = Bitcast()
reduce_precision = ReducePrecision()
stochastic_convert = StochasticConvert()
