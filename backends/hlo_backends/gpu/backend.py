"""The GPU backend: PTX for the kernels, a host object that launches them, and the stages in between as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hlo_backends.cpu.detect import cpu_supported_text
from hlo_backends.cpu.pipeline import PIPELINE
from hlo_backends.cpu.targets import host_target
from hlo_backends.gpu.driver import Driver, Simulator, gpu
from hlo_backends.gpu.entry import GPU_ERRORS, host_text
from hlo_backends.gpu.executable import GpuExecutable
from hlo_backends.gpu.mapping import device_kernels
from hlo_backends.gpu.matmul import dot_emitter
from hlo_backends.gpu.ptx import Symbols, geometry, llvm_text, ptx_text
from hlo_backends.gpu.targets import GpuTarget, best_cpu, known_targets, resolve
from hlo_backends.llvm.info import build_info_text
from hlo_backends.llvm.loader import load_object
from hlo_backends.llvm.object import emit_object
from hlo_tools.backend import Backend, Executable, ObjectCode, Stage, Target
from hlo_tools.codegen.kernel import Kernel
from hlo_tools.codegen.memory import ALIGN
from hlo_tools.codegen.planner import plan
from hlo_tools.codegen.program import Program
from hlo_tools.codegen.text import to_text as kernel_text
from hlo_tools.ir.module import Module
from hlo_tools.ops import OPS
from hlo_tools.passes.manager import PassManager
from hlo_tools.passes.pipeline import parse_pipeline
from hlo_tools.text.printer import to_text

SYMBOL = "hlo"
"""Prefix of the functions of code that stays in this process."""
TABLE = "hlo_driver"
"""Where such code lets the driver's functions be given."""


class GpuBackend(Backend):
    """PTX for NVIDIA GPUs, launched through the CUDA driver, which is found at run time."""

    name: ClassVar[str] = "gpu"

    def targets(self) -> Sequence[Target]:
        """The targets that are tested."""
        return [t.target for t in known_targets()]

    def target(self, triple: str = "", cpu: str = "", features: str = "") -> Target:
        """The target in full."""
        return resolve(triple, cpu, features).target

    def compile(self, module: Module, target: Target | None = None, threads: int = 1) -> Executable:
        """Code for the GPU of this machine; where it has none, for the simulator. `device` of the result says which."""
        found = gpu()
        if target is None and found is not None:
            target = self.target(cpu=best_cpu(found.capability))
        return compile_for(module, _resolved(target), found or Simulator())

    def aot(self, module: Module, target: Target, symbol: str) -> ObjectCode:
        """An object for the machine that this runs on, with the PTX inside; it needs dlopen and dlsym."""
        chosen = _resolved(target)
        program = _program(_optimised(module), chosen)
        ptx = ptx_text(program.kernels, program.constants, chosen)
        text = [host_text(program, ptx, symbol), cpu_supported_text(symbol, False, ())]
        text.append(build_info_text(symbol, module, chosen.target))
        facts: dict[str, Any] = {
            "device": True,
            "errors": GPU_ERRORS,
            "host": chosen.host.triple,
            "kernels": [k.name for k in program.kernels],
            "launches": {k.name: _launch(k) for k in program.kernels},
            "constant_bytes": sum(c.slot.bytes for c in program.constants),
        }
        files = {".o": emit_object("\n".join(text), chosen.host), ".ptx": ptx.encode()}
        return ObjectCode(files, program.scratch_bytes, ALIGN, facts)


def compile_for(module: Module, target: GpuTarget, driver: Driver) -> GpuExecutable:
    """Host code in this process that calls `driver`."""
    program = _program(_optimised(module), target)
    ptx = ptx_text(program.kernels, program.constants, target)
    data = emit_object(host_text(program, ptx, SYMBOL, TABLE), host_target().machine)
    return GpuExecutable(program, load_object(data, (f"{SYMBOL}_run", TABLE)), SYMBOL, driver, TABLE)


def _resolved(target: Target | None) -> GpuTarget:
    return resolve() if target is None else resolve(target.triple, target.cpu, target.features)


def _optimised(module: Module) -> Module:
    copy = module.clone()
    PassManager(parse_pipeline(PIPELINE), []).run(copy)
    return copy


def _program(module: Module, target: GpuTarget) -> Program:
    symbols = Symbols()

    def finish(kernel: Kernel) -> tuple[Kernel, ...]:
        return tuple(map(symbols.renamed, device_kernels(kernel, target.device)))

    return plan(module, {OPS["dot"]: dot_emitter(target.device)}, finish)


def _launch(kernel: Kernel) -> dict[str, list[int]]:
    shape = geometry(kernel)
    return {"grid": list(shape.grid), "block": list(shape.block)}


def _stage(name: str, suffix: str, summary: str, emit: Callable[[Module, GpuTarget], str]) -> Stage:
    return Stage(name, suffix, summary, lambda module, target: emit(module, _resolved(target)))


def _hlo(module: Module, target: GpuTarget) -> str:
    return to_text(_optimised(module))


def _kernels(module: Module, target: GpuTarget) -> str:
    program = plan(_optimised(module), {OPS["dot"]: dot_emitter(target.device)}, lambda kernel: (kernel,))
    return "\n".join(map(kernel_text, program.kernels))


def _device_kernels(module: Module, target: GpuTarget) -> str:
    return "\n".join(map(kernel_text, _program(_optimised(module), target).kernels))


def _steps(module: Module, target: GpuTarget) -> str:
    return _program(_optimised(module), target).to_text()


def _llvm(module: Module, target: GpuTarget) -> str:
    program = _program(_optimised(module), target)
    return llvm_text(program.kernels, program.constants, target)


def _ptx(module: Module, target: GpuTarget) -> str:
    program = _program(_optimised(module), target)
    return ptx_text(program.kernels, program.constants, target)


_STAGES = (
    _stage("hlo", ".hlo", "the module after all passes", _hlo),
    _stage("kernels", ".kernels", "a loop nest for each fusion, for any target", _kernels),
    _stage(
        "device-kernels", ".kernels", "the loop nests cut into kernels, with their grids and blocks", _device_kernels
    ),
    _stage("buffer-assignment", ".steps", "the steps of the program and where their buffers lie", _steps),
    _stage("llvm", ".ll", "LLVM IR of the kernels, before LLVM's passes", _llvm),
    _stage("ptx", ".ptx", "PTX", _ptx),
)
GpuBackend.stages = {stage.name: stage for stage in _STAGES}
