"""mov, cvt and cvta (PTX ISA: data movement and conversion instructions)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hlo_backends.gpu.simulate import floats
from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run, Write
from hlo_backends.gpu.simulate.floats import FORMATS, PACKED, FloatFormat
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.memory import LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW
from hlo_backends.gpu.simulate.scalars import TYPES, UNSIGNED, Array, ScalarType
from hlo_backends.gpu.simulate.syntax import Group, Instruction

_INTEGRAL = ("rni", "rzi", "rmi", "rpi")
_ROUNDINGS = ("rn", "rna", "rz", "rm", "rp")
WINDOWS = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW, "param": PARAM_WINDOW, "global": 0, "const": 0}


# ---- mov


def build_mov(assembler: Assembler, instruction: Instruction) -> Run:
    """mov: a copy, or the packing or unpacking of several registers."""
    target, source = assembler.expect_operands(2)
    kind = instruction.type
    if kind == "pred":
        choose, write = assembler.predicate(source), assembler.destination(target, "pred")
        return lambda lanes: write(lanes, choose(lanes).copy())
    size = assembler.type(kind).size
    if isinstance(target, Group):
        return _build_unpack(assembler, target, assembler.bits(source, size), size)
    if isinstance(source, Group):
        return _build_pack(assembler, source, assembler.destination(target, f"b{8 * size}"), size)
    read, write = assembler.bits(source, size), assembler.destination(target, kind)
    return lambda lanes: write(lanes, read(lanes).copy())


def _build_unpack(assembler: Assembler, target: Group, read: Read, size: int) -> Run:
    part = size // len(target.items)
    writes = [assembler.destination(item, f"b{8 * part}") for item in target.items]
    storage = UNSIGNED[part]

    def run(lanes: Lanes) -> None:
        whole = read(lanes)
        for place, write in enumerate(writes):
            write(lanes, (whole >> whole.dtype.type(8 * part * place)).astype(storage))

    return run


def _build_pack(assembler: Assembler, source: Group, write: Write, size: int) -> Run:
    part = size // len(source.items)
    reads = [assembler.bits(item, part) for item in source.items]
    storage = UNSIGNED[size]

    def run(lanes: Lanes) -> None:
        whole = reads[0](lanes).astype(storage)
        for place, read in enumerate(reads[1:], 1):
            whole = whole | (read(lanes).astype(storage) << storage.type(8 * part * place))
        write(lanes, whole)

    return run


def build_cvta(assembler: Assembler, instruction: Instruction) -> Run:
    """cvta: between a state space's own addresses and generic ones."""
    target, source = assembler.expect_operands(2)
    modifiers = [modifier.split("::")[0] for modifier in instruction.modifiers]
    space = next((modifier for modifier in modifiers if modifier in WINDOWS), None)
    if space is None:
        raise assembler.unsupported()
    window = np.uint64(WINDOWS[space])
    read, write = assembler.bits(source, 8), assembler.destination(target, "u64")
    if "to" in modifiers:
        return lambda lanes: write(lanes, read(lanes) - window)
    return lambda lanes: write(lanes, read(lanes) + window)


# ---- cvt


def build_cvt(assembler: Assembler, instruction: Instruction) -> Run:
    """cvt between any two of the integer and floating-point types, and the packed forms."""
    if instruction.modifiers[:1] == ("pack",):
        return _build_integer_pack(assembler, instruction)
    modifiers = instruction.modifiers
    result, source = modifiers[-2:]
    if result in PACKED and source == "f32":
        return _build_packing(assembler, instruction)
    if result in PACKED:
        return _build_unpacking(assembler, instruction)
    target, operand = assembler.expect_operands(2)
    from_type, to_type = assembler.type(source), assembler.type(result)
    if from_type.bits == 64 and result == "f64" and from_type.kind != "f" and "rn" not in modifiers:
        raise assembler.unsupported("this rounding mode")
    convert = _conversion(from_type, to_type, modifiers)
    read, write = assembler.value(operand, source), assembler.destination(target, result)
    return lambda lanes: write(lanes, convert(read(lanes)))


def _conversion(source: ScalarType, result: ScalarType, modifiers: tuple[str, ...]) -> Callable[[Array], Array]:
    """From decoded values to encoded ones."""
    if source.kind == "f":
        if result.kind == "f":
            return _float_to_float(source, FORMATS[result.name], modifiers)
        return _float_to_integer(source, result, modifiers)
    if result.kind == "f":
        return _integer_to_float(FORMATS[result.name], modifiers)
    return _integer_to_integer(result, "sat" in modifiers)


def _integer_to_integer(result: ScalarType, saturates: bool) -> Callable[[Array], Array]:
    dtype = result.integer
    if not saturates:
        return lambda values: values.astype(dtype)
    limits = np.iinfo(dtype)

    def convert(values: Array) -> Array:
        given = np.iinfo(values.dtype)
        low, high = max(limits.min, given.min), min(limits.max, given.max)
        return np.clip(values, values.dtype.type(low), values.dtype.type(high)).astype(dtype)

    return convert


def _sticky_double(values: Array) -> Array:
    """Integers as float64; beyond 53 bits the low ones are joined into one, which keeps the later rounding right."""
    if values.dtype.itemsize < 8:
        return values.astype(np.float64)
    low = values & values.dtype.type(0xFFF)
    joined = (values - low) | (values.dtype.type(0x800) * (low != 0))
    large = np.abs(values.astype(np.float64)) >= 2.0**53
    return np.where(large, joined.astype(np.float64), values.astype(np.float64))


def _integer_to_float(form: FloatFormat, modifiers: tuple[str, ...]) -> Callable[[Array], Array]:
    mode = next((modifier for modifier in modifiers if modifier in _ROUNDINGS), "rn")
    if form.name == "f64":
        return lambda values: values.astype(np.float64).view(np.uint64)
    if mode == "rn":
        return lambda values: form.encode(_sticky_double(values))
    return lambda values: floats.encode_rounded(_sticky_double(values), form, mode)


def _float_to_integer(source: ScalarType, result: ScalarType, modifiers: tuple[str, ...]) -> Callable[[Array], Array]:
    """Out of range clamps; NaN gives 0, or the top bit alone where one of the types has 64 bits."""
    mode = next((modifier for modifier in modifiers if modifier in _INTEGRAL), "rzi")
    dtype = result.integer
    limits = np.iinfo(dtype)
    storage = result.storage
    nan = storage.type(1 << 63) if result.size == 8 else storage.type(1 << result.bits - 1 if source.size == 8 else 0)
    low, high = float(limits.min), float(limits.max)  # the latter may round up to one beyond

    def convert(values: Array) -> Array:
        if "ftz" in modifiers:
            values = floats.flush(values)
        whole = floats.round_integral(values, mode).astype(np.float64, copy=False)
        above, below = whole >= high, whole <= low
        inside = np.where(above | below | np.isnan(whole), 0.0, whole).astype(dtype)
        clamped = np.where(above, dtype.type(limits.max), np.where(below, dtype.type(limits.min), inside))
        return np.where(np.isnan(values), nan, clamped.view(storage))

    return convert


def _float_to_float(source: ScalarType, form: FloatFormat, modifiers: tuple[str, ...]) -> Callable[[Array], Array]:
    mode = next((modifier for modifier in modifiers if modifier in _ROUNDINGS), "rn")
    integral = next((modifier for modifier in modifiers if modifier in _INTEGRAL), None)
    flushes, saturates, relu = "ftz" in modifiers, "sat" in modifiers, "relu" in modifiers
    clamps = "satfinite" in modifiers

    def convert(values: Array) -> Array:
        if flushes and source.name == "f32":
            values = floats.flush(values)
        if integral:
            values = floats.round_integral(values, integral)
        if saturates:
            values = np.where(np.isnan(values), values.dtype.type(0), np.clip(values, 0, 1))
        if relu:
            values = np.where(values < 0, values.dtype.type(0), values)
        if clamps:
            values = np.where(np.isnan(values), values, np.clip(values, -form.largest, form.largest))
        raw = floats.encode_rounded(values, form, mode).copy()
        if flushes and form.name == "f32":
            return form.encode(floats.flush(form.decode(raw)))
        return raw

    return convert


def _build_packing(assembler: Assembler, instruction: Instruction) -> Run:
    """cvt.rn.f16x2.f32 d, a, b and its kin: a goes to the upper half."""
    result = instruction.modifiers[-2]
    form = FORMATS[PACKED[result]]
    target, upper, lower = assembler.expect_operands(3)
    convert = _float_to_float(TYPES["f32"], form, instruction.modifiers)
    read_upper, read_lower = assembler.value(upper, "f32"), assembler.value(lower, "f32")
    storage = UNSIGNED[2 * form.size]
    shift = storage.type(8 * form.size)
    write = assembler.destination(target, f"b{16 * form.size}")

    def run(lanes: Lanes) -> None:
        high, low = convert(read_upper(lanes)).astype(storage), convert(read_lower(lanes)).astype(storage)
        write(lanes, (high << shift) | low)

    return run


def _build_unpacking(assembler: Assembler, instruction: Instruction) -> Run:
    """cvt.rn.f16x2.e4m3x2 and its kin: two values at once."""
    result, source = instruction.modifiers[-2:]
    if source not in PACKED:
        raise assembler.unsupported()
    given, form = FORMATS[PACKED[source]], FORMATS[PACKED[result]]
    target, operand = assembler.expect_operands(2)
    read = assembler.bits(operand, 2 * given.size)
    write = assembler.destination(target, f"b{16 * form.size}")

    def run(lanes: Lanes) -> None:
        pairs = np.ascontiguousarray(read(lanes)).view(UNSIGNED[given.size]).reshape(-1, 2)
        encoded = np.ascontiguousarray(form.encode(given.decode(pairs)))
        write(lanes, encoded.view(UNSIGNED[2 * form.size]).reshape(-1))

    return run


def _build_integer_pack(assembler: Assembler, instruction: Instruction) -> Run:
    """cvt.pack.sat.s8.s32.b32 d, a, b, c: a and b saturated, above the lower part of c."""
    result, source = instruction.modifiers[2:4]
    part = assembler.type(result)
    target, upper, lower, *rest = assembler.expect_operands(3, 4)
    convert = _integer_to_integer(part, saturates=True)
    read_upper, read_lower = assembler.value(upper, source), assembler.value(lower, source)
    read_rest = assembler.bits(rest[0], 4) if rest else None
    width = np.uint32(part.bits)
    write = assembler.destination(target, "b32")

    def run(lanes: Lanes) -> None:
        high = convert(read_upper(lanes)).view(part.storage).astype(np.uint32)
        low = convert(read_lower(lanes)).view(part.storage).astype(np.uint32)
        joined = (high << width) | low
        write(lanes, joined | (read_rest(lanes) << (width + width)) if read_rest else joined)

    return run


BUILDERS: dict[str, Builder] = {"mov": build_mov, "cvta": build_cvta, "cvt": build_cvt}
