"""Random numbers: rng-bit-generator, and the older ops with hidden state."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.attributes import RandomAlgorithm, RandomDistribution
from hlo_tools.ir.op import Trait
from hlo_tools.ops.family import NotYetOp


@dataclass(frozen=True, slots=True)
class RngBitGeneratorAttrs:
    """Which generator."""

    algorithm: RandomAlgorithm


@dataclass(frozen=True, slots=True)
class RngAttrs:
    """Which distribution."""

    distribution: RandomDistribution


@dataclass(frozen=True, slots=True)
class RngGetAndUpdateStateAttrs:
    """How far the state moves on."""

    delta: int


_HIDDEN = Trait.NONDETERMINISTIC | Trait.SIDE_EFFECT
rng = NotYetOp("rng", None, RngAttrs, Trait.NONDETERMINISTIC, "rng")
rng_bit_generator = NotYetOp("rng-bit-generator", 1, RngBitGeneratorAttrs, stablehlo="rng_bit_generator")
rng_get_and_update_state = NotYetOp("rng-get-and-update-state", 0, RngGetAndUpdateStateAttrs, _HIDDEN)
