"""PTX text -> `syntax.Program`, for PTX as LLVM's NVPTX backend writes it (with inline assembly in it).

Source of the grammar: "PTX ISA", chapters Syntax, State Spaces and Directives.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from hlo_backends.gpu.simulate.errors import PtxSyntaxError
from hlo_backends.gpu.simulate.scalars import TYPES
from hlo_backends.gpu.simulate.syntax import (
    Address,
    Function,
    Group,
    Immediate,
    Instruction,
    Label,
    Operand,
    Program,
    Register,
    Symbol,
    Variable,
)

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_LINE_DIRECTIVE = re.compile(r"^[ \t]*\.(?:version|target|address_size|file|loc)\b[^\n]*", re.M)
_SECTION = re.compile(r"\.section\s+[.\w]+\s*\{[^}]*\}", re.S)
_FUNCTION = re.compile(r"(?:\.(?:visible|weak|extern|common)\s+)*\.(entry|func)\b\s*")
_NAME = re.compile(r"[\w$%.]+")
_LABEL = re.compile(r"([$%\w]+)\s*:(?!:)\s*")
_ARRAY = re.compile(r"([\w$%.]+)\s*((?:\[\s*\d*\s*\])*)$")
_REGISTERS = re.compile(r"\.reg\s+\.(\w+)\s+(.*)$", re.S)
_RANGE = re.compile(r"(%?[\w$]+)<(\d+)>$")
_ADDRESS = re.compile(r"^([\w$%.]+?)\s*(?:\+\s*(-?\w+)|(-\s*\d+))?$")
_INTEGER = re.compile(r"^-?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)U?$")
_OPCODE = re.compile(r"(?:@(!?)\s*(%?[\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)$", re.S)
_QUALIFIERS = frozenset({"visible", "weak", "extern", "common", "ptr", "managed", "volatile"})
_SPACES = ("global", "shared", "const", "local", "param")


def _blank(match: re.Match[str]) -> str:
    """Keeps the newlines of removed text, so that positions still give lines."""
    return re.sub(r"[^\n]", " ", match[0])


def split_list(text: str) -> list[str]:
    """Splits at the commas outside brackets."""
    parts: list[str] = []
    depth = start = 0
    for position, char in enumerate(text):
        if char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def parse_integer(text: str) -> int:
    """A PTX integer literal, with its optional U suffix."""
    digits = text.rstrip("U")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("-")
    if len(digits) > 1 and digits.startswith("0") and digits[1] in "01234567":
        return sign * int(digits, 8)
    return sign * int(digits, 0)


class _Scope:
    """The names declared between one pair of braces; inner declarations of registers and parameters hide outer ones."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self.names: dict[str, str] = {}

    def declare(self, name: str) -> str:
        self.names[name] = name + self.suffix
        return self.names[name]


class _Parser:
    """One pass over the text; every method starts at `self.at` and leaves it after what it read."""

    def __init__(self, text: str) -> None:
        clean = _COMMENT.sub(_blank, text)
        clean = _LINE_DIRECTIVE.sub(_blank, clean)
        self.text = _SECTION.sub(_blank, clean)
        self.at = 0
        self.newlines = [match.start() for match in re.finditer("\n", self.text)]
        self.program = Program()
        self.scopes: list[_Scope] = []
        self.scope_count = 0

    # ---- characters
    def line(self, position: int) -> int:
        return bisect_right(self.newlines, position - 1) + 1

    def error(self, message: str, position: int | None = None) -> PtxSyntaxError:
        where = self.at if position is None else position
        number = self.line(where)
        return PtxSyntaxError(message, line=number, text=self.text.split("\n")[number - 1].strip())

    def skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def until(self, stop: str) -> str:
        """The text up to the next `stop`, which is consumed."""
        end = self.text.find(stop, self.at)
        if end < 0:
            raise self.error(f"expected '{stop}'")
        found = self.text[self.at : end]
        self.at = end + len(stop)
        return found.strip()

    # ---- module level
    def parse(self) -> Program:
        self.skip_space()
        while self.at < len(self.text):
            match = _FUNCTION.match(self.text, self.at)
            if match:
                self.at = match.end()
                self.function(match[1] == "entry")
            elif self.text[self.at] == ".":
                start = self.at
                statement = self.until(";")
                if not statement.startswith((".pragma", ".alias")):
                    variable = self.variable(statement, start)
                    self.program.variables[variable.name] = variable
            else:
                raise self.error("expected a directive at module level")
            self.skip_space()
        return self.program

    def parenthesised(self) -> str:
        self.skip_space()
        if self.at < len(self.text) and self.text[self.at] == "(":
            self.at += 1
            return self.until(")")
        return ""

    def function(self, is_entry: bool) -> None:
        start = self.at
        results = self.parenthesised()
        self.skip_space()
        match = _NAME.match(self.text, self.at)
        if not match:
            raise self.error("expected a function name")
        self.at = match.end()
        function = Function(match[0], is_entry)
        function.results = [self.variable(part, start, "param") for part in split_list(results)]
        function.parameters = [self.variable(part, start, "param") for part in split_list(self.parenthesised())]
        brace, semicolon = self.text.find("{", self.at), self.text.find(";", self.at)
        if semicolon >= 0 and (brace < 0 or semicolon < brace):
            self.at = semicolon + 1  # a declaration: a call to it is an error if nobody defines it
            return
        if brace < 0:
            raise self.error("expected a function body")
        self.at = brace + 1
        self.program.functions[function.name] = function
        self.body(function)

    def variable(self, text: str, position: int, default_space: str = "") -> Variable:
        """`.global .align 4 .b8 name[16] = {1, 2}` and its kin."""
        declaration, _, initial = text.partition("=")
        space, kind, align = default_space, "", 0
        words = declaration.split()
        index = 0
        while index < len(words) and words[index].startswith("."):
            word = words[index][1:]
            if word == "align":
                # A pointer parameter's `.ptr .global .align 16` describes what it points to, not the parameter.
                if ".ptr" not in words[:index]:
                    align = int(words[index + 1])
                index += 1
            elif word in TYPES:
                kind = word
            elif word in _SPACES and ".ptr" not in words[:index]:
                space = word
            elif word not in _QUALIFIERS and word not in _SPACES:
                raise self.error(f"unknown directive .{word}", position)
            index += 1
        match = _ARRAY.match("".join(words[index:]))
        if not match or not kind or not space:
            raise self.error("expected a variable declaration", position)
        count = 1
        for length in re.findall(r"\[(\d*)\]", match[2]):
            count *= int(length or 0)
        size = TYPES[kind].size
        align = align or size
        if align & (align - 1):
            raise self.error(f"alignment {align} is no power of two", position)
        items = tuple(self.initial(part, position) for part in split_list(initial.strip().strip("{}")))
        return Variable(match[1], space, kind, size * count, align, items)

    def initial(self, text: str, position: int) -> Immediate | Symbol:
        generic = re.fullmatch(r"generic\((.*)\)", text)
        operand = self.operand(generic[1] if generic else text, position)
        if not isinstance(operand, Immediate | Symbol):
            raise self.error(f"unsupported initialiser '{text}'", position)
        return operand

    # ---- function bodies
    def push(self) -> None:
        suffix = "" if not self.scopes else f"#{self.scope_count}"
        self.scope_count += 1
        self.scopes.append(_Scope(suffix))

    def body(self, function: Function) -> None:
        self.scope_count = 0
        self.scopes = []
        self.push()
        while self.scopes:
            self.skip_space()
            if self.at >= len(self.text):
                raise self.error(f"the body of {function.name} does not end")
            char = self.text[self.at]
            if char == "{":
                self.push()
                self.at += 1
            elif char == "}":
                self.scopes.pop()
                self.at += 1
            elif label := _LABEL.match(self.text, self.at):
                self.at = label.end()
                self.labelled(function, label[1])
            else:
                start = self.at
                self.statement(function, self.until(";"), start)

    def labelled(self, function: Function, name: str) -> None:
        if self.text.startswith(".branchtargets", self.at):
            targets = self.until(";").removeprefix(".branchtargets")
            function.tables[name] = tuple(split_list(targets))
        elif self.text.startswith(".callprototype", self.at):
            self.until(";")
        else:
            function.body.append(Label(name))

    def statement(self, function: Function, text: str, position: int) -> None:
        if not text or text.startswith(".pragma"):
            return
        if registers := _REGISTERS.match(text):
            self.registers(function, registers[1], registers[2], position)
        elif text.startswith("."):
            variable = self.variable(text, position)
            if variable.space in ("local", "param"):
                unique = self.scopes[-1].declare(variable.name)
                variable = Variable(unique, variable.space, variable.type, variable.size, variable.align)
            function.variables[variable.name] = variable
        else:
            function.body.append(self.instruction(text, position))

    def registers(self, function: Function, kind: str, names: str, position: int) -> None:
        if kind not in TYPES:
            raise self.error(f"unknown register type .{kind}", position)
        for name in split_list(names):
            span = _RANGE.match(name)
            declared = [f"{span[1]}{number}" for number in range(int(span[2]))] if span else [name]
            for one in declared:
                function.registers[self.scopes[-1].declare(one)] = kind

    def instruction(self, text: str, position: int) -> Instruction:
        shown = " ".join(text.split())
        match = _OPCODE.match(text)
        if not match:
            raise self.error(f"expected an instruction, found '{shown}'", position)
        predicate = Register(self.resolve(match[2]), match[1] == "!") if match[2] else None
        opcode, *modifiers = match[3].split(".")
        operands = tuple(self.operand(part, position) for part in split_list(match[4]))
        return Instruction(self.line(position), shown, opcode, tuple(modifiers), operands, predicate)

    def resolve(self, name: str) -> str:
        for scope in reversed(self.scopes):
            if name in scope.names:
                return scope.names[name]
        return name

    def operand(self, text: str, position: int) -> Operand:
        if text[:1] in ("{", "("):
            return Group(tuple(self.operand(part, position) for part in split_list(text[1:-1])))
        if text.startswith("["):
            return self.address(text[1:-1].strip(), position)
        if "|" in text:
            return Group(tuple(self.operand(part.strip(), position) for part in text.split("|")))
        if text[:2] in ("0f", "0F", "0d", "0D"):
            return Immediate(int(text[2:], 16))
        if _INTEGER.match(text):
            return Immediate(parse_integer(text))
        if text.startswith("!"):
            return Register(self.resolve(text[1:].strip()), negated=True)
        address = self.address(text, position)
        if isinstance(address.base, Register) and not address.offset:
            return address.base
        if isinstance(address.base, Symbol):
            return Symbol(address.base.name, address.offset)
        raise self.error(f"cannot read the operand '{text}'", position)

    def address(self, text: str, position: int) -> Address:
        if _INTEGER.match(text):
            return Address(None, parse_integer(text))
        match = _ADDRESS.match(text)
        if not match:
            raise self.error(f"cannot read the operand '{text}'", position)
        offset = parse_integer((match[2] or match[3] or "0").replace(" ", ""))
        name = self.resolve(match[1])
        is_register = name.startswith("%") or name == "_" or self.is_register(name)
        return Address(Register(name), offset) if is_register else Address(Symbol(name), offset)

    def is_register(self, name: str) -> bool:
        """Inline assembly may declare registers without a percent sign."""
        return any(name in found.registers for found in list(self.program.functions.values())[-1:])


def parse(text: str) -> Program:
    """Parses PTX text. Raises PtxSyntaxError with the line."""
    parser = _Parser(text)
    try:
        return parser.parse()
    except (ValueError, IndexError) as error:
        raise parser.error(f"cannot read this: {error}") from error
