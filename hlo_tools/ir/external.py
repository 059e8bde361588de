"""What a constant says of its value when the value lies in a file beside the module (`debug/weights.py`)."""

from __future__ import annotations

import hashlib

import numpy as np

from hlo_tools.ir.literal import Array
from hlo_tools.ir.shape import Shape
from hlo_tools.support import npz

NAME, DIGEST = "hlo_tools_constant", "hlo_tools_sha256"
"""The frontend attributes: the name of the array in the file, and `value_digest` of it."""


def value_digest(shape: Shape, value: Array) -> str:
    """SHA-256 of the type, the dimensions, and the little-endian bytes of an array in logical order."""
    plain = np.ascontiguousarray(npz.storable(value))
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(shape.bare.text.encode() + b"\0" + plain.tobytes()).hexdigest()
