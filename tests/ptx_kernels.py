"""Kernels for the tests of the PTX simulator: LLVM IR compiled to PTX, and PTX around a single instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from hlo_backends.gpu import simulate

Array = NDArray[Any]

HEADER = """target triple = "nvptx64-nvidia-cuda"
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
"""
INDEX = """
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ntid = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %ctaid = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = mul i32 %ctaid, %ntid
  %i = add i32 %start, %tid
"""
"""Defines %i, the number of the thread in a one-dimensional launch."""
BARRIER = "call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)"

SAXPY = f"""
define ptx_kernel void @saxpy(ptr addrspace(1) %x, ptr addrspace(1) %y, float %a, i32 %n, ptr addrspace(1) %out) {{
{INDEX}
  %inside = icmp ult i32 %i, %n
  br i1 %inside, label %work, label %end
work:
  %xp = getelementptr float, ptr addrspace(1) %x, i32 %i
  %yp = getelementptr float, ptr addrspace(1) %y, i32 %i
  %op = getelementptr float, ptr addrspace(1) %out, i32 %i
  %xv = load float, ptr addrspace(1) %xp
  %yv = load float, ptr addrspace(1) %yp
  %product = fmul float %xv, %a
  %sum = fadd float %product, %yv
  store float %sum, ptr addrspace(1) %op
  br label %end
end:
  ret void
}}
"""

REDUCE = f"""
@partial = internal addrspace(3) global [256 x float] undef, align 16
define ptx_kernel void @reduce(ptr addrspace(1) %x, ptr addrspace(1) %out) {{
entry:
{INDEX}
  %xp = getelementptr float, ptr addrspace(1) %x, i32 %i
  %value = load float, ptr addrspace(1) %xp
  %mine = getelementptr float, ptr addrspace(3) @partial, i32 %tid
  store float %value, ptr addrspace(3) %mine
  {BARRIER}
  br label %level
level:
  %width = phi i32 [128, %entry], [%half, %joined]
  %active = icmp ult i32 %tid, %width
  br i1 %active, label %add, label %joined
add:
  %other = add i32 %tid, %width
  %theirs = getelementptr float, ptr addrspace(3) @partial, i32 %other
  %a = load float, ptr addrspace(3) %mine
  %b = load float, ptr addrspace(3) %theirs
  %sum = fadd float %a, %b
  store float %sum, ptr addrspace(3) %mine
  br label %joined
joined:
  {BARRIER}
  %half = lshr i32 %width, 1
  %more = icmp ne i32 %half, 0
  br i1 %more, label %level, label %done
done:
  %first = icmp eq i32 %tid, 0
  br i1 %first, label %write, label %end
write:
  %total = load float, ptr addrspace(3) @partial
  %op = getelementptr float, ptr addrspace(1) %out, i32 %ctaid
  store float %total, ptr addrspace(1) %op
  br label %end
end:
  ret void
}}
"""

MATMUL = f"""
@a = internal addrspace(3) global [256 x float] undef, align 16
@b = internal addrspace(3) global [256 x float] undef, align 16
define ptx_kernel void @matmul(ptr addrspace(1) %A, ptr addrspace(1) %B, i32 %n, ptr addrspace(1) %C) {{
entry:
  %tx = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ty = call i32 @llvm.nvvm.read.ptx.sreg.tid.y()
  %bx = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %by = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
  %r0 = mul i32 %by, 16
  %row = add i32 %r0, %ty
  %c0 = mul i32 %bx, 16
  %column = add i32 %c0, %tx
  %rowstart = mul i32 %row, %n
  %trow = mul i32 %ty, 16
  %slot = add i32 %trow, %tx
  %as = getelementptr float, ptr addrspace(3) @a, i32 %slot
  %bs = getelementptr float, ptr addrspace(3) @b, i32 %slot
  br label %tile
tile:
  %k = phi i32 [0, %entry], [%knext, %tileend]
  %acc = phi float [0.0, %entry], [%next, %tileend]
  %ac = add i32 %k, %tx
  %ai = add i32 %rowstart, %ac
  %ap = getelementptr float, ptr addrspace(1) %A, i32 %ai
  %av = load float, ptr addrspace(1) %ap
  store float %av, ptr addrspace(3) %as
  %br = add i32 %k, %ty
  %brow = mul i32 %br, %n
  %bi = add i32 %brow, %column
  %bp = getelementptr float, ptr addrspace(1) %B, i32 %bi
  %bv = load float, ptr addrspace(1) %bp
  store float %bv, ptr addrspace(3) %bs
  {BARRIER}
  br label %inner
inner:
  %j = phi i32 [0, %tile], [%jnext, %inner]
  %sum = phi float [%acc, %tile], [%next, %inner]
  %x = add i32 %trow, %j
  %xp = getelementptr float, ptr addrspace(3) @a, i32 %x
  %xv = load float, ptr addrspace(3) %xp
  %y0 = mul i32 %j, 16
  %y = add i32 %y0, %tx
  %yp = getelementptr float, ptr addrspace(3) @b, i32 %y
  %yv = load float, ptr addrspace(3) %yp
  %product = fmul contract float %xv, %yv
  %next = fadd contract float %sum, %product
  %jnext = add i32 %j, 1
  %jmore = icmp ult i32 %jnext, 16
  br i1 %jmore, label %inner, label %tileend
tileend:
  {BARRIER}
  %knext = add i32 %k, 16
  %kmore = icmp ult i32 %knext, %n
  br i1 %kmore, label %tile, label %done
done:
  %ci = add i32 %rowstart, %column
  %cp = getelementptr float, ptr addrspace(1) %C, i32 %ci
  store float %next, ptr addrspace(1) %cp
  ret void
}}
"""


def compile_ptx(ir: str, *, optimise: int = 2) -> str:
    """PTX for sm_90 of LLVM IR that follows HEADER."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(HEADER + ir)
    module.verify()
    machine = llvm.Target.from_triple("nvptx64-nvidia-cuda").create_target_machine(cpu="sm_90", opt=optimise)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=optimise))
    builder.getModulePassManager().run(module, builder)
    return str(machine.emit_assembly(module))


def run(
    ptx: str,
    inputs: Sequence[Any],
    outputs: Sequence[tuple[Any, int]],
    *,
    grid: Sequence[int] = (1,),
    block: Sequence[int] = (32,),
    **options: Any,
) -> list[Array]:
    """Launches the only kernel of the text with the inputs (arrays become buffers), then outputs (dtype, count)."""
    memory = simulate.DeviceMemory()
    module = simulate.load(ptx, memory)
    (name,) = module.kernels
    args: list[simulate.Argument] = [memory.upload(one) if isinstance(one, np.ndarray) else one for one in inputs]
    results = [memory.allocate(np.dtype(dtype).itemsize * count) for dtype, count in outputs]
    module.launch(name, grid, block, [*args, *results], **options)
    return [buffer.array(dtype) for buffer, (dtype, _) in zip(results, outputs, strict=True)]


_REGISTER = {1: "b16", 2: "b16", 4: "b32", 8: "b64"}
_LOADS = {1: "b8", 2: "b16", 4: "b32", 8: "b64"}


def instruction_ptx(text: str, sizes: Sequence[int], result: int) -> str:
    """A kernel that loads %a, %b... of the given sizes, executes `text` and stores %d, of `result` bytes."""
    names = "abcdefg"[: len(sizes)]
    parameters = ",\n".join(f"\t.param .u64 k_{index}" for index in range(len(sizes) + 1))
    lines = [
        f".reg .{_REGISTER[result]} %d;",
        ".reg .b64 %base, %addr, %index;",
        ".reg .b32 %tid;",
        ".reg .pred %p, %q;",
    ]
    lines += [f".reg .{_REGISTER[size]} %{name};" for name, size in zip(names, sizes, strict=True)]
    lines += ["mov.u32 %tid, %tid.x;", "cvt.u64.u32 %index, %tid;"]
    for index, (name, size) in enumerate(zip(names, sizes, strict=True)):
        lines += [f"ld.param.u64 %base, [k_{index}];", f"mad.lo.u64 %addr, %index, {size}, %base;"]
        lines += [f"ld.global.{_LOADS[size]} %{name}, [%addr];"]
    lines += [text, f"ld.param.u64 %base, [k_{len(sizes)}];", f"mad.lo.u64 %addr, %index, {result}, %base;"]
    lines += [f"st.global.{_LOADS[result]} [%addr], %d;", "ret;"]
    body = "\n".join("\t" + line for line in lines)
    return f".version 8.0\n.target sm_90\n.address_size 64\n\n.visible .entry k(\n{parameters}\n)\n{{\n{body}\n}}\n"


def execute(text: str, *operands: Array, result: Any) -> Array:
    """The results of one or a few instructions for all elements of the operands."""
    dtype = np.dtype(result)
    ptx = instruction_ptx(text, [operand.dtype.itemsize for operand in operands], dtype.itemsize)
    count = len(operands[0])
    (output,) = run(ptx, operands, [(dtype, count)], block=(count,))
    return output
