"""The CPU backend: what `compile` and `aot` put together, and the stages in between as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from hlo_backends.cpu.detect import cpu_supported_text
from hlo_backends.cpu.emitters import emitters
from hlo_backends.cpu.entry import entry_text
from hlo_backends.cpu.executable import CpuExecutable
from hlo_backends.cpu.pipeline import PIPELINE
from hlo_backends.cpu.targets import CpuTarget, known_targets, resolve
from hlo_backends.llvm.entry import ERRORS
from hlo_backends.llvm.info import build_info_text
from hlo_backends.llvm.loader import load_object
from hlo_backends.llvm.lower import lower
from hlo_backends.llvm.lower import module as llvm_module
from hlo_backends.llvm.object import emit_assembly, emit_object, optimised
from hlo_tools.backend import Backend, Executable, ObjectCode, Stage, Target
from hlo_tools.codegen.memory import ALIGN
from hlo_tools.codegen.parallel import schedule
from hlo_tools.codegen.planner import plan
from hlo_tools.codegen.program import Program
from hlo_tools.codegen.text import to_text as kernel_text
from hlo_tools.ir.module import Module
from hlo_tools.passes.manager import PassManager
from hlo_tools.passes.pipeline import parse_pipeline
from hlo_tools.text.printer import to_text

_PIPELINE = parse_pipeline(PIPELINE)

SYMBOL = "hlo"
"""Prefix of the functions of code that stays in this process."""


class CpuBackend(Backend):
    """Vector code for x86-64, AArch64, RISC-V and WebAssembly."""

    name: ClassVar[str] = "cpu"

    def targets(self) -> Sequence[Target]:
        """The targets that are tested, this machine first."""
        return [t.target for t in known_targets()]

    def target(self, triple: str = "", cpu: str = "", features: str = "") -> Target:
        """The target in full; with nothing given, the baseline of this machine's kind."""
        if not (triple or cpu or features):
            triple = resolve().target.triple
        return resolve(triple, cpu, features).target

    def compile(self, module: Module, target: Target | None = None, threads: int = 1) -> Executable:
        """Code in this process, for this very machine by default."""
        chosen = _resolved(target)
        program = _program(_optimised(module), chosen)
        text = _llvm_text(program, chosen, SYMBOL)
        code = load_object(emit_object(text, chosen.machine), (f"{SYMBOL}_run",))
        return CpuExecutable(program, code, SYMBOL, threads)

    def aot(self, module: Module, target: Target, symbol: str) -> ObjectCode:
        """A freestanding object: it needs at most memcpy, memset and memmove."""
        chosen = _resolved(target)
        program = _program(_optimised(module), chosen)
        text = _llvm_text(program, chosen, symbol) + _description(module, chosen, symbol)
        facts: dict[str, Any] = {
            "errors": ERRORS,
            "kernels": [k.name for k in program.kernels],
            "constant_bytes": sum(c.slot.bytes for c in program.constants),
            "threads": "parallel_for",
        }
        return ObjectCode({".o": emit_object(text, chosen.machine)}, program.scratch_bytes, ALIGN, facts)


def _resolved(target: Target | None) -> CpuTarget:
    return resolve() if target is None else resolve(target.triple, target.cpu, target.features)


def _optimised(module: Module) -> Module:
    copy = module.clone()
    PassManager(_PIPELINE, []).run(copy)
    return copy


def _program(module: Module, target: CpuTarget) -> Program:
    return plan(module, emitters(target.processor), lambda kernel: (schedule(kernel, target.processor),))


def _llvm_text(program: Program, target: CpuTarget, symbol: str) -> str:
    wasm = target.machine.triple.startswith("wasm32")
    functions = [lower(k, target.dialect) for k in program.kernels]
    functions.append(entry_text(program, symbol, "i32" if wasm else "i64"))
    return llvm_module(functions, target.machine.triple)


def _description(module: Module, target: CpuTarget, symbol: str) -> str:
    """`symbol_cpu_supported` and `symbol_build_info`."""
    x86 = target.machine.triple.startswith("x86_64")
    supported = cpu_supported_text(symbol, x86, target.present)
    return f"\n{supported}\n{build_info_text(symbol, module, target.target)}"


def _stage(name: str, suffix: str, summary: str, emit: Callable[[Module, CpuTarget], str]) -> Stage:
    return Stage(name, suffix, summary, lambda module, target: emit(module, _resolved(target)))


def _hlo(module: Module, target: CpuTarget) -> str:
    return to_text(_optimised(module))


def _kernels(module: Module, target: CpuTarget) -> str:
    program = plan(_optimised(module), emitters(target.processor), lambda kernel: (kernel,))
    return "\n".join(map(kernel_text, program.kernels))


def _scheduled(module: Module, target: CpuTarget) -> str:
    return "\n".join(map(kernel_text, _program(_optimised(module), target).kernels))


def _steps(module: Module, target: CpuTarget) -> str:
    return _program(_optimised(module), target).to_text()


def _llvm(module: Module, target: CpuTarget) -> str:
    return _llvm_text(_program(_optimised(module), target), target, SYMBOL)


_STAGES = (
    _stage("hlo", ".hlo", "the module after all passes", _hlo),
    _stage("kernels", ".kernels", "a loop nest for each fusion, for any target", _kernels),
    _stage("scheduled", ".scheduled", "the loop nests tiled, vectorised and divided among threads", _scheduled),
    _stage("buffer-assignment", ".steps", "the steps of the program and where their buffers lie", _steps),
    _stage("llvm-before-optimizations", ".ll", "LLVM IR as printed", _llvm),
    _stage("llvm", ".ll", "LLVM IR after LLVM's passes", lambda m, t: optimised(_llvm(m, t), t.machine)),
    _stage("asm", ".s", "assembly", lambda m, t: emit_assembly(_llvm(m, t), t.machine)),
)
CpuBackend.stages = {stage.name: stage for stage in _STAGES}
