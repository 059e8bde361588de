"""Conversions of small floats in integer operations against ml_dtypes, for every bit pattern and many f32."""

from __future__ import annotations

import ml_dtypes  # noqa: F401 - registers the types with numpy
import numpy as np
import pytest

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.conversions import FORMATS, Special, expand_conversions
from hlo_tools.codegen.evaluate import run_kernel
from hlo_tools.codegen.index import Var, constant, of
from hlo_tools.ir.element import F32, F64, ElementType

NAMES = sorted(e.name for e in FORMATS)
BY_NAME = {e.name: e for e in FORMATS}


def convert(x: np.ndarray, source: ElementType, target: ElementType) -> np.ndarray:
    n = len(x)
    i = Var("i", 0, n - 1)
    a, b = k.Buffer("a", source, n), k.Buffer("b", target, n, k.Role.OUTPUT)
    store = k.Store(b, of(i), k.convert(k.load(a, of(i)), target))
    kernel = k.Kernel("convert", (a, b), (k.For(i, constant(0), constant(n), (store,), k.Axis.PARALLEL),))
    expanded = expand_conversions(kernel)
    for stmt in k.statements(expanded.body):
        for e in (e for root in k.roots(stmt) for e in root.walk() if e.op == "convert"):
            assert not {e.type.element, e.args[0].type.element} & FORMATS.keys()
    y = np.zeros(n, target.dtype)
    run_kernel(expanded, [x, y])
    return y


def patterns(element: ElementType) -> np.ndarray:
    raw = np.uint16 if element.bits == 16 else np.uint8
    return np.arange(1 << element.bits, dtype=raw).view(element.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_decoding_is_exact(name: str) -> None:
    x = patterns(BY_NAME[name])
    np.testing.assert_array_equal(convert(x, BY_NAME[name], F32), x.astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_encoding_rounds_to_nearest_even(name: str) -> None:
    element = BY_NAME[name]
    rng = np.random.default_rng(0)
    exact = patterns(element).astype(np.float32)
    finite = np.sort(np.unique(exact[np.isfinite(exact)]))
    middles = finite[:-1] / 2 + finite[1:] / 2
    near = [np.nextafter(middles, np.float32(s)) for s in (np.inf, -np.inf)]
    spread = np.float32(10.0) ** rng.uniform(-44, 38, 20000).astype(np.float32) * rng.choice([-1, 1], 20000)
    special = np.array([0, -0.0, np.inf, -np.inf, 3e38, -3e38, 1e-45, -1e-45, 3e-39], np.float32)
    x = np.concatenate([exact[~np.isnan(exact)], middles, *near, spread.astype(np.float32), special])
    got, want = convert(x, F32, element), x.astype(element.dtype)
    raw = np.uint16 if element.bits == 16 else np.uint8
    bad = (got.view(raw) != want.view(raw)) & ~(np.isnan(got.astype(np.float32)) & np.isnan(want.astype(np.float32)))
    assert not bad.any(), (x[bad][:5], got[bad][:5], want[bad][:5])


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_where_there_is_one(name: str) -> None:
    if FORMATS[BY_NAME[name]].special is Special.FINITE:
        pytest.skip("the type has no NaN")
    got = convert(np.array([np.nan, -np.nan], np.float32), F32, BY_NAME[name])
    assert np.isnan(got.astype(np.float32)).all()


@pytest.mark.parametrize("name", ["bf16", "f16", "f8e4m3fn", "f8e5m2"])
def test_f64_is_rounded_once(name: str) -> None:
    element = BY_NAME[name]
    exact = patterns(element).astype(np.float64)
    finite = np.sort(np.unique(exact[np.isfinite(exact)]))
    middles = (finite[:-1] + finite[1:]) / 2
    x = middles * (1 + np.array([2.0**-45, -(2.0**-45)])[:, None])  # f32 cannot tell them from the middle
    got = convert(x.reshape(-1), F64, element).astype(np.float64).reshape(x.shape)
    upward = x > middles
    want = np.where(upward, finite[1:], finite[:-1])
    np.testing.assert_array_equal(got, want)
