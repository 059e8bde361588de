"""Instructions that compute on integers and bits (PTX ISA: integer, extended-precision, logic and shift ones)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from hlo_backends.gpu.simulate import integers
from hlo_backends.gpu.simulate.assemble import CARRY, Assembler, Builder, Run, elementwise
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.scalars import SIGNED, TYPES, UNSIGNED, Array
from hlo_backends.gpu.simulate.syntax import Immediate, Instruction, Register

Function = Callable[..., Array]

_SIMPLE: dict[str, Function] = {
    "add": np.add,
    "sub": np.subtract,
    "div": integers.divide,
    "rem": integers.remainder,
    "min": np.minimum,
    "max": np.maximum,
    "neg": np.negative,
    "abs": np.abs,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "brev": integers.reverse_bits,
}
_ARITY = {"neg": 1, "abs": 1, "not": 1, "brev": 1}


def build_simple(assembler: Assembler, instruction: Instruction) -> Run:
    """d = f(a, b) with one type throughout; logic instructions also on predicates."""
    kind, opcode = instruction.type, instruction.opcode
    function = _SIMPLE[opcode]
    if kind == "pred":
        if opcode not in ("and", "or", "xor", "not"):
            raise assembler.unsupported()
        function = {"not": np.logical_not}.get(opcode, function)
    elif "cc" in instruction.modifiers:
        return _build_carry(assembler, instruction)
    elif "sat" in instruction.modifiers:
        function = partial(integers.saturating, np.add if opcode == "add" else np.subtract)
    elif "relu" in instruction.modifiers:
        plain = function
        function = lambda a, b: np.maximum(plain(a, b), np.int32(0))  # noqa: E731
    if kind.endswith("16x2"):
        return _build_packed(assembler, instruction, function)
    return elementwise(assembler, function, (kind,) * _ARITY.get(opcode, 2), kind)


def _build_packed(assembler: Assembler, instruction: Instruction, function: Function) -> Run:
    """Two 16-bit integers in each register: add, min and max on u16x2 and s16x2."""
    half = np.dtype(instruction.type[0].replace("s", "i") + "2")

    def packed(a: Array, b: Array) -> Array:
        pair = function(
            np.ascontiguousarray(a).view(half).reshape(-1, 2), np.ascontiguousarray(b).view(half).reshape(-1, 2)
        )
        return np.ascontiguousarray(pair).view(np.uint32).reshape(-1)

    return elementwise(assembler, packed, ("b32", "b32"), "b32")


def _build_carry(assembler: Assembler, instruction: Instruction) -> Run:
    """add.cc, addc, sub.cc, subc: the carry (borrow) goes in and out through a register of its own."""
    kind = "u" + instruction.type[1:]
    destination, first, second = assembler.expect_operands(3)
    read_a, read_b = assembler.value(first, kind), assembler.value(second, kind)
    takes, gives = instruction.opcode.endswith("c"), "cc" in instruction.modifiers
    subtract = instruction.opcode.startswith("sub")
    carry_in = assembler.predicate(Register(CARRY)) if takes else None
    write = assembler.destination(destination, kind)
    write_carry = assembler.destination(Register(CARRY), "pred") if gives else None

    def run(lanes: Lanes) -> None:
        a, b = read_a(lanes), read_b(lanes)
        carry = carry_in(lanes).astype(a.dtype) if carry_in else a.dtype.type(0)
        if subtract:
            partial_result = a - b
            result = partial_result - carry
            out = (a < b) | (partial_result < carry)
        else:
            partial_result = a + b
            result = partial_result + carry
            out = (partial_result < a) | (result < carry)
        write(lanes, result)
        if write_carry:
            write_carry(lanes, out)

    return run


def build_multiply(assembler: Assembler, instruction: Instruction) -> Run:
    """mul and mad of integers: .lo, .hi, .wide; mul24 and mad24 too."""
    kind, modifiers = instruction.type, instruction.modifiers
    has_addend = instruction.opcode.startswith("mad")
    if "wide" in modifiers:
        scalar = TYPES[kind]
        result = f"{scalar.kind}{2 * scalar.bits}"
        wide = TYPES[result].integer

        def product(a: Array, b: Array) -> Array:
            widened: Array = a.astype(wide) * b.astype(wide)
            return widened

    elif "hi" in modifiers:
        result, product = kind, integers.multiply_high
    else:
        result, product = kind, integers.multiply_low
    if not has_addend:
        return elementwise(assembler, product, (kind, kind), result)
    return elementwise(assembler, lambda a, b, c: product(a, b) + c, (kind, kind, result), result)


def build_shift(assembler: Assembler, instruction: Instruction) -> Run:
    """shl and shr."""
    kind = instruction.type
    if instruction.opcode == "shl":
        return elementwise(assembler, integers.shift_left, ("u" + kind[1:], "u32"), kind)
    return elementwise(assembler, integers.shift_right, (kind, "u32"), kind)


def build_funnel_shift(assembler: Assembler, instruction: Instruction) -> Run:
    """shf."""
    left, clamp = "l" in instruction.modifiers, "clamp" in instruction.modifiers
    return elementwise(assembler, partial(integers.funnel_shift, left=left, clamp=clamp), ("u32", "u32", "u32"), "b32")


def build_field(assembler: Assembler, instruction: Instruction) -> Run:
    """bfe and bfi."""
    kind = instruction.type
    if instruction.opcode == "bfe":
        return elementwise(assembler, integers.extract_field, (kind, "u32", "u32"), kind)
    return elementwise(assembler, integers.insert_field, (kind, kind, "u32", "u32"), kind)


def build_count(assembler: Assembler, instruction: Instruction) -> Run:
    """popc, clz, bfind: bit counts and positions, as u32."""
    functions: dict[str, Function] = {
        "popc": lambda a: np.bitwise_count(a).astype(np.uint32),
        "clz": integers.count_leading_zeros,
        "bfind": integers.find_leading,
    }
    return elementwise(assembler, functions[instruction.opcode], (instruction.type,), "u32")


def build_permute(assembler: Assembler, instruction: Instruction) -> Run:
    """prmt."""
    if instruction.modifiers != ("b32",):
        raise assembler.unsupported("only the default mode")
    return elementwise(assembler, integers.permute_bytes, ("b32", "b32", "b32"), "b32")


def build_logic3(assembler: Assembler, instruction: Instruction) -> Run:
    """lop3 without a predicate result."""
    table = instruction.operands[-1]
    if not isinstance(table, Immediate) or len(instruction.operands) != 5:
        raise assembler.unsupported()
    destination, *sources = instruction.operands[:4]
    first, second, third = (assembler.bits(source, 4) for source in sources)
    write = assembler.destination(destination, "b32")
    return lambda lanes: write(lanes, integers.logic3(table.value, first(lanes), second(lanes), third(lanes)))


def build_dot(assembler: Assembler, instruction: Instruction) -> Run:
    """dp4a: a and b hold four bytes each, signed or not."""
    a_type, b_type = instruction.modifiers
    if instruction.opcode != "dp4a":
        raise assembler.unsupported()
    byte = {"s32": SIGNED[1], "u32": UNSIGNED[1]}
    function = partial(integers.dot4, a_type=byte[a_type], b_type=byte[b_type])
    return elementwise(assembler, function, ("b32", "b32", "b32"), "b32")


def build_sad(assembler: Assembler, instruction: Instruction) -> Run:
    """sad: c plus the absolute difference of a and b."""
    kind = instruction.type
    return elementwise(assembler, lambda a, b, c: np.where(a > b, a - b, b - a) + c, (kind,) * 3, kind)


BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(_SIMPLE, build_simple),
    **dict.fromkeys(("addc", "subc"), _build_carry),
    **dict.fromkeys(("mul", "mad", "mul24", "mad24"), build_multiply),
    **dict.fromkeys(("shl", "shr"), build_shift),
    **dict.fromkeys(("bfe", "bfi"), build_field),
    **dict.fromkeys(("popc", "clz", "bfind"), build_count),
    "shf": build_funnel_shift,
    "prmt": build_permute,
    "lop3": build_logic3,
    "dp4a": build_dot,
    "sad": build_sad,
}
