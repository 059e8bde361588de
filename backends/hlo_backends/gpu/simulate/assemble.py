"""Operands as functions of the lanes: the part that all instruction builders share.

A builder turns an instruction into a function that executes it for some lanes. Values travel as unsigned bits of the
operand's size (bool for predicates). An array that is written to a register must be new: registers never share arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hlo_backends.gpu.simulate.errors import UnsupportedInstructionError
from hlo_backends.gpu.simulate.floats import FORMATS
from hlo_backends.gpu.simulate.inline import FlatKernel
from hlo_backends.gpu.simulate.lanes import WARP, Lanes
from hlo_backends.gpu.simulate.scalars import SIGNED, TYPES, UNSIGNED, Array, ScalarType
from hlo_backends.gpu.simulate.syntax import Address, Group, Immediate, Instruction, Operand, Register, Symbol

Run = Callable[[Lanes], None]
Read = Callable[[Lanes], Array]
Write = Callable[[Lanes, Array], None]

CARRY = "%carry"
"""The condition code register of add.cc and its kin."""

_STEP_COUNTERS = {"%clock": 4, "%clock64": 8, "%globaltimer": 8, "%clock_hi": 4, "%globaltimer_lo": 4}
_SPECIAL_PREFIXES = ("%tid.", "%ntid.", "%ctaid.", "%nctaid.", "%lanemask_")
_SPECIAL_NAMES = frozenset({"%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid"})


@dataclass(slots=True)
class Layout:
    """Where a kernel's variables are: addresses of global, offsets of shared, frame and parameter ones."""

    globals: dict[str, int]
    shared: dict[str, int]
    frame: dict[str, int]
    parameters: dict[str, int]
    static_shared: int
    frame_size: int
    parameter_size: int


class Assembler:
    """Gives registers their slots, and operands their functions."""

    def __init__(self, kernel: FlatKernel, layout: Layout) -> None:
        self.kernel = kernel
        self.layout = layout
        self.slots: dict[str, int] = {}
        self.empty: list[Array] = []
        self.instruction: Instruction
        self.used: list[int] = []
        self.defined: list[int] = []

    def start(self, instruction: Instruction) -> None:
        """Begins an instruction: `used` and `defined` collect the slots of its operands from here on."""
        self.instruction = instruction
        self.used = []
        self.defined = []

    def unsupported(self, reason: str = "") -> UnsupportedInstructionError:
        """The error for an instruction, or a form of one, that nobody here knows."""
        instruction = self.instruction
        opcode = ".".join((instruction.opcode, *instruction.modifiers))
        message = f"unsupported instruction {opcode}" + (f": {reason}" if reason else "")
        return UnsupportedInstructionError(message, line=instruction.line, text=instruction.text)

    # ---- registers
    def register_type(self, name: str) -> ScalarType:
        """The type that the register was declared with."""
        if name == CARRY:
            return TYPES["pred"]
        kind = self.kernel.registers.get(name)
        if kind is None:
            raise self.unsupported(f"unknown register {name}")
        return TYPES[kind]

    def slot(self, name: str) -> int:
        """The register's slot; a register that was never written holds ones (false, for predicates)."""
        if name not in self.slots:
            kind = self.register_type(name)
            self.slots[name] = len(self.empty)
            fill = False if kind.kind == "p" else ~kind.storage.type(0)
            self.empty.append(np.full(1, fill, kind.storage))
        return self.slots[name]

    # ---- sources
    def bits(self, operand: Operand, size: int) -> Read:
        """Reads `size` bytes as unsigned integers; wider registers are cut, narrower ones zero-extended."""
        if isinstance(operand, Register):
            return self._register_bits(operand, size)
        if isinstance(operand, Immediate):
            constant = np.full(1, operand.value & ((1 << 8 * size) - 1), UNSIGNED[size])
        elif isinstance(operand, Symbol):
            constant = np.full(1, self.symbol(operand) & ((1 << 8 * size) - 1), UNSIGNED[size])
        else:
            raise self.unsupported("unexpected operand")
        return lambda lanes: constant

    def _register_bits(self, operand: Register, size: int) -> Read:
        name = operand.name
        if name in _SPECIAL_NAMES or name.startswith(_SPECIAL_PREFIXES):
            return self._special(name, size)
        if name in _STEP_COUNTERS:
            return lambda lanes: np.full(1, lanes.batch.steps & ((1 << 8 * size) - 1), UNSIGNED[size])
        slot = self.slot(name)
        kind = self.register_type(name)
        if kind.kind == "p":
            raise self.unsupported(f"predicate {name} used as a number")
        self.used.append(slot)
        if kind.size == size:
            return lambda lanes: lanes.read(slot)
        target = UNSIGNED[size]
        return lambda lanes: lanes.read(slot).astype(target)

    def _special(self, name: str, size: int) -> Read:
        def read(lanes: Lanes) -> Array:
            value = lanes.batch.special[name]
            if len(value) > 1 and not lanes.full:
                value = value[lanes.threads]
            return value if size == 4 else value.astype(UNSIGNED[size])

        return read

    def symbol(self, operand: Symbol) -> int:
        """The address of a variable, within its own state space."""
        layout = self.layout
        if operand.name == "WARP_SZ":
            return WARP
        for table in (layout.globals, layout.shared, layout.frame, layout.parameters):
            if operand.name in table:
                return table[operand.name] + operand.offset
        raise self.unsupported(f"unknown name {operand.name}")

    def value(self, operand: Operand, kind: str) -> Read:
        """Reads a typed value: an integer array of the type's own dtype, or a decoded floating-point one."""
        scalar = self.type(kind)
        bits = self.bits(operand, scalar.size)
        if scalar.kind == "f":
            decode = FORMATS[kind].decode
            return lambda lanes: decode(bits(lanes))
        if scalar.kind == "s":
            signed = SIGNED[scalar.size]
            return lambda lanes: bits(lanes).view(signed)
        return bits

    def type(self, kind: str) -> ScalarType:
        """The scalar type of that name."""
        if kind not in TYPES:
            raise self.unsupported(f"unknown type .{kind}")
        return TYPES[kind]

    def predicate(self, operand: Operand) -> Read:
        """Reads a predicate, or a constant in place of one, as bool."""
        if isinstance(operand, Immediate):
            constant = np.full(1, operand.value != 0)
            return lambda lanes: constant
        if not isinstance(operand, Register):
            raise self.unsupported("expected a predicate")
        if self.register_type(operand.name).kind != "p":
            raise self.unsupported(f"{operand.name} is not a predicate")
        slot = self.slot(operand.name)
        self.used.append(slot)
        if operand.negated:
            return lambda lanes: ~lanes.read(slot)
        return lambda lanes: lanes.read(slot)

    def address(self, operand: Operand) -> Read:
        """Reads an address operand as int64, whatever the size of its register."""
        if not isinstance(operand, Address):
            raise self.unsupported("expected an address")
        if isinstance(operand.base, Register):
            base = self.bits(operand.base, 8)
            offset = np.int64(operand.offset)
            if not operand.offset:
                return lambda lanes: base(lanes).view(np.int64)
            return lambda lanes: base(lanes).view(np.int64) + offset
        start = 0 if operand.base is None else self.symbol(operand.base)
        constant = np.full(1, start + operand.offset, np.int64)
        return lambda lanes: constant

    def in_frame(self, operand: Operand) -> bool:
        """Whether an address operand names a variable that each thread has its own copy of."""
        base = operand.base if isinstance(operand, Address) else None
        return isinstance(base, Symbol) and base.name in self.layout.frame

    # ---- destinations
    def destination(self, operand: Operand, kind: str) -> Write:
        """Writes bits (or integers) of a type's size; wider registers get them sign- or zero-extended by the type."""
        if not isinstance(operand, Register):
            raise self.unsupported("expected a register as the destination")
        if operand.name == "_":
            return lambda lanes, value: None
        slot = self.slot(operand.name)
        held = self.register_type(operand.name)
        self.defined.append(slot)
        if held.kind == "p":
            if kind != "pred":
                raise self.unsupported(f"predicate {operand.name} as the destination of a number")
            return lambda lanes, value: _put(lanes, slot, value)
        given = self.type(kind)
        if given.size > held.size:
            raise self.unsupported(f"{operand.name} is too small for the result")
        storage = held.storage
        if given.size == held.size:
            return lambda lanes, value: _put(lanes, slot, value.view(storage))
        if given.kind == "s":
            source, target = SIGNED[given.size], SIGNED[held.size]
            return lambda lanes, value: _put(lanes, slot, value.view(source).astype(target).view(storage))
        source = given.storage
        return lambda lanes, value: _put(lanes, slot, value.view(source).astype(storage))

    # ---- groups
    def items(self, operand: Operand) -> tuple[Operand, ...]:
        """The members of a group, or the operand alone."""
        return operand.items if isinstance(operand, Group) else (operand,)

    def expect_operands(self, *counts: int) -> tuple[Operand, ...]:
        """The instruction's operands, of which there must be one of these numbers."""
        operands = self.instruction.operands
        if len(operands) not in counts:
            raise self.unsupported(f"{len(operands)} operands")
        return operands


def _put(lanes: Lanes, slot: int, value: Array) -> None:
    lanes.values[slot] = value


Builder = Callable[[Assembler, Instruction], Run]


def elementwise(assembler: Assembler, function: Callable[..., Array], sources: tuple[str, ...], result: str) -> Run:
    """`d = function(a, b...)` where the function takes and gives values (encoded bits, for floating-point results)."""
    destination, *operands = assembler.expect_operands(len(sources) + 1)
    reads = [
        assembler.predicate(operand) if kind == "pred" else assembler.value(operand, kind)
        for operand, kind in zip(operands, sources, strict=True)
    ]
    write = assembler.destination(destination, result)
    if len(reads) == 1:
        (one,) = reads
        return lambda lanes: write(lanes, function(one(lanes)))
    if len(reads) == 2:
        first, second = reads
        return lambda lanes: write(lanes, function(first(lanes), second(lanes)))
    return lambda lanes: write(lanes, function(*[read(lanes) for read in reads]))
