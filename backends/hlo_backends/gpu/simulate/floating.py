"""Instructions that compute on floating-point values (PTX ISA: floating-point and half-precision instructions).

The approximate functions (ex2.approx and so on) give the correctly rounded result, nearly always: the hardware's is
within a few units in the last place of it, 2**-11 relative for tanh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hlo_backends.gpu.simulate import floats
from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Run, elementwise
from hlo_backends.gpu.simulate.floats import FORMATS, PACKED, FloatFormat
from hlo_backends.gpu.simulate.scalars import UNSIGNED, Array
from hlo_backends.gpu.simulate.syntax import Instruction

Function = Callable[..., Array]

_ROUNDINGS = ("rn", "rz", "rm", "rp")
_UNARY = frozenset({"sqrt", "rsqrt", "rcp", "ex2", "lg2", "sin", "cos", "tanh"})


def _in_double(function: Callable[[Array], Array]) -> Function:
    """Computes in float64 (results of float64 stay, others are rounded by the encoding)."""
    return lambda a: function(a.astype(np.float64))


def _rcp(a: Array) -> Array:
    one: Array = np.float64(1.0) / a
    return one


_FUNCTIONS: dict[str, Function] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "sqrt": np.sqrt,
    "rsqrt": _in_double(lambda a: _rcp(np.sqrt(a))),
    "rcp": _in_double(_rcp),
    "ex2": _in_double(np.exp2),
    "lg2": _in_double(np.log2),
    "sin": _in_double(np.sin),
    "cos": _in_double(np.cos),
    "tanh": _in_double(np.tanh),
}


def _fma(form: FloatFormat) -> Function:
    return {"f32": floats.fma_float32, "f64": floats.fma_float64}.get(form.name, floats.fma_odd)


def _extremum(opcode: str, modifiers: tuple[str, ...]) -> Function:
    """min and max: a NaN loses against a number unless `.NaN`; -0 is less than +0; `.xorsign.abs` as specified."""
    least = opcode == "min"
    plain = np.minimum if least else np.maximum
    numeric = np.fmin if least else np.fmax

    def extremum(a: Array, b: Array) -> Array:
        chosen = (plain if "NaN" in modifiers else numeric)(a, b)
        zeros = (a == 0) & (b == 0)
        if zeros.any():
            sign = np.signbit(a) | np.signbit(b) if least else np.signbit(a) & np.signbit(b)
            chosen = np.where(zeros, np.where(sign, chosen.dtype.type(-0.0), chosen.dtype.type(0.0)), chosen)
        return floats.canonical(chosen)

    if "xorsign" not in modifiers:
        return extremum
    return lambda a, b: np.copysign(
        extremum(np.abs(a), np.abs(b)), np.where(np.signbit(a) ^ np.signbit(b), a.dtype.type(-1), a.dtype.type(1))
    )


def _directed(opcode: str, form: FloatFormat, assembler: Assembler) -> Function:
    """The exact result rounded to odd in float64, for the formats at least two bits narrower than that."""
    if form.name == "f64" or opcode not in ("add", "sub", "mul", "fma"):
        raise assembler.unsupported("this rounding mode")

    def double(a: Array) -> Array:
        return a.astype(np.float64)

    functions: dict[str, Function] = {
        "add": lambda a, b: floats.odd_sum(double(a), double(b)),
        "sub": lambda a, b: floats.odd_sum(double(a), -double(b)),
        "mul": lambda a, b: double(a) * double(b),
        "fma": floats.fma_odd,
    }
    return functions[opcode]


def _finish(function: Function, form: FloatFormat, modifiers: tuple[str, ...], mode: str) -> Function:
    """Adds flushing, saturation and encoding."""
    flushes = "ftz" in modifiers
    saturates, relu = "sat" in modifiers, "relu" in modifiers

    def finished(*sources: Array) -> Array:
        if flushes:
            sources = tuple(floats.flush(source, form.smallest_normal) for source in sources)
        value = function(*sources)
        if saturates:
            value = np.where(np.isnan(value), value.dtype.type(0), np.clip(value, 0, 1))
        if relu:
            value = np.where(value < 0, value.dtype.type(0), value)
        raw = form.encode(value) if mode == "rn" else floats.encode_rounded(value, form, mode)
        return form.encode(floats.flush(form.decode(raw), form.smallest_normal)) if flushes else raw

    return finished


def _over_pairs(function: Function, form: FloatFormat) -> Function:
    """The function of two values in each register."""

    def split(raw: Array) -> Array:
        return form.decode(np.ascontiguousarray(raw).view(UNSIGNED[form.size]).reshape(-1, 2))

    def packed(*sources: Array) -> Array:
        encoded = np.ascontiguousarray(function(*map(split, sources)))
        return encoded.view(UNSIGNED[2 * form.size]).reshape(-1)

    return packed


def build_arithmetic(assembler: Assembler, instruction: Instruction) -> Run:
    """Arithmetic with values of one format, scalar or packed."""
    opcode, kind, modifiers = instruction.opcode, instruction.type, instruction.modifiers
    name = PACKED.get(kind, kind)
    form = FORMATS[name]
    mode = next((modifier for modifier in modifiers if modifier in _ROUNDINGS), "rn")
    if opcode in ("min", "max"):
        function = _extremum(opcode, modifiers)
    elif mode != "rn":
        function = _directed(opcode, form, assembler)
    elif opcode in ("fma", "mad"):
        function = _fma(form)
    else:
        function = _FUNCTIONS[opcode]
    finished = _finish(function, form, modifiers, mode)
    arity = 1 if opcode in _UNARY else 3 if opcode in ("fma", "mad") else len(instruction.operands) - 1
    if opcode in ("min", "max") and arity == 3:
        finished = _finish(lambda a, b, c: function(function(a, b), c), form, modifiers, mode)
    if kind in PACKED:
        bits = f"b{16 * form.size}"
        return elementwise(assembler, _over_pairs(finished, form), (bits,) * arity, bits)
    return elementwise(assembler, finished, (kind,) * arity, kind)


def build_sign(assembler: Assembler, instruction: Instruction) -> Run:
    """neg and abs: they change the sign bit only, of NaNs too."""
    kind = instruction.type
    scalar = assembler.type(kind)
    form = FORMATS[PACKED.get(kind, kind)]
    sign = 1 << (8 * form.size - 1)
    mask = scalar.storage.type(sign | sign << 8 * form.size if kind in PACKED else sign)
    bits = f"b{scalar.bits}"
    change: Function = (lambda a: a ^ mask) if instruction.opcode == "neg" else (lambda a: a & ~mask)
    if "ftz" not in instruction.modifiers:
        return elementwise(assembler, change, (bits,), bits)
    flushed: Function = lambda a: form.encode(floats.flush(form.decode(a), form.smallest_normal))  # noqa: E731
    flushing = (
        _over_pairs(lambda v: form.encode(floats.flush(v, form.smallest_normal)), form) if kind in PACKED else flushed
    )
    return elementwise(assembler, lambda a: flushing(change(a)), (bits,), bits)


def build_copysign(assembler: Assembler, instruction: Instruction) -> Run:
    """copysign: the sign of a on the magnitude of b."""
    scalar = assembler.type(instruction.type)
    sign = scalar.storage.type(1 << (scalar.bits - 1))
    bits = f"b{scalar.bits}"
    return elementwise(assembler, lambda a, b: (a & sign) | (b & ~sign), (bits, bits), bits)


def build_test(assembler: Assembler, instruction: Instruction) -> Run:
    """testp: what kind of number it is, as a predicate."""
    kind = instruction.type
    smallest = FORMATS[kind].smallest_normal
    tests: dict[str, Function] = {
        "finite": np.isfinite,
        "infinite": np.isinf,
        "number": lambda a: ~np.isnan(a),
        "notanumber": np.isnan,
        "normal": lambda a: np.isfinite(a) & (np.abs(a) >= smallest),
        "subnormal": lambda a: (np.abs(a) < smallest) & (a != 0),
    }
    return elementwise(assembler, tests[instruction.modifiers[0]], (kind,), "pred")


BUILDERS: dict[str, Builder] = {
    **dict.fromkeys((*_FUNCTIONS, "fma", "mad", "min", "max"), build_arithmetic),
    **dict.fromkeys(("neg", "abs"), build_sign),
    "copysign": build_copysign,
    "testp": build_test,
}
