"""ld, st, atom, red and the asynchronous copies (PTX ISA: data movement and synchronisation instructions)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run
from hlo_backends.gpu.simulate.errors import OutOfBoundsError, SimulationError
from hlo_backends.gpu.simulate.floats import FORMATS, PACKED
from hlo_backends.gpu.simulate.lanes import Lanes, PendingCopy
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
from hlo_backends.gpu.simulate.syntax import Immediate, Instruction, Operand

_SPACES = ("global", "shared", "local", "param", "const")
_VECTORS = {"v2": 2, "v4": 4, "v8": 8}
Check = Callable[[Lanes, Array, Array, int], None]


def _check_read(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
    lanes.batch.shared.check_read(threads, position, size)


def _check_write(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
    lanes.batch.shared.check_write(threads, position, size)


def _check_atomic(lanes: Lanes, threads: Array, position: Array, size: int) -> None:
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
            pieces.append(Piece(inside, piece.storage, piece.index, piece.written))
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
    space = space_of(instruction)
    if space != "param" or assembler.is_parameter(address):
        return space
    return "local"


def build_load(assembler: Assembler, instruction: Instruction) -> Run:
    """ld in every space, of one element or a vector."""
    target, source = assembler.expect_operands(2)
    space = _effective_space(assembler, instruction, source)
    kind, size = instruction.type, assembler.type(instruction.type).size
    items = assembler.items(target)
    count = len(items)
    if count != next((_VECTORS[one] for one in instruction.modifiers if one in _VECTORS), 1):
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


# ---- atomics

Update = Callable[[Array, Array, Array], Array]
"""(old, operand, second operand) -> new, on decoded values."""

_UPDATES: dict[str, Update] = {
    "add": lambda old, a, b: old + a,
    "min": lambda old, a, b: np.fmin(old, a),
    "max": lambda old, a, b: np.fmax(old, a),
    "and": lambda old, a, b: old & a,
    "or": lambda old, a, b: old | a,
    "xor": lambda old, a, b: old ^ a,
    "exch": lambda old, a, b: np.broadcast_to(a, old.shape),
    "cas": lambda old, a, b: np.where(old == a, b, old),
    "inc": lambda old, a, b: np.where(old >= a, old.dtype.type(0), old + old.dtype.type(1)),
    "dec": lambda old, a, b: np.where((old == 0) | (old > a), a, old - old.dtype.type(1)),
}


def build_atomic(assembler: Assembler, instruction: Instruction) -> Run:
    """atom and red: lanes that meet at one address take turns in the order of their threads."""
    modifiers, kind = instruction.modifiers, instruction.type
    operands = list(instruction.operands)
    operation = next((one for one in modifiers if one in _UPDATES), None)
    if operation is None or any(one in _VECTORS for one in modifiers):
        raise assembler.unsupported()
    returns = instruction.opcode == "atom"
    target = operands.pop(0) if returns else None
    address = assembler.address(operands[0])
    name = PACKED.get(kind, kind)
    sources = [_packed_values(assembler, operand, kind) for operand in operands[1:]]
    space, size = space_of(instruction), assembler.type(kind).size
    put = assembler.destination(target, kind) if target is not None else None
    element = assembler.type(name)
    update = _UPDATES[operation]

    def apply(raw: Array, first: Array, second: Array) -> Array:
        """New bits from old bits; the last axis has the packed values, if any."""
        if element.kind == "f":
            form = FORMATS[name]
            return form.encode(update(form.decode(raw.view(element.storage)), first, second))
        return update(raw.view(element.integer), first, second).view(element.storage)

    def run(lanes: Lanes) -> None:
        spots = lanes.spread(address(lanes))
        values = [np.broadcast_to(source(lanes), (lanes.count, *source(lanes).shape[1:])) for source in sources]
        first, second = values[0], values[-1]
        old = np.empty(lanes.count, UNSIGNED[size])
        for piece in locate(lanes, space, spots, size, _check_atomic):
            select = np.arange(lanes.count) if piece.select is None else piece.select
            index = lanes.spread(piece.index) if piece.select is None else piece.index
            for turn in _turns(index):
                chosen = select[turn]
                one = Piece(None, piece.storage, index[turn], piece.written)
                (before,) = read(one, size, 1)
                old[chosen] = before
                shaped = before.reshape(-1, 1) if kind in PACKED else before
                after = np.ascontiguousarray(apply(np.ascontiguousarray(shaped), first[chosen], second[chosen]))
                write(one, [after.view(UNSIGNED[size]).reshape(-1)])
        if put:
            put(lanes, old)

    return run


def _packed_values(assembler: Assembler, operand: Operand, kind: str) -> Read:
    """Decoded values; (lanes, 2) for packed types."""
    if kind not in PACKED:
        return assembler.value(operand, kind)
    form = FORMATS[PACKED[kind]]
    bits = assembler.bits(operand, 4)
    return lambda lanes: form.decode(np.ascontiguousarray(bits(lanes)).view(UNSIGNED[form.size]).reshape(-1, 2))


def _turns(index: Array) -> list[Array]:
    """Positions grouped so that no group has an index twice; equal indices keep their order."""
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    rank = np.empty(len(index), np.int64)
    rank[order] = np.arange(len(index)) - np.repeat(starts, lengths)
    if int(lengths.max()) == 1:
        return [np.arange(len(index))]
    by_rank = np.argsort(rank, kind="stable")
    bounds = np.cumsum(np.bincount(rank))[:-1]
    return list(np.split(by_rank, bounds))


# ---- asynchronous copies


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


BUILDERS: dict[str, Builder] = {
    "ld": build_load,
    "ldu": build_load,
    "st": build_store,
    "atom": build_atomic,
    "red": build_atomic,
    "cp": build_cp,
}
