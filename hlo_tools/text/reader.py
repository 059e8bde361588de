"""HLO text -> module.

Lines as XLA prints them are recognised by one regular expression each, and what recurs (shapes, attributes, metadata)
is read once and remembered by its text. A line that is anything else, correct or not, goes through the grammar
(`statements.py`), which also knows where each part of it stands; so there are no diagnostics on the fast path.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from hlo_tools.ir.attributes import Metadata
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module, StackTables
from hlo_tools.ir.op import Op, ShapeError
from hlo_tools.ir.shape import Shape, compatible
from hlo_tools.ops import OPS
from hlo_tools.support.diagnostic import Diagnostic, Note, ParseError, Severity
from hlo_tools.support.source import Source
from hlo_tools.text.attributes import Attributes, parse_metadata, read_attributes, split_pairs
from hlo_tools.text.header import read_header
from hlo_tools.text.literals import parse_literal
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.shapes import parse_shape
from hlo_tools.text.statements import Head, Operand, Statement, read_head, read_instruction, read_pairs
from hlo_tools.text.tables import TABLES, read_table

MAX_ERRORS = 20
"""After so many errors the rest of the text is not read."""

_LINE = re.compile(
    r"  (ROOT )?%?([\w.\-]++) = (\((?:[^()\n]++|\((?:[^()\n]++|\([^()\n]*+\))*+\))*+\)|[^\s()]++(?:\([^\n]*?\}(?= ))?)"
    r" ([a-z][a-z\d\-]*+)\(((?:[^()\n]++|\((?:[^()\n]++|\([^()\n]*+\))*+\))*+)\)(?:, ([^\n]++))?\n",
    re.ASCII,
)
_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]++) (?:\(([^\n]*)\) -> ([^\n]*) )?\{\n", re.ASCII)
_TAIL = re.compile(r"\}\n")
_BLANK = re.compile(r"(?:\s++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_WORD = re.compile(r"[A-Za-z]+(?![\w.\-])")
_INSTRUCTION_START = re.compile(r"(?:ROOT\s+)?(?:%[\w.\-]+|[A-Za-z_][\w.\-]*)\s*=")
_RESYNC = re.compile(
    r"\n[^\S\n]*(?:(?:ROOT\s+)?(?:%[\w.\-]+|[A-Za-z_][\w.\-]*)[^\S\n]*=[^\S\n]*[a-z(]"
    r"|\}|ENTRY\b|%?[\w.\-]+ [^=\n]*\{[^\S\n]*\n)"
)
_PARAMETER_NAME = re.compile(r"%?[\w.\-]+\s*:\s*")
_INDEX = re.compile(r"/\*index=\d+\*/")
_METADATA_END = re.compile(r'metadata=\{(?:[^{}"]++|"(?:[^"\\\n]++|\\.)*+"|\{[^{}"]*\})*+\}')


def parse_hlo(text: str, filename: str = "<string>", warn: Callable[[Diagnostic], None] | None = None) -> Module:
    """The module that HLO text denotes.

    Read are whole modules with or without a header, and single instructions, whose operands become parameters.
    `warn` gets what is odd but read: attributes that this version does not know, which are kept as they are.
    Raises ParseError with up to MAX_ERRORS diagnostics, each at its place.
    """
    with _collector_off():
        return _Reader(Source(filename, text), warn or (lambda _: None)).read()


@contextmanager
def _collector_off() -> Iterator[None]:
    """Without the cycle collector: it would visit a growing graph in which there is nothing to collect."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Reader:
    """Reads one source. As a `Scope` it resolves the names of computations."""

    def __init__(self, source: Source, warn: Callable[[Diagnostic], None]) -> None:
        self.source = source
        self.text = source.text
        self.warn = warn
        self.module = Module("module", source=source)
        self.problems: list[Diagnostic] = []
        self.shape: Shape | None = None
        self.pool: dict[str, Computation] = {}  # every computation that is defined or named
        self.first_use: dict[str, int] = {}
        self.here = 0  # the statement being read
        self.shapes: dict[str, Shape] = {}
        self.known: dict[tuple[str, str, str], Attributes] = {}
        self.metadata: dict[str, tuple[Metadata | None, str]] = {}

    # ---- the module

    def read(self) -> Module:
        """The module. Raises ParseError."""
        at = self._skip(0)
        if at == len(self.text):
            raise ParseError.at("HLO1003", "there is no module in this text", self.source.span(0, 0))
        try:
            if self.text.startswith("HloModule", at):
                at = self._header(at)
            self._body(self._skip(at))
            self._finish()
        except Malformed as e:
            self._report(e)
        except _TooMany:
            pass
        if self.problems:
            raise ParseError(self.problems)
        return self.module

    def _skip(self, at: int) -> int:
        """Where the next token starts."""
        m = _BLANK.match(self.text, at)
        assert m is not None
        return m.end()

    def _header(self, at: int) -> int:
        name, pairs, end = read_pairs(self.text, at, "header")
        self.module.name = name.removeprefix("%")
        self.module.header, unknown = read_header(pairs, self)
        for pair in unknown:
            self._warn(f"unknown attribute '{pair.key}' of the module is dropped", pair.at, len(pair.key))
        return end

    def _body(self, at: int) -> None:
        text, size = self.text, len(self.text)
        tables: dict[str, Any] = {}
        headed = at > 0
        while at < size:
            m = _WORD.match(text, at)
            table = TABLES.get(m[0]) if m is not None else None
            if table is not None and m is not None:
                tables[table.field], at = read_table(table, text, m.end())
            elif not self.pool and _INSTRUCTION_START.match(text, at):
                at = self._single_instruction(at)
            else:
                at = self._computation(at)
            at = self._skip(at)
        if tables:
            self.module.tables = StackTables(**tables)
        if not self.module.computations and headed and not self.problems:
            raise Malformed("the module has no computation", size, code="HLO1003")

    def _finish(self) -> None:
        module = self.module
        for name, computation in self.pool.items():
            if module.computations.get(name) is not computation:
                at = self.first_use[name]
                at = max(self.text.find(name, at), at)
                self._report(Malformed(f"there is no computation '{name}'", at, at + len(name), "HLO1031"))
        if module.entry is None and module.computations:
            module.entry = next(reversed(module.computations.values()))
        if module.name == "module" and module.entry is not None and not self.text.lstrip().startswith("HloModule"):
            module.name = f"module_{module.entry.name}"

    # ---- computations

    def computation(self, name: str) -> Computation:
        """The computation of this name, which may be defined further down."""
        name = name.removeprefix("%")
        found = self.pool.get(name)
        if found is None:
            found = self.pool[name] = Computation(name, self.module)
            self.first_use[name] = self.here
        return found

    def _define(self, name: str, at: int) -> Computation:
        if name in self.module.computations:
            self._report(Malformed(f"computation '{name}' is defined twice", at, at + len(name), "HLO1030"))
            name = f"{name}.{len(self.module.computations)}"
        computation = self.computation(name)
        computation.at = at
        self.module.computations[name] = computation
        return computation

    def _computation(self, at: int) -> int:
        m = _HEAD.match(self.text, at)
        if m is not None:
            head = Head(m[1] is not None, m[2], m.start(2), m[3], m[4], at)
            end = m.end()
        else:
            try:
                head, end = read_head(self.text, at)
            except Malformed as e:
                self._report(e)
                return self._after_error(at)
        computation = self._define(head.name or "entry", head.at)
        if head.entry:
            if self.module.entry is not None:
                self._report(Malformed("the module has two entry computations", at, at + 5, "HLO1032"))
            self.module.entry = computation
        body = _Body(self, computation)
        end = body.read(end)
        if head.parameters is not None:
            self._check_signature(head, computation)
        return end

    def _check_signature(self, head: Head, computation: Computation) -> None:
        parameters = computation.parameters
        if computation.root is None or self.problems:
            return
        result = computation.root.shape.bare.text
        if head.result == result and head.parameters == ", ".join(
            [f"{p.name}: {p.shape.bare.text}" for p in parameters]
        ):
            return
        try:
            given = parse_shape(f"({_PARAMETER_NAME.sub('', head.parameters or '')})").elements
            declared = parse_shape(head.result or "")
        except Malformed as e:
            raise e.shifted(head.start) from None
        span = (head.at, head.at + len(head.name or ""))
        if len(given) != len(parameters):
            message = f"the signature of '{computation.name}' has {len(given)} parameters, its body {len(parameters)}"
            self._report(Malformed(message, *span, "HLO1033"))
            return
        for shape, p in zip(given, parameters, strict=True):
            if not compatible(shape, p.shape):
                message = f"parameter {p.name} is {shape} in the signature and {p.shape} in the body"
                self._report(Malformed(message, *span, "HLO1033"))
        if not compatible(declared, computation.root.shape):
            message = f"the signature of '{computation.name}' ends in {declared}, its root is {computation.root.shape}"
            self._report(Malformed(message, *span, "HLO1033"))

    def _single_instruction(self, at: int) -> int:
        """A text that is one instruction; each operand `f32[2] x` stands for a parameter."""
        computation = self._define("entry", at)
        body = _Body(self, computation, implicit_parameters=True)
        end = body.statement(at)
        body.finish(end)
        self.module.entry = computation
        if self._skip(end) < len(self.text) and not self.problems:
            raise Malformed("expected the end: only one instruction may stand outside of a computation",
                            self._skip(end), code="HLO1002")  # fmt: skip
        return end

    # ---- findings

    def _report(self, e: Malformed, *notes: Note) -> None:
        at = min(max(e.at, 0), len(self.text))
        end = at + 1 if e.end is None else max(e.end, at + 1)
        self.problems.append(Diagnostic(e.code, e.message, self.source.span(at, end), notes=notes))
        if len(self.problems) >= MAX_ERRORS:
            raise _TooMany

    def _warn(self, message: str, at: int, length: int) -> None:
        self.warn(Diagnostic("HLO1040", message, self.source.span(at, at + length), Severity.WARNING))

    def _after_error(self, at: int) -> int:
        """Where to go on after a fault at or behind `at`: the next line that looks like the start of something."""
        m = _RESYNC.search(self.text, at)
        return len(self.text) if m is None else self._skip(m.start())


class _TooMany(Exception):
    """MAX_ERRORS is reached."""


class _Body:
    """Reads the instructions of one computation."""

    def __init__(self, reader: _Reader, computation: Computation, implicit_parameters: bool = False) -> None:
        self.reader = reader
        self.computation = computation
        self.names: dict[str, Instruction] = {}
        self.broken: set[str] = set()  # names whose instruction could not be read
        self.root: Instruction | None = None
        self.control: list[tuple[Instruction, tuple[str, ...], int]] = []
        self.implicit_parameters = implicit_parameters

    def read(self, at: int) -> int:
        """Read all instructions from `at` on, and the closing brace; returns where the computation ends."""
        reader, text = self.reader, self.reader.text
        while True:
            at = self._lines(at)
            m = _TAIL.match(text, at)
            if m is not None:
                end = m.end()
                break
            at = reader._skip(at)
            if at == len(text):
                message = f"the text ends inside of computation '{self.computation.name}'"
                reader._report(Malformed(message, at, at + 1, "HLO1003"))
                return at
            if text[at] == "}":
                _, pairs, end = read_pairs(text, at, "tail")
                self._tail(pairs)
                break
            try:
                at = self.statement(at)
            except Malformed as e:
                if not isinstance(e, _Silent):
                    reader._report(e)
                at = self._recover(at)
        self.finish(end)
        return end

    def _tail(self, pairs: list[Any]) -> None:
        for pair in pairs:
            if pair.key == "execution_thread" and pair.value[:1] in "\"'":
                self.computation.execution_thread = pair.value[1:-1]
            else:
                self.reader._warn(f"unknown attribute '{pair.key}' of a computation is dropped", pair.at, len(pair.key))

    def _recover(self, at: int) -> int:
        m = _INSTRUCTION_START.match(self.reader.text, at)
        if m is not None:
            self.broken.add(m[0].removeprefix("ROOT").strip(" =\t\n%"))
        return self.reader._after_error(at)

    def finish(self, at: int) -> None:
        """Settle what refers to later instructions, and the root."""
        computation = self.computation
        for inst, names, where in self.control:
            found = []
            for name in names:
                other = self.names.get(name.removeprefix("%"))
                if other is None:
                    self._undefined(name, where)
                else:
                    found.append(other)
            inst.extras = replace(inst.extras, control_predecessors=tuple(found))
        computation.instructions = dict.fromkeys(self.names.values())
        computation.version += 1
        if self.root is None and self.names:
            self.root = next(reversed(self.names.values()))
        computation.root = self.root
        if not self.names and not self.broken:
            message = f"computation '{computation.name}' is empty"
            self.reader._report(Malformed(message, computation.at, computation.at + len(computation.name), "HLO1034"))

    def _undefined(self, name: str, at: int) -> None:
        name = name.removeprefix("%")
        if name in self.broken:
            return
        close = get_close_matches(name, self.names, 1) if len(self.names) < 10_000 else []
        notes = [Note(f"did you mean '{close[0]}'?")] if close else []
        self.reader._report(Malformed(f"there is no instruction '{name}' above", at, at + len(name), "HLO1035"), *notes)

    # ---- the fast path

    def _lines(self, at: int) -> int:
        """Read instructions as long as they are in XLA's own form; returns where the first other line starts."""
        reader, computation, names = self.reader, self.computation, self.names
        text, shapes, known, metadata = reader.text, reader.shapes, reader.known, reader.metadata
        match, strip_indices = _LINE.match, _INDEX.sub
        while True:
            m = match(text, at)
            if m is None:
                return at
            root, name, shape_text, opcode, args, rest = m.groups()
            try:
                shape = shapes.get(shape_text)
                if shape is None:
                    shape = shapes[shape_text] = parse_shape(shape_text)
                where = None
                if rest is None:
                    rest = ""
                else:
                    cut = rest.find("metadata={")
                    if cut >= 0:
                        where = metadata.get(rest[cut:])
                        if where is None:
                            where = metadata[rest[cut:]] = _metadata(rest[cut:])
                        rest = rest[:cut] + where[1]
                operands: tuple[Instruction, ...] = ()
                found = known.get((opcode, rest, ""))
                if found is None:
                    op = OPS[opcode]
                    if op.inline is not None:
                        found = self._inline(op, opcode, args, rest, shape)
                        args = ""
                    else:
                        reader.here = at
                        found = read_attributes(op, split_pairs(rest.removesuffix(", ")), reader, None)
                        if found.unknown or found.metadata is not None:
                            return at
                        known[opcode, rest, ""] = found
                else:
                    op = OPS[opcode]
                if args:
                    if "/" in args:
                        args = strip_indices("", args)
                    if "%" in args:
                        args = args.replace("%", "")
                    operands = tuple([names[x] for x in args.split(", ")])
                if name in names:
                    return at
            except (KeyError, Malformed, ValueError, RecursionError):
                return at
            inst = Instruction(op, shape, operands, found.record, name, computation, m.start(2))
            names[name] = inst
            if where is not None:
                inst.metadata = where[0]
            if found.sharding is not None:
                inst.sharding = found.sharding
            inst.extras = found.extras
            if found.control:
                self.control.append((inst, found.control, m.start(6)))
            if root is not None:
                if self.root is not None:
                    del names[name]
                    return at
                self.root = inst
            at = m.end()

    def _inline(self, op: Op[Any], opcode: str, args: str, rest: str, shape: Shape) -> Attributes:
        """The attributes of a parameter or constant on the fast path, remembered by all of their text."""
        reader = self.reader
        key = (opcode, rest, args if op.inline == "number" else f"{shape.text} {args}")
        found = reader.known.get(key)
        if found is None:
            value: Any = int(args) if op.inline == "number" else parse_literal(args, shape)
            reader.here = 0
            found = read_attributes(op, split_pairs(rest.removesuffix(", ")), reader, (op.inline or "", value))
            if found.unknown or found.metadata is not None:
                raise Malformed("not in the plain form")
            if len(args) < 100:
                reader.known[key] = found
        return found

    # ---- the careful path

    def statement(self, at: int) -> int:
        """Read the instruction that starts at `at` through the grammar; returns where it ends. Raises Malformed."""
        reader = self.reader
        reader.here = at
        st = read_instruction(reader.text, at)
        op = self._op(st)
        shape = None if st.shape is None else _located(parse_shape, st.shape, st.shape_at)
        operands = tuple(self._operand(x) for x in st.operands)
        inline = self._inline_value(st, op, shape)
        reader.shape = shape
        try:
            found = read_attributes(op, iter(st.pairs), reader, inline)
        except Malformed as e:
            if e.at >= 0:
                raise
            raise Malformed(e.message, st.opcode_at, st.opcode_at + len(st.opcode), e.code) from None
        for pair in found.unknown:
            message = f"unknown attribute '{pair.key}' of {op.name} is kept as it is"
            reader._warn(message, pair.at, len(pair.key))
        if shape is None:
            shape = self._infer(st, op, found.record, operands)
        if st.name in self.names:
            raise Malformed(f"'{st.name}' is defined twice", st.at, st.at + len(st.name), "HLO1036")
        if st.root and self.root is not None:
            raise Malformed("the computation has two roots", st.at, st.at + len(st.name), "HLO1037")
        inst = Instruction(op, shape, operands, found.record, st.name, self.computation, st.at)
        inst.metadata, inst.sharding, inst.extras = found.metadata, found.sharding, found.extras
        self.names[st.name] = inst
        if found.control:
            self.control.append((inst, found.control, reader.text.find(found.control[0], at)))
        if st.root:
            self.root = inst
        return st.end

    def _op(self, st: Statement) -> Op[Any]:
        op = OPS.get(st.opcode)
        if op is None:
            close = get_close_matches(st.opcode, OPS, 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            end = st.opcode_at + len(st.opcode)
            raise Malformed(f"unknown opcode '{st.opcode}'{hint}", st.opcode_at, end, "HLO1007")
        return op

    def _operand(self, x: Operand) -> Instruction:
        shape = None if x.shape is None else _located(parse_shape, x.shape, x.shape_at)
        if x.opcode is not None:
            inst = self._nested(x, shape)
        else:
            found = self.names.get(x.name)
            if found is None and self.implicit_parameters and shape is not None:
                found = self._implicit(x.name, shape, x.at)
            if found is None:
                if x.name in self.broken:
                    raise _Silent(x.name)
                self._undefined(x.name, x.at)
                raise _Silent(x.name)
            inst = found
        for index in x.path:
            inst = self._element(inst, index, x)
        if shape is not None and x.opcode is None and not compatible(shape, inst.shape):
            message = f"operand {x.name} is {inst.shape}, not {shape}"
            raise Malformed(message, x.shape_at, x.shape_at + len(x.shape or ""), "HLO1038")
        return inst

    def _implicit(self, name: str, shape: Shape, at: int) -> Instruction:
        parameter = OPS["parameter"]
        return self._append(parameter, shape, (), parameter.Attrs(number=len(self.names)), name, at)

    def _element(self, inst: Instruction, index: int, x: Operand) -> Instruction:
        if not inst.shape.is_tuple or index >= len(inst.shape.elements):
            raise Malformed(f"{inst.name} has no element {index}", x.at, x.at + len(x.name), "HLO1038")
        op = OPS["get-tuple-element"]
        name = self._free_name(op.name)
        return self._append(op, inst.shape.elements[index], (inst,), op.Attrs(index=index), name, x.at)

    def _nested(self, x: Operand, shape: Shape | None) -> Instruction:
        st = Statement(False, "", x.at, None, 0, x.opcode or "", x.at, None, 0, x.operands, [], x.at)
        op = self._op(st)
        operands = tuple(self._operand(y) for y in x.operands)
        try:
            record = read_attributes(op, iter(()), self.reader, None).record
        except Malformed as e:
            raise Malformed(e.message, x.at, x.at + len(st.opcode), e.code) from None
        if shape is None:
            shape = self._infer(st, op, record, operands)
        return self._append(op, shape, operands, record, self._free_name(op.name), x.at)

    def _append(
        self, op: Op[Any], shape: Shape, operands: tuple[Instruction, ...], record: Any, name: str, at: int
    ) -> Instruction:
        inst = self.names[name] = Instruction(op, shape, operands, record, name, self.computation, at)
        return inst

    def _free_name(self, base: str) -> str:
        """A name that neither an earlier nor, in all likelihood, a later instruction has."""
        number = len(self.names)
        while (name := f"{base}.implicit.{number}") in self.names:
            number += 1
        return name

    def _inline_value(self, st: Statement, op: Op[Any], shape: Shape | None) -> tuple[str, Any] | None:
        if op.inline is None:
            if st.inline is not None:
                end = st.inline_at + len(st.inline)
                raise Malformed(f"{op.name} takes instructions as operands", st.inline_at, end, "HLO1023")
            return None
        if st.inline is None:
            raise Malformed(f"{op.name} needs a value between the parentheses", st.opcode_at,
                            st.opcode_at + len(st.opcode), "HLO1023")  # fmt: skip
        if op.inline == "number":
            return "number", int(st.inline)
        if shape is None:
            raise Malformed("a constant needs a shape", st.opcode_at, st.opcode_at + len(st.opcode), "HLO1014")
        given = shape
        return op.inline, _located(lambda text: parse_literal(text, given), st.inline, st.inline_at)

    def _infer(self, st: Statement, op: Op[Any], record: Any, operands: tuple[Instruction, ...]) -> Shape:
        span = (st.opcode_at, st.opcode_at + len(st.opcode))
        if op.declared:
            raise Malformed(f"the shape of {op.name} must be given", *span, "HLO1039")
        if op.arity is not None and len(operands) != op.arity:
            raise Malformed(f"{op.name} takes {op.arity} operands, got {len(operands)}", *span, "HLO1024")
        try:
            return op.shape(record, *[x.shape for x in operands])
        except ShapeError as e:
            raise Malformed(f"{op.name}: {e.message}", *span, "HLO1039") from None


class _Silent(Malformed):
    """The statement cannot be read because of something that has been reported already."""


def _located(read: Callable[[str], Any], text: str, at: int) -> Any:
    try:
        return read(text)
    except Malformed as e:
        end = len(text) if e.end is None else e.end
        raise Malformed(e.message, at + e.at, at + end, e.code) from None


def _metadata(text: str) -> tuple[Metadata | None, str]:
    """The metadata at the start of `text`, and the attributes behind it."""
    m = _METADATA_END.match(text)
    if m is None:
        raise Malformed("not in the plain form")
    rest = text[m.end() :]
    if rest and not rest.startswith(", "):
        raise Malformed("not in the plain form")
    return parse_metadata(m[0][len("metadata=") :]), rest[2:]
