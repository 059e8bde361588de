"""Ops that are not elementwise on arrays without elements and on scalars: a value of the right shape, and no crash."""

from __future__ import annotations

import numpy as np
import pytest
from programs import Array, program, run

F32, I32, U64 = np.float32, np.int32, np.uint64
COMPUTATIONS = {
    "sum": "x = f32[] parameter(0) y = f32[] parameter(1) ROOT r = f32[] add(x, y)",
    "squares": "x = f32[] parameter(0) y = f32[] parameter(1) a = f32[] multiply(y, y) ROOT r = f32[] add(x, a)",
    "ge": "x = f32[] parameter(0) y = f32[] parameter(1) ROOT r = pred[] compare(x, y), direction=GE",
    "both": "x = f32[] parameter(0) y = f32[] parameter(1) u = f32[] parameter(2) v = f32[] parameter(3)"
    " a = f32[] maximum(x, u) b = f32[] add(y, v) ROOT r = (f32[], f32[]) tuple(a, b)",
    "first": "x = f32[] parameter(0) y = f32[] parameter(1) i = s32[] parameter(2) j = s32[] parameter(3)"
    " p = pred[] compare(x, y), direction=LT ROOT r = pred[] and(p, p)",
    "minus": "x = f32[] parameter(0) ROOT r = f32[] negate(x)",
}
ROWS = "offset_dims={1}, collapsed_slice_dims={0}, start_index_map={0}, index_vector_dim=1"
ADD_ROWS = "update_window_dims={1}, inserted_window_dims={0}, scatter_dims_to_operand_dims={0}, index_vector_dim=1"
SOLVE = "left_side=true, lower=true, transpose_a=NO_TRANSPOSE"


def z(*dims: int, dtype: type = F32) -> Array:
    return np.zeros(dims, dtype)


@pytest.mark.parametrize(
    ("instruction", "args", "value"),
    [
        ("f32[3] reduce(a, b), dimensions={0}, to_apply=sum", (z(0, 3), F32(7)), 7),
        ("f32[3] reduce(a, b), dimensions={0}, to_apply=squares", (z(0, 3), F32(7)), 7),
        ("f32[0] reduce(a, b), dimensions={0}, to_apply=squares", (z(3, 0), F32(7)), None),
        ("(f32[2], f32[2]) reduce(a, a, b, b), dimensions={0}, to_apply=both", (z(0, 2), F32(7)), 7),
        ("f32[2,3] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}", (z(2, 0), z(0, 3)), 0),
        ("f32[] dot(a, b), lhs_contracting_dims={0}, rhs_contracting_dims={0}", (z(0), z(0)), 0),
        (
            "f32[0,4,2] convolution(a, b), window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f",
            (z(0, 4, 3), z(3, 3, 2)),
            None,
        ),
        ("f32[1,4,2] convolution(a, b), window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f", (z(1, 4, 0), z(3, 0, 2)), 0),
        (
            "f32[1,4,0] convolution(a, b), window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f",
            (z(1, 4, 3), z(3, 3, 0)),
            None,
        ),
        ("f32[1,2] convolution(a, b), dim_labels=bf_io->bf", (z(1, 3) + F32(1), z(3, 2) + F32(2)), 6),
        ("f32[0,3] sort(a), dimensions={1}, to_apply=ge", (z(0, 3),), None),
        ("(f32[2,0], s32[2,0]) sort(a, b), dimensions={1}, to_apply=first", (z(2, 0), z(2, 0, dtype=I32)), None),
        (f"f32[0,3] gather(a, b), {ROWS}, slice_sizes={{1,3}}", (z(5, 3), z(0, 1, dtype=I32)), None),
        (f"f32[2,0] gather(a, b), {ROWS}, slice_sizes={{1,0}}", (z(5, 3), z(2, 1, dtype=I32)), None),
        (f"f32[5,3] scatter(a, b, c), {ADD_ROWS}, to_apply=sum", (z(5, 3), z(0, 1, dtype=I32), z(0, 3)), 0),
        (f"f32[5,3] scatter(a, b, c), {ADD_ROWS}, to_apply=squares", (z(5, 3), z(0, 1, dtype=I32), z(0, 3)), 0),
        ("f32[2] pad(a, b), padding=1_1", (z(0), F32(7)), 7),
        ("f32[0] pad(a, b), padding=-1_-1", (z(2), F32(7)), None),
        ("f32[3] reduce-window(a, b), window={size=2 pad=2_2}, to_apply=sum", (z(0), F32(7)), 7),
        ("f32[3] reduce-window(a, b), window={size=2 pad=2_2}, to_apply=squares", (z(0), F32(7)), 7),
        ("f32[0] select-and-scatter(a, b, c), window={size=1}, select=ge, scatter=sum", (z(0), z(0), F32(7)), None),
        ("(f32[3,0], s32[3,0]) topk(a), k=0, largest=true", (z(3, 4),), None),
        ("(f32[0,2], s32[0,2]) topk(a), k=2, largest=true", (z(0, 4),), None),
        ("f32[2,0,0] cholesky(a), lower=true", (z(2, 0, 0),), None),
        ("f32[0,2,2] cholesky(a), lower=false", (z(0, 2, 2),), None),
        (f"f32[0,3] triangular-solve(a, b), {SOLVE}", (z(0, 0), z(0, 3)), None),
        (f"f32[2,0] triangular-solve(a, b), {SOLVE}", (np.eye(2, dtype=F32), z(2, 0)), None),
        ("f32[0] dynamic-slice(a, b), dynamic_slice_sizes={0}", (z(3), I32(5)), None),
        ("f32[3] dynamic-update-slice(a, b, c)", (z(3), z(0), I32(5)), 0),
        ("(u64[2], u32[0]) rng-bit-generator(a), algorithm=rng_three_fry", (z(2, dtype=U64),), None),
        ("c64[0,3] fft(a), fft_type=RFFT, fft_length={4}", (z(0, 4),), None),
        ("f32[0,2] map(a), dimensions={0,1}, to_apply=minus", (z(0, 2),), None),
        ("f32[2,0] broadcast(a), dimensions={0}", (z(2),), None),
        ("u8[0,4] bitcast-convert(a)", (z(0),), None),
        ("u8[4] bitcast-convert(a)", (z(),), 0),
    ],
)
def test_nothing_and_scalars(instruction: str, args: tuple[Array, ...], value: float | None) -> None:
    called = [f"{name} {{ {body} }}" for name, body in COMPUTATIONS.items() if f"={name}" in instruction]
    given = [np.asarray(x) for x in args]
    results = run(program(instruction, given, "\n".join(called)), *given)
    if value is None:
        assert any(x.size == 0 for x in results)
    else:
        assert all((x == value).all() for x in results)


def test_the_mean_of_nothing_is_not_a_number(recwarn: pytest.WarningsRecorder) -> None:
    instruction = "(f32[0,3], f32[3], f32[3]) batch-norm-training(a, b, b), epsilon=0.1, feature_index=1"
    scaled, mean, variance = run(program(instruction, [z(0, 3), z(3)]), z(0, 3), z(3))
    assert scaled.shape == (0, 3)
    assert np.isnan(mean).all()
    assert np.isnan(variance).all()
    assert not recwarn.list
