"""Floor 2, what each opcode is: operands, attributes, result shape, meaning in numpy, cost, StableHLO twin.

`OPS` holds all of them by their name in HLO text. Adding an op: one row or class in the file of its theme.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from hlo_tools.ir.op import Op
from hlo_tools.ops import (
    asynchronous,
    collectives,
    compare,
    control,
    conversion,
    convolution,
    custom,
    dot,
    dynamic,
    elementwise,
    fft,
    gather,
    linalg,
    normalization,
    random,
    reduce,
    scan,
    scatter,
    shapes,
    slicing,
    sort,
    structure,
    transfer,
    windows,
)

MODULES: tuple[ModuleType, ...] = (
    asynchronous,
    collectives,
    compare,
    control,
    conversion,
    convolution,
    custom,
    dot,
    dynamic,
    elementwise,
    fft,
    gather,
    linalg,
    normalization,
    random,
    reduce,
    scan,
    scatter,
    shapes,
    slicing,
    sort,
    structure,
    transfer,
    windows,
)
"""The files in which ops are defined."""


def _collect() -> dict[str, Op[Any]]:
    found: dict[str, Op[Any]] = {}
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, Op) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"opcode {value.name} is defined twice")
    return dict(sorted(found.items()))


OPS: dict[str, Op[Any]] = _collect()
"""Every opcode by name."""
