"""Loop fusion: producers are computed where they are read, element by element, instead of going through memory.

Instructions are visited from the root backwards. One whose users are all in the same group joins that group; one
that starts where groups part becomes the root of a group of its own, or, when it is cheap, is copied into each.
A group has one result, so a fusion can never close a cycle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.attributes import FusionKind
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Callee, Trait
from hlo_tools.ops import OPS
from hlo_tools.ops.control import FusionAttrs
from hlo_tools.ops.structure import ParameterAttrs
from hlo_tools.passes.base import Context, Pass
from hlo_tools.support.names import stem

_CONTROL_FLOW = frozenset({"while", "conditional", "call"})

_MOVES = frozenset(
    {
        "broadcast",
        "reshape",
        "bitcast",
        "slice",
        "dynamic-slice",
        "reverse",
        "pad",
        "iota",
        "convert",
        "bitcast-convert",
        "transpose",
        "gather",
        "copy",
    }
)
_ONLY_ROOT = frozenset({"reduce", "dynamic-update-slice", "concatenate"})
_ALWAYS_COPIED = frozenset({"broadcast", "iota", "constant", "reshape", "bitcast", "slice", "convert", "reverse"})
_COSTLY = frozenset({"divide", "remainder", "power", "sqrt", "rsqrt", "cbrt", "atan2"})


@dataclass(slots=True, eq=False)
class _Group:
    """Instructions that become one fusion.

    replicated  members that are read more often than they have elements
    outside     what members read that is no member
    """

    root: Instruction
    members: dict[Instruction, None] = field(default_factory=dict)
    replicated: set[Instruction] = field(default_factory=set)
    outside: set[Instruction] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Fusion(Pass):
    """Fuses chains of elementwise ops, data movement and reductions into loops.

    max_size      instructions in a fusion
    max_operands  arrays that a fusion reads
    max_copies    fusions that a cheap instruction is copied into
    """

    max_size: int = 256
    max_operands: int = 48
    max_copies: int = 6

    def run(self, module: Module, ctx: Context) -> bool:
        """Fuse in the entry and in all computations that control flow runs."""
        fused = 0
        for computation in control_flow_computations(module):
            groups = self._groups(computation)
            worth = [g for g in groups if len(g.members) > 1]
            for group in worth:
                _outline(module, computation, group)
            erase_dead(list(computation.instructions))
            fused += len(worth)
        ctx.count("fusions", fused)
        return fused > 0

    def _groups(self, computation: Computation) -> list[_Group]:
        groups: list[_Group] = []
        where: dict[Instruction, list[_Group]] = {}
        for inst in reversed(computation.order()):
            joined = self._joins(inst, where)
            if not joined and _is_root(inst):
                joined = [_Group(inst)]
                groups += joined
            for group in joined:
                _add(group, inst)
            where[inst] = joined
        return groups

    def _joins(self, inst: Instruction, where: dict[Instruction, list[_Group]]) -> list[_Group]:
        """The groups that `inst` is to be computed in; empty when it needs memory of its own."""
        if not inst.users or inst.is_root or not _is_producer(inst):
            return []
        found: dict[_Group, None] = {}
        for user in inst.users:
            groups = where.get(user, [])
            if not groups or not _reads_elements(user, inst):
                return []
            found.update(dict.fromkeys(groups))
        if len(found) > 1 and not (_is_scalar_constant(inst) or (len(found) <= self.max_copies and _is_cheap(inst))):
            return []
        if not all(self._has_room(g, inst) and _may_repeat(g, inst) for g in found):
            return []
        return list(found)

    def _has_room(self, group: _Group, inst: Instruction) -> bool:
        if len(group.members) >= self.max_size:
            return False
        return len(group.outside.union(x for x in inst.operands if x not in group.members)) <= self.max_operands


def control_flow_computations(module: Module) -> Iterable[Computation]:
    """The entry and what while, conditional and call run, callees first: not what fusions or reductions apply."""
    found: dict[Computation, None] = {}
    work = [module.main]
    while work:
        computation = work.pop()
        if computation not in found:
            found[computation] = None
            work += [c for i in computation.instructions if i.op.name in _CONTROL_FLOW for c in i.called]
    return reversed(found)


def _add(group: _Group, inst: Instruction) -> None:
    group.members[inst] = None
    group.outside.discard(inst)
    group.outside.update(x for x in inst.operands if x not in group.members)
    users = [u for u in inst.users if u in group.members]
    if any(u in group.replicated or _replicates(u, inst) for u in users):
        group.replicated.add(inst)


def _is_root(inst: Instruction) -> bool:
    return (inst.shape.is_array and inst.shape.size > 0 and (_is_producer(inst) or inst.op.name in _ONLY_ROOT)) or (
        inst.op.name == "reduce"
    )


def _is_producer(inst: Instruction) -> bool:
    """Whether code can give any one element of it."""
    if not inst.shape.is_array or inst.shape.size == 0 or inst.extras.control_predecessors:
        return False
    if inst.op.traits & (Trait.SIDE_EFFECT | Trait.NONDETERMINISTIC | Trait.COLLECTIVE):
        return False
    if _is_scalar_constant(inst):
        return True
    if inst.op is OPS["transpose"]:
        return inst.operands[0].shape.order[-1:] == tuple(inst.attrs.dimensions[d] for d in inst.shape.order[-1:])
    return bool(inst.op.traits & Trait.ELEMENTWISE) or inst.op.name in _MOVES


def _is_scalar_constant(inst: Instruction) -> bool:
    return (
        inst.op is OPS["constant"] and inst.shape.is_array and inst.shape.rank == 0 and not inst.attrs.value.is_elided
    )


def _reads_elements(user: Instruction, inst: Instruction) -> bool:
    """Whether `user` can take elements of `inst` as they are computed."""
    if user.op is OPS["dynamic-update-slice"]:
        return user.operands[0] is not inst
    if user.op is OPS["gather"]:
        return user.operands[0] is not inst
    return True


def _replicates(user: Instruction, inst: Instruction) -> bool:
    """Whether `user` reads elements of `inst` several times."""
    if user.op is OPS["broadcast"]:
        return user.shape.size > inst.shape.size
    if user.op.name in ("gather", "dynamic-slice", "dynamic-update-slice"):
        return inst.shape.rank > 0 and user.op is OPS["gather"]
    return user.op is OPS["reduce"] and inst in user.operands[len(user.operands) // 2 :]


def _may_repeat(group: _Group, inst: Instruction) -> bool:
    """Whether computing `inst` in `group` repeats no work worth speaking of."""
    users = [u for u in inst.users if u in group.members]
    if not any(u in group.replicated or _replicates(u, inst) for u in users):
        return True
    return inst.op.name in _MOVES or _is_scalar_constant(inst)


def _is_cheap(inst: Instruction) -> bool:
    """Whether computing it again costs about as much as reading it again."""
    if inst.op.name in _ALWAYS_COPIED:
        return True
    if inst.op.name in _COSTLY or inst.op.traits & Trait.TRANSCENDENTAL or not inst.op.traits & Trait.ELEMENTWISE:
        return False
    return sum(not _is_light(x) for x in inst.operands) <= 1 and all(_is_leaf(x) for x in inst.operands)


def _is_light(x: Instruction) -> bool:
    """Whether reading it takes no memory traffic."""
    return x.op.name in ("constant", "iota") or (x.op is OPS["broadcast"] and x.operands[0].shape.rank <= 1)


def _is_leaf(x: Instruction) -> bool:
    """Whether it is in memory anyway, or moves what is."""
    while x.op.name in _ALWAYS_COPIED and x.operands:
        x = x.operands[0]
    return not _is_producer(x) or x.op.name in ("constant", "iota")


def _outline(module: Module, computation: Computation, group: _Group) -> None:
    """Replace the root of a group by a fusion; what only the group read dies."""
    root = group.root
    body = module.add_computation(f"fused_{stem(root.name)}")
    mapping: dict[Instruction, Instruction] = {}
    operands: list[Instruction] = []
    members = list(reversed(group.members))
    for inst in members:
        for x in inst.operands:
            if x not in mapping and x not in group.members:
                number = ParameterAttrs(len(operands))
                mapping[x] = body.add(OPS["parameter"], (), number, x.shape, f"param_{len(operands)}")
                operands.append(x)
    for inst in members:
        new = [mapping[x] for x in inst.operands]
        mapping[inst] = body.add(inst.op, new, inst.attrs, inst.shape, inst.name, like=inst)
    body.root = mapping[root]
    kind = FusionKind.INPUT if root.op is OPS["reduce"] else FusionKind.LOOP
    attrs = FusionAttrs(kind=kind, calls=Callee(body))
    fusion = computation.add(OPS["fusion"], operands, attrs, root.shape, f"{stem(root.name)}_fusion", like=root)
    computation.replace(root, fusion)
