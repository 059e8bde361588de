"""What is decided for a whole module: tokens, loops, branches, what is left of fusions."""

from __future__ import annotations

from compiled import check_compiled


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
