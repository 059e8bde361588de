"""What differs between targets in LLVM IR text: rows for the printers to read, no branches on target names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hlo_tools.codegen.kernel import Axis, Space


@dataclass(frozen=True, slots=True)
class Dialect:
    """How kernels are spelled for one kind of target.

    define          what stands before a kernel's name
    parameters      what each kernel takes after its buffers
    pointer         attributes of a buffer parameter
    attributes      of a kernel function
    spaces          address space by kind of buffer; those left out are in the default one
    special         axes whose variable is a number that the hardware gives: the intrinsic (i32) to call
    barrier         the statement that makes the threads of a block wait for each other
    fma             whether `llvm.fma` is one instruction (where not it would call libm)
    rounding        whether floor, ceil, trunc and rint are instructions (where not they would call libm)
    minimum         whether `llvm.minimum` and `llvm.maximum`, which keep NaN, are one instruction
    wide_product    whether the upper half of a product of two i64 is (where not it would call libgcc)
    half            whether f16 converts to and from f32 in hardware (where not it would call libgcc)
    """

    define: str = "define internal void"
    parameters: tuple[str, ...] = ("i64 %begin", "i64 %end")
    pointer: str = "noalias align 64"
    attributes: str = "nounwind"
    spaces: Mapping[Space, int] = field(default_factory=dict)
    special: Mapping[Axis, str] = field(default_factory=dict)
    barrier: str = ""
    fma: bool = True
    rounding: bool = True
    minimum: bool = False
    wide_product: bool = True
    half: bool = False

    def pointer_type(self, space: Space) -> str:
        """The type of a pointer into a space."""
        number = self.spaces.get(space, 0)
        return f"ptr addrspace({number})" if number else "ptr"

    def pointer_suffix(self, space: Space) -> str:
        """The pointer type as part of an intrinsic's name."""
        return f"p{self.spaces.get(space, 0)}"
