"""StableHLO text: MLIR to our IR."""

from __future__ import annotations

import gc

from hlo_tools.ir.module import Module
from hlo_tools.support.diagnostic import ParseError, VerifyError
from hlo_tools.support.source import Source
from hlo_tools.text.stablehlo.importer import Importer
from hlo_tools.text.stablehlo.print import print_program
from hlo_tools.text.stablehlo.reader import read_program
from hlo_tools.text.stablehlo.syntax import Program
from hlo_tools.text.stablehlo.verify import verify_program

__all__ = ["format_stablehlo", "parse_stablehlo"]


def format_stablehlo(text: str, filename: str = "<string>") -> str:
    """StableHLO text in the form that stablehlo-opt prints. Raises ParseError and VerifyError as `parse_stablehlo`."""
    source = Source(filename, text)
    return print_program(_read(source))


def _read(source: Source) -> Program:
    """The program, verified."""
    program = read_program(source)
    if not program.operations:
        raise ParseError.at("HLO1506", "there is no function", source.span(0, 1) if source.text else None)
    if broken := verify_program(program, source):
        raise VerifyError(broken)
    return program


def parse_stablehlo(text: str, filename: str = "<string>") -> Module:
    """The module that StableHLO text denotes (MLIR with the dialects func, stablehlo and chlo; check as custom calls).

    The entry is `@main`, or the first public function with a body. Ops follow XLA's own conversion to HLO: multiple
    results become tuples, values that a loop or branch captures become state, chlo ops without HLO twin are
    decomposed. Raises ParseError (HLO15xx), VerifyError with all constraints of the specification that do not hold
    (HLO2012), UnsupportedError (HLO45xx) for what is known and not covered.
    """
    source = Source(filename, text)
    collecting = gc.isenabled()
    gc.disable()  # the graph is full of cycles that all stay alive: collecting while it grows costs half the time
    try:
        return Importer(_read(source), source).run()
    except RecursionError:
        raise ParseError.at("HLO1507", "nested too deeply", source.span(0, 1)) from None
    finally:
        if collecting:
            gc.enable()
