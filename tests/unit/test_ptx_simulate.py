"""Whole kernels, from LLVM IR through PTX, against numpy."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from ptx_kernels import BARRIER, INDEX, MATMUL, REDUCE, SAXPY, compile_ptx, run

from hlo_backends.gpu import simulate

SEEDS = [None, 1, 2]

COLLATZ = f"""
define ptx_kernel void @collatz(ptr addrspace(1) %x, ptr addrspace(1) %out) {{
entry:
{INDEX}
  %xp = getelementptr i64, ptr addrspace(1) %x, i32 %i
  %first = load i64, ptr addrspace(1) %xp
  br label %test
test:
  %n = phi i64 [%first, %entry], [%half, %even], [%triple, %odd]
  %steps = phi i32 [0, %entry], [%s1, %even], [%s2, %odd]
  %is_one = icmp ule i64 %n, 1
  br i1 %is_one, label %done, label %choose
choose:
  %bit = and i64 %n, 1
  %is_odd = icmp eq i64 %bit, 1
  br i1 %is_odd, label %odd, label %even
even:
  %half = lshr i64 %n, 1
  %s1 = add i32 %steps, 1
  br label %test
odd:
  %n3 = mul i64 %n, 3
  %triple = add i64 %n3, 1
  %s2 = add i32 %steps, 1
  br label %test
done:
  %op = getelementptr i32, ptr addrspace(1) %out, i32 %i
  store i32 %steps, ptr addrspace(1) %op
  ret void
}}
"""


def collatz(n: int) -> int:
    steps = 0
    while n > 1:
        n = 3 * n + 1 if n % 2 else n // 2
        steps += 1
    return steps


@pytest.mark.parametrize("seed", SEEDS)
def test_saxpy_with_a_ragged_end(seed: int | None) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000), dtype=np.float32)
    (out,) = run(compile_ptx(SAXPY), [x, y, 2.5, 1000], [(np.float32, 1000)], grid=(8,), block=(128,), seed=seed)
    np.testing.assert_array_equal(out, x * np.float32(2.5) + y)


@pytest.mark.parametrize("seed", SEEDS)
def test_block_reduction(seed: int | None) -> None:
    x = np.arange(1024, dtype=np.float32)
    (out,) = run(compile_ptx(REDUCE), [x], [(np.float32, 4)], grid=(4,), block=(256,), seed=seed)
    np.testing.assert_array_equal(out, x.reshape(4, 256).sum(axis=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_tiled_matrix_product(seed: int | None) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 32, 32), dtype=np.float32)
    (out,) = run(compile_ptx(MATMUL), [a, b, 32], [(np.float32, 1024)], grid=(2, 2), block=(16, 16), seed=seed)
    np.testing.assert_allclose(out.reshape(32, 32), a @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_loop_that_threads_leave_at_different_times(seed: int | None) -> None:
    x = np.arange(1, 129, dtype=np.int64)
    (out,) = run(compile_ptx(COLLATZ), [x], [(np.int32, 128)], grid=(2,), block=(64,), seed=seed)
    np.testing.assert_array_equal(out, [collatz(int(n)) for n in x])


def test_half_precision_round_trip() -> None:
    ir = f"""
define ptx_kernel void @halves(ptr addrspace(1) %x, ptr addrspace(1) %h, ptr addrspace(1) %b) {{
{INDEX}
  %xp = getelementptr float, ptr addrspace(1) %x, i32 %i
  %v = load float, ptr addrspace(1) %xp
  %half = fptrunc float %v to half
  %hp = getelementptr half, ptr addrspace(1) %h, i32 %i
  %twice = fadd half %half, %half
  store half %twice, ptr addrspace(1) %hp
  %brain = fptrunc float %v to bfloat
  %bp = getelementptr bfloat, ptr addrspace(1) %b, i32 %i
  %square = fmul bfloat %brain, %brain
  store bfloat %square, ptr addrspace(1) %bp
  ret void
}}
"""
    x = np.array([0.0, -0.0, 1.0, 1.0009765, 65519, 65520, -70000, 1e-8, 6e-8, np.inf, -np.inf, np.nan] * 4, np.float32)
    with np.errstate(all="ignore"):
        half = x.astype(np.float16)
        brain = x.astype(ml_dtypes.bfloat16)
        expected = [half + half, brain * brain]
    outputs = [(np.float16, 48), (ml_dtypes.bfloat16, 48)]
    for found, wanted in zip(run(compile_ptx(ir), [x], outputs, block=(48,)), expected, strict=True):
        np.testing.assert_array_equal(np.isnan(found.astype(np.float32)), np.isnan(wanted.astype(np.float32)))
        number = ~np.isnan(wanted.astype(np.float32))
        np.testing.assert_array_equal(found.view(np.uint16)[number], wanted.view(np.uint16)[number])


def test_calls_of_device_functions_with_aggregates() -> None:
    ir = f"""
define {{float, i32}} @pair(float %a, {{i64, i32}} %s, <4 x float> %v) noinline {{
  %n = extractvalue {{i64, i32}} %s, 1
  %last = extractelement <4 x float> %v, i32 3
  %sum = fadd float %a, %last
  %big = icmp sgt i32 %n, 10
  br i1 %big, label %yes, label %no
yes:
  %r0 = insertvalue {{float, i32}} undef, float %sum, 0
  %r1 = insertvalue {{float, i32}} %r0, i32 1, 1
  ret {{float, i32}} %r1
no:
  %q0 = insertvalue {{float, i32}} undef, float %a, 0
  %q1 = insertvalue {{float, i32}} %q0, i32 %n, 1
  ret {{float, i32}} %q1
}}
define ptx_kernel void @caller(ptr addrspace(1) %x, ptr addrspace(1) %out) {{
{INDEX}
  %xp = getelementptr float, ptr addrspace(1) %x, i32 %i
  %v = load float, ptr addrspace(1) %xp
  %s0 = insertvalue {{i64, i32}} undef, i64 7, 0
  %s1 = insertvalue {{i64, i32}} %s0, i32 %i, 1
  %w = insertelement <4 x float> zeroinitializer, float %v, i32 3
  %r = call {{float, i32}} @pair(float %v, {{i64, i32}} %s1, <4 x float> %w)
  %again = call {{float, i32}} @pair(float 1.0, {{i64, i32}} %s1, <4 x float> %w)
  %f = extractvalue {{float, i32}} %r, 0
  %n = extractvalue {{float, i32}} %again, 1
  %nf = sitofp i32 %n to float
  %sum = fadd float %f, %nf
  %op = getelementptr float, ptr addrspace(1) %out, i32 %i
  store float %sum, ptr addrspace(1) %op
  ret void
}}
"""
    x = np.linspace(0, 1, 32, dtype=np.float32)
    i = np.arange(32)
    expected = np.where(i > 10, x + x, x) + np.where(i > 10, 1, i)
    (out,) = run(compile_ptx(ir, optimise=0), [x], [(np.float32, 32)])
    np.testing.assert_array_equal(out, expected.astype(np.float32))


def test_local_constant_and_dynamic_shared_memory() -> None:
    ir = f"""
@table = internal addrspace(4) constant [4 x i32] [i32 10, i32 20, i32 30, i32 40], align 16
@counter = addrspace(1) global i32 5, align 4
@pointer = addrspace(1) global ptr addrspace(1) @counter, align 8
@dynamic = external addrspace(3) global [0 x i8], align 16
define ptx_kernel void @spaces(i32 %k, ptr addrspace(1) %out) {{
{INDEX}
  %stack = alloca [8 x i32]
  %slot = and i32 %i, 7
  %here = getelementptr i32, ptr %stack, i32 %slot
  store volatile i32 %i, ptr %here
  %back = load volatile i32, ptr %here
  %sp = getelementptr i32, ptr addrspace(3) @dynamic, i32 %i
  store i32 %back, ptr addrspace(3) %sp
  {BARRIER}
  %mirror = sub i32 31, %i
  %mp = getelementptr i32, ptr addrspace(3) @dynamic, i32 %mirror
  %generic = addrspacecast ptr addrspace(3) %mp to ptr
  %mv = load i32, ptr %generic
  %tp = getelementptr [4 x i32], ptr addrspace(4) @table, i32 0, i32 %k
  %tv = load i32, ptr addrspace(4) %tp
  %cp = load ptr addrspace(1), ptr addrspace(1) @pointer
  %cv = load i32, ptr addrspace(1) %cp
  %s1 = add i32 %mv, %tv
  %s2 = add i32 %s1, %cv
  %op = getelementptr i32, ptr addrspace(1) %out, i32 %i
  store i32 %s2, ptr addrspace(1) %op
  ret void
}}
"""
    (out,) = run(compile_ptx(ir), [2], [(np.int32, 32)], shared_bytes=128)
    np.testing.assert_array_equal(out, 31 - np.arange(32) + 30 + 5)


def test_switch_becomes_a_branch_table() -> None:
    cases = "\n".join(f"    i32 {n}, label %c{n}" for n in range(6))
    store = "store volatile i32 {}, ptr addrspace(1) %op\n  br label %end"
    bodies = "\n".join(f"c{n}:\n  " + store.format(n * n + 1) for n in range(6))
    ir = f"""
define ptx_kernel void @choose(ptr addrspace(1) %out) {{
{INDEX}
  %op = getelementptr i32, ptr addrspace(1) %out, i32 %i
  %k = and i32 %i, 7
  switch i32 %k, label %other [
{cases}
  ]
{bodies}
other:
  store volatile i32 -1, ptr addrspace(1) %op
  br label %end
end:
  ret void
}}
"""
    ptx = compile_ptx(ir, optimise=0)
    assert "brx.idx" in ptx
    (out,) = run(ptx, [], [(np.int32, 32)])
    k = np.arange(32) & 7
    np.testing.assert_array_equal(out, np.where(k < 6, k * k + 1, -1))


def test_atomics_return_what_was_there() -> None:
    ir = f"""
define ptx_kernel void @atomics(ptr addrspace(1) %sum, ptr addrspace(1) %fsum, ptr addrspace(1) %best,
                                ptr addrspace(1) %slots) {{
{INDEX}
  %old = atomicrmw add ptr addrspace(1) %sum, i32 2 monotonic
  %n = lshr i32 %old, 1
  %op = getelementptr i32, ptr addrspace(1) %slots, i32 %n
  store i32 %i, ptr addrspace(1) %op
  %f = uitofp i32 %i to float
  %ignored = atomicrmw fadd ptr addrspace(1) %fsum, float %f monotonic
  %also = atomicrmw umax ptr addrspace(1) %best, i32 %i monotonic
  ret void
}}
"""
    ptx = compile_ptx(ir)
    for seed in SEEDS:
        memory = simulate.DeviceMemory()
        module = simulate.load(ptx, memory)
        total, ftotal = memory.upload(np.zeros(1, np.int32)), memory.upload(np.zeros(1, np.float32))
        best, slots = memory.upload(np.zeros(1, np.uint32)), memory.allocate(4 * 256)
        report = module.launch("atomics", (4,), (64,), [total, ftotal, best, slots], seed=seed)
        assert report.threads == 256
        assert total.array(np.int32)[0] == 512
        assert ftotal.array(np.float32)[0] == 255 * 128
        assert best.array(np.uint32)[0] == 255
        np.testing.assert_array_equal(np.sort(slots.array(np.int32)), np.arange(256))


def test_module_describes_its_kernels() -> None:
    kernel = simulate.load(compile_ptx(SAXPY)).kernels["saxpy"]
    assert [(p.type, p.size, p.align) for p in kernel.parameters] == [
        ("u64", 8, 8), ("u64", 8, 8), ("f32", 4, 4), ("u32", 4, 4), ("u64", 8, 8),
    ]  # fmt: skip


def test_aggregate_parameters_and_votes_at_barriers() -> None:
    ir = f"""
declare i32 @llvm.nvvm.barrier.cta.red.popc.aligned.all(i32, i1)
define ptx_kernel void @byval(ptr byval({{i32, [4 x i32]}}) align 4 %p, i32 %k, ptr addrspace(1) %out) {{
{INDEX}
  %q = getelementptr {{i32, [4 x i32]}}, ptr %p, i32 0, i32 1, i32 %k
  %v = load i32, ptr %q
  %h = load i32, ptr %p
  %s = add i32 %v, %h
  %c = icmp slt i32 %tid, 40
  %votes = call i32 @llvm.nvvm.barrier.cta.red.popc.aligned.all(i32 0, i1 %c)
  %t = add i32 %s, %votes
  %op = getelementptr i32, ptr addrspace(1) %out, i32 %i
  store i32 %t, ptr addrspace(1) %op
  ret void
}}
"""
    aggregate = np.array([100, 1, 2, 3, 4], np.int32).tobytes()
    for optimise in (0, 2):
        ptx = compile_ptx(ir, optimise=optimise)
        for seed in SEEDS:
            (out,) = run(ptx, [aggregate, 2], [(np.int32, 128)], grid=(2,), block=(64,), seed=seed)
            assert out.tolist() == [143] * 128


@pytest.mark.parametrize("count", [1, 64])
def test_contended_atomics(count: int) -> None:
    """Many threads on few addresses, in every type; compare-and-swap loops too."""
    ir = f"""
define ptx_kernel void @contend(ptr addrspace(1) %i32s, ptr addrspace(1) %f32s, ptr addrspace(1) %halves, i32 %mask) {{
{INDEX}
  %slot = and i32 %i, %mask
  %ip = getelementptr i32, ptr addrspace(1) %i32s, i32 %slot
  %u = atomicrmw add ptr addrspace(1) %ip, i32 %i monotonic
  %fp = getelementptr float, ptr addrspace(1) %f32s, i32 %slot
  %f = sitofp i32 %i to float
  %v = atomicrmw fmax ptr addrspace(1) %fp, float %f monotonic
  %hp = getelementptr half, ptr addrspace(1) %halves, i32 %slot
  %w = atomicrmw fadd ptr addrspace(1) %hp, half 1.0 monotonic
  ret void
}}
"""
    memory = simulate.DeviceMemory()
    module = simulate.load(compile_ptx(ir), memory)
    kinds = [np.dtype(np.int32), np.dtype(np.float32), np.dtype(np.float16)]
    buffers = [memory.upload(np.zeros(count, kind)) for kind in kinds]
    module.launch("contend", (2,), (64,), [*buffers, count - 1])
    integers, floats, halves = (buffer.array(kind) for buffer, kind in zip(buffers, kinds, strict=True))
    i = np.arange(128).reshape(-1, count)
    np.testing.assert_array_equal(integers, i.sum(axis=0))
    np.testing.assert_array_equal(floats, i.max(axis=0))
    np.testing.assert_array_equal(halves, 128 // count)
