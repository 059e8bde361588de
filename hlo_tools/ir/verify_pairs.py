"""Instructions that belong together: what one starts another has to finish, across loops as well.

Source of the rules: `VerifyAsynchronousInstructionPairs` and `VerifyAsyncComputation` of XLA's HloVerifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.support.diagnostic import Diagnostic, Note

Watched = Mapping[str, Sequence[Instruction]]
"""Instructions of a module by opcode, for the opcodes that the rules of whole modules look at."""

_FINISHERS = {
    "all-gather-start": ("all-gather-done",),
    "all-reduce-start": ("all-reduce-done",),
    "collective-permute-start": ("collective-permute-done",),
    "copy-start": ("copy-done",),
    "recv": ("recv-done", "tuple"),  # a tuple hands it on to the next round of a loop
    "send": ("send-done", "tuple"),
}
_STARTERS = {
    "all-gather-done": ("all-gather-start",),
    "all-reduce-done": ("all-reduce-start",),
    "collective-permute-done": ("collective-permute-start",),
    "copy-done": ("copy-start",),
    "recv-done": ("recv", "get-tuple-element"),
    "send-done": ("send", "get-tuple-element"),
}
_UNDER_WAY = ("async-start", "async-update")
_FOLLOWERS = ("async-update", "async-done")
PAIRED = frozenset((*_FINISHERS, *_STARTERS, *_UNDER_WAY, "async-done"))
"""Opcodes that come in pairs or chains."""


def check_pairs(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """Each start has its one done, and each done its start."""
    started = {c for inst in watched.get("async-start", ()) for c in inst.called}
    for name, finishers in _FINISHERS.items():
        for inst in watched.get(name, ()):
            if not (name in ("send", "recv") and inst.is_root and inst.parent in started):
                yield from _one_consumer(module, inst, finishers)
    for name, starters in _STARTERS.items():
        for inst in watched.get(name, ()):
            before = inst.operands[0] if inst.operands else None
            if before is not None and before.op.name not in starters:
                needed = " or ".join(starters)
                message = f"the operand of a {name} instruction needs to be {needed}, found {before.op.name}"
                yield Diagnostic("HLO2021", message, module.span(inst), notes=(_at(module, before),))
    if "async-start" in watched or "async-update" in watched or "async-done" in watched:
        yield from _chains(module, watched)
        yield from _wrapped(module, watched)


def _one_consumer(module: Module, inst: Instruction, finishers: tuple[str, ...]) -> Iterator[Diagnostic]:
    users = [u for u in inst.users if not _orders_only(u)]
    name = inst.op.name
    if len(users) != 1:
        message = f"the {name} instruction requires one consumer, found {len(users)}"
    elif users[0].op.name not in finishers:
        needed = " or ".join(finishers)
        message = f"the consumer of a {name} instruction needs to be {needed}, found {users[0].op.name}"
    else:
        return
    yield Diagnostic("HLO2021", message, module.span(inst), notes=tuple(_at(module, u) for u in users))


def _orders_only(user: Instruction) -> bool:
    return user.op.name == "custom-call" and user.attrs.custom_call_target == "control_dep"


def _at(module: Module, inst: Instruction) -> Note:
    return Note(f"{inst.name} is {inst.op.name}", module.span(inst))


# ---- async-start, async-update, async-done


def _chains(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    callers = _Callers(module)
    for name in _FOLLOWERS:
        for inst in watched.get(name, ()):
            if inst.operands and not callers.traces_to_start(inst.operands[0]):
                words = "Async update" if name == "async-update" else "Async done"
                message = f"{words} {inst.name} does not trace back to an async start"
                yield Diagnostic("HLO2021", message, module.span(inst), notes=(_at(module, inst.operands[0]),))
    for name in _UNDER_WAY:
        for inst in watched.get(name, ()):
            yield from _followed(module, inst)


def _followed(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    """What is under way has to be finished: by one follower, or by whoever gets it from the computation."""
    followers = [u for u in inst.users if u.op.name in _FOLLOWERS and u.operands[0] is inst]
    for user in inst.users:
        for i, x in enumerate(user.operands):
            if x is inst and i > 0 and user.op.name in _FOLLOWERS:
                message = f"async instruction {inst.name} is operand {i} of {user.name}; it can only be the first one"
                yield Diagnostic("HLO2021", message, module.span(user), notes=(_at(module, inst),))
    if len(followers) > 1:
        message = f"the {inst.op.name} instruction requires one consumer, found {len(followers)}"
        yield Diagnostic("HLO2021", message, module.span(inst), notes=tuple(_at(module, u) for u in followers))
    elif not inst.users:
        start = _start_of(inst)
        if not inst.is_root and inst.op.name == "async-update":
            yield Diagnostic("HLO2021", f"Orphan async update {inst.name}: nothing follows it", module.span(inst))
        elif not inst.is_root or inst.parent is module.entry:
            message = f"Async start {start.name} has no matching async done"
            notes = () if start is inst else (_at(module, inst),)
            yield Diagnostic("HLO2021", message, module.span(start), notes=notes)


def _start_of(inst: Instruction) -> Instruction:
    while inst.op.name == "async-update" and inst.operands and inst.operands[0].op.name in _UNDER_WAY:
        inst = inst.operands[0]
    return inst


class _Callers:
    """Follows values back to where they come from, out of called computations as well."""

    def __init__(self, module: Module) -> None:
        self.of: dict[Computation, list[Instruction]] = {}
        for inst in module.instructions():
            for called in inst.called:
                self.of.setdefault(called, []).append(inst)

    def traces_to_start(self, inst: Instruction) -> bool:
        """Whether a value under way comes from an async-start, as far as it can be followed."""
        seen: set[tuple[Instruction, tuple[int, ...]]] = set()
        path: tuple[int, ...] = ()
        while (inst, path) not in seen:
            seen.add((inst, path))
            name = inst.op.name
            if name == "async-start":
                return not path
            if name == "get-tuple-element" and inst.operands:
                inst, path = inst.operands[0], (inst.attrs.index, *path)
            elif name == "tuple":
                if not path or path[0] >= len(inst.operands):
                    return False
                inst, path = inst.operands[path[0]], path[1:]
            elif name in ("async-update", "while", "opt-barrier", "copy", "domain", "add-dependency"):
                if not inst.operands:
                    return False
                inst = inst.operands[0]
            elif name in ("call", "fusion", "conditional") and inst.called[0].root is not None:
                inst = inst.called[0].root
            elif name == "parameter" and (caller := self._argument(inst)) is not None:
                inst = caller
            else:
                return False
        return True

    def _argument(self, parameter: Instruction) -> Instruction | None:
        for caller in self.of.get(parameter.parent, ()):
            number = parameter.attrs.number
            if caller.op.name == "conditional":
                number = 1 + caller.called.index(parameter.parent)
            if number < len(caller.operands):
                argument: Instruction = caller.operands[number]
                return argument
        return None


def _wrapped(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """A computation that runs asynchronously on the main thread is one instruction, or a group of transfers."""
    checked: set[Computation] = set()
    for start in watched.get("async-start", ()):
        called = start.attrs.calls
        if called is None or called in checked or called.execution_thread not in ("", "main"):
            continue
        checked.add(called)
        if any(key == "_collectives_group" for key, _ in start.extras.frontend_attributes):
            continue
        rest = [i for i in called.instructions if i is not called.root and i.op.name != "parameter"]
        if all(i.op.name == "get-tuple-element" for i in rest) or _only_transfers(called):
            continue
        message = (
            f"asynchronous computation {called.name} is expected to contain only the root and parameter instructions"
        )
        note = Note(f"it is started by {start.name}", module.span(start))
        yield Diagnostic("HLO2021", message, module.span(rest[0]), notes=(note,))


def _only_transfers(computation: Computation) -> bool:
    allowed = {"parameter", "tuple", "send", "recv", "send-done", "recv-done", "get-tuple-element", "bitcast"}
    names = {i.op.name for i in computation.instructions}
    return names <= allowed and not names.isdisjoint(("send", "recv"))
