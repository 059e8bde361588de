"""Rules that hold only for some modules, and the options that ask for them, named as in XLA's HloVerifierOpts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.layout import Layout, row_major
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape
from hlo_tools.ir.verify_layouts import HOST_MEMORY, check_assigned_layouts
from hlo_tools.support.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to check besides the rules of every module, and what to let pass.

    layout_sensitive                    layouts are assigned: they are kept from operand to result
    allow_mixed_precision               operands may be floats of different precisions
    verify_broadcast_dimensions_order   broadcasts do not transpose
    verify_reshape_is_bitcast           reshapes move no element in memory
    verify_no_host_memory_space         no array lies in the memory of the host
    """

    layout_sensitive: bool = False
    allow_mixed_precision: bool = False
    verify_broadcast_dimensions_order: bool = False
    verify_reshape_is_bitcast: bool = False
    verify_no_host_memory_space: bool = False


DEFAULT = VerifyOptions()


def check_options(module: Module, options: VerifyOptions) -> Iterator[Diagnostic]:
    """The rules that `options` ask for."""
    if options.layout_sensitive:
        yield from check_assigned_layouts(module)
    for inst in module.instructions():
        name = inst.op.name
        if options.verify_broadcast_dimensions_order and name == "broadcast":
            yield from _ordered(module, inst)
        elif options.verify_reshape_is_bitcast and name == "reshape":
            yield from _bitcast(module, inst)
        if options.verify_no_host_memory_space:
            yield from _on_device(module, inst)


def _ordered(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    if any(a >= b for a, b in pairwise(inst.attrs.dimensions)):
        message = f"broadcast {inst.name}: broadcast dimensions should be ordered, got {inst.attrs.dimensions}"
        yield Diagnostic("HLO2022", message, module.span(inst))


def _bitcast(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    before, after = inst.operands[0].shape, inst.shape
    if inst.shape.size and not (_same_steps(before, after) and _same_steps(after, before)):
        message = f"reshape {inst.name} should be a physical bitcast, but takes {before} to {after}"
        yield Diagnostic("HLO2022", message, module.span(inst))


def _same_steps(x: Shape, y: Shape) -> bool:
    """Whether one step along each dimension of `x` is as long in memory as the same step in `y`.

    Source: `ShapeUtil::ReshapeIsBitcast`.
    """
    logical = _strides(x.dims, row_major(x.rank))
    ours, theirs = _strides(x.dims, x.layout), _strides(y.dims, y.layout)
    for d, size in enumerate(x.dims):
        if size > 1:
            place, length = logical[d], 0
            for n, stride in zip(reversed(y.dims), reversed(theirs), strict=True):
                length += place % n * stride
                place //= n
            if length != ours[d]:
                return False
    return True


def _strides(dims: tuple[int, ...], at: Layout | None) -> list[int]:
    """How many elements lie between two neighbours along each dimension."""
    strides, step = [0] * len(dims), 1
    for d in (at or row_major(len(dims))).minor_to_major:
        strides[d] = step
        step *= max(dims[d], 1)
    return strides


def _on_device(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    for _, leaf in inst.shape.leaves():
        if leaf.layout is not None and leaf.layout.memory_space == HOST_MEMORY:
            message = f"{inst.name} lies in the memory space of the host: {leaf}"
            yield Diagnostic("HLO2022", message, module.span(inst))
            return
