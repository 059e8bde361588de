"""Arrays in .npz files: `arg0`, `arg1`, ... in, `out0`, `out1`, ... out; what is stored how: `support/npz.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hlo_tools.api import Array, Module
from hlo_tools.ir.element import element_of
from hlo_tools.ir.shape import Shape
from hlo_tools.support import npz
from hlo_tools.support.diagnostic import Diagnostic, UsageError

_SHOWN = 64
"""Elements of a result that `summary` prints."""


def read_arguments(path: str, module: Module, devices: int = 1) -> list[list[Array]]:
    """The arrays of `path` for the flattened parameters of the entry, in order, for each device.

    An array is for all devices, or has one more dimension in front that counts them.
    Raises UsageError when one is missing or does not have the parameter's shape and type, ParseError when the file is
    no .npz.
    """
    stored = npz.read(path)
    shapes = [leaf for parameter in module.main.parameters for _, leaf in parameter.shape.leaves()]
    leaves = [shape for shape in shapes if not shape.is_token]
    columns = [_argument(path, f"arg{index}", stored, leaf, devices) for index, leaf in enumerate(leaves)]
    return [[column[device] for column in columns] for device in range(devices)]


def _argument(path: str, name: str, stored: dict[str, Array], shape: Shape, devices: int) -> Sequence[Array]:
    """One array for each device."""
    found = stored.get(name)
    if found is None:
        raise UsageError(Diagnostic("HLO5001", f"'{path}' holds no {name}, which should be {shape.bare}", file=path))
    made = npz.restored(found, shape.element.dtype, shape.dims)
    if made is not None:
        return [made] * devices
    stacked = npz.restored(found, shape.element.dtype, (devices, *shape.dims)) if devices > 1 else None
    if stacked is None:
        message = f"{name} of '{path}' is {found.dtype}{list(found.shape)}; the module takes {shape.bare}"
        raise UsageError(Diagnostic("HLO5001", message, file=path))
    return list(stacked)


def archive(devices: Sequence[Sequence[Array]]) -> bytes:
    """An .npz file with `out0`, `out1`, ...; the same arrays give the same bytes.

    With several devices each array has one more dimension in front that counts them.
    """
    results = devices[0] if len(devices) == 1 else [np.stack(column) for column in zip(*devices, strict=True)]
    return npz.content({f"out{index}": array for index, array in enumerate(results)})


def named(found: Mapping[str, Array]) -> bytes:
    """An .npz file with these arrays."""
    return npz.content(found)


def summary(arrays: Sequence[Array], name: str = "out") -> str:
    """The arrays for a person, a line each."""
    return "\n".join(line(f"{name}{index}", array) for index, array in enumerate(arrays))


def line(name: str, array: Array) -> str:
    """An array for a person: type, shape and the first elements."""
    flat = [str(value) for value in array.reshape(-1)[:_SHOWN]]
    more = ", ..." if array.size > _SHOWN else ""
    dims = ",".join(str(size) for size in array.shape)
    return f"{name} {element_of(array.dtype)}[{dims}] {{{', '.join(flat)}{more}}}"
