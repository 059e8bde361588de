"""PTX as data: what the parser produces and the assembler reads."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Register:
    """A register, declared (`%r1`) or special (`%tid.x`); `negated` for `!%p`."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Immediate:
    """A literal: the integer, or the bits of a `0f...` or `0d...` floating-point literal."""

    value: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """The address of a variable, or the name of a label, function or branch table; plus `offset` bytes."""

    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """`[base + offset]`."""

    base: Register | Symbol | None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Several operands as one: `{a, b}` of vector accesses, `(a, b)` of calls, `p|q` of two results."""

    items: tuple[Operand, ...]


Operand = Register | Immediate | Symbol | Address | Group


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `opcode` is the first word up to the first dot, `modifiers` the rest of it."""

    line: int
    text: str
    opcode: str
    modifiers: tuple[str, ...]
    operands: tuple[Operand, ...]
    predicate: Register | None = None

    @property
    def type(self) -> str:
        """The last modifier: the type, for most opcodes."""
        return self.modifiers[-1] if self.modifiers else ""


@dataclass(frozen=True, slots=True)
class Label:
    """A place in a function's body that jumps name."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable or parameter of `count` elements (1 for scalars; 0 for `extern` arrays of unknown size)."""

    name: str
    space: str
    type: str
    size: int
    align: int
    initial: tuple[Immediate | Symbol, ...] = ()


@dataclass(slots=True)
class Function:
    """An `.entry` (kernel) or `.func`; register names are unique within it, whatever braces they were declared in."""

    name: str
    is_entry: bool
    parameters: list[Variable] = field(default_factory=list)
    results: list[Variable] = field(default_factory=list)
    registers: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    body: list[Instruction | Label] = field(default_factory=list)


@dataclass(slots=True)
class Program:
    """A PTX module: its functions with bodies and its variables, by name."""

    functions: dict[str, Function] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
