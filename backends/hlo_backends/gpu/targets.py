"""The GPUs that we make code for, as records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hlo_backends.cpu import targets as cpu_targets
from hlo_backends.gpu.device import Device
from hlo_backends.llvm.dialect import Dialect
from hlo_backends.llvm.object import Machine, host_triple
from hlo_tools.backend import Target
from hlo_tools.codegen.kernel import Axis, Space
from hlo_tools.support.diagnostic import UnsupportedError

TRIPLE = "nvptx64-nvidia-cuda"

_SREG = "@llvm.nvvm.read.ptx.sreg"
_NVPTX = Dialect(
    define="define ptx_kernel void",
    parameters=(),
    pointer="noalias",
    attributes='nounwind "no-jump-tables"="true"',
    spaces={Space.GLOBAL: 1, Space.SHARED: 3},
    special={
        Axis.GRID_X: f"{_SREG}.ctaid.x",
        Axis.GRID_Y: f"{_SREG}.ctaid.y",
        Axis.GRID_Z: f"{_SREG}.ctaid.z",
        Axis.BLOCK_X: f"{_SREG}.tid.x",
        Axis.BLOCK_Y: f"{_SREG}.tid.y",
        Axis.BLOCK_Z: f"{_SREG}.tid.z",
    },
    barrier="call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)",
    half=True,
)
_CPUS = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120")
DEFAULT_CPU = "sm_80"
"""Later GPUs run its code, too."""


@dataclass(frozen=True, slots=True)
class GpuTarget:
    """A target with all that follows from it.

    target   as the user names it, in full
    machine  for LLVM
    dialect  how kernels are spelled
    device   how loops are cut
    host     the machine whose program launches the kernels
    """

    target: Target
    machine: Machine
    dialect: Dialect
    device: Device
    host: Machine


@lru_cache(maxsize=32)
def resolve(triple: str = "", cpu: str = "", features: str = "") -> GpuTarget:
    """The target in full. Raises UnsupportedError for a triple or a GPU that has no row here."""
    triple, cpu = triple or TRIPLE, cpu or DEFAULT_CPU
    if triple != TRIPLE:
        raise UnsupportedError.at("HLO4003", f"the gpu backend has no target '{triple}'; it knows {TRIPLE}")
    if cpu not in _CPUS:
        raise UnsupportedError.at("HLO4004", f"no GPU '{cpu}' for {triple}; known: {', '.join(_CPUS)}")
    machine = Machine(triple, cpu, features)
    host = cpu_targets.resolve(host_triple()).machine
    return GpuTarget(Target(triple, cpu, features), machine, _NVPTX, Device(), host)


def best_cpu(capability: int) -> str:
    """The row for a GPU of a compute capability (90 for 9.0): the last one whose code it runs."""
    plain = [int(cpu.removeprefix("sm_")) for cpu in _CPUS if cpu[-1].isdigit()]
    return f"sm_{max((n for n in plain if n <= capability), default=plain[0])}"


def known_targets() -> tuple[GpuTarget, ...]:
    """The targets that tests compile for, the default first."""
    return tuple(resolve(TRIPLE, cpu) for cpu in (DEFAULT_CPU, "sm_90"))
