"""Module -> `HloModuleProto`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hlo_tools.ir.attributes import Metadata
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import NO_EXTRAS, Instruction
from hlo_tools.ir.module import EntryLayout, Module, StackTables
from hlo_tools.ir.shape import Shape
from hlo_tools.ir.sharding import Sharding
from hlo_tools.ops.control import fusion
from hlo_tools.serial.proto.bindings import bindings, callee_order
from hlo_tools.serial.proto.extras import frontend_message, write_extras
from hlo_tools.serial.proto.metadata import metadata_message
from hlo_tools.serial.proto.recovery import recovery_message
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.shapes import ShapeWriter
from hlo_tools.serial.proto.shardings import sharding_message
from hlo_tools.text.malformed import Malformed

_NOT_IN_MESSAGES = (
    "replica_count", "num_partitions", "alias_passthrough_params", "allow_spmd_sharding_propagation_to_parameters",
    "allow_spmd_sharding_propagation_to_output", "debug_attributes",
)  # fmt: skip
"""What the header of HLO text says and XLA keeps outside of HloModuleProto, in the configuration of a run."""
_NUMBERED = re.compile(r"(.+)\.(\d{1,18})")
_COLUMNS = ("file_name_id", "function_name_id", "line", "end_line", "column", "end_column")


class ModuleWriter:
    """Makes the message of one module. `warn` gets a sentence for each thing that no message holds.

    Numbers are given as XLA gives them: to computations in order, and to the instructions of computation `c` from
    `c * 2**32` on, so that the order in which they were made can be seen.
    """

    def __init__(self, module: Module, warn: Callable[[str], None]) -> None:
        self.module = module
        self.warn = warn
        self.shapes = ShapeWriter()
        self._computations = {c: n for n, c in enumerate(module)}
        self._numbers: dict[Instruction, int] = {}
        self._metadata: dict[Metadata | None, Message] = {}
        self._shardings: dict[Sharding, Message | None] = {}
        self._empty = Message(KINDS["StatisticsViz"]), Message(KINDS["FrontendAttributes"])
        self._fused = {i.attrs.calls for i in module.instructions() if i.op is fusion}
        self._told: set[str] = set()
        unique = _Uniquer()
        self._names: dict[Instruction, str] = {}
        for computation, number in self._computations.items():
            for i, inst in enumerate(computation.instructions):
                self._numbers[inst] = number << 32 | i
                self._names[inst] = unique(inst.name)

    def message(self) -> Message:
        """The HloModuleProto."""
        module = self.module
        made = Message(KINDS["HloModuleProto"])
        made.put("name", module.name)
        made["computations"] = [self._computation(c) for c in module.order()]
        if module.entry is not None:
            made.put("entry_computation_name", module.entry.name)
            made.put("entry_computation_id", self._computations[module.entry])
            made["host_program_shape"] = self._program(module.header.entry_layout or _layout_of(module.entry))
        self._header(made)
        return made

    def _lost(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self.warn(f"{what} has no place in XLA's messages and is left out")

    def _header(self, made: Message) -> None:
        header = self.module.header
        for name in _NOT_IN_MESSAGES:
            if getattr(header, name) != type(header).__dataclass_fields__[name].default:
                self._lost(f"{name} of the module")
        if header.is_scheduled:
            made["schedule"] = self._schedule()
        aliases = made["input_output_alias"] = Message(KINDS["HloInputOutputAliasProto"])
        for a in header.input_output_alias:
            entry = Message(KINDS["HloInputOutputAliasProto.AliasEntryProto"])
            entry.put("output_shape_index", list(a.output))
            entry.put("parameter_number", a.parameter)
            entry.put("parameter_shape_index", list(a.parameter_index))
            entry.put("kind", 2 if a.must else 1)
            aliases.setdefault("entries", []).append(entry)
        donors = made["buffer_donor"] = Message(KINDS["HloBufferDonorProto"])
        for d in header.buffer_donor:
            entry = Message(KINDS["HloBufferDonorProto.BufferDonorEntryProto"])
            entry.put("parameter_number", d.parameter)
            entry.put("parameter_shape_index", list(d.index))
            donors.setdefault("entries", []).append(entry)
        made["frontend_attributes"] = frontend_message(header.frontend_attributes)
        if header.origin_recovery_table:
            try:
                made["original_value_recovery_table"] = recovery_message(header.origin_recovery_table, self._nested)
            except Malformed:
                self._lost("this origin_recovery_table of the module")
        if self.module.tables is not None:
            made["stack_frame_index"] = _tables(self.module.tables)

    def _nested(self, module: Module) -> Message:
        return ModuleWriter(module, self.warn).message()

    def _schedule(self) -> Message:
        made = Message(KINDS["HloScheduleProto"])
        for computation in sorted(self._computations, key=self._computations.__getitem__):
            if computation in self._fused:
                continue
            sequence = Message(KINDS["HloScheduleProto.InstructionSequence"])
            sequence.put("instruction_ids", [self._numbers[i] for i in computation.order()])
            entry = Message(KINDS["HloScheduleProto.SequencesEntry"])
            entry["key"], entry["value"] = self._computations[computation], sequence
            made.setdefault("sequences", []).append(entry)
        return made

    def _program(self, at: EntryLayout, names: list[str] | None = None) -> Message:
        made = Message(KINDS["ProgramShapeProto"])
        made.put("parameters", [self.shapes.message(s) for s in at.parameters])
        made["result"] = self.shapes.message(at.result)
        made.put("parameter_names", names or [f"p{i}" for i in range(len(at.parameters))])
        return made

    # ---- computations

    def _computation(self, computation: Computation) -> Message:
        number = self._computations[computation]
        made = Message(KINDS["HloComputationProto"])
        made.put("name", computation.name)
        made["instructions"] = [self._instruction(i) for i in computation.order()]
        made["program_shape"] = self._program(_layout_of(computation), [self._names[p] for p in computation.parameters])
        made.put("id", number)
        made.put("root_id", self._numbers[computation.result])
        made.put("is_fusion_computation", computation in self._fused)
        made.put("execution_thread", computation.execution_thread)
        return made

    def _instruction(self, inst: Instruction) -> Message:
        op = inst.op
        made = Message(KINDS["HloInstructionProto"])
        made.put("name", self._names[inst])
        made["opcode"] = op.name
        made["shape"] = self.shapes.message(inst.shape)
        made["metadata"] = self._meta(inst.metadata)
        made["statistics_viz"], made["frontend_attributes"] = self._empty
        made.put("id", self._numbers[inst])
        made.put("operand_ids", [self._numbers[x] for x in inst.operands])
        for name, _, binding in bindings(op):
            try:
                binding.write(made, getattr(inst.attrs, name), inst, self)
            except (Malformed, ValueError):
                self._lost(f"{name} of {op.name} in this form")
        called = self._called(inst)
        made.put("called_computation_ids", called)
        if inst.sharding is not None:
            sharding = self._sharding(inst.sharding)
            if sharding is not None:
                made["sharding"] = sharding
        if inst.extras is not NO_EXTRAS:
            before = inst.extras.control_predecessors
            made.put("control_predecessor_ids", [self._numbers[x] for x in before])
            write_extras(made, inst.extras, self._lost)
        return made

    def _called(self, inst: Instruction) -> list[int]:
        found: list[int] = []
        for field in callee_order(inst.op):
            value: Any = getattr(inst.attrs, field.name)
            if value is not None:
                found.extend(self._computations[c] for c in (value if field.several else (value,)))
        return found

    def _meta(self, at: Metadata | None) -> Message:
        found = self._metadata.get(at)
        if found is None:
            found = self._metadata[at] = metadata_message(at)
        return found

    def _sharding(self, at: Sharding) -> Message | None:
        if at not in self._shardings:
            try:
                self._shardings[at] = sharding_message(at)
            except Malformed:
                self._lost(f"sharding={{{at.named}}}")
                self._shardings[at] = None
        return self._shardings[at]


class _Uniquer:
    """Names that are unique in a module, found as XLA's parser finds them: the first one keeps its name."""

    def __init__(self) -> None:
        self._used: dict[str, set[int]] = {}
        self._next: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        m = _NUMBERED.fullmatch(name)
        base, number = (m[1], int(m[2])) if m is not None else (name, 0)
        used = self._used.setdefault(base, set())
        if number not in used:
            used.add(number)
            return name
        free = self._next.get(base, 0)
        while free in used:
            free += 1
        used.add(free)
        self._next[base] = free + 1
        return f"{base}.{free}" if free or m is not None else base


def _layout_of(computation: Computation) -> EntryLayout:
    parameters: tuple[Shape, ...] = tuple(p.shape for p in computation.parameters)
    return EntryLayout(parameters, computation.result.shape)


def _tables(tables: StackTables) -> Message:
    made = Message(KINDS["StackFrameIndexProto"])
    made.put("file_names", list(tables.files))
    made.put("function_names", list(tables.functions))
    for row in tables.locations:
        location = Message(KINDS["StackFrameIndexProto.FileLocation"])
        for column, value in zip(_COLUMNS, row, strict=True):
            location.put(column, value)
        made.setdefault("file_locations", []).append(location)
    for at, parent in tables.frames:
        frame = Message(KINDS["StackFrameIndexProto.StackFrame"])
        frame.put("file_location_id", at)
        frame.put("parent_frame_id", parent - 1)  # HLO text counts from 1, and 1 is no parent
        made.setdefault("stack_frames", []).append(frame)
    return made
