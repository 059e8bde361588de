"""Comparison and selection instructions (PTX ISA: comparison and selection instructions, half-precision ones too)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hlo_backends.gpu.simulate import floats
from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run
from hlo_backends.gpu.simulate.floats import FORMATS, PACKED
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.scalars import TYPES, UNSIGNED, Array
from hlo_backends.gpu.simulate.syntax import Instruction, Operand

Compare = Callable[[Array, Array], Array]

_ORDERED: dict[str, Compare] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UNSIGNED_NAMES = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
_COMBINE: dict[str, Compare] = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


def _either_nan(a: Array, b: Array) -> Array:
    return np.isnan(a) | np.isnan(b)


def _float_comparisons() -> dict[str, Compare]:
    """The ordered ones are false for NaNs, those with a `u` true; numpy's not_equal alone is true, hence `ne`."""
    found: dict[str, Compare] = {"num": lambda a, b: ~_either_nan(a, b), "nan": _either_nan}
    for name, compare in _ORDERED.items():
        found[name] = compare
        found[name + "u"] = lambda a, b, compare=compare: compare(a, b) | _either_nan(a, b)  # type: ignore[misc]
    found["ne"] = lambda a, b: (a < b) | (a > b)
    return found


_FLOAT = _float_comparisons()


def comparison(assembler: Assembler, name: str, kind: str) -> Compare:
    """The comparison of decoded values of a type."""
    table = _FLOAT if TYPES[kind].kind == "f" else _ORDERED
    found = table.get(_UNSIGNED_NAMES.get(name, name))
    if found is None:
        raise assembler.unsupported(f"comparison .{name}")
    if TYPES[kind].kind == "f" and "ftz" in assembler.instruction.modifiers:
        least = FORMATS[kind].smallest_normal
        return lambda a, b: found(floats.flush(a, least), floats.flush(b, least))
    return found


def _halves(assembler: Assembler, operand: Operand, kind: str) -> tuple[Read, Read]:
    """The two values of a packed operand."""
    form = FORMATS[PACKED[kind]]
    bits = assembler.bits(operand, 4)
    low, shift = UNSIGNED[form.size], np.uint32(16)
    return (
        lambda lanes: form.decode(bits(lanes).astype(low)),
        lambda lanes: form.decode((bits(lanes) >> shift).astype(low)),
    )


def build_setp(assembler: Assembler, instruction: Instruction) -> Run:
    """setp: p (and q, its complement or the upper half's result) = a cmp b, combined with c."""
    kind = instruction.type
    target, first, second, *third = assembler.expect_operands(3, 4)
    compare = comparison(assembler, instruction.modifiers[0], PACKED.get(kind, kind))
    combine = _COMBINE[instruction.modifiers[1]] if third else None
    with_predicate = assembler.predicate(third[0]) if third else None
    targets = assembler.items(target)
    if kind in PACKED:
        pairs = list(zip(_halves(assembler, first, kind), _halves(assembler, second, kind), strict=True))
    else:
        pairs = [(assembler.value(first, kind), assembler.value(second, kind))]
    writes = [assembler.destination(one, "pred") for one in targets]

    def combined(lanes: Lanes, result: Array) -> Array:
        return combine(result, with_predicate(lanes)) if combine and with_predicate else result

    def run(lanes: Lanes) -> None:
        results = [compare(a(lanes), b(lanes)) for a, b in pairs]
        outputs = [combined(lanes, result) for result in results]
        if len(results) < len(writes):
            outputs.append(combined(lanes, ~results[0]))
        for write, output in zip(writes, outputs, strict=False):
            write(lanes, output)

    return run


def build_set(assembler: Assembler, instruction: Instruction) -> Run:
    """set: all ones (1.0 for a floating-point result) where the comparison holds."""
    result, kind = instruction.modifiers[-2:]
    if kind in PACKED or result in PACKED:
        raise assembler.unsupported()
    target, first, second, *third = assembler.expect_operands(3, 4)
    compare = comparison(assembler, instruction.modifiers[0], kind)
    combine = _COMBINE[instruction.modifiers[1]] if third else None
    with_predicate = assembler.predicate(third[0]) if third else None
    read_a, read_b = assembler.value(first, kind), assembler.value(second, kind)
    scalar = assembler.type(result)
    yes = FORMATS[result].encode(np.ones(1, np.float32)) if scalar.kind == "f" else np.full(1, ~scalar.storage.type(0))
    write = assembler.destination(target, result)

    def run(lanes: Lanes) -> None:
        holds = compare(read_a(lanes), read_b(lanes))
        if combine and with_predicate:
            holds = combine(holds, with_predicate(lanes))
        write(lanes, np.where(holds, yes, scalar.storage.type(0)))

    return run


def build_selp(assembler: Assembler, instruction: Instruction) -> Run:
    """selp: a if p else b."""
    target, first, second, condition = assembler.expect_operands(4)
    size = assembler.type(instruction.type).size
    read_a, read_b = assembler.bits(first, size), assembler.bits(second, size)
    choose = assembler.predicate(condition)
    write = assembler.destination(target, instruction.type)
    return lambda lanes: write(lanes, np.where(choose(lanes), read_a(lanes), read_b(lanes)))


def build_slct(assembler: Assembler, instruction: Instruction) -> Run:
    """slct: a if c >= 0 else b; a NaN chooses b."""
    kind, tested = instruction.modifiers[-2:]
    target, first, second, third = assembler.expect_operands(4)
    size = assembler.type(kind).size
    read_a, read_b = assembler.bits(first, size), assembler.bits(second, size)
    test = assembler.value(third, tested)
    write = assembler.destination(target, kind)
    return lambda lanes: write(lanes, np.where(test(lanes) >= 0, read_a(lanes), read_b(lanes)))


BUILDERS: dict[str, Builder] = {"setp": build_setp, "set": build_set, "selp": build_selp, "slct": build_slct}
