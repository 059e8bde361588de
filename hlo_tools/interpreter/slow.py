"""Which instructions the interpreter runs one element at a time, in Python."""

from __future__ import annotations

from collections.abc import Iterator

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops.monoid import is_elementwise
from hlo_tools.ops.reduce import map_, reduce
from hlo_tools.ops.scatter import scatter
from hlo_tools.ops.sort import sort
from hlo_tools.ops.windows import reduce_window, select_and_scatter
from hlo_tools.support.diagnostic import Diagnostic, Severity

_APPLYING = frozenset({map_, reduce, reduce_window, scatter, select_and_scatter, sort})
"""Ops that apply a computation of scalars to arrays: as a whole, where each of its instructions can be."""


def slow_paths(module: Module) -> Iterator[Diagnostic]:
    """A warning for each instruction that `module` may run whose computation is evaluated for one element at a time."""
    for computation in module.order():
        for inst in computation:
            if inst.op in _APPLYING and max((x.shape.size for x in inst.operands), default=0) > 1:
                yield from _found(module, inst)


def _found(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    for called in inst.called:
        if not is_elementwise(called):
            message = f"{inst.name}: {called.name} is evaluated for one element at a time, which is slow"
            yield Diagnostic("HLO5021", message, module.span(inst), Severity.WARNING)
