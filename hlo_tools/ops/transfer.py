"""Ops that move data in time and between host and device: async, copy-start, send, recv, infeed, outfeed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.attributes import Aliasing, NoAttrs, Raw, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Trait
from hlo_tools.ops.family import NotYetOp
from hlo_tools.ops.rules import need, need_aliasing


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


class Started(NotYetOp):
    """An op that starts something; some op of its family has to finish it."""

    def verify(self, inst: Instruction) -> None:
        need_aliasing(inst, getattr(inst.attrs, "output_to_operand_aliasing", Aliasing(())))


class Follower(NotYetOp):
    """An op that goes on with, or finishes, what another started. `after` are the opcodes that may come before."""

    def __init__(self, name: str, arity: int | None, attrs: type[Any], traits: Trait, after: tuple[str, ...]) -> None:
        super().__init__(name, arity, attrs, traits)
        self.after = after

    def verify(self, inst: Instruction) -> None:
        need(bool(inst.operands), "there are no operands")
        before = inst.operands[0].op.name
        need(before in self.after, f"operand 0 is {before}, expected {' or '.join(self.after)}", 0)
        need_aliasing(inst, getattr(inst.attrs, "output_to_operand_aliasing", Aliasing(())))


_EFFECT = Trait.SIDE_EFFECT
_ASYNC = ("async-start", "async-update", "get-tuple-element", "parameter")  # the last two: handed on by a loop
async_start = Started("async-start", None, AsyncAttrs, _EFFECT, "async_start")
async_update = Follower("async-update", None, AsyncAttrs, _EFFECT, _ASYNC)
async_done = Follower("async-done", 1, AsyncAttrs, _EFFECT, _ASYNC)
copy_start = NotYetOp("copy-start", 1, CopyStartAttrs)
copy_done = Follower("copy-done", 1, NoAttrs, Trait.NONE, ("copy-start",))
send = NotYetOp("send", 2, ChannelAttrs, _EFFECT, "send")
send_done = NotYetOp("send-done", 1, ChannelAttrs, _EFFECT)
recv = NotYetOp("recv", 1, ChannelAttrs, _EFFECT, "recv")
recv_done = NotYetOp("recv-done", 1, ChannelAttrs, _EFFECT)
infeed = NotYetOp("infeed", 1, InfeedAttrs, _EFFECT, "infeed")
outfeed = NotYetOp("outfeed", 2, OutfeedAttrs, _EFFECT, "outfeed")
