"""Constants kept beside a module, in an .npz file.

The constant stays in the module as `{...}` with two frontend attributes, which every reader of HLO text keeps: the
name of the array in the file, and the SHA-256 of its type, dimensions and bytes. Putting it back takes the attributes
away again, so that the module is bit for bit what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hlo_tools.interpreter.elided import elided_constants, set_value
from hlo_tools.ir.attributes import FrontendAttributes
from hlo_tools.ir.external import DIGEST, NAME, value_digest
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Array, Literal
from hlo_tools.ir.module import Module
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.support import npz
from hlo_tools.support.diagnostic import Diagnostic, Note, VerifyError


def take_constants(module: Module, over: int) -> dict[str, Array]:
    """Elide the array constants of more than `over` elements, in place; returns their values by name.

    Equal values share one name. Names count up in the order of the module.
    """
    arrays: dict[str, Array] = {}
    names: dict[str, str] = {}
    for computation in module.order():
        for inst in computation.order():
            if inst.op is constant and _is_large(inst.attrs.value, over):
                value = inst.attrs.value.array
                digest = value_digest(inst.shape, value)
                if digest not in names:
                    names[digest] = f"c{len(names)}"
                    arrays[names[digest]] = value
                own = ((NAME, f'"{names[digest]}"'), (DIGEST, f'"{digest}"'))
                attributes = FrontendAttributes((*inst.extras.frontend_attributes, *own))
                inst.attrs = ConstantAttrs(Literal(inst.shape, None))
                inst.extras = replace(inst.extras, frontend_attributes=attributes)
                computation.touch()
    return arrays


def put_constants(module: Module, path: str) -> int:
    """Give the constants of `module` the values that the file `path` holds, in place; returns how many.

    Raises VerifyError (HLO5011), with every finding, where the file lacks an array, or holds one of another type, of
    other dimensions or with other bits; and what `npz.read` raises.
    """
    stored = npz.read(path)
    found = [(inst, dict(inst.extras.frontend_attributes)) for inst in elided_constants(module)]
    wanted = [(inst, known) for inst, known in found if NAME in known]
    problems = [
        Diagnostic("HLO5011", problem, module.span(inst), notes=(Note(f"the file is {path}"),))
        for inst, known in wanted
        if (problem := _problem(inst, known, stored))
    ]
    if problems:
        raise VerifyError(problems)
    for inst, known in wanted:
        value = npz.restored(stored[_unquoted(known[NAME])], inst.shape.element.dtype, inst.shape.dims)
        set_value(inst, Literal(inst.shape, value))
    return len(wanted)


def _is_large(value: Literal, over: int) -> bool:
    return isinstance(value.value, np.ndarray) and value.shape.size > over


def _problem(inst: Instruction, known: dict[str, str], stored: Mapping[str, Array]) -> str | None:
    name = _unquoted(known[NAME])
    if name not in stored:
        return f"the value of {inst.name} should be '{name}', which the file does not hold"
    value = npz.restored(stored[name], inst.shape.element.dtype, inst.shape.dims) if inst.shape.is_array else None
    if value is None:
        return f"'{name}' is {stored[name].dtype}{list(stored[name].shape)}, and {inst.name} is {inst.shape.bare}"
    if value_digest(inst.shape, value) != _unquoted(known.get(DIGEST, "")):
        return f"'{name}' does not hold the bits that {inst.name} had (SHA-256 differs): these are other weights"
    return None


def _unquoted(text: str) -> str:
    return text.strip("\"'")
