"""`HloModuleProto` -> module."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hlo_tools.ir.attributes import Metadata
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import PRED
from hlo_tools.ir.instruction import NO_EXTRAS, Extras, Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Alias, Donor, EntryLayout, Header, Module, StackTables
from hlo_tools.ir.op import Callees, Op
from hlo_tools.ir.sharding import Sharding
from hlo_tools.ops import OPS
from hlo_tools.serial.proto.bindings import ABSENT, CalleeField, bindings, callee_order
from hlo_tools.serial.proto.extras import read_extras, read_frontend
from hlo_tools.serial.proto.metadata import NOT_KEPT, read_metadata
from hlo_tools.serial.proto.recovery import recovery_text
from hlo_tools.serial.proto.schema import Message
from hlo_tools.serial.proto.shapes import ShapeReader
from hlo_tools.serial.proto.shardings import read_sharding
from hlo_tools.serial.proto.wire import Damaged, fail
from hlo_tools.support.names import Names, sanitize
from hlo_tools.text.attributes import empty_record

_NAME = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)
_UNKEPT = (
    "cross_program_prefetches", "is_dynamic", "spmd_output_sharding", "spmd_parameters_shardings",
    "use_auto_spmd_partitioning", "profile_info", "device_assignment", "device_type",
)  # fmt: skip
"""Fields of a module that HLO text does not show and a module does not hold."""
Warn = Callable[[str, int], None]
"""Gets a sentence and the offset that it is about."""


class ModuleReader:
    """Reads one module. Equal shapes, shardings and metadata become one object."""

    def __init__(self, message: Message, warn: Warn) -> None:
        self.message = message
        self.warn = warn
        self.shapes = ShapeReader()
        self.module = Module("_")
        self.operands: tuple[Instruction, ...] = ()
        self._computations: dict[int, Computation] = {}
        self._payloads: list[bytes] = message.get("payloads", [])
        self._metadata: dict[int, Metadata | None] = {}
        self._shardings: dict[int, Sharding] = {}
        self._names = Names()
        sequences = message["schedule"].get("sequences", ()) if "schedule" in message else ()
        self._schedule: dict[int, list[int]] = {
            s.get("key", 0): s["value"].get("instruction_ids", []) if "value" in s else [] for s in sequences
        }
        self._told: set[str] = set()

    def read(self) -> Module:
        """The module. Raises Damaged, which says where."""
        message, module = self.message, self.module
        module.name = message.get("name", "") or "_"
        if not _NAME.fullmatch(module.name):
            module.name = sanitize(module.name)
        for name in _UNKEPT:
            if message.get(name):
                self._once(f"{name} of the module is not kept", message.at)
        computations = message.get("computations", [])
        if not computations:
            fail("it has no computation", message)
        for m in sorted(computations, key=lambda m: m.get("id", 0)):  # by number: the order they were made in
            number = m.get("id", 0)
            if number in self._computations:
                fail(f"a second computation has the number {number}", m)
            name = self._name(m.get("name", ""), module.computations, m)
            made = self._computations[number] = module.computations[name] = Computation(name, module)
            made.execution_thread = m.get("execution_thread", "")
        for m in computations:
            self._computation(m, self._computations[m.get("id", 0)])
        entry = self._computations.get(message.get("entry_computation_id", 0))
        if entry is None:
            fail(f"there is no computation {message.get('entry_computation_id', 0)} to start with", message)
        module.entry = entry
        self._header()
        return module

    def _once(self, sentence: str, at: int) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.warn(sentence, at)

    def _name(self, name: str, taken: dict[str, Any], m: Message) -> str:
        """`name`, or one like it that is an HLO identifier and not taken."""
        fit = name if _NAME.fullmatch(name) else sanitize(name)
        fit = self._names.unique(fit, taken)
        if fit != name:
            self._once("names that no HLO text can hold, or that are taken, are changed", m.at)
        return fit

    # ---- computations

    def _computation(self, m: Message, computation: Computation) -> None:
        found: dict[int, Instruction] = {}
        names: dict[str, Any] = {}
        waiting: list[tuple[Instruction, Message]] = []
        for one in m.get("instructions", ()):
            number = one.get("id", 0)
            if number in found:
                fail(f"a second instruction has the number {number}", one)
            inst = found[number] = self._instruction(one, computation, found)
            inst.name = self._name(inst.name, names, one)
            names[inst.name] = inst
            if "control_predecessor_ids" in one:
                waiting.append((inst, one))
        for inst, one in waiting:
            before = self._instructions(one, "control_predecessor_ids", found)
            inst.extras = replace(inst.extras, control_predecessors=before)
        root = found.get(m.get("root_id", 0))
        if root is None:
            fail(f"there is no instruction {m.get('root_id', 0)} for the root", m)
        computation.instructions = dict.fromkeys(self._order(m, found))
        computation.root = root
        computation.touch()

    def _order(self, m: Message, found: dict[int, Instruction]) -> list[Instruction]:
        """The schedule of a computation, else the order in which the instructions were made."""
        numbers = self._schedule.get(m.get("id", 0))
        if numbers is None:
            numbers = sorted(found)
        elif len(numbers) != len(found) or set(numbers) != found.keys():
            fail("the schedule does not have the instructions of this computation", m)
        return [found[n] for n in numbers]

    def _instructions(self, m: Message, field: str, found: dict[int, Instruction]) -> tuple[Instruction, ...]:
        try:
            return tuple([found[n] for n in m.get(field, ())])
        except KeyError as e:
            raise Damaged(f"'{m.get('name', '')}' refers to instruction {e}, which is not before it", m.at) from None

    def _instruction(self, m: Message, computation: Computation, found: dict[int, Instruction]) -> Instruction:
        op = OPS.get(m.get("opcode", ""))
        if op is None:
            fail(f"'{m.get('opcode', '')}' is no opcode", m)
        if "shape" not in m:
            fail(f"'{m.get('name', '')}' has no shape", m)
        shape = self.shapes.shape(m["shape"])
        self.operands = operands = self._instructions(m, "operand_ids", found) if "operand_ids" in m else ()
        if operands and op.inline is not None:
            fail(f"'{m.get('name', '')}', a {op.name}, has operands", m)
        record = self._record(op, m)
        if op.inline == "value" and record is ABSENT:
            record = op.Attrs(value=Literal(shape, None))
        inst = Instruction(op, shape, operands, record, m.get("name", ""), computation)
        if m.get("metadata"):
            inst.metadata = self._meta(m["metadata"])
        if "sharding" in m:
            inst.sharding = self._sharding(m["sharding"])
        extras = read_extras(m, self._payloads)
        inst.extras = Extras(**extras) if extras else NO_EXTRAS
        return inst

    def _record(self, op: Op[Any], m: Message) -> Any:
        """The attribute record of an instruction; ABSENT for a constant without value."""
        values: dict[str, Any] = {}
        for name, default, binding in bindings(op):
            value = binding.read(m, self)
            if value is not ABSENT:
                values[name] = value
            elif default is ABSENT:
                if op.inline == name:
                    return ABSENT
                fail(f"'{m.get('name', '')}', a {op.name}, lacks {name}", m)
        order = callee_order(op)
        if order:
            self._callees(op, m, order, values)
        return op.Attrs(**values) if values else empty_record(op.Attrs)

    def _callees(self, op: Op[Any], m: Message, order: tuple[CalleeField, ...], values: dict[str, Any]) -> None:
        try:
            called = [self._computations[n] for n in m.get("called_computation_ids", ())]
        except KeyError as e:
            raise Damaged(f"'{m.get('name', '')}' calls computation {e}, which is not there", m.at) from None
        single = [f for f in order if not f.several]
        if len(single) < len(order) and not self._chooses(op, called):
            values[order[-1].name] = Callees(tuple(called))
            return
        if len(called) > len(single):
            fail(f"'{m.get('name', '')}', a {op.name}, calls {len(called)} computations", m)
        values.update(zip([f.name for f in single], called, strict=False))
        missing = next((f.name for f in single[len(called) :] if f.required), None)
        if missing is not None:
            fail(f"'{m.get('name', '')}', a {op.name}, lacks {missing}", m)

    def _chooses(self, op: Op[Any], called: list[Computation]) -> bool:
        """Whether the computations are those of a conditional for true and for false."""
        pred = bool(self.operands) and self.operands[0].shape.element is PRED
        return op.name == "conditional" and len(called) == 2 and pred

    def _meta(self, m: Message) -> Metadata | None:
        key = id(m)
        if key not in self._metadata:
            self._metadata[key] = read_metadata(m, self._payloads)
            for name in NOT_KEPT:
                if m.get(name):
                    self._once(f"{name} of OpMetadata is not kept", m.at)
        return self._metadata[key]

    def _sharding(self, m: Message) -> Sharding:
        found = self._shardings.get(id(m))
        if found is None:
            found = self._shardings[id(m)] = read_sharding(m)
        return found

    # ---- the header

    def _header(self) -> None:
        m, module = self.message, self.module
        aliases = m["input_output_alias"].get("entries", ()) if "input_output_alias" in m else ()
        donors = m["buffer_donor"].get("entries", ()) if "buffer_donor" in m else ()
        module.header = Header(
            is_scheduled=bool(m.get("schedule")),
            input_output_alias=tuple(
                Alias(
                    tuple(a.get("output_shape_index", ())),
                    a.get("parameter_number", 0),
                    tuple(a.get("parameter_shape_index", ())),
                    a.get("kind", 0) == 2,
                )
                for a in aliases
            ),
            buffer_donor=tuple(
                Donor(d.get("parameter_number", 0), tuple(d.get("parameter_shape_index", ()))) for d in donors
            ),
            entry_layout=self._entry_layout(),
            frontend_attributes=read_frontend(m.get("frontend_attributes")),
            origin_recovery_table=recovery_text(m.get("original_value_recovery_table"), self._nested),
        )
        if m.get("stack_frame_index"):
            module.tables = self._tables(m["stack_frame_index"])

    def _nested(self, m: Message) -> Module:
        return ModuleReader(m, self.warn).read()

    def _entry_layout(self) -> EntryLayout | None:
        m = self.message.get("host_program_shape")
        if m is None or "result" not in m:
            return None
        shape = self.shapes.shape
        return EntryLayout(tuple(shape(p) for p in m.get("parameters", ())), shape(m["result"]))

    def _tables(self, m: Message) -> StackTables:
        """The tables; a frame names its parent by a number that is one larger in text, where 1 stands for none."""
        columns = ("file_name_id", "function_name_id", "line", "end_line", "column", "end_column")
        return StackTables(
            tuple(m.get("file_names", ())),
            tuple(m.get("function_names", ())),
            tuple((x[0], x[1], x[2], x[3], x[4], x[5]) for x in
                  ([row.get(c, 0) for c in columns] for row in m.get("file_locations", ()))),
            tuple((f.get("file_location_id", 0), f.get("parent_frame_id", 0) + 1) for f in m.get("stack_frames", ())),
        )  # fmt: skip
