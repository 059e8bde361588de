"""Instructions by which the threads of a warp talk to each other (PTX ISA: shfl, vote, match, redux, activemask...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run
from hlo_backends.gpu.simulate.errors import DivergenceError
from hlo_backends.gpu.simulate.lanes import WARP, Lanes, Warps
from hlo_backends.gpu.simulate.scalars import Array
from hlo_backends.gpu.simulate.syntax import Instruction

_LANE = np.arange(WARP)
_WEIGHT = np.uint64(1) << np.arange(WARP, dtype=np.uint64)


def _pack(mask: Array) -> Array:
    """(warps,) uint32 whose bit i is column i of a (warps, 32) bool array."""
    packed: Array = (mask * _WEIGHT).sum(axis=1, dtype=np.uint64).astype(np.uint32)
    return packed


def _unpack(words: Array) -> Array:
    """(warps, 32) bool of (warps,) uint32."""
    unpacked: Array = (words[:, None].astype(np.uint64) & _WEIGHT) != 0
    return unpacked


def check_members(lanes: Lanes, mask: Read) -> None:
    """All living threads that the member mask names must execute the instruction together, the executing ones named."""
    warps = lanes.warps
    members = mask(lanes)
    if len(members) == 1 and members[0] == 0xFFFFFFFF and warps.full_rows():
        return
    named = _unpack(warps.rows(members).max(axis=1)) if len(members) > 1 else _unpack(members)
    outside = warps.active & ~named
    if outside.any():
        raise DivergenceError("thread outside its own member mask", lane=warps.lane_at(outside))
    missing = _living(lanes, warps) & named & ~warps.active
    if missing.any():
        row = int(np.flatnonzero(missing.any(axis=1))[0])
        column = int(np.flatnonzero(missing[row])[0])
        here = warps.active & (np.arange(len(missing)) == row)[:, None]
        message = f"lane {column} of the warp is in the member mask but executes something else"
        raise DivergenceError(message, lane=warps.lane_at(here))


def _living(lanes: Lanes, warps: Warps) -> Array:
    """(warps, 32): the threads that have not ended."""
    batch = lanes.batch
    grid = np.zeros((batch.blocks * batch.warps_per_block, WARP), bool)
    grid[batch.warp_of, batch.lane_of] = batch.live
    living: Array = grid[warps.numbers]
    return living


def build_shfl(assembler: Assembler, instruction: Instruction) -> Run:
    """shfl.sync: each lane reads a register of another lane of its segment."""
    if instruction.modifiers[0] != "sync":
        raise assembler.unsupported("only the .sync forms")
    mode = instruction.modifiers[1]
    target, source, lane, clamp, mask = assembler.expect_operands(5)
    targets = assembler.items(target)
    put = assembler.destination(targets[0], "b32")
    put_valid = assembler.destination(targets[1], "pred") if len(targets) > 1 else None
    read, read_lane = assembler.bits(source, 4), assembler.bits(lane, 4)
    read_clamp, members = assembler.bits(clamp, 4), assembler.bits(mask, 4)

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        warps = lanes.warps
        values = warps.rows(read(lanes))
        index, valid = _source_lane(mode, warps.rows(read_lane(lanes)), warps.rows(read_clamp(lanes)))
        absent = warps.active & ~np.take_along_axis(warps.active, index, axis=1)
        if absent.any():
            raise DivergenceError("shfl reads a lane that does not execute it", lane=warps.lane_at(absent))
        put(lanes, warps.collect(np.take_along_axis(values, index, axis=1)))
        if put_valid:
            put_valid(lanes, warps.collect(valid))

    return run


def _source_lane(mode: str, lane: Array, clamp: Array) -> tuple[Array, Array]:
    """(warps, 32) source lanes and whether they are within the segment (PTX ISA, shfl.sync, semantics)."""
    offset = (lane & np.uint32(31)).astype(np.int64)
    limit = (clamp & np.uint32(31)).astype(np.int64)
    segment = (clamp >> np.uint32(8) & np.uint32(31)).astype(np.int64)
    highest = (_LANE & segment) | (limit & ~segment)
    if mode == "up":
        index = _LANE - offset
        valid = index >= highest
    else:
        if mode == "down":
            index = _LANE + offset
        elif mode == "bfly":
            index = _LANE ^ offset
        else:
            index = (_LANE & segment) | (offset & ~segment)
        valid = index <= highest
    return np.where(valid, index, _LANE), valid


def build_vote(assembler: Assembler, instruction: Instruction) -> Run:
    """vote.sync: all, any, uni as predicates and ballot as bits."""
    if instruction.modifiers[0] != "sync":
        raise assembler.unsupported("only the .sync forms")
    mode = instruction.modifiers[1]
    target, source, mask = assembler.expect_operands(3)
    read, members = assembler.predicate(source), assembler.bits(mask, 4)
    put = assembler.destination(target, "b32" if mode == "ballot" else "pred")
    functions: dict[str, Callable[[Array, Array], Any]] = {
        "ballot": lambda votes, active: _pack(votes),
        "any": lambda votes, active: votes.any(axis=1),
        "all": lambda votes, active: (votes | ~active).all(axis=1),
        "uni": lambda votes, active: (votes | ~active).all(axis=1) | ~votes.any(axis=1),
    }
    function = functions[mode]

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        warps = lanes.warps
        put(lanes, warps.each(function(warps.rows(read(lanes)) & warps.active, warps.active)))

    return run


def build_activemask(assembler: Assembler, instruction: Instruction) -> Run:
    """activemask: the lanes that execute it."""
    put = assembler.destination(instruction.operands[0], "b32")
    return lambda lanes: put(lanes, lanes.warps.each(_pack(lanes.warps.active)))


def build_redux(assembler: Assembler, instruction: Instruction) -> Run:
    """redux.sync: a reduction over the warp's lanes."""
    operation, kind = instruction.modifiers[1], instruction.type
    functions: dict[str, np.ufunc] = {
        "add": np.add, "min": np.minimum, "max": np.maximum,
        "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    }  # fmt: skip
    target, source, mask = assembler.expect_operands(3)
    scalar = assembler.type(kind)
    if operation not in functions or scalar.kind == "f":
        raise assembler.unsupported()
    limits = np.iinfo(scalar.integer)
    neutral = {"min": limits.max, "max": limits.min, "and": -1 if scalar.kind == "s" else limits.max}.get(operation, 0)
    read, members, put = assembler.value(source, kind), assembler.bits(mask, 4), assembler.destination(target, kind)

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        warps = lanes.warps
        rows = np.where(warps.active, warps.rows(read(lanes)), scalar.integer.type(neutral))
        put(lanes, warps.each(functions[operation].reduce(rows, axis=1, dtype=rows.dtype)))

    return run


def build_match(assembler: Assembler, instruction: Instruction) -> Run:
    """match.any.sync and match.all.sync: which lanes hold the same value."""
    mode = instruction.modifiers[0]
    target, source, mask = assembler.expect_operands(3)
    size = assembler.type(instruction.type).size
    targets = assembler.items(target)
    read, members = assembler.bits(source, size), assembler.bits(mask, 4)
    put = assembler.destination(targets[0], "b32")
    put_all = assembler.destination(targets[1], "pred") if len(targets) > 1 else None

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        warps = lanes.warps
        rows = warps.rows(read(lanes))
        same = (rows[:, :, None] == rows[:, None, :]) & warps.active[:, None, :]
        words = (same * _WEIGHT).sum(axis=2, dtype=np.uint64).astype(np.uint32)
        everyone = _pack(warps.active)[:, None]
        if mode == "all":
            alike = ((words == everyone) | ~warps.active).all(axis=1)
            words = np.where(alike[:, None], everyone, np.uint32(0)) + 0 * words
            if put_all:
                put_all(lanes, warps.each(alike))
        put(lanes, warps.collect(words))

    return run


def build_elect(assembler: Assembler, instruction: Instruction) -> Run:
    """elect.sync: the lowest lane is the leader."""
    target, mask = assembler.expect_operands(2)
    leader, chosen = assembler.items(target)
    put_leader = assembler.destination(leader, "b32")
    put_chosen = assembler.destination(chosen, "pred")
    members = assembler.bits(mask, 4)

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        warps = lanes.warps
        first = warps.active.argmax(axis=1)
        put_leader(lanes, warps.each(first.astype(np.uint32)))
        put_chosen(lanes, warps.collect(first[:, None] == _LANE))

    return run


def build_warp_barrier(assembler: Assembler, instruction: Instruction) -> Run:
    """bar.warp.sync: orders the memory accesses of the warp's threads."""
    (mask,) = assembler.expect_operands(1)
    members = assembler.bits(mask, 4)

    def run(lanes: Lanes) -> None:
        check_members(lanes, members)
        lanes.batch.shared.pass_warp_barrier(lanes.threads)

    return run


BUILDERS: dict[str, Builder] = {
    "shfl": build_shfl,
    "vote": build_vote,
    "activemask": build_activemask,
    "redux": build_redux,
    "match": build_match,
    "elect": build_elect,
    "bar": build_warp_barrier,
}
