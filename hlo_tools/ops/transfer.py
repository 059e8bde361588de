"""Ops that move data between devices and the host, or in time: copy-start, send, recv, infeed, outfeed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.attributes import NoAttrs, Raw, attr
from hlo_tools.ir.element import U32
from hlo_tools.ir.op import Trait
from hlo_tools.ir.shape import TOKEN_SHAPE, Shape, scalar, tuple_of
from hlo_tools.ops.family import NotYetOp
from hlo_tools.ops.rules import bare_text, need, need_token

Rule = Callable[[Any, Shape, tuple[Shape, ...]], Shape]
"""From attributes, declared shape and operands to the shape that the result must have; ShapeError for none."""


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


class Transfer(NotYetOp):
    """An op that moves data; `rule` gives the shape that its result must have."""

    def __init__(
        self, name: str, arity: int | None, attrs: type[Any], rule: Rule, traits: Trait, twin: str = ""
    ) -> None:
        super().__init__(name, arity, attrs, traits, twin or None)
        self.rule = rule

    def check(self, at: Any, shape: Shape, *xs: Shape) -> None:
        expected = self.rule(at, shape, xs)
        need(expected is shape.bare, f"the result is {expected}, but {shape.bare} is declared")


def _copy_started(at: CopyStartAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    return tuple_of((xs[0].bare, xs[0].bare, scalar(U32)))


def _copied(at: NoAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    (x,) = xs
    need(x.is_tuple and len(x.elements) >= 2, f"operand 0 is {x}, expected (destination, source, context)", 0)
    target, source = (s.bare for s in x.elements[:2])
    need(target is source, f"destination and source have different shapes: {target} and {source}", 0)
    return target


def _as_declared(at: ChannelAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    """Anything: XLA's reader takes these shapes from the operands, whatever the text says, and texts rely on it."""
    return shape.bare


def _received(at: ChannelAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    need_token(xs[0], 0)
    need(shape.is_tuple and len(shape.elements) > 0, f"recv must have a non-empty tuple shape, got {shape}")
    return shape.bare


def _fed(at: InfeedAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    need_token(xs[0], 0)
    need(shape.is_tuple and len(shape.elements) > 0, f"infeed must have a non-empty tuple shape, got {shape}")
    return tuple_of((shape.elements[0].bare, TOKEN_SHAPE))


def _fed_out(at: OutfeedAttrs, shape: Shape, xs: tuple[Shape, ...]) -> Shape:
    need_token(xs[1], 1)
    need(
        at.outfeed_shape == "" or bare_text(at.outfeed_shape) == bare_text(xs[0].text),
        f"outfeed_shape={at.outfeed_shape} is not the shape of operand 0, {xs[0]}",
        0,
    )
    return shape.bare


_EFFECT = Trait.SIDE_EFFECT
copy_start = Transfer("copy-start", 1, CopyStartAttrs, _copy_started, Trait.NONE)
copy_done = Transfer("copy-done", 1, NoAttrs, _copied, Trait.NONE)
send = Transfer("send", 2, ChannelAttrs, _as_declared, _EFFECT, "send")
send_done = Transfer("send-done", 1, ChannelAttrs, _as_declared, _EFFECT)
recv = Transfer("recv", 1, ChannelAttrs, _received, _EFFECT, "recv")
recv_done = Transfer("recv-done", 1, ChannelAttrs, _as_declared, _EFFECT)
infeed = Transfer("infeed", 1, InfeedAttrs, _fed, _EFFECT, "infeed")
outfeed = Transfer("outfeed", 2, OutfeedAttrs, _fed_out, _EFFECT, "outfeed")
