"""Batch normalisation in plainer ops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.element import F32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.family import Elementwise
from hlo_tools.ops.normalization import batch_norm_grad, batch_norm_inference, batch_norm_training
from hlo_tools.ops.structure import tuple_
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import converted, shaped_like, spread, summed
from hlo_tools.rewrite.constants import splat


@dataclass(frozen=True, slots=True)
class BatchnormExpander(Pass):
    """Writes batch-norm-training, -inference and -grad as sums and elementwise ops.

    Types narrower than f32 are computed in f32 and rounded once. The variance is the mean of squared differences from
    the mean, which cancels less than the difference of two means.
    """

    name: ClassVar[str] = "batchnorm_expander"

    def run(self, module: Module, ctx: Context) -> bool:
        """Each op on its own."""
        found = [inst for inst in module.instructions() if inst.op in _RULES]
        for inst in found:
            supersede(inst, _RULES[inst.op](_Features(inst)))
        ctx.count("expanded", len(found))
        return bool(found)


class _Features:
    """A batch normalisation: its operands in the type of the computation, and arithmetic on them."""

    def __init__(self, inst: Instruction) -> None:
        self.inst = inst
        self.home = inst.parent
        x = inst.operands[0].shape
        element = x.element if x.element.bits > 32 else F32
        self.feature = inst.attrs.feature_index
        self.others = tuple(d for d in range(x.rank) if d != self.feature)
        self.whole = x.with_element(element)
        self.per_feature = shaped_like(x, element, (x.dims[self.feature],))
        self.count = prod(x.dims[d] for d in self.others)
        self.operands = [converted(y, element) for y in inst.operands]

    def apply(self, op: Elementwise, *xs: Instruction) -> Instruction:
        """An elementwise op; what has one value per feature is spread over `whole` where shapes differ."""
        shape = self.whole if any(x.shape.rank == self.whole.rank for x in xs) else self.per_feature
        args = [x if x.shape.dims == shape.dims else spread(x, (self.feature,), shape) for x in xs]
        return self.home.add(op, args, shape=shape, like=self.inst)

    def number(self, value: float) -> Instruction:
        """A number for each feature."""
        return splat(self.home, value, self.per_feature)

    def total(self, x: Instruction) -> Instruction:
        """The sum for each feature."""
        return summed(x, self.others)

    def mean(self, x: Instruction) -> Instruction:
        """The mean for each feature."""
        return self.apply(e.divide, self.total(x), self.number(self.count))

    def spread_of(self, variance: Instruction) -> Instruction:
        """The variance, kept from zero."""
        return self.apply(e.add, variance, self.number(self.inst.attrs.epsilon))

    def normalised(
        self, centred: Instruction, variance: Instruction, scale: Instruction, offset: Instruction
    ) -> Instruction:
        """centred / sqrt(variance + epsilon) * scale + offset."""
        factor = self.apply(e.multiply, self.apply(e.rsqrt, self.spread_of(variance)), scale)
        return self.apply(e.add, self.apply(e.multiply, centred, factor), offset)

    def result(self, *leaves: Instruction) -> Instruction:
        """The leaves as the instruction gives them."""
        element = self.inst.operands[0].shape.element
        narrow = [converted(x, element) for x in leaves]
        if not self.inst.shape.is_tuple:
            return narrow[0]
        return self.home.add(tuple_, narrow, shape=self.inst.shape, like=self.inst)


def _inference(f: _Features) -> Instruction:
    x, scale, offset, mean, variance = f.operands
    return f.result(f.normalised(f.apply(e.subtract, x, mean), variance, scale, offset))


def _training(f: _Features) -> Instruction:
    x, scale, offset = f.operands
    mean = f.mean(x)
    centred = f.apply(e.subtract, x, mean)
    variance = f.mean(f.apply(e.multiply, centred, centred))
    return f.result(f.normalised(centred, variance, scale, offset), mean, variance)


def _grad(f: _Features) -> Instruction:
    """The formulas of the StableHLO spec, section batch_norm_grad."""
    x, scale, mean, variance, gradient = f.operands
    spread, centred = f.spread_of(variance), f.apply(e.subtract, x, mean)
    inverse = f.apply(e.rsqrt, spread)
    along = f.total(f.apply(e.multiply, gradient, centred))
    total = f.total(gradient)
    count = f.number(f.count)
    bend = f.apply(e.divide, along, f.apply(e.multiply, spread, count))
    change = f.apply(e.subtract, gradient, f.apply(e.divide, total, count))
    change = f.apply(e.subtract, change, f.apply(e.multiply, centred, bend))
    of_x = f.apply(e.multiply, change, f.apply(e.multiply, scale, inverse))
    return f.result(of_x, f.apply(e.multiply, along, inverse), total)


_RULES: dict[object, Callable[[_Features], Instruction]] = {
    batch_norm_inference: _inference,
    batch_norm_training: _training,
    batch_norm_grad: _grad,
}
