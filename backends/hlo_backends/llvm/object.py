"""LLVM IR text to objects and assembly.

LLVM ends the process on some inputs that it dislikes; text for targets other than the machine we run on, which no
test here can run, is therefore compiled in a child process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache

import llvmlite.binding as llvm

from hlo_tools.support.diagnostic import UnsupportedError


@dataclass(frozen=True, slots=True)
class Machine:
    """What LLVM needs to know to make code: as `-mtriple`, `-mcpu`, `-mattr`."""

    triple: str
    cpu: str = ""
    features: str = ""
    optimise: bool = True


def emit_object(text: str, machine: Machine) -> bytes:
    """An object file. Raises UnsupportedError when LLVM cannot make one."""
    return _emit(text, machine, "object")


def emit_assembly(text: str, machine: Machine) -> str:
    """Assembly text. Raises UnsupportedError when LLVM cannot make it."""
    return _emit(text, machine, "assembly").decode()


def optimised(text: str, machine: Machine) -> str:
    """The LLVM IR after our pipeline."""
    return _emit(text, machine, "ir").decode()


def emit_here(text: str, machine: Machine, form: str) -> bytes:
    """Compile in this process: `object`, `assembly` or `ir`."""
    initialise()
    made = _target_machine(machine)
    try:
        module = llvm.parse_assembly(text)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UnsupportedError.at("HLO4010", f"LLVM rejects the code for {machine.triple}: {reason}") from error
    if machine.optimise:
        _pipeline(module, made)
    if form == "ir":
        return str(module).encode()
    return made.emit_assembly(module).encode() if form == "assembly" else bytes(made.emit_object(module))


def _emit(text: str, machine: Machine, form: str) -> bytes:
    if machine.triple == host_triple():
        return emit_here(text, machine, form)
    header = json.dumps({**asdict(machine), "form": form})
    command = [sys.executable, "-m", "hlo_backends.llvm.object"]
    done = subprocess.run(command, input=f"{header}\n{text}".encode(), capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise UnsupportedError.at("HLO4010", f"LLVM cannot compile for {machine.triple}: {last[0]}")
    return done.stdout


def main() -> None:
    """The child process: a line of JSON and LLVM IR come in, the compiled form goes out."""
    header, _, text = sys.stdin.buffer.read().decode().partition("\n")
    asked = json.loads(header)
    form = asked.pop("form")
    sys.stdout.buffer.write(emit_here(text, Machine(**asked), form))


@cache
def initialise() -> None:
    """Make LLVM's targets known; any number of times."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.initialize_native_asmparser()  # for inline assembly


@cache
def host_triple() -> str:
    """The triple of the machine that this runs on."""
    return str(llvm.get_process_triple())


@cache
def _target_machine(machine: Machine) -> llvm.TargetMachine:
    initialise()
    try:
        target = llvm.Target.from_triple(machine.triple)
    except RuntimeError as error:
        raise UnsupportedError.at("HLO4003", f"LLVM does not know the target '{machine.triple}'") from error
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=2, reloc="pic", codemodel="small"
    )


def _pipeline(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """What the lowering leaves to do. Loops are vectorised and unrolled before, where we know how.

    The loop passes of LLVM's own -O2 take five times as long as everything else together, and undo our tiles.
    """
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)


if __name__ == "__main__":
    main()
