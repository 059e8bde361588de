"""Device kernels to PTX text, through LLVM's NVPTX backend in a child process (it may end the process)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hlo_backends.gpu.targets import GpuTarget
from hlo_backends.llvm.constants import bytes_text
from hlo_backends.llvm.lower import lower
from hlo_backends.llvm.lower import module as llvm_module
from hlo_backends.llvm.object import emit_assembly
from hlo_tools.codegen.kernel import Axis, For, Kernel
from hlo_tools.codegen.program import Constant
from hlo_tools.support.diagnostic import UnsupportedError

_UNRESOLVED = re.compile(r"call\.uni[^;]*?(llvm\.[\w.]+|hlo_\w+_undefined)", re.DOTALL)
_ODD = re.compile(r"[^A-Za-z0-9_]")


class Symbols:
    """Gives kernels the names that they have in PTX, each another, none of them a word of PTX or a C function."""

    def __init__(self) -> None:
        self.count = 0

    def renamed(self, kernel: Kernel) -> Kernel:
        """The kernel under its number and what fits into an identifier of its name."""
        name = f"k{self.count}_{_ODD.sub('_', kernel.name)}"
        self.count += 1
        return replace(kernel, name=name)


def llvm_text(kernels: Sequence[Kernel], constants: Sequence[Constant], target: GpuTarget) -> str:
    """The LLVM IR of device kernels and of the constants that they may be given."""
    functions = [f"{_constant(c)}\n" for c in constants]
    functions += [lower(k, target.dialect) for k in kernels]
    return llvm_module(functions, target.machine.triple)


def ptx_text(kernels: Sequence[Kernel], constants: Sequence[Constant], target: GpuTarget) -> str:
    """The PTX module. Raises UnsupportedError when LLVM cannot make it, or leaves a call to nothing in it."""
    text = emit_assembly(llvm_text(kernels, constants, target), target.machine)
    missing = _UNRESOLVED.search(text)
    if missing is not None:
        raise UnsupportedError.at("HLO4011", f"the PTX for {target.target} calls {missing[1]}, which does not exist")
    return text


def constant_name(constant: Constant) -> str:
    """The global symbol of a constant."""
    return f"const_{constant.slot.number}"


def _constant(constant: Constant) -> str:
    data = constant.data.tobytes() or b"\0"
    name = constant_name(constant)
    return f"@{name} = addrspace(1) global [{len(data)} x i8] {bytes_text(data)}, align 64"


@dataclass(frozen=True, slots=True)
class Geometry:
    """How many blocks, and threads in each, a kernel is launched with."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]


_PLACE = {
    Axis.GRID_X: (0, 0),
    Axis.GRID_Y: (0, 1),
    Axis.GRID_Z: (0, 2),
    Axis.BLOCK_X: (1, 0),
    Axis.BLOCK_Y: (1, 1),
    Axis.BLOCK_Z: (1, 2),
}


def geometry(kernel: Kernel) -> Geometry:
    """The launch geometry, from the loops that the mapping put outermost."""
    sizes = [[1, 1, 1], [1, 1, 1]]
    body = kernel.body
    while len(body) == 1 and isinstance(body[0], For) and body[0].axis in _PLACE:
        loop = body[0]
        which, where = _PLACE[loop.axis]
        sizes[which][where] = max(1, -(-(loop.end.const - loop.begin.const) // loop.step))
        body = loop.body
    return Geometry((sizes[0][0], sizes[0][1], sizes[0][2]), (sizes[1][0], sizes[1][1], sizes[1][2]))
