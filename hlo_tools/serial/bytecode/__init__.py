"""MLIR bytecode: portable artifacts of StableHLO (`.mlirbc`), as `jax.export` and `stablehlo-translate` write them."""

from __future__ import annotations

import gc

from hlo_tools.ir.module import Module
from hlo_tools.serial.bytecode.container import MAGIC, Container
from hlo_tools.serial.bytecode.program import ProgramReader
from hlo_tools.serial.bytecode.stream import Damaged
from hlo_tools.support.diagnostic import Diagnostic, HloError, ParseError
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo import import_program, parse_stablehlo
from hlo_tools.text.stablehlo.print import print_program
from hlo_tools.text.stablehlo.syntax import Program

__all__ = ["artifact_text", "is_bytecode", "parse_bytecode", "read_bytecode"]

DAMAGED = "HLO1060"


def is_bytecode(data: bytes) -> bool:
    """Whether `data` starts as MLIR bytecode does."""
    return data.startswith(MAGIC)


def read_bytecode(data: bytes, filename: str = "<bytes>") -> Program:
    """The program in a portable artifact of any version, in terms of StableHLO.

    Raises ParseError (HLO1060), with the byte that it is about, for what is no bytecode, is damaged, or holds anything
    but VHLO.
    """
    try:
        return ProgramReader(Container(data)).program()
    except Damaged as e:
        raise ParseError(Diagnostic(DAMAGED, f"byte {e.at}: {e.message}", file=filename)) from None
    except RecursionError:
        raise ParseError(Diagnostic(DAMAGED, "nested too deeply", file=filename)) from None


def artifact_text(data: bytes, filename: str = "<bytes>") -> str:
    """The program in a portable artifact (`.mlirbc`) as StableHLO text, with names and locations.

    Raises ParseError (HLO1060) for what is no artifact or is damaged.
    """
    return _shown(read_bytecode(data, filename), filename)


def _shown(program: Program, filename: str) -> str:
    try:
        return print_program(program)
    except Malformed as e:
        raise ParseError(Diagnostic(DAMAGED, e.message, file=filename)) from None


def parse_bytecode(data: bytes, filename: str = "<bytes>") -> Module:
    """The module in a portable artifact.

    Raises what `read_bytecode` and `parse_stablehlo` raise; what is wrong with the program is shown in its text.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        program = read_bytecode(data, filename)
        try:
            return import_program(program, filename)
        except HloError:
            parse_stablehlo(_shown(program, filename), filename)
            raise
    finally:
        if collecting:
            gc.enable()
