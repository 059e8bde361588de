"""Batch normalisation. Computed in double and rounded once; formulas of the StableHLO spec."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hlo_tools.ir.element import Kind
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost, Env, Op
from hlo_tools.ir.shape import Shape, tuple_of
from hlo_tools.ops.numerics import Array, narrow
from hlo_tools.ops.rules import made, need, need_kind, need_same_dims, need_same_element


@dataclass(frozen=True, slots=True)
class BatchNormAttrs:
    """What keeps the variance from zero, and which dimension counts features."""

    epsilon: float
    feature_index: int


class BatchNorm(Op[BatchNormAttrs]):
    """What the three ops share: operand 0 has features, the others (but `like_input`) one value per feature."""

    Attrs = BatchNormAttrs
    like_input: tuple[int, ...] = ()

    def features(self, at: BatchNormAttrs, xs: tuple[Shape, ...]) -> Shape:
        """The shape of one value per feature; ShapeError when an operand does not fit."""
        x = xs[0]
        need_kind(x, Kind.FLOAT, 0)
        need(0 <= at.feature_index < x.rank, f"feature_index={at.feature_index} is out of range for {x.bare}")
        per_feature = made(x.element, (x.dims[at.feature_index],))
        for i, y in enumerate(xs[1:], 1):
            need_kind(y, Kind.FLOAT, i)
            need_same_element(x, y, i)
            need_same_dims(x if i in self.like_input else per_feature, y, i)
        return per_feature

    def cost(self, inst: Instruction) -> Cost:
        return Cost(flops=6 * inst.operands[0].shape.size)


def _doubles(at: BatchNormAttrs, xs: tuple[Array, ...]) -> list[Array]:
    """The operands as doubles, with the features in the last dimension."""
    return [np.moveaxis(x.astype(np.float64), at.feature_index if x.ndim > 1 else 0, -1) for x in xs]


class BatchNormInference(BatchNorm):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset. Operands: x, scale, offset, mean, variance."""

    name, arity, stablehlo = "batch-norm-inference", 5, "batch_norm_inference"

    def shape(self, at: BatchNormAttrs, *xs: Shape) -> Shape:
        self.features(at, xs)
        return xs[0].bare

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at = inst.attrs
        x, scale, offset, mean, variance = _doubles(at, xs)
        result = (x - mean) / np.sqrt(variance + at.epsilon) * scale + offset
        return narrow(np.moveaxis(result, -1, at.feature_index), inst.shape.element)


class BatchNormTraining(BatchNorm):
    """As inference with the mean and variance of x itself, which are results 1 and 2. Operands: x, scale, offset."""

    name, arity, stablehlo = "batch-norm-training", 3, "batch_norm_training"

    def shape(self, at: BatchNormAttrs, *xs: Shape) -> Shape:
        per_feature = self.features(at, xs)
        return tuple_of((xs[0].bare, per_feature, per_feature))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at, element = inst.attrs, inst.operands[0].shape.element
        x, scale, offset = _doubles(at, xs)
        axes = tuple(range(x.ndim - 1))
        count = np.float64(prod(x.shape[:-1]))  # of nothing the mean is NaN, without a warning
        mean = x.sum(axis=axes) / count
        variance = np.square(x - mean).sum(axis=axes) / count
        result = (x - mean) / np.sqrt(variance + at.epsilon) * scale + offset
        return (
            narrow(np.moveaxis(result, -1, at.feature_index), element),
            narrow(mean, element),
            narrow(variance, element),
        )


class BatchNormGrad(BatchNorm):
    """The gradients of training for x, scale and offset. Operands: x, scale, mean, variance, gradient of the result."""

    name, arity, stablehlo, like_input = "batch-norm-grad", 5, "batch_norm_grad", (4,)

    def shape(self, at: BatchNormAttrs, *xs: Shape) -> Shape:
        per_feature = self.features(at, xs)
        return tuple_of((xs[0].bare, per_feature, per_feature))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at, element = inst.attrs, inst.operands[0].shape.element
        x, scale, mean, variance, gradient = _doubles(at, xs)
        axes = tuple(range(x.ndim - 1))
        count = x.size // x.shape[-1] if x.size else 1
        spread = variance + at.epsilon
        centred = x - mean
        along = (gradient * centred).sum(axis=axes)
        total = gradient.sum(axis=axes)
        of_x = scale / np.sqrt(spread) / count * (count * gradient - total - centred * along / spread)
        return (
            narrow(np.moveaxis(of_x, -1, at.feature_index), element),
            narrow(along / np.sqrt(spread), element),
            narrow(total, element),
        )


batch_norm_grad = BatchNormGrad()
batch_norm_inference = BatchNormInference()
batch_norm_training = BatchNormTraining()
