"""Custom-calls to check.*: what passes, what fails, and how a failure reads."""

from __future__ import annotations

import numpy as np
import pytest
from programs import Array, evaluate

import hlo_tools as hlo

F32 = np.float32
NAN, INF = np.nan, np.inf


def check(target: str, got: Array, expected: Array, config: str = "") -> None:
    suffix = f", backend_config={config}" if config else ""
    evaluate(f'() custom-call(a, b), custom_call_target="check.{target}"{suffix}', got, expected)


def f32(*values: float) -> Array:
    return np.array(values, F32)


@pytest.mark.parametrize(
    ("target", "got", "expected", "config"),
    [
        ("expect_eq", f32(1, -0.0, INF), f32(1, 0.0, INF), ""),
        ("expect_eq", np.array([1, 2]), np.array([1, 2]), ""),
        ("expect_almost_eq", f32(1.0005, NAN, INF), f32(1, NAN, INF), ""),
        ("expect_almost_eq", f32(1.05), f32(1), "{tolerance = 0.1}"),
        ("expect_close", f32(1 + 3 * 2**-23, NAN), f32(1, -NAN), ""),
        ("expect_close", f32(1e-45), f32(-1e-45), "{max_ulp_difference = 2}"),
        ("expect_close", np.array([1 + 1j], np.complex64), np.array([1 + 1j], np.complex64), ""),
    ],
)
def test_checks_that_hold(target: str, got: Array, expected: Array, config: str) -> None:
    check(target, got, expected, config)


@pytest.mark.parametrize(
    ("target", "got", "expected", "config", "message"),
    [
        ("expect_eq", f32(1, NAN), f32(1, NAN), "", r"1 of 2 elements differ; at \[1\] got nan, expected nan"),
        ("expect_eq", np.array(3), np.array(4), "", r"at \[\] got 3, expected 4"),
        ("expect_almost_eq", f32(1.01), f32(1), "", "1 of 1 elements differ"),
        ("expect_almost_eq", f32(INF), f32(3e38), "", "got inf"),
        ("expect_close", f32(1 + 4 * 2**-23), f32(1), "", "1 of 1"),
        ("expect_close", f32(1), f32(1), "{min_ulp_difference = 1}", "1 of 1"),
        ("expect_close", f32(INF), f32(np.finfo(F32).max), "", "got inf"),
        ("expect_close", np.array([1 + 1j], np.complex64), np.array([1 + 2j], np.complex64), "", "1 of 1"),
        ("expect_eq", f32(1, 2), f32(1), "", r"got f32\[2\], expected f32\[1\]"),
    ],
)
def test_checks_that_fail(target: str, got: Array, expected: Array, config: str, message: str) -> None:
    with pytest.raises(hlo.CompareError, match=message) as caught:
        check(target, got, expected, config)
    assert caught.value.diagnostics[0].code == "HLO5007"
