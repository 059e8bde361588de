"""Instructions of whole warps: exchanges, votes, matrices, and copies that feed them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from ptx_kernels import BARRIER, Array, compile_ptx, execute, run

from hlo_backends.gpu import simulate

LANES = np.arange(32, dtype=np.uint32)


def source_lane(mode: str, lane: int, b: int, c: int) -> int | None:
    """PTX ISA, section shfl.sync: the lane that is read, None if out of the segment."""
    limit, segment = c & 31, c >> 8 & 31
    highest = lane & segment | limit & ~segment
    lowest = lane & segment
    if mode == "up":
        return lane - b if lane - b >= highest else None
    if mode == "idx":
        j = lowest | b & ~segment
    else:
        j = lane + b if mode == "down" else lane ^ b
    return j if j <= highest else None


@pytest.mark.parametrize(
    ("mode", "b", "c"),
    [
        ("up", 1, 0),
        ("up", 3, 0x1800),
        ("down", 2, 31),
        ("down", 5, 0x181F),
        ("bfly", 16, 31),
        ("bfly", 1, 31),
        ("idx", 7, 31),
        ("idx", 3, 0x181F),
    ],
)
def test_shuffles(mode: str, b: int, c: int) -> None:
    values = LANES * 10 + 1
    text = f"shfl.sync.{mode}.b32 %d|%p, %a, {b}, {c}, 0xffffffff; @!%p add.s32 %d, %d, 1000;"
    sources = [source_lane(mode, lane, b, c) for lane in range(32)]
    expected = [lane * 10 + 1001 if source is None else source * 10 + 1 for lane, source in enumerate(sources)]
    assert execute(text, values, result=np.uint32).tolist() == expected


def test_votes() -> None:
    values = np.array([lane % 3 == 0 for lane in range(32)], np.uint32)
    ballot = sum(1 << lane for lane in range(0, 32, 3))
    text = "setp.ne.u32 %p, %a, 0; vote.sync.ballot.b32 %d, %p, 0xffffffff;"
    assert execute(text, values, result=np.uint32).tolist() == [ballot] * 32
    for mode, expected in (("any", 1), ("all", 0), ("uni", 0)):
        text = f"setp.ne.u32 %p, %a, 0; vote.sync.{mode}.pred %q, %p, 0xffffffff; selp.b32 %d, 1, 0, %q;"
        assert execute(text, values, result=np.uint32).tolist() == [expected] * 32


def test_active_lanes() -> None:
    text = "mov.b32 %d, 0; setp.lt.u32 %p, %a, 5; @!%p bra $end; activemask.b32 %d; $end: mov.b32 %d, %d;"
    assert execute(text, LANES, result=np.uint32).tolist() == [31] * 5 + [0] * 27


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("add.s32", 31 * 16), ("min.s32", 0), ("max.u32", 31), ("or.b32", 31), ("and.b32", 0), ("xor.b32", 0)],
)
def test_reductions(operation: str, expected: int) -> None:
    found = execute(f"redux.sync.{operation} %d, %a, 0xffffffff;", LANES, result=np.int32)
    assert found.tolist() == [expected] * 32


def test_matches() -> None:
    values = LANES % 4
    groups = [sum(1 << lane for lane in range(k, 32, 4)) for k in range(4)]
    found = execute("match.any.sync.b32 %d, %a, 0xffffffff;", values, result=np.uint32)
    assert found.tolist() == [groups[int(v)] for v in values]
    text = "match.all.sync.b32 %d|%p, %a, 0xffffffff; @%p add.u32 %d, %d, 1;"
    assert execute(text, values, result=np.uint32).tolist() == [0] * 32
    assert execute(text, values * 0, result=np.uint32).tolist() == [0] * 32  # all ones, plus one


def test_election() -> None:
    found = execute("elect.sync %d|%p, 0xffffffff; @%p add.u32 %d, %d, 9;", LANES, result=np.uint32)
    assert found.tolist() == [9] + [0] * 31


def test_shuffle_from_a_lane_that_is_elsewhere() -> None:
    text = "setp.lt.u32 %p, %a, 16; @!%p bra $end; shfl.sync.bfly.b32 %d, %a, {}, 31, {}; $end: mov.b32 %d, 0;"
    with pytest.raises(simulate.DivergenceError, match="executes something else"):
        execute(text.format(1, 0xFFFFFFFF), LANES, result=np.uint32)
    with pytest.raises(simulate.DivergenceError, match="reads a lane that does not execute it"):
        execute(text.format(16, 0xFFFF), LANES, result=np.uint32)
    with pytest.raises(simulate.DivergenceError, match="outside its own member mask"):
        execute(text.format(1, 0xFF), LANES, result=np.uint32)
    execute(text.format(1, 0xFFFF), LANES, result=np.uint32)


# ---- matrices


def fragments(matrix: Array, per_register: int, *, transposed: bool = False) -> list[Array]:
    """Registers of an operand, from the figures of "PTX ISA", matrix fragments for mma.m16n8k*.

    Register r of lane l holds row l / 4 (+ 8 in odd registers, for A) and `per_register` columns from
    (l % 4) * per_register on, the later registers further right. B is given transposed, one row of registers.
    """
    width = 4 * per_register
    found = []
    for column in range(0, matrix.shape[1], width):
        for row in (0,) if transposed else (0, 8):
            lanes = []
            for lane in range(32):
                start = column + lane % 4 * per_register
                lanes.append(matrix[row + lane // 4, start : start + per_register])
            found.append(np.ascontiguousarray(lanes).view(np.uint32).ravel())
    return found


def accumulator(matrix: Array) -> list[Array]:
    """Four registers: rows l / 4 and l / 4 + 8, columns 2 * (l % 4) and the next."""
    return [
        np.array([matrix[lane // 4 + 8 * (r // 2), lane % 4 * 2 + r % 2] for lane in range(32)]).view(np.uint32)
        for r in range(4)
    ]


def mma_ptx(shape: str, a: int, b: int) -> str:
    """A kernel that loads a + b + 4 registers for each lane, multiplies and stores four."""
    count = a + b + 4
    loads = "\n".join(f"\tld.global.b32 %i{r}, [%addr+{128 * r}];" for r in range(count))
    stores = "\n".join(f"\tst.global.b32 [%addr+{128 * r}], %o{r};" for r in range(4))
    names = [f"%i{r}" for r in range(count)]
    groups = ("%o0, %o1, %o2, %o3", ", ".join(names[:a]), ", ".join(names[a : a + b]), ", ".join(names[a + b :]))
    operands = ", ".join("{" + group + "}" for group in groups)
    return f""".version 8.0
.target sm_90
.address_size 64
.visible .entry k(.param .u64 k_0, .param .u64 k_1)
{{
	.reg .b32 %i<{count}>, %o<4>, %t;
	.reg .b64 %addr, %lane;
	mov.u32 %t, %tid.x;
	mul.wide.u32 %lane, %t, 4;
	ld.param.u64 %addr, [k_0];
	add.s64 %addr, %addr, %lane;
{loads}
	mma.sync.aligned.{shape} {operands};
	ld.param.u64 %addr, [k_1];
	add.s64 %addr, %addr, %lane;
{stores}
	ret;
}}
"""


@pytest.mark.parametrize(
    ("shape", "element", "result", "depth", "per_register"),
    [
        ("m16n8k16.row.col.f32.bf16.bf16.f32", ml_dtypes.bfloat16, np.float32, 16, 2),
        ("m16n8k16.row.col.f32.f16.f16.f32", np.float16, np.float32, 16, 2),
        ("m16n8k8.row.col.f32.f16.f16.f32", np.float16, np.float32, 8, 2),
        ("m16n8k8.row.col.f32.tf32.tf32.f32", np.float32, np.float32, 8, 1),
        ("m16n8k32.row.col.s32.s8.s8.s32", np.int8, np.int32, 32, 4),
        ("m16n8k32.row.col.s32.u8.s8.s32", np.int8, np.int32, 32, 4),
    ],
)
def test_matrix_products(shape: str, element: type, result: type, depth: int, per_register: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0 if ".u8" in shape else -8, 8, (16, depth)).astype(element)
    b = rng.integers(-8, 8, (depth, 8)).astype(element)
    c = rng.integers(-8, 8, (16, 8)).astype(result)
    a_registers = fragments(a, per_register)
    b_registers = fragments(np.ascontiguousarray(b.T), per_register, transposed=True)
    words = np.concatenate([*a_registers, *b_registers, *accumulator(c)])
    ptx = mma_ptx(shape, len(a_registers), len(b_registers))
    (out,) = run(ptx, [words], [(np.uint32, 128)])
    wide = np.float64 if result is np.float32 else np.int64
    expected = a.astype(wide) @ b.astype(wide) + c
    np.testing.assert_array_equal(out, np.concatenate(accumulator(expected.astype(result))))


TENSOR_CORE = f"""
@tile = internal addrspace(3) global [768 x i8] undef, align 128
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32)
declare {{i32, i32, i32, i32}} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare {{i32, i32}} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3))
declare {{float, float, float, float}} @llvm.nvvm.mma.m16n8k16.row.col.bf16(i32, i32, i32, i32, i32, i32,
                                                                          float, float, float, float)
define ptx_kernel void @product(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %c) {{
entry:
  %lane = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %chunk = mul i32 %lane, 16
  %as = getelementptr i8, ptr addrspace(3) @tile, i32 %chunk
  %ag = getelementptr i8, ptr addrspace(1) %a, i32 %chunk
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %as, ptr addrspace(1) %ag)
  %small = icmp ult i32 %lane, 16
  br i1 %small, label %copy, label %wait
copy:
  %bs = getelementptr i8, ptr addrspace(3) %as, i32 512
  %bg = getelementptr i8, ptr addrspace(1) %b, i32 %chunk
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %bs, ptr addrspace(1) %bg)
  br label %wait
wait:
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.wait.group(i32 0)
  {BARRIER}
  %row = and i32 %lane, 15
  %rowbytes = mul i32 %row, 32
  %half = lshr i32 %lane, 4
  %halfbytes = mul i32 %half, 16
  %aoff = add i32 %rowbytes, %halfbytes
  %ap = getelementptr i8, ptr addrspace(3) @tile, i32 %aoff
  %av = call {{i32, i32, i32, i32}} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %ap)
  %brow = mul i32 %row, 16
  %boff = add i32 %brow, 512
  %bp = getelementptr i8, ptr addrspace(3) @tile, i32 %boff
  %bv = call {{i32, i32}} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3) %bp)
  %a0 = extractvalue {{i32, i32, i32, i32}} %av, 0
  %a1 = extractvalue {{i32, i32, i32, i32}} %av, 1
  %a2 = extractvalue {{i32, i32, i32, i32}} %av, 2
  %a3 = extractvalue {{i32, i32, i32, i32}} %av, 3
  %b0 = extractvalue {{i32, i32}} %bv, 0
  %b1 = extractvalue {{i32, i32}} %bv, 1
  %d = call {{float, float, float, float}} @llvm.nvvm.mma.m16n8k16.row.col.bf16(i32 %a0, i32 %a1, i32 %a2, i32 %a3,
      i32 %b0, i32 %b1, float 0.0, float 0.0, float 0.0, float 0.0)
  %d0 = extractvalue {{float, float, float, float}} %d, 0
  %d1 = extractvalue {{float, float, float, float}} %d, 1
  %d2 = extractvalue {{float, float, float, float}} %d, 2
  %d3 = extractvalue {{float, float, float, float}} %d, 3
  %g = lshr i32 %lane, 2
  %t = and i32 %lane, 3
  %g8 = mul i32 %g, 8
  %t2 = mul i32 %t, 2
  %o = add i32 %g8, %t2
  %p0 = getelementptr float, ptr addrspace(1) %c, i32 %o
  store float %d0, ptr addrspace(1) %p0
  %p1 = getelementptr float, ptr addrspace(1) %p0, i32 1
  store float %d1, ptr addrspace(1) %p1
  %p2 = getelementptr float, ptr addrspace(1) %p0, i32 64
  store float %d2, ptr addrspace(1) %p2
  %p3 = getelementptr float, ptr addrspace(1) %p0, i32 65
  store float %d3, ptr addrspace(1) %p3
  ret void
}}
"""


def test_copies_feed_matrix_instructions() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((16, 16)).astype(ml_dtypes.bfloat16)
    b = rng.standard_normal((16, 8)).astype(ml_dtypes.bfloat16)
    ptx = compile_ptx(TENSOR_CORE)
    assert "ldmatrix" in ptx
    (out,) = run(ptx, [a, b], [(np.float32, 128)])
    expected = a.astype(np.float32) @ b.astype(np.float32)
    np.testing.assert_allclose(out.reshape(16, 8), expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(simulate.RaceError, match="asynchronous copy in flight"):
        run(ptx.replace("cp.async.wait_group 0", "cp.async.wait_group 1").replace("wait_group \t0", "wait_group 1"),
            [a, b], [(np.float32, 128)])  # fmt: skip
    with pytest.raises(simulate.RaceError, match="no barrier between"):
        run(ptx.replace("bar.sync", "//"), [a, b], [(np.float32, 128)])


def test_matrix_instruction_needs_whole_warps() -> None:
    ptx = mma_ptx("m16n8k16.row.col.f32.bf16.bf16.f32", 4, 2)
    with pytest.raises(simulate.DivergenceError, match="all 32 threads") as caught:
        run(ptx, [np.zeros(400, np.uint32)], [(np.uint32, 200)], block=(40,))
    assert caught.value.thread == (32, 0, 0)
