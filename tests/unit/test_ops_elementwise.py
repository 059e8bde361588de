"""Elementwise ops: special values, integers at their limits, small types, accuracy."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest
from programs import Array, evaluate, program, refusal, shape_text, xla

F32, I32, U32, I8 = np.float32, np.int32, np.uint32, np.int8
INF, NAN = np.inf, np.nan


def call(opcode: str, *args: Array, result: Any = None) -> Array:
    names = ", ".join(chr(97 + i) for i in range(len(args)))
    shape = shape_text(np.empty(args[0].shape, result or args[0].dtype))
    value: Array = evaluate(f"{shape} {opcode}({names})", *args)
    return value


def same(got: Array, expected: Any) -> None:
    """Equal to the bit, but for the payload of NaN."""
    wanted = np.asarray(expected, got.dtype)
    assert got.shape == wanted.shape
    for g, w in zip(got.reshape(-1), wanted.reshape(-1), strict=True):
        if w.dtype.kind in "fV" or w.dtype == ml_dtypes.bfloat16:
            assert (np.isnan(g) and np.isnan(w)) or (g == w and np.signbit(g) == np.signbit(w)), (got, wanted)
        else:
            assert g == w, (got, wanted)


@pytest.mark.parametrize(
    ("opcode", "given", "expected"),
    [
        ("abs", [-0.0, -INF, NAN, -1.5], [0.0, INF, NAN, 1.5]),
        ("sign", [-0.0, 0.0, NAN, -INF, 3.0], [-0.0, 0.0, NAN, -1.0, 1.0]),
        ("round-nearest-afz", [0.5, -0.5, 1.5, 2.5, 0.49999997, -0.2, 8388609.0],
         [1.0, -1.0, 2.0, 3.0, 0.0, -0.0, 8388609.0]),
        ("round-nearest-even", [0.5, -0.5, 1.5, 2.5, -0.2], [0.0, -0.0, 2.0, 2.0, -0.0]),
        ("floor", [-0.0, -0.5, 1e-45], [-0.0, -1.0, 0.0]),
        ("ceil", [-0.5, 0.5, -INF], [-0.0, 1.0, -INF]),
        ("sqrt", [-0.0, -1.0, INF, 4.0], [-0.0, NAN, INF, 2.0]),
        ("rsqrt", [0.0, -0.0, INF, 4.0, -1.0], [INF, -INF, 0.0, 0.5, NAN]),
        ("log", [0.0, -0.0, -1.0, INF, 1.0], [-INF, -INF, NAN, INF, 0.0]),
        ("log-plus-one", [-0.0, -1.0, -2.0], [-0.0, -INF, NAN]),
        ("exponential", [-INF, 0.0, 89.0, NAN], [0.0, 1.0, INF, NAN]),
        ("exponential-minus-one", [-0.0, -INF], [-0.0, -1.0]),
        ("tanh", [-0.0, INF, -INF], [-0.0, 1.0, -1.0]),
        ("logistic", [-INF, INF, 0.0], [0.0, 1.0, 0.5]),
        ("erf", [-0.0, INF, -INF, NAN], [-0.0, 1.0, -1.0, NAN]),
        ("cbrt", [-8.0, -0.0, INF], [-2.0, -0.0, INF]),
        ("sine", [-0.0, INF], [-0.0, NAN]),
        ("negate", [0.0, -INF], [-0.0, INF]),
    ],
)  # fmt: skip
def test_special_values(opcode: str, given: list[float], expected: list[float]) -> None:
    same(call(opcode, np.array(given, F32)), expected)


@pytest.mark.parametrize(
    ("opcode", "x", "y", "expected"),
    [
        ("maximum", [NAN, 1.0, -0.0, 0.0, -0.0], [1.0, NAN, 0.0, -0.0, -0.0], [NAN, NAN, 0.0, 0.0, -0.0]),
        ("minimum", [NAN, 1.0, -0.0, 0.0, 0.0], [1.0, NAN, 0.0, -0.0, 0.0], [NAN, NAN, -0.0, -0.0, 0.0]),
        ("divide", [1.0, -1.0, 0.0, INF], [0.0, 0.0, 0.0, INF], [INF, -INF, NAN, NAN]),
        ("remainder", [5.5, -5.5, 1.0, 1.0, -0.0], [2.0, 2.0, INF, 0.0, 1.0], [1.5, -1.5, 1.0, NAN, -0.0]),
        ("power", [1.0, NAN, -0.0, -8.0, 0.0], [NAN, 0.0, -1.0, 1 / 3, -2.0], [1.0, 1.0, -INF, NAN, INF]),
        ("atan2", [0.0, -0.0, 0.0, -0.0], [0.0, 0.0, -0.0, -0.0], [0.0, -0.0, np.pi, -np.pi]),
        ("add", [INF, 1e-45, 3e38], [-INF, 1e-45, 3e38], [NAN, 3e-45, INF]),
    ],
)
def test_special_pairs(opcode: str, x: list[float], y: list[float], expected: list[float]) -> None:
    same(call(opcode, np.array(x, F32), np.array(y, F32)), expected)


LOW, HIGH = -(2**31), 2**31 - 1


@pytest.mark.parametrize(
    ("opcode", "x", "y", "expected"),
    [
        ("add", [HIGH], [1], [LOW]),
        ("multiply", [65536], [65536], [0]),
        ("divide", [7, -7, 7, LOW, 5], [2, 2, -2, -1, 0], [3, -3, -3, LOW, -1]),
        ("remainder", [7, -7, 7, LOW, 5], [2, 2, -2, -1, 0], [1, -1, 1, 0, 5]),
        ("power", [3, 2, -1, -1, 1, 2, 0, 0], [4, 33, -3, -2, -5, -1, 0, -1], [81, 0, -1, 1, 1, 0, 1, 0]),
        ("shift-left", [1, 1, 1, -1], [31, 32, -1, 4], [LOW, 0, 0, -16]),
        ("shift-right-logical", [-1, -1, LOW], [28, 32, 31], [15, 0, 1]),
        ("shift-right-arithmetic", [-8, -8, 8, 8], [1, 40, 1, -1], [-4, -1, 4, 0]),
        ("mulhi", [HIGH, LOW, -1], [4, LOW, 1], [1, 2**30, -1]),
        ("and", [12], [10], [8]),
        ("xor", [12], [10], [6]),
    ],
)
def test_integers(opcode: str, x: list[int], y: list[int], expected: list[int]) -> None:
    same(call(opcode, np.array(x, I32), np.array(y, I32)), expected)


def test_unsigned_division_by_zero_sets_all_bits() -> None:
    x, zero = np.array([7], U32), np.array([0], U32)
    same(call("divide", x, zero), [2**32 - 1])
    same(call("remainder", x, zero), [7])


def test_unsigned_shift_right_arithmetic_copies_the_top_bit() -> None:
    same(call("shift-right-arithmetic", np.array([0x80000000], U32), np.array([31], U32)), [2**32 - 1])


def test_bits_of_integers() -> None:
    x = np.array([0, 1, -1, 64], I8)
    same(call("count-leading-zeros", x), [8, 7, 0, 1])
    same(call("popcnt", x), [0, 1, 8, 1])
    same(call("not", x), [-1, -2, 0, -65])
    same(call("abs", np.array([-128, -3], I8)), [-128, 3])
    wide = np.array([2**63, 1], np.uint64)
    same(call("count-leading-zeros", wide), [0, 63])


def test_high_product_of_64_bits() -> None:
    x = np.array([-(2**63), -1, 123456789123456789], np.int64)
    y = np.array([-(2**63), 2**62, -987654321987654321], np.int64)
    same(call("mulhi", x, y), [(int(a) * int(b)) >> 64 for a, b in zip(x, y, strict=True)])


def test_small_integers_wrap_in_their_own_width() -> None:
    x, y = np.array([7, -8, 3], ml_dtypes.int4), np.array([1, -1, 5], ml_dtypes.int4)
    same(call("add", x, y), np.array([-8, 7, -8], ml_dtypes.int4))
    same(call("multiply", x, y), np.array([7, -8, -1], ml_dtypes.int4))
    same(call("divide", x, np.array([0, -1, 2], ml_dtypes.int4)), np.array([-1, -8, 1], ml_dtypes.int4))
    same(call("shift-left", x, np.array([1, 3, 4], ml_dtypes.int4)), np.array([-2, 0, 0], ml_dtypes.int4))
    same(call("popcnt", x), np.array([3, 1, 2], ml_dtypes.int4))


def test_pred_addition_is_or() -> None:
    x, y = np.array([True, True, False]), np.array([True, False, False])
    same(call("add", x, y), [True, True, False])
    same(call("multiply", x, y), [True, False, False])
    same(call("not", x), [False, False, True])


def test_short_floats_round_once() -> None:
    bf16 = ml_dtypes.bfloat16
    # 1 + 2^-8 is a tie for bf16, 3 * 2^-8 is one as well: to even
    same(call("add", np.array([1, 1], bf16), np.array([2**-8, 3 * 2**-8], bf16)), np.array([1, 1 + 2**-6], bf16))
    f8 = ml_dtypes.float8_e4m3fn
    same(call("add", np.array([448, 448], f8), np.array([16, 32], f8)), np.array([448, NAN], f8))


def test_complex_numbers() -> None:
    c = np.complex64
    assert call("abs", np.array([3e38 + 1e38j], c), result=F32)[0] == pytest.approx(3.1622776e38)
    assert call("sqrt", np.array([complex(-4, -0.0)], c))[0] == complex(0, -2)
    assert call("multiply", np.array([1 + 2j], c), np.array([3 - 1j], c))[0] == 5 + 5j
    assert call("real", np.array([1 + 2j], c), result=F32)[0] == 1
    assert call("complex", np.array([1], F32), np.array([2], F32), result=c)[0] == 1 + 2j
    got = call(
        "divide", np.array([complex(1, 1), complex(INF, 1), 1 + 1j], c), np.array([0, 1 + 1j, complex(INF, 0)], c)
    )
    assert np.isinf(got[0].real) and np.isinf(got[1].real) and got[2] == 0


@pytest.mark.parametrize(("opcode", "exact"), [("log-plus-one", mpmath.log1p), ("exponential-minus-one", mpmath.expm1)])
def test_complex_functions_near_zero(opcode: str, exact: Any) -> None:
    x = np.array([1e-5 + 1e-7j, -3e-9 + 2e-5j, 0.3 - 0.2j, 2 + 3j], np.complex64)
    with mpmath.workdps(40):
        wanted = np.array([complex(exact(mpmath.mpc(complex(v)))) for v in x])
    got = call(opcode, x)
    assert np.allclose(got.real, wanted.real, rtol=1e-6, atol=0)
    assert np.allclose(got.imag, wanted.imag, rtol=1e-6, atol=0)


def test_empty_and_scalar_arrays() -> None:
    assert call("add", np.zeros((0, 3), F32), np.zeros((0, 3), F32)).shape == (0, 3)
    assert call("erf", np.zeros((0,), F32)).shape == (0,)
    same(call("erf", np.array(0.5, F32)), F32(0.5204999))


@pytest.mark.parametrize(
    ("opcode", "exact", "points"),
    [
        ("exponential", mpmath.exp, np.linspace(-87, 88, 101)),
        ("log", mpmath.log, np.geomspace(1e-38, 3e38, 101)),
        ("tanh", mpmath.tanh, np.linspace(-9, 9, 101)),
        ("erf", mpmath.erf, np.linspace(-5, 5, 301)),
        ("sine", mpmath.sin, np.linspace(-1e5, 1e5, 101)),
        ("cosine", mpmath.cos, np.linspace(-1e5, 1e5, 101)),
        ("tan", mpmath.tan, np.linspace(-10, 10, 101)),
        ("logistic", lambda x: 1 / (1 + mpmath.exp(-x)), np.linspace(-80, 80, 101)),
        ("rsqrt", lambda x: 1 / mpmath.sqrt(x), np.geomspace(1e-38, 3e38, 101)),
        ("cbrt", lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), np.linspace(-1e3, 1e3, 101)),
        ("log-plus-one", mpmath.log1p, np.linspace(-0.9, 10, 101)),
        ("exponential-minus-one", mpmath.expm1, np.linspace(-5, 5, 101)),
        ("asin", mpmath.asin, np.linspace(-1, 1, 101)),
        ("acosh", mpmath.acosh, np.linspace(1, 100, 101)),
        ("atanh", mpmath.atanh, np.linspace(-0.99, 0.99, 101)),
    ],
)
def test_functions_are_within_half_a_unit(opcode: str, exact: Any, points: Array) -> None:
    x = points.astype(F32)
    got = call(opcode, x)
    with mpmath.workdps(40):
        for value, result in zip(x, got, strict=True):
            wanted = exact(mpmath.mpf(float(value)))
            unit = float(np.spacing(np.abs(F32(wanted))))
            assert abs(mpmath.mpf(float(result)) - wanted) <= 0.5001 * unit, (opcode, value)


def test_erf_in_double() -> None:
    x = np.linspace(-6.5, 6.5, 401)
    got = call("erf", x)
    wanted = np.array([float(mpmath.erf(v)) for v in x])
    assert (np.abs(got - wanted) <= 2 * np.spacing(np.abs(wanted))).all()


@pytest.mark.parametrize("opcode", ["divide", "remainder", "shift-left", "shift-right-arithmetic", "maximum"])
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_integers_as_xla(opcode: str, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    info = np.iinfo(dtype)
    edges = np.array([0, 1, 2, 3, 31, 33, info.max, info.min], dtype)
    if info.min < 0:
        edges = np.concatenate([edges, np.array([-1, -2], dtype)])
    x = np.concatenate([np.repeat(edges, len(edges)), rng.integers(info.min, info.max, 50).astype(dtype)])
    y = np.concatenate([np.tile(edges, len(edges)), rng.integers(-5 if info.min < 0 else 0, 40, 50).astype(dtype)])
    text = program(f"{shape_text(x)} {opcode}(a, b)", [x, y])
    (expected,) = xla(text, x, y)
    same(call(opcode, x, y), expected)


@pytest.mark.parametrize(
    ("instruction", "shapes", "message"),
    [
        ("f32[2] add(a, b)", ("f32[2]", "f32[3]"), "operand 1 is f32[3], expected the dimensions of f32[2]"),
        ("f32[2] add(a, b)", ("f32[2]", "f16[2]"), "operand 1 has elements of type f16, expected f32"),
        ("f32[2] and(a, b)", ("f32[2]", "f32[2]"), "operand 0 is f32[2], expected pred, signed or unsigned elements"),
        ("f32[3] cosine(a)", ("f32[2]",), "the result is f32[2], but f32[3] is declared"),
        ("s32[2] cosine(a)", ("s32[2]",), "expected floating point or complex elements"),
        ("f32[2] add(a)", ("f32[2]",), "add takes 2 operands, got 1"),
        ("f32[2] is-finite(a)", ("f32[2]",), "the result is pred[2]"),
        ("f32[2] negate(a)", ("(f32[2])",), "operand 0 is (f32[2]), expected an array"),
        ("pred[2] compare(a, a), direction=LT, type=UNSIGNED", ("s32[2]",), "type=UNSIGNED does not fit s32"),
        ("f32[2] select(a, b, b)", ("pred[3]", "f32[2]"), "expected pred[] or the dimensions of f32[2]"),
        ("f32[2] clamp(a, b, a)", ("f32[3]", "f32[2]"), "expected a scalar or the dimensions of f32[2]"),
    ],
)
def test_refused(instruction: str, shapes: tuple[str, ...], message: str) -> None:
    assert message in refusal(instruction, *shapes)


def test_compare_orders() -> None:
    x = np.array([-NAN, -INF, -0.0, 0.0, NAN], F32)
    y = np.array([-INF, -0.0, 0.0, INF, NAN], F32)
    got = evaluate(
        "pred[5] compare(a, b), direction=LT, type=TOTALORDER", np.copysign(x, [-1, -1, -1, 1, 1]).astype(F32), y
    )
    assert got.tolist() == [True, True, True, True, False]
    got = evaluate("pred[5] compare(a, b), direction=LT", x, y)
    assert got.tolist() == [False, True, False, True, False]
    got = evaluate("pred[5] compare(a, b), direction=NE", x, y)
    assert got.tolist() == [True, True, False, True, True]


def test_select_and_clamp() -> None:
    x, y = np.array([1, 2, 3], F32), np.array([4, 5, 6], F32)
    assert evaluate("f32[3] select(a, b, c)", np.array([True, False, True]), x, y).tolist() == [1, 5, 3]
    assert evaluate("f32[3] select(a, b, c)", np.array(False), x, y).tolist() == [4, 5, 6]
    assert evaluate("f32[3] clamp(a, b, c)", F32([2]).reshape(()), x, np.array(2.5, F32)).tolist() == [2, 2, 2.5]
    assert np.isnan(evaluate("f32[1] clamp(a, b, c)", np.array(0, F32), np.array([NAN], F32), np.array(1, F32)))[0]


def test_stochastic_convert() -> None:
    x = np.array([1.25, -1.25, 1.25, 2, 3e9, -INF, NAN, 127.9], F32)
    random = np.array([2**30 - 1, 2**30 - 1, 2**30, 0, 0, 5, 5, 0], np.uint32)
    got = evaluate("s32[8] stochastic-convert(a, b)", x, random)
    assert got.tolist() == [2, -2, 1, 2, 2**31 - 1, -(2**31), 0, 128]
    assert evaluate("s8[8] stochastic-convert(a, b)", x, random).tolist() == [2, -2, 1, 2, 127, -128, 0, 127]
