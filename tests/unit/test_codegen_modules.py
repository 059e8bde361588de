"""What is decided for a whole module: tokens, loops, branches, what is left of fusions."""

from __future__ import annotations

import numpy as np
import pytest
from compiled import check_compiled

import hlo_tools as hlo


def test_tokens_take_no_memory() -> None:
    check_compiled("""
        HloModule tokens
        body {
          state = (s32[], token[]) parameter(0)
          n = s32[] get-tuple-element(state), index=0
          one = s32[] constant(1)
          next = s32[] add(n, one)
          before = token[] get-tuple-element(state), index=1
          after = token[] after-all(before)
          ROOT both = (s32[], token[]) tuple(next, after)
        }
        goes_on {
          state = (s32[], token[]) parameter(0)
          n = s32[] get-tuple-element(state), index=0
          end = s32[] constant(42)
          ROOT less = pred[] compare(n, end), direction=LT
        }
        ENTRY main {
          x = f32[3] parameter(0)
          zero = s32[] constant(0)
          start = token[] after-all()
          state = (s32[], token[]) tuple(zero, start)
          loop = (s32[], token[]) while(state), condition=goes_on, body=body
          count = s32[] get-tuple-element(loop), index=0
          last = token[] get-tuple-element(loop), index=1
          y = f32[3] add-dependency(x, last)
          z = f32[3] negate(y)
          ROOT result = (s32[], f32[3], f32[3]) tuple(count, y, z)
        }""")


def test_empty_arrays_need_no_code() -> None:
    check_compiled("""
        HloModule empty
        ENTRY main {
          x = f32[0,3] parameter(0)
          y = f32[3,2] parameter(1)
          p = f32[0,2] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
          q = f32[0,3] cosine(x)
          ROOT both = (f32[0,2], f32[0,3]) tuple(p, q)
        }""")


def test_fusions_of_anything() -> None:
    """A fusion that cannot be one kernel is run instruction by instruction."""
    check_compiled("""
        HloModule unfused
        body {
          state = (s32[], f32[5]) parameter(0)
          n = s32[] get-tuple-element(state), index=0
          one = s32[] constant(1)
          next = s32[] add(n, one)
          x = f32[5] get-tuple-element(state), index=1
          y = f32[5] add(x, x)
          ROOT both = (s32[], f32[5]) tuple(next, y)
        }
        goes_on {
          state = (s32[], f32[5]) parameter(0)
          n = s32[] get-tuple-element(state), index=0
          end = s32[] constant(3)
          ROOT less = pred[] compare(n, end), direction=LT
        }
        less {
          x = f32[] parameter(0)
          y = f32[] parameter(1)
          ROOT less = pred[] compare(x, y), direction=LT
        }
        fused {
          x = f32[5] parameter(0)
          zero = s32[] constant(0)
          start = (s32[], f32[5]) tuple(zero, x)
          loop = (s32[], f32[5]) while(start), condition=goes_on, body=body
          last = f32[5] get-tuple-element(loop), index=1
          sorted = f32[5] sort(last), dimensions={0}, to_apply=less
          ROOT both = (f32[5], f32[5]) tuple(sorted, x)
        }
        ENTRY main {
          x = f32[5] parameter(0)
          y = f32[5] negate(x)
          f = (f32[5], f32[5]) fusion(y), kind=kCustom, calls=fused
          a = f32[5] get-tuple-element(f), index=0
          b = f32[5] get-tuple-element(f), index=1
          c = f32[5] subtract(a, b)
          ROOT all = (f32[5], f32[5], f32[5]) tuple(a, b, c)
        }""")


def test_scatter_of_two_arrays_inside_a_fusion() -> None:
    check_compiled("""
        HloModule pairs
        put {
          a = f32[] parameter(0)
          b = f32[] parameter(1)
          x = f32[] parameter(2)
          y = f32[] parameter(3)
          s = f32[] add(a, x)
          m = f32[] multiply(b, y)
          ROOT both = (f32[], f32[]) tuple(s, m)
        }
        fused {
          x = f32[6] parameter(0)
          at = s32[3,1] parameter(1)
          u = f32[3] parameter(2)
          put = (f32[6], f32[6]) scatter(x, x, at, u, u), update_window_dims={}, inserted_window_dims={0},
            scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=put
          a = f32[6] get-tuple-element(put), index=0
          b = f32[6] get-tuple-element(put), index=1
          ROOT c = f32[6] add(a, b)
        }
        ENTRY main {
          x = f32[6] parameter(0)
          at = s32[3,1] parameter(1)
          u = f32[3] parameter(2)
          ROOT f = f32[6] fusion(x, at, u), kind=kInput, calls=fused
        }""")


_SCALARS = """
  zero {
    nothing = () parameter(0)
    ROOT x = f32[] constant(0)
  }
  one {
    x = f32[] parameter(0)
    ROOT y = f32[] multiply(x, x)
  }
  add {
    x = f32[] parameter(0)
    y = f32[] parameter(1)
    ROOT s = f32[] add(x, y)
  }
  halve {
    state = (f32[], s32[]) parameter(0)
    x = f32[] get-tuple-element(state), index=0
    half = f32[] constant(0.5)
    y = f32[] multiply(x, half)
    n = s32[] get-tuple-element(state), index=1
    step = s32[] constant(1)
    m = s32[] add(n, step)
    ROOT next = (f32[], s32[]) tuple(y, m)
  }
  large {
    state = (f32[], s32[]) parameter(0)
    x = f32[] get-tuple-element(state), index=0
    size = f32[] abs(x)
    limit = f32[] constant(0.25)
    ROOT more = pred[] compare(size, limit), direction=GT
  }
"""


def test_control_flow_in_computations_of_scalars() -> None:
    check_compiled(f"""
        HloModule control
        {_SCALARS}
        mapped {{
          a = f32[] parameter(0)
          b = f32[] parameter(1)
          c = pred[] compare(a, b), direction=LT
          none = () tuple()
          chosen = f32[] conditional(c, none, a), true_computation=zero, false_computation=one
          n = s32[] constant(0)
          start = (f32[], s32[]) tuple(a, n)
          loop = (f32[], s32[]) while(start), condition=large, body=halve
          x = f32[] get-tuple-element(loop), index=0
          i = s32[] convert(b)
          other = f32[] conditional(i, none, b, x), branch_computations={{zero, one, one}}
          y = f32[] add(chosen, x)
          ROOT z = f32[] subtract(y, other)
        }}
        ENTRY main {{
          a = f32[37] parameter(0)
          b = f32[37] parameter(1)
          ROOT m = f32[37] map(a, b), dimensions={{0}}, to_apply=mapped
        }}""")


def test_arrays_in_computations_of_scalars() -> None:
    check_compiled(f"""
        HloModule arrays
        {_SCALARS}
        reducer {{
          p0 = f32[] parameter(0)
          p1 = f32[] parameter(1)
          lhs = f32[2,2] broadcast(p0), dimensions={{}}
          rhs = f32[2,2] broadcast(p1), dimensions={{}}
          weights = f32[2,2] constant({{{{0.25, 0.5}}, {{1, 2}}}})
          left = f32[2,2] multiply(lhs, weights)
          dot = f32[2,2] dot(left, rhs), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
          zero = f32[] constant(0)
          total = f32[] reduce(dot, zero), dimensions={{0,1}}, to_apply=add
          scale = f32[] constant(0.125)
          ROOT result = f32[] multiply(total, scale)
        }}
        ENTRY main {{
          x = f32[3,10] parameter(0)
          one = f32[] constant(1)
          r = f32[3] reduce(x, one), dimensions={{1}}, to_apply=reducer
          w = f32[3,9] reduce-window(x, one), window={{size=1x2}}, to_apply=reducer
          ROOT both = (f32[3], f32[3,9]) tuple(r, w)
        }}""")


def test_one_device_runs_what_several_would() -> None:
    text = """
        HloModule devices
        add {
          x = f32[] parameter(0)
          y = f32[] parameter(1)
          ROOT s = f32[] add(x, y)
        }
        work {
          x = f32[2] parameter(0)
          ROOT s = f32[2] cosine(x)
        }
        ENTRY main {
          x = f32[2] parameter(0)
          start = ((f32[2]), f32[2], u32[]) async-start(x), calls=work
          done = f32[2] async-done(start)
          sum = f32[2] all-reduce(done), replica_groups={}, to_apply=add
          id = u32[] partition-id()
          ROOT both = (f32[2], u32[]) tuple(sum, id)
        }"""
    x = np.array([0.5, 2], np.float32)
    got, number = hlo.compile(hlo.parse(text), backend="cpu")(x)
    np.testing.assert_allclose(got, np.cos(x), rtol=1e-6)
    assert number == 0


def test_effects_are_not_dropped() -> None:
    """An outfeed has a result of no bytes, and yet it is work."""
    text = """HloModule m
ENTRY main {
  x = f32[4] parameter(0)
  t = token[] after-all()
  ROOT o = token[] outfeed(x, t), outfeed_shape=f32[4]
}"""
    with pytest.raises(hlo.UnsupportedError, match=r"<string>:5:\d+: error: no code for outfeed yet"):
        hlo.compile(hlo.parse(text), backend="cpu")


def test_sparse_convolutions_are_reported() -> None:
    text = """HloModule m
ENTRY main {
  x = f32[1,8] parameter(0)
  w = f32[2,1] parameter(1)
  at = s32[2,1] parameter(2)
  kernel = (f32[2,1], s32[2,1]) tuple(w, at)
  ROOT c = f32[1,1] convolution(x, kernel), dim_labels=bf_io->bf,
    sparsity_config={rhs={sparsity=1x4 dimension=0 stride=1}}
}"""
    with pytest.raises(hlo.UnsupportedError, match="convolution of sparse operands"):
        hlo.compile(hlo.parse(text), backend="cpu")
