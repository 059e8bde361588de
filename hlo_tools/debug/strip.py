"""Take away from a module what does not change what it computes, and constants that are too large to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hlo_tools.ir.attributes import FrontendAttributes, Json
from hlo_tools.ir.external import DIGEST, NAME
from hlo_tools.ir.instruction import NO_EXTRAS, Extras
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Header, Module
from hlo_tools.ops.structure import ConstantAttrs, constant


@dataclass(frozen=True, slots=True)
class Strip:
    """What to take away.

    metadata             of instructions and shardings, the tables of stack frames, original values, statistics
    frontend_attributes  of instructions and of the module; not those that say in which file a constant lies, nor
                         those of composite calls, which are part of their meaning
    shardings            of instructions
    backend_configs      of instructions
    names                of the module, its computations and instructions: they are numbered in order
    elide_over           elide constants with more elements than this
    """

    metadata: bool = False
    frontend_attributes: bool = False
    shardings: bool = False
    backend_configs: bool = False
    names: bool = False
    elide_over: int | None = None


def strip(module: Module, what: Strip) -> None:
    """Take `what` away from `module`, in place."""
    module.header = _header(module.header, what)
    if what.metadata:
        module.tables = None
    for computation in module:
        for inst in computation:
            if what.metadata:
                inst.metadata = None
            if what.shardings:
                inst.sharding = None
            elif what.metadata and inst.sharding is not None:
                inst.sharding = inst.sharding.without_metadata()
            if inst.extras is not NO_EXTRAS:
                inst.extras = _extras(inst.extras, what, getattr(inst.attrs, "is_composite", False))
            if inst.op is constant and what.elide_over is not None:
                inst.attrs = _elided(inst.attrs, what.elide_over)
        computation.touch()
    if what.names:
        _number(module)


def _header(header: Header, what: Strip) -> Header:
    if what.metadata:
        header = replace(header, origin_recovery_table=Json(""), debug_attributes=Json(""))
    if what.frontend_attributes:
        header = replace(header, frontend_attributes=FrontendAttributes(()))
    return header


def _extras(extras: Extras, what: Strip, composite: bool) -> Extras:
    gone: dict[str, Any] = {}
    if what.metadata:
        gone |= {"origin": Json(""), "statistics": Json("")}
    if what.backend_configs:
        gone |= {"backend_config": Json("")}
    if what.frontend_attributes and not composite:
        kept = tuple(pair for pair in extras.frontend_attributes if pair[0] in (NAME, DIGEST))
        gone |= {"frontend_attributes": FrontendAttributes(kept)}
    return replace(extras, **gone)


def _elided(at: ConstantAttrs, over: int) -> ConstantAttrs:
    size = sum(leaf.size for _, leaf in at.value.shape.leaves())
    return ConstantAttrs(Literal(at.value.shape, None)) if size > over else at


def _number(module: Module) -> None:
    """Names that follow from the order: `add.3` for the fourth instruction, `computation.1`, `main`."""
    module.name = "module"
    order = module.order()
    for number, computation in enumerate(order):
        computation.name = "main" if computation is module.entry else f"computation.{number}"
    module.computations = {computation.name: computation for computation in module}
    at = 0
    for computation in order:
        for inst in computation.order():
            computation.rename(inst, "_")  # so that no old name is in the way of a new one
        for inst in computation.order():
            computation.rename(inst, f"{inst.op.name}.{at}")
            at += 1
