"""The header of a module against its entry computation: layouts of the entry, aliases, donated buffers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hlo_tools.ir.module import Alias, Module
from hlo_tools.ir.shape import Shape, compatible
from hlo_tools.support.diagnostic import Diagnostic
from hlo_tools.support.source import Span

_LOG_MODE = re.compile(r"log_mode=(\w+)")
_LOG_MODES = ("default", "fusion_debugger")


def check_header(module: Module) -> Iterator[Diagnostic]:
    """Everything that a header says about the entry exists there and fits."""
    if module.entry is None:
        yield Diagnostic("HLO2003", f"module {module.name} has no entry computation", header_span(module))
        return
    layout = module.header.entry_layout
    if layout is not None and module.entry.root is not None:
        yield from _entry_layout(module, layout.parameters, layout.result)
    if module.header.input_output_alias or module.header.buffer_donor:
        yield from _aliases(module)
    for mode in _LOG_MODE.findall(module.header.debug_attributes):
        if mode not in _LOG_MODES:
            message = f"debug_attributes has log_mode={mode}, expected {' or '.join(_LOG_MODES)}"
            yield Diagnostic("HLO2018", message, header_span(module))


def header_span(module: Module) -> Span | None:
    """The word HloModule, for what is wrong with the header."""
    return None if module.source is None else module.source.span(0, len("HloModule"))


def _entry_layout(module: Module, parameters: tuple[Shape, ...], result: Shape) -> Iterator[Diagnostic]:
    main = module.main
    span = header_span(module)
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
    span = header_span(module)
    shapes = [p.shape for p in main.parameters]
    inputs: set[tuple[int, tuple[int, ...]]] = set()
    outputs: set[tuple[int, ...]] = set()
    for alias in module.header.input_output_alias:
        source = (alias.parameter, alias.parameter_index)
        for problem in _alias_problems(module, alias, shapes):
            yield Diagnostic("HLO2011", problem, span)
        if source in inputs:
            message = f"input_output_alias names parameter {alias.parameter} at {_path(alias.parameter_index)} twice"
            yield Diagnostic("HLO2011", message, span)
        if alias.output in outputs:
            yield Diagnostic("HLO2011", f"input_output_alias names output {_path(alias.output)} twice", span)
        inputs.add(source)
        outputs.add(alias.output)
    for donor in module.header.buffer_donor:
        place = f"parameter {donor.parameter} at {_path(donor.index)}"
        if donor.parameter >= len(shapes) or _part(shapes[donor.parameter], donor.index) is None:
            yield Diagnostic("HLO2011", f"buffer_donor names {place}, which does not exist", span)
        elif (donor.parameter, donor.index) in inputs:
            message = f"{place} is registered as a buffer donor, but it is also in input_output_alias"
            yield Diagnostic("HLO2011", message, span)


def _alias_problems(module: Module, alias: Alias, shapes: list[Shape]) -> Iterator[str]:
    here = _part(module.main.result.shape, alias.output)
    there = _part(shapes[alias.parameter], alias.parameter_index) if alias.parameter < len(shapes) else None
    pair = f"output {_path(alias.output)} and parameter {alias.parameter} at {_path(alias.parameter_index)}"
    if here is None or there is None:
        yield f"input_output_alias joins {pair}, which do not both exist"
        return
    if here.is_tuple or there.is_tuple:
        yield f"input_output_alias joins {pair}, which are {here} and {there}; only arrays can share a buffer"
    elif here.bytes != there.bytes:
        yield f"input_output_alias joins {pair} of different sizes: {here} and {there}"
    elif alias.must:
        layout = module.header.entry_layout
        if layout is not None and len(layout.parameters) == len(shapes):
            here = _part(layout.result, alias.output) or here
            there = _part(layout.parameters[alias.parameter], alias.parameter_index) or there
        if here is not there and (not compatible(here, there) or (here.layout and there.layout)):
            yield f"input_output_alias must join {pair}, but they have different shapes: {here} and {there}"


def _part(shape: Shape, path: tuple[int, ...]) -> Shape | None:
    """The shape at an index path, or None where there is none."""
    for i in path:
        if not 0 <= i < len(shape.elements):
            return None
        shape = shape.elements[i]
    return shape


def _path(path: tuple[int, ...]) -> str:
    return "{" + ",".join(map(str, path)) + "}"
