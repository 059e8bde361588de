"""Scans as loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hlo_tools.analysis.effects import supersede
from hlo_tools.ir.attributes import Dims
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ops.elementwise import subtract
from hlo_tools.ops.scan import ScanAttrs, scan
from hlo_tools.ops.shapes import ReshapeAttrs, reshape
from hlo_tools.ops.slicing import DynamicSliceAttrs, dynamic_slice, dynamic_update_slice
from hlo_tools.ops.structure import tuple_
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import counted_loop, element_of, shaped_like, whole_number
from hlo_tools.rewrite.constants import splat


@dataclass(frozen=True, slots=True)
class ScanExpander(Pass):
    """Writes each scan as a while loop over its dimension, with the body of its step inside."""

    name: ClassVar[str] = "scan_expander"

    def run(self, module: Module, ctx: Context) -> bool:
        """Steps that scan themselves come first: their bodies are copied."""
        expanded = 0
        for computation in module.order():
            for inst in computation:
                if inst.op is scan:
                    supersede(inst, _loop(inst))
                    expanded += 1
        ctx.count("expanded", expanded)
        return expanded > 0


def _loop(inst: Instruction) -> Instruction:
    at: ScanAttrs = inst.attrs
    (d,) = at.dimensions
    home = inst.parent
    count = len(inst.operands) - at.num_carries
    arrays, carries = inst.operands[:count], inst.operands[count:]
    results = inst.shape.elements if inst.shape.is_tuple else (inst.shape,)
    outputs = [splat(home, 0, shape) for shape in results[: len(results) - at.num_carries]]
    rounds = arrays[0].shape.dims[d]
    found = [*outputs, *carries]

    def step(body: Computation, number: Instruction, state: list[Instruction]) -> list[Instruction]:
        place = number
        if at.is_reverse:
            place = body.add(subtract, (whole_number(body, rounds - 1), number))
        given, known, now = state[:count], state[count : count + len(outputs)], state[count + len(outputs) :]
        after = _applied(at.to_apply, body, [*[_taken(x, place, d) for x in given], *now])
        made = [_put(x, new, place, d) for x, new in zip(known, after, strict=False)]
        return [*given, *made, *after[len(outputs) :]]

    if rounds:
        found = counted_loop(home, rounds, [*arrays, *found], step)[count:]
    return home.add(tuple_, found, shape=inst.shape, like=inst) if inst.shape.is_tuple else found[0]


def _applied(step: Computation, body: Computation, args: Sequence[Instruction]) -> list[Instruction]:
    """The leaves of the result of one step, its instructions copied into the body of the loop."""
    result = step.clone_into(body, dict(zip(step.parameters, args, strict=True)))
    if not result.shape.is_tuple:
        return [result]
    return [element_of(result, i) for i in range(len(result.shape.elements))]


def _starts(x: Instruction, place: Instruction, d: int) -> list[Instruction]:
    zero = whole_number(x.parent, 0)
    return [place if i == d else zero for i in range(x.shape.rank)]


def _taken(x: Instruction, place: Instruction, d: int) -> Instruction:
    """The slice of `x` at a place along dimension `d`, without that dimension."""
    sizes = tuple(1 if i == d else n for i, n in enumerate(x.shape.dims))
    shape = shaped_like(x.shape, x.shape.element, sizes)
    part = x.parent.add(dynamic_slice, (x, *_starts(x, place, d)), DynamicSliceAttrs(Dims(sizes)), shape, like=x)
    without = shaped_like(x.shape, x.shape.element, (*sizes[:d], *sizes[d + 1 :]))
    return x.parent.add(reshape, (part,), ReshapeAttrs(), without, like=x)


def _put(x: Instruction, new: Instruction, place: Instruction, d: int) -> Instruction:
    """`x` with `new` at a place along dimension `d`."""
    sizes = tuple(1 if i == d else n for i, n in enumerate(x.shape.dims))
    part = x.parent.add(reshape, (new,), ReshapeAttrs(), shaped_like(x.shape, x.shape.element, sizes), like=new)
    return x.parent.add(dynamic_update_slice, (x, part, *_starts(x, place, d)), shape=x.shape, like=x)
