"""Arrays in .npz files.

An element type that numpy lacks (bf16, the 8-bit and 4-bit floats, 4-bit integers) is stored as the unsigned integer
of the same width, sub-byte types one element per byte; whoever reads the file knows what it really is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from hlo_tools.support.diagnostic import Diagnostic, ParseError
from hlo_tools.support.files import read_bytes

Array = np.ndarray[Any, np.dtype[Any]]

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


def read(path: str) -> dict[str, Array]:
    """The arrays of the file `path` by name. Raises ParseError (HLO5010) when it is no .npz, and as read_bytes."""
    return parse(read_bytes(path), path)


def parse(data: bytes, path: str) -> dict[str, Array]:
    """The same for the content of a file."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _NO_ARCHIVE as error:
        raise ParseError(Diagnostic("HLO5010", f"'{path}' is not an .npz archive: {error}", file=path)) from error


def content(arrays: Mapping[str, Array]) -> bytes:
    """An .npz file with these arrays; the same arrays give the same bytes."""
    stream = io.BytesIO()
    stored = {name: storable(array) for name, array in arrays.items()}
    np.savez(stream, allow_pickle=False, **stored)
    return stream.getvalue()


def storable(array: Array) -> Array:
    """The array as numpy can store it."""
    return array if _native(array.dtype) else np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def restored(stored: Array, dtype: np.dtype[Any], dims: tuple[int, ...]) -> Array | None:
    """The array of type `dtype` that was stored; None when it is none of that type or of other dimensions."""
    same_bits = not _native(dtype) and stored.dtype.kind in "uV" and stored.dtype.itemsize == dtype.itemsize
    if stored.shape != dims or not (stored.dtype == dtype or same_bits):
        return None
    return np.ascontiguousarray(stored).view(dtype).reshape(dims)


def _native(dtype: np.dtype[Any]) -> bool:
    return dtype.isbuiltin == 1
