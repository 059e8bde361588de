"""Where accesses go, and ld and st (PTX ISA: data movement instructions)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Run
from hlo_backends.gpu.simulate.errors import OutOfBoundsError, SimulationError
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.memory import (
    LOCAL_WINDOW,
    PARAM_WINDOW,
    SHARED_WINDOW,
    WINDOW_SIZE,
    Piece,
    check_alignment,
    locate_global,
    read,
    write,
)
from hlo_backends.gpu.simulate.scalars import UNSIGNED, Array
from hlo_backends.gpu.simulate.syntax import Instruction, Operand

_SPACES = ("global", "shared", "local", "param", "const")
VECTORS = {"v2": 2, "v4": 4, "v8": 8}
Check = Callable[[Lanes, Array, Array, int], None]


def _check_read(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
    lanes.batch.shared.check_read(threads, position, size)


def _check_write(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
    lanes.batch.shared.check_write(threads, position, size)


def check_atomic(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
    """The check of an atomic access to shared memory."""
    lanes.batch.shared.check_atomic(threads, position, size)


def space_of(instruction: Instruction) -> str:
    """The state space named by an instruction; empty for generic addresses."""
    names = [modifier.split("::")[0] for modifier in instruction.modifiers]
    return next((name for name in names if name in _SPACES), "")


def locate(lanes: Lanes, space: str, address: Array, size: int, check: Check) -> list[Piece]:
    """Where the lanes' accesses of `size` bytes at `address` lie, with all checks done."""
    check_alignment(address, size)
    if space in ("global", "const"):
        return locate_global(lanes.batch.device, address, size)
    if space == "shared":
        return [_locate_shared(lanes, lanes.threads, address, size, check)]
    if space == "local":
        return lanes.batch.local.locate(lanes.threads, address, size)
    if space == "param":
        return [_locate_parameter(lanes, address, size)]
    return _locate_generic(lanes, address, size, check)


def _locate_shared(lanes: Lanes, threads: Array, address: Array, size: int, check: Check) -> Piece:
    shared = lanes.batch.shared
    position = shared.locate(threads, address, size)
    check(lanes, threads, position, size)
    return shared.piece(position)


def _locate_parameter(lanes: Lanes, address: Array, size: int) -> Piece:
    limit = len(lanes.batch.parameters)
    outside = np.flatnonzero((address < 0) | (address + size > limit))
    if len(outside):
        raise OutOfBoundsError(f"access of {size} bytes beyond the kernel's parameters", lane=int(outside[0]))
    return Piece(None, lanes.batch.parameters, address)


def _locate_generic(lanes: Lanes, address: Array, size: int, check: Check) -> list[Piece]:
    """Generic addresses: each window is served by its own space."""
    window = address // np.int64(WINDOW_SIZE)
    kinds = np.unique(window)
    if len(kinds) == 1 and kinds[0] == 0:
        return locate_global(lanes.batch.device, address, size)
    address = lanes.spread(address)
    window = lanes.spread(window)
    pieces: list[Piece] = []
    for kind in kinds:
        select = np.flatnonzero(window == kind)
        base = int(kind) * WINDOW_SIZE
        try:
            found = _locate_in_window(lanes, base, lanes.threads[select], address[select], size, check)
        except SimulationError as error:
            raise error.among(select) from None
        for piece in found:
            inside = select if piece.select is None else select[piece.select]
            pieces.append(replace(piece, select=inside))
    return pieces


def _locate_in_window(lanes: Lanes, base: int, threads: Array, address: Array, size: int, check: Check) -> list[Piece]:
    inner = address - np.int64(base)
    if base == SHARED_WINDOW:
        return [_locate_shared(lanes, threads, inner, size, check)]
    if base == LOCAL_WINDOW:
        return lanes.batch.local.locate(threads, inner, size)
    if base == PARAM_WINDOW:
        return [_locate_parameter(lanes, inner, size)]
    return locate_global(lanes.batch.device, address, size)


# ---- ld and st


def _effective_space(assembler: Assembler, instruction: Instruction, address: Operand) -> str:
    """Call parameters live in each thread's frame, the kernel's own in one place for all."""
    if "async" in instruction.modifiers:
        raise assembler.unsupported()
    space = space_of(instruction)
    return "local" if space == "param" and assembler.in_frame(address) else space


def build_load(assembler: Assembler, instruction: Instruction) -> Run:
    """ld in every space, of one element or a vector."""
    target, source = assembler.expect_operands(2)
    space = _effective_space(assembler, instruction, source)
    kind, size = instruction.type, assembler.type(instruction.type).size
    items = assembler.items(target)
    count = len(items)
    if count != next((VECTORS[one] for one in instruction.modifiers if one in VECTORS), 1):
        raise assembler.unsupported("vector of another length")
    address = assembler.address(source)
    writes = [assembler.destination(item, kind) for item in items]

    def run(lanes: Lanes) -> None:
        pieces = locate(lanes, space, address(lanes), size * count, _check_read)
        if len(pieces) == 1 and pieces[0].select is None:
            values: Sequence[Array] = read(pieces[0], size, count)
        else:
            values = [np.empty(lanes.count, UNSIGNED[size]) for _ in range(count)]
            for piece in pieces:
                for value, part in zip(values, read(piece, size, count), strict=True):
                    value[piece.select] = part
        for put, value in zip(writes, values, strict=True):
            put(lanes, value)

    return run


def build_store(assembler: Assembler, instruction: Instruction) -> Run:
    """st in every space, of one element or a vector."""
    target, source = assembler.expect_operands(2)
    space = _effective_space(assembler, instruction, target)
    size = assembler.type(instruction.type).size
    reads = [assembler.bits(item, size) for item in assembler.items(source)]
    count = len(reads)
    address = assembler.address(target)

    def run(lanes: Lanes) -> None:
        pieces = locate(lanes, space, address(lanes), size * count, _check_write)
        values = [value(lanes) for value in reads]
        for piece in pieces:
            if piece.select is None:
                write(piece, values)
            else:
                write(piece, [lanes.spread(value)[piece.select] for value in values])

    return run


BUILDERS: dict[str, Builder] = {"ld": build_load, "ldu": build_load, "st": build_store}
