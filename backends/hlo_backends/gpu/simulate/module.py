"""PTX modules and their kernels: loading and launching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hlo_backends.gpu.simulate.compile import CompiledKernel, compile_kernel
from hlo_backends.gpu.simulate.errors import LaunchError
from hlo_backends.gpu.simulate.execute import Scheduler
from hlo_backends.gpu.simulate.lanes import Batch, Index3
from hlo_backends.gpu.simulate.memory import DeviceBuffer, DeviceMemory, LocalMemory
from hlo_backends.gpu.simulate.parse import parse
from hlo_backends.gpu.simulate.scalars import TYPES, UNSIGNED
from hlo_backends.gpu.simulate.shared import SharedMemory
from hlo_backends.gpu.simulate.syntax import Immediate, Program, Variable

Argument = DeviceBuffer | int | float | bytes | np.generic

MAX_THREADS_PER_BLOCK = 1024
BATCH_THREADS = 1 << 15
BATCH_BYTES = 1 << 28
DEFAULT_MAX_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """A kernel parameter: PTX type name, size and alignment in bytes. Aggregates have type b8."""

    name: str
    type: str
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a module says of one of its kernels."""

    name: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class LaunchReport:
    """What a launch did: blocks and threads run, and how many basic blocks were executed over all batches."""

    blocks: int
    threads: int
    steps: int


class Module:
    """A loaded PTX module. Its `.global` and `.const` variables are buffers of `memory`, kept from launch to launch."""

    def __init__(self, program: Program, memory: DeviceMemory) -> None:
        self.program = program
        self.memory = memory
        self.kernels: dict[str, Kernel] = {
            function.name: Kernel(function.name, tuple(map(_parameter, function.parameters)))
            for function in program.functions.values()
            if function.is_entry
        }
        self.variables: dict[str, DeviceBuffer] = {}
        self._compiled: dict[str, CompiledKernel] = {}
        for variable in program.variables.values():
            if variable.space in ("global", "const"):
                self.variables[variable.name] = memory.allocate(variable.size, track=False, name=variable.name)
        for variable in program.variables.values():
            if variable.space in ("global", "const"):
                self._initialise(variable)

    def _initialise(self, variable: Variable) -> None:
        buffer = self.variables[variable.name]
        size = TYPES[variable.type].size
        elements = buffer.storage.view(UNSIGNED[size])
        for index, item in enumerate(variable.initial):
            if isinstance(item, Immediate):
                value = item.value
            elif item.name in self.variables:
                value = self.variables[item.name].address + item.offset
            else:
                raise LaunchError(f"the initial value of {variable.name} names {item.name}, which is no variable")
            elements[index] = value & ((1 << 8 * size) - 1)

    def compiled(self, name: str) -> CompiledKernel:
        """The kernel made ready to run. Raises UnsupportedInstructionError for what the simulator does not know."""
        if name not in self.kernels:
            raise LaunchError(f"no kernel {name}; the module has {', '.join(self.kernels) or 'none'}")
        if name not in self._compiled:
            addresses = {variable: buffer.address for variable, buffer in self.variables.items()}
            self._compiled[name] = compile_kernel(self.program, name, addresses)
        return self._compiled[name]

    def launch(
        self,
        name: str,
        grid: Sequence[int],
        block: Sequence[int],
        args: Sequence[Argument],
        shared_bytes: int = 0,
        seed: int | None = None,
        max_steps: int = DEFAULT_MAX_STEPS,
    ) -> LaunchReport:
        """Runs a kernel over `grid` blocks of `block` threads (up to three extents each) until all threads end.

        `args` are buffers (passed as their address), numbers, or the bytes of aggregates. `shared_bytes` is the size of
        dynamic shared memory. With `seed`, warps take turns at random instead of in step. `max_steps` limits the basic
        blocks executed per batch of blocks.

        Raises a SimulationError: LaunchError if the launch does not fit the kernel, others for what the code does.
        """
        kernel = self.compiled(name)
        extents, threads = _extents(grid, "grid"), _extents(block, "block")
        per_block = threads[0] * threads[1] * threads[2]
        if per_block > MAX_THREADS_PER_BLOCK:
            raise LaunchError(f"{per_block} threads in a block; at most {MAX_THREADS_PER_BLOCK} are possible")
        parameters = _pack_arguments(self.kernels[name], kernel, args)
        rng = None if seed is None else np.random.default_rng(seed)
        total = extents[0] * extents[1] * extents[2]
        shared_size = kernel.layout.static_shared + shared_bytes
        limit = _blocks_per_batch(kernel, per_block, shared_size)
        steps = 0
        with np.errstate(all="ignore"):
            for first in range(0, total, limit):
                count = min(limit, total - first)
                batch = Batch(extents, threads, first, count, self.memory, parameters, kernel.assembler.empty)
                batch.shared = SharedMemory(shared_size, kernel.granule, batch.thread_of, batch.block_of, count)
                batch.local = LocalMemory(batch.size, kernel.layout.frame_size)
                Scheduler(kernel, batch, max_steps, rng).run()
                steps += batch.steps
        return LaunchReport(total, total * per_block, steps)


def _parameter(variable: Variable) -> Parameter:
    return Parameter(variable.name, variable.type, variable.size, variable.align)


def _extents(given: Sequence[int], what: str) -> Index3:
    values = [*given, 1, 1, 1][:3] if len(given) <= 3 else []
    if len(values) != 3 or any(value < 1 for value in values):
        raise LaunchError(f"{what} {tuple(given)} is not one to three positive extents")
    return int(values[0]), int(values[1]), int(values[2])


def _blocks_per_batch(kernel: CompiledKernel, per_block: int, shared_size: int) -> int:
    """As many blocks as keep the arrays in cache, more or less, and the memory within bounds."""
    records = 1 + 16 // kernel.granule
    per_block_bytes = shared_size * records + per_block * kernel.layout.frame_size
    by_memory = BATCH_BYTES // max(per_block_bytes, 1)
    return max(1, min(BATCH_THREADS // per_block, by_memory))


def _pack_arguments(kernel: Kernel, compiled: CompiledKernel, args: Sequence[Argument]) -> NDArray[np.uint8]:
    """The parameter memory of a launch."""
    if len(args) != len(kernel.parameters):
        raise LaunchError(f"{kernel.name} has {len(kernel.parameters)} parameters, {len(args)} arguments were given")
    memory = np.zeros(-(-compiled.layout.parameter_size // 16) * 16, np.uint8)
    for parameter, argument in zip(kernel.parameters, args, strict=True):
        start = compiled.layout.parameters[parameter.name]
        memory[start : start + parameter.size] = np.frombuffer(_argument_bytes(parameter, argument), np.uint8)
    return memory


def _argument_bytes(parameter: Parameter, argument: Argument) -> bytes:
    if isinstance(argument, DeviceBuffer):
        argument = argument.address
    is_float = parameter.type in ("f32", "f64")
    if isinstance(argument, int) and not is_float:
        data = (int(argument) & ((1 << 8 * parameter.size) - 1)).to_bytes(parameter.size, "little")
    elif isinstance(argument, int | float):
        if not is_float:
            raise LaunchError(f"a Python float for parameter {parameter.name} of type {parameter.type}")
        data = np.array(argument, f"f{parameter.size}").tobytes()
    else:
        data = argument if isinstance(argument, bytes) else argument.tobytes()
    if len(data) != parameter.size:
        raise LaunchError(f"{len(data)} bytes for parameter {parameter.name} of {parameter.size} bytes")
    return data


def load(ptx_text: str, memory: DeviceMemory | None = None) -> Module:
    """Loads PTX text, its variables going to `memory` (a new one if None). Raises PtxSyntaxError."""
    return Module(parse(ptx_text), DeviceMemory() if memory is None else memory)
