"""How an instruction becomes work: kernels and what each of their parameters is bound to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hlo_tools.codegen.kernel import Kernel
from hlo_tools.ir.aspect import Aspect
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Array


@dataclass(frozen=True, slots=True)
class Operand:
    """The buffer of the leaf at `path` of operand `number`."""

    number: int
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The buffer of the leaf at `path` of the result."""

    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scratch:
    """Workspace that lives during the instruction; the same `key` is the same memory in all its launches."""

    key: int
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Read-only data of the program: a table that a kernel needs. In physical order, C contiguous."""

    array: Array


Arg = Operand | Result | Scratch | Data


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """Run a kernel with these arguments, one for each of its parameters."""

    kernel: Kernel
    args: tuple[Arg, ...]


Emitter = Callable[[Instruction], tuple[Launch, ...]]
"""The launches, in order, that compute an instruction."""

_NO_WORK = (
    "add-dependency", "after-all", "call", "conditional", "constant", "copy-done", "copy-start", "custom-call",
    "domain", "get-tuple-element", "opt-barrier", "parameter", "tuple", "while",
)  # fmt: skip
"""Ops that a program binds, renames or controls: never a kernel."""

_NOT_YET = (
    "infeed", "outfeed", "ragged-dot", "recv", "recv-done", "rng-get-and-update-state", "scaled-dot", "send",
    "send-done", "stochastic-convert",
)  # fmt: skip

_SEVERAL_DEVICES = (
    "all-gather", "all-gather-done", "all-gather-start", "all-reduce", "all-reduce-done", "all-reduce-start",
    "all-to-all", "collective-broadcast", "collective-permute", "collective-permute-done", "collective-permute-start",
    "ragged-all-to-all", "reduce-scatter",
)  # fmt: skip

_REPLACED = (
    "async-done", "async-start", "async-update", "batch-norm-grad", "batch-norm-inference", "batch-norm-training",
    "dynamic-reshape", "get-dimension-size", "partition-id", "replica-id", "rng", "scan", "set-dimension-size",
)  # fmt: skip
"""Ops that passes write in plainer ones before."""

LOOPS: Aspect[Emitter] = Aspect("loops", not_yet=(*_NO_WORK, *_REPLACED, *_SEVERAL_DEVICES, *_NOT_YET))
"""What loop nests each op is, for any target; a backend may look into a table of its own first."""


@dataclass(frozen=True, slots=True)
class Update:
    """The leaf `result` starts as a copy of leaf `path` of operand `operand`; the kernels change a part of it."""

    result: tuple[int, ...]
    operand: int
    path: tuple[int, ...] = ()


UPDATES: Aspect[Callable[[Instruction], tuple[Update, ...]]] = Aspect("updates")
"""Ops whose result is an operand with changes (dynamic-update-slice, scatter, sort): see `Update`.

Whoever runs the launches makes the result buffer hold the operand's value first: by giving both the same memory
when nobody reads the operand afterwards, by copying otherwise. Kernels take that buffer as INOUT, bound to Result.
"""
