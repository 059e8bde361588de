"""The common loop nests of ops and fusions, executed on numpy, against `Op.evaluate`."""

# ruff: noqa: E501 - one instruction a line
from __future__ import annotations

import numpy as np
import pytest
from kernels import check, run_instruction

from hlo_tools.codegen.emitters import LOOPS, UPDATES
from hlo_tools.codegen.kernel import Axis, For, statements
from hlo_tools.codegen.launch import Update
from hlo_tools.codegen.text import to_text
from hlo_tools.ops import OPS
from hlo_tools.text.reader import parse_hlo

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


def test_ops_with_independent_elements() -> None:
    assert check(WHOLE) == 20


def test_ops_that_change_memory_or_slide_windows() -> None:
    assert check(CHANGED) == 20


def test_what_is_updated_in_place() -> None:
    main = parse_hlo(CHANGED).main

    def updates(name: str) -> tuple[Update, ...]:
        inst = main.named(name)
        assert inst is not None
        rule = UPDATES.find(inst.op)
        assert rule is not None
        return rule(inst)

    assert updates("f1") == (Update((), 0),)
    assert updates("sc") == (Update((), 0),)
    assert updates("f2") == (), "another result of the fusion reads the old value"
    assert updates("d1") == (), "the layouts differ"


def test_a_reduction_stands_outside_loops_it_does_not_depend_on_and_reshapes_split_loops() -> None:
    main = parse_hlo(WHOLE).main
    inst = main.named("f")
    assert inst is not None
    (launch,) = LOOPS.rules[OPS["fusion"]](inst)
    text = to_text(launch.kernel)
    assert "/" not in text.replace("global", "") and "%" in text, "every address is affine"
    loops = [s for s in statements(launch.kernel.body) if isinstance(s, For)]
    assert [s.axis for s in loops] == [Axis.PARALLEL] * 3 + [Axis.REDUCE, Axis.PARALLEL]


def test_text_is_the_same_for_the_same_kernel_under_another_name() -> None:
    texts = []
    for name in ("one", "two"):
        module = parse_hlo(
            f"HloModule t\nENTRY m {{\n x = f32[8] parameter(0)\n ROOT {name} = f32[8] tanh(x)\n}}".replace(
                "{name}", name
            )
        )
        (launch,) = LOOPS.rules[OPS["tanh"]](module.main.result)
        texts.append(to_text(launch.kernel))
    assert texts[0] == texts[1]


def test_every_op_has_loops_or_is_known_to_have_none() -> None:
    assert {op.name for op in OPS.values() if LOOPS.find(op) is None} == set(LOOPS.not_yet)


def test_the_result_of_no_elements_takes_no_kernel() -> None:
    module = parse_hlo(
        "HloModule t\nENTRY m {\n x = f32[0,3] parameter(0)\n ROOT r = f32[3,0] transpose(x), dimensions={1,0}\n}"
    )
    assert run_instruction(module.main.result, [np.zeros((0, 3), np.float32)]).shape == (3, 0)


@pytest.mark.parametrize("element", ["pred", "s4", "u8", "s64", "bf16", "f8e4m3fn", "f64", "c64"])
def test_movement_of_every_kind_of_element(element: str) -> None:
    assert (
        check(f"""HloModule t
ENTRY m {{
  x = {element}[3,4] parameter(0)
  v = {element}[] parameter(1)
  a = {element}[4,3]{{0,1}} transpose(x), dimensions={{1,0}}
  b = {element}[5,4] pad(x, v), padding=1_1x-1_1
  c = {element}[6,4] concatenate(x, x), dimensions={{0}}
  d = {element}[12] reshape(x)
  e = {element}[2,3,4] broadcast(x), dimensions={{1,2}}
  ROOT t = () tuple()
}}""")
        == 5
    )


@pytest.mark.parametrize("element", ["f32", "s32", "c64", "bf16"])
@pytest.mark.parametrize("pads", ["0_0x0_0x6_0", "0_0x0_0x0_6", "4_0x0_0x0_0", "0_0x0_2x0_0"])
def test_running_sums(element: str, pads: str) -> None:
    sizes = [1 + sum(map(int, pad.split("_"))) for pad in pads.split("x")]
    size = "x".join(map(str, sizes))
    text = f"""HloModule t
plus {{
  a = {element}[] parameter(0)
  q = {element}[] parameter(1)
  ROOT r = {element}[] add(a, q)
}}
ENTRY m {{
  x = {element}[5,3,7] parameter(0)
  z = {element}[] parameter(1)
  ROOT r = {element}[5,3,7] reduce-window(x, z), window={{size={size} pad={pads}}}, to_apply=plus
}}"""
    # bf16 sums are kept in bf16 from element to element
    assert check(text, atol=0.05 if element == "bf16" else 1e-6) == 1
