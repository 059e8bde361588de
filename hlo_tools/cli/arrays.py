"""Arrays in .npz files: `arg0`, `arg1`, ... in, `out0`, `out1`, ... out; what is stored how: `support/npz.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hlo_tools.api import Array, Module
from hlo_tools.ir.element import element_of
from hlo_tools.ir.shape import Shape
from hlo_tools.support import npz
from hlo_tools.support.diagnostic import Diagnostic, UsageError

_SHOWN = 64
"""Elements of a result that `summary` prints."""


def read_arguments(path: str, module: Module) -> list[Array]:
    """The arrays of `path` for the flattened parameters of the entry, in order.

    Raises UsageError when one is missing or does not have the parameter's shape and type, ParseError when the file is
    no .npz.
    """
    stored = npz.read(path)
    shapes = [leaf for parameter in module.main.parameters for _, leaf in parameter.shape.leaves()]
    leaves = [shape for shape in shapes if not shape.is_token]
    return [_argument(path, f"arg{index}", stored, leaf) for index, leaf in enumerate(leaves)]


def _argument(path: str, name: str, stored: dict[str, Array], shape: Shape) -> Array:
    found = stored.get(name)
    if found is None:
        raise UsageError(Diagnostic("HLO5001", f"'{path}' holds no {name}, which should be {shape.bare}", file=path))
    made = npz.restored(found, shape.element.dtype, shape.dims)
    if made is None:
        message = f"{name} of '{path}' is {found.dtype}{list(found.shape)}; the module takes {shape.bare}"
        raise UsageError(Diagnostic("HLO5001", message, file=path))
    return made


def archive(arrays: Iterable[Array]) -> bytes:
    """An .npz file with `out0`, `out1`, ...; the same arrays give the same bytes."""
    return npz.content({f"out{index}": array for index, array in enumerate(arrays)})


def summary(arrays: Sequence[Array]) -> str:
    """The arrays for a person: type, shape and the first elements of each."""
    lines = []
    for index, array in enumerate(arrays):
        flat = [str(value) for value in array.reshape(-1)[:_SHOWN]]
        more = ", ..." if array.size > _SHOWN else ""
        dims = ",".join(str(size) for size in array.shape)
        lines.append(f"out{index} {element_of(array.dtype)}[{dims}] {{{', '.join(flat)}{more}}}")
    return "\n".join(lines)
