"""Statements of HLO text through the grammar: their parts, and where each part stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree

from hlo_tools.text.attributes import Pair
from hlo_tools.text.grammar import statement


@dataclass(slots=True)
class Head:
    """The start of a computation; the texts of its signature are None without one."""

    entry: bool
    name: str | None
    at: int
    parameters: str | None
    result: str | None
    start: int
    shapes: list[tuple[str, int]] = field(default_factory=list)  # of the parameters, and that of the result


@dataclass(slots=True)
class Operand:
    """`shape name#path`, or a call `shape opcode(operands)`."""

    name: str
    at: int
    shape: str | None = None
    shape_at: int = 0
    path: tuple[int, ...] = ()
    opcode: str | None = None
    inline: str | None = None
    inline_at: int = 0
    operands: list[Operand] = field(default_factory=list)


@dataclass(slots=True)
class Statement:
    """One instruction as written. `inline` is what stands between the parentheses of a parameter or constant."""

    root: bool
    name: str
    at: int
    shape: str | None
    shape_at: int
    opcode: str
    opcode_at: int
    inline: str | None
    inline_at: int
    operands: list[Operand]
    pairs: list[Pair]
    end: int


def read_pairs(text: str, at: int, rule: str) -> tuple[str, list[Pair], int]:
    """A header or the tail of a computation: its first token, its attributes, and where it ends. Raises Malformed."""
    tree, end = statement(text, at, rule)
    name = next((str(c) for c in tree.children if isinstance(c, Token)), "")
    return name, _pairs(text, tree), end


def read_head(text: str, at: int) -> tuple[Head, int]:
    """The start of a computation up to its brace. Raises Malformed."""
    tree, end = statement(text, at, "head")
    head = Head(False, None, at, None, None, at)
    for c in tree.children:
        if isinstance(c, Token) and c.type == "ENTRY":
            head.entry = True
        elif isinstance(c, Token) and c.type == "NAME":
            head.name, head.at = _name(c)
        elif isinstance(c, Tree):
            *parameters, result = [x for x in c.children if x is not None]
            head.parameters = ", ".join(text[slice(*_span(p))] for p in parameters)
            head.result = text[slice(*_span(result))]
            spans = [_span(x) for x in (*(p.children[1] for p in parameters), result)]
            head.shapes = [(text[start:stop], start) for start, stop in spans]
    return head, end


def read_instruction(text: str, at: int, name: str = "") -> Statement:
    """The instruction that starts at `at`; with `name`, one that has none of its own. Raises Malformed."""
    tree, end = statement(text, at, "nameless" if name else "instruction")
    st = Statement(False, name, at, None, 0, "", at, None, 0, [], _pairs(text, tree), end)
    for c in tree.children:
        if isinstance(c, Token):
            _token(st, c)
        elif c is not None:
            _part(st, c, text)
    return st


def _token(st: Statement, token: Token) -> None:
    at = token.start_pos or 0
    if token.type == "ROOT":
        st.root = True
    elif token.type == "NAME":
        st.name, st.at = _name(token)
    elif token.type == "CONSTANT":
        st.opcode, st.opcode_at, st.inline, st.inline_at = "constant", at, "", at
    elif token.type in ("LITERAL", "INT"):
        st.inline, st.inline_at = str(token), at


def _part(st: Statement, tree: Tree[Any], text: str) -> None:
    start, end = _span(tree)
    if tree.data == "shape":
        st.shape, st.shape_at = text[start:end], start
    elif tree.data == "opcode":
        st.opcode, st.opcode_at = text[start:end], start
    elif tree.data == "operand":
        st.operands.append(_operand(tree, text))


def _operand(tree: Tree[Any], text: str) -> Operand:
    found = Operand("", 0)
    for c in tree.children:
        if isinstance(c, Token) and c.type in ("NAME", "CONSTANT"):
            found.name, found.at = _name(c)
        elif isinstance(c, Token) and c.type == "PATH":
            found.path = tuple(int(n) for n in c[1:].split("#"))
        elif isinstance(c, Token):
            found.inline, found.inline_at = str(c), c.start_pos or 0
        elif isinstance(c, Tree) and c.data == "shape":
            start, end = _span(c)
            found.shape, found.shape_at = text[start:end], start
        elif isinstance(c, Tree) and c.data == "opcode":
            start, end = _span(c)
            found.opcode, found.at = text[start:end], start
        elif isinstance(c, Tree):
            found.operands.append(_operand(c, text))
    if found.inline is not None and found.opcode is None:
        found.opcode = found.name
    return found


def _name(token: Token) -> tuple[str, int]:
    """A name without its `%` and the colon that may follow it, and where it starts."""
    at, name = token.start_pos or 0, str(token).removesuffix(":")
    return (name[1:], at + 1) if name[0] == "%" else (name, at)


def _span(item: Any) -> tuple[int, int]:
    if isinstance(item, Token):
        return item.start_pos or 0, item.end_pos or 0
    return item.meta.start_pos, item.meta.end_pos


def _pairs(text: str, tree: Tree[Any]) -> list[Pair]:
    found = []
    for c in tree.children:
        if isinstance(c, Tree) and c.data == "attribute":
            key, value = c.children
            start, end = _span(value)
            found.append(Pair(str(key), text[start:end], _span(key)[0], start))
    return found
