"""Transfers: shapes, channels of both ends, and schedules in which send and recv cannot meet."""

from __future__ import annotations

import pytest
from verifying import entry, findings

TOKEN = "t = token[] after-all(); c = f32[] constant(0); "
SENT = "(f32[], u32[], token[])"


def send(number: int, pairs: str = "", more: str = "channel_id=1") -> str:
    """A send and its done."""
    attributes = f', frontend_attributes={{_xla_send_recv_source_target_pairs="{pairs}"}}' if pairs else ""
    return f"s{number} = {SENT} send(c, t), {more}{attributes}; d{number} = token[] send-done(s{number}), {more}; "


def recv(number: int, pairs: str = "", more: str = "channel_id=1") -> str:
    """A recv and its done."""
    attributes = f', frontend_attributes={{_xla_send_recv_source_target_pairs="{pairs}"}}' if pairs else ""
    return (
        f"r{number} = {SENT} recv(t), {more}{attributes}; e{number} = (f32[], token[]) recv-done(r{number}), {more}; "
    )


ROOT = "ROOT z = f32[] negate(c)"
HOST = "channel_id=1, is_host_transfer=true"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (send(1) + recv(2) + ROOT, ""),
        (send(1, more=HOST) + send(2, more=HOST) + ROOT, ""),
        (f"s = {SENT} send(c, t), channel_id=1; d = token[] send-done(s), channel_id=2; " + ROOT,
         "HLO2013 s and d are expected to have the same channel id, but have 1 and 2"),
        (f"s = {SENT} send(c, t), {HOST}; d = token[] send-done(s), channel_id=1; " + ROOT,
         "HLO2013 s and d are expected to have the same is_host_transfer"),
        (send(1, more=HOST) + recv(2, more=HOST) + ROOT, "HLO2013 host-transfer send/recv instructions that use"),
        (f"s = {SENT} send(c, t), channel_id=1; " + ROOT, "HLO2021 the send instruction requires one consumer"),
        ("r = f32[] recv(t), channel_id=1; d = f32[] recv-done(r); " + ROOT, "recv must have a non-empty tuple shape"),
        ("r = f32[] infeed(t); " + ROOT, "infeed must have a non-empty tuple shape"),
        ("r = (f32[], token[]) infeed(c); " + ROOT, "operand 0 is f32[], expected a token"),
        ("r = token[] outfeed(c, t), outfeed_shape=f32[]; " + ROOT, ""),
        ("r = token[] outfeed(c, t), outfeed_shape=s8[2]{0}; " + ROOT, "outfeed_shape=s8[2]{0} is not the shape of"),
    ],
)  # fmt: skip
def test_transfers(body: str, message: str) -> None:
    found = findings(entry(TOKEN + body))
    assert message in "".join(found) and bool(found) == bool(message)


GATHER = "g = f32[2] parameter(0); a = f32[4] all-gather(g), dimensions={0}, replica_groups={{0,1}}; "


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (send(1, "{{0,1}}") + recv(1, "{{0,1}}") + GATHER, ""),
        (send(1, "{{0,1}}") + send(2, "{{2,3}}") + recv(1, "{{0,1}}") + recv(2, "{{2,3}}") + GATHER, ""),
        (send(1) + GATHER, ""),
        (send(1, "{{0,1}}"), "expected recv to match send"),
        (recv(1, "{{0,1}}"), "expected send to match recv"),
        (send(1, "{{0,1},{1,0}}"), "non-cyclical source-target pairs"),
        (send(1, "{{0,1},{0,2}}"), "unique source-target pairs"),
        (send(1, "{{0,1}}") + send(2, "{{1,0}}"), "expected recv, but found send s2"),
        (send(1, "{{0,1}}") + recv(1, "{{1,2}}") + GATHER, "could not be matched before a: this will cause a deadlock"),
    ],
)  # fmt: skip
def test_deadlocks_of_scheduled_modules(body: str, message: str) -> None:
    text = entry(TOKEN + body + ROOT, header="HloModule m, is_scheduled=true")
    found = findings(text)
    assert message in "".join(found) and bool(found) == bool(message)
    assert findings(text.replace(", is_scheduled=true", "")) == []
