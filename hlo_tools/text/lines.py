"""The fast path of the reader: instruction lines in the form in which XLA prints them.

One regular expression splits a line; shapes, attributes and metadata recur and are remembered by their text. A line
that is not in this form, or in which anything is wrong, is left to `body.py`, so nothing here knows of diagnostics.
"""

from __future__ import annotations

import re
from typing import Any

from hlo_tools.ir.attributes import Metadata
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import OPS
from hlo_tools.text.attributes import Attributes, parse_metadata, read_attributes, split_pairs
from hlo_tools.text.context import Context
from hlo_tools.text.literals import parse_literal
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.shapes import parse_shape

_PARENTHESES = r"(?:[^()\n]++|\((?:[^()\n]++|\([^()\n]*+\))*+\))*+"
LINE = re.compile(
    rf"  (ROOT )?%?(?:(?<=%)|(?=[A-Za-z_]))([\w.\-]++) = (\({_PARENTHESES}\)|[a-z]\w*+\[[^\]\s]*+\](?:\{{[^\n ]*+)?)"
    rf" ([a-z][a-z\d\-]*+)\(({_PARENTHESES})\)(?:, ([^\n]++))?\n(?=[ \t]*+[%\w}}])",
    re.ASCII,
)
"""ROOT, name, shape, opcode, what stands between the parentheses, attributes; and the next line is no continuation."""
_INDEX = re.compile(r"(?:^|(?<=, ))/\*index=\d+\*/")
_METADATA = re.compile(r'metadata=(\{(?:[^{}"]++|"(?:[^"\\\n]++|\\.)*+"|\{[^{}"]*+\})*+\})(?:, |$)')
_REMEMBERED = 2000
"""Longer attributes, and constants with them, are not kept for a second use."""


class LineReader:
    """Reads the lines of one computation.

    names    the instructions so far
    root     the one that is marked as root
    control  instructions with the names of their control predecessors, which may be defined later, and an offset
    """

    def __init__(self, context: Context, computation: Computation) -> None:
        self.context = context
        self.computation = computation
        self.names: dict[str, Instruction] = {}
        self.root: Instruction | None = None
        self.control: list[tuple[Instruction, tuple[str, ...], int]] = []

    def lines(self, at: int) -> int:
        """Read instructions from `at` on; returns where the first line starts that is not in XLA's form."""
        context, computation, names = self.context, self.computation, self.names
        text, shapes, attributes, metadata = context.text, context.shapes, context.attributes, context.metadata
        match, ops = LINE.match, OPS
        while (m := match(text, at)) is not None:
            root, name, shape_text, opcode, args, rest = m.groups()
            try:
                shape = shapes.get(shape_text)
                if shape is None:
                    shape = shapes[shape_text] = parse_shape(shape_text)
                where: tuple[Metadata | None, str] | None = None
                if rest is None:
                    rest = ""
                else:
                    cut = rest.find("metadata={")
                    if cut >= 0:
                        tail = rest[cut:] if cut else rest
                        where = metadata.get(tail)
                        if where is None:
                            where = metadata[tail] = _split_metadata(tail)
                        if where[1]:
                            rest = rest[:cut] + where[1]
                        elif cut:
                            if rest[cut - 2 : cut] != ", ":
                                return at
                            rest = rest[: cut - 2]
                        else:
                            rest = ""
                op = ops[opcode]
                operands: tuple[Instruction, ...] = ()
                inline = op.inline
                if inline is None:
                    if args:
                        if "/" in args:
                            args = _INDEX.sub("", args)
                        if "%" in args:
                            args = f", {args}".replace(", %", ", ")[2:]
                        operands = tuple([names[x] for x in args.split(", ")])
                    key = (opcode, rest)
                elif inline == "number":
                    key = (opcode, f"{args} {rest}")
                else:
                    key = (opcode, f"{shape_text} {args} {rest}")
                found = attributes.get(key)
                if found is None:
                    found = self._attributes(op, args, rest, shape, at)
                    if len(key[1]) < _REMEMBERED:
                        attributes[key] = found
                if name in names or (root is not None and self.root is not None):
                    return at
            except (KeyError, Malformed, ValueError):
                return at
            inst = Instruction(op, shape, operands, found.record, name, computation, m.start(2))
            names[name] = inst
            if where is not None:
                inst.metadata = where[0]
            inst.sharding = found.sharding
            inst.extras = found.extras
            if found.control:
                self.control.append((inst, found.control, at))
            if root is not None:
                self.root = inst
            at = m.end()
        return at

    def _attributes(self, op: Op[Any], args: str, rest: str, shape: Shape, at: int) -> Attributes:
        """Attributes that are read for the first time. Raises Malformed where the careful path has to look."""
        inline: tuple[str, Any] | None = None
        if op.inline == "number":
            if not (args.isascii() and args.isdigit()):
                raise Malformed("not in the plain form")
            inline = (op.inline, int(args))
        elif op.inline is not None:
            inline = (op.inline, parse_literal(args, shape))
        self.context.here = at
        found = read_attributes(op, split_pairs(rest), self.context, inline)
        if found.unknown or found.metadata is not None:
            raise Malformed("not in the plain form")
        return found


def _split_metadata(text: str) -> tuple[Metadata | None, str]:
    """The metadata at the start of `text`, and the attributes behind it. Raises Malformed."""
    m = _METADATA.match(text)
    if m is None:
        raise Malformed("not in the plain form")
    return parse_metadata(m[1]), text[m.end() :]
