"""Work that every trip of a loop would repeat."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.analysis.effects import erase_dead, has_side_effect, is_deterministic
from hlo_tools.analysis.trip_count import trip_count
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import map_callees
from hlo_tools.ir.shape import Shape, tuple_of
from hlo_tools.ops.control import while_
from hlo_tools.ops.structure import GetTupleElementAttrs, get_tuple_element, tuple_
from hlo_tools.passes.base import Context, Pass

_CHEAP = frozenset(
    {"bitcast", "broadcast", "constant", "get-tuple-element", "iota", "parameter", "reshape", "transpose", "tuple"}
)
"""Ops that are not worth a place in the state of a loop."""


@dataclass(frozen=True, slots=True)
class WhileLoopInvariantCodeMotion(Pass):
    """Moves instructions out of loops when their operands are the same in every trip.

    Only out of loops that run at least once. Values larger than what they are made of stay, since they would occupy
    memory throughout the loop; `growth` is the factor from which on a value counts as larger.
    """

    growth: float = 1.0

    def run(self, module: Module, ctx: Context) -> bool:
        """Inner loops first; what leaves one may then leave the next."""
        moved = 0
        for computation in module.order():
            for inst in computation:
                if inst.op is while_ and (trip_count(inst) or 0) > 0:
                    moved += self._hoist(module, inst)
        ctx.count("moved", moved)
        return moved > 0

    def _hoist(self, module: Module, loop: Instruction) -> int:
        body: Computation = loop.attrs.body
        state = loop.operands[0]
        if body.result.op is not tuple_ or state.op is not tuple_ or not loop.shape.is_tuple:
            return 0
        found = self._invariant(body)
        leaving = [x for x in found if x.op.name not in _CHEAP and any(u not in found for u in x.users)]
        leaving = [x for x in leaving if x.shape.is_array and not x.is_root]
        if not leaving:
            return 0
        if _make_own(module, loop):
            return self._hoist(module, loop)
        home = loop.parent
        outside: dict[Instruction, Instruction] = {}
        for x in found:
            if x.op is get_tuple_element and x.operands[0] is body.parameters[0]:
                outside[x] = state.operands[x.attrs.index]
            else:
                outside[x] = home.add(x.op, [outside[y] for y in x.operands], x.attrs, x.shape, x.name, like=x)
        _widen(loop, leaving, [outside[x] for x in leaving])
        erase_dead(list(outside.values()))
        return len(leaving)

    def _invariant(self, body: Computation) -> dict[Instruction, None]:
        """Instructions that give the same value in every trip, operands first."""
        found: dict[Instruction, None] = {}
        state = body.parameters[0]
        passed = {n for n, x in enumerate(body.result.operands) if _is_element(x, state, n)}
        for inst in body.order():
            if inst.op is get_tuple_element and inst.operands[0] is state:
                if inst.attrs.index in passed:
                    found[inst] = None
            elif inst.op.inline == "number" or not all(x in found for x in inst.operands):
                continue
            elif self._may_move(inst):
                found[inst] = None
        return found

    def _may_move(self, inst: Instruction) -> bool:
        if inst.called or has_side_effect(inst) or not is_deterministic(inst) or inst.extras.control_predecessors:
            return False
        if inst.op.name in _CHEAP or not inst.operands:
            return True
        return inst.shape.bytes <= self.growth * sum(x.shape.bytes for x in inst.operands)


def _is_element(x: Instruction, state: Instruction, index: int) -> bool:
    return x.op is get_tuple_element and x.operands[0] is state and x.attrs.index == index


def _widen(loop: Instruction, leaving: list[Instruction], values: list[Instruction]) -> None:
    """Give a loop more state: `values` outside, in place of `leaving` in the body."""
    home = loop.parent
    narrow = loop.shape
    wide = tuple_of((*narrow.elements, *(v.shape for v in values)))
    body: Computation = loop.attrs.body
    parameter = body.parameters[0]
    parameter.shape = wide
    extra = []
    for n, x in enumerate(leaving, len(narrow.elements)):
        element = body.add(get_tuple_element, (parameter,), GetTupleElementAttrs(n), x.shape, like=x)
        body.replace(x, element)
        extra.append(element)
    old_root = body.result
    body.root = body.add(tuple_, (*old_root.operands, *extra), shape=wide, like=old_root)
    erase_dead([old_root, *leaving])
    condition: Computation = loop.attrs.condition
    condition.parameters[0].shape = wide
    condition.touch()
    old_state = loop.operands[0]
    home.set_operands(loop, (home.add(tuple_, (*old_state.operands, *values), shape=wide, like=old_state),))
    loop.shape = wide
    home.touch()
    _narrow_users(home, loop, narrow)
    erase_dead([old_state])


def _make_own(module: Module, loop: Instruction) -> bool:
    """Let the loop have a body and a condition that nobody else calls; whether it had not."""

    def own(callee: Computation) -> Computation:
        shared = sum(inst.called.count(callee) for inst in module.instructions()) > 1
        return module.clone_computation(callee) if shared else callee

    before = loop.attrs
    loop.attrs = map_callees(before, own)
    loop.parent.touch()
    return bool(loop.attrs != before)


def _narrow_users(home: Computation, loop: Instruction, narrow: Shape) -> None:
    """Let those who read the loop as a whole read a tuple of its old elements."""
    whole = [u for u in loop.users if u.op is not get_tuple_element]
    if not whole and not loop.is_root:
        return
    elements = [
        home.add(get_tuple_element, (loop,), GetTupleElementAttrs(n), shape) for n, shape in enumerate(narrow.elements)
    ]
    made = home.add(tuple_, elements, shape=narrow)
    for user in whole:
        home.set_operands(user, [made if x is loop else x for x in user.operands])
    if loop.is_root:
        home.root = made
