"""Ops that run computations, linear algebra, Fourier transforms, random bits, normalisation, scan."""

from __future__ import annotations

import numpy as np
import pytest
from programs import Array, evaluate, program, refusal, run, xla

import hlo_tools as hlo

F32, I32 = np.float32, np.int32
RNG = np.random.default_rng(0)


def test_while_and_conditional() -> None:
    text = """HloModule m
go { s = (s32[], f32[2]) parameter(0) n = s32[] get-tuple-element(s), index=0 e = s32[] constant(5)
  ROOT r = pred[] compare(n, e), direction=LT }
step { s = (s32[], f32[2]) parameter(0) n = s32[] get-tuple-element(s), index=0 one = s32[] constant(1)
  m = s32[] add(n, one) x = f32[2] get-tuple-element(s), index=1 y = f32[2] add(x, x)
  ROOT r = (s32[], f32[2]) tuple(m, y) }
up { x = f32[2] parameter(0) ROOT r = f32[2] exponential(x) }
down { x = f32[2] parameter(0) ROOT r = f32[2] negate(x) }
ENTRY main {
  x = f32[2] parameter(0) which = s32[] parameter(1) zero = s32[] constant(0)
  s = (s32[], f32[2]) tuple(zero, x)
  w = (s32[], f32[2]) while(s), condition=go, body=step
  y = f32[2] get-tuple-element(w), index=1
  ROOT r = f32[2] conditional(which, y, y), branch_computations={up, down}
}
"""
    x = np.array([1, -0.5], F32)
    assert np.allclose(run(text, x, np.array(0, I32))[0], np.exp(x * 32), rtol=1e-6)
    for out_of_range in (1, 2, -1):
        assert run(text, x, np.array(out_of_range, I32))[0].tolist() == [-32, 16]


LOOP = """HloModule m
go { s = (f32[2], f32[2], pred[]) parameter(0) ROOT p = pred[] get-tuple-element(s), index=2 }
grow { s = (f32[2], f32[2], pred[]) parameter(0) x = f32[2] get-tuple-element(s), index=0
  y = f32[2] get-tuple-element(s), index=1 p = pred[] get-tuple-element(s), index=2
  z = f32[2] add(x, y) ROOT r = (f32[2], f32[2], pred[]) tuple(z, y, p) }
nest { s = (f32[2], f32[2], pred[]) parameter(0)
  ROOT w = (f32[2], f32[2], pred[]) while(s), condition=go, body=grow }
ENTRY main { x = f32[2] parameter(0) p = pred[] parameter(1)
  s = (f32[2], f32[2], pred[]) tuple(x, x, p)
  w = (f32[2], f32[2], pred[]) while(s), condition=go, body=BODY
  y = f32[2] get-tuple-element(w), index=INDEX
  ROOT n = f32[2] negate(y) }
"""


@pytest.mark.parametrize("body", ["grow", "nest"])
def test_a_loop_that_never_ends_gives_what_it_passes_through(body: str) -> None:
    text = LOOP.replace("BODY", body)
    x = np.array([1, 2], F32)
    assert run(text.replace("INDEX", "1"), x, np.array(True))[0].tolist() == [-1, -2]
    with pytest.raises(hlo.LimitError, match="the loop w never ends"):
        run(text.replace("INDEX", "0"), x, np.array(True))
    assert run(text.replace("INDEX", "0"), x, np.array(False))[0].tolist() == [-1, -2]


@pytest.mark.parametrize(
    ("element", "start", "step", "size", "direction", "limit", "end"),
    [
        ("s32", 1, "add(c, n)", 2, "LT", 10**9, 10**9 + 1),
        ("s32", 7, "add(n, c)", 4, "LE", 10**9, 10**9 + 3),
        ("s32", 42, "subtract(c, n)", 1, "LT", 100, 2**31 - 1),
        ("s32", 42, "subtract(c, n)", 1, "GT", -(10**9), -(10**9)),
        ("s32", 5, "add(c, n)", 1, "GT", 9, 5),
        ("u8", 250, "add(c, n)", 3, "GE", 3, 0),
        ("s8", -128, "add(c, n)", 1, "LT", 127, 127),
        ("u64", 0, "add(c, n)", 3, "LT", 2**63, 2**63 + 1),
        ("s4", 1, "add(c, n)", 1, "GT", 0, -8),
    ],
)
def test_counting_loops_are_not_run(
    element: str, start: int, step: str, size: int, direction: str, limit: int, end: int
) -> None:
    state = f"({element}[], f32[2], s64[])"
    text = f"""HloModule m
go {{ s = {state} parameter(0) c = {element}[] get-tuple-element(s), index=0
  e = {element}[] constant({limit}) ROOT r = pred[] compare(c, e), direction={direction} }}
step {{ s = {state} parameter(0) c = {element}[] get-tuple-element(s), index=0
  x = f32[2] get-tuple-element(s), index=1 k = s64[] get-tuple-element(s), index=2
  n = {element}[] constant({size}) d = {element}[] {step} one = s64[] constant(1) j = s64[] add(k, one)
  ROOT r = {state} tuple(d, x, j) }}
ENTRY main {{ c = {element}[] constant({start}) x = f32[2] parameter(0) k = s64[] constant(0)
  s = {state} tuple(c, x, k)
  ROOT w = {state} while(s), condition=go, body=step }}
"""
    final, x, rounds = run(text, np.array([1, 2], F32))
    assert x.tolist() == [1, 2]
    assert int(final) == end
    change = size if step.startswith("add") else -size
    bits = int("".join(filter(str.isdigit, element)))
    assert (start + int(rounds) * change - end) % (1 << bits) == 0


def test_a_loop_that_stands_still_for_a_while_ends() -> None:
    text = """HloModule m
go { s = (s32[], s32[]) parameter(0) x = s32[] get-tuple-element(s), index=0 e = s32[] constant(1)
  ROOT r = pred[] compare(x, e), direction=LT }
step { s = (s32[], s32[]) parameter(0) n = s32[] get-tuple-element(s), index=1 one = s32[] constant(1)
  m = s32[] add(n, one) ten = s32[] constant(10) x = s32[] divide(m, ten) ROOT r = (s32[], s32[]) tuple(x, m) }
ENTRY main { z = s32[] constant(0) s = (s32[], s32[]) tuple(z, z)
  ROOT w = (s32[], s32[]) while(s), condition=go, body=step }
"""
    assert [int(v) for v in run(text)] == [1, 10]


def test_conditional_on_a_pred() -> None:
    branches = "yes { x = f32[] parameter(0) ROOT r = f32[] negate(x) }\nno { ROOT x = f32[] parameter(0) }"
    call = "f32[] conditional(a, b, c), true_computation=yes, false_computation=no"
    for flag, expected in ((True, -1), (False, 2)):
        got = evaluate(call, np.array(flag), np.array(1, F32), np.array(2, F32), computations=branches)
        assert got == expected


def test_call_and_fusion() -> None:
    twice = "f { x = f32[2] parameter(0) ROOT r = (f32[2], f32[2]) tuple(x, x) }"
    for instruction in ("(f32[2], f32[2]) call(a), to_apply=f", "(f32[2], f32[2]) fusion(a), kind=kLoop, calls=f"):
        assert [x.tolist() for x in evaluate(instruction, np.array([1, 2], F32), computations=twice)] == [
            [1, 2],
            [1, 2],
        ]


@pytest.mark.parametrize(
    ("instruction", "shapes", "computation", "message"),
    [
        ("s32[] while(a), condition=f, body=g", ("s32[]",),
         "f { x = s32[] parameter(0) ROOT r = s32[] negate(x) }\ng { ROOT x = s32[] parameter(0) }",
         "the condition f returns s32[], expected pred[]"),
        ("f32[] call(a), to_apply=f", ("f32[]", ), "f { ROOT x = f32[2] parameter(0) }",
         "the result is f32[2], but f32[] is declared"),
        ("f32[] conditional(a, a), branch_computations={f}", ("f32[]",), "f { ROOT x = f32[] parameter(0) }",
         "must be a scalar of PRED or S32"),
        ("f32[2,3] cholesky(a)", ("f32[2,3]",), "", "expected square matrices"),
        ("c64[4] fft(a), fft_type=FFT, fft_length={5}", ("c64[4]",), "", "fft_length={5} needs {5} at its end"),
        ("f32[2,2] triangular-solve(a, b), left_side=true", ("f32[3,3]", "f32[2,2]"), "", "does not fit f32[3,3]"),
        ("(f32[2,2], f32[2], f32[2]) batch-norm-training(a, b, b), epsilon=0.1, feature_index=2",
         ("f32[2,2]", "f32[2]"), "", "feature_index=2 is out of range"),
    ],
)  # fmt: skip
def test_refused(instruction: str, shapes: tuple[str, ...], computation: str, message: str) -> None:
    assert message in refusal(instruction, *shapes, computations=computation)


# ---- linear algebra


@pytest.mark.parametrize("lower", [True, False])
def test_cholesky_reads_one_triangle(lower: bool) -> None:
    a = RNG.standard_normal((2, 5, 5))
    a = a @ a.swapaxes(1, 2) + np.eye(5)
    half = np.tril(a) if lower else np.triu(a)
    got = evaluate(f"f64[2,5,5] cholesky(a), lower={'true' if lower else 'false'}", half)
    assert np.allclose(got @ got.swapaxes(1, 2) if lower else got.swapaxes(1, 2) @ got, a)


def test_cholesky_of_an_indefinite_matrix_is_nan() -> None:
    a = np.stack([np.eye(2), -np.eye(2)]).astype(F32)
    got = evaluate("f32[2,2,2] cholesky(a), lower=true", a)
    assert got[0].tolist() == [[1, 0], [0, 1]]
    assert np.isnan(got[1]).all()


@pytest.mark.parametrize("left", ["true", "false"])
@pytest.mark.parametrize("lower", ["true", "false"])
@pytest.mark.parametrize("how", ["NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"])
@pytest.mark.parametrize("unit", ["true", "false"])
def test_triangular_solve(left: str, lower: str, how: str, unit: str) -> None:
    a = RNG.standard_normal((2, 4, 4)) + 1j * RNG.standard_normal((2, 4, 4)) + 4 * np.eye(4)
    b = RNG.standard_normal((2, 4, 3) if left == "true" else (2, 3, 4)) + 0j
    x = evaluate(
        f"c128[{','.join(map(str, b.shape))}] triangular-solve(a, b), left_side={left}, lower={lower},"
        f" unit_diagonal={unit}, transpose_a={how}",
        a, b,
    )  # fmt: skip
    t = np.tril(a) if lower == "true" else np.triu(a)
    if unit == "true":
        t[..., range(4), range(4)] = 1
    t = {"NO_TRANSPOSE": t, "TRANSPOSE": t.swapaxes(1, 2), "ADJOINT": t.swapaxes(1, 2).conj()}[how]
    assert np.allclose(t @ x if left == "true" else x @ t, b)


# ---- Fourier transforms


def _dft(x: Array) -> Array:
    n = len(x)
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) @ x


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_fft_against_its_definition(n: int) -> None:
    x = (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(np.complex64)
    got = evaluate(f"c64[{n}] fft(a), fft_type=FFT, fft_length={{{n}}}", x)
    assert np.allclose(got, _dft(x), atol=1e-5)
    assert np.allclose(evaluate(f"c64[{n}] fft(a), fft_type=IFFT, fft_length={{{n}}}", got), x, atol=1e-5)
    real = RNG.standard_normal(n).astype(F32)
    half = evaluate(f"c64[{n // 2 + 1}] fft(a), fft_type=RFFT, fft_length={{{n}}}", real)
    assert np.allclose(half, _dft(real)[: n // 2 + 1], atol=1e-5)
    assert np.allclose(evaluate(f"f32[{n}] fft(a), fft_type=IRFFT, fft_length={{{n}}}", half), real, atol=1e-5)


def test_fft_over_two_dimensions() -> None:
    x = RNG.standard_normal((2, 3, 4)).astype(F32)
    got = evaluate("c64[2,3,3] fft(a), fft_type=RFFT, fft_length={3,4}", x)
    assert np.allclose(got, np.fft.fft(np.fft.rfft(x, axis=2), axis=1), atol=1e-5)


# ---- random bits


def test_random_bits_of_the_published_generators() -> None:
    state = np.array([1, 2], np.uint64)
    after, bits = evaluate("(u64[2], u32[5]) rng-bit-generator(a), algorithm=rng_three_fry", state)
    assert bits.tolist() == [43444564, 2150618427, 3979645651, 3745730563, 1672743891]
    assert after.tolist() == [1, 5]
    after, bits = evaluate(
        "(u64[3], u32[5]) rng-bit-generator(a), algorithm=rng_philox", np.array([1, 2, 3], np.uint64)
    )
    assert bits.tolist() == [4031113034, 1366700262, 495645701, 3051723414, 89414891]
    assert after.tolist() == [1, 4, 3]


@pytest.mark.parametrize("algorithm", ["rng_three_fry", "rng_philox", "rng_default"])
@pytest.mark.parametrize("result", ["u32[3,4]", "u32[3,3]", "u64[5]", "u8[3,5,2]", "u16[7]", "u32[]"])
def test_random_bits_as_xla(algorithm: str, result: str) -> None:
    state = np.array([2**40 + 7, 2**64 - 2], np.uint64)
    text = program(f"(u64[2], {result}) rng-bit-generator(a), algorithm={algorithm}", [state])
    for got, expected in zip(run(text, state), xla(text, state), strict=True):
        assert np.array_equal(got, expected)


# ---- normalisation and scan


def test_batch_normalisation() -> None:
    x = RNG.standard_normal((4, 3, 5))
    scale, offset = RNG.standard_normal(3), RNG.standard_normal(3)
    training = "(f64[4,3,5], f64[3], f64[3]) batch-norm-training(a, b, c), epsilon=0.01, feature_index=1"
    y, mean, variance = evaluate(training, x, scale, offset)
    assert np.allclose(mean, x.mean((0, 2)))
    assert np.allclose(variance, x.var((0, 2)))
    again = evaluate("f64[4,3,5] batch-norm-inference(a, b, c, d, e), epsilon=0.01, feature_index=1",
                     x, scale, offset, mean, variance)  # fmt: skip
    assert np.allclose(y, again)
    assert np.allclose(y.mean((0, 2)), offset)


def test_gradient_of_batch_normalisation_against_differences() -> None:
    x, scale, offset, weight = (RNG.standard_normal(d) for d in ((4, 2), 2, 2, (4, 2)))

    def loss(a: Array, b: Array, c: Array) -> float:
        call = "(f64[4,2], f64[2], f64[2]) batch-norm-training(a, b, c), epsilon=0.1, feature_index=1"
        return float((evaluate(call, a, b, c)[0] * weight).sum())

    of_x, of_scale, of_offset = evaluate(
        "(f64[4,2], f64[2], f64[2]) batch-norm-grad(a, b, c, d, e), epsilon=0.1, feature_index=1",
        x, scale, x.mean(0), x.var(0), weight,
    )  # fmt: skip
    step = 1e-6
    nudge = np.zeros((4, 2))
    nudge[1, 0] = step
    assert of_x[1, 0] == pytest.approx(
        (loss(x + nudge, scale, offset) - loss(x - nudge, scale, offset)) / (2 * step), rel=1e-5
    )
    d = np.array([step, 0])
    assert of_scale[0] == pytest.approx(
        (loss(x, scale + d, offset) - loss(x, scale - d, offset)) / (2 * step), rel=1e-5
    )
    assert of_offset[0] == pytest.approx(weight[:, 0].sum())


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse: bool) -> None:
    step = """f { x = f32[2] parameter(0) c = f32[2] parameter(1) s = f32[2] add(x, c)
      ROOT r = (f32[2], f32[2]) tuple(c, s) }"""
    x = RNG.integers(0, 9, (2, 4)).astype(F32)
    suffix = ", is_reverse=true" if reverse else ""
    before, total = evaluate(f"(f32[2,4], f32[2]) scan(a, b), dimensions={{1}}, num_carries=1{suffix}, to_apply=f",
                             x, np.zeros(2, F32), computations=step)  # fmt: skip
    line = x[:, ::-1] if reverse else x
    sums = np.cumsum(line, axis=1) - line
    assert np.array_equal(before, sums[:, ::-1] if reverse else sums)
    assert np.array_equal(total, x.sum(1))


# ---- sizes known at run time


def test_dynamic_sizes() -> None:
    text = """HloModule m
add { x = s32[] parameter(0) y = s32[] parameter(1) ROOT s = s32[] add(x, y) }
ENTRY main {
  x = s32[2,5] parameter(0) n = s32[] parameter(1) zero = s32[] constant(0)
  cut = s32[2,<=5] set-dimension-size(x, n), dimensions={1}
  flat = s32[<=10] reshape(cut)
  sum = s32[] reduce(flat, zero), dimensions={0}, to_apply=add
  size = s32[] get-dimension-size(cut), dimensions={1}
  ROOT r = (s32[], s32[], s32[2,<=5]) tuple(sum, size, cut)
}
"""
    x = np.arange(10, dtype=I32).reshape(2, 5)
    for n, size in ((3, 3), (0, 0), (9, 5)):
        total, found, cut = run(text, x, np.array(n, I32))
        assert (total, found) == (x[:, :size].sum(), size)
        assert np.array_equal(cut, np.where(np.arange(5) < size, x, 0)), "filled up to the bound"


def test_elementwise_ops_take_what_all_operands_have() -> None:
    text = """HloModule m
ENTRY main {
  x = s32[4] parameter(0) n = s32[] parameter(1) three = s32[] constant(3)
  a = s32[<=4] set-dimension-size(x, n), dimensions={0}
  b = s32[<=4] set-dimension-size(x, three), dimensions={0}
  sum = s32[<=4] add(a, b)
  p = pred[<=4] compare(a, b), direction=LT
  s = s32[<=4] select(p, a, b)
  z = s32[] get-dimension-size(sum), dimensions={0}
  ROOT r = (s32[<=4], s32[<=4], s32[]) tuple(sum, s, z)
}
"""
    x = np.array([1, 2, 3, 4], I32)
    assert [v.tolist() for v in run(text, x, np.array(2, I32))] == [[2, 4, 0, 0], [1, 2, 0, 0], 2]
    assert [v.tolist() for v in run(text, x, np.array(1, I32))] == [[2, 3, 4, 0], [1, 1, 1, 0], 3]


@pytest.mark.parametrize(("size", "expected"), [(8, [0, 1, 3, 4, 9, 10, 12, 13]), (2, [0, 1]), (9, None)])
def test_dynamic_reshape(size: int, expected: list[int] | None) -> None:
    text = """HloModule m
ENTRY main {
  x = s32[2,3,3] parameter(0) n = s32[] parameter(1) two = s32[] constant(2)
  a = s32[2,<=3,3] set-dimension-size(x, two), dimensions={1}
  b = s32[2,<=3,<=3] set-dimension-size(a, two), dimensions={2}
  ROOT r = s32[<=18] dynamic-reshape(b, n)
}
"""
    whole = [0, 1, 3, 4, 9, 10, 12, 13, 0] if expected is None else expected
    (got,) = run(text, np.arange(18, dtype=I32).reshape(2, 3, 3), np.array(size, I32))
    assert got.tolist() == whole + [0] * (18 - len(whole))


def test_run_time_sizes_that_do_not_fit_are_reported() -> None:
    text = """HloModule m
ENTRY main {
  x = s32[4] parameter(0) two = s32[] constant(2) three = s32[] constant(3)
  a = s32[<=4] set-dimension-size(x, two), dimensions={0}
  b = s32[<=4] set-dimension-size(x, three), dimensions={0}
  ROOT r = s32[] dot(a, b), lhs_contracting_dims={0}, rhs_contracting_dims={0}
}
"""
    with pytest.raises(hlo.UnsupportedError, match="run-time sizes"):
        run(text, np.zeros(4, I32))


# ---- what has no meaning here


@pytest.mark.parametrize(
    ("instruction", "code", "message"),
    [
        ('f32[2] custom-call(a), custom_call_target="f"', "HLO5005", 'custom-call to "f" has no meaning here'),
        ("f32[2] constant({...})", "HLO5003", "is not in the text"),
    ],
)
def test_not_yet(instruction: str, code: str, message: str) -> None:
    with pytest.raises(hlo.UnsupportedError) as caught:
        evaluate(instruction, np.zeros(2, F32))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert message in found.message
    assert found.span is not None
    assert found.span.position[0] == 5


def test_custom_calls_about_placement_return_their_operand() -> None:
    x = np.array([1, 2], F32)
    assert evaluate('f32[2] custom-call(a), custom_call_target="Sharding", sharding={replicated}', x).tolist() == [1, 2]


# ---- random numbers of any generator


def test_rng() -> None:
    text = """HloModule m
ENTRY main {
  a = f32[] constant(2)
  b = f32[] constant(3)
  i = s8[] constant(-2)
  j = s8[] constant(2)
  h = bf16[] constant(1)
  g = bf16[] constant(2)
  u = f32[1000] rng(a, b), distribution=rng_uniform
  n = f32[1000] rng(a, b), distribution=rng_normal
  k = s8[1000] rng(i, j), distribution=rng_uniform
  c = bf16[1000] rng(h, g), distribution=rng_uniform
  ROOT r = (f32[1000], f32[1000], s8[1000], bf16[1000]) tuple(u, n, k, c)
}
"""
    u, n, k, c = run(text)
    assert (u >= 2).all() and (u < 3).all() and u.std() > 0.25
    assert abs(n.mean() - 2) < 0.3 and abs(n.std() - 3) < 0.3
    assert sorted(set(k.tolist())) == [-2, -1, 0, 1]
    assert (c >= 1).all() and (c < 2).all()
    assert all(np.array_equal(x, y) for x, y in zip(run(text), (u, n, k, c), strict=True))


def test_the_state_of_the_generator_moves_on() -> None:
    text = """HloModule m
ENTRY main {
  a = u64[2] rng-get-and-update-state(), delta=5
  b = u64[2] rng-get-and-update-state(), delta=1, control-predecessors={a}
  ROOT r = u64[2] subtract(b, a)
}
"""
    (difference,) = run(text)
    assert difference.tolist() == [5, 0]
