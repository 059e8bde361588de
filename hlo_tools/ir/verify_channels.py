"""Send and recv: both ends of a channel agree, and a schedule of them cannot wait for ever.

Source of the rules: `VerifyChannels` and `VerifyNoCollectiveDeadlocks` of XLA's HloVerifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.verify_pairs import Watched
from hlo_tools.support.diagnostic import Diagnostic, Note

COLLECTIVES = frozenset(
    {
        "all-gather",
        "all-reduce",
        "all-to-all",
        "collective-broadcast",
        "collective-permute",
        "ragged-all-to-all",
        "reduce-scatter",
    }
)
"""Collectives that may not stand between a send and its recv."""

_PAIR = re.compile(r"\{\s*(\d+)\s*,\s*(\d+)\s*\}")
_Pairs = tuple[tuple[int, int], ...]


def check_channels(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """Ids and kinds of channels; constrained and free layouts of all-reduces are not mixed."""
    hosts: dict[int, Instruction] = {}
    for name in ("send", "recv"):
        for inst in watched.get(name, ()):
            yield from _same_channel(module, inst)
            if inst.attrs.is_host_transfer and inst.attrs.channel_id is not None:
                first = hosts.setdefault(inst.attrs.channel_id, inst)
                if first is not inst and not _alike(first, inst):
                    message = (
                        f"host-transfer send/recv instructions that use the same channel must be identical:"
                        f" {first.name} and {inst.name} use channel {inst.attrs.channel_id}"
                    )
                    yield Diagnostic("HLO2013", message, module.span(inst), notes=(_note(module, first),))
    reduces = [*watched.get("all-reduce", ()), *watched.get("all-reduce-start", ())]
    odd = next((i for i in reduces if i.attrs.constrain_layout != reduces[0].attrs.constrain_layout), None)
    if odd is not None:
        message = "the module has a mix of layout constrained and unconstrained all-reduce instructions"
        yield Diagnostic("HLO2013", message, module.span(odd), notes=(_note(module, reduces[0]),))


def _note(module: Module, inst: Instruction) -> Note:
    return Note(f"{inst.name} is {inst.op.name}", module.span(inst))


def _same_channel(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    for done in inst.users:
        if done.op.name != f"{inst.op.name}-done":
            continue
        ours, theirs = inst.attrs, done.attrs
        if ours.channel_id is not None and ours.channel_id != theirs.channel_id:
            message = (
                f"{inst.name} and {done.name} are expected to have the same channel id,"
                f" but have {ours.channel_id} and {theirs.channel_id}"
            )
        elif ours.is_host_transfer != theirs.is_host_transfer:
            message = f"{inst.name} and {done.name} are expected to have the same is_host_transfer"
        else:
            continue
        yield Diagnostic("HLO2013", message, module.span(done), notes=(_note(module, inst),))


def _alike(a: Instruction, b: Instruction) -> bool:
    """Whether two instructions differ in nothing but in which values of the same shapes they take."""
    return (
        a.op is b.op
        and a.shape is b.shape
        and a.attrs == b.attrs
        and a.extras.frontend_attributes == b.extras.frontend_attributes
        and [x.shape for x in a.operands] == [x.shape for x in b.operands]
    )


# ---- deadlocks


class _Deadlock(Exception):
    """The transfers cannot all come to an end; the instruction is where that shows."""

    def __init__(self, message: str, inst: Instruction) -> None:
        super().__init__(message)
        self.message = message
        self.inst = inst


def check_deadlocks(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """In a scheduled module each send is met by its recv before another collective runs."""
    if not module.header.is_scheduled or not ("send" in watched or "recv" in watched):
        return
    try:
        state = _Waiting()
        _run(module.main, state, ())
        state.finish()
    except _Deadlock as e:
        yield Diagnostic("HLO2014", e.message, module.span(e.inst))


class _Waiting:
    """Sends and recvs that wait for their other end. Only one kind is expected at a time, after the first waits."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Instruction]] = {"send": [], "recv": []}
        self.expected = ""

    def transfer(self, inst: Instruction) -> None:
        """Run a send or a recv."""
        if inst.attrs.is_host_transfer or _attribute(inst, "_xla_send_recv_pipeline") is not None:
            return
        pairs = _pairs(inst)
        if not pairs:
            return  # nothing says between which devices it transfers
        _need_free(inst, pairs)
        kind = inst.op.name
        other = "recv" if kind == "send" else "send"
        if not self.expected:
            self.expected = other
        elif self.expected == kind:
            match = next((w for w in self.waiting[other] if _pairs(w) == pairs), None)
            if match is not None:
                self.waiting[other].remove(match)
                self.expected = kind if self.waiting[other] else ""
                return
        else:
            joined = [p for w in self.waiting[kind] for p in _pairs(w)]
            if _conflict((*joined, *pairs)):
                raise _Deadlock(f"expected {other}, but found {kind} {inst.name}", inst)
        self.waiting[kind].append(inst)

    def collective(self, inst: Instruction) -> None:
        """Run another collective, for which everybody has to be there."""
        left = [*self.waiting["send"], *self.waiting["recv"]]
        if left:
            names = ", ".join(w.name for w in left)
            raise _Deadlock(
                f"expected send and recv instructions to have the same source-target pairs, but {names} could not be"
                f" matched before {inst.name}: this will cause a deadlock",
                inst,
            )

    def finish(self) -> None:
        """Nothing may wait at the end."""
        sends, recvs = self.waiting["send"], self.waiting["recv"]
        if bool(sends) != bool(recvs):
            kinds = ("recv", "send") if sends else ("send", "recv")
            raise _Deadlock(f"expected {kinds[0]} to match {kinds[1]}", (sends or recvs)[0])
        unmatched = [s for s in sends if all(_pairs(r) != _pairs(s) for r in recvs)]
        if unmatched:
            raise _Deadlock(f"send {unmatched[0].name} has no recv of the same source-target pairs", unmatched[0])


def _run(computation: Computation, state: _Waiting, inside: tuple[Computation, ...]) -> None:
    for inst in computation.instructions:
        called = inst.called
        if not called:
            if inst.op.name in ("send", "recv"):
                state.transfer(inst)
            elif inst.op.name in COLLECTIVES:
                state.collective(inst)
        elif inst.op.name in COLLECTIVES:
            state.collective(inst)
        for callee in called:
            if callee in (computation, *inside):
                continue  # a recursion, reported elsewhere
            if inst.op.name == "async-start" and len(callee) > len(callee.parameters) + 1:
                group = _Waiting()
                _run(callee, group, (*inside, computation))
                if state.expected:
                    group.finish()
            else:
                _run(callee, state, (*inside, computation))


def _need_free(inst: Instruction, pairs: _Pairs) -> None:
    problem = _conflict(pairs)
    if problem:
        raise _Deadlock(f"expected send and recv instructions to have {problem} source-target pairs: {inst.name}", inst)


def _conflict(pairs: _Pairs) -> str:
    """What the pairs are not: `non-cyclical`, `unique`, or nothing."""
    successors: dict[int, list[int]] = {}
    for source, target in pairs:
        successors.setdefault(source, []).append(target)
    if _cyclic(successors):
        return "non-cyclical"
    sources, targets = [a for a, _ in pairs], [b for _, b in pairs]
    return "unique" if len(set(sources)) < len(sources) or len(set(targets)) < len(targets) else ""


def _cyclic(successors: dict[int, list[int]]) -> bool:
    """Whether a walk along the edges comes back; nodes without a predecessor are taken away until none is left."""
    arriving: dict[int, int] = {}
    for targets in successors.values():
        for t in targets:
            arriving[t] = arriving.get(t, 0) + 1
    free = [s for s in successors if not arriving.get(s)]
    left = sum(len(t) for t in successors.values())
    while free:
        for t in successors.get(free.pop(), ()):
            left -= 1
            arriving[t] -= 1
            if not arriving[t]:
                free.append(t)
    return left > 0


def _attribute(inst: Instruction, key: str) -> str | None:
    return next((value for k, value in inst.extras.frontend_attributes if k == key), None)


def _pairs(inst: Instruction) -> _Pairs:
    text = _attribute(inst, "_xla_send_recv_source_target_pairs") or ""
    return tuple((int(a), int(b)) for a, b in _PAIR.findall(text))
