"""Layouts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.layout import layout, row_major
from hlo_tools.ir.module import EntryLayout, Module
from hlo_tools.ir.shape import Shape, tuple_of, with_default_layout
from hlo_tools.ops.elementwise import copy
from hlo_tools.ops.structure import GetTupleElementAttrs, get_tuple_element, tuple_
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import LAYOUTS, Invariant

ROW_MAJOR = frozenset(
    {
        "batch-norm-grad", "batch-norm-inference", "batch-norm-training", "cholesky", "convolution", "dot",
        "dynamic-update-slice", "fft", "gather", "ragged-dot", "reduce-window", "rng", "rng-bit-generator", "scan",
        "scatter", "select-and-scatter", "sort", "topk", "triangular-solve",
    }
)  # fmt: skip
"""Ops whose operands and results lie row-major; code for all others follows the layouts that it finds."""
ANY_OPERANDS = frozenset({"dot"})
"""Of these, ops that may read any layout: packing puts elements in order anyway."""
SEQUENTIAL = frozenset({"call", "conditional", "while"})
"""Ops whose operands become parameters of computations: what crosses their borders is row-major on both sides."""
CARRIERS = frozenset({"add-dependency", "domain", "opt-barrier"})
"""Ops whose result is their first operand."""


@dataclass(frozen=True, slots=True)
class LayoutAssignment(Pass):
    """Gives every array a layout: row-major, or what the module says already, with copies where these clash.

    Entry parameters and results get the caller's layouts. Copies go around ops that need row-major arrays and
    wherever values enter or leave loops, branches and calls with another order.
    """

    gives: ClassVar[tuple[Invariant, ...]] = (LAYOUTS,)

    def run(self, module: Module, ctx: Context) -> bool:
        """Callees first, operands first: each instruction sees what its operands came to be."""
        entry = _entry_layout(module)
        changed = 0
        for inst in module.instructions():
            changed += _give(inst, with_default_layout(inst.shape))
        for parameter, shape in zip(module.main.parameters, entry.parameters, strict=True):
            changed += _give(parameter, shape)
        bodies = {c for i in module.instructions() if i.op.name in SEQUENTIAL for c in i.called}
        for computation in module.order():
            if computation in bodies:
                changed += sum(_give(p, _row_major(p.shape)) for p in computation.parameters)
            changed += sum(_settle(inst) for inst in computation.order())
            if computation in bodies:
                changed += _give_root(computation, _row_major(computation.result.shape))
        changed += _give_root(module.main, entry.result)
        ctx.count("shapes and copies", changed)
        return changed > 0


def _entry_layout(module: Module) -> EntryLayout:
    """What the header says, or else what the entry's own parameters and root do."""
    main = module.main
    said = module.header.entry_layout
    if said is None:
        said = EntryLayout(tuple(p.shape for p in main.parameters), main.result.shape)
    return EntryLayout(tuple(map(with_default_layout, said.parameters)), with_default_layout(said.result))


@lru_cache(4096)
def _row_major(shape: Shape) -> Shape:
    """The shape with dimensions in row-major order; tiles, memory space and the like stay."""
    if shape.is_tuple:
        return tuple_of(tuple(map(_row_major, shape.elements)))
    if shape.layout is None:
        return with_default_layout(shape)
    extras = {f.name: getattr(shape.layout, f.name) for f in fields(shape.layout) if f.name != "minor_to_major"}
    return shape.with_layout(layout(row_major(shape.rank).minor_to_major, **extras))


def _give(inst: Instruction, shape: Shape) -> bool:
    """Let `inst` have this shape from the start; whether that is new."""
    if shape is inst.shape:
        return False
    inst.shape = shape
    inst.parent.touch()
    return True


def _settle(inst: Instruction) -> int:
    """Make operands, result and callees of an instruction agree; returns how many things changed."""
    name = inst.op.name
    if name == "tuple":
        return _give(inst, tuple_of(tuple(x.shape for x in inst.operands)))
    if name == "get-tuple-element":
        return _give(inst, inst.operands[0].shape.elements[inst.attrs.index])
    if name in CARRIERS:
        return _give(inst, inst.operands[0].shape)
    if name == "fusion":
        return _read_as(inst, [p.shape for p in inst.called[0].parameters])
    if name in SEQUENTIAL or name in ROW_MAJOR:
        wanted = [x.shape if name in ANY_OPERANDS else _row_major(x.shape) for x in inst.operands]
        return _read_as(inst, wanted) + _give_row_major(inst)
    return 0


def _read_as(inst: Instruction, wanted: list[Shape]) -> int:
    """Let an instruction read copies of those operands that have other layouts."""
    changed = 0
    for number, shape in enumerate(wanted):
        x = inst.operands[number]
        if x.shape is not shape:
            inst.parent.set_operand(inst, number, _rebuilt(x, shape))
            changed += 1
    return changed


def _give_row_major(inst: Instruction) -> int:
    """Let the result of an instruction be row-major, and its users read an array as it was in a copy."""
    found = inst.shape
    if not _give(inst, _row_major(found)):
        return 0
    if found.is_array:
        home = inst.parent
        made = home.add(copy, (inst,), shape=found, like=inst)
        home.replace(inst, made)
        home.set_operands(made, (inst,))
    return 1


def _give_root(computation: Computation, shape: Shape) -> bool:
    """Let the root of a computation have this shape, through copies."""
    root = computation.result
    if root.shape is shape:
        return False
    computation.root = _rebuilt(root, shape)
    computation.touch()
    return True


def _rebuilt(inst: Instruction, shape: Shape) -> Instruction:
    """The value of `inst` with other layouts: copies of those arrays that differ."""
    if inst.shape is shape:
        return inst
    home = inst.parent
    if not shape.is_tuple:
        return home.add(copy, (inst,), shape=shape, like=inst)
    elements = []
    for index, wanted in enumerate(shape.elements):
        if inst.op is tuple_:
            element = inst.operands[index]
        else:
            attrs = GetTupleElementAttrs(index)
            element = home.add(get_tuple_element, (inst,), attrs, inst.shape.elements[index])
        elements.append(_rebuilt(element, wanted))
    return home.add(tuple_, elements, shape=shape, like=inst)
