"""Loops that need not be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hlo_tools.analysis.effects import erase_dead, is_effectful
from hlo_tools.analysis.loop_state import kept_leaves
from hlo_tools.analysis.trip_count import trip_count
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Callee
from hlo_tools.ir.shape import Shape, tuple_of
from hlo_tools.ops.control import WhileAttrs, while_
from hlo_tools.ops.structure import (
    GetTupleElementAttrs,
    ParameterAttrs,
    get_tuple_element,
    parameter,
    tuple_,
)
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.constants import is_constant
from hlo_tools.transforms.simplify.dce import remove_uncalled


@dataclass(frozen=True, slots=True)
class SimplifyWhileLoops(Pass):
    """Removes loops that run never, unrolls those that run once, and drops state that has no influence.

    State that the body hands on unchanged is read from before the loop, and inside, where it is a constant number,
    becomes that. Loops are taken to end, as in XLA: one of which nothing else is needed is removed.
    """

    def run(self, module: Module, ctx: Context) -> bool:
        """Inner loops first."""
        changed = 0
        callers = Counter(c for inst in module.instructions() for c in inst.called)
        for computation in module.order():
            for inst in computation:
                if inst.op is not while_ or inst not in computation.instructions or inst.extras.control_predecessors:
                    continue
                if is_effectful(inst.attrs.body) or is_effectful(inst.attrs.condition):
                    continue
                alone = callers[inst.attrs.body] == callers[inst.attrs.condition] == 1
                found = alone and _constant_inside(inst)
                if _removed(inst) or _bypassed(inst) or _without_dead_state(inst) or found:
                    changed += 1
        if changed:
            remove_uncalled(module)
        ctx.count("loops", changed)
        return changed > 0


def _removed(loop: Instruction) -> bool:
    """Replace a loop with no trip by its initial state, one with a single trip by its body."""
    trips = trip_count(loop)
    if trips not in (0, 1):
        return False
    home = loop.parent
    result = loop.operands[0]
    if trips == 1:
        body: Computation = loop.attrs.body
        result = body.clone_into(home, {body.parameters[0]: loop.operands[0]})
    if result.shape is not loop.shape:
        return False
    home.replace(loop, result)
    erase_dead([loop])
    return True


def _constant_inside(loop: Instruction) -> bool:
    """Let body and condition know the elements of the state that are a constant number from first to last."""
    body, state = loop.attrs.body, loop.operands[0]
    if state.op is not tuple_:
        return False
    kept = {path[0] for path in kept_leaves(body) if len(path) == 1}
    known = {i: x for i, x in enumerate(state.operands) if i in kept and is_constant(x) and not x.shape.rank}
    found = False
    for computation in (body, loop.attrs.condition):
        for read in list(computation.parameters[0].users):
            if read.op is get_tuple_element and read.attrs.index in known:
                found |= _read_as(read, known[read.attrs.index])
    return found


def _read_as(element: Instruction, value: Instruction) -> bool:
    """Let the users of an element of the state read a constant, except where it is handed on."""
    home = element.parent
    users = [u for u in element.users if not (u.is_root and u.op is tuple_)]
    if not users and not element.is_root:
        return False
    made = home.add(value.op, (), value.attrs, value.shape, like=value)
    for user in users:
        home.set_operands(user, [made if x is element else x for x in user.operands])
    if element.is_root:
        home.root = made
        home.touch()
    return True


def _bypassed(loop: Instruction) -> bool:
    """Let those who read unchanged state read it from before the loop; without the others the loop dies."""
    home, start = loop.parent, loop.operands[0]
    kept = kept_leaves(loop.attrs.body)
    if start.shape is loop.shape and all(path in kept for path, _ in loop.shape.leaves()):
        home.replace(loop, start)
        erase_dead([loop])
        return True
    found = False
    for read in list(loop.users):
        if read.op is not get_tuple_element or not (read.users or read.is_root):
            continue
        index = read.attrs.index
        same = read.shape is start.shape.elements[index]
        if same and all((index, *path) in kept for path, _ in read.shape.leaves()):
            home.replace(read, home.add(get_tuple_element, (start,), read.attrs, read.shape, like=read))
            found = True
    if found:
        erase_dead(list(loop.users))
        erase_dead([loop])
    return found


def _without_dead_state(loop: Instruction) -> bool:
    """Rebuild a loop without those elements of its state that reach neither its users nor its condition."""
    body, condition = loop.attrs.body, loop.attrs.condition
    state = loop.operands[0]
    if not loop.shape.is_tuple or state.op is not tuple_ or body.result.op is not tuple_ or loop.is_root:
        return False
    if not all(_only_elements(x) for x in (body.parameters[0], condition.parameters[0], loop)):
        return False
    kept = _needed(loop)
    if len(kept) == len(loop.shape.elements) or not kept:
        return False
    place = {old: new for new, old in enumerate(kept)}
    shape = tuple_of(tuple(loop.shape.elements[n] for n in kept))
    attrs = WhileAttrs(
        condition=Callee(_narrowed(condition, shape, place, False)),
        body=Callee(_narrowed(body, shape, place, True)),
    )
    home = loop.parent
    start = home.add(tuple_, [state.operands[n] for n in kept], shape=shape, like=state)
    made = home.add(while_, (start,), attrs, shape, loop.name, like=loop)
    made.extras = loop.extras
    for user in tuple(loop.users):
        index = GetTupleElementAttrs(place[user.attrs.index])
        element = home.add(get_tuple_element, (made,), index, user.shape, like=user)
        home.replace(user, element)
        erase_dead([user])
    erase_dead([loop])
    return True


def _only_elements(x: Instruction) -> bool:
    return not x.is_root and all(user.op is get_tuple_element for user in x.users)


def _needed(loop: Instruction) -> list[int]:
    """Elements of the state that are read outside, by the condition, or for the next state of a needed one."""
    body, condition = loop.attrs.body, loop.attrs.condition
    depends = _dependencies(body)
    needed = {int(u.attrs.index) for x in (loop, condition.parameters[0]) for u in x.users if u.users or u.is_root}
    work = list(needed)
    while work:
        for index in depends[work.pop()] - needed:
            needed.add(index)
            work.append(index)
    return sorted(needed)


def _dependencies(body: Computation) -> list[set[int]]:
    """For each element of the next state the elements of the state that it depends on."""
    reached: dict[Instruction, set[int]] = {}
    state = body.parameters[0]
    for inst in body.order():
        if inst.op is get_tuple_element and inst.operands[0] is state:
            reached[inst] = {int(inst.attrs.index)}
        else:
            reached[inst] = set().union(*(reached[x] for x in inst.operands))
    return [reached[x] for x in body.result.operands]


def _narrowed(old: Computation, shape: Shape, place: dict[int, int], is_body: bool) -> Computation:
    """A copy of the body or the condition of a loop for the smaller state."""
    module = old.module
    assert module is not None
    made = module.add_computation(old.name)
    state = made.add(parameter, (), ParameterAttrs(0), shape, old.parameters[0].name)
    copies: dict[Instruction, Instruction] = {old.parameters[0]: state}
    for inst in old.order():
        if inst in copies or (is_body and inst is old.result):
            continue
        if inst.op is get_tuple_element and inst.operands[0] is old.parameters[0]:
            if inst.attrs.index in place:
                index = GetTupleElementAttrs(place[inst.attrs.index])
                copies[inst] = made.add(get_tuple_element, (state,), index, inst.shape, inst.name, like=inst)
        elif all(x in copies for x in inst.operands):
            copies[inst] = made.add(
                inst.op, [copies[x] for x in inst.operands], inst.attrs, inst.shape, inst.name, like=inst
            )
    if is_body:
        parts = [copies[old.result.operands[n]] for n in place]
        made.root = made.add(tuple_, parts, shape=shape, name=old.result.name, like=old.result)
    else:
        made.root = copies[old.result]
    return made
