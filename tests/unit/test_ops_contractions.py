"""Ops that combine elements: reduce, windows, dot, convolution, sort, against plain loops and XLA."""

from __future__ import annotations

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from programs import Array, evaluate, program, refusal, run, shape_text, xla

F32, I32 = np.float32, np.int32
BF16 = ml_dtypes.bfloat16
RNG = np.random.default_rng(0)


def monoid(opcode: str, type_: str = "f32") -> str:
    return f"f {{ x = {type_}[] parameter(0) y = {type_}[] parameter(1) ROOT r = {type_}[] {opcode}(x, y) }}"


ARGMAX = """f {
  x = f32[] parameter(0) i = s32[] parameter(1) y = f32[] parameter(2) j = s32[] parameter(3)
  above = pred[] compare(x, y), direction=GT
  tie = pred[] compare(x, y), direction=EQ
  first = pred[] compare(i, j), direction=LT
  either = pred[] and(tie, first)
  keep = pred[] or(above, either)
  v = f32[] select(keep, x, y)
  k = s32[] select(keep, i, j)
  ROOT t = (f32[], s32[]) tuple(v, k)
}"""


def scalar(value: Any, dtype: Any = F32) -> Array:
    return np.array(value, dtype)


# ---- reduce


@pytest.mark.parametrize(
    ("opcode", "init", "expected"),
    [("add", 0, 10.0), ("multiply", 1, 24.0), ("maximum", -np.inf, 4.0), ("minimum", np.inf, 1.0), ("add", 5, 15.0)],
)
def test_reduce_with_known_ops(opcode: str, init: float, expected: float) -> None:
    x = np.array([[1, 2], [3, 4]], F32)
    got = evaluate("f32[] reduce(a, b), dimensions={0,1}, to_apply=f", x, scalar(init), computations=monoid(opcode))
    assert got == expected


def test_reduce_propagates_nan() -> None:
    x = np.array([1, np.nan, 3], F32)
    args = ("f32[] reduce(a, b), dimensions={0}, to_apply=f", x, scalar(-np.inf))
    assert np.isnan(evaluate(*args, computations=monoid("maximum")))


def test_reduce_of_nothing_is_the_initial_value() -> None:
    x = np.zeros((0, 2), F32)
    for opcode in ("add", "maximum", "subtract"):
        got = evaluate("f32[2] reduce(a, b), dimensions={0}, to_apply=f", x, scalar(7), computations=monoid(opcode))
        assert got.tolist() == [7, 7]


def test_reduce_wraps_integers_and_ands_pred() -> None:
    x = np.array([2**31 - 1, 1], I32)
    add = monoid("add", "s32")
    assert evaluate("s32[] reduce(a, b), dimensions={0}, to_apply=f", x, scalar(0, I32), computations=add) == -(2**31)
    got = evaluate("pred[2] reduce(a, b), dimensions={1}, to_apply=f", np.array([[True, False], [True, True]]),
                   np.array(True), computations=monoid("and", "pred"))  # fmt: skip
    assert got.tolist() == [False, True]


def test_sums_of_short_floats_are_rounded_once() -> None:
    x = np.ones(4096, BF16)
    args = ("bf16[] reduce(a, b), dimensions={0}, to_apply=f", x, scalar(0, BF16))
    assert float(evaluate(*args, computations=monoid("add", "bf16"))) == 4096


@pytest.mark.parametrize("n", [1, 7, 256, 1000])
def test_variadic_reduce(n: int) -> None:
    x = RNG.integers(0, 5, (3, n)).astype(F32)
    index = np.broadcast_to(np.arange(n, dtype=I32), (3, n)).copy()
    best, where = evaluate(
        "(f32[3], s32[3]) reduce(a, b, c, d), dimensions={1}, to_apply=f",
        x, index, scalar(-np.inf), scalar(0, I32), computations=ARGMAX,
    )  # fmt: skip
    assert best.tolist() == x.max(1).tolist()
    assert where.tolist() == x.argmax(1).tolist()


def test_general_reduction_keeps_the_order() -> None:
    # x -> a x + b composed along the array: associative, not commutative
    affine = """f {
      a = f32[] parameter(0) b = f32[] parameter(1) c = f32[] parameter(2) d = f32[] parameter(3)
      m = f32[] multiply(a, c) n = f32[] multiply(b, c) o = f32[] add(n, d)
      ROOT t = (f32[], f32[]) tuple(m, o) }"""
    for n in (5, 300):
        a, b = RNG.choice([-1, 1, 2], n).astype(F32), RNG.integers(-3, 3, n).astype(F32)
        a[np.arange(n) % 9 != 0] = 1
        m, o = evaluate("(f32[], f32[]) reduce(a, b, c, d), dimensions={0}, to_apply=f", a, b, scalar(1), scalar(0),
                        computations=affine)  # fmt: skip
        x, y = 1.0, 0.0
        for p, q in zip(a, b, strict=True):
            x, y = x * p, y * p + q
        assert (m, o) == (pytest.approx(x), pytest.approx(y))


# ---- windows

WINDOWS = [
    "size=3",
    "size=4 stride=2",
    "size=3 pad=2_1",
    "size=2 pad=-1_-1",
    "size=3 rhs_dilate=2 pad=1_0",
    "size=3 lhs_dilate=2 pad=1_2 stride=2",
    "size=5 pad=4_0",
    "size=9",
]


def _loop_window(x: Array, window: str, combine: Any, init: Any) -> list[Any]:
    fields = {"stride": "1", "pad": "0_0", "rhs_dilate": "1", "lhs_dilate": "1"} | dict(
        f.split("=") for f in window.split()
    )
    size, stride = int(fields["size"]), int(fields["stride"])
    low, high = map(int, fields["pad"].split("_"))
    base, dilation = int(fields["lhs_dilate"]), int(fields["rhs_dilate"])
    extent = (len(x) - 1) * base + 1 + low + high
    places = max((extent - (size - 1) * dilation - 1) // stride + 1, 0) if extent >= (size - 1) * dilation + 1 else 0
    out = []
    for p in range(places):
        acc = init
        for k in range(size):
            at = p * stride + k * dilation - low
            if at >= 0 and at % base == 0 and at // base < len(x):
                acc = combine(acc, x[at // base])
        out.append(acc)
    return out


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("opcode", "function", "init"), [("add", lambda p, q: p + q, 0), ("maximum", max, -99)])
def test_reduce_window(window: str, opcode: str, function: Any, init: int) -> None:
    x = RNG.integers(-9, 9, 8).astype(I32)
    expected = _loop_window(x, window, function, init)
    got = evaluate(f"s32[{len(expected)}] reduce-window(a, b), window={{{window}}}, to_apply=f", x, scalar(init, I32),
                   computations=monoid(opcode, "s32"))  # fmt: skip
    assert got.tolist() == expected


@pytest.mark.parametrize("window", WINDOWS)
def test_variadic_reduce_window(window: str) -> None:
    x = RNG.integers(0, 4, 8).astype(F32)
    index = np.arange(8, dtype=I32)
    expected = _loop_window(np.arange(8), window, lambda p, q: p if p >= 0 and x[p] >= x[q] else q, -1)
    best, where = evaluate(
        f"(f32[{len(expected)}], s32[{len(expected)}]) reduce-window(a, b, c, d), window={{{window}}}, to_apply=f",
        x, index, scalar(-np.inf), scalar(-1, I32), computations=ARGMAX,
    )  # fmt: skip
    assert where.tolist() == expected
    assert best.tolist() == [x[i] if i >= 0 else -np.inf for i in expected]


def test_reduce_window_in_two_dimensions() -> None:
    x = RNG.standard_normal((1, 6, 7, 2)).astype(F32)
    got = evaluate("f32[1,3,3,2] reduce-window(a, b), window={size=1x3x3x1 stride=1x2x2x1 pad=0_0x1_1x0_0x0_0},"
                   " to_apply=f", x, scalar(-np.inf), computations=monoid("maximum"))  # fmt: skip
    framed = np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), constant_values=-np.inf)
    for i, j in np.ndindex(3, 3):
        assert np.array_equal(got[:, i, j], framed[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((1, 2)))


def test_select_and_scatter() -> None:
    x = np.array([1, 5, 5, 2, 4, 3], F32)
    ge = "ge { x = f32[] parameter(0) y = f32[] parameter(1) ROOT r = pred[] compare(x, y), direction=GE }\n"
    got = evaluate("f32[6] select-and-scatter(a, b, c), window={size=3 stride=2 pad=0_1}, select=ge, scatter=f",
                   x, np.array([10, 20, 30], F32), scalar(0), computations=ge + monoid("add"))  # fmt: skip
    assert got.tolist() == [0, 10, 20, 0, 30, 0]


# ---- dot and convolution


@pytest.mark.parametrize("element", ["f32", "bf16", "s8", "s32", "c64"])
def test_dot_against_a_loop(element: str) -> None:
    dtype = {"f32": F32, "bf16": BF16, "s8": np.int8, "s32": I32, "c64": np.complex64}[element]
    result = {"bf16": "f32", "s8": "s32"}.get(element, element)
    x, y = RNG.integers(-4, 5, (2, 3, 4, 5)).astype(dtype), RNG.integers(-4, 5, (5, 6, 2, 4)).astype(dtype)
    got = evaluate(
        f"{result}[2,3,6]{{2,1,0}} dot(a, b), lhs_batch_dims={{0}}, lhs_contracting_dims={{3,2}}, rhs_batch_dims={{2}},"
        " rhs_contracting_dims={0,3}",
        x, y,
    )  # fmt: skip
    wide = np.complex128 if element == "c64" else np.float64
    for b, i, j in np.ndindex(2, 3, 6):
        assert got[b, i, j] == sum(wide(x[b, i, k, m]) * wide(y[m, j, b, k]) for k in range(4) for m in range(5))


def test_dot_of_nothing_is_zero() -> None:
    got = evaluate("f32[2,3]{1,0} dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}",
                   np.zeros((2, 0), F32), np.zeros((0, 3), F32))  # fmt: skip
    assert got.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_dot_wraps_in_the_result_type() -> None:
    x = np.full((1, 3), 127, np.int8)
    got = evaluate("s8[1,1]{1,0} dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={1}", x)
    assert got.tolist() == [[np.array(3 * 127 * 127).astype(np.int8)]]
    big = np.full((1, 2), 2**40 + 1, np.int64)
    got = evaluate("s64[1,1]{1,0} dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={1}", big)
    assert int(got[0, 0]) == (2 * (2**40 + 1) ** 2 + 2**63) % 2**64 - 2**63


def test_half_precision_dot_accumulates_in_f32() -> None:
    x = np.ones((1, 4096), np.float16)
    got = evaluate("f16[1,1]{1,0} dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={1}", x)
    assert got[0, 0] == 4096


CONVOLUTIONS = [
    ("size=3x3 pad=1_1x1_1", "b01f_01io->b01f", (2, 5, 6, 4), (3, 3, 4, 6), ""),
    ("size=2x3 stride=2x3 pad=0_1x2_0", "bf01_oi01->bf01", (2, 3, 7, 8), (4, 3, 2, 3), ""),
    ("size=2x2 lhs_dilate=2x3 pad=1_0x-1_2", "b01f_01io->f01b", (1, 4, 3, 2), (2, 2, 2, 3), ""),
    ("size=3x2 rhs_dilate=2x2 rhs_reversal=1x0", "b01f_01io->b01f", (1, 7, 6, 2), (3, 2, 2, 3), ""),
    ("size=3x3 pad=1_1x1_1", "b01f_01io->b01f", (2, 5, 5, 6), (3, 3, 2, 9), ", feature_group_count=3"),
    ("size=3x3", "b01f_01io->b01f", (1, 5, 5, 4), (3, 3, 1, 8), ", feature_group_count=4"),
    ("size=3x3 pad=1_1x1_1", "b01f_01io->b01f", (6, 4, 4, 2), (3, 3, 2, 6), ", batch_group_count=3"),
    ("size=4x5 pad=1_1x1_1", "f01b_i01o->01bf", (2, 4, 5, 3), (2, 4, 5, 2), ""),
    ("size=5x5 pad=1_1x0_0", "b01f_01io->b01f", (1, 3, 4, 2), (5, 5, 2, 2), ""),
]


@pytest.mark.parametrize(("window", "labels", "x_dims", "k_dims", "groups"), CONVOLUTIONS)
def test_convolution_as_xla(window: str, labels: str, x_dims: Any, k_dims: Any, groups: str) -> None:
    x, kernel = (RNG.integers(-4, 5, d).astype(F32) for d in (x_dims, k_dims))
    text = program(f"convolution(a, b), window={{{window}}}, dim_labels={labels}{groups}", [x, kernel])
    assert np.array_equal(run(text, x, kernel)[0], xla(text, x, kernel)[0])


def test_convolution_of_integers_accumulates_in_the_result_type() -> None:
    x, kernel = np.full((1, 4, 1), 100, np.int8), np.full((3, 1, 1), 100, np.int8)
    got = evaluate("s32[1,2,1]{2,1,0} convolution(a, b), window={size=3}, dim_labels=b0f_0io->b0f", x, kernel)
    assert got.tolist() == [[[30000], [30000]]]


# ---- sort

LESS = "less { x = f32[] parameter(0) y = f32[] parameter(1) ROOT r = pred[] compare(x, y), direction=LT }"
JAX_LESS = """less {
  x = f32[] parameter(0) y = f32[] parameter(1) zero = f32[] constant(0) nan = f32[] constant(nan)
  x0 = pred[] compare(x, zero), direction=EQ
  x1 = f32[] select(x0, zero, x)
  xn = pred[] compare(x, x), direction=NE
  x2 = f32[] select(xn, nan, x1)
  y0 = pred[] compare(y, zero), direction=EQ
  y1 = f32[] select(y0, zero, y)
  yn = pred[] compare(y, y), direction=NE
  y2 = f32[] select(yn, nan, y1)
  ROOT r = pred[] compare(x2, y2), direction=LT, type=TOTALORDER
}"""


def test_sort_by_a_known_comparator() -> None:
    x = np.array([3, -np.inf, 0.0, -0.0, np.nan, -1, np.inf], F32)
    got = evaluate("f32[7] sort(a), dimensions={0}, is_stable=true, to_apply=less", x, computations=JAX_LESS)
    wanted = np.array([-np.inf, -1, 0.0, -0.0, 3, np.inf, np.nan], F32)
    assert np.array_equal(got, wanted, equal_nan=True)
    assert np.signbit(got[2:4]).tolist() == [False, True]


def test_sort_carries_other_operands_along_a_dimension() -> None:
    keys, values = RNG.integers(0, 4, (5, 3)).astype(F32), np.arange(15, dtype=I32).reshape(5, 3)
    by_key = """less {
      x = f32[] parameter(0) y = f32[] parameter(1) i = s32[] parameter(2) j = s32[] parameter(3)
      ROOT r = pred[] compare(x, y), direction=GT }"""
    got, moved = evaluate("(f32[5,3], s32[5,3]) sort(a, b), dimensions={0}, to_apply=less", keys, values,
                          computations=by_key)  # fmt: skip
    order = np.argsort(-keys, axis=0, kind="stable")
    assert np.array_equal(got, np.take_along_axis(keys, order, 0))
    assert np.array_equal(moved, np.take_along_axis(values, order, 0))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 17, 64, 100])
def test_sort_by_any_comparator(n: int) -> None:
    # by the last digit, then from large to small
    digit = """less {
      x = s32[] parameter(0) y = s32[] parameter(1) ten = s32[] constant(10)
      p = s32[] remainder(x, ten) q = s32[] remainder(y, ten)
      below = pred[] compare(p, q), direction=LT
      same = pred[] compare(p, q), direction=EQ
      above = pred[] compare(x, y), direction=GT
      both = pred[] and(same, above)
      ROOT r = pred[] or(below, both) }"""
    x = RNG.integers(0, 200, (2, n)).astype(I32)
    got = evaluate(f"s32[2,{n}] sort(a), dimensions={{1}}, to_apply=less", x, computations=digit)
    assert got.tolist() == [sorted(row, key=lambda v: (v % 10, -v)) for row in x.tolist()]


def test_a_comparator_that_is_no_order_still_gives_a_permutation() -> None:
    odd = """less {
      x = s32[] parameter(0) y = s32[] parameter(1) one = s32[] constant(1)
      s = s32[] xor(x, y) b = s32[] and(s, one) ROOT r = pred[] compare(b, one), direction=EQ }"""
    x = np.arange(33, dtype=I32)
    got = evaluate("s32[33] sort(a), dimensions={0}, to_apply=less", x, computations=odd)
    assert sorted(got.tolist()) == x.tolist()


def test_topk_takes_the_first_of_equals() -> None:
    x = np.array([[1, 3, 3, np.nan, 2], [0, -0.0, -1, 5, 5]], F32)
    values, at = evaluate("(f32[2,3], s32[2,3]) topk(a), k=3, largest=true", x)
    assert np.array_equal(values, np.array([[np.nan, 3, 3], [5, 5, 0]], F32), equal_nan=True)
    assert at.tolist() == [[3, 1, 2], [3, 4, 0]]
    values, at = evaluate("(f32[2,2], s32[2,2]) topk(a), k=2, largest=false", x)
    assert at.tolist() == [[0, 4], [2, 1]]


def test_map_applies_any_computation() -> None:
    tens = "f { x = s32[] parameter(0) ten = s32[] constant(10) ROOT r = s32[] multiply(x, ten) }"
    got = evaluate(
        "s32[2,2]{1,0} map(a), dimensions={0,1}, to_apply=f", np.array([[1, 2], [3, 4]], I32), computations=tens
    )
    assert got.tolist() == [[10, 20], [30, 40]]


def test_a_computation_with_a_loop_is_applied_element_by_element() -> None:
    countdown = """go { s = (s32[], s32[]) parameter(0) n = s32[] get-tuple-element(s), index=0 z = s32[] constant(0)
      ROOT r = pred[] compare(n, z), direction=GT }
    step { s = (s32[], s32[]) parameter(0) n = s32[] get-tuple-element(s), index=0
      t = s32[] get-tuple-element(s), index=1 one = s32[] constant(1) m = s32[] subtract(n, one)
      u = s32[] add(t, n) ROOT r = (s32[], s32[]) tuple(m, u) }
    f { x = s32[] parameter(0) zero = s32[] constant(0) s = (s32[], s32[]) tuple(x, zero)
      w = (s32[], s32[]) while(s), condition=go, body=step ROOT r = s32[] get-tuple-element(w), index=1 }"""
    got = evaluate("s32[4] map(a), dimensions={0}, to_apply=f", np.array([0, 1, 4, 10], I32), computations=countdown)
    assert got.tolist() == [0, 1, 10, 55]


@pytest.mark.parametrize(
    ("instruction", "shapes", "computation", "message"),
    [
        ("f32[] reduce(a, b), dimensions={1}, to_apply=f", ("f32[2]", "f32[]"), monoid("add"),
         "dimension 1 is out of range"),
        ("f32[] reduce(a, b), dimensions={0}, to_apply=f", ("f32[2]", "s32[]"), monoid("add"), "elements of type s32"),
        ("s32[] reduce(a, b), dimensions={0}, to_apply=f", ("s32[2]", "s32[]"), monoid("add"),
         "parameter 0 of the reducer f is f32[], expected s32[]"),
        ("f32[2] reduce-window(a, b), window={size=2x2}, to_apply=f", ("f32[3]", "f32[]"), monoid("add"),
         "window dimensions: got 2, expected 1"),
        ("f32[2,2] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}", ("f32[2,3]", "f32[4,2]"), "",
         "operand 1 has contracting size 4 in dimension 0, expected 3"),
        ("f32[2,3] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}", ("f32[2,3]", "f32[3,2]"), "",
         "the result is f32[2,2], but f32[2,3] is declared"),
        ("f32[1,3,1] convolution(a, b), window={size=2}, dim_labels=b0f_0io->b0f", ("f32[1,4,2]", "f32[2,1,1]"), "",
         "the kernel has 1 input features, expected 2"),
        ("f32[3] sort(a), dimensions={0}, to_apply=f", ("f32[3]",), monoid("add"), "the comparator f returns f32[]"),
        ("(f32[3], s32[3]) topk(a), k=3, largest=true", ("f32[2]",), "", "k=3 is out of range"),
    ],
)  # fmt: skip
def test_refused(instruction: str, shapes: tuple[str, ...], computation: str, message: str) -> None:
    assert message in refusal(instruction, *shapes, computations=computation)


@pytest.mark.parametrize(("opcode", "direction"), list(itertools.product(["maximum", "add"], [0, 1])))
def test_reduce_as_xla(opcode: str, direction: int) -> None:
    x = RNG.standard_normal((33, 65)).astype(F32)
    init = scalar(0 if opcode == "add" else -np.inf)
    text = program(f"f32[{x.shape[1 - direction]}] reduce(a, b), dimensions={{{direction}}}, to_apply=f", [x, init],
                   monoid(opcode))  # fmt: skip
    assert np.allclose(run(text, x, init)[0], xla(text, x, init)[0], rtol=1e-5, atol=1e-5)


def test_shape_text_names_layouts() -> None:
    assert shape_text(np.zeros((2, 3), BF16)) == "bf16[2,3]{1,0}"


# ---- ragged and scaled dots


def ragged(text: str, *arguments: np.ndarray) -> np.ndarray:
    """A ragged dot of `x`, `y` and group sizes `g`."""
    lines = [f"  {n} = {shape_text(a)} parameter({i})" for i, (n, a) in enumerate(zip("xyg", arguments, strict=True))]
    return run("\n".join(["HloModule m", "ENTRY main {", *lines, f"  ROOT r = {text}", "}", ""]), *arguments)[0]


def test_ragged_dot_of_groups_of_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 4)), rng.standard_normal((3, 4, 5))
    y[1] = np.inf  # a group without rows must not matter
    text = "f64[6,5] ragged-dot(x, y, g), lhs_contracting_dims={1}, rhs_contracting_dims={1}, lhs_ragged_dims={0}, "
    got = ragged(text + "rhs_group_dims={0}", x, y, np.array([2, 0, 3]))
    np.testing.assert_allclose(got, np.concatenate([x[:2] @ y[0], x[2:5] @ y[2], np.zeros((1, 5))]))


def test_ragged_dot_with_groups_for_each_batch() -> None:
    rng = np.random.default_rng(1)
    x, y, g = rng.standard_normal((2, 6, 4)), rng.standard_normal((2, 3, 4, 5)), np.array([[1, 2, 3], [4, 0, 1]])
    got = ragged(
        "f64[2,6,5] ragged-dot(x, y, g), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, "
        "rhs_contracting_dims={2}, lhs_ragged_dims={1}, rhs_group_dims={1}",
        x, y, g,
    )  # fmt: skip
    for b in range(2):
        start, expected = 0, np.zeros((6, 5))
        for i, n in enumerate(g[b]):
            expected[start : start + n] = x[b, start : start + n] @ y[b, i]
            start += n
        np.testing.assert_allclose(got[b], expected)


def test_ragged_dot_along_the_sum() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((4, 6)), rng.standard_normal((6, 5))
    text = "f64[3,4,5] ragged-dot(x, y, g), lhs_contracting_dims={1}, rhs_contracting_dims={0}, lhs_ragged_dims={1}"
    got = ragged(text, x, y, np.array([1, 0, 4]))
    np.testing.assert_allclose(got, np.stack([x[:, :1] @ y[:1], np.zeros((4, 5)), x[:, 1:5] @ y[1:5]]))


def test_ragged_dot_along_a_batch_is_a_dot() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((3, 4, 6)), rng.standard_normal((3, 6, 5))
    got = ragged(
        "f64[3,4,5] ragged-dot(x, y, g), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, "
        "rhs_contracting_dims={1}, lhs_ragged_dims={0}",
        x, y, np.array([1, 1]),
    )  # fmt: skip
    np.testing.assert_allclose(got, x @ y)


def test_scaled_dot() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((4, 8)).astype(np.float32), rng.standard_normal((6, 8)).astype(np.float32)
    a, b = np.exp2(rng.integers(-3, 4, (4, 2))).astype(np.float32), np.exp2(rng.integers(-3, 4, (2, 4)))
    text = """HloModule m
ENTRY main {
  x = f32[4,8] parameter(0)
  y = f32[6,8] parameter(1)
  a = f32[4,2] parameter(2)
  b = f32[2,4] parameter(3)
  ROOT r = f32[4,6] scaled-dot(x, y, a, b), lhs_contracting_dims={1}, rhs_contracting_dims={1}
}
"""
    (got,) = run(text, x, y, a, b.astype(np.float32))
    expected = (x * np.repeat(a, 4, axis=1)) @ (y * np.repeat(np.repeat(b, 3, axis=0), 2, axis=1)).T
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_a_dot_of_vectors_is_a_scalar() -> None:
    x = np.array([1, 2, 3], np.float32)
    text = "f32[] dot(a, b), lhs_contracting_dims={0}, rhs_contracting_dims={0}"
    assert evaluate(text, x, x).tolist() == 14
