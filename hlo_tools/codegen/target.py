"""What loop and vector rewrites need to know about a processor."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.element import ElementType


@dataclass(frozen=True, slots=True)
class Processor:
    """The sizes that tiles and vectors are cut to.

    vector_bytes  of one register; 1 where there are no vectors
    registers     vector registers
    l1, l2        data cache of one core, bytes
    masks         whether part of a vector is loaded and stored as cheaply as all of it
    """

    vector_bytes: int
    registers: int
    l1: int = 32 << 10
    l2: int = 512 << 10
    masks: bool = False

    def lanes(self, element: ElementType) -> int:
        """Elements of a type in one register, at least 1."""
        return max(1, self.vector_bytes // element.bytes)
