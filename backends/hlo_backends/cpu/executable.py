"""A program that runs in this process: numpy in, numpy out."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from hlo_backends.cpu.threads import pool
from hlo_backends.llvm.entry import ERRORS, OK
from hlo_backends.llvm.loader import Loaded
from hlo_tools.codegen.program import Port, Program
from hlo_tools.ir.literal import Array
from hlo_tools.support.diagnostic import UnsupportedError, UsageError

_ALIGN = 64


class _Args(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("args", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes", ctypes.c_size_t),
        ("rt", ctypes.c_void_p),
    )


class _Runtime(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("ctx", ctypes.c_void_p),
        ("parallel_for", ctypes.c_void_p),
        ("custom_call", ctypes.c_void_p),
        ("comm", ctypes.c_void_p),
        ("stream", ctypes.c_void_p),
    )


class Bound:
    """A program with its buffers: arguments copied in once, `run` as often as wanted, results read at the end."""

    def __init__(self, executable: CpuExecutable, arguments: Sequence[Array]) -> None:
        program = executable.program
        self._executable = executable
        self._inputs = [_physical(x, p) for x, p in zip(arguments, program.arguments, strict=True)]
        self._outputs = [_empty(p.shape.bytes) for p in program.results]
        self._scratch = _empty(program.scratch_bytes)
        self._arg_table = _table(self._inputs)
        self._result_table = _table(self._outputs)
        self._runtime = executable.runtime()
        self._args = _Args(
            ctypes.sizeof(_Args),
            ctypes.addressof(self._arg_table),
            ctypes.addressof(self._result_table),
            None,
            self._scratch.ctypes.data,
            program.scratch_bytes,
            None if self._runtime is None else ctypes.addressof(self._runtime),
        )
        self._pointer = ctypes.byref(self._args)

    def run(self) -> None:
        """Execute once. Raises UnsupportedError when the module asks for a custom call, which nothing here serves."""
        status = self._executable.function(self._pointer)
        if status != OK:
            raise UnsupportedError.at("HLO5004", f"the module cannot run here: {ERRORS[status][1]}")

    def results(self) -> list[Array]:
        """The results of the last run, in logical order."""
        return [_logical(b, p) for b, p in zip(self._outputs, self._executable.program.results, strict=True)]


class CpuExecutable:
    """Machine code in this process; calls do not share state, so any number may run at once."""

    def __init__(self, program: Program, code: Loaded, symbol: str, threads: int) -> None:
        self.program = program
        self.threads = threads
        self._code = code  # keeps the machine code alive
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
        self.function = prototype(code.address(f"{symbol}_run"))

    def __call__(self, *arguments: Array) -> list[Array]:
        """Run on the flattened leaves of the entry parameters.

        Raises UsageError when their number, shapes or types are not those of the module.
        """
        bound = self.bind(arguments)
        bound.run()
        return bound.results()

    def bind(self, arguments: Sequence[Array]) -> Bound:
        """Buffers for repeated runs; the arguments are copied."""
        expected = self.program.arguments
        if len(arguments) != len(expected):
            raise UsageError.at("HLO6005", f"the module takes {len(expected)} arguments, got {len(arguments)}")
        return Bound(self, arguments)

    def runtime(self) -> _Runtime | None:
        """The runtime struct with the thread pool, or None for one thread."""
        workers = pool(self.threads)
        if workers is None:
            return None
        return _Runtime(ctypes.sizeof(_Runtime), workers.context, workers.function, None, None, None)


def _physical(x: Array, port: Port) -> Array:
    """A 64 bytes aligned copy of `x` with its elements in the order of the layout."""
    shape = port.shape
    x = np.asarray(x)
    if x.shape != shape.dims or x.dtype != shape.element.dtype:
        got = f"{x.dtype}{list(x.shape)}"
        raise UsageError.at("HLO6006", f"argument {port.name} must be {shape.bare}, got {got}")
    buffer = _empty(shape.bytes)
    target = buffer.view(shape.element.dtype) if shape.bytes else np.empty(0, shape.element.dtype)
    target.reshape(tuple(shape.dims[d] for d in shape.order))[...] = np.transpose(x, shape.order)
    return buffer


def _logical(buffer: Array, port: Port) -> Array:
    shape = port.shape
    order = shape.order
    inverse = tuple(order.index(d) for d in range(shape.rank))
    flat = buffer.view(shape.element.dtype) if shape.bytes else np.empty(0, shape.element.dtype)
    physical = flat.reshape(tuple(shape.dims[d] for d in order))
    return np.ascontiguousarray(np.transpose(physical, inverse)).reshape(shape.dims).copy()


def _empty(size: int) -> Array:
    raw = np.empty(size + _ALIGN, np.uint8)
    start = -raw.ctypes.data % _ALIGN
    return raw[start : start + size]


def _table(buffers: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(len(buffers), 1))(*[b.ctypes.data for b in buffers])
