"""The verifier: structure, shapes re-inferred by each op's own rule, called computations, the header.

It collects every finding of a module before it raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import NotYet, Op, ShapeError
from hlo_tools.ir.shape import Shape, compatible
from hlo_tools.support.diagnostic import Diagnostic, Note, VerifyError
from hlo_tools.support.source import Span

_Fitting = set[tuple[Op[Any], int, Shape, tuple[Shape, ...]]]
"""Op, identity of the attributes, shape and operand shapes of instructions whose shapes are known to fit."""


def verify_module(module: Module) -> None:
    """Check a whole module. Raises VerifyError with every diagnostic found, in the order of the text."""
    found: list[Diagnostic] = []
    fitting: _Fitting = set()
    for computation in module:
        found.extend(_computation(module, computation, fitting))
    found.extend(_header(module))
    if found:
        raise VerifyError(found)


def _computation(module: Module, computation: Computation, fitting: _Fitting) -> Iterator[Diagnostic]:
    if computation.root is None:
        yield Diagnostic("HLO2003", f"computation {computation.name} has no root", module.span(computation))
        return
    yield from _names(module, computation)
    yield from _parameters(module, computation)
    for inst in computation.instructions:
        if not _joined(computation, inst):
            yield from _edges(module, computation, inst)
        yield from _instruction(module, inst, fitting)
    try:
        computation.order()
    except VerifyError as e:
        yield from e.diagnostics


def _names(module: Module, computation: Computation) -> Iterator[Diagnostic]:
    seen: dict[str, Instruction] = {}
    for inst in computation.instructions:
        if seen.setdefault(inst.name, inst) is not inst:
            yield Diagnostic("HLO2004", f"instruction name {inst.name} is used twice", module.span(inst))


def _parameters(module: Module, computation: Computation) -> Iterator[Diagnostic]:
    for expected, inst in enumerate(computation.parameters):
        if inst.attrs.number != expected:
            message = (
                f"parameter numbers of {computation.name} are not 0, 1, ...: {inst.attrs.number} follows {expected - 1}"
            )
            yield Diagnostic("HLO2005", message, module.span(inst))
            return


def _joined(computation: Computation, inst: Instruction) -> bool:
    """Whether an instruction and its operands belong to the computation and know each other."""
    if inst.parent is not computation:
        return False
    for x in inst.operands:  # noqa: SIM110, a generator would take twice the time
        if x.parent is not computation or inst not in x.users:
            return False
    return True


def _edges(module: Module, computation: Computation, inst: Instruction) -> Iterator[Diagnostic]:
    """What is wrong where `_joined` does not hold."""
    if inst.parent is not computation:
        yield Diagnostic("HLO2006", f"{inst.name} belongs to another computation", module.span(inst))
    for x in inst.operands:
        if x.parent is not computation:
            yield Diagnostic("HLO2006", f"{inst.name} reads {x.name} of another computation", module.span(inst))
        elif inst not in x.users:
            yield Diagnostic("HLO2006", f"{x.name} does not know its user {inst.name}", module.span(inst))


def _instruction(module: Module, inst: Instruction, fitting: _Fitting) -> Iterable[Diagnostic]:
    op, shape, operands = inst.op, inst.shape, tuple([x.shape for x in inst.operands])
    key = (op, id(inst.attrs), shape, operands)
    if key in fitting:
        return ()
    found = tuple(_misfits(module, inst))
    if not found and type(op).verify is Op.verify:
        fitting.add(key)
    return found


def _misfits(module: Module, inst: Instruction) -> Iterator[Diagnostic]:
    for callee in inst.called:
        if module.computations.get(callee.name) is not callee:
            message = f"{inst.name} calls {callee.name}, which is not in the module"
            yield Diagnostic("HLO2007", message, module.span(inst))
            return
    if inst.op.arity is not None and len(inst.operands) != inst.op.arity:
        message = f"{inst.op.name} takes {inst.op.arity} operands, got {len(inst.operands)}"
        yield Diagnostic("HLO2008", message, module.span(inst))
        return
    try:
        check_shape(inst)
        inst.op.verify(inst)
    except ShapeError as e:
        yield Diagnostic(
            "HLO2001", f"{inst.op.name} {inst.name}: {e.message}", module.span(inst), notes=_notes(module, inst, e)
        )
    except NotYet as e:
        yield Diagnostic("HLO2009", str(e), module.span(inst))


def check_shape(inst: Instruction) -> None:
    """Whether the shape of an instruction follows from its operands. Raises ShapeError."""
    xs = [x.shape for x in inst.operands]
    if inst.op.declared:
        inst.op.check(inst.attrs, inst.shape, *xs)
        return
    inferred = inst.op.shape(inst.attrs, *xs)
    if not compatible(inferred, inst.shape):
        raise ShapeError(f"the result is {inferred.bare}, but {inst.shape.bare} is declared")


def _notes(module: Module, inst: Instruction, error: ShapeError) -> tuple[Note, ...]:
    if error.operand is None or error.operand >= len(inst.operands):
        return ()
    x = inst.operands[error.operand]
    return (Note(f"operand {error.operand} is {x.name}: {x.shape}", module.span(x)),)


def _header(module: Module) -> Iterator[Diagnostic]:
    if module.entry is None:
        yield Diagnostic("HLO2003", f"module {module.name} has no entry computation", _header_span(module))
        return
    layout = module.header.entry_layout
    if layout is not None and module.entry.root is not None:
        yield from _entry_layout(module, layout.parameters, layout.result)
    yield from _aliases(module)


def _header_span(module: Module) -> Span | None:
    return None if module.source is None else module.source.span(0, len("HloModule"))


def _entry_layout(module: Module, parameters: tuple[Shape, ...], result: Shape) -> Iterator[Diagnostic]:
    main = module.main
    span = _header_span(module)
    declared = main.parameters
    if len(declared) != len(parameters):
        message = f"entry_computation_layout has {len(parameters)} parameters, the entry {len(declared)}"
        yield Diagnostic("HLO2010", message, span)
        return
    for inst, shape in zip(declared, parameters, strict=True):
        if not compatible(inst.shape, shape):
            message = f"parameter {inst.name} is {inst.shape}, entry_computation_layout says {shape}"
            yield Diagnostic("HLO2010", message, module.span(inst))
    if not compatible(main.result.shape, result):
        message = f"the result is {main.result.shape}, entry_computation_layout says {result}"
        yield Diagnostic("HLO2010", message, module.span(main.result))


def _aliases(module: Module) -> Iterator[Diagnostic]:
    main = module.main
    if main.root is None:
        return
    span = _header_span(module)
    outputs = {path for path, _ in _paths(main.result.shape)}
    inputs = {(n, path) for n, p in enumerate(main.parameters) for path, _ in _paths(p.shape)}
    for alias in module.header.input_output_alias:
        if alias.output not in outputs or (alias.parameter, alias.parameter_index) not in inputs:
            pair = f"output {alias.output} and parameter {alias.parameter}"
            message = f"input_output_alias joins {pair}, which do not both exist"
            yield Diagnostic("HLO2011", message, span)
        else:
            here = main.result.shape.at(alias.output)
            there = main.parameters[alias.parameter].shape.at(alias.parameter_index)
            if not compatible(here, there):
                message = f"input_output_alias joins output {here} and parameter {alias.parameter}, which is {there}"
                yield Diagnostic("HLO2011", message, span)
    for donor in module.header.buffer_donor:
        if (donor.parameter, donor.index) not in inputs:
            yield Diagnostic("HLO2011", f"buffer_donor names parameter {donor.parameter}, which does not exist", span)


def _paths(shape: Shape) -> Iterator[tuple[tuple[int, ...], Shape]]:
    yield (), shape
    for i, element in enumerate(shape.elements):
        for path, inner in _paths(element):
            yield (i, *path), inner
