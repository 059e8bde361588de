"""Random numbers of a distribution."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.attributes import RandomAlgorithm, RandomDistribution
from hlo_tools.ir.element import F32, F64, PRED, S32, S64, U32, U64, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import array, tuple_of
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.conversion import bitcast_convert
from hlo_tools.ops.family import Elementwise
from hlo_tools.ops.random import RngBitGeneratorAttrs, rng, rng_bit_generator
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import converted, element_of, spread
from hlo_tools.rewrite.constants import splat

_GOLDEN = 0x9E3779B97F4A7C15
"""An odd number whose multiples differ in many bits: keys of the generators of a module."""


@dataclass(frozen=True, slots=True)
class RngExpander(Pass):
    """Writes rng with rng-bit-generator (Philox), with a key for each instruction.

    There is no state that would outlive a run: every run, and every round of a loop, gives the same numbers.
    """

    def run(self, module: Module, ctx: Context) -> bool:
        """Each instruction gets a key by its place in the module."""
        found = [i for i in module.instructions() if i.op is rng and not i.shape.element.is_complex]
        for number, inst in enumerate(found, 1):
            made = _Numbers(inst, number * _GOLDEN % (1 << 64))
            supersede(inst, made.normal() if inst.attrs.distribution is RandomDistribution.NORMAL else made.uniform())
        ctx.count("expanded", len(found))
        return bool(found)


class _Numbers:
    """The arrays from which the result of an rng instruction is made; floats narrower than f32 are made from f32."""

    def __init__(self, inst: Instruction, key: int) -> None:
        self.inst = inst
        self.home = inst.parent
        self.key = key
        self.wide = inst.shape.element.bits == 64
        self.blocks = 0

    def _apply(self, op: Elementwise, *xs: Instruction) -> Instruction:
        return self.home.add(op, xs, shape=xs[0].shape, like=self.inst)

    def _number(self, value: float, like: Instruction) -> Instruction:
        return splat(self.home, value, like.shape)

    def _operand(self, index: int, element: ElementType) -> Instruction:
        """An operand, a scalar, everywhere."""
        x = converted(self.inst.operands[index], element)
        return spread(x, (), self.inst.shape.with_element(element))

    def _bits(self) -> Instruction:
        """New random bits, 32 or 64 for each element."""
        shape = self.inst.shape.with_element(U64 if self.wide else U32)
        state = array(U64, (2,))
        start = Literal(state, np.array([self.key, self.blocks << 32], np.uint64))
        self.blocks += 1
        given = self.home.add(constant, (), ConstantAttrs(start), state)
        at = RngBitGeneratorAttrs(RandomAlgorithm.PHILOX)
        return element_of(self.home.add(rng_bit_generator, (given,), at, tuple_of((state, shape)), like=self.inst), 1)

    def _unit(self) -> Instruction:
        """Floats from 0 to below 1: random bits as the mantissa of floats from 1 to below 2."""
        bits = self._bits()
        drop, one, element = (12, 0x3FF << 52, F64) if self.wide else (9, 0x7F << 23, F32)
        mantissa = self._apply(e.shift_right_logical, bits, self._number(drop, bits))
        whole = self._apply(e.or_, mantissa, self._number(one, bits))
        shape = self.inst.shape.with_element(element)
        floats = self.home.add(bitcast_convert, (whole,), shape=shape, like=self.inst)
        return self._apply(e.subtract, floats, self._number(1, floats))

    def uniform(self) -> Instruction:
        """Numbers from operand 0 to below operand 1."""
        element = self.inst.shape.element
        if element is PRED:
            bits = self._bits()
            return converted(self._apply(e.and_, bits, self._number(1, bits)), PRED)
        if element.is_float:
            unit = self._unit()
            low, high = (self._operand(i, unit.shape.element) for i in (0, 1))
            scaled = self._apply(e.multiply, unit, self._apply(e.subtract, high, low))
            return converted(self._apply(e.add, scaled, low), element)
        unsigned, signed = (U64, S64) if self.wide else (U32, S32)
        bits = self._bits()
        low, high = (converted(self._operand(i, signed), unsigned) for i in (0, 1))
        place = self._apply(e.remainder, bits, self._apply(e.subtract, high, low))
        return converted(self._apply(e.add, place, low), element)

    def normal(self) -> Instruction:
        """Numbers around operand 0 with standard deviation operand 1, by the method of Box and Muller."""
        first, second = self._unit(), self._unit()
        above = self._apply(e.subtract, self._number(1, first), first)  # never 0
        size = self._apply(e.multiply, self._apply(e.log, above), self._number(-2, above))
        wave = self._apply(e.cosine, self._apply(e.multiply, second, self._number(2 * pi, second)))
        unit = self._apply(e.multiply, self._apply(e.sqrt, size), wave)
        mean, deviation = (self._operand(i, unit.shape.element) for i in (0, 1))
        scaled = self._apply(e.multiply, unit, deviation)
        return converted(self._apply(e.add, scaled, mean), self.inst.shape.element)
