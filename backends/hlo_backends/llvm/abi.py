"""The structs of the generated header as Python sees them, and arrays in and out of the buffers that they point to."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from hlo_tools.codegen.memory import ALIGN
from hlo_tools.codegen.program import Port
from hlo_tools.ir.literal import Array
from hlo_tools.support.diagnostic import UsageError


class Args(ctypes.Structure):
    """`NAME_args`."""

    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("args", ctypes.c_void_p),
        ("results", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes", ctypes.c_size_t),
        ("rt", ctypes.c_void_p),
    )


class Runtime(ctypes.Structure):
    """`struct hlo_rt`."""

    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("ctx", ctypes.c_void_p),
        ("parallel_for", ctypes.c_void_p),
        ("custom_call", ctypes.c_void_p),
        ("comm", ctypes.c_void_p),
        ("stream", ctypes.c_void_p),
    )


def require_count(arguments: Sequence[Array], ports: Sequence[Port]) -> None:
    """Raises UsageError unless there is one argument for each port."""
    if len(arguments) != len(ports):
        raise UsageError.at("HLO5001", f"the module takes {len(ports)} arguments, got {len(arguments)}")


def physical(x: Array, port: Port) -> Array:
    """The bytes of a copy of `x` with its elements in the order of the layout, aligned.

    Raises UsageError when shape or type are not those of the port.
    """
    shape = port.shape
    x = np.asarray(x)
    if x.shape != shape.dims or x.dtype != shape.element.dtype:
        got = f"{x.dtype}{list(x.shape)}"
        raise UsageError.at("HLO5001", f"argument {port.name} must be {shape.bare}, got {got}")
    buffer = empty(shape.bytes)
    target = buffer.view(shape.element.dtype) if shape.bytes else np.empty(0, shape.element.dtype)
    target.reshape(tuple(shape.dims[d] for d in shape.order))[...] = np.transpose(x, shape.order)
    return buffer


def logical(buffer: Array, port: Port) -> Array:
    """The array of which `buffer` holds the bytes in the order of the layout."""
    shape = port.shape
    order = shape.order
    inverse = tuple(order.index(d) for d in range(shape.rank))
    flat = buffer.view(shape.element.dtype) if shape.bytes else np.empty(0, shape.element.dtype)
    in_memory = flat.reshape(tuple(shape.dims[d] for d in order))
    return np.ascontiguousarray(np.transpose(in_memory, inverse)).reshape(shape.dims).copy()


def empty(size: int) -> Array:
    """Uninitialised bytes, aligned."""
    raw = np.empty(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


def table(addresses: Sequence[int]) -> ctypes.Array[ctypes.c_void_p]:
    """An array of pointers, never of length 0."""
    return (ctypes.c_void_p * max(len(addresses), 1))(*addresses)
