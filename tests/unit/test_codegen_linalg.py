"""cholesky and triangular-solve on numpy against `Op.evaluate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kernels import check

from hlo_tools.ir.element import ELEMENT_TYPES

SIZES = [(5, (2,)), (33, ()), (18, (2, 1))]


def positive(n: int, batch: tuple[int, ...], element: str) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(n)
    a = rng.standard_normal((*batch, n, n))
    if element.startswith("c"):
        a = a + 1j * rng.standard_normal((*batch, n, n))
    a = a @ np.conj(np.swapaxes(a, -1, -2)) + n * np.eye(n)
    return np.asarray(a.astype(ELEMENT_TYPES[element].dtype))


def spelled(*dims: int) -> str:
    return ",".join(map(str, dims))


@pytest.mark.parametrize("element", ["f32", "f64", "c64"])
@pytest.mark.parametrize(("n", "batch"), SIZES)
@pytest.mark.parametrize("lower", ["true", "false"])
def test_cholesky(element: str, n: int, batch: tuple[int, ...], lower: str) -> None:
    shape = f"{element}[{spelled(*batch, n, n)}]"
    text = f"HloModule t\nENTRY m {{\n a = {shape} parameter(0)\n ROOT f = {shape} cholesky(a), lower={lower}\n}}"
    assert check(text, [positive(n, batch, element)], rtol=1e-5) == 1


def test_a_matrix_that_is_not_positive_definite_gives_nan() -> None:
    text = "HloModule t\nENTRY m {\n a = f32[1,1] parameter(0)\n ROOT f = f32[1,1] cholesky(a), lower=true\n}"
    assert check(text, [np.array([[-1.0]], np.float32)]) == 1


@pytest.mark.parametrize("element", ["f32", "c64"])
@pytest.mark.parametrize("lower", ["true", "false"])
def test_nan_fills_the_matrix_that_is_not_positive_definite_and_no_other(element: str, lower: str) -> None:
    shape = f"{element}[2,4,4]"
    text = f"HloModule t\nENTRY m {{\n a = {shape} parameter(0)\n ROOT f = {shape} cholesky(a), lower={lower}\n}}"
    a = positive(4, (2,), element)
    a[1, 2, 2] = -1
    assert check(text, [a], rtol=1e-5) == 1


@pytest.mark.parametrize("element", ["f32", "c64"])
@pytest.mark.parametrize("lower", ["true", "false"])
@pytest.mark.parametrize("left", ["true", "false"])
@pytest.mark.parametrize("turned", ["NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"])
@pytest.mark.parametrize("unit", ["true", "false"])
def test_triangular_solve(element: str, lower: str, left: str, turned: str, unit: str) -> None:
    n, batch, m = 18, (2,), 7
    sides = (*batch, n, m) if left == "true" else (*batch, m, n)
    matrix, right = f"{element}[{spelled(*batch, n, n)}]", f"{element}[{spelled(*sides)}]"
    text = f"""HloModule t
ENTRY m {{
  a = {matrix} parameter(0)
  y = {right} parameter(1)
  ROOT x = {right} triangular-solve(a, y), left_side={left}, lower={lower}, unit_diagonal={unit}, transpose_a={turned}
}}"""
    a = positive(n, batch, element) / (4 * n) * (0.01 if unit == "true" else 1)
    y = np.random.default_rng(1).standard_normal(sides)
    dtype = ELEMENT_TYPES[element].dtype
    assert check(text, [a.astype(dtype), y.astype(dtype)], rtol=1e-5, atol=1e-5) == 1
