"""A kernel with its calls expanded in place, so that execution needs no call stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hlo_backends.gpu.simulate.errors import UnsupportedInstructionError
from hlo_backends.gpu.simulate.syntax import (
    Address,
    Function,
    Group,
    Instruction,
    Label,
    Operand,
    Program,
    Register,
    Symbol,
    Variable,
)

Rename = Callable[[str], str]


@dataclass(slots=True)
class FlatKernel:
    """One kernel as a single list of statements. `frame` holds the variables that each thread has its own copy of."""

    name: str
    parameters: list[Variable]
    registers: dict[str, str] = field(default_factory=dict)
    frame: dict[str, Variable] = field(default_factory=dict)
    shared: dict[str, Variable] = field(default_factory=dict)
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    body: list[Instruction | Label] = field(default_factory=list)


def flatten(program: Program, name: str) -> FlatKernel:
    """Expands every call of the kernel `name`.

    Raises UnsupportedInstructionError for recursion, indirect calls and functions without a body.
    """
    entry = program.functions[name]
    kernel = FlatKernel(name, entry.parameters)
    _Inliner(program, kernel).expand(entry, {}, "", "", (name,))
    return kernel


def rename_operand(operand: Operand, rename: Rename) -> Operand:
    """The operand with every name passed through `rename`."""
    match operand:
        case Register(name, negated):
            return Register(rename(name), negated)
        case Symbol(name, offset):
            return Symbol(rename(name), offset)
        case Address(base, offset):
            if isinstance(base, Register):
                return Address(Register(rename(base.name)), offset)
            return Address(Symbol(rename(base.name)) if base else None, offset)
        case Group(items):
            return Group(tuple(rename_operand(item, rename) for item in items))
    return operand


class _Inliner:
    def __init__(self, program: Program, kernel: FlatKernel) -> None:
        self.program = program
        self.kernel = kernel
        self.calls = 0

    def expand(
        self, function: Function, bound: dict[str, str], suffix: str, exit_label: str, chain: tuple[str, ...]
    ) -> None:
        """Appends the body of `function`: its own names get `suffix`, `bound` maps its parameters to the caller's."""
        kernel = self.kernel
        names = dict(bound)
        for register, kind in function.registers.items():
            names[register] = register + suffix
            kernel.registers[register + suffix] = kind
        for variable in function.variables.values():
            if variable.space == "shared":
                kernel.shared[variable.name] = variable  # one for the block, however often the function is expanded
            else:
                names[variable.name] = variable.name + suffix
                kernel.frame[variable.name + suffix] = replace(variable, name=variable.name + suffix)
        for statement in function.body:
            if isinstance(statement, Label):
                names[statement.name] = statement.name + suffix
        for table, targets in function.tables.items():
            names[table] = table + suffix
            kernel.tables[table + suffix] = tuple(target + suffix for target in targets)

        def rename(name: str) -> str:
            return names.get(name, name)

        for statement in function.body:
            if isinstance(statement, Label):
                kernel.body.append(Label(rename(statement.name)))
            elif statement.opcode == "call":
                self.call(statement, rename, chain)
            elif statement.opcode == "ret" and exit_label:
                predicate = _renamed_predicate(statement, rename)
                jump = replace(statement, opcode="bra", operands=(Symbol(exit_label),), predicate=predicate)
                kernel.body.append(jump)
            else:
                operands = tuple(rename_operand(operand, rename) for operand in statement.operands)
                predicate = _renamed_predicate(statement, rename)
                kernel.body.append(replace(statement, operands=operands, predicate=predicate))

    def call(self, call: Instruction, rename: Rename, chain: tuple[str, ...]) -> None:
        groups = [operand for operand in call.operands if isinstance(operand, Group)]
        targets = [operand.name for operand in call.operands if isinstance(operand, Symbol)]
        callee = self.program.functions.get(targets[0]) if targets else None
        if callee is None or call.predicate is not None:
            what = targets[0] if targets else "a function pointer"
            raise UnsupportedInstructionError(f"call of {what}, which has no body here", line=call.line, text=call.text)
        if callee.name in chain:
            raise UnsupportedInstructionError(f"recursive call of {callee.name}", line=call.line, text=call.text)
        has_result = isinstance(call.operands[0], Group)
        results = groups[0].items if has_result else ()
        arguments = (
            groups[1].items if has_result and len(groups) > 1 else () if has_result or not groups else groups[0].items
        )
        if len(results) != len(callee.results) or len(arguments) != len(callee.parameters):
            raise UnsupportedInstructionError(
                f"call of {callee.name} with other parameters", line=call.line, text=call.text
            )
        bound = {}
        for formal, actual in zip((*callee.results, *callee.parameters), (*results, *arguments), strict=True):
            if not isinstance(actual, Symbol):
                raise UnsupportedInstructionError("a call with register arguments", line=call.line, text=call.text)
            bound[formal.name] = rename(actual.name)
        self.calls += 1
        exit_label = f"{callee.name}@{self.calls}.end"
        self.expand(callee, bound, f"@{self.calls}", exit_label, (*chain, callee.name))
        self.kernel.body.append(Label(exit_label))


def _renamed_predicate(instruction: Instruction, rename: Rename) -> Register | None:
    predicate = instruction.predicate
    return predicate and Register(rename(predicate.name), predicate.negated)
