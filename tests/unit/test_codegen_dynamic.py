"""Arrays of run-time size, compiled by way of their bounds, against the interpreter, which has the actual sizes."""

from __future__ import annotations

import numpy as np
import pytest
from compiled import check_compiled

import hlo_tools as hlo

_FUNCTIONS = """
add {
  x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] add(x, y)
}
larger {
  x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] maximum(x, y)
}
less {
  x = f32[] parameter(0)
  y = f32[] parameter(1)
  i = s32[] parameter(2)
  j = s32[] parameter(3)
  ROOT s = pred[] compare(x, y), direction=GT
}
best {
  x = f32[] parameter(0)
  i = s32[] parameter(1)
  y = f32[] parameter(2)
  j = s32[] parameter(3)
  c = pred[] compare(x, y), direction=GE
  v = f32[] select(c, x, y)
  k = s32[] select(c, i, j)
  ROOT r = (f32[], s32[]) tuple(v, k)
}
twice {
  x = f32[<=5,3] parameter(0)
  ROOT y = f32[<=5,3] add(x, x)
}
none {
  x = f32[<=5,3] parameter(0)
  one = s32[] constant(1)
  ROOT y = f32[<=5,3] set-dimension-size(x, one), dimensions={0}
}
"""
_CASES = {
    "elementwise": "ROOT r = f32[<=5,3] multiply(d, e)",
    "broadcast": "ROOT r = f32[2,<=5,3] broadcast(d), dimensions={1,2}",
    "transpose": "ROOT r = f32[3,<=5] transpose(d), dimensions={1,0}",
    "reverse": "ROOT r = f32[<=5,3] reverse(d), dimensions={0,1}",
    "pad": "ROOT r = f32[<=12,5] pad(d, seven), padding=1_2_1x1_1",
    "concatenate": "ROOT r = f32[<=15,3] concatenate(d, x, e), dimensions={0}",
    "slice": "ROOT r = f32[<=5,2] slice(d), slice={[0:5],[1:3]}",
    "dot": "ROOT r = f32[3,3] dot(d, e), lhs_contracting_dims={0}, rhs_contracting_dims={0}",
    "reduce": "ROOT r = f32[3] reduce(d, seven), dimensions={0}, to_apply=add",
    "largest": "ROOT r = f32[3] reduce(d, seven), dimensions={0}, to_apply=larger",
    "rows": "ROOT r = f32[<=5] reduce(d, seven), dimensions={1}, to_apply=add",
    "window": "ROOT r = f32[<=3,3] reduce-window(d, seven), window={size=2x1 stride=2x1 pad=1_0x0_0}, to_apply=add",
    "regrow": """six = s32[] constant(5)
      ROOT r = f32[<=5,3] set-dimension-size(d, six), dimensions={0}""",
    "flat": "ROOT r = f32[<=15] reshape(d)",
    "unit": "ROOT r = f32[1,<=5,1,3] reshape(d)",
    "reshape": """k = s32[] constant(2)
      l = s32[] constant(4)
      ROOT r = f32[<=6,<=4] dynamic-reshape(d, k, l)""",
    "both": """c = pred[] constant(true)
      ROOT r = f32[<=5,3] conditional(c, d, e), true_computation=twice, false_computation=none""",
    "gather": """at = s32[2,1] constant({{2}, {0}})
      ROOT r = f32[<=5,2] gather(d, at), offset_dims={0}, collapsed_slice_dims={1}, start_index_map={1},
        index_vector_dim=1, slice_sizes={5,1}""",
    "lookups": """at = s32[5,1] parameter(3)
      some = s32[<=5,1] set-dimension-size(at, n), dimensions={0}
      ROOT r = f32[<=5,3] gather(x, some), offset_dims={1}, collapsed_slice_dims={0}, start_index_map={0},
        index_vector_dim=1, slice_sizes={1,3}""",
    "scatter": """at = s32[5,1] parameter(3)
      some = s32[<=5,1] set-dimension-size(at, n), dimensions={0}
      ROOT r = f32[5,3] scatter(x, some, d), update_window_dims={1}, inserted_window_dims={0},
        scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=add""",
    "sort": """i = s32[5,3] iota(), iota_dimension=0
      j = s32[<=5,3] set-dimension-size(i, n), dimensions={0}
      s = (f32[<=5,3], s32[<=5,3]) sort(d, j), dimensions={0}, is_stable=true, to_apply=less
      a = f32[<=5,3] get-tuple-element(s), index=0
      b = s32[<=5,3] get-tuple-element(s), index=1
      ROOT r = (f32[<=5,3], s32[<=5,3]) tuple(a, b)""",
    "update": "ROOT r = f32[5,3] dynamic-update-slice(x, d, zero, zero)",
}


@pytest.mark.parametrize("size", [3, 5, 0])
@pytest.mark.parametrize("name", _CASES)
def test_dynamic(name: str, size: int) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal((5, 3)).astype(np.float32) for _ in range(2)]
    places = [np.array([[0], [4], [2], [0], [1]], np.int32)] if "parameter(3)" in _CASES[name] else []
    check_compiled(
        f"""HloModule dynamic
        {_FUNCTIONS}
        ENTRY main {{
          x = f32[5,3] parameter(0)
          y = f32[5,3] parameter(1)
          n = s32[] parameter(2)
          d = f32[<=5,3] set-dimension-size(x, n), dimensions={{0}}
          e = f32[<=5,3] set-dimension-size(y, n), dimensions={{0}}
          seven = f32[] constant(7)
          zero = s32[] constant(0)
          {_CASES[name]}
        }}""",
        [*arrays, np.array(size, np.int32), *places],
    )


def test_what_has_no_rule_is_reported_with_its_place() -> None:
    text = """HloModule m
ENTRY main {
  x = c64[4,4] parameter(0)
  n = s32[] parameter(1)
  d = c64[<=4,4] set-dimension-size(x, n), dimensions={0}
  ROOT f = c64[<=4,4] fft(d), fft_type=FFT, fft_length={4}
}"""
    with pytest.raises(hlo.UnsupportedError, match=r"<string>:6:\d+: error: f: fft of arrays of run-time size"):
        hlo.compile(hlo.parse(text), backend="cpu")
