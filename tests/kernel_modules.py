"""Modules for the tests of code generation: every op that has a loop nest of its own."""

# ruff: noqa: E501 - one instruction a line
from __future__ import annotations

import ml_dtypes
import numpy as np

WHOLE = """HloModule t
sum {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  ROOT r = f32[] add(a, q)
}
csum {
  a = c64[] parameter(0)
  q = c64[] parameter(1)
  ROOT r = c64[] add(a, q)
}
argmax {
  a = f32[] parameter(0)
  i = s32[] parameter(1)
  q = f32[] parameter(2)
  j = s32[] parameter(3)
  gt = pred[] compare(a, q), direction=GT
  v = f32[] select(gt, a, q)
  w = s32[] select(gt, i, j)
  ROOT r = (f32[], s32[]) tuple(v, w)
}
fused {
  x = f32[4,6,8] parameter(0)
  y = f32[8] parameter(1)
  z = f32[] constant(0)
  yb = f32[4,6,8] broadcast(y), dimensions={2}
  a = f32[4,6,8] add(x, yb)
  e = f32[4,6,8] exponential(a)
  s = f32[4,6] reduce(e, z), dimensions={2}, to_apply=sum
  sb = f32[4,6,8] broadcast(s), dimensions={0,1}
  d = f32[4,6,8] divide(e, sb)
  r = f32[4,3,2,8] reshape(d)
  t = f32[4,2,3,8] transpose(r), dimensions={0,2,1,3}
  ROOT o = f32[4,48] reshape(t)
}
ENTRY m {
  x = f32[4,6,8]{2,1,0} parameter(0)
  y = f32[8] parameter(1)
  z = f32[] constant(0)
  f = f32[4,48] fusion(x, y), kind=kLoop, calls=fused
  tr = f32[8,4,6]{0,2,1} transpose(x), dimensions={2,0,1}
  sl = f32[2,3,8]{2,1,0} slice(x), slice={[0:4:2],[3:6],[0:8]}
  rv = f32[4,6,8]{1,2,0} reverse(x), dimensions={0,2}
  pd = f32[5,14,8]{2,1,0} pad(x, z), padding=0_1x2_1_1x-1_1
  bs = f32[4,1,8]{2,1,0} broadcast(y), dimensions={2}
  x2 = f32[4,2,8]{2,1,0} slice(x), slice={[0:4],[3:5],[0:8]}
  cc = f32[4,9,8]{2,1,0} concatenate(x, bs, x2), dimensions={1}
  rd = f32[6] reduce(x, z), dimensions={2,0}, to_apply=sum
  ra = f32[] reduce(x, z), dimensions={2,1,0}, to_apply=sum
  io = s32[4,6,8] iota(), iota_dimension=1
  zi = s32[] constant(0)
  ninf = f32[] constant(-inf)
  am = (f32[4,8], s32[4,8]) reduce(x, io, ninf, zi), dimensions={1}, to_apply=argmax
  dt = f32[4,6,6] dot(x, x), lhs_batch_dims={0}, rhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_contracting_dims={2}
  cx = c64[4,6,8] complex(x, x)
  cz = c64[] constant((1, 2))
  cr = c64[4,6] reduce(cx, cz), dimensions={2}, to_apply=csum
  rs = f32[3,64] reshape(x)
  rw = f32[4,3,8] reduce-window(x, z), window={size=1x3x1 stride=1x2x1 pad=0_0x1_0x0_0}, to_apply=sum
  i1 = s32[] constant(3)
  i2 = s32[] constant(100)
  ds = f32[2,6,3] dynamic-slice(x, i1, zi, i2), dynamic_slice_sizes={2,6,3}
  du = f32[4,6,8] dynamic-update-slice(x, ds, i1, zi, i2)
  bt = f32[6,32] bitcast(x)
  ROOT t = () tuple()
}"""

CHANGED = """HloModule t
sum {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  ROOT r = f32[] add(a, q)
}
ge {
  a = f32[] parameter(0)
  q = f32[] parameter(1)
  ROOT r = pred[] compare(a, q), direction=GE
}
dus {
  p = f32[4,6,8] parameter(0)
  u = f32[2,3,8] parameter(1)
  i = s32[] parameter(2)
  z = s32[] constant(0)
  e = f32[2,3,8] exponential(u)
  ROOT r = f32[4,6,8] dynamic-update-slice(p, e, i, i, z)
}
dus2 {
  p = f32[4,6,8] parameter(0)
  u = f32[2,3,8] parameter(1)
  i = s32[] parameter(2)
  z = s32[] constant(0)
  e = f32[2,3,8] exponential(u)
  n = f32[4,6,8] negate(p)
  r = f32[4,6,8] dynamic-update-slice(p, e, i, i, z)
  ROOT t = (f32[4,6,8], f32[4,6,8]) tuple(r, n)
}
ENTRY m {
  x = f32[4,6,8]{2,1,0} parameter(0)
  y = f32[8] parameter(1)
  z = f32[] constant(0)
  i1 = s32[] constant(1)
  i2 = s32[] constant(100)
  u = f32[2,3,8]{2,1,0} slice(x), slice={[0:4:2],[3:6],[0:8]}
  f1 = f32[4,6,8]{2,1,0} fusion(x, u, i1), kind=kLoop, calls=dus
  f2 = (f32[4,6,8], f32[4,6,8]) fusion(x, u, i2), kind=kLoop, calls=dus2
  d1 = f32[4,6,8]{1,2,0} dynamic-update-slice(x, u, i1, i2, i1)
  ix = s32[5,2] constant({{0,1},{3,5},{-1,2},{1,4},{3,5}})
  ga = f32[5,8] gather(x, ix), offset_dims={1}, collapsed_slice_dims={0,1}, start_index_map={0,1}, index_vector_dim=1, slice_sizes={1,1,8}
  gb = f32[3,2,5,8] gather(x, ix), offset_dims={0,1,3}, collapsed_slice_dims={}, start_index_map={0,1}, index_vector_dim=1, slice_sizes={3,2,8}
  sc = f32[4,6,8] scatter(x, ix, ga), update_window_dims={1}, inserted_window_dims={0,1}, scatter_dims_to_operand_dims={0,1}, index_vector_dim=1, to_apply=sum
  sd = f32[4,6,8] scatter(x, ix, gb), update_window_dims={0,1,3}, inserted_window_dims={}, scatter_dims_to_operand_dims={0,1}, index_vector_dim=1, to_apply=sum
  cs = f32[4,6,8] reduce-window(x, z), window={size=1x1x8 pad=0_0x0_0x7_0}, to_apply=sum
  ct = f32[4,6,8] reduce-window(x, z), window={size=1x6x1 pad=0_0x0_5x0_0}, to_apply=sum
  mp = f32[4,3,4] reduce-window(x, z), window={size=1x3x2 stride=1x2x2 pad=0_0x1_0x0_0}, to_apply=sum
  ss = f32[4,6,8] select-and-scatter(x, mp, z), window={size=1x3x2 stride=1x2x2 pad=0_0x1_0x0_0}, select=ge, scatter=sum
  big = f32[360] parameter(2)
  fl = f32[360] slice(big), slice={[0:360]}
  im = f32[1,9,10,4] reshape(fl)
  kf = f32[144] slice(big), slice={[10:154]}
  kr = f32[3,2,4,6] reshape(kf)
  cv = f32[1,5,11,6] convolution(im, kr), window={size=3x2 stride=2x1 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
  kg = f32[72] slice(big), slice={[10:82]}
  kd = f32[3,2,2,6] reshape(kg)
  cg = f32[1,8,8,6] convolution(im, kd), window={size=3x2 lhs_dilate=1x1 pad=1_0x0_0 rhs_dilate=1x2 rhs_reversal=1x0}, dim_labels=b01f_01io->b01f, feature_group_count=2
  ROOT t = () tuple()
}"""

SORTS = """HloModule t
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


def sort_inputs() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 100)).astype(np.float32)
    x[0, [5, 7, 9]] = np.nan, -0.0, 0
    x[1, 3:5] = np.inf, -np.nan
    x[2] = np.round(x[2])
    indices = rng.integers(0, 9, (4, 100)).astype(np.int32)
    return [x, indices, rng.standard_normal((3, 50, 2)), rng.standard_normal((2, 120)).astype(ml_dtypes.bfloat16)]
