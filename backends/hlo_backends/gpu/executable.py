"""A program that runs in this process, on a GPU or in the simulator: numpy in, numpy out."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence

from hlo_backends.gpu.driver import Driver
from hlo_backends.gpu.entry import GPU_ERRORS
from hlo_backends.llvm.abi import Args, logical, physical, require_count, table
from hlo_backends.llvm.entry import E_BASE, OK
from hlo_backends.llvm.loader import Loaded
from hlo_tools.backend import Executable
from hlo_tools.codegen.program import Program
from hlo_tools.ir.literal import Array
from hlo_tools.support.diagnostic import UnsupportedError


class Bound:
    """A program with its buffers on the device: arguments copied in once, `run` as often as wanted."""

    def __init__(self, executable: GpuExecutable, arguments: Sequence[Array]) -> None:
        program, driver = executable.program, executable.driver
        self._executable = executable
        inputs = [physical(x, p) for x, p in zip(arguments, program.arguments, strict=True)]
        driver.enter()
        sizes = [*(x.nbytes for x in inputs), *(p.shape.bytes for p in program.results), program.scratch_bytes]
        addresses = [driver.allocate(size) for size in sizes]
        for address in addresses:
            weakref.finalize(self, driver.free, address).atexit = False  # the driver may be gone by then
        for address, data in zip(addresses, inputs, strict=False):
            driver.write(address, data)
        self._outputs = addresses[len(inputs) : -1]
        self._arg_table = table(addresses[: len(inputs)])
        self._result_table = table(self._outputs)
        self._args = Args(
            ctypes.sizeof(Args),
            ctypes.addressof(self._arg_table),
            ctypes.addressof(self._result_table),
            None,
            addresses[-1],
            program.scratch_bytes,
            None,
        )

    def run(self) -> None:
        """Execute once, and wait. Raises UnsupportedError where the driver or the module's custom calls fail."""
        driver = self._executable.driver
        driver.enter()
        status = self._executable.function(ctypes.byref(self._args))
        driver.wait()
        if status > E_BASE:
            raise UnsupportedError.at("HLO5004", f"the CUDA driver fails with CUresult {status - E_BASE}")
        if status != OK:
            raise UnsupportedError.at("HLO5004", f"the module cannot run here: {GPU_ERRORS[status][1]}")

    def results(self) -> list[Array]:
        """The results of the last run, in logical order."""
        driver, ports = self._executable.driver, self._executable.program.results
        driver.enter()
        return [logical(driver.read(a, p.shape.bytes), p) for a, p in zip(self._outputs, ports, strict=True)]


class GpuExecutable(Executable):
    """Host code in this process, and the driver that it calls. `device` says what executes the kernels."""

    def __init__(self, program: Program, code: Loaded, symbol: str, driver: Driver, table_name: str) -> None:
        self.program = program
        self.driver = driver
        self.device = driver.name
        self._code = code  # keeps the machine code alive
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
        self.function = prototype(code.address(f"{symbol}_run"))
        if driver.table is not None:
            ctypes.memmove(code.address(table_name), driver.table, ctypes.sizeof(driver.table))

    def bind(self, arguments: Sequence[Array]) -> Bound:
        """Buffers for repeated runs; the arguments are copied to the device."""
        require_count(arguments, self.program.arguments)
        return Bound(self, arguments)
