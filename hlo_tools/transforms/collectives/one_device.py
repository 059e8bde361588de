"""What several devices or threads would do, done by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Op
from hlo_tools.ir.shape import Shape, compatible
from hlo_tools.ops import collectives as c
from hlo_tools.ops.asynchronous import async_done, async_start, async_update
from hlo_tools.ops.calls.markers import IDENTITIES
from hlo_tools.ops.control import CallAttrs, call
from hlo_tools.ops.custom import custom_call
from hlo_tools.ops.elementwise import copy
from hlo_tools.ops.groups import parse_groups
from hlo_tools.ops.structure import tuple_
from hlo_tools.ops.transfer import copy_done, copy_start
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import element_of
from hlo_tools.rewrite.constants import splat
from hlo_tools.transforms.loops.call_inliner import inline_call


@dataclass(frozen=True, slots=True)
class OneDevice(Pass):
    """Replaces collectives with a single participant, device numbers, and asynchronous ops by what they give.

    Custom calls that only say where or how a value lies give their operand. Collectives of a module for several
    replicas or partitions stay.
    """

    def run(self, module: Module, ctx: Context) -> bool:
        """Operands first: what starts something is replaced before what finishes it."""
        header = module.header
        rules = _ALWAYS if header.replica_count * header.num_partitions > 1 else {**_ALWAYS, **_ALONE}
        replaced = 0
        for computation in module.order():
            for inst in [x for x in computation.order() if x.op in rules]:
                made = rules[inst.op](inst)
                if made is not None:
                    _replace(inst, made)
                    replaced += 1
        ctx.count("replaced", replaced)
        return replaced > 0


def _replace(inst: Instruction, made: Instruction) -> None:
    """Let users read `made`, and erase `inst` although it has an effect: there is nobody to notice."""
    home = inst.parent
    home.replace(inst, made)
    started = [inst] if inst.op in _STEPS else []
    while started:
        inst = started.pop()
        if not inst.users and inst in home.instructions and not inst.is_root:
            home.erase(inst)
            started += [x for x in inst.operands if x.op in _STEPS and x.op is not custom_call]
            erase_dead(list(inst.operands))


Made = Instruction | None
"""What takes the place of an instruction; None where more than one device would take part."""


def _number(inst: Instruction) -> Made:
    return splat(inst.parent, 0, inst.shape)


def _is_alone(inst: Instruction) -> bool:
    text = str(inst.attrs.replica_groups)
    return text == "{}" or parse_groups(text).sizes in ((), (1,))


def _bundle(inst: Instruction, parts: list[Instruction], shape: Shape) -> Made:
    """`parts` as a value of `shape`, an array or a tuple of arrays; None where they do not fit."""
    wanted = shape.elements if shape.is_tuple else (shape,)
    if len(parts) != len(wanted) or not all(compatible(x.shape, s) for x, s in zip(parts, wanted, strict=True)):
        return None
    return inst.parent.add(tuple_, parts, shape=shape, like=inst) if shape.is_tuple else parts[0]


def _operands(inst: Instruction) -> Made:
    return _bundle(inst, list(inst.operands), inst.shape) if _is_alone(inst) else None


def _operands_twice(inst: Instruction) -> Made:
    """What all-gather-start gives: its operands, and the results."""
    if not _is_alone(inst):
        return None
    halves = [_bundle(inst, list(inst.operands), s) for s in inst.shape.elements[:2]]
    parts = [x for x in halves if x is not None]
    return _bundle(inst, parts, inst.shape)


def _sent(inst: Instruction) -> Made:
    """What comes from device 0, or zeros where it sends nothing to itself."""
    if len(inst.operands) != 1:
        return None
    to_itself = "{0,0}" in str(inst.attrs.source_target_pairs).replace(" ", "")
    (x,) = inst.operands
    return x if to_itself else splat(inst.parent, 0, x.shape)


def _permuted(inst: Instruction) -> Made:
    found = _sent(inst)
    return found if found is not None and compatible(found.shape, inst.shape) else None


def _permute_started(inst: Instruction) -> Made:
    found = _sent(inst)
    if found is None:
        return None
    contexts = [splat(inst.parent, 0, s) for s in inst.shape.elements[2:]]
    return _bundle(inst, [inst.operands[0], found, *contexts], inst.shape)


def _copy_started(inst: Instruction) -> Made:
    target, _, context = inst.shape.elements
    made = inst.parent.add(copy, inst.operands, shape=target, like=inst)
    return _bundle(inst, [made, inst.operands[0], splat(inst.parent, 0, context)], inst.shape)


def _finished(index: int | None) -> Callable[[Instruction], Made]:
    """The rule of an op that waits: an element of what was started, or all of it; None where that still runs."""

    def rule(inst: Instruction) -> Made:
        x = inst.operands[0]
        if index is None:
            return None if x.op is c.all_reduce_start else x
        return element_of(x, index) if x.op is tuple_ else None

    return rule


def _annotated(inst: Instruction) -> Made:
    """The operand of a custom call that is the identity, in the layout of the result."""
    if inst.attrs.custom_call_target not in IDENTITIES or len(inst.operands) != 1:
        return None
    (x,) = inst.operands
    if x.shape is inst.shape:
        return x
    fits = x.shape.is_array and compatible(x.shape, inst.shape)
    return inst.parent.add(copy, (x,), shape=inst.shape, like=inst) if fits else None


def _asynchronous(inst: Instruction) -> Made:
    """The computation that was started, called where it is waited for."""
    chain = [inst.operands[0]]
    while chain[-1].op is async_update:
        chain.append(chain[-1].operands[0])
    start = chain.pop()
    if start.op is not async_start or start.attrs.calls is None:
        return None
    operands = [*start.operands, *(x for update in reversed(chain) for x in update.operands[1:])]
    body = start.attrs.calls
    if len(operands) != len(body.parameters) or not compatible(body.result.shape, inst.shape):
        return None
    home = inst.parent
    made = home.add(call, operands, CallAttrs(body), inst.shape, inst.name, like=inst)
    home.replace(inst, made)
    copies = inline_call(made)
    return copies.get(body.result, made)


_ALWAYS: dict[Op[Any], Callable[[Instruction], Made]] = {
    c.partition_id: _number,
    c.replica_id: _number,
    copy_start: _copy_started,
    copy_done: _finished(0),
    async_done: _asynchronous,
    custom_call: _annotated,
}
_ALONE: dict[Op[Any], Callable[[Instruction], Made]] = {
    c.all_gather: _operands,
    c.all_gather_done: _finished(1),
    c.all_gather_start: _operands_twice,
    c.all_reduce: _operands,
    c.all_reduce_done: _finished(None),
    c.all_reduce_start: _operands,
    c.all_to_all: _operands,
    c.collective_broadcast: _operands,
    c.collective_permute: _permuted,
    c.collective_permute_done: _finished(1),
    c.collective_permute_start: _permute_started,
    c.reduce_scatter: _operands,
}
_STEPS = frozenset({*_ALWAYS, *_ALONE, async_start, async_update})
"""Ops that go with their replacement: they have effects, or are half of a pair."""
