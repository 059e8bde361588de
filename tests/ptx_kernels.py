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
