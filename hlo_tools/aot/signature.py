"""What a C caller sees of a module: arguments and results as flat arrays with C names and types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape
from hlo_tools.support.diagnostic import UnsupportedError

_C_TYPES = {
    "pred": "uint8_t",
    "s8": "int8_t",
    "s16": "int16_t",
    "s32": "int32_t",
    "s64": "int64_t",
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "f32": "float",
    "f64": "double",
    "c64": "float",
    "c128": "double",
}
_RESERVED = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    and and_eq asm bitand bitor bool catch class compl constexpr delete dynamic_cast explicit export false friend
    mutable namespace new not not_eq operator or or_eq private protected public reinterpret_cast static_cast
    template this throw true try typeid typename using virtual wchar_t xor xor_eq scratch args results a
    """.split()  # keywords of C and C++, and names that the header uses
)


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One argument or result. `name` is a C identifier; `shape` keeps the layout of the entry."""

    name: str
    shape: Shape

    @property
    def c_type(self) -> str:
        """The C type of one element (of one part of a complex one); small floats are their bits."""
        bits = self.shape.element.dtype.itemsize * 8
        return _C_TYPES.get(self.shape.element.name, f"uint{bits}_t")

    @property
    def elements(self) -> int:
        """Number of elements of `c_type`."""
        return self.shape.size * (2 if self.shape.element.is_complex else 1)

    def as_json(self) -> dict[str, Any]:
        """The port as JSON values."""
        return {
            "name": self.name,
            "shape": str(self.shape.bare),
            "layout": list(self.shape.order[::-1]),
            "bytes": self.shape.bytes,
            "c_type": self.c_type,
        }


@dataclass(frozen=True, slots=True)
class Signature:
    """All arguments and results of an entry computation, flattened, in order."""

    arguments: tuple[PortInfo, ...]
    results: tuple[PortInfo, ...]


def signature(module: Module) -> Signature:
    """The signature of the entry of `module`. Raises UnsupportedError where a leaf is not an array."""
    main, taken = module.main, set(_RESERVED)
    layout = module.header.entry_layout
    shapes = layout.parameters if layout is not None else tuple(p.shape for p in main.parameters)
    arguments = [
        PortInfo(_unique(p.name if len(path) == 0 else f"{p.name}_{'_'.join(map(str, path))}", taken), leaf)
        for p, shape in zip(main.parameters, shapes, strict=True)
        for path, leaf in shape.leaves()
    ]
    result = layout.result if layout is not None else main.result.shape
    results = [PortInfo(_unique(f"out{i}", taken), leaf) for i, (_, leaf) in enumerate(result.leaves())]
    for port in (*arguments, *results):
        if not port.shape.is_array or not port.shape.is_static:
            raise UnsupportedError.at(
                "HLO4201", f"{port.name} is {port.shape}: only arrays of known size can be passed"
            )
    return Signature(tuple(arguments), tuple(results))


def identifier(text: str) -> str:
    """`text` as a C identifier."""
    clean = re.sub(r"[^A-Za-z0-9_]", "_", text).strip("_") or "m"
    return clean if clean[0].isalpha() else f"m_{clean}"


def _unique(wanted: str, taken: set[str]) -> str:
    base = identifier(re.sub(r"\.\d+$", "", wanted))
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name
