"""A program that runs in this process: numpy in, numpy out."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from hlo_backends.cpu.threads import pool
from hlo_backends.llvm.abi import Args, Runtime, empty, logical, physical, require_count, table
from hlo_backends.llvm.entry import ERRORS, OK
from hlo_backends.llvm.loader import Loaded
from hlo_tools.backend import Executable
from hlo_tools.codegen.program import Program
from hlo_tools.ir.literal import Array
from hlo_tools.support.diagnostic import UnsupportedError


class Bound:
    """A program with its buffers: arguments copied in once, `run` as often as wanted, results read at the end."""

    def __init__(self, executable: CpuExecutable, arguments: Sequence[Array]) -> None:
        program = executable.program
        self._executable = executable
        self._inputs = [physical(x, p) for x, p in zip(arguments, program.arguments, strict=True)]
        self._outputs = [empty(p.shape.bytes) for p in program.results]
        self._scratch = empty(program.scratch_bytes)
        self._arg_table = table([b.ctypes.data for b in self._inputs])
        self._result_table = table([b.ctypes.data for b in self._outputs])
        self._runtime = executable.runtime()
        self._args = Args(
            ctypes.sizeof(Args),
            ctypes.addressof(self._arg_table),
            ctypes.addressof(self._result_table),
            None,
            self._scratch.ctypes.data,
            program.scratch_bytes,
            None if self._runtime is None else ctypes.addressof(self._runtime),
        )
        self._pointer = ctypes.byref(self._args)

    def run(self) -> None:
        """Execute once. Raises UnsupportedError when the module asks for a custom call, which nothing here serves."""
        status = self._executable.function(self._pointer)
        if status != OK:
            raise UnsupportedError.at("HLO5004", f"the module cannot run here: {ERRORS[status][1]}")

    def results(self) -> list[Array]:
        """The results of the last run, in logical order."""
        return [logical(b, p) for b, p in zip(self._outputs, self._executable.program.results, strict=True)]


class CpuExecutable(Executable):
    """Machine code in this process; calls do not share state, so any number may run at once."""

    def __init__(self, program: Program, code: Loaded, symbol: str, threads: int) -> None:
        self.program = program
        self.threads = threads
        self._code = code  # keeps the machine code alive
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
        self.function = prototype(code.address(f"{symbol}_run"))

    def bind(self, arguments: Sequence[Array]) -> Bound:
        """Buffers for repeated runs; the arguments are copied."""
        require_count(arguments, self.program.arguments)
        return Bound(self, arguments)

    def runtime(self) -> Runtime | None:
        """The runtime struct with the thread pool, or None for one thread."""
        workers = pool(self.threads)
        if workers is None:
            return None
        return Runtime(ctypes.sizeof(Runtime), workers.context, workers.function, None, None, None)
