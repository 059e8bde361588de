"""What instructions are annotated with: shardings, original values, names that a scheduler gave, host memory.

Source of the rules: `HloSharding::Validate`, and `VerifyConsistentSharding`, `VerifyOriginalValue`,
`VerifyInstructionNameUnchanged` of XLA's HloVerifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape
from hlo_tools.ir.sharding import IotaTile, Sharding, ShardingKind
from hlo_tools.ir.verify_pairs import Watched
from hlo_tools.support.diagnostic import Diagnostic, Note

# ---- shardings


def sharding_problem(sharding: Sharding, shape: Shape, devices: int) -> str:
    """What is wrong with dividing a value of this shape among `devices` (1: not known), or nothing."""
    if shape.is_token:
        return ""
    if sharding.kind is not ShardingKind.TUPLE:
        return "" if shape.is_tuple else _array_problem(sharding, shape, devices)
    if not shape.is_tuple:
        return f"the sharding is a tuple, but the shape is {shape.bare}"
    leaves = [s for _, s in shape.leaves()] or [shape]
    if len(leaves) != len(sharding.elements):
        return f"the tuple has {len(leaves)} leaf nodes, but the sharding has {len(sharding.elements)} elements"
    for leaf, part in zip(leaves, sharding.elements, strict=True):
        problem = _array_problem(part, leaf, devices)
        if problem:
            return problem
    return ""


def _array_problem(sharding: Sharding, shape: Shape, devices: int) -> str:
    if shape.is_token or sharding.kind not in (ShardingKind.TILED, ShardingKind.MAXIMAL):
        return ""
    ids = sharding.devices
    if isinstance(ids, tuple):
        if len(set(ids)) < len(ids):
            return f"device {next(i for i in ids if ids.count(i) > 1)} is not unique in the tile assignment"
        far = next((i for i in ids if i >= devices > 1), None)
        if far is not None:
            return f"device {far} is out of range in the tile assignment, the module has {devices}"
    elif prod(ids.reshape_dims) > devices > 1:
        return f"the tile assignment has {prod(ids.reshape_dims)} devices, the module has {devices}"
    if isinstance(ids, IotaTile) and sorted(ids.transpose_perm) != list(range(len(ids.transpose_perm))):
        return f"T({','.join(map(str, ids.transpose_perm))}) is no permutation"
    if sharding.kind is ShardingKind.MAXIMAL or not shape.is_array:
        return ""
    rank = len(sharding.tile_dims) - len(sharding.last_tile_dims) - sharding.replicate_last
    if rank != shape.rank:
        return (
            f"the number of tile assignment dimensions (excluding subgroups), {rank},"
            f" is different than the input rank of {shape.bare}"
        )
    return ""


def check_consistent_shardings(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """A loop and what its body takes and gives, a conditional and what its branches give, are sharded alike."""
    for inst in watched.get("while", ()):
        body, condition = inst.attrs.body, inst.attrs.condition
        yield from _alike(module, inst, [inst, body.root, *body.parameters[:1], *condition.parameters[:1]])
    for inst in watched.get("conditional", ()):
        yield from _alike(module, inst, [inst, *(branch.root for branch in inst.attrs.branches)])


def _alike(module: Module, inst: Instruction, parts: Sequence[Instruction | None]) -> Iterator[Diagnostic]:
    sharded = [p for p in parts if p is not None and p.sharding is not None]
    for other in sharded[1:]:
        if other.sharding != sharded[0].sharding:
            message = f"inconsistent {inst.op.name} sharding among {sharded[0].name} and {other.name}"
            note = Note(f"{sharded[0].name} is sharded otherwise", module.span(sharded[0]))
            yield Diagnostic("HLO2016", message, module.span(other), notes=(note,))
            return


# ---- original values


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(){},]')


def origin_problem(inst: Instruction) -> str:
    """Whether the original value of an instruction has not the tree structure of its shape; nothing when it has."""
    text = str(inst.extras.origin)
    if "[" in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        return ""  # a value of a synthetic call or of several arrays in one has no tree of its own
    shape_leaves = {path for path, _ in inst.shape.leaves()}
    leaves = _origin_leaves(text[1:-1])
    if leaves == shape_leaves:
        return ""
    return f"mismatched tuple structure in shape {inst.shape.bare} and original value {text}"


def _origin_leaves(text: str) -> set[tuple[int, ...]]:
    """The index paths of the leaves `{...}` in a tree of parentheses."""
    leaves: set[tuple[int, ...]] = set()
    path: list[int] = []
    braces = 0
    for token in _TOKEN.findall(text):
        if token == "{":
            if braces == 0:
                leaves.add(tuple(path))
            braces += 1
        elif token == "}":
            braces -= 1
        elif braces == 0 and token == "(":
            path.append(0)
        elif braces == 0 and token == ")" and path:
            path.pop()
        elif braces == 0 and token == "," and path:
            path[-1] += 1
    return leaves


# ---- names that a scheduler gave


def check_scheduling_names(module: Module, computation: Computation) -> Iterator[Diagnostic]:
    """Where a scheduler has named every instruction of a computation, they keep those names; clones may have others."""
    insts = computation.instructions
    if any(i.metadata is None or not i.metadata.scheduling_name for i in insts):
        return
    for inst in insts:
        assert inst.metadata is not None
        name = inst.metadata.scheduling_name
        if name != inst.name and ".remat" not in inst.name and ".clone" not in inst.name:
            message = f"expected the instruction name to remain the same: it was {name} and is {inst.name}"
            yield Diagnostic("HLO2017", message, module.span(inst))
