"""Executes PTX text in numpy: the very text that is shipped, without a GPU, and with its mistakes reported.

    memory = DeviceMemory()
    x, y = memory.upload(np.ones(1000, np.float32)), memory.allocate(4000)
    module = load(ptx_text, memory)
    module.launch("kernel", grid=(4,), block=(256,), args=[x, y, 1000])
    result = y.array(np.float32)

All threads of many blocks run at once. Reported, with the PTX line, thread and block: accesses out of bounds and
misaligned, reads of memory that nobody wrote, races on shared memory, barriers and warp instructions in divergent
code, endless loops, and instructions that the simulator does not know. `launch(..., seed=n)` lets warps run in a random
order, which shows what the order must not matter to.

Not modelled: the weak memory order between blocks, caches, and the hardware's exact results of approximate functions
and matrix instructions; `mul.f32` followed by `add.f32` without `.rn` is not fused here, as ptxas may do.
Source of the semantics: NVIDIA's "PTX ISA".
"""

from __future__ import annotations

from hlo_backends.gpu.simulate.errors import (
    DivergenceError,
    LaunchError,
    MemoryFaultError,
    MisalignedError,
    OutOfBoundsError,
    PtxSyntaxError,
    RaceError,
    SimulationError,
    StepLimitError,
    TrapError,
    UninitialisedReadError,
    UnsupportedInstructionError,
)
from hlo_backends.gpu.simulate.memory import DeviceBuffer, DeviceMemory
from hlo_backends.gpu.simulate.module import Argument, Kernel, LaunchReport, Module, Parameter, load

__all__ = [
    "Argument",
    "DeviceBuffer",
    "DeviceMemory",
    "DivergenceError",
    "Kernel",
    "LaunchError",
    "LaunchReport",
    "MemoryFaultError",
    "MisalignedError",
    "Module",
    "OutOfBoundsError",
    "Parameter",
    "PtxSyntaxError",
    "RaceError",
    "SimulationError",
    "StepLimitError",
    "TrapError",
    "UninitialisedReadError",
    "UnsupportedInstructionError",
    "load",
]
