"""async-start, async-update and async-done: a computation that runs beside the others.

The shape of what is under way is `((operands), results, contexts...)`. Operands may be bound, and results become
available, one update after the other: what is there so far is a prefix of what the computation takes and gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.attributes import Aliasing, attr
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.device import Pending
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Env, NotYet, Op, Trait
from hlo_tools.ir.shape import Shape, compatible, tuple_of
from hlo_tools.ops.rules import (
    braces,
    need,
    need_alias_shapes,
    need_aliasing,
    need_count,
    part_of,
    signature,
)
from hlo_tools.ops.structure import zeros
from hlo_tools.ops.transfer import arrived


@dataclass(frozen=True, slots=True)
class AsyncAttrs:
    """The thread that runs it, which buffers are shared, and the computation that is started."""

    async_execution_thread: str = attr("")
    output_to_operand_aliasing: Aliasing = attr(Aliasing(()))
    calls: Callee | None = attr(None)


class Asynchronous(Op[AsyncAttrs]):
    """One of the three.

    The value of what is under way is ((operands so far), what is pending or None, contexts).
    """

    Attrs, declared, traits = AsyncAttrs, True, Trait.SIDE_EFFECT

    def __init__(self, name: str, arity: int | None, stablehlo: str | None = None) -> None:
        self.name = name
        self.arity = arity
        self.stablehlo = stablehlo


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a computation that need not wait for others has resulted in."""

    value: Any


def communicates(computation: Computation) -> bool:
    """Whether a computation, or one that it calls, has to do with other devices or with the host."""
    return any(
        Trait.COLLECTIVE in inst.op.traits or Trait.SIDE_EFFECT in inst.op.traits or any(map(communicates, inst.called))
        for inst in computation
    )


def _begun(env: Env, inst: Instruction, bound: tuple[Any, ...], pending: Pending | _Ended | None) -> Any:
    """The state of a computation: it begins to run once all of its operands are bound."""
    called = started(inst)
    if called is None:
        raise NotYet("the computation that runs is not in sight")
    if pending is None and len(bound) == len(called.parameters):
        if communicates(called):
            pending = env.device.start(lambda: env.call(called, bound))
        else:
            pending = _Ended(env.call(called, bound))
    return (bound, pending, *map(zeros, inst.shape.elements[2:]))


class AsyncStart(Asynchronous):
    """Starts a computation with its first operands."""

    def check(self, at: AsyncAttrs, shape: Shape, *xs: Shape) -> None:
        _need_state(shape)
        bound = shape.elements[0].elements
        need_count(len(xs), len(bound), "operands, of which the shape binds")
        _need_operands(xs, bound, 0, 0)

    def verify(self, inst: Instruction) -> None:
        called = started(inst)
        need(called is not None, "there is no computation to start")
        assert called is not None
        _need_prefix(inst, called)
        ours, theirs = inst.attrs.async_execution_thread or "main", called.execution_thread or "main"
        need(ours == theirs, f"async_execution_thread is {ours}, but {called.name} runs on the thread {theirs}")
        _need_start_aliasing(inst, called)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return _begun(env, inst, xs, None)


class AsyncUpdate(Asynchronous):
    """Binds further operands (behind the first one) or waits for further results."""

    def check(self, at: AsyncAttrs, shape: Shape, *xs: Shape) -> None:
        need(len(xs) > 0, "there are no operands")
        _need_state(shape)
        _need_state(xs[0], 0)
        for part, what in ((0, "operands"), (1, "results")):
            before, now = xs[0].elements[part], shape.elements[part]
            need(is_prefix(before, now), f"the {what} so far, {before.bare}, are no prefix of {now.bare}", 0)
        bound, binds = xs[0].elements[0].elements, shape.elements[0].elements
        new = len(binds) - len(bound)
        need(len(xs) - 1 == new, f"has {len(xs) - 1} new operands, but the shape indicates {new} new bound parameters")
        _need_operands(xs[1:], binds[len(bound) :], 1, len(bound))

    def verify(self, inst: Instruction) -> None:
        called = started(inst)
        if called is not None:
            _need_prefix(inst, called)
        need_aliasing(inst, inst.attrs.output_to_operand_aliasing)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        (bound, pending, *_), *more = xs
        return _begun(env, inst, (*bound, *more), pending)


class AsyncDone(Asynchronous):
    """Waits for the end and gives the results."""

    def check(self, at: AsyncAttrs, shape: Shape, *xs: Shape) -> None:
        _need_state(xs[0], 0)

    def verify(self, inst: Instruction) -> None:
        called = started(inst)
        if called is None:
            return
        parameters, result = signature(called)
        need(
            inst.shape.bare is result,
            f"{inst.shape.bare} is declared, but the result of {called.name}, at index {{1}} of the async shape,"
            f" is {result}",
        )
        bound = inst.operands[0].shape.elements[0].bare
        need(
            bound is tuple_of(tuple(parameters)),
            f"the operands of {inst.operands[0].name} are not fully bound: {bound}, where {called.name}"
            f" takes {tuple_of(tuple(parameters))}",
            0,
        )

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        pending = xs[0][1]
        if pending is None:
            raise NotYet("not all operands of the computation are bound")
        return pending.value if isinstance(pending, _Ended) else arrived(env, env.device.wait(pending))


def started(inst: Instruction) -> Computation | None:
    """The computation that runs: that of the start, as far as one is in sight, else the one that `inst` names."""
    start = inst
    while start.operands and start.op in (async_update, async_done):
        start = start.operands[0]
    at: AsyncAttrs = start.attrs if start.op is async_start else inst.attrs
    return at.calls


def is_prefix(part: Shape, whole: Shape) -> bool:
    """Whether `part` is `whole`, or a tuple of its first elements or of prefixes of them."""
    if compatible(part, whole):
        return True
    if not part.is_tuple or (part.elements and not whole.is_tuple) or len(part.elements) > len(whole.elements):
        return not part.elements and part.is_tuple
    return all(map(is_prefix, part.elements, whole.elements))


def _need_state(shape: Shape, operand: int | None = None) -> None:
    what = "the result" if operand is None else f"operand {operand}"
    need(
        shape.is_tuple and len(shape.elements) >= 2 and shape.elements[0].is_tuple,
        f"{what} is {shape}, expected ((operands...), results, contexts...)",
        operand,
    )


def _need_operands(xs: tuple[Shape, ...], bound: tuple[Shape, ...], first: int, place: int) -> None:
    for i, (x, expected) in enumerate(zip(xs, bound, strict=True)):
        index = braces((0, place + i))
        need(
            compatible(x, expected),
            f"operand {first + i} is {x.bare}, but the async shape at index {index} is {expected.bare}",
            first + i,
        )


def _need_prefix(inst: Instruction, called: Computation) -> None:
    parameters, result = signature(called)
    for index, whole, what in ((0, tuple_of(tuple(parameters)), "parameters"), (1, result, "result")):
        part = inst.shape.elements[index]
        need(
            is_prefix(part, whole),
            f"the async shape at index {{{index}}} is {part.bare}, no prefix of the {what} of {called.name}, {whole}",
        )


def _need_start_aliasing(inst: Instruction, called: Computation) -> None:
    """As `need_aliasing`, but operands and results are those of the computation: they may be bound later."""
    parameters = [p.shape for p in called.parameters]
    contexts = inst.shape.elements[2:]
    whole = tuple_of((tuple_of(tuple(parameters)), called.result.shape, *contexts))
    for entry in inst.attrs.output_to_operand_aliasing:
        need(entry.operand >= 0, f"output_to_operand_aliasing names a negative operand number, {entry.operand}")
        need(
            entry.operand < len(parameters),
            f"output_to_operand_aliasing names operand {entry.operand}, but {called.name} has {len(parameters)}",
        )
        need(len(entry.output) > 0, "the output index of output_to_operand_aliasing should not be empty")
        output = part_of(whole, entry.output, "output")
        operand = part_of(parameters[entry.operand], entry.operand_index, f"operand {entry.operand}")
        need_alias_shapes(output, operand, entry)


async_start = AsyncStart("async-start", None, "async_start")
async_update = AsyncUpdate("async-update", None)
async_done = AsyncDone("async-done", 1)
