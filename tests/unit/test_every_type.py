"""Every elementwise op on every type it takes, against exact arithmetic: special values, rounding, wrapping, shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from formats import FORMATS, INF, NAN, Array, Format, Specials, alike, exponent_of, from_bits, to_bits, values
from programs import evaluate, shape_text

from hlo_tools.ir.element import ELEMENT_TYPES, ElementType, Kind
from hlo_tools.ops import OPS
from hlo_tools.ops.family import Elementwise

TYPES = [t for t in ELEMENT_TYPES.values() if t.is_array]
FLOATS = [t for t in TYPES if t.is_float]
INTEGERS = [t for t in TYPES if t.is_integer]
COMPLEX = [t for t in TYPES if t.is_complex]
ELEMENTWISE = [op for op in OPS.values() if isinstance(op, Elementwise)]


def call(opcode: str, *args: Array, result: ElementType | None = None, suffix: str = "") -> Array:
    dtype = args[0].dtype if result is None else result.dtype
    names = ", ".join(chr(97 + i) for i in range(len(args)))
    found: Array = evaluate(f"{shape_text(np.empty(args[0].shape, dtype))} {opcode}({names}){suffix}", *args)
    return found


def float_samples(element: ElementType, count: int = 24) -> Array:
    """All special values and limits of a float type, and some of its other numbers."""
    form = FORMATS[element.name]
    rng = np.random.default_rng(element.bits)
    m, sign = form.mantissa, 1 << (form.bits - 1)
    one = form.bias << m
    edges = [0, 1, 2, (1 << m) - 1, 1 << m, one, one - 1, one + 1, one | (1 << m >> 1), one + (1 << m)]
    edges += [one + (3 << m >> 1), sign - 1, sign - 2, ((1 << form.exponent) - 1) << m]
    edges += [(((1 << form.exponent) - 1) << m) - 1]
    if form.specials is not Specials.POWERS:
        edges += [e | sign for e in edges]
    edges += rng.integers(0, 1 << min(form.bits, 62), count).tolist()
    return from_bits([int(e) & ((1 << form.bits) - 1) for e in edges], element.dtype)


def integer_samples(element: ElementType) -> Array:
    """The limits of an integer type, small numbers, numbers near its width, and some others."""
    low, high = limits(element)
    rng = np.random.default_rng(element.bits)
    numbers = [low, low + 1, -2, -1, 0, 1, 2, 3, 7, element.bits - 1, element.bits, element.bits + 1, high - 1, high]
    numbers += [int(n) for n in rng.integers(max(low, -(2**62)), min(high, 2**62), 8, endpoint=True)]
    return integers([n for n in dict.fromkeys(numbers) if low <= n <= high], element)


def limits(element: ElementType) -> tuple[int, int]:
    half = 1 << (element.bits - 1)
    return (-half, half - 1) if element.is_signed else (0, 2 * half - 1)


def integers(numbers: list[int], element: ElementType) -> Array:
    wide = np.array(numbers, np.int64 if element.is_signed else np.uint64)
    return (
        wide.astype(np.int8 if element.is_signed else np.uint8).astype(element.dtype)
        if element.bits < 8
        else (wide.astype(element.dtype))
    )


def numbers(x: Array) -> list[int]:
    return [int(v) for v in x.reshape(-1)]


def wrapped(n: int, element: ElementType) -> int:
    n &= (1 << element.bits) - 1
    return n - (1 << element.bits) if element.is_signed and n >> (element.bits - 1) else n


def samples(element: ElementType) -> Array:
    """Telling values of any type."""
    if element.dtype == np.bool_:
        return np.array([False, True])
    if element.is_integer:
        return integer_samples(element)
    if element.is_complex:
        parts = [0.0, -0.0, 1.0, -2.5, INF, -INF, NAN]
        return np.array([complex(a, b) for a in parts for b in parts], element.dtype)
    return float_samples(element)


def pairs(x: Array) -> tuple[Array, Array]:
    """Each value of `x` with each."""
    n = len(x)
    return np.repeat(x, n), np.tile(x, n)


def legal(op: Elementwise) -> Iterator[ElementType]:
    """The types that an op takes."""
    for t in TYPES:
        if t.kind in op.accepts and (op.name != "complex" or t.bits in (32, 64)):
            yield t


def test_the_model_of_the_formats_is_that_of_their_types() -> None:
    for t in FLOATS:
        form = FORMATS[t.name]
        assert form.bits == t.bits
        if t.bits <= 16:
            stored = from_bits(list(range(1 << t.bits)), t.dtype)
            with np.errstate(invalid="ignore"):
                assert all(map(alike, values(stored, form), stored.astype(np.float32).astype(float).tolist())), t


# ---- shapes


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_all_shapes_of_all_types(op: Elementwise) -> None:
    for t in legal(op):
        line = samples(t)
        result = op.result(t)
        whole = call(op.name, *[line] * (op.arity or 1), result=result)
        assert (whole.shape, whole.dtype) == (line.shape, result.dtype)
        for shape in ((), (1, 1), (0,), (2, 0)):
            x = np.resize(line, shape) if math.prod(shape) else line[:0].reshape(shape)
            found = call(op.name, *[x] * (op.arity or 1), result=result)
            assert (found.shape, found.dtype) == (shape, result.dtype), t
            if x.size:
                assert found.reshape(-1)[:1].tobytes() == whole[:1].tobytes(), t


# ---- conversions


def near_ties(form: Format) -> list[float]:
    """Doubles around the places where rounding to a format changes."""
    rng = np.random.default_rng(7)
    if form.bits <= 8:
        known = sorted({v for v in map(form.value, range(1 << form.bits)) if math.isfinite(v)})
    else:
        low = max(form.lowest - form.mantissa, -1000)
        drawn = zip(rng.uniform(1, 2, 40).tolist(), rng.integers(low, form.bias, 40).tolist(), strict=True)
        known = [form.rounded(Fraction(m) * Fraction(2) ** e) for m, e in drawn]
        known += [0.0, float(form.largest), 2.0**form.lowest]
    found = []
    for v in known:
        step = Fraction(2) ** (max(exponent_of(Fraction(v)) if v else form.lowest, form.lowest) - form.mantissa)
        tie = Fraction(v) + step / 2
        if tie < 2**1023:
            found += [v, float(tie), math.nextafter(tie, 0), math.nextafter(tie, INF)]
    return [*found, *(-v for v in found), INF, -INF, NAN, 1e300, 5e-324]


@pytest.mark.parametrize("target", FLOATS, ids=str)
def test_floats_are_rounded_once(target: ElementType) -> None:
    form = FORMATS[target.name]
    given = np.array(near_ties(form))
    for source in FLOATS:
        x = given if source.bits == 64 else (
            given[np.abs(given) < 1e38].astype(np.float32) if source.bits == 32 else float_samples(source)
        )  # fmt: skip
        exact = values(x, FORMATS[source.name])
        found = values(call("convert", x, result=target), form)
        for v, got in zip(exact, found, strict=True):
            if not (math.isnan(v) and form.specials is Specials.FINITE):
                assert alike(got, form.of(v)), (source, v, got, form.of(v))


@pytest.mark.parametrize("target", FLOATS, ids=str)
def test_integers_are_rounded_once(target: ElementType) -> None:
    form = FORMATS[target.name]
    ties = [(1 << k) + (1 << j) + d for k in (10, 20, 30, 40, 60, 62) for j in (k - 4, k - 8, k - 11, k - 24, k - 53)
            if j >= 0 for d in (-1, 0, 1)]  # fmt: skip
    for source in INTEGERS:
        x = (
            integer_samples(source)
            if source.bits < 64
            else integers([*numbers(integer_samples(source)), *ties], source)
        )
        for n, got in zip(numbers(x), values(call("convert", x, result=target), form), strict=True):
            assert alike(got, form.rounded(Fraction(n))), (source, n, got)


@pytest.mark.parametrize("source", FLOATS, ids=str)
def test_floats_become_integers_by_truncation(source: ElementType) -> None:
    x = float_samples(source)
    edges = [2.0**k + d for k in (7, 8, 15, 31, 32, 63, 64) for d in (-1, -0.5, 0, 0.5)]
    if source.bits >= 32:
        x = np.concatenate([x, np.array(edges + [-e for e in edges]).astype(source.dtype)])
    exact = values(x, FORMATS[source.name])
    for target in INTEGERS:
        low, high = limits(target)
        found = numbers(call("convert", x, result=target))
        for v, got in zip(exact, found, strict=True):
            wanted = (
                0 if math.isnan(v) else low if v == -INF else high if v == INF else min(max(math.trunc(v), low), high)
            )
            assert got == wanted, (target, v)
    truth = call("convert", x, result=ELEMENT_TYPES["pred"])
    assert truth.tolist() == [v != 0 for v in exact]


def test_integers_wrap_when_converted() -> None:
    for source, target in itertools.product(INTEGERS, INTEGERS):
        x = integer_samples(source)
        found = numbers(call("convert", x, result=target))
        assert found == [wrapped(n, target) for n in numbers(x)], (source, target)


def test_pred_and_complex_are_converted() -> None:
    for t in TYPES:
        ones = call("convert", np.array([True, False]), result=t)
        if t.name not in ("f8e8m0fnu", "s1"):
            assert ones.astype(complex if t.is_complex else np.float32).tolist() == [1, 0], t
    x = np.array([1.5 + 2j, complex(-0.0, NAN)], np.complex128)
    assert call("convert", x, result=ELEMENT_TYPES["bf16"]).astype(float).tolist() == [1.5, 0]
    assert call("convert", x[:1], result=ELEMENT_TYPES["s8"]).tolist() == [1]


@pytest.mark.parametrize("element", [t for t in FLOATS if FORMATS[t.name].specials is Specials.IEEE], ids=str)
def test_reduced_precision(element: ElementType) -> None:
    form = FORMATS[element.name]
    x = float_samples(element, 60)
    for exponent, mantissa in itertools.product((1, 2, 4, 5, 8, 11), (0, 1, 2, 3, 7, 10, 23, 52)):
        suffix = f", exponent_bits={exponent}, mantissa_bits={mantissa}"
        for v, got in zip(values(x, form), values(call("reduce-precision", x, suffix=suffix), form), strict=True):
            assert alike(got, reduced(v, form, exponent, mantissa)), (v, exponent, mantissa, got)


def reduced(v: float, form: Format, exponent: int, mantissa: int) -> float:
    """Rounded to fewer bits of mantissa in the place of the format's own, then by the range of the exponent."""
    if not math.isfinite(v) or v == 0:
        return v
    shorter = Format("", form.exponent, min(mantissa, form.mantissa), form.bias, Specials.IEEE)
    coarse = Fraction(2) ** (max(exponent_of(Fraction(v)), form.lowest) - shorter.mantissa)
    near = shorter.nearest(Fraction(v), coarse)
    if near == 0:
        return math.copysign(0.0, v)
    top = min(exponent, form.exponent)
    bias = (1 << (top - 1)) - 1
    if exponent_of(near) > min(bias, form.bias):
        return math.copysign(INF, v)
    if exponent < form.exponent and exponent_of(near) < 1 - bias:
        return math.copysign(0.0, v)
    return float(near)


# ---- arithmetic that is rounded once


def _divide(x: float, y: float) -> float:
    if y == 0:
        return NAN if x == 0 or math.isnan(x) else math.copysign(INF, x) * math.copysign(1, y)
    return x / y


def _fmod(x: float, y: float) -> float:
    return math.fmod(x, y) if y and not math.isinf(x) else NAN


def _maximum(x: float, y: float) -> float:
    if x == y:
        return x if math.copysign(1, x) > 0 else y
    return NAN if math.isnan(x) or math.isnan(y) else max(x, y)


BINARY: dict[str, tuple[Callable[[float, float], float], Callable[[Fraction, Fraction], Fraction]]] = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y),
    "divide": (_divide, lambda x, y: x / y),
    "remainder": (_fmod, lambda x, y: x - y * math.trunc(x / y)),
}
"""An op in doubles, for special values and the sign of zero, and exactly, for finite operands (and y not 0)."""


@pytest.mark.parametrize("opcode", BINARY)
@pytest.mark.parametrize("element", FLOATS, ids=str)
def test_arithmetic_is_rounded_once(opcode: str, element: ElementType) -> None:
    form = FORMATS[element.name]
    rough, exact = BINARY[opcode]
    x, y = pairs(float_samples(element, 10))
    found = values(call(opcode, x, y), form)
    for a, b, got in zip(values(x, form), values(y, form), found, strict=True):
        finite = math.isfinite(a) and math.isfinite(b) and (b != 0 or opcode not in ("divide", "remainder"))
        special = rough(a, b)
        if finite:
            whole = exact(Fraction(a), Fraction(b))
            wanted = form.rounded(whole, special if special == 0 else math.copysign(0.0, special))
        else:
            wanted = special if math.isfinite(special) else form.of(special)
        if not (math.isnan(wanted) and form.specials is Specials.FINITE):
            assert alike(got, form.of(wanted)), (a, b, got, wanted)


UNARY: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "negate": lambda x: -x,
    "ceil": lambda x: math.copysign(math.ceil(x), x),
    "floor": lambda x: math.copysign(math.floor(x), x),
    "round-nearest-even": lambda x: math.copysign(round(Fraction(x)), x),
    "round-nearest-afz": lambda x: math.copysign(math.floor(abs(Fraction(x)) + Fraction(1, 2)), x),
    "sign": lambda x: math.copysign(1.0, x) if x else x,
}
_UNARY_OF_INFINITY = {"abs": INF, "negate": -INF, "sign": 1.0}


@pytest.mark.parametrize("opcode", UNARY)
@pytest.mark.parametrize("element", FLOATS, ids=str)
def test_exact_functions(opcode: str, element: ElementType) -> None:
    form = FORMATS[element.name]
    x = float_samples(element)
    for v, got in zip(values(x, form), values(call(opcode, x), form), strict=True):
        if math.isnan(v):
            assert math.isnan(got)
            continue
        wanted = UNARY[opcode](v) if math.isfinite(v) else math.copysign(1, v) * _UNARY_OF_INFINITY.get(opcode, INF)
        if opcode == "abs":
            wanted = abs(wanted)
        assert alike(got, form.of(wanted)), (v, got, wanted)


@pytest.mark.parametrize("element", FLOATS, ids=str)
def test_extremes_and_comparisons(element: ElementType) -> None:
    form = FORMATS[element.name]
    x, y = pairs(float_samples(element, 6))
    high, low = values(call("maximum", x, y), form), values(call("minimum", x, y), form)
    exact = list(zip(values(x, form), values(y, form), strict=True))
    for (a, b), top, bottom in zip(exact, high, low, strict=True):
        if not (math.isnan(a) or math.isnan(b)):
            assert alike(top, form.of(_maximum(a, b)))
            assert alike(bottom, form.of(-_maximum(-a, -b)))
        elif form.specials is not Specials.FINITE:
            assert math.isnan(top)
            assert math.isnan(bottom)
    relations: dict[str, Callable[[Any, Any], bool]] = {
        "EQ": lambda a, b: a == b, "NE": lambda a, b: a != b, "LT": lambda a, b: a < b,
        "LE": lambda a, b: a <= b, "GT": lambda a, b: a > b, "GE": lambda a, b: a >= b,
    }  # fmt: skip
    keys = list(zip(map(total, to_bits(x), itertools.repeat(form)), map(total, to_bits(y), itertools.repeat(form)),
                    strict=True))  # fmt: skip
    for direction, holds in relations.items():
        usual = call("compare", x, y, result=ELEMENT_TYPES["pred"], suffix=f", direction={direction}")
        assert usual.tolist() == [holds(a, b) for a, b in exact], direction
        order = f", direction={direction}, type=TOTALORDER"
        found = call("compare", x, y, result=ELEMENT_TYPES["pred"], suffix=order)
        assert found.tolist() == [holds(a, b) for a, b in keys], direction


def total(bits: int, form: Format) -> int:
    """Where bits stand in IEEE 754's totalOrder: by sign, then by magnitude."""
    if form.specials is Specials.POWERS:
        return bits
    size = bits & ((1 << (form.bits - 1)) - 1)
    return -1 - size if bits >> (form.bits - 1) & 1 else size


# ---- integers


def _integer_power(x: int, y: int) -> int:
    if y >= 0:
        return pow(x, y, 1 << 64)
    return 1 if x == 1 else (-1 if y % 2 else 1) if x == -1 else 0


def _shift(x: int, y: int, bits: int, by: Callable[[int, int], int], far: int) -> int:
    return by(x, y) if 0 <= y < bits else far


def integer_result(opcode: str, x: int, y: int, t: ElementType) -> int:
    """What an op makes of two integers, before it is wrapped."""
    plain = {"add": x + y, "subtract": x - y, "multiply": x * y, "maximum": max(x, y), "minimum": min(x, y),
             "and": x & y, "or": x | y, "xor": x ^ y, "mulhi": (x * y) >> t.bits}  # fmt: skip
    if opcode in plain:
        return plain[opcode]
    if opcode == "power":
        return _integer_power(x, y)
    if opcode in ("divide", "remainder"):
        quotient = -1 if y == 0 else (abs(x) // abs(y)) * (1 if (x < 0) == (y < 0) else -1)
        return quotient if opcode == "divide" else x if y == 0 else x - quotient * y
    unsigned = x & ((1 << t.bits) - 1)
    count = y if y >= 0 else 1 << 64
    if opcode == "shift-left":
        return _shift(x, count, t.bits, lambda a, b: a << b, 0)
    if opcode == "shift-right-logical":
        return _shift(unsigned, count, t.bits, lambda a, b: a >> b, 0)
    signed = unsigned - (1 << t.bits) if unsigned >> (t.bits - 1) else unsigned
    return _shift(signed, count, t.bits, lambda a, b: a >> b, -1 if signed < 0 else 0)


@pytest.mark.parametrize("element", INTEGERS, ids=str)
def test_integer_arithmetic_wraps(element: ElementType) -> None:
    x, y = pairs(integer_samples(element))
    given = list(zip(numbers(x), numbers(y), strict=True))
    ops = [op for op in ELEMENTWISE if op.arity == 2 and element.kind in op.accepts]
    assert len(ops) == 15
    for op in ops:
        found = numbers(call(op.name, x, y))
        for (a, b), got in zip(given, found, strict=True):
            assert got == wrapped(integer_result(op.name, a, b, element), element), (op.name, a, b)


@pytest.mark.parametrize("element", INTEGERS, ids=str)
def test_functions_of_integers(element: ElementType) -> None:
    x = integer_samples(element)
    mask = (1 << element.bits) - 1
    functions: dict[str, Callable[[int], int]] = {
        "abs": abs, "negate": lambda n: -n, "not": lambda n: ~n, "sign": lambda n: (n > 0) - (n < 0),
        "popcnt": lambda n: (n & mask).bit_count(),
        "count-leading-zeros": lambda n: element.bits - (n & mask).bit_length(),
    }  # fmt: skip
    assert {op.name for op in ELEMENTWISE if op.arity == 1 and element.kind in op.accepts} == set(functions)
    for opcode, function in functions.items():
        assert numbers(call(opcode, x)) == [wrapped(function(n), element) for n in numbers(x)], opcode
    order = call("compare", *pairs(x), result=ELEMENT_TYPES["pred"], suffix=", direction=LT")
    assert order.tolist() == [a < b for a, b in itertools.product(numbers(x), numbers(x))]


# ---- transcendental functions


REAL: dict[str, Callable[[Any], Any]] = {
    "acos": mpmath.acos, "acosh": mpmath.acosh, "asin": mpmath.asin, "asinh": mpmath.asinh, "atanh": mpmath.atanh,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), "cosh": mpmath.cosh, "cosine": mpmath.cos,
    "erf": mpmath.erf, "exponential": mpmath.exp, "exponential-minus-one": mpmath.expm1, "log": mpmath.log,
    "log-plus-one": lambda x: mpmath.log(1 + x), "logistic": lambda x: 1 / (1 + mpmath.exp(-x)),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x), "sine": mpmath.sin, "sinh": mpmath.sinh, "sqrt": mpmath.sqrt,
    "tan": mpmath.tan, "tanh": mpmath.tanh,
}  # fmt: skip


def test_no_function_is_forgotten() -> None:
    others = {"abs", "ceil", "floor", "imag", "is-finite", "negate", "real", "round-nearest-afz", "round-nearest-even",
              "sign"}  # fmt: skip
    assert {op.name for op in ELEMENTWISE if op.arity == 1 and Kind.FLOAT & op.accepts} == others | set(REAL)


@pytest.mark.parametrize("opcode", REAL)
def test_functions_of_every_float_type(opcode: str) -> None:
    for element in FLOATS:
        form = FORMATS[element.name]
        x = float_samples(element, 12)
        with mpmath.workdps(60):
            for v, got in zip(values(x, form), values(call(opcode, x), form), strict=True):
                if math.isfinite(v) and v != 0 and (abs(v) < 1e5 or opcode in ("cbrt", "sqrt", "rsqrt", "log")):
                    exact = REAL[opcode](mpmath.mpf(v)) if v != -1 or opcode != "log-plus-one" else NAN
                    if isinstance(exact, mpmath.mpf) and mpmath.isfinite(exact) and abs(exact) < 1e300:
                        check_rounded(got, exact, form, (opcode, element, v))


def check_rounded(got: float, exact: Any, form: Format, where: object) -> None:
    """The rounded result, or its neighbour where the exact one is near the middle; up to 2 units for f64."""
    fraction = Fraction(int(exact.man) * (-1 if exact < 0 else 1)) * Fraction(2) ** int(exact.exp)
    wanted = form.rounded(fraction, math.copysign(0.0, -1 if exact < 0 else 1))
    if alike(got, wanted) or (math.isnan(wanted) and form.specials is Specials.FINITE):
        return
    assert math.isfinite(got), (where, got, wanted)
    unit = Fraction(2) ** (max(exponent_of(fraction), form.lowest) - form.mantissa)
    slack = 2 if form.mantissa > 50 else Fraction(1, 2) + Fraction(1, 10**6)
    assert abs(Fraction(got) - fraction) <= slack * unit, (where, got, wanted)


COMPLEX_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: function for name, function in REAL.items() if name not in ("cbrt", "erf")}
}
POINTS = [complex(a, b) for a in (1e-3, 0.3, -0.7, 2.0, -3.0) for b in (7e-3, -0.4, 1.5, -2.0)]


@pytest.mark.parametrize("opcode", COMPLEX_FUNCTIONS)
@pytest.mark.parametrize("element", COMPLEX, ids=str)
def test_functions_of_complex_numbers(opcode: str, element: ElementType) -> None:
    assert {op.name for op in ELEMENTWISE if op.arity == 1 and Kind.COMPLEX & op.accepts} == {
        "abs", "imag", "negate", "real", "sign", *COMPLEX_FUNCTIONS
    }  # fmt: skip
    x = np.array(POINTS, element.dtype)
    bound = 4e-7 if element.bits == 64 else 2e-15
    with mpmath.workdps(40):
        for v, got in zip(x.tolist(), call(opcode, x).tolist(), strict=True):
            exact = complex(COMPLEX_FUNCTIONS[opcode](mpmath.mpc(v)))
            assert abs(got - exact) <= bound * abs(exact), (v, got, exact)


@pytest.mark.parametrize("opcode", ["add", "subtract", "multiply", "divide", "power", "atan2"])
@pytest.mark.parametrize("element", COMPLEX, ids=str)
def test_arithmetic_of_complex_numbers(opcode: str, element: ElementType) -> None:
    x, y = pairs(np.array(POINTS, element.dtype))
    functions: dict[str, Callable[[Any, Any], Any]] = {
        "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
        "divide": lambda a, b: a / b, "power": lambda a, b: a**b,
        "atan2": lambda a, b: -1j * mpmath.log((b + 1j * a) / mpmath.sqrt(a * a + b * b)),
    }  # fmt: skip
    bound = 1e-6 if element.bits == 64 else 4e-15
    with mpmath.workdps(40):
        for a, b, got in zip(x.tolist(), y.tolist(), call(opcode, x, y).tolist(), strict=True):
            exact = complex(functions[opcode](mpmath.mpc(a), mpmath.mpc(b)))
            assert abs(got - exact) <= bound * max(abs(exact), abs(a), abs(b)), (a, b, got, exact)
