"""sort and topk on numpy against `Op.evaluate`, and what counts as a comparator of keys."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from kernels import check

from hlo_tools.codegen.comparators import sort_key
from hlo_tools.text.reader import parse_hlo

MODULE = """HloModule t
cmp {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  ne = pred[] compare(a, a), direction=NE
  nan = f32[] constant(nan)
  zero = f32[] constant(0)
  e = pred[] compare(a, zero), direction=EQ
  s = f32[] select(e, zero, a)
  s2 = f32[] select(ne, nan, s)
  ne2 = pred[] compare(q, q), direction=NE
  e2 = pred[] compare(q, zero), direction=EQ
  t = f32[] select(e2, zero, q)
  t2 = f32[] select(ne2, nan, t)
  ROOT r = pred[] compare(s2, t2), direction=LT, type=TOTALORDER
}
cmp2 {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  i = s32[] parameter(2)
  j = s32[] parameter(3)
  ROOT r = pred[] compare(j, i), direction=LT
}
cmp4 {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  i = s32[] parameter(2)
  j = s32[] parameter(3)
  lt = pred[] compare(i, j), direction=LT
  eq = pred[] compare(i, j), direction=EQ
  fl = pred[] compare(a, q), direction=GT
  an = pred[] and(eq, fl)
  ROOT r = pred[] or(lt, an)
}
cmp3 {
  a = f64[] parameter(0)
  q = f64[] parameter(1)
  ROOT r = pred[] compare(a, q), direction=GT, type=TOTALORDER
}
ENTRY m {
  x = f32[4,100]{1,0} parameter(0)
  i = s32[4,100]{1,0} parameter(1)
  w = f64[3,50,2]{2,1,0} parameter(2)
  h = bf16[2,120]{1,0} parameter(3)
  sx = f32[4,8] slice(x), slice={[0:4],[3:11]}
  s1 = f32[4,100]{1,0} sort(x), dimensions={1}, is_stable=true, to_apply=cmp
  s5 = f32[4,8]{1,0} sort(sx), dimensions={1}, is_stable=true, to_apply=cmp
  s2 = (f32[4,100]{1,0}, s32[4,100]{1,0}) sort(x, i), dimensions={1}, is_stable=true, to_apply=cmp2
  s4 = (f32[4,100]{1,0}, s32[4,100]{1,0}) sort(x, i), dimensions={1}, is_stable=true, to_apply=cmp4
  s3 = f64[3,50,2]{2,1,0} sort(w), dimensions={1}, to_apply=cmp3
  tk = (f32[4,7]{1,0}, s32[4,7]{1,0}) topk(x), k=7, largest=true
  tl = (bf16[2,60]{1,0}, s32[2,60]{1,0}) topk(h), k=60, largest=false
  ROOT t = () tuple()
}"""


def inputs() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 100)).astype(np.float32)
    x[0, [5, 7, 9]] = np.nan, -0.0, 0
    x[1, 3:5] = np.inf, -np.nan
    x[2] = np.round(x[2])
    indices = rng.integers(0, 9, (4, 100)).astype(np.int32)
    return [x, indices, rng.standard_normal((3, 50, 2)), rng.standard_normal((2, 120)).astype(ml_dtypes.bfloat16)]


def test_sort_and_topk() -> None:
    assert check(MODULE, inputs()) == 8


def test_keys_of_comparators() -> None:
    module = parse_hlo(MODULE)
    keys = {c.name: sort_key(c) for c in module.computations.values()}
    operands = {name: None if key is None else (key.operand, key.bits) for name, key in keys.items() if name != "m"}
    assert operands == {"cmp": (0, 32), "cmp2": (1, 32), "cmp3": (0, 64), "cmp4": None}


@pytest.mark.parametrize("element", ["pred", "s4", "s8", "u16", "s64", "f16", "f8e5m2", "f64"])
@pytest.mark.parametrize("n", [1, 2, 20, 70])
def test_every_kind_of_key(element: str, n: int) -> None:
    order = ", type=TOTALORDER" if element.startswith("f") else ""
    text = f"""HloModule t
less {{
  a = {element}[] parameter(0)
  q = {element}[] parameter(1)
  ROOT r = pred[] compare(q, a), direction=GT{order}
}}
ENTRY m {{
  x = {element}[3,{n}] parameter(0)
  s = {element}[3,{n}] sort(x), dimensions={{1}}, to_apply=less
  t = ({element}[3,1], s32[3,1]) topk(x), k=1, largest=true
  ROOT e = () tuple()
}}"""
    assert check(text) == 2
