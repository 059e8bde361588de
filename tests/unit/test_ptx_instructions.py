"""Single instructions on edge values, against exact arithmetic written out here."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from ptx_kernels import Array, execute

EDGE_BITS = (0, 1, 2, 7, 8, 31, 32, 33, 63, 64)


def integer_values(bits: int, signed: bool) -> list[int]:
    """Zero, small numbers, and all that lies near a power of two that matters."""
    top = 1 << (bits - 1)
    found = {0, 1, 2, 3, 5, 7, 100, top - 1, top - 2, top // 2, 0x55 * (top // 128)}
    if signed:
        found |= {-value for value in found} | {-top, -top + 1}
    else:
        found |= {top, top + 1, 2 * top - 1, 2 * top - 2}
    return sorted(found)


def pairs(values: list[int], others: list[int] | None = None) -> tuple[list[int], list[int]]:
    second = values if others is None else others
    return [a for a in values for _ in second], [b for _ in values for b in second]


def wrap(value: int, bits: int, signed: bool) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def truncated(a: int, b: int) -> int:
    """C's division; by zero all ones, as the simulator promises."""
    if b == 0:
        return -1
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


INTEGER: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, bits: a + b,
    "sub": lambda a, b, bits: a - b,
    "mul.lo": lambda a, b, bits: a * b,
    "mul.hi": lambda a, b, bits: (a * b) >> bits,
    "div": lambda a, b, bits: truncated(a, b),
    "rem": lambda a, b, bits: a - truncated(a, b) * b if b else a,
    "min": lambda a, b, bits: min(a, b),
    "max": lambda a, b, bits: max(a, b),
}


@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", INTEGER)
def test_integer_arithmetic(name: str, signed: bool, bits: int) -> None:
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    a, b = pairs(integer_values(bits, signed))
    found = execute(
        f"{name}.{'s' if signed else 'u'}{bits} %d, %a, %b;", np.array(a, dtype), np.array(b, dtype), result=dtype
    )
    expected = [wrap(INTEGER[name](x, y, bits), bits, signed) for x, y in zip(a, b, strict=True)]
    assert found.tolist() == expected


@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("kind", ["shl.b", "shr.u", "shr.s"])
def test_shifts_clamp_the_amount(kind: str, bits: int) -> None:
    signed = kind.endswith("s")
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    values, amounts = pairs(integer_values(bits, signed), [0, 1, bits - 1, bits, bits + 1, 255, 2**32 - 1])
    found = execute(f"{kind}{bits} %d, %a, %b;", np.array(values, dtype), np.array(amounts, np.uint32), result=dtype)
    shifted = [
        value << min(amount, bits) if kind == "shl.b" else value >> min(amount, bits)
        for value, amount in zip(values, amounts, strict=True)
    ]
    assert found.tolist() == [wrap(value, bits, signed) for value in shifted]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [32, 64])
def test_bit_field_extract(bits: int, signed: bool) -> None:
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")

    def expected(value: int, position: int, length: int) -> int:
        """PTX ISA, section bfe: bit by bit."""
        msb = bits - 1
        sign_at = min(position + length - 1, msb)
        sign = value >> sign_at & 1 if signed and length else 0
        result = 0
        for i in range(bits):
            bit = value >> (position + i) & 1 if i < length and position + i <= msb else sign
            result |= bit << i
        return wrap(result, bits, signed)

    cases = [(v, p, n) for v in integer_values(bits, signed) for p in EDGE_BITS for n in EDGE_BITS]
    found = []
    for start in range(0, len(cases), 1024):
        values, positions, lengths = zip(*cases[start : start + 1024], strict=True)
        text = f"bfe.{'s' if signed else 'u'}{bits} %d, %a, %b, %c;"
        arrays = np.array(values, dtype), np.array(positions, np.uint32), np.array(lengths, np.uint32)
        found += execute(text, *arrays, result=dtype).tolist()
    assert found == [expected(*case) for case in cases]


@pytest.mark.parametrize("bits", [32, 64])
def test_bit_field_insert(bits: int) -> None:
    dtype = np.dtype(f"u{bits // 8}")
    cases = [(p, n) for p in EDGE_BITS for n in EDGE_BITS]
    field, base = 0xA5A5A5A5A5A5A5A5 & ((1 << bits) - 1), 0x0F0F0F0FF0F0F0F0 & ((1 << bits) - 1)

    def expected(position: int, length: int) -> int:
        result = base
        for i in range(length):
            if position + i < bits:
                result = result & ~(1 << (position + i)) | (field >> i & 1) << (position + i)
        return result

    a, b = np.array([field], dtype), np.array([base], dtype)
    for position, length in cases:
        text = f"bfi.b{bits} %d, %a, %b, {position}, {length};"
        assert execute(text, a, b, result=dtype).tolist() == [expected(position, length)]


@pytest.mark.parametrize("bits", [32, 64])
def test_bit_counts(bits: int) -> None:
    values = integer_values(bits, False)
    a = np.array(values, f"u{bits // 8}")
    assert execute(f"popc.b{bits} %d, %a;", a, result=np.uint32).tolist() == [v.bit_count() for v in values]
    assert execute(f"clz.b{bits} %d, %a;", a, result=np.uint32).tolist() == [bits - v.bit_length() for v in values]
    reverse = [int(f"{v:0{bits}b}"[::-1], 2) for v in values]
    assert execute(f"brev.b{bits} %d, %a;", a, result=a.dtype).tolist() == reverse
    leading = [v.bit_length() - 1 if v else 2**32 - 1 for v in values]
    assert execute(f"bfind.u{bits} %d, %a;", a, result=np.uint32).tolist() == leading


def test_permute_bytes() -> None:
    a, b = np.full(4, 0x83828180, np.uint32), np.full(4, 0x07060504, np.uint32)
    selector = np.array([0x3210, 0x7654, 0x0123, 0x89BF], np.uint32)
    found = execute("prmt.b32 %d, %a, %b, %c;", a, b, selector, result=np.uint32)
    assert found.tolist() == [0x83828180, 0x07060504, 0x80818283, 0xFFFFFF00]


@pytest.mark.parametrize("direction", ["l", "r"])
@pytest.mark.parametrize("mode", ["wrap", "clamp"])
def test_funnel_shift(direction: str, mode: str) -> None:
    low, high = 0x12345678, 0x9ABCDEF0
    for amount in (0, 1, 31, 32, 33, 40):
        n = amount & 31 if mode == "wrap" else min(amount, 32)
        joined = high << 32 | low
        expected = (joined << n >> 32) & 0xFFFFFFFF if direction == "l" else (joined >> n) & 0xFFFFFFFF
        text = f"shf.{direction}.{mode}.b32 %d, %a, %b, {amount};"
        found = execute(text, np.array([low], np.uint32), np.array([high], np.uint32), result=np.uint32)
        assert found.tolist() == [expected]


def test_wide_arithmetic_with_carries() -> None:
    values = integer_values(64, False)
    a, b = pairs(values)
    text = "{{ .reg .b64 %lo; {0}.cc.s64 %lo, %a, %b; {0}c.s64 %d, %a, %b; }}"
    for name, sign in (("add", 1), ("sub", -1)):
        found = execute(text.format(name), np.array(a, np.uint64), np.array(b, np.uint64), result=np.uint64)
        wide = [(x * (2**64 + 1) + sign * y * (2**64 + 1)) >> 64 for x, y in zip(a, b, strict=True)]
        assert found.tolist() == [value & (2**64 - 1) for value in wide]


def test_dot_product_of_bytes() -> None:
    a = np.array([0x80FF017F], np.uint32)
    b = np.array([0x02030405], np.uint32)
    c = np.array([10], np.uint32)
    assert execute("dp4a.s32.s32 %d, %a, %b, %c;", a, b, c, result=np.int32).tolist() == [10 - 256 - 3 + 4 + 635]
    assert execute("dp4a.u32.u32 %d, %a, %b, %c;", a, b, c, result=np.int32).tolist() == [10 + 256 + 765 + 4 + 635]


# ---- floating point

FORMATS = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
PRECISION = {"f16": (11, -14, 15), "bf16": (8, -126, 127), "f32": (24, -126, 127), "f64": (53, -1022, 1023)}
"""Significant bits, smallest and largest exponent."""


def float_values(kind: str) -> Array:
    """Zeros, ones, subnormals, extremes, infinities, NaN and neighbours of them."""
    info: Any = ml_dtypes.finfo(FORMATS[kind])
    tiny, eps = float(info.tiny), float(info.eps)
    values = [0, 1, 1 + eps, 1 - eps / 2, 1.5, 3, 1 / 3, tiny, tiny * eps, tiny * (1 - eps), tiny * 3 * eps]
    values += [float(info.max), float(info.max) / 2, 1 / eps, 1 / eps + 1, math.sqrt(tiny), math.inf]
    both = [sign * value for value in values for sign in (1, -1)] + [math.nan]
    return np.array(both).astype(FORMATS[kind])


def exactly_rounded(exact: Fraction, kind: str, mode: str = "rn") -> float:
    """The value of the format that is nearest (ties to even), or next in a direction."""
    if exact == 0:
        return 0.0
    bits, low, high = PRECISION[kind]
    sign = 1 if exact > 0 else -1
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** exponent > magnitude:
        exponent -= 1
    exponent = max(exponent, low)
    unit = Fraction(2) ** (exponent - bits + 1)
    whole, rest = divmod(magnitude, unit)
    away = {"rp": exact > 0, "rm": exact < 0, "rz": False}.get(mode)
    if away is None:
        away = rest * 2 > unit or (rest * 2 == unit and whole % 2 == 1)
    elif not rest:
        away = False
    rounded = (whole + away) * unit
    largest = (2 - Fraction(2) ** (1 - bits)) * Fraction(2) ** high
    if rounded > largest:
        overflow = mode == "rn" or ((mode == "rp") == (exact > 0) and mode != "rz")
        return sign * (math.inf if overflow else float(largest))
    return sign * float(rounded)


def assert_same(found: Array, expected: list[float], kind: str) -> None:
    """Equal, zeros with their signs, any NaN equal to any."""
    wanted = np.array(expected).astype(FORMATS[kind]).astype(np.float64)
    got = found.astype(np.float64)
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | np.isnan(got) & np.isnan(wanted)
    where = np.flatnonzero(~same)
    assert not len(where), [(index, got[index], wanted[index]) for index in where[:5]]


def reference(operation: str, kind: str, mode: str, values: tuple[float, ...]) -> float:
    """One operation in exact rational arithmetic; numpy's float64 where the result is no finite nonzero number."""
    with np.errstate(all="ignore"):
        a, b, c = (*map(np.float64, values), np.float64(0), np.float64(0))[:3]
        simple = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "fma": a * b + c, "sqrt": np.sqrt(a)}[
            operation
        ]
    if not all(math.isfinite(value) for value in values) or (operation == "div" and b == 0):
        return float(simple)
    x, y, z = (Fraction(float(value)) for value in (a, b, c))
    if operation == "sqrt":
        return float(simple)
    exact = {"add": x + y, "sub": x - y, "mul": x * y, "div": x / y if y else x, "fma": x * y + z}[operation]
    if exact == 0:
        if mode == "rm" and operation in ("add", "sub") and (x, y) != (0, 0):
            return -0.0
        return float(simple) if simple == 0 else 0.0
    return exactly_rounded(exact, kind, mode)


def all_pairs(values: Array) -> tuple[Array, Array]:
    count = len(values)
    return np.repeat(values, count), np.tile(values, count)


def chunked(text: str, *arrays: Array, result: Any) -> Array:
    parts = [
        execute(text, *(array[start : start + 1024] for array in arrays), result=result)
        for start in range(0, len(arrays[0]), 1024)
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_float_arithmetic(operation: str, kind: str) -> None:
    a, b = all_pairs(float_values(kind))
    found = chunked(f"{operation}.rn.{kind} %d, %a, %b;", a, b, result=FORMATS[kind])
    expected = [reference(operation, kind, "rn", (float(x), float(y))) for x, y in zip(a, b, strict=True)]
    assert_same(found, expected, kind)


@pytest.mark.parametrize("mode", ["rz", "rm", "rp"])
@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_directed_rounding(operation: str, mode: str) -> None:
    a, b = all_pairs(float_values("f32"))
    found = chunked(f"{operation}.{mode}.f32 %d, %a, %b;", a, b, result=np.float32)
    expected = [reference(operation, "f32", mode, (float(x), float(y))) for x, y in zip(a, b, strict=True)]
    finite = np.isfinite(np.array(expected)) & (np.array(expected) != 0)
    assert_same(found[finite], np.array(expected)[finite].tolist(), "f32")


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_division_and_square_root(kind: str) -> None:
    a, b = all_pairs(float_values(kind))
    expected = [reference("div", kind, "rn", (float(x), float(y))) for x, y in zip(a, b, strict=True)]
    assert_same(chunked(f"div.rn.{kind} %d, %a, %b;", a, b, result=FORMATS[kind]), expected, kind)
    roots = [float(np.sqrt(x)) if not x < 0 else math.nan for x in float_values(kind)]
    assert_same(execute(f"sqrt.rn.{kind} %d, %a;", float_values(kind), result=FORMATS[kind]), roots, kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_fused_multiply_add(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = float_values(kind)
    a, b, c = (rng.choice(values, 3000) for _ in range(3))
    near = rng.standard_normal((2, 1000)).astype(FORMATS[kind])
    cancel = (-(near[0].astype(np.float64) * near[1].astype(np.float64))).astype(FORMATS[kind])
    a, b, c = (np.concatenate(both) for both in ((a, near[0]), (b, near[1]), (c, cancel)))
    found = chunked(f"fma.rn.{kind} %d, %a, %b, %c;", a, b, c, result=FORMATS[kind])
    triples = zip(a, b, c, strict=True)
    expected = [reference("fma", kind, "rn", (float(x), float(y), float(z))) for x, y, z in triples]
    assert_same(found, expected, kind)


def test_fused_multiply_add_rounds_once() -> None:
    """Operands whose product lies a hair above the middle between two float32 numbers."""
    a, b = np.full(2, 1 + 2.0**-12, np.float32), np.full(2, 1 - 2.0**-12, np.float32)
    c = np.array([2.0**-80, -(2.0**-80)], np.float32)
    found = execute("fma.rn.f32 %d, %a, %b, %c;", a * np.float32(2.0**-1), b, c, result=np.float32)
    exact = [exactly_rounded(Fraction(1 - Fraction(2) ** -24) / 2 + Fraction(float(x)), "f32") for x in c]
    assert found.tolist() == exact


@pytest.mark.parametrize(("kind", "nan"), [(kind, nan) for kind in FORMATS for nan in ("", ".NaN")][:-1])
@pytest.mark.parametrize("operation", ["min", "max"])
def test_extremum(operation: str, nan: str, kind: str) -> None:
    """PTX has no min.NaN.f64, the last of all pairs."""
    a, b = all_pairs(float_values(kind))
    found = chunked(f"{operation}{nan}.{kind} %d, %a, %b;", a, b, result=FORMATS[kind])

    def expected(x: float, y: float) -> float:
        if math.isnan(x) or math.isnan(y):
            return math.nan if nan or (math.isnan(x) and math.isnan(y)) else (y if math.isnan(x) else x)
        ordered = sorted((x, y), key=lambda value: (value, math.copysign(1, value)))
        return ordered[0 if operation == "min" else 1]

    assert_same(found, [expected(float(x), float(y)) for x, y in zip(a, b, strict=True)], kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_sign_instructions_touch_the_sign_only(kind: str) -> None:
    values = float_values(kind)
    bits = np.dtype(f"u{values.dtype.itemsize}")
    sign = bits.type(1 << (8 * bits.itemsize - 1))
    raw = values.view(bits)
    assert (execute(f"neg.{kind} %d, %a;", values, result=bits) == raw ^ sign).all()
    assert (execute(f"abs.{kind} %d, %a;", values, result=bits) == raw & ~sign).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_comparisons(kind: str) -> None:
    a, b = all_pairs(float_values(kind))
    x, y = a.astype(np.float64), b.astype(np.float64)
    unordered = np.isnan(x) | np.isnan(y)
    ordered = {"eq": x == y, "lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y, "ne": (x < y) | (x > y)}
    wanted = ordered | {name + "u": value | unordered for name, value in ordered.items()}
    wanted |= {"num": ~unordered, "nan": unordered}
    for name, expected in wanted.items():
        found = chunked(f"setp.{name}.{kind} %p, %a, %b; selp.b32 %d, 1, 0, %p;", a, b, result=np.uint32)
        assert (found == expected).all(), name


def test_combined_and_double_comparisons() -> None:
    a, b = np.arange(4, dtype=np.int32), np.full(4, 2, np.int32)
    text = "setp.eq.s32 %q, %a, 0; setp.lt.or.s32 %p|%q, %a, %b, !%q; selp.b32 %d, 1, 0, %p; @%q add.s32 %d, %d, 2;"
    assert execute(text, a, b, result=np.int32).tolist() == [1, 3, 3, 3]


def test_approximate_functions_are_close() -> None:
    x = np.array([0.5, 1.0, 2.0, 3.75, 100.0, 1e-30], np.float32)
    functions: dict[str, Callable[[Array], Array]] = {
        "ex2.approx": np.exp2, "lg2.approx": np.log2, "sin.approx": np.sin, "cos.approx": np.cos,
        "tanh.approx": np.tanh, "rsqrt.approx": lambda v: 1 / np.sqrt(v), "rcp.approx": lambda v: 1 / v,
        "sqrt.approx": np.sqrt,
    }  # fmt: skip
    with np.errstate(over="ignore"):
        for name, function in functions.items():
            found = execute(f"{name}.f32 %d, %a;", x, result=np.float32)
            np.testing.assert_array_equal(found, function(x.astype(np.float64)).astype(np.float32), name)


def test_flush_to_zero() -> None:
    tiny = np.array([1e-40, -1e-40, 2e-38], np.float32)
    one = np.ones(3, np.float32)
    found = execute("mul.rn.ftz.f32 %d, %a, %b;", tiny, one, result=np.float32)
    assert found.tolist() == [0.0, -0.0, tiny[2]]
    assert np.signbit(found).tolist() == [False, True, False]
    assert execute("mul.rn.ftz.f32 %d, %a, 0f3F000000;", tiny, result=np.float32).tolist() == [0, 0, 0]


def test_saturation() -> None:
    a = np.array([-1, 0.25, 3, math.nan], np.float32)
    found = execute("add.sat.f32 %d, %a, 0f3F000000;", a, result=np.float32)
    assert found.tolist() == [0, 0.75, 1, 0]
    big = np.array([2**31 - 1, -(2**31), 5], np.int32)
    assert execute("add.sat.s32 %d, %a, %a;", big, result=np.int32).tolist() == [2**31 - 1, -(2**31), 10]


def test_packed_halves() -> None:
    a = np.array([[1, 2], [65504, -3]], np.float16)
    b = np.array([[0.5, 4], [65504, 1]], np.float16)
    words = a.view(np.uint32).ravel(), b.view(np.uint32).ravel()
    with np.errstate(over="ignore"):
        wanted = {"add": a + b, "mul": a * b, "max": np.maximum(a, b)}
    for name, expected in wanted.items():
        found = execute(f"{name}.f16x2 %d, %a, %b;", *words, result=np.uint32)
        np.testing.assert_array_equal(found.view(np.float16).reshape(2, 2), expected)
    found = execute("fma.rn.relu.f16x2 %d, %a, %b, %b;", *words, result=np.uint32).view(np.float16)
    assert found.tolist() == [1, 12, math.inf, 0]


# ---- conversions


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"])
def test_float_to_integer(source: str, target: str) -> None:
    info = np.iinfo(np.dtype(f"{'i' if target[0] == 's' else 'u'}{int(target[1:]) // 8}"))
    edges = [info.max, info.min, info.max + 1, info.min - 1, 0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e30, math.inf, -math.inf]
    with np.errstate(over="ignore"):
        values = np.concatenate([np.array(edges, np.float64).astype(FORMATS[source]), float_values(source)])
    width = max(int(target[1:]), 16)
    result = np.dtype(f"{'i' if target[0] == 's' else 'u'}{width // 8}")
    rounding: dict[str, Callable[[float], float]] = {
        "rzi": math.trunc,
        "rni": round,
        "rmi": math.floor,
        "rpi": math.ceil,
    }
    for mode, function in rounding.items():
        found = execute(f"cvt.{mode}.{target}.{source} %d, %a;", values, result=result)
        for value, got in zip(values.astype(np.float64).tolist(), found.tolist(), strict=True):
            if math.isnan(value):
                bits = int(target[1:])
                wanted = 1 << (bits - 1) if bits == 64 or source == "f64" else 0
                wanted = wrap(wanted, bits, target[0] == "s")
            elif math.isinf(value):
                wanted = int(info.max if value > 0 else info.min)
            else:
                wanted = min(max(int(function(value)), int(info.min)), int(info.max))
            assert got == wanted, (mode, value)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"])
def test_integer_to_float(source: str, target: str) -> None:
    bits, signed = int(source[1:]), source[0] == "s"
    values = integer_values(bits, signed)
    if bits == 64:
        values += [2**53 + 1, 2**54 + 3, (1 << 62) + (1 << 54) + 1, (1 << 62) + (1 << 38), (1 << 62) + (1 << 38) + 1]
    held = np.array(values, f"{'i' if signed else 'u'}{max(bits, 16) // 8}")
    found = execute(f"cvt.rn.{target}.{source} %d, %a;", held, result=FORMATS[target])
    assert_same(found, [exactly_rounded(Fraction(value), target) for value in values], target)


@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@pytest.mark.parametrize("target", ["f16", "bf16", "f32"])
def test_float_narrowing(target: str, mode: str) -> None:
    rng = np.random.default_rng(0)
    source = "f64" if mode == "rn" or target == "f32" else "f32"
    largest = float(ml_dtypes.finfo(FORMATS[target]).max)
    values = np.concatenate([rng.standard_normal(200) * 2.0 ** rng.integers(-30, 20, 200), float_values("f32")])
    values = np.concatenate([values, [largest, largest * (1 + 2.0**-9), 1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40]])
    values = values.astype(FORMATS[source])
    found = execute(f"cvt.{mode}.{target}.{source} %d, %a;", values, result=FORMATS[target])
    special = ~np.isfinite(values.astype(np.float64)) | (values == 0)
    expected = [
        float(value) if odd else exactly_rounded(Fraction(float(value)), target, mode)
        for value, odd in zip(values, special, strict=True)
    ]
    assert_same(found, expected, target)


def test_round_to_integral() -> None:
    values = np.array([0.5, -0.5, 1.5, 2.5, -2.5, 1e10, -0.0, math.inf, math.nan], np.float32)
    for mode, function in (("rni", np.rint), ("rzi", np.trunc), ("rmi", np.floor), ("rpi", np.ceil)):
        for kind in ("f32", "f16", "bf16", "f64"):
            with np.errstate(over="ignore"):
                held = values.astype(FORMATS[kind])
            found = execute(f"cvt.{mode}.{kind}.{kind} %d, %a;", held, result=FORMATS[kind])
            assert_same(found, function(held.astype(np.float64)).tolist(), kind)


def test_integer_conversions_extend_cut_and_saturate() -> None:
    values = np.array([-1, 127, 128, -129, 70000, -(2**31)], np.int32)
    assert execute("cvt.s64.s32 %d, %a;", values, result=np.int64).tolist() == values.tolist()
    assert execute("cvt.u64.u32 %d, %a;", values, result=np.int64).tolist() == [v & 0xFFFFFFFF for v in values.tolist()]
    assert execute("cvt.s32.s8 %d, %a;", values, result=np.int32).tolist() == [-1, 127, -128, 127, 112, 0]
    assert execute("cvt.sat.s8.s32 %d, %a;", values, result=np.int16).tolist() == [-1, 127, 127, -128, 127, -128]
    assert execute("cvt.sat.u16.s32 %d, %a;", values, result=np.uint16).tolist() == [0, 127, 128, 0, 65535, 0]


def test_packing_conversions() -> None:
    high, low = np.array([1.5, 1e6], np.float32), np.array([-2.0, math.nan], np.float32)
    found = execute("cvt.rn.bf16x2.f32 %d, %a, %b;", high, low, result=np.uint32)
    assert [hex(word) for word in found.tolist()] == ["0x3fc0c000", "0x49747fff"]
    found = execute("cvt.rn.satfinite.e4m3x2.f32 %d, %a, %b;", high, low, result=np.uint16)
    assert [hex(word) for word in found.tolist()] == ["0x3cc0", "0x7e7f"]
    back = execute("cvt.rn.f16x2.e4m3x2 %d, %a;", found, result=np.uint32).view(np.float16)
    assert back[:2].tolist() == [-2.0, 1.5]
    assert np.isnan(back[2])
    assert back[3] == 448
    found = execute("cvt.rna.tf32.f32 %d, %a;", np.array([1 + 2.0**-11], np.float32), result=np.float32)
    assert found.tolist() == [1 + 2.0**-10]


def test_pack_and_unpack_registers() -> None:
    a, b = np.array([0x11112222], np.uint32), np.array([0x33334444], np.uint32)
    assert execute("mov.b64 %d, {%a, %b};", a, b, result=np.uint64).tolist() == [0x3333444411112222]
    wide = np.array([0x8877665544332211], np.uint64)
    assert execute("{ .reg .b32 %x; mov.b64 {%x, %d}, %a; }", wide, result=np.uint32).tolist() == [0x88776655]
    assert execute("{ .reg .b16 %x; mov.b32 {_, %x}, %a; cvt.u32.u16 %d, %x; }", a, result=np.uint32).tolist() == [
        0x1111
    ]


def test_logic_of_three() -> None:
    a, b, c = (np.array([word], np.uint32) for word in (0xF0F0F0F0, 0xCCCCCCCC, 0xAAAAAAAA))
    for table in (0x00, 0x80, 0x96, 0xE8, 0xFF):
        found = execute(f"lop3.b32 %d, %a, %b, %c, {table};", a, b, c, result=np.uint32)
        assert found.tolist() == [table * 0x01010101]


def test_packed_comparison() -> None:
    a = np.array([[1, 2], [math.nan, 5]], np.float16).view(np.uint32).ravel()
    b = np.array([[1, 3], [1, 4]], np.float16).view(np.uint32).ravel()
    text = "setp.lt.f16x2 %p|%q, %a, %b; selp.b32 %d, 1, 0, %p; @%q add.u32 %d, %d, 2;"
    assert execute(text, a, b, result=np.uint32).tolist() == [2, 0]
    assert execute(text.replace(".lt.", ".geu."), a, b, result=np.uint32).tolist() == [1, 3]


def test_packed_integers() -> None:
    a = np.array([[1, -2], [32767, 5]], np.int16)
    b = np.array([[3, -5], [1, -6]], np.int16)
    words = a.view(np.uint32).ravel(), b.view(np.uint32).ravel()
    for name, expected in (("add", a + b), ("min", np.minimum(a, b)), ("max", np.maximum(a, b))):
        found = execute(f"{name}.s16x2 %d, %a, %b;", *words, result=np.uint32)
        np.testing.assert_array_equal(found.view(np.int16).reshape(2, 2), expected)


def test_selection_by_sign_and_set() -> None:
    a, b = np.full(4, 10, np.int32), np.full(4, 20, np.int32)
    c = np.array([1.0, -1.0, -0.0, math.nan], np.float32)
    assert execute("slct.b32.f32 %d, %a, %b, %c;", a, b, c, result=np.int32).tolist() == [10, 20, 10, 20]
    assert execute("set.lt.u32.f32 %d, %a, 0f00000000;", c, result=np.uint32).tolist() == [0, 2**32 - 1, 0, 0]
    assert execute("set.geu.f32.f32 %d, %a, 0f00000000;", c, result=np.float32).tolist() == [1, 0, 1, 1]


def test_kinds_of_numbers() -> None:
    values = np.array([1.0, 1e-40, 0.0, math.inf, math.nan, -1e-45], np.float32)
    wanted = {
        "finite": [1, 1, 1, 0, 0, 1],
        "infinite": [0, 0, 0, 1, 0, 0],
        "number": [1, 1, 1, 1, 0, 1],
        "notanumber": [0, 0, 0, 0, 1, 0],
        "normal": [1, 0, 0, 0, 0, 0],
        "subnormal": [0, 1, 0, 0, 0, 1],
    }
    for name, expected in wanted.items():
        text = f"testp.{name}.f32 %p, %a; selp.b32 %d, 1, 0, %p;"
        assert execute(text, values, result=np.uint32).tolist() == expected, name


def test_copysign_takes_the_sign_of_the_first() -> None:
    a, b = np.array([-1.0, 1.0], np.float32), np.array([2.0, -3.0], np.float32)
    assert execute("copysign.f32 %d, %a, %b;", a, b, result=np.float32).tolist() == [-2.0, 3.0]


def test_sums_of_differences_and_short_products() -> None:
    a, b, c = (np.array(values, np.int32) for values in ([5, -7, 1 << 30], [7, 3, -1], [1, 2, 3]))
    assert execute("sad.s32 %d, %a, %b, %c;", a, b, c, result=np.int32).tolist() == [3, 12, (1 << 30) + 4]
    assert execute("mad.wide.s32 %d, %a, %b, 5;", a, b, result=np.int64).tolist() == [40, -16, 5 - (1 << 30)]


def test_saturating_pack() -> None:
    a, b, c = (np.array([value], np.int32) for value in (300, -300, 0x1234))
    assert execute("cvt.pack.sat.s8.s32.b32 %d, %a, %b, %c;", a, b, c, result=np.uint32).tolist() == [0x12347F80]
