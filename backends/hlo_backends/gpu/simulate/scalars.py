"""PTX's scalar types, and how registers hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNSIGNED: dict[int, np.dtype[Any]] = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
SIGNED: dict[int, np.dtype[Any]] = {size: np.dtype(f"i{size}") for size in (1, 2, 4, 8)}


@dataclass(frozen=True, slots=True)
class ScalarType:
    """A PTX type: `kind` is b (bits), u, s, f (floating point, possibly packed) or p (predicate); `size` in bytes."""

    name: str
    kind: str
    size: int

    @property
    def storage(self) -> np.dtype[Any]:
        """The unsigned dtype of the bits, bool for predicates."""
        return np.dtype(bool) if self.kind == "p" else UNSIGNED[self.size]

    @property
    def integer(self) -> np.dtype[Any]:
        """The dtype of the value of an integer type; bit types count as unsigned."""
        return SIGNED[self.size] if self.kind == "s" else self.storage

    @property
    def bits(self) -> int:
        """The size in bits."""
        return 8 * self.size


def _types() -> dict[str, ScalarType]:
    found = {"pred": ScalarType("pred", "p", 1)}
    for kind in "bus":
        for size in (1, 2, 4, 8):
            found[f"{kind}{8 * size}"] = ScalarType(f"{kind}{8 * size}", kind, size)
    found |= {name: ScalarType(name, name[0], 4) for name in ("u16x2", "s16x2")}
    floats = {"f16": 2, "bf16": 2, "f16x2": 4, "bf16x2": 4, "f32": 4, "tf32": 4, "f64": 8, "e4m3x2": 2, "e5m2x2": 2}
    return found | {name: ScalarType(name, "f", size) for name, size in floats.items()}


TYPES = _types()
