"""The code of one element of every elementwise op, for every type, against `Op.evaluate` at random and edge values."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from kernels import check

from hlo_tools.codegen.scalar import SCALAR
from hlo_tools.ir.element import ELEMENT_TYPES, PRED, ElementType, real_part
from hlo_tools.ir.op import Op, Trait
from hlo_tools.ops import OPS
from hlo_tools.ops.family import Elementwise

ARRAYS = [e for e in ELEMENT_TYPES.values() if e.is_array]
FAMILY: list[Elementwise] = [op for op in OPS.values() if isinstance(op, Elementwise)]
# a type without zero and sign, and without arithmetic of its own
POWERS = ELEMENT_TYPES["f8e8m0fnu"]


def takes(op: Elementwise, element: ElementType) -> bool:
    if op.name == "complex":
        return element.name in ("f32", "f64")
    return element.kind in op.accepts and element is not POWERS


CASES = [(op, e) for op in FAMILY for e in ARRAYS if takes(op, e)]
N = 400

# XLA and C leave these to the implementation
LOOSE_COMPLEX = {"power", "atan2", "acos", "acosh", "asin", "asinh", "atanh", "tan", "tanh", "log-plus-one"}


def edges(element: ElementType) -> np.ndarray:
    if element is PRED:
        return np.array([False, True])
    if element.is_integer:
        low = -(1 << (element.bits - 1)) if element.is_signed else 0
        high = (1 << (element.bits - (1 if element.is_signed else 0))) - 1
        numbers = {
            low,
            high,
            0,
            min(1, high),
            max(-1, low),
            low // 2,
            high // 2,
            min(2, high),
            min(7, high),
            min(31, high),
        }
        wide = np.array(sorted(numbers), np.int64 if element.is_signed else np.uint64)
        return wide.astype(element.dtype) if element.bits >= 8 else wide.astype(np.int8).astype(element.dtype)
    finfo: Any = ml_dtypes.finfo
    info = finfo(real_part(element).dtype)
    big, tiny = float(info.max), float(info.smallest_normal)
    numbers = [
        0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        2.5,
        1.5,
        3,
        -3,
        100,
        big,
        -big,
        tiny,
        float("inf"),
        -float("inf"),
        float("nan"),
    ]
    return np.array(numbers).astype(element.dtype)


def values(element: ElementType, rng: np.random.Generator) -> np.ndarray:
    edge = edges(element)
    if element is PRED:
        return rng.random(N) < 0.5
    if element.is_integer:
        bits = rng.integers(0, 256, N * 8, np.uint8).view(np.uint64)
        usual = (bits >> rng.integers(0, 64, N).astype(np.uint64)).astype(np.int64)
        usual = usual.astype(np.int8).astype(element.dtype) if element.bits < 8 else usual.astype(element.dtype)
    else:
        usual = rng.standard_normal(N) * 10.0 ** rng.uniform(-3, 2, N)
        if element.is_complex:
            usual = usual + 1j * rng.standard_normal(N)
        usual = usual.astype(element.dtype)
    picked = usual.copy()
    if not element.is_complex:
        where = np.flatnonzero(rng.random(N) < 0.4)
        picked[where] = edge[rng.integers(0, len(edge), len(where))]
    return picked


def tolerance(op: Op[Any], element: ElementType) -> float:
    part = real_part(element)
    ulp = 2.0**-52 if part.bits == 64 else 2.0**-23
    if part.bits < 32 and Trait.TRANSCENDENTAL not in op.traits:
        return 0.0
    if element.is_complex:
        return ulp * (4000 if op.name in LOOSE_COMPLEX else 40)
    return ulp * (8 if Trait.TRANSCENDENTAL in op.traits else 1)


@pytest.mark.parametrize(("op", "element"), CASES, ids=lambda x: x.name)
def test_elementwise(op: Elementwise, element: ElementType) -> None:
    rng = np.random.default_rng(7)
    inputs = [values(element, rng) for _ in range(op.arity or 1)]
    if op.name in ("sine", "cosine", "tan") and element.name == "f64":
        inputs = [np.where(np.abs(x) > 1e8, 1.0, x) for x in inputs]  # see codegen/math.py
    result = op.result(element)
    parameters = "\n".join(f" x{i} = {element}[{N}] parameter({i})" for i in range(len(inputs)))
    operands = ", ".join(f"x{i}" for i in range(len(inputs)))
    text = f"HloModule t\nENTRY m {{\n{parameters}\n ROOT r = {result}[{N}] {op.name}({operands})\n}}"
    assert check(text, inputs, rtol=tolerance(op, element), atol=1e-300, scaled=False) == 1


@pytest.mark.parametrize("source", ARRAYS, ids=str)
def test_convert(source: ElementType) -> None:
    rng = np.random.default_rng(3)
    x = values(source, rng)
    for target in ARRAYS:
        if POWERS in (source, target):
            continue
        text = f"HloModule t\nENTRY m {{\n x = {source}[{N}] parameter(0)\n ROOT r = {target}[{N}] convert(x)\n}}"
        assert check(text, [x], rtol=0, atol=0) == 1


@pytest.mark.parametrize("element", [e for e in ARRAYS if e.is_float], ids=str)
def test_total_order(element: ElementType) -> None:
    rng = np.random.default_rng(4)
    x, y = values(element, rng), values(element, rng)
    for direction in ("LT", "LE", "GT", "GE", "EQ", "NE"):
        for order in ("", ", type=TOTALORDER"):
            text = f"""HloModule t
ENTRY m {{
 x = {element}[{N}] parameter(0)
 y = {element}[{N}] parameter(1)
 ROOT r = pred[{N}] compare(x, y), direction={direction}{order}
}}"""
            assert check(text, [x, y]) == 1


@pytest.mark.parametrize("element", [e for e in ARRAYS if e.is_float and e.bits >= 8], ids=str)
def test_reduce_precision(element: ElementType) -> None:
    if element.name == "f8e8m0fnu" or "fnuz" in element.name:
        pytest.skip("reduce-precision assumes the layout of IEEE 754")
    x = values(element, np.random.default_rng(5))
    for exponent, mantissa in ((5, 10), (8, 7), (3, 2), (4, 0), (5, 1)):
        text = f"""HloModule t
ENTRY m {{
 x = {element}[{N}] parameter(0)
 ROOT r = {element}[{N}] reduce-precision(x), exponent_bits={exponent}, mantissa_bits={mantissa}
}}"""
        assert check(text, [x], rtol=0, atol=0) == 1


def test_choice_and_clamp() -> None:
    text = """HloModule t
ENTRY m {
 p = pred[16] parameter(0)
 x = f32[16] parameter(1)
 y = f32[16] parameter(2)
 s = pred[] parameter(3)
 l = f32[] constant(-1)
 a = f32[16] select(p, x, y)
 q = f32[16] select(s, x, y)
 c = f32[16] clamp(l, x, y)
 z = c64[16] complex(x, y)
 w = c64[16] complex(y, x)
 u = c64[16] select(p, z, w)
 e = pred[16] compare(z, w), direction=EQ
 n = pred[16] compare(z, w), direction=NE
 ROOT r = () tuple()
}"""
    assert check(text) == 8


def test_every_elementwise_op_has_code() -> None:
    missing = {op.name for op in OPS.values() if Trait.ELEMENTWISE in op.traits and SCALAR.find(op) is None}
    assert missing == set(SCALAR.not_yet)
