"""Layouts: which instructions have to keep that of their operands.

Layouts mean something once they are assigned. Before that, XLA prints defaults that its own verifier passes over, so
most rules hold only where the caller asks for them. Source of the rules: `ShapeVerifier` and the `Postprocess` of
InstructionVerifier with the option `layout_sensitive`, and `LayoutAssignment::InstructionCanChangeLayout`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.layout import Layout
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Trait
from hlo_tools.ir.verify_pairs import Watched
from hlo_tools.support.diagnostic import Diagnostic, Note

HOST_MEMORY = 5
"""The memory space of a layout `S(5)`: the host."""

_KEEPING = frozenset(
    {
        "all-reduce",
        "collective-permute",
        "concatenate",
        "dynamic-slice",
        "dynamic-update-slice",
        "map",
        "pad",
        "reduce-scatter",
        "reduce-window",
        "reverse",
        "select-and-scatter",
        "slice",
        "sort",
    }
)
_FREE = frozenset({"bitcast", "bitcast-convert", "copy"})


def check_host_copies(module: Module, watched: Watched) -> Iterator[Diagnostic]:
    """A copy from the host to a device does not transpose."""
    for inst in watched.get("copy", ()):
        yield from _host_copy(module, inst)


def check_assigned_layouts(module: Module) -> Iterator[Diagnostic]:
    """The rules of a module in which layouts have been assigned."""
    for inst in module.instructions():
        name = inst.op.name
        if name in _KEEPING or _is_elementwise(inst):
            yield from _kept(module, inst)
        elif name == "bitcast" and inst.operands and inst.shape.bytes != inst.operands[0].shape.bytes:
            message = f"bitcast {inst.name} cannot have different sizes of output and operand"
            yield Diagnostic("HLO2020", message, module.span(inst), notes=(_operand(module, inst, 0),))
        elif name == "scan" and inst.attrs.is_associative != "true":
            message = (
                f"scan {inst.name} is not associative; it has to be expanded to a loop before layouts are assigned"
            )
            yield Diagnostic("HLO2020", message, module.span(inst))


def _operand(module: Module, inst: Instruction, number: int) -> Note:
    x = inst.operands[number]
    return Note(f"operand {number} is {x.name}: {x.shape}", module.span(x))


def _is_elementwise(inst: Instruction) -> bool:
    return Trait.ELEMENTWISE in inst.op.traits and inst.op.name not in _FREE


def _kept(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    """The layouts of result and operands, where both are given and the ranks are the same, order dimensions alike."""
    ours = inst.shape.layout
    if ours is None or inst.shape.rank < 2:
        return
    for i, x in enumerate(inst.operands):
        theirs = x.shape.layout
        if x.shape.rank == inst.shape.rank and theirs is not None and theirs.minor_to_major != ours.minor_to_major:
            message = f"instruction {inst.name} shouldn't change layouts: from {x.shape} to {inst.shape}"
            yield Diagnostic("HLO2020", message, module.span(inst), notes=(_operand(module, inst, i),))
            return


def _host_copy(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    (x,) = inst.operands[:1] or (inst,)
    ours, theirs = inst.shape.layout, x.shape.layout
    if ours is None or theirs is None or theirs.memory_space != HOST_MEMORY or ours.memory_space == HOST_MEMORY:
        return
    if _in_default_memory(ours) != _in_default_memory(theirs):
        message = f"copy {inst.name} from the host cannot change the layout: expected {x.shape}, got {inst.shape}"
        yield Diagnostic("HLO2020", message, module.span(inst), notes=(_operand(module, inst, 0),))


def _in_default_memory(layout: Layout) -> Layout:
    return replace(layout, memory_space=0)
