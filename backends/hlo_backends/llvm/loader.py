"""Objects for the machine that this runs on, put into memory and called."""

from __future__ import annotations

import re
from functools import cache
from itertools import count

import llvmlite.binding as llvm

from hlo_backends.llvm.object import Machine, emit_here, host_triple, initialise

_NUMBERS = count()
"""Each library in memory needs a name of its own."""


class Loaded:
    """Functions in memory; they live as long as this object."""

    def __init__(self, tracker: llvm.ResourceTracker) -> None:
        self._tracker = tracker

    def address(self, symbol: str) -> int:
        """Where a function begins; KeyError for one that was not asked for when loading."""
        return int(self._tracker[symbol])


def load_object(data: bytes, symbols: tuple[str, ...]) -> Loaded:
    """Put an object file into memory; `symbols` are the functions to call."""
    initialise()
    library = llvm.JITLibraryBuilder().add_object_img(data).add_current_process()
    for symbol in symbols:
        library = library.export_symbol(symbol)
    return Loaded(library.link(_jit(), f"hlo{next(_NUMBERS)}"))


def load_text(text: str, machine: Machine | None = None) -> Loaded:
    """Compile LLVM IR text for this machine, into memory."""
    return load_object(emit_here(text, machine or Machine(host_triple()), "object"), tuple(_EXPORTED.findall(text)))


_EXPORTED = re.compile(r'^define (?!internal|private)[^@]*@"?([^"(]+)', re.MULTILINE)


@cache
def _jit() -> llvm.LLJIT:
    return llvm.create_lljit_compiler(use_jit_link=True, suppress_errors=True)
