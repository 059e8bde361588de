"""Random bits by kernels, on numpy and compiled, against `Op.evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
from kernels import check, compare

import hlo_tools as hlo
from hlo_tools.interpreter.run import interpret

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
