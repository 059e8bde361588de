"""Ops that move elements: shapes, slices, padding, conversions, gather and scatter against plain loops."""

from __future__ import annotations

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from programs import Array, evaluate, program, refusal, run, shape_text, xla

F32, I32 = np.float32, np.int32
ADD = "add { x = f32[] parameter(0) y = f32[] parameter(1) ROOT s = f32[] add(x, y) }"
SECOND = "second { x = f32[] parameter(0) ROOT y = f32[] parameter(1) }"


def numbers(*dims: int) -> Array:
    return np.arange(int(np.prod(dims)), dtype=F32).reshape(dims)


def test_broadcast_puts_operand_dimensions_anywhere() -> None:
    x = numbers(2, 3)
    got = evaluate("f32[3,4,2]{2,1,0} broadcast(a), dimensions={2,0}", x)
    for i, j, k in np.ndindex(3, 4, 2):
        assert got[i, j, k] == x[k, i]


def test_reshape_transpose_reverse_concatenate() -> None:
    x = numbers(2, 3)
    assert evaluate("f32[3,2]{1,0} reshape(a)", x).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert evaluate("f32[3,2]{1,0} transpose(a), dimensions={1,0}", x).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert evaluate("f32[2,3]{1,0} reverse(a), dimensions={1}", x).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert evaluate("f32[2,4]{1,0} concatenate(a, b), dimensions={1}", x, numbers(2, 1)).tolist() == [
        [0, 1, 2, 0],
        [3, 4, 5, 1],
    ]


def test_bitcast_follows_layouts() -> None:
    text = """HloModule m
ENTRY main {
  a = f32[2,3]{0,1} parameter(0)
  ROOT r = f32[3,2]{1,0} bitcast(a)
}
"""
    assert run(text, numbers(2, 3))[0].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("padding", [(0, 0, 0), (1, 2, 0), (1, 2, 3), (-1, 2, 0), (2, -1, 1), (-2, -3, 2), (-9, 4, 1)])
def test_pad(padding: tuple[int, int, int]) -> None:
    low, high, interior = padding
    x = numbers(4) + 1
    spread = [0.0] * (4 + 3 * interior)
    spread[:: interior + 1] = x.tolist()
    expected = [-1.0] * max(low, 0) + [v if v else -1.0 for v in spread] + [-1.0] * max(high, 0)
    expected = expected[max(-low, 0) : len(expected) - max(-high, 0)]
    got = evaluate(f"f32[{len(expected)}] pad(a, b), padding={low}_{high}_{interior}", x, np.array(-1, F32))
    assert got.tolist() == expected


def test_slices() -> None:
    x = numbers(5, 4)
    assert evaluate("f32[2,2] slice(a), slice={[1:5:3], [0:4:2]}", x).tolist() == x[1:5:3, 0:4:2].tolist()
    at = [np.array(v, I32) for v in (3, -7)]
    assert (
        evaluate("f32[3,2] dynamic-slice(a, b, c), dynamic_slice_sizes={3,2}", x, *at).tolist() == x[2:5, 0:2].tolist()
    )
    got = evaluate("f32[5,4] dynamic-update-slice(a, b, c, d)", x, -np.ones((3, 2), F32), *at)
    expected = x.copy()
    expected[2:5, 0:2] = -1
    assert got.tolist() == expected.tolist()
    far = np.array(200, np.uint8)
    assert evaluate("f32[2] dynamic-slice(a, b), dynamic_slice_sizes={2}", numbers(5), far).tolist() == [3, 4]


def test_iota_rounds_to_its_type() -> None:
    assert evaluate("bf16[3] convert(a)", np.array([295, 297, 299], I32)).astype(F32).tolist() == [296, 296, 300]
    got = evaluate("bf16[2,300]{1,0} iota(), iota_dimension=1")
    assert got[1, 295:].astype(F32).tolist() == [296, 296, 296, 298, 300]


@pytest.mark.parametrize(
    ("target", "given", "expected"),
    [
        ("s8", np.array([300, -300, np.nan, 3.9, -3.9], F32), [127, -128, 0, 3, -3]),
        ("u8", np.array([-1, 256, np.inf], F32), [0, 255, 255]),
        ("s64", np.array([1e30, -1e30, np.nan], F32), [2**63 - 1, -(2**63), 0]),
        ("u64", np.array([1e30, 1.8e19], np.float64), [2**64 - 1, 18000000000000000000]),
        ("pred", np.array([0, -0.0, 1e-45, np.nan], F32), [False, False, True, True]),
        ("s8", np.array([200, -200], I32), [-56, 56]),
        ("u32", np.array([-1], I32), [2**32 - 1]),
        ("f32", np.array([2**24 + 1], I32), [2**24]),
        ("f32", np.array([1 + 2j], np.complex64), [1.0]),
        ("s32", np.array([True, False]), [1, 0]),
    ],
)
def test_convert(target: str, given: Array, expected: list[Any]) -> None:
    assert evaluate(f"{target}[{len(given)}] convert(a)", given).tolist() == expected


def test_convert_rounds_doubles_to_short_floats_once() -> None:
    x = np.array([1 + 2**-8 + 2**-30, 1 + 2**-8 - 2**-30, 1 + 2**-8, 3.4e38, 1e300, -0.0])
    got = evaluate("bf16[6] convert(a)", x)
    wanted = np.array([1 + 2**-7, 1, 1, 3.4e38, np.inf, -0.0], ml_dtypes.bfloat16)
    assert got.tobytes() == wanted.tobytes()


def test_bitcast_convert_between_widths() -> None:
    x = np.array([1.0, -2.0], F32)
    assert evaluate("u32[2] bitcast-convert(a)", x).tolist() == [0x3F800000, 0xC0000000]
    parts = evaluate("u8[2,4] bitcast-convert(a)", x)
    assert parts.tolist() == [[0, 0, 0x80, 0x3F], [0, 0, 0, 0xC0]]
    assert evaluate("f32[2] bitcast-convert(a)", parts).tolist() == x.tolist()
    nibbles = evaluate("u4[1,2] bitcast-convert(a)", np.array([0xA5], np.uint8))
    assert nibbles.astype(int).tolist() == [[5, 10]]
    assert evaluate("u8[1] bitcast-convert(a)", nibbles).tolist() == [0xA5]


def test_reduce_precision() -> None:
    x = np.array([1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, 2**-15, -(2**-16), np.nan, -np.inf], F32)
    got = evaluate("f32[8] reduce-precision(a), exponent_bits=5, mantissa_bits=10", x)
    wanted = np.array([1, 1 + 2**-9, 65504, np.inf, 0, -0.0, np.nan, -np.inf], F32)
    assert np.array_equal(got, wanted, equal_nan=True)
    assert np.signbit(got[5])


def test_gather_clamps() -> None:
    x, at = numbers(4, 3), np.array([[3], [-5], [9], [1]], I32)
    got = evaluate(
        "f32[4,2,3]{2,1,0} gather(a, b), offset_dims={1,2}, collapsed_slice_dims={}, start_index_map={0},"
        " index_vector_dim=1, slice_sizes={2,3}",
        x, at,
    )  # fmt: skip
    starts = [2, 0, 2, 1]
    assert got.tolist() == [x[s : s + 2].tolist() for s in starts]


def test_gather_with_batching_dimensions() -> None:
    x, at = numbers(2, 5, 3), np.array([[[0, 2], [4, 1]], [[9, 0], [2, 2]]], I32)
    got = evaluate(
        "f32[2,2]{1,0} gather(a, b), offset_dims={}, collapsed_slice_dims={1,2}, start_index_map={1,2},"
        " operand_batching_dims={0}, start_indices_batching_dims={0}, index_vector_dim=2, slice_sizes={1,1,1}",
        x, at,
    )  # fmt: skip
    for i, j in np.ndindex(2, 2):
        assert got[i, j] == x[i, min(at[i, j, 0], 4), at[i, j, 1]]


def test_gather_of_scalars_with_the_vector_dimension_implied() -> None:
    got = evaluate(
        "f32[3] gather(a, b), offset_dims={}, collapsed_slice_dims={0}, start_index_map={0}, index_vector_dim=1,"
        " slice_sizes={1}",
        numbers(5), np.array([4, 0, 7], np.uint8),
    )  # fmt: skip
    assert got.tolist() == [4, 0, 4]


def test_scatter_drops_windows_that_do_not_fit() -> None:
    x, at = np.zeros((4, 3), F32), np.array([[0], [3], [-1], [0]], I32)
    got = evaluate(
        "f32[4,3]{1,0} scatter(a, b, c), update_window_dims={1,2}, inserted_window_dims={},"
        " scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=add",
        x, at, np.ones((4, 2, 3), F32), computations=ADD,
    )  # fmt: skip
    assert got[:, 0].tolist() == [2, 2, 0, 0]


def test_scatter_applies_updates_in_order() -> None:
    at = np.array([[1], [1], [0]], I32)
    got = evaluate(
        "f32[3] scatter(a, b, c), update_window_dims={}, inserted_window_dims={0}, scatter_dims_to_operand_dims={0},"
        " index_vector_dim=1, to_apply=second",
        numbers(3), at, np.array([5, 6, 7], F32), computations=SECOND,
    )  # fmt: skip
    assert got.tolist() == [7, 6, 2]


def test_scatter_of_two_arrays_with_a_computation_of_its_own() -> None:
    pair = """both {
  x = f32[] parameter(0) p = s32[] parameter(1) y = f32[] parameter(2) q = s32[] parameter(3)
  d = f32[] subtract(y, x) m = s32[] multiply(p, q)
  ROOT t = (f32[], s32[]) tuple(d, m) }"""
    first, second = evaluate(
        "(f32[2], s32[2]) scatter(a, b, c, d, e), update_window_dims={}, inserted_window_dims={0},"
        " scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=both",
        np.array([1, 10], F32), np.array([2, 3], I32), np.array([[0], [0], [1]], I32),
        np.array([4, 6, 8], F32), np.array([5, 7, 9], I32), computations=pair,
    )  # fmt: skip
    assert first.tolist() == [6 - (4 - 1), 8 - 10]
    assert second.tolist() == [2 * 5 * 7, 27]


def _loop_gather(x: Array, at: Array, sizes: list[int], mapped: list[int]) -> Array:
    out = np.empty((len(at), *sizes), x.dtype)
    for i, vector in enumerate(at):
        start = [0] * x.ndim
        for k, d in enumerate(mapped):
            start[d] = min(max(int(vector[k]), 0), x.shape[d] - sizes[d])
        out[i] = x[tuple(slice(s, s + n) for s, n in zip(start, sizes, strict=True))]
    return out


@pytest.mark.parametrize("mapped", [[0], [1], [2, 0], [1, 2, 0]])
def test_gather_against_a_loop(mapped: list[int]) -> None:
    rng = np.random.default_rng(len(mapped))
    x, sizes = rng.standard_normal((4, 5, 3)).astype(F32), [2, 3, 1]
    at = rng.integers(-2, 7, (6, len(mapped))).astype(np.int64)
    got = evaluate(
        f"f32[6,2,3,1]{{3,2,1,0}} gather(a, b), offset_dims={{1,2,3}}, collapsed_slice_dims={{}},"
        f" start_index_map={{{','.join(map(str, mapped))}}}, index_vector_dim=1, slice_sizes={{2,3,1}}",
        x, at,
    )  # fmt: skip
    assert np.array_equal(got, _loop_gather(x, at, sizes, mapped))


def test_scatter_as_xla() -> None:
    rng = np.random.default_rng(5)
    x, at = rng.standard_normal((5, 6, 3)).astype(F32), rng.integers(-1, 6, (7, 4, 2)).astype(I32)
    updates = rng.standard_normal((7, 2, 4, 3)).astype(F32)
    text = program(
        f"{shape_text(x)} scatter(a, b, c), update_window_dims={{1,3}}, inserted_window_dims={{0}},"
        " scatter_dims_to_operand_dims={1,0}, index_vector_dim=2, to_apply=add",
        [x, at, updates], ADD,
    )  # fmt: skip
    assert np.allclose(run(text, x, at, updates)[0], xla(text, x, at, updates)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dims", list(itertools.product([0, 2], [0, 3])))
def test_empty_arrays_pass_through(dims: tuple[int, int]) -> None:
    x = np.zeros(dims, F32)
    m, n = dims
    assert evaluate(f"f32[{n},{m}] transpose(a), dimensions={{1,0}}", x).shape == (n, m)
    assert evaluate(f"f32[{m + 2},{n}] pad(a, b), padding=1_1x0_0", x, np.array(0, F32)).shape == (m + 2, n)
    assert evaluate(f"f32[{m * n}] reshape(a)", x).shape == (m * n,)
    assert evaluate(f"f32[{2 * m},{n}] concatenate(a, a), dimensions={{0}}", x).shape == (2 * m, n)


@pytest.mark.parametrize(
    ("instruction", "shapes", "message"),
    [
        (
            "f32[2,3] broadcast(a), dimensions={0}",
            ("f32[3]",),
            "operand dimension 0 has size 3, result dimension 0 has 2",
        ),
        ("f32[2,3] broadcast(a), dimensions={2}", ("f32[3]",), "dimension 2 is out of range for rank 2"),
        ("f32[7] reshape(a)", ("f32[2,3]",), "operand f32[2,3] has 6 elements, result f32[7] has 7"),
        ("f32[3,2] transpose(a), dimensions={0,0}", ("f32[2,3]",), "is no permutation of the 2 dimensions"),
        ("f32[2] reverse(a), dimensions={1}", ("f32[2]",), "dimension 1 is out of range for rank 1"),
        ("f32[2] slice(a), slice={[0:3]}", ("f32[2]",), "slice [0:3] of dimension 0 leaves 0..2"),
        ("f32[2] pad(a, b), padding=1_1x0_0", ("f32[2]", "f32[]"), "padding dimensions of f32[2]: got 2, expected 1"),
        ("f32[2] dynamic-slice(a, b), dynamic_slice_sizes={3}", ("f32[2]", "s32[]"), "slice size 3 of dimension 0"),
        (
            "f32[2] dynamic-slice(a, b), dynamic_slice_sizes={2}",
            ("f32[2]", "f32[]"),
            "operand 1 is f32[], expected signed",
        ),
        ("f32[4] concatenate(a, b), dimensions={0}", ("f32[2]", "s32[2]"), "operand 1 has elements of type s32"),
        ("s32[4] bitcast-convert(a)", ("f32[2]",), "operand f32[2] cannot be read as s32[4]"),
        (
            "f32[] get-tuple-element(a), index=2",
            ("(f32[], f32[])",),
            "index=2 is out of range for a tuple of 2 elements",
        ),
        ("f32[4] iota(), iota_dimension=1", (), "iota_dimension=1 is out of range for rank 1"),
    ],
)
def test_refused(instruction: str, shapes: tuple[str, ...], message: str) -> None:
    assert message in refusal(instruction, *shapes)
