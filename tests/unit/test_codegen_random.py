"""Random bits by kernels, on numpy and compiled, against `Op.evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
from kernels import check, compare

import hlo_tools as hlo
from hlo_tools.interpreter.run import interpret
from hlo_tools.ir.element import ELEMENT_TYPES

STATES = {
    2: np.array([0x123456789ABCDEF0, 2**64 - 3], np.uint64),
    3: np.array([0x0FEDCBA987654321, 2**64 - 2, 17], np.uint64),
}


def module(algorithm: str, words: int, array: str) -> str:
    result = f"(u64[{words}], {array})"
    return f"""HloModule t
ENTRY m {{
  s = u64[{words}] parameter(0)
  ROOT r = {result} rng-bit-generator(s), algorithm={algorithm}
}}"""


@pytest.mark.parametrize(("algorithm", "words"), [("rng_three_fry", 2), ("rng_philox", 3), ("rng_default", 3)])
@pytest.mark.parametrize(
    "array", ["u32[]", "u32[7]", "u32[3,4]", "u32[5,3]", "u64[5,3]", "u8[33]", "s16[2,2,2]", "u64[8]"]
)
def test_bits(algorithm: str, words: int, array: str) -> None:
    text = module(algorithm, words, array)
    assert check(text, [STATES[words]]) == 1
    parsed = hlo.parse(text)
    got = hlo.compile(parsed, backend="cpu")(STATES[words])
    for g, w, (_, shape) in zip(
        got, interpret(parsed, [STATES[words]]), parsed.main.result.shape.leaves(), strict=True
    ):
        compare(shape, g, w, 0, 0)


@pytest.mark.parametrize("element", ["f32", "f64", "bf16", "s8", "u64", "pred"])
def test_uniform(element: str) -> None:
    """Compiled code gives numbers of the range, all over it, and different ones for each instruction."""
    dtype = ELEMENT_TYPES[element].dtype
    text = f"""HloModule m
ENTRY main {{
  low = {element}[] parameter(0)
  high = {element}[] parameter(1)
  a = {element}[50,100] rng(low, high), distribution=rng_uniform
  b = {element}[50,100] rng(low, high), distribution=rng_uniform
  ROOT both = ({element}[50,100], {element}[50,100]) tuple(a, b)
}}"""
    low, high = (0, 1) if element == "pred" else (2, 10)
    a, b = hlo.compile(hlo.parse(text), backend="cpu")(np.array(low, dtype), np.array(high, dtype))
    assert not np.array_equal(a, b)
    wide = a.astype(np.float64)
    assert wide.min() >= low and wide.max() <= high
    assert abs(wide.mean() - (low + high - (high - low > 1 and dtype.kind in "iu")) / 2) < 0.15


def test_normal() -> None:
    text = """HloModule m
ENTRY main {
  mean = f32[] parameter(0)
  deviation = f32[] parameter(1)
  ROOT r = f32[100,100] rng(mean, deviation), distribution=rng_normal
}"""
    (a,) = hlo.compile(hlo.parse(text), backend="cpu")(np.float32(5), np.float32(2))
    assert abs(a.mean() - 5) < 0.1
    assert abs(a.std() - 2) < 0.1
    assert abs(((a - 5) ** 4).mean() / 2**4 - 3) < 0.4
