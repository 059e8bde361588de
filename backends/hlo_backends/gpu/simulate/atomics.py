"""atom and red (PTX ISA: atomic operations)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hlo_backends.gpu.simulate.access import VECTORS, check_atomic, locate, space_of
from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run
from hlo_backends.gpu.simulate.floats import FORMATS, PACKED
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.memory import Piece, read, write
from hlo_backends.gpu.simulate.scalars import UNSIGNED, Array, ScalarType
from hlo_backends.gpu.simulate.syntax import Instruction, Operand

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


_CHAINS: dict[str, np.ufunc] = {
    "add": np.add, "min": np.fmin, "max": np.fmax, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}  # fmt: skip
"""Updates whose results at one address numpy can compute in one go, strictly in order."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """An atomic update of `size` bytes: what it does with the bits found and two decoded operands."""

    name: str
    kind: str
    element: ScalarType
    size: int

    @property
    def native(self) -> np.dtype[Any] | None:
        """numpy's dtype of the values, where it has one that rounds as the format does."""
        if self.element.kind == "f":
            return np.dtype(f"f{self.size}") if self.kind in ("f32", "f64") else None
        return self.element.integer

    def apply(self, raw: Array, first: Array, second: Array) -> Array:
        """New bits from old ones, each address once. Packed operands have a second axis."""
        if self.kind in PACKED:
            raw = raw.reshape(-1, 1)
        bits = np.ascontiguousarray(raw).view(self.element.storage)
        update = _UPDATES[self.name]
        if self.element.kind == "f":
            form = FORMATS[self.element.name]
            updated = form.encode(update(form.decode(bits), first, second))
        else:
            updated = update(bits.view(self.element.integer), first, second)
        return np.ascontiguousarray(updated).view(UNSIGNED[self.size]).reshape(-1)


def _take_turns(operation: _Operation, piece: Piece, first: Array, second: Array) -> Array:
    """Updates memory, those that meet at one address one after the other; returns the bits that each one found."""
    index = piece.index
    lanes = np.arange(len(index)) if piece.select is None else piece.select
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    found = np.empty(len(index), UNSIGNED[operation.size])
    if len(starts) < lengths.max() and operation.name in _CHAINS and operation.native is not None:
        for group in np.split(order, starts[1:]):
            spot = replace(piece, select=lanes[group[:1]], index=index[group[:1]])
            found[group] = _chain(operation, operation.native, spot, first[group])
        return found
    rank = np.empty(len(index), np.int64)
    rank[order] = np.arange(len(index)) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    for turn in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]):
        spot = replace(piece, select=lanes[turn], index=index[turn])
        (before,) = read(spot, operation.size, 1)
        found[turn] = before
        write(spot, [operation.apply(before, first[turn], second[turn])])
    return found


def _chain(operation: _Operation, dtype: np.dtype[Any], spot: Piece, values: Array) -> Array:
    """All updates of one address; returns the bits that each one found."""
    (before,) = read(spot, operation.size, 1)
    sequence = np.concatenate([before.view(dtype), values])
    results = _CHAINS[operation.name].accumulate(sequence, dtype=sequence.dtype).view(UNSIGNED[operation.size])
    write(spot, [results[-1:]])
    return results[:-1]


def build_atomic(assembler: Assembler, instruction: Instruction) -> Run:
    """atom and red: lanes that meet at one address take turns in the order of their threads."""
    modifiers, kind = instruction.modifiers, instruction.type
    operands = list(instruction.operands)
    name = next((one for one in modifiers if one in _UPDATES), None)
    if name is None or "async" in modifiers or not set(modifiers).isdisjoint(VECTORS):
        raise assembler.unsupported()
    target = operands.pop(0) if instruction.opcode == "atom" else None
    address = assembler.address(operands[0])
    sources = [_operand_values(assembler, operand, kind) for operand in operands[1:]]
    operation = _Operation(name, kind, assembler.type(PACKED.get(kind, kind)), assembler.type(kind).size)
    space = space_of(instruction)
    put = assembler.destination(target, kind) if target is not None else None

    def run(lanes: Lanes) -> None:
        values = [source(lanes) for source in sources]
        values = [np.broadcast_to(value, (lanes.count, *value.shape[1:])) for value in values]
        first, second = values[0], values[-1]
        old = np.empty(lanes.count, UNSIGNED[operation.size])
        for piece in locate(lanes, space, lanes.spread(address(lanes)), operation.size, check_atomic):
            select = slice(None) if piece.select is None else piece.select
            old[select] = _take_turns(operation, piece, first[select], second[select])
        if put:
            put(lanes, old)

    return run


def _operand_values(assembler: Assembler, operand: Operand, kind: str) -> Read:
    """Decoded values; (lanes, 2) for packed types."""
    if kind not in PACKED:
        return assembler.value(operand, kind)
    form = FORMATS[PACKED[kind]]
    bits = assembler.bits(operand, 4)
    return lambda lanes: form.decode(np.ascontiguousarray(bits(lanes)).view(UNSIGNED[form.size]).reshape(-1, 2))


BUILDERS: dict[str, Builder] = {"atom": build_atomic, "red": build_atomic}
