"""cp.async: copies from global to shared memory, their groups and the waits (PTX ISA: asynchronous copy)."""

from __future__ import annotations

import numpy as np

from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Run
from hlo_backends.gpu.simulate.errors import SimulationError
from hlo_backends.gpu.simulate.lanes import Lanes, PendingCopy
from hlo_backends.gpu.simulate.memory import check_alignment, locate_global, read
from hlo_backends.gpu.simulate.scalars import Array
from hlo_backends.gpu.simulate.syntax import Immediate, Instruction


def build_cp(assembler: Assembler, instruction: Instruction) -> Run:
    """cp.async: copies from global to shared memory, their groups and the waits for them."""
    modifiers = instruction.modifiers
    if modifiers[0] != "async":
        raise assembler.unsupported()
    if modifiers[1] in ("ca", "cg"):
        return _build_copy(assembler, instruction)
    if modifiers[1] == "commit_group":
        return _commit
    if modifiers[1] == "wait_all":
        return _wait_all
    if modifiers[1] == "wait_group":
        (keep,) = assembler.expect_operands(1)
        if not isinstance(keep, Immediate):
            raise assembler.unsupported()
        count = keep.value
        return lambda lanes: _complete(lanes, lanes.batch.committed[lanes.threads] - count)
    raise assembler.unsupported()


def _commit(lanes: Lanes) -> None:
    lanes.batch.committed[lanes.threads] += 1


def _wait_all(lanes: Lanes) -> None:
    _commit(lanes)
    _complete(lanes, lanes.batch.committed[lanes.threads])


def _build_copy(assembler: Assembler, instruction: Instruction) -> Run:
    """The bytes are read at once but arrive only at the wait; a fourth operand gives how many are not zeros."""
    operands = instruction.operands
    if len(operands) not in (3, 4) or not isinstance(operands[2], Immediate):
        raise assembler.unsupported()
    target, source, size = assembler.address(operands[0]), assembler.address(operands[1]), operands[2].value
    given = assembler.value(operands[3], "u32") if len(operands) == 4 else None

    def run(lanes: Lanes) -> None:
        batch = lanes.batch
        target_address, source_address = target(lanes), lanes.spread(source(lanes))
        check_alignment(target_address, size)
        position = batch.shared.locate(lanes.threads, target_address, size)
        lengths = lanes.spread(given(lanes)) if given else np.full(lanes.count, size, np.uint32)
        data = np.zeros((lanes.count, size), np.uint8)
        for length in np.unique(lengths):
            select = np.flatnonzero(lengths == length)
            if length:
                try:
                    data[select, :length] = _fetch(lanes, source_address[select], int(length), size)
                except SimulationError as error:
                    raise error.among(select) from None
        batch.shared.start_copy(lanes.threads, position, size)
        groups = batch.committed[lanes.threads]
        batch.pending.append(PendingCopy(lanes.threads, groups, position, data))

    return run


def _fetch(lanes: Lanes, address: Array, length: int, align: int) -> Array:
    """(accesses, length) bytes of global memory."""
    check_alignment(address, align)
    data = np.empty((len(address), length), np.uint8)
    for piece in locate_global(lanes.batch.device, address, length):
        unit = 4 if length % 4 == 0 else 1
        columns = np.stack(read(piece, unit, length // unit), axis=1).view(np.uint8)
        data[slice(None) if piece.select is None else piece.select] = columns
    return data


def _complete(lanes: Lanes, limit: Array) -> None:
    """Finishes the lanes' copies whose group number is below the limit."""
    batch = lanes.batch
    limits = np.full(batch.size, np.iinfo(np.int64).min)
    limits[lanes.threads] = limit
    kept = []
    for copy in batch.pending:
        done = copy.groups < limits[copy.threads]
        if done.any():
            position = copy.position[done]
            size = copy.data.shape[1]
            words = batch.shared.storage.view(np.uint32)
            words[(position[:, None] >> 2) + np.arange(size // 4)] = copy.data[done].view(np.uint32)
            batch.shared.finish_copy(copy.threads[done], position, size)
            left = ~done
            copy = PendingCopy(copy.threads[left], copy.groups[left], copy.position[left], copy.data[left])
        if len(copy.threads):
            kept.append(copy)
    batch.pending = kept


BUILDERS: dict[str, Builder] = {"cp": build_cp}
