"""Batch normalisation: the three ops that XLA expands before anything else."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ops.family import NotYetOp


@dataclass(frozen=True, slots=True)
class BatchNormAttrs:
    """What keeps the variance from zero, and which dimension counts features."""

    epsilon: float
    feature_index: int


batch_norm_grad = NotYetOp("batch-norm-grad", 5, BatchNormAttrs, stablehlo="batch_norm_grad")
batch_norm_inference = NotYetOp("batch-norm-inference", 5, BatchNormAttrs, stablehlo="batch_norm_inference")
batch_norm_training = NotYetOp("batch-norm-training", 3, BatchNormAttrs, stablehlo="batch_norm_training")
