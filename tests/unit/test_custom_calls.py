"""Custom-calls with a meaning: annotations, TopK, functions by name, and those that a program adds."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from console import hlo as run_hlo
from programs import Array, evaluate, run

import hlo_tools as hlo
from hlo_tools.ops.calls import registry
from hlo_tools.ops.calls.site import settings_of

F32 = np.float32


def call(target: str, shape: str = "f32[2]", operands: str = "a", rest: str = "") -> str:
    return f'{shape} custom-call({operands}), custom_call_target="{target}"{rest}'


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ("", {}),
        ("{}", {}),
        ("{uplo = 76 : ui8, left = true}", {"uplo": 76, "left": True}),
        ("{a = array<i64: 1, 2>, b = [0.5 : f32, -3]}", {"a": [1, 2], "b": [0.5, -3]}),
        ("{c = {d = unit}}", {"c": {"d": "unit"}}),
        ('{name = "a \\"b\\"", flag, mask = 0x1F : i8, tiny = 1.0e-3 : f64}',
         {"name": 'a "b"', "flag": True, "mask": 31, "tiny": 0.001}),
        ('{"alpha": 1, "dims": ["0"]}', {"alpha": 1, "dims": ["0"]}),
        ('"{\\"alpha\\": 1}"', {"alpha": 1}),
        ('"plain"', {}),
        ("{a = ", {}),
        ("{a = [1, ", {}),
    ],
)  # fmt: skip
def test_settings(config: str, settings: dict[str, Any]) -> None:
    assert settings_of(config) == settings


@pytest.mark.parametrize("target", ["Sharding", "MoveToHost", "xla.sdy.FuncResultSharding", "ShardBarrierTo"])
def test_annotations_return_their_operand(target: str) -> None:
    assert evaluate(call(target), np.array([1, 2], F32)).tolist() == [1, 2]


def test_an_annotation_that_changes_the_shape_is_refused() -> None:
    with pytest.raises(hlo.UnsupportedError, match=r"which turns f32\[2\] into f32\[4\]"):
        evaluate(call("SPMDShardToFullShape", "f32[4]"), np.array([1, 2], F32))


@pytest.mark.parametrize("target", ["TopK", "mhlo.topk"])
def test_top_k(target: str) -> None:
    x = np.array([[1, np.nan, 3, -0.0, 3], [0.0, -0.0, -1, -2, -np.inf]], F32)
    values, places = evaluate(call(target, "(f32[2,3], s32[2,3])"), x)
    np.testing.assert_array_equal(values, [[np.nan, 3, 3], [0, 0, -1]])
    assert places.tolist() == [[1, 2, 4], [0, 1, 2]]
    values, places = evaluate(call("mhlo.topk", "(f32[2,1], s32[2,1])", rest=", backend_config={largest = false}"), x)
    assert (values.tolist(), places.tolist()) == ([[0], [-np.inf]], [[3], [4]])


def test_approximate_top_k_is_exact() -> None:
    less = """less { a = f32[] parameter(0) b = f32[] parameter(1) i = s32[] parameter(2) j = s32[] parameter(3)
      ROOT r = pred[] compare(a, b), direction=LT }"""
    x, i = np.array([[4, 1], [2, 3], [0, 5]], F32), np.arange(6, dtype=np.int32).reshape(3, 2)
    rest = ", called_computations={less}, backend_config={reduction_dim = 0 : i64, top_k = 2 : i64}"
    start = np.zeros((), F32), np.zeros((), np.int32)
    values, places = evaluate(
        call("ApproxTopK", "(f32[2,2], s32[2,2])", "a, b, c, d", rest), x, i, *start, computations=less
    )
    assert (values.tolist(), places.tolist()) == ([[0, 1], [2, 3]], [[4, 1], [2, 3]])


@pytest.mark.parametrize(("name", "function"), [("tan", np.tan), ("asinh", np.arcsinh), ("sinh", np.sinh)])
def test_functions_by_name(name: str, function: Callable[[Array], Array]) -> None:
    x = np.array([0.5, -0.25], F32)
    np.testing.assert_array_equal(evaluate(call(f"mhlo.{name}"), x), function(x.astype(float)).astype(F32))


def test_an_unknown_target_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(hlo.UnsupportedError) as caught:
        evaluate(call("lapack_spotf_ffi"), np.zeros(2, F32))
    (found,) = caught.value.diagnostics
    assert found.code == "HLO5005"
    assert 'custom-call to "lapack_spotf_ffi" has no meaning here; did you mean lapack_spotrf_ffi or ' in found.message
    assert found.span is not None


@pytest.mark.parametrize(
    ("target", "shape", "config"),
    [
        ("lapack_sormqr_ffi", "f32[2]", "{}"),
        ("lapack_strsm_ffi", "f32[2]", "{}"),
        ("lapack_spotrf_ffi", "(f32[2,2], s32[])", "{uplo = 76 : ui8}"),
        ("TopK", "f32[2]", "{}"),
        ("check.expect_eq", "()", "{}"),
    ],
)
def test_a_call_that_no_caller_makes_is_refused(target: str, shape: str, config: str) -> None:
    with pytest.raises(hlo.HloError) as caught:
        evaluate(call(target, shape, rest=f", backend_config={config}"), np.zeros(2, F32))
    assert caught.value.diagnostics[0].code == "HLO5020"


def test_settings_in_stablehlo() -> None:
    text = """func.func @main(%a: tensor<2x3xf32>) -> (tensor<2x1xf32>, tensor<2x1xi32>) {
      %0:2 = stablehlo.custom_call @mhlo.topk(%a) {backend_config = "", mhlo.backend_config = {largest = false}}
        : (tensor<2x3xf32>) -> (tensor<2x1xf32>, tensor<2x1xi32>)
      return %0#0, %0#1 : tensor<2x1xf32>, tensor<2x1xi32>
    }"""
    values, places = run(text, np.array([[3, 1, 2], [6, 5, 4]], F32))
    assert (values.tolist(), places.tolist()) == ([[1], [4]], [[1], [2]])
    assert "api_version=API_VERSION_TYPED_FFI, backend_config={largest = false}" in hlo.parse(text).to_text()


# ---- those of a program


def test_a_program_adds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def scale(site: hlo.CustomCall, x: Array) -> Array:
        assert site.target == "scale"
        assert site.shape.dims == (2,)
        return x * F32(site.settings["by"])

    monkeypatch.setitem(hlo.custom_calls, "scale", scale)
    x = np.array([1, 2], F32)
    assert evaluate(call("scale", rest=", backend_config={by = 3.0 : f32}"), x).tolist() == [3, 6]
    assert "scale" in registry.targets()


def test_its_own_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hlo.custom_calls, "Sharding", lambda site, x: -x)
    assert evaluate(call("Sharding"), np.array([1, 2], F32)).tolist() == [-1, -2]


def test_tuples_and_tokens_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(site: hlo.CustomCall, token: Any, pair: tuple[Array, Array]) -> tuple[Any, Any]:
        return token, (pair[1], site.env.call(site.inst.called[0], [pair[0]]))

    monkeypatch.setitem(hlo.custom_calls, "halves", halves)
    text = """HloModule m
    negated { x = bf16[2] parameter(0) ROOT y = bf16[2] negate(x) }
    ENTRY main { x = bf16[2] parameter(0) t = token[] after-all() p = (bf16[2], bf16[2]) tuple(x, x)
      c = (token[], (bf16[2], bf16[2])) custom-call(t, p), custom_call_target="halves", called_computations={negated}
      ROOT r = (bf16[2], bf16[2]) get-tuple-element(c), index=1 }
    """
    a, b = run(text, np.array([1, 2], ml_dtypes.bfloat16))
    assert (a.tolist(), b.tolist()) == ([1, 2], [-1, -2])


@pytest.mark.parametrize(
    ("meaning", "message"),
    [
        (lambda site, x: x.astype(float), r'custom-call to "mine" returned float64\[2\] where f32\[2\] is expected'),
        (lambda site, x: x[:1], r"returned float32\[1\] where"),
        (lambda site: 0, "TypeError"),
        (lambda site, x: 1 // 0, "ZeroDivisionError: integer division"),
    ],
)
def test_a_meaning_that_fails_is_reported(
    monkeypatch: pytest.MonkeyPatch, meaning: Callable[..., Any], message: str
) -> None:
    monkeypatch.setitem(hlo.custom_calls, "mine", meaning)
    with pytest.raises(hlo.UnsupportedError, match=message) as caught:
        evaluate(call("mine"), np.zeros(2, F32))
    assert caught.value.diagnostics[0].code == "HLO5020"


def test_a_tuple_of_another_length_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hlo.custom_calls, "mine", lambda site, x: (x,))
    with pytest.raises(hlo.UnsupportedError, match="did not return a tuple of 2"):
        evaluate(call("mine", "(f32[2], f32[2])"), np.zeros(2, F32))


def test_distributions_add_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        "theirs": EntryPoint("theirs", "numpy:negative", registry.GROUP),
        "gone": EntryPoint("gone", "hlo_tools:no_such_function", registry.GROUP),
    }
    monkeypatch.setattr(registry, "_installed", lambda: entries)
    with pytest.raises(hlo.UnsupportedError, match="hlo_tools:no_such_function cannot be loaded"):
        evaluate(call("gone"), np.zeros(2, F32))
    with pytest.raises(hlo.UnsupportedError, match='custom-call to "theirs": '):  # numpy knows nothing of call sites
        evaluate(call("theirs"), np.zeros(2, F32))


def test_the_command_names_the_place(tmp_path: Any) -> None:
    path = tmp_path / "f.hlo"
    path.write_text(f"HloModule m\nENTRY main {{\n  a = f32[2] parameter(0)\n  ROOT r = {call('mhlo.sin')}\n}}\n")
    done = run_hlo("interpret", str(path))
    assert done.code == 4
    assert ':4:8: error: r: custom-call to "mhlo.sin" has no meaning here; did you mean mhlo.' in done.err
