"""Which computations say the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import map_callees
from hlo_tools.ir.shape import Shape


def representatives(module: Module) -> dict[Computation, Computation]:
    """For each computation the first, callees before callers, that is equal to it but for names.

    Equal: the same graph in the same topological order, with equal attributes, shapes with layouts, literals and
    shardings.
    """
    alike = Counter(_outline(c) for c in module)
    first: dict[Any, Computation] = {}
    found: dict[Computation, Computation] = {}
    for computation in module.order():
        found[computation] = computation
        if alike[_outline(computation)] > 1:
            found[computation] = first.setdefault(_key(computation, found), computation)
    return found


def _outline(computation: Computation) -> tuple[int, str, Shape]:
    """What is quickly seen of a computation; equal for equal ones."""
    root = computation.result
    return len(computation), root.op.name, root.shape


def _key(computation: Computation, known: dict[Computation, Computation]) -> Any:
    number = {inst: n for n, inst in enumerate(computation.order())}
    rows = tuple(
        (
            inst.op.name,
            inst.shape,
            map_callees(inst.attrs, lambda c: known.get(c, c)),
            tuple(number[x] for x in inst.operands),
            tuple(number[x] for x in inst.extras.control_predecessors),
            inst.sharding,
            inst.extras.backend_config,
            inst.extras.frontend_attributes,
        )
        for inst in number
    )
    return computation.execution_thread, number.get(computation.result), rows
