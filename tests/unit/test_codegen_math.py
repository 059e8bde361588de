"""How far the math functions of kernels are from the truth, in units in the last place, and their special values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen import math
from hlo_tools.codegen.evaluate import run_kernel
from hlo_tools.codegen.index import Var, constant, of
from hlo_tools.codegen.value import Num
from hlo_tools.ir.element import F32, F64, ElementType

Array = np.ndarray[Any, np.dtype[Any]]
N = 40000


def apply(function: Callable[..., Num], element: ElementType, *xs: Array) -> Array:
    n = len(xs[0])
    i = Var("i", 0, n - 1)
    inputs = [k.Buffer(f"x{j}", element, n) for j in range(len(xs))]
    out = k.Buffer("y", element, n, k.Role.OUTPUT)
    value = function(*[Num(k.load(b, of(i))) for b in inputs]).e
    loop = k.For(i, constant(0), constant(n), (k.Store(out, of(i), value),), k.Axis.PARALLEL)
    y = np.empty(n, element.dtype)
    run_kernel(k.Kernel("f", (*inputs, out), (loop,)), [*[x.astype(element.dtype) for x in xs], y])
    return y


def ulps(got: Array, want: Array, dtype: np.dtype[Any]) -> Array:
    info = np.finfo(dtype)
    size = np.abs(want).astype(np.float64)
    exponent = np.floor(np.log2(np.where(size > 0, size, info.tiny)))
    unit = np.ldexp(1.0, (np.maximum(exponent, info.minexp) - info.nmant).astype(int))
    return np.asarray(np.abs(got.astype(np.longdouble) - want) / unit)


def spread(low: float, high: float, signed: bool = True) -> Array:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(np.log(low), np.log(high), N))
    return x * np.where(rng.random(N) < 0.5, -1, 1) if signed else x


def even(low: float, high: float) -> Array:
    return np.random.default_rng(1).uniform(low, high, N)


def erf(x: Array) -> Array:
    if x.dtype == np.float64:
        return special.erf(x)
    with mpmath.workdps(30):
        return np.array([np.longdouble(str(mpmath.erf(mpmath.mpf(float(v))))) for v in x])


# name: function, truth, arguments for f32, arguments for f64 (None: the same)
CASES: dict[str, tuple[Callable[..., Num], Callable[..., Any], Array, Array | None]] = {
    "exp": (math.exp, np.exp, spread(1e-6, 88), spread(1e-8, 708)),
    "expm1": (math.expm1, np.expm1, spread(1e-8, 88), spread(1e-8, 708)),
    "log": (math.log, np.log, np.concatenate([spread(1e-44, 3e38, False), even(0.5, 2)]), None),
    "log1p": (math.log1p, np.log1p, np.concatenate([spread(1e-8, 0.99), spread(1, 1e30, False)]), None),
    "tanh": (math.tanh, np.tanh, spread(1e-8, 20), None),
    "sinh": (math.sinh, np.sinh, spread(1e-8, 89), spread(1e-8, 708)),
    "cosh": (math.cosh, np.cosh, spread(1e-8, 89), spread(1e-8, 708)),
    "asinh": (math.asinh, np.arcsinh, spread(1e-8, 1e30), None),
    "acosh": (math.acosh, np.arccosh, 1 + spread(1e-6, 1e30, False), None),
    "atanh": (math.atanh, np.arctanh, even(-0.9999, 0.9999), None),
    "logistic": (math.logistic, lambda x: 1 / (1 + np.exp(-x)), spread(1e-6, 80), None),
    "sin": (math.sin, np.sin, np.concatenate([spread(1e-6, 1e4), spread(1e4, 3e38)]), spread(1e-6, 1e8)),
    "cos": (math.cos, np.cos, np.concatenate([spread(1e-6, 1e4), spread(1e4, 3e38)]), spread(1e-6, 1e8)),
    "tan": (math.tan, np.tan, spread(1e-6, 1e30), spread(1e-6, 1e8)),
    "asin": (math.asin, np.arcsin, even(-1, 1), None),
    "acos": (math.acos, np.arccos, even(-1, 1), None),
    "cbrt": (math.cbrt, np.cbrt, spread(1e-44, 3e38), spread(1e-300, 1e308)),
    "rsqrt": (math.rsqrt, lambda x: 1 / np.sqrt(x), spread(1e-38, 3e38, False), None),
    "erf": (math.erf, erf, spread(1e-6, 6), spread(1e-6, 6)[:2000]),
}


def wide(x: Array, element: ElementType) -> Array:
    """Arguments in a type in which numpy knows better."""
    return x.astype(np.float64 if element is F32 else np.longdouble)


@pytest.mark.parametrize("element", [F32, F64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_accuracy(name: str, element: ElementType) -> None:
    function, truth, for_single, for_double = CASES[name]
    x = for_single if element is F32 or for_double is None else for_double
    x = x.astype(element.dtype)
    got = apply(function, element, x)
    want = np.asarray(truth(wide(x, element))).astype(np.longdouble)
    error = ulps(got, want, element.dtype)
    worst = int(np.argmax(error))
    assert error[worst] <= math.ULP[name][element is F64], (x[worst], got[worst], want[worst])


@pytest.mark.parametrize("element", [F32, F64], ids=str)
def test_accuracy_of_two_arguments(element: ElementType) -> None:
    rng = np.random.default_rng(2)
    a = np.abs(spread(1e-3, 1e3)).astype(element.dtype)
    limit = 87 if element is F32 else 700
    b = (rng.uniform(-limit, limit, N) / np.maximum(np.abs(np.log(a.astype(np.float64))), 1e-3)).astype(element.dtype)
    with np.errstate(over="ignore"):
        want = np.power(wide(a, element), wide(b, element)).astype(np.longdouble)
    keep = want < np.finfo(element.dtype).max
    error = ulps(apply(math.power, element, a, b), want, element.dtype)[keep]
    assert error.max() <= math.ULP["pow"][element is F64]
    y, x = spread(1e-3, 1e3).astype(element.dtype), rng.permutation(spread(1e-3, 1e3)).astype(element.dtype)
    want = np.arctan2(wide(y, element), wide(x, element)).astype(np.longdouble)
    assert ulps(apply(math.atan2, element, y, x), want, element.dtype).max() <= math.ULP["atan2"][element is F64]


EDGES = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 2, -2, 3, 0.5, -0.5, 1e30, -1e30, 1.5])


def agree(got: Array, want: Array) -> Array:
    same = (got == want) | (np.isnan(got) & np.isnan(want)) | np.isclose(got, want, rtol=1e-5, atol=0)
    return same & ((np.signbit(got) == np.signbit(want)) | np.isnan(want))


@pytest.mark.parametrize("element", [F32, F64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_special_values(name: str, element: ElementType) -> None:
    function, truth, _, _ = CASES[name]
    x = EDGES.astype(element.dtype)
    if element is F64 and name in ("sin", "cos", "tan"):
        x = x[~(np.isfinite(x) & (np.abs(x) > 1e8))]
    with np.errstate(all="ignore"):
        want = special.erf(x) if name == "erf" else truth(x)
    good = agree(apply(function, element, x), want)
    assert good.all(), x[~good]


@pytest.mark.parametrize("element", [F32, F64], ids=str)
def test_special_values_of_two_arguments(element: ElementType) -> None:
    grid = np.concatenate([EDGES, [np.finfo(element.dtype).max, -np.finfo(element.dtype).max, 7, 8]])
    a, b = (v.ravel().astype(element.dtype) for v in np.meshgrid(grid, grid))
    with np.errstate(all="ignore"):
        powers, angles = np.power(a, b), np.arctan2(a, b)
    for function, want in ((math.power, powers), (math.atan2, angles)):
        good = agree(apply(function, element, a, b), want)
        assert good.all(), list(zip(a[~good], b[~good], strict=True))[:9]
