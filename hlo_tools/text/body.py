"""The careful path of the reader: instructions in any form of HLO text, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from hlo_tools.ir.attributes import Raw
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.op import Callee, Callees, NotYet, Op, ShapeError, callees
from hlo_tools.ir.shape import Shape, compatible, scalar
from hlo_tools.ops import OPS
from hlo_tools.ops.unknown import unknown_op
from hlo_tools.support.diagnostic import Note
from hlo_tools.text.attributes import COMMON, Pair, read_attributes
from hlo_tools.text.codecs import CODECS, attribute_syntax
from hlo_tools.text.context import Context
from hlo_tools.text.inference import inferred_shape, made_shape
from hlo_tools.text.lines import LineReader
from hlo_tools.text.literals import SCALAR, leading, parse_literal
from hlo_tools.text.malformed import Malformed, located
from hlo_tools.text.shapes import parse_shape, without_dynamic
from hlo_tools.text.statements import Operand, Statement, read_instruction, read_pairs
from hlo_tools.text.strings import unquote

MAX_INLINE_DEPTH = 64
"""How deep computations may stand in the place of their names inside of each other."""

INSTRUCTION_START = re.compile(r"(?:ROOT\s+)?(?:%[\w.\-]+|[A-Za-z_][\w.\-]*)\s*=")
NAMELESS_START = re.compile(r"[a-z][a-z0-9]*\s*\[|\((?=\s*(?:[a-z][a-z0-9]*\s*\[|[()]))")
"""The shape with which an instruction without a name starts; of a signature, a name follows the parenthesis."""
_OWN_ASYNC = frozenset({"all-gather", "all-reduce", "collective-permute", "copy", "recv", "send"})
"""Ops whose asynchronous forms are opcodes of their own."""
_ASYNC = re.compile(r"([a-z\-]+)-(start|update|done)")
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)
_TAIL = re.compile(r"\}\n(?=\s*+(?:[^\s,/]|\Z))")  # and no attribute follows
_NAME = re.compile(r"%?[\w.\-]+")
_SEVERAL = re.compile(r"\{\s*(?:\{|(?:%?[\w.\-]+(?:,\s*)?)*\}$)")
"""Names or bodies of computations in braces."""
_BODY = re.compile(r"\{\s*(?:\{\s*)?(?:ROOT\s+)?[%A-Za-z_][\w.\-]*\s*=")


class Body(LineReader):
    """Reads the instructions of one computation.

    implicit_parameters  an operand that is not defined becomes a parameter (its shape is given)
    inline               the computation stands in the place of its name
    """

    def __init__(
        self, context: Context, computation: Computation, implicit_parameters: bool = False, inline: bool = False
    ) -> None:
        super().__init__(context, computation)
        self.broken: set[str] = set()  # names whose instruction could not be read
        self.sound = True  # whether every statement could be read
        self.end = 0  # of the last statement with computations inside
        self.implicit: set[str] = set()  # names that the text does not give
        self.implicit_parameters = implicit_parameters
        self.inline = inline

    def read(self, at: int) -> int:
        """Read all instructions from `at` on, and the closing brace; returns where the computation ends."""
        context, text = self.context, self.context.text
        while True:
            at = self.lines(at)
            m = _TAIL.match(text, at)
            if m is not None:
                end = m.end()
                break
            at = context.skip(at)
            if at == len(text):
                if not context.cut_off:
                    message = f"the text ends inside of computation '{self.computation.name}'"
                    context.report(Malformed(message, at, at + 1, "HLO1003"))
                end = at
                break
            if text[at] == "}":
                end = self._tail(at)
                break
            try:
                at = self.statement(at)
            except Malformed as e:
                self.sound = False
                if not context.is_computation(at):
                    if not isinstance(e, _Silent):
                        context.report(e)
                    at = self._recover(at)
                if context.is_computation(at):
                    message = f"computation '{self.computation.name}' is not closed before the next one starts"
                    context.report(Malformed(message, at, at + 1, "HLO1004"))
                    end = at
                    break
        self.finish()
        return end

    def _tail(self, at: int) -> int:
        if self.inline:
            return at + 1
        try:
            return self._attributes_of_computation(at)
        except Malformed as e:
            self.context.report(e)
            return self.context.next_computation(at)

    def _attributes_of_computation(self, at: int) -> int:
        _, pairs, end = read_pairs(self.context.text, at, "tail")
        for pair in pairs:
            if pair.key == "execution_thread":
                if pair.value[0] not in "\"'":
                    end_of_value = pair.value_at + len(pair.value)
                    raise Malformed("execution_thread is no string", pair.value_at, end_of_value, "HLO1002")
                self.computation.execution_thread = located(unquote, pair.value, pair.value_at)
            else:
                self.computation.unknown += ((pair.key, pair.value),)
                message = f"unknown attribute '{pair.key}' of a computation is kept as it is"
                self.context.warning(message, pair.at, len(pair.key))
        return end

    def _recover(self, at: int) -> int:
        m = INSTRUCTION_START.match(self.context.text, at)
        if m is not None:
            self.broken.add(re.sub(r"^ROOT\s+", "", m[0]).strip(" =\t\n%"))
        if self.end > at:  # computations that stand inside have been read
            return self.end
        return self.context.next_statement(at, self.inline)

    def finish(self) -> None:
        """Settle what refers to later instructions, and the root."""
        computation = self.computation
        for inst, names, at in self.control:
            inst.extras = replace(inst.extras, control_predecessors=self._control(names, at))
        if self.root is None and self.names:
            self.root = next(reversed(self.names.values()))
            if not self.sound:
                self.context.broken.add(computation.name)
        computation.fill(self.names.values(), self.root, ordered=not self.control)
        if self.context.problems:
            self._check_numbers()
        if not self.names and self.sound and not self.context.cut_off:
            message = f"computation '{computation.name}' is empty"
            self.context.report(Malformed(message, computation.at, computation.at + len(computation.name), "HLO1034"))

    def _check_numbers(self) -> None:
        """Report parameters of one number; the verifier, who usually does, will not see this module."""
        seen: dict[int, Instruction] = {}
        for inst in self.names.values():
            if inst.op.inline == "number":
                first = seen.setdefault(inst.attrs.number, inst)
                if first is not inst:
                    note = Note("the first one is here", self.context.source.span(first.at, first.at + len(first.name)))
                    message = f"duplicate parameter number {inst.attrs.number} in '{self.computation.name}'"
                    self.context.report(Malformed(message, inst.at, inst.at + len(inst.name), "HLO2005"), note)

    def _control(self, names: tuple[str, ...], at: int) -> tuple[Instruction, ...]:
        found = []
        for name in names:
            name = name.removeprefix("%")
            other = self.names.get(name)
            if other is None:
                self._undefined(name, max(at, self.context.text.find(name, at)))
            else:
                found.append(other)
        return tuple(found)

    def _undefined(self, name: str, at: int) -> None:
        if name in self.broken:
            return
        self.broken.add(name)  # to be said once
        close = get_close_matches(name, self.names, 1) if len(self.names) < 10_000 and len(name) < 200 else []
        notes = [Note(f"did you mean '{close[0]}'?")] if close else []
        self.context.report(Malformed(f"there is no instruction '{name}' above", at, at + len(name), "HLO1035"), *notes)

    # ---- one instruction

    def statement(self, at: int, name: str = "") -> int:
        """Read the instruction that starts at `at` through the grammar; returns where it ends. Raises Malformed.

        `name` is for an instruction that has none of its own.
        """
        context = self.context
        context.here = at
        st = read_instruction(context.text, at, name)
        sugar = _is_short_async(st.opcode)
        op = None if sugar else self._op(st, st.pairs)
        shape = None if st.shape is None else located(parse_shape, st.shape, st.shape_at)
        operands = tuple(self._operand(x) for x in self._named(st.operands))
        if sugar:
            st = self._asynchronous(st, shape, operands)
        op = op or OPS[st.opcode]
        inline = self._inline_value(st, op, shape)
        found = read_attributes(op, self._without_bodies(op, st.pairs, st.end), context, inline, st.opcode_at)
        for pair in found.unknown:
            message = f"unknown attribute '{pair.key}' of {op.name} is kept as it is"
            context.warning(message, pair.at, len(pair.key))
        shape = self._result_shape(st, op, found.record, operands, shape)
        if st.name in self.names:
            self._clash(st)
        if st.root and self.root is not None:
            raise Malformed("the computation has two roots", st.at, st.at + len(st.name), "HLO1037")
        inst = self._append(op, shape, operands, found.record, st.name, st.at)
        inst.metadata, inst.sharding, inst.extras = found.metadata, found.sharding, found.extras
        if found.control:
            self.control.append((inst, found.control, at))
        if st.root:
            self.root = inst
        return st.end

    def _asynchronous(self, st: Statement, shape: Shape | None, operands: tuple[Instruction, ...]) -> Statement:
        """`add-start(x, y)` is short for an `async-start` that calls a computation with an `add` in it."""
        opcode, _, step = st.opcode.rpartition("-")
        pairs = [p for p in st.pairs if p.key != "calls" or step == "start"]
        if step != "start":
            self._check_started(st, opcode, operands)
        else:
            op = OPS[opcode]
            outer = attribute_syntax(OPS["async-start"].Attrs).keys() - {"calls"}
            own = [p for p in pairs if p.key in attribute_syntax(op.Attrs) and p.key not in outer]
            called = self._wrapped(st, op, own, shape, operands)
            pairs = [p for p in pairs if p not in own]
            pairs.append(Pair("calls", called.name, st.opcode_at, st.opcode_at))
            threads = [p for p in pairs if p.key == "async_execution_thread" and p.value[0] in "\"'"]
            thread = located(unquote, threads[0].value, threads[0].value_at) if threads else ""
            called.execution_thread = thread
            if any(p.key == "to_apply" and p.value.startswith("{") for p in own):
                called.result.attrs.to_apply.execution_thread = thread
        return replace(st, opcode=f"async-{step}", pairs=pairs)

    def _check_started(self, st: Statement, opcode: str, operands: tuple[Instruction, ...]) -> None:
        """An update or a done has to name the op that was started."""
        span = (st.opcode_at, st.opcode_at + len(st.opcode))
        if not operands:
            raise Malformed(f"{st.opcode} has no operand that was started", *span, "HLO1025")
        start = operands[0]
        while start.op.name == "async-update" and start.operands:
            start = start.operands[0]
        root = start.attrs.calls.root if start.op.name == "async-start" and start.attrs.calls else None
        if root is not None and root.op.name != opcode:
            raise Malformed(f"what was started is {root.op.name}, not {opcode}", *span, "HLO1025")

    def _wrapped(
        self, st: Statement, op: Op[Any], pairs: list[Pair], shape: Shape | None, operands: tuple[Instruction, ...]
    ) -> Computation:
        """A computation of one instruction that is to run asynchronously."""
        span = (st.opcode_at, st.opcode_at + len(st.opcode))
        if shape is None or not shape.is_tuple or len(shape.elements) < 2:
            raise Malformed(f"the shape of {st.opcode} must be a tuple of operands, result and state", *span, "HLO1039")
        context = self.context
        computation = context.define(context.free_name("async_wrapped"), st.at)
        inner = Body(context, computation)
        parameter = OPS["parameter"]
        found = read_attributes(op, self._without_bodies(op, pairs, st.end), context, None, st.opcode_at)
        shapes, result = tuple(x.shape for x in operands), shape.elements[1]
        if op.name == "call" and (body := found.record.to_apply).root is not None:
            # operands and results that are bound later are in the signature of the body only
            shapes, result = tuple(p.shape for p in body.parameters), body.root.shape
        parameters = tuple(
            inner._append(parameter, x, (), parameter.Attrs(number=i), f"async_param.{i}", st.at)
            for i, x in enumerate(shapes)
        )
        inner._append(op, result, parameters, found.record, op.name, st.at)
        inner.finish()
        return computation

    def _clash(self, st: Statement) -> None:
        """Two instructions want one name. One that this reader has named gives way; otherwise it is an error."""
        first = self.names[st.name]
        if st.name not in self.implicit:
            note = Note("the first one is here", self.context.source.span(first.at, first.at + len(st.name)))
            self.context.report(
                Malformed(f"'{st.name}' is defined twice", st.at, st.at + len(st.name), "HLO1036"), note
            )
            raise _Silent(st.name)
        first.name = self._free_name(st.name)
        self.names = {inst.name: inst for inst in self.names.values()}

    def _without_bodies(self, op: Op[Any], pairs: list[Pair], end_of_statement: int) -> Iterator[Pair]:
        """The attributes with names for the computations that stand there with their bodies."""
        syntax = attribute_syntax(op.Attrs)
        for pair in pairs:
            row = syntax.get(pair.key)
            if row is None or row.codec not in (CODECS[Callee], CODECS[Callees]) or not _BODY.match(pair.value):
                yield pair
                continue
            self.end = end_of_statement
            names, at, end = [], pair.value_at, pair.value_at + len(pair.value)
            several = self.context.text[self.context.skip(at + 1)] == "{"
            at = self.context.skip(at + 1) if several else at
            while at < end and self.context.text[at] == "{":
                name, at = self._called(at)
                names.append(name)
                at = self.context.skip(at)
                at = self.context.skip(at + 1) if self.context.text[at : at + 1] == "," else at
            yield Pair(pair.key, "{" + ", ".join(names) + "}" if several else names[0], pair.at, pair.value_at)

    def _called(self, at: int) -> tuple[str, int]:
        """Read the computation whose brace opens at `at`: the name that it gets, and where it ends."""
        context = self.context
        if context.depth >= MAX_INLINE_DEPTH:
            raise Malformed(f"computations nested deeper than {MAX_INLINE_DEPTH}", at, code="HLO1006")
        computation = Computation("_", context.module, at)
        context.depth += 1
        end = Body(context, computation, inline=True).read(at + 1)
        context.depth -= 1
        context.add(computation)  # behind those inside of it, as XLA counts
        return computation.name, end

    def _op(self, st: Statement, pairs: list[Pair]) -> Op[Any]:
        """The op of this opcode; one that is not known is kept as it is. Raises Malformed for a half of another op."""
        op = OPS.get(st.opcode)
        if op is not None:
            return op
        half = _ASYNC.fullmatch(st.opcode)
        if half is not None and half[1] in _OWN_ASYNC:
            message = f"unknown opcode '{st.opcode}': {half[1]} has asynchronous forms of its own"
            raise Malformed(message, st.opcode_at, st.opcode_at + len(st.opcode), "HLO1007")
        close = get_close_matches(st.opcode, OPS, 1) if len(st.opcode) < 200 else []
        message = f"unknown opcode '{st.opcode}'" + (f"; did you mean '{close[0]}'?" if close else "")
        if st.shape is None:
            raise Malformed(message, st.opcode_at, st.opcode_at + len(st.opcode), "HLO1007")
        self.context.warning(message, st.opcode_at, len(st.opcode), "HLO1007")
        return unknown_op(st.opcode, tuple((p.key, _kind(p)) for p in pairs if p.key not in COMMON))

    def _named(self, operands: list[Operand]) -> Iterator[Operand]:
        """The operands that have names, each with the shape that stands before it, be there a comma between or not.

        Where operands become parameters, those of which only the shape is given get names as in XLA.
        """
        for i, x in enumerate(operands):
            if x.name or x.opcode is not None:
                yield x
            elif self.implicit_parameters:
                yield replace(x, name=f"_{i}")
            elif i + 1 < len(operands) and operands[i + 1].name and operands[i + 1].shape is None:
                operands[i + 1].shape, operands[i + 1].shape_at = x.shape, x.shape_at
            else:
                raise Malformed("an operand without a name", x.shape_at, x.shape_at + len(x.shape or ""), "HLO1002")

    def _operand(self, x: Operand) -> Instruction:
        shape = None if x.shape is None else located(parse_shape, x.shape, x.shape_at)
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
        if shape is not None and x.opcode is None and without_dynamic(shape) is not without_dynamic(inst.shape):
            message = f"operand {x.name} is {inst.shape}, not {shape}"
            raise Malformed(message, x.shape_at, x.shape_at + len(x.shape or ""), "HLO1038")
        return inst

    def _implicit(self, name: str, shape: Shape, at: int) -> Instruction:
        parameter = OPS["parameter"]
        return self._append(parameter, shape, (), parameter.Attrs(number=len(self.names)), name, at)

    def _element(self, inst: Instruction, index: int, x: Operand) -> Instruction:
        if not inst.shape.is_tuple or not 0 <= index < len(inst.shape.elements):
            raise Malformed(f"{inst.name} has no element {index}", x.at, x.at + len(x.name), "HLO1038")
        op = OPS["get-tuple-element"]
        name = self._free_name(f"{op.name}.anon")
        return self._append(op, inst.shape.elements[index], (inst,), op.Attrs(index=index), name, x.at)

    def _nested(self, x: Operand, shape: Shape | None) -> Instruction:
        opcode = x.opcode or ""
        st = Statement(False, "", x.at, x.shape, x.shape_at, opcode, x.at, x.inline, x.inline_at, x.operands, [], x.at)
        op = self._op(st, [])
        operands = tuple(self._operand(y) for y in self._named(x.operands))
        record = read_attributes(op, (), self.context, self._inline_value(st, op, shape), x.at).record
        if shape is None:
            shape = self._infer(st, op, record, operands)
        return self._append(op, shape, operands, record, self._free_name(f"{op.name}.anon"), x.at)

    def _append(
        self, op: Op[Any], shape: Shape, operands: tuple[Instruction, ...], record: Any, name: str, at: int
    ) -> Instruction:
        inst = self.names[name] = Instruction(op, shape, operands, record, name, self.computation, at)
        return inst

    def _free_name(self, base: str) -> str:
        """A name that no instruction has; a later instruction of this name takes precedence."""
        name, number = base, 0
        while name in self.names:
            number += 1
            name = f"{base}.{number}"
        self.implicit.add(name)
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
            if not _NUMBER.fullmatch(st.inline) or int(st.inline) >= 1 << 63:
                raise Malformed("expected a parameter number", st.inline_at, st.inline_at + len(st.inline), "HLO1023")
            return "number", int(st.inline)
        if shape is None:
            raise Malformed("a constant needs a shape", st.opcode_at, st.opcode_at + len(st.opcode), "HLO1014")
        return op.inline, self._constant(st, shape)

    def _constant(self, st: Statement, shape: Shape) -> Literal:
        text = st.inline or ""
        try:
            return self.context.literal(text, shape)
        except Malformed as e:
            if shape.rank == 0 or not SCALAR.fullmatch(text):
                end = len(text) if e.end is None else e.end
                raise Malformed(e.message, st.inline_at + e.at, st.inline_at + end, e.code) from None
        first = located(lambda t: parse_literal(t, scalar(shape.element)), text, st.inline_at)
        if shape.size > 1:
            message = "one value for an array: as in XLA it is the first element, and the others are zero"
            self.context.warning(message, st.inline_at, len(text))
        return leading(first, shape)

    def _result_shape(
        self, st: Statement, op: Op[Any], record: Any, operands: tuple[Instruction, ...], given: Shape | None
    ) -> Shape:
        if given is None:
            return self._infer(st, op, record, operands)
        made = made_shape(op.name, operands)
        if made is None or compatible(made, given):
            return given
        message = f"the result of {op.name} is {made}, whatever is declared"
        self.context.warning(message, st.shape_at, len(st.shape or ""))
        return made

    def _infer(self, st: Statement, op: Op[Any], record: Any, operands: tuple[Instruction, ...]) -> Shape:
        span = (st.opcode_at, st.opcode_at + len(st.opcode))
        if op.arity is not None and len(operands) != op.arity:
            raise Malformed(f"{op.name} takes {op.arity} operands, got {len(operands)}", *span, "HLO1024")
        if any(c.name in self.context.broken for c in callees(record)):
            raise _Silent(st.name)
        if any(c.root is None for c in callees(record)):
            raise Malformed(f"the shape of {op.name} must be given: what it calls is defined below", *span, "HLO1039")
        try:
            return inferred_shape(op, record, operands)
        except NotYet:
            raise Malformed(f"the shape of {op.name} must be given", *span, "HLO1039") from None
        except ShapeError as e:
            raise Malformed(f"{op.name}: {e.message}", *span, "HLO1039") from None


def _is_short_async(opcode: str) -> bool:
    """Whether this is the name of an op with `-start`, `-update` or `-done` behind it, and no opcode itself."""
    m = _ASYNC.fullmatch(opcode)
    return m is not None and opcode not in OPS and m[1] in OPS and m[1] not in _OWN_ASYNC


@cache
def _callee_keys() -> frozenset[str]:
    """The keys of attributes that name computations."""
    rows = (row for op in OPS.values() for row in attribute_syntax(op.Attrs).values())
    return frozenset(row.key for row in rows if row.codec in (CODECS[Callee], CODECS[Callees]))


def _kind(pair: Pair) -> Any:
    """The type of the value of an attribute of an unknown op."""
    if pair.key not in _callee_keys():
        return Raw
    if _SEVERAL.match(pair.value):
        return Callees
    return Callee if _NAME.fullmatch(pair.value) or _BODY.match(pair.value) else Raw


class _Silent(Malformed):
    """The statement cannot be read because of something that has been reported already."""
