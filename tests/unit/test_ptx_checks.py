"""What the PTX simulator reports: each fault with its line, thread and block."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ptx_kernels import BARRIER, INDEX, MATMUL, REDUCE, SAXPY, compile_ptx, execute, instruction_ptx, run

from hlo_backends.gpu import simulate

SEEDS = [None, 0, 1, 2]


def without_line(ptx: str, pattern: str, occurrence: int) -> str:
    """The text without the n-th line that matches; its number of lines stays."""
    lines = ptx.split("\n")
    found = [number for number, line in enumerate(lines) if re.search(pattern, line)]
    lines[found[occurrence]] = ""
    return "\n".join(lines)


def block_of_text(body: str, registers: str = "", shared: str = "") -> str:
    """A kernel around PTX statements; %t is the thread's index, %out the address of the only parameter."""
    return f""".version 8.0
.target sm_90
.address_size 64
.visible .entry k(.param .u64 k_0)
{{
	.reg .pred %p, %q;
	.reg .b32 %t, %x, %y, %z;
	.reg .b64 %out, %addr;
	{registers}
	{shared}
	mov.u32 %t, %tid.x;
	ld.param.u64 %out, [k_0];
{body}
	ret;
}}
"""


# ---- barriers and races


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("occurrence", [0, 1])
def test_deleted_barrier_of_a_reduction(occurrence: int, seed: int | None) -> None:
    ptx = without_line(compile_ptx(REDUCE), r"\bbar\.sync", occurrence)
    x = np.arange(256, dtype=np.float32)
    with pytest.raises((simulate.RaceError, simulate.UninitialisedReadError)) as caught:
        run(ptx, [x], [(np.float32, 1)], block=(256,), seed=seed)
    assert "shared" in caught.value.text
    assert caught.value.text in " ".join(ptx.split("\n")[(caught.value.line or 0) - 1].split())
    assert caught.value.block == (0, 0, 0)


@pytest.mark.parametrize("occurrence", [0, 1])
def test_deleted_barrier_of_a_matrix_product(occurrence: int) -> None:
    ptx = without_line(compile_ptx(MATMUL), r"\bbar\.sync", occurrence)
    a = np.ones((32, 32), np.float32)
    with pytest.raises((simulate.RaceError, simulate.UninitialisedReadError)):
        run(ptx, [a, a, 32], [(np.float32, 1024)], grid=(2, 2), block=(16, 16))


def test_deleted_initialisation() -> None:
    ptx = without_line(compile_ptx(REDUCE), r"\bst\.shared", 0)
    with pytest.raises(simulate.UninitialisedReadError, match="uninitialised shared memory"):
        run(ptx, [np.ones(256, np.float32)], [(np.float32, 1)], block=(256,))


def test_write_after_read_needs_a_barrier() -> None:
    body = """
	mul.lo.u32 %x, %t, 4;
	cvt.u64.u32 %addr, %x;
	st.shared.b32 [%addr], %t;
	bar.sync 0;
	ld.shared.b32 %y, [buf+4];
	setp.eq.s32 %p, %t, 1;
	@%p st.shared.b32 [buf+4], 7;
"""
    ptx = block_of_text(body, shared=".shared .align 4 .b8 buf[128];")
    with pytest.raises(simulate.RaceError, match="race: write of shared memory at byte 4, read by several threads"):
        run(ptx, [], [(np.int32, 1)])


def test_two_lanes_write_one_place() -> None:
    ptx = block_of_text("st.shared.b32 [buf], %t;", shared=".shared .align 4 .b8 buf[4];")
    with pytest.raises(simulate.RaceError, match="in the same instruction"):
        run(ptx, [], [(np.int32, 1)])


def test_neighbouring_bytes_do_not_race() -> None:
    body = "cvt.u64.u32 %addr, %t; st.shared.b8 [%addr], %t; bar.sync 0;"
    body += " ld.shared.b32 %x, [buf]; st.global.b32 [%out], %x;"
    ptx = block_of_text(body, shared=".shared .align 4 .b8 buf[32];")
    assert run(ptx, [], [(np.int32, 1)])[0].tolist() == [0x03020100]


EXCHANGE = """
	mul.lo.u32 %x, %t, 4;
	cvt.u64.u32 %addr, %x;
	st.shared.b32 [%addr], %t;
	{sync}
	xor.b32 %x, %x, {distance};
	cvt.u64.u32 %addr, %x;
	ld.shared.b32 %y, [%addr];
"""


def test_warp_barrier_orders_within_a_warp_only() -> None:
    shared = ".shared .align 4 .b8 buf[256];"
    within = EXCHANGE.format(sync="bar.warp.sync 0xffffffff;", distance=4)
    across = EXCHANGE.format(sync="bar.warp.sync 0xffffffff;", distance=128)
    run(block_of_text(within, shared=shared), [], [(np.int32, 1)], block=(64,))
    with pytest.raises(simulate.RaceError):
        run(block_of_text(across, shared=shared), [], [(np.int32, 1)], block=(64,))
    with pytest.raises(simulate.RaceError):
        run(block_of_text(EXCHANGE.format(sync="", distance=4), shared=shared), [], [(np.int32, 1)], block=(64,))


def test_atomics_do_not_race_with_each_other_but_with_plain_reads() -> None:
    prologue = "setp.eq.s32 %p, %t, 0; @%p st.shared.b32 [buf], 0; bar.sync 0; atom.shared.add.u32 %x, [buf], 1;"
    shared = ".shared .align 4 .b8 buf[4];"
    epilogue = "ld.shared.b32 %y, [buf]; st.global.b32 [%out], %y;"
    ptx = block_of_text(f"{prologue} bar.sync 0; {epilogue}", shared=shared)
    assert run(ptx, [], [(np.int32, 1)], block=(64,))[0].tolist() == [64]
    with pytest.raises(simulate.RaceError):
        run(block_of_text(f"{prologue} {epilogue}", shared=shared), [], [(np.int32, 1)], block=(64,))


@pytest.mark.parametrize("seed", SEEDS)
def test_barrier_that_some_threads_skip(seed: int | None) -> None:
    within_warp = "setp.lt.u32 %p, %t, 10; @%p bra $skip; bar.sync 0; $skip: add.s32 %x, %t, 1;"
    with pytest.raises(simulate.DivergenceError, match="22 of the 32 threads of the warp"):
        run(block_of_text(within_warp), [], [(np.int32, 1)], block=(64,), seed=seed)
    whole_warp = "setp.lt.u32 %p, %t, 32; @%p bra $skip; bar.sync 0; $skip: bar.sync 0;"
    with pytest.raises(simulate.DivergenceError, match=r"different barriers|never complete"):
        run(block_of_text(whole_warp), [], [(np.int32, 1)], block=(64,), seed=seed)


def test_barriers_of_some_warps() -> None:
    """Two warps meet at a barrier of their own, then all four at the common one."""
    body = """
	mul.lo.u32 %x, %t, 4;
	cvt.u64.u32 %addr, %x;
	setp.ge.u32 %p, %t, 64;
	@%p bra $common;
	st.shared.b32 [%addr], %t;
	bar.sync 1, 64;
	xor.b32 %y, %x, 128;
	cvt.u64.u32 %addr, %y;
	ld.shared.b32 %z, [%addr];
	st.shared.b32 [%addr+256], %z;
$common:
	bar.sync 0;
	and.b32 %y, %x, 255;
	cvt.u64.u32 %addr, %y;
	ld.shared.b32 %z, [%addr+256];
	cvt.u64.u32 %addr, %x;
	add.s64 %out, %out, %addr;
	st.global.b32 [%out], %z;
"""
    ptx = block_of_text(body, shared=".shared .align 4 .b8 buf[512];")
    for seed in SEEDS:
        (out,) = run(ptx, [], [(np.int32, 128)], block=(128,), seed=seed)
        assert out.tolist() == [*range(64), *range(64)]


def test_exited_threads_are_not_waited_for() -> None:
    ptx = block_of_text("setp.ge.u32 %p, %t, 40; @%p ret; bar.sync 0; st.global.b32 [%out], 5;")
    for seed in SEEDS:
        assert run(ptx, [], [(np.int32, 1)], block=(64,), seed=seed)[0].tolist() == [5]


def test_barrier_after_blocks_laid_out_far_away() -> None:
    """The branch that rejoins from below the barrier must be waited for."""
    body = """
	setp.lt.u32 %p, %t, 7;
	mov.b32 %x, 1;
	@%p bra $far;
$join:
	bar.sync 0;
	bra $end;
$far:
	mov.b32 %x, 2;
	bra $join;
$end:
	mul.lo.u32 %y, %t, 4;
	cvt.u64.u32 %addr, %y;
	add.s64 %addr, %addr, %out;
	st.global.b32 [%addr], %x;
"""
    for seed in SEEDS:
        (out,) = run(block_of_text(body), [], [(np.int32, 64)], block=(64,), seed=seed)
        assert out.tolist() == [2] * 7 + [1] * 57


def test_barrier_in_a_loop_with_a_short_cut() -> None:
    """Lanes that take the short way round the loop wait for the others before the next barrier."""
    body = """
	mov.b32 %x, 0;
	mov.b32 %z, 0;
$head:
	bar.sync 0;
	add.s32 %x, %x, 1;
	setp.ge.u32 %p, %x, 4;
	@%p bra $end;
	and.b32 %y, %t, %x;
	setp.eq.s32 %q, %y, 0;
	@%q bra $head;
	add.s32 %z, %z, 1;
	bra $head;
$end:
	mul.lo.u32 %y, %t, 4;
	cvt.u64.u32 %addr, %y;
	add.s64 %addr, %addr, %out;
	st.global.b32 [%addr], %z;
"""
    t = np.arange(64)
    for seed in SEEDS:
        (out,) = run(block_of_text(body), [], [(np.int32, 64)], block=(64,), seed=seed)
        np.testing.assert_array_equal(out, sum((t & n) != 0 for n in (1, 2, 3)))


# ---- memory


def test_buffer_that_is_too_short() -> None:
    x = np.zeros(100, np.float32)
    with pytest.raises(simulate.OutOfBoundsError, match=r"at byte 396 of buffer .*, which has 396 bytes") as caught:
        run(compile_ptx(SAXPY), [x, x[:99], 1.0, 100], [(np.float32, 100)], block=(128,))
    assert caught.value.thread == (99, 0, 0)
    assert "ld.global" in caught.value.text
    with pytest.raises(simulate.OutOfBoundsError) as caught:
        run(compile_ptx(SAXPY), [x, x, 1.0, 100], [(np.float32, 64)], grid=(4,), block=(32,))
    assert (caught.value.thread, caught.value.block) == ((0, 0, 0), (2, 0, 0))
    assert "st.global" in caught.value.text


def test_bytes_in_front_of_a_buffer_and_null() -> None:
    memory = simulate.DeviceMemory()
    buffer = memory.upload(np.zeros(4, np.int32))
    module = simulate.load(block_of_text("ld.global.b32 %x, [%out+-4];"), memory)
    with pytest.raises(simulate.OutOfBoundsError, match="4 bytes before"):
        module.launch("k", (1,), (1,), [buffer])
    with pytest.raises(simulate.OutOfBoundsError, match="null pointer"):
        module.launch("k", (1,), (1,), [4])


def test_misaligned_access() -> None:
    with pytest.raises(simulate.MisalignedError, match="access of 16 bytes at misaligned"):
        run(block_of_text("ld.global.v4.b32 {%x, %y, %z, %t}, [%out+4];"), [], [(np.int32, 8)])
    with pytest.raises(simulate.MisalignedError):
        run(block_of_text("st.shared.b32 [buf+2], %t;", shared=".shared .align 4 .b8 buf[8];"), [], [(np.int32, 1)])


def test_shared_and_local_bounds() -> None:
    with pytest.raises(simulate.OutOfBoundsError, match="shared memory, at byte 8 of 8"):
        run(block_of_text("st.shared.b32 [buf+8], %t;", shared=".shared .align 4 .b8 buf[8];"), [], [(np.int32, 1)])
    with pytest.raises(simulate.OutOfBoundsError, match="local memory, at byte 8 of 8"):
        run(block_of_text("st.local.b32 [buf+8], %t;", shared=".local .align 4 .b8 buf[8];"), [], [(np.int32, 1)])


def test_output_that_was_never_written() -> None:
    with pytest.raises(simulate.UninitialisedReadError, match="byte 4 of buffer at"):
        run(
            block_of_text("st.global.b32 [%out], 1; ld.global.b32 %x, [%out]; ld.global.b32 %x, [%out+4];"),
            [],
            [(np.int32, 2)],
        )


def test_reading_asynchronous_copies_too_early() -> None:
    body = """
	mul.lo.u32 %x, %t, 4;
	cvt.u64.u32 %addr, %x;
	add.s64 %out, %out, %addr;
	cp.async.ca.shared.global [%addr], [%out], 4;
	cp.async.commit_group;
	cp.async.wait_group {left};
	{barrier}
	xor.b32 %x, %x, 4;
	cvt.u64.u32 %addr, %x;
	ld.shared.b32 %y, [%addr];
	st.global.b32 [%out], %y;
"""
    shared = ".shared .align 16 .b8 buf[128];"
    memory = simulate.DeviceMemory()
    buffer = memory.upload(np.arange(32, dtype=np.int32))

    def launch(left: int, barrier: str) -> None:
        text = block_of_text(body.format(left=left, barrier=barrier), shared=shared)
        simulate.load(text, memory).launch("k", (1,), (32,), [buffer])

    launch(0, "bar.sync 0;")
    assert buffer.array(np.int32).tolist() == [n ^ 1 for n in range(32)]
    with pytest.raises(simulate.RaceError, match="asynchronous copy in flight"):
        launch(1, "bar.sync 0;")
    with pytest.raises(simulate.RaceError, match="written by thread"):
        launch(0, "")


# ---- control and everything else


def test_endless_loop() -> None:
    ptx = block_of_text("$again: add.s32 %x, %x, 1; bra $again;")
    with pytest.raises(simulate.StepLimitError, match="100 steps"):
        run(ptx, [], [(np.int32, 1)], max_steps=100)


def test_unknown_instruction_is_named_with_its_line() -> None:
    ptx = block_of_text("frobnicate.b32 %x, %y;")
    with pytest.raises(simulate.UnsupportedInstructionError, match=r"frobnicate\.b32") as caught:
        run(ptx, [], [(np.int32, 1)])
    assert ptx.split("\n")[(caught.value.line or 0) - 1].strip() == "frobnicate.b32 %x, %y;"
    with pytest.raises(simulate.UnsupportedInstructionError, match="unknown register %nobody"):
        execute("mov.b32 %d, %nobody;", np.zeros(1, np.int32), result=np.int32)
    with pytest.raises(simulate.UnsupportedInstructionError, match="rounding mode"):
        execute("div.rz.f32 %d, %a, %a;", np.zeros(1, np.float32), result=np.float32)


def test_recursion() -> None:
    ir = f"""
define i32 @down(i32 %n) noinline {{
  %stop = icmp eq i32 %n, 0
  br i1 %stop, label %end, label %more
more:
  %m = sub i32 %n, 1
  %r = call i32 @down(i32 %m)
  %s = mul i32 %r, %n
  br label %end
end:
  %v = phi i32 [1, %0], [%s, %more]
  ret i32 %v
}}
define ptx_kernel void @k(ptr addrspace(1) %x) {{
{INDEX}
  %r = call i32 @down(i32 %i)
  store i32 %r, ptr addrspace(1) %x
  ret void
}}
"""
    with pytest.raises(simulate.UnsupportedInstructionError, match="recursive call of down"):
        run(compile_ptx(ir, optimise=0), [], [(np.int32, 1)])


def test_calls_without_a_body() -> None:
    ir = f"""
declare float @nowhere(float)
define ptx_kernel void @k(ptr addrspace(1) %x) {{
{INDEX}
  %v = load float, ptr addrspace(1) %x
  %r = call float @nowhere(float %v)
  store float %r, ptr addrspace(1) %x
  {BARRIER}
  ret void
}}
"""
    with pytest.raises(simulate.UnsupportedInstructionError, match="nowhere"):
        run(compile_ptx(ir), [], [(np.float32, 1)])


def test_trap() -> None:
    ptx = block_of_text("setp.eq.s32 %p, %t, 3; @%p trap;")
    with pytest.raises(simulate.TrapError) as caught:
        run(ptx, [], [(np.int32, 1)])
    assert caught.value.thread == (3, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        ".visible .entry k(",
        ".visible .entry k() {",
        ".visible .entry k() { .reg .b99 %r; }",
        ".global x;",
    ],
)
def test_text_that_is_not_ptx(text: str) -> None:
    if not text:
        assert simulate.load(text).kernels == {}
        return
    with pytest.raises(simulate.PtxSyntaxError) as caught:
        simulate.load(text)
    assert caught.value.line == 1


def test_launches_that_do_not_fit() -> None:
    memory = simulate.DeviceMemory()
    module = simulate.load(instruction_ptx("mov.b32 %d, %a;", [4], 4), memory)
    buffer = memory.allocate(4)
    for grid, block, args, message in (
        ((1,), (1,), [buffer], "2 parameters, 1 arguments"),
        ((0,), (1,), [buffer, buffer], "positive extents"),
        ((1,), (1, 1, 1, 1), [buffer, buffer], "positive extents"),
        ((1,), (2048,), [buffer, buffer], "at most 1024"),
        ((1,), (1,), [buffer, 1.5], "Python float"),
        ((1,), (1,), [buffer, b"123"], "3 bytes"),
    ):
        with pytest.raises(simulate.LaunchError, match=message):
            module.launch("k", grid, block, args)
    with pytest.raises(simulate.LaunchError, match="no kernel other; the module has k"):
        module.launch("other", (1,), (1,), [])
    with pytest.raises(simulate.LaunchError, match="do not fit"):
        buffer.write(np.zeros(2, np.int32))
