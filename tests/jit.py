"""Run kernels and instructions as machine code, on the machine of the test."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hlo_backends.cpu.emitters import emitters
from hlo_backends.cpu.targets import CpuTarget, host_target, resolve
from hlo_backends.llvm.loader import Loaded, load_text
from hlo_backends.llvm.lower import lower, module
from hlo_tools.codegen.emitters import LOOPS
from hlo_tools.codegen.kernel import Kernel, Role
from hlo_tools.codegen.launch import Data, Launch, Operand, Result
from hlo_tools.codegen.parallel import schedule
from hlo_tools.ir.instruction import Instruction

Array = np.ndarray[Any, np.dtype[Any]]


def runnable() -> list[CpuTarget]:
    """The targets whose code runs here: the machine itself, and lesser ones of its architecture."""
    host = host_target()
    triple = host.machine.triple
    if platform.machine() != "x86_64":
        return [host]
    lesser = [resolve(triple, "x86-64"), resolve(triple, "x86-64-v3"), resolve(triple, "x86-64-v4")]
    fits = [t for t in lesser if t.processor.vector_bytes <= host.processor.vector_bytes]
    return [host, *fits]


def aligned(like: Array) -> Array:
    """A copy at an address that is a multiple of 64."""
    raw = np.zeros(like.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    made = raw[start : start + like.nbytes].view(like.dtype).reshape(like.shape)
    made[...] = like
    return made


def text_of(kernels: Sequence[Kernel], target: CpuTarget) -> str:
    """A module of exported kernels."""
    functions = [lower(k, target.dialect).replace("define internal", "define", 1) for k in kernels]
    return module(functions, target.machine.triple)


def iterations(kernel: Kernel) -> int:
    """How many parts threads may take, 1 for a kernel that is not divided."""
    loop = kernel.threads_loop
    return 1 if loop is None else loop.end.const


def call(code: Loaded, kernel: Kernel, buffers: Sequence[Array], parts: int = 1) -> None:
    """Run a loaded kernel in `parts`, one after the other."""
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(buffers), ctypes.c_int64, ctypes.c_int64)
    function = prototype(code.address(kernel.name))
    total = iterations(kernel)
    parts = parts if kernel.threads_loop is not None else 1
    for part in range(parts):
        function(*[b.ctypes.data for b in buffers], part * total // parts, (part + 1) * total // parts)


def run(kernel: Kernel, arrays: Sequence[Array], target: CpuTarget, parts: int = 1) -> list[Array]:
    """Compile a kernel, run it on copies of `arrays` (one per parameter), and give back what it writes."""
    code = load_text(text_of([kernel], target), target.machine)
    buffers = [aligned(np.ascontiguousarray(a)) for a in arrays]
    call(code, kernel, buffers, parts)
    return [b for b, p in zip(buffers, kernel.params, strict=True) if p.role is not Role.INPUT]


def launches_of(inst: Instruction, target: CpuTarget) -> list[Launch]:
    """The scheduled kernels of an instruction, under names of their own."""
    emitter = emitters(target.processor).get(inst.op) or LOOPS.find(inst.op)
    assert emitter is not None, f"no code for {inst.op.name}"
    found = []
    for number, launch in enumerate(emitter(inst)):
        kernel = schedule(launch.kernel, target.processor)
        found.append(Launch(replace(kernel, name=f"{kernel.name}_{number}"), launch.args))
    return found


def run_instruction(inst: Instruction, operands: Sequence[Array], target: CpuTarget, parts: int = 1) -> Array:
    """The value of an instruction with row-major operands and one array as its result."""
    launches = launches_of(inst, target)
    code = load_text(text_of([launch.kernel for launch in launches], target), target.machine)
    inputs = [aligned(np.ascontiguousarray(x)) for x in operands]
    result = aligned(np.zeros(inst.shape.dims, inst.shape.element.dtype))
    scratch: dict[int, Array] = {}
    for launch in launches:
        buffers: list[Array] = []
        for arg in launch.args:
            if isinstance(arg, Operand):
                buffers.append(inputs[arg.number])
            elif isinstance(arg, Result):
                buffers.append(result)
            elif isinstance(arg, Data):
                buffers.append(aligned(arg.array))
            else:  # garbage: nothing may rely on what is there before
                buffers.append(scratch.setdefault(arg.key, aligned(np.full(arg.bytes, 255, np.uint8))))
        call(code, launch.kernel, buffers, parts)
    return result
