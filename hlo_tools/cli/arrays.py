"""Arrays in .npz files: `arg0`, `arg1`, ... in, `out0`, `out1`, ... out.

An element type that numpy lacks (bf16, the 8-bit and 4-bit floats, 4-bit integers) is stored as the unsigned integer
of the same width, sub-byte types one element per byte; the module's signature says what it really is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hlo_tools.api import Array, Module
from hlo_tools.ir.element import element_of
from hlo_tools.ir.shape import Shape
from hlo_tools.support.diagnostic import Diagnostic, ParseError, UsageError
from hlo_tools.support.files import read_bytes

_NO_ARCHIVE = (
    ValueError,
    EOFError,
    OSError,
    KeyError,
    OverflowError,
    MemoryError,  # a header that claims more elements than there can be
    AttributeError,  # a lone .npy
    NotImplementedError,  # encryption, or a version of zip to come
    RuntimeError,  # a password
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for a file that is no whole .npz."""
_SHOWN = 64
"""Elements of a result that `summary` prints."""


def _native(dtype: np.dtype[Any]) -> bool:
    return dtype.isbuiltin == 1


def read_arguments(path: str, module: Module) -> list[Array]:
    """The arrays of `path` for the flattened parameters of the entry, in order.

    Raises UsageError when one is missing or does not have the parameter's shape and type, ParseError when the file is
    no .npz.
    """
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    except _NO_ARCHIVE as error:
        raise ParseError(Diagnostic("HLO5010", f"'{path}' is not an .npz archive: {error}", file=path)) from error
    shapes = [leaf for parameter in module.main.parameters for _, leaf in parameter.shape.leaves()]
    leaves = [shape for shape in shapes if not shape.is_token]
    return [_argument(path, f"arg{index}", stored, leaf) for index, leaf in enumerate(leaves)]


def _argument(path: str, name: str, stored: dict[str, Array], shape: Shape) -> Array:
    found = stored.get(name)
    if found is None:
        raise UsageError(Diagnostic("HLO5001", f"'{path}' holds no {name}, which should be {shape.bare}", file=path))
    wanted = shape.element.dtype
    same_bits = not _native(wanted) and found.dtype.kind in "uV" and found.dtype.itemsize == wanted.itemsize
    if found.shape != shape.dims or not (found.dtype == wanted or same_bits):
        message = f"{name} of '{path}' is {found.dtype}{list(found.shape)}; the module takes {shape.bare}"
        raise UsageError(Diagnostic("HLO5001", message, file=path))
    return np.ascontiguousarray(found).view(wanted).reshape(shape.dims)


def archive(arrays: Iterable[Array]) -> bytes:
    """An .npz file with `out0`, `out1`, ...; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{f"out{index}": _storable(array) for index, array in enumerate(arrays)})
    return stream.getvalue()


def _storable(array: Array) -> Array:
    return array if _native(array.dtype) else array.view(f"u{array.dtype.itemsize}")


def summary(arrays: Sequence[Array]) -> str:
    """The arrays for a person: type, shape and the first elements of each."""
    lines = []
    for index, array in enumerate(arrays):
        flat = [str(value) for value in array.reshape(-1)[:_SHOWN]]
        more = ", ..." if array.size > _SHOWN else ""
        dims = ",".join(str(size) for size in array.shape)
        lines.append(f"out{index} {element_of(array.dtype)}[{dims}] {{{', '.join(flat)}{more}}}")
    return "\n".join(lines)
