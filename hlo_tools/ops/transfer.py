"""Ops that move data in time and between host and device: async, copy-start, send, recv, infeed, outfeed."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.attributes import Aliasing, Raw, attr
from hlo_tools.ir.op import Callee, Trait
from hlo_tools.ops.family import NotYetOp


@dataclass(frozen=True, slots=True)
class AsyncAttrs:
    """The thread that runs it, which buffers are shared, and the computation that is started."""

    async_execution_thread: str = attr("")
    output_to_operand_aliasing: Aliasing = attr(Aliasing(()))
    calls: Callee | None = attr(None)


@dataclass(frozen=True, slots=True)
class CopyStartAttrs:
    """The number of a prefetch that outlives the program."""

    cross_program_prefetch_index: int | None = attr(None)


@dataclass(frozen=True, slots=True)
class ChannelAttrs:
    """The channel, and whether the other end is the host."""

    channel_id: int | None = attr(None)
    is_host_transfer: bool = attr(False)


@dataclass(frozen=True, slots=True)
class InfeedAttrs:
    """A text for the backend."""

    infeed_config: str = attr("")


@dataclass(frozen=True, slots=True)
class OutfeedAttrs:
    """The shape that is sent, and a text for the backend."""

    outfeed_shape: Raw = attr(Raw(""))
    outfeed_config: str = attr("")


_EFFECT = Trait.SIDE_EFFECT
async_start = NotYetOp("async-start", None, AsyncAttrs, _EFFECT, "async_start")
async_update = NotYetOp("async-update", None, AsyncAttrs, _EFFECT)
async_done = NotYetOp("async-done", 1, AsyncAttrs, _EFFECT, "async_done")
copy_start = NotYetOp("copy-start", 1, CopyStartAttrs)
copy_done = NotYetOp("copy-done", 1)
send = NotYetOp("send", 2, ChannelAttrs, _EFFECT, "send")
send_done = NotYetOp("send-done", 1, ChannelAttrs, _EFFECT)
recv = NotYetOp("recv", 1, ChannelAttrs, _EFFECT, "recv")
recv_done = NotYetOp("recv-done", 1, ChannelAttrs, _EFFECT)
infeed = NotYetOp("infeed", 1, InfeedAttrs, _EFFECT, "infeed")
outfeed = NotYetOp("outfeed", 2, OutfeedAttrs, _EFFECT, "outfeed")
