"""Ops between devices. Their attributes are read and kept; on one device only the ids have a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, NoAttrs, Raw, attr
from hlo_tools.ir.element import U32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Env, Op, Trait
from hlo_tools.ir.shape import Shape, scalar
from hlo_tools.ops.family import NotYetOp

_COLLECTIVE = Trait.COLLECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class AllGatherAttrs:
    """Between which devices, and the dimension along which the parts are joined."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    constrain_layout: bool = attr(False)
    dimensions: Dims = attr()
    use_global_device_ids: bool = attr(False)
    mode: Raw = attr(Raw(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class AllReduceAttrs:
    """Between which devices, and how two values become one."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    constrain_layout: bool = attr(False)
    use_global_device_ids: bool = attr(False)
    mode: Raw = attr(Raw(""))
    to_apply: Callee = attr()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceScatterAttrs:
    """Between which devices, the dimension that is cut, and how two values become one."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    constrain_layout: bool = attr(False)
    use_global_device_ids: bool = attr(False)
    mode: Raw = attr(Raw(""))
    dimensions: Dims = attr()
    to_apply: Callee = attr()


@dataclass(frozen=True, slots=True)
class AllToAllAttrs:
    """Between which devices, and the dimension that is cut; none when each operand is a part."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    constrain_layout: bool = attr(False)
    dimensions: Dims = attr(Dims(()))
    mode: Raw = attr(Raw(""))


@dataclass(frozen=True, slots=True)
class RaggedAllToAllAttrs:
    """Between which devices."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    mode: Raw = attr(Raw(""))


@dataclass(frozen=True, slots=True)
class CollectiveBroadcastAttrs:
    """Between which devices; `has_dynamic_root`: an operand says who sends."""

    channel_id: int | None = attr(None)
    replica_groups: Raw = attr(Raw("{}"), always=True)
    constrain_layout: bool = attr(False)
    has_dynamic_root: bool = attr(False)
    mode: Raw = attr(Raw(""))


@dataclass(frozen=True, slots=True)
class CollectivePermuteAttrs:
    """Who sends to whom, and of what size the slices are where slices are sent."""

    channel_id: int | None = attr(None)
    source_target_pairs: Raw = attr(Raw("{}"), always=True)
    slice_sizes: Raw = attr(Raw(""))
    mode: Raw = attr(Raw(""))


class DeviceId(Op[NoAttrs]):
    """The number of the device; 0 where there is one."""

    arity = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.stablehlo = name.replace("-", "_")

    def shape(self, at: NoAttrs, *xs: Shape) -> Shape:
        return scalar(U32)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return np.zeros((), np.uint32)


partition_id = DeviceId("partition-id")
replica_id = DeviceId("replica-id")
all_gather = NotYetOp("all-gather", None, AllGatherAttrs, _COLLECTIVE, "all_gather")
all_gather_start = NotYetOp("all-gather-start", None, AllGatherAttrs, _COLLECTIVE)
all_gather_done = NotYetOp("all-gather-done", 1, traits=_COLLECTIVE)
all_reduce = NotYetOp("all-reduce", None, AllReduceAttrs, _COLLECTIVE, "all_reduce")
all_reduce_start = NotYetOp("all-reduce-start", None, AllReduceAttrs, _COLLECTIVE)
all_reduce_done = NotYetOp("all-reduce-done", 1, traits=_COLLECTIVE)
all_to_all = NotYetOp("all-to-all", None, AllToAllAttrs, _COLLECTIVE, "all_to_all")
collective_broadcast = NotYetOp(
    "collective-broadcast", None, CollectiveBroadcastAttrs, _COLLECTIVE, "collective_broadcast"
)
collective_permute = NotYetOp("collective-permute", None, CollectivePermuteAttrs, _COLLECTIVE, "collective_permute")
collective_permute_start = NotYetOp("collective-permute-start", None, CollectivePermuteAttrs, _COLLECTIVE)
collective_permute_done = NotYetOp("collective-permute-done", 1, traits=_COLLECTIVE)
ragged_all_to_all = NotYetOp("ragged-all-to-all", None, RaggedAllToAllAttrs, _COLLECTIVE)
reduce_scatter = NotYetOp("reduce-scatter", None, ReduceScatterAttrs, _COLLECTIVE, "reduce_scatter")
