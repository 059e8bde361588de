"""A kernel's blocks as lists of functions, and its variables laid out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hlo_backends.gpu.simulate import access, arithmetic, atomics, compare, convert, copies, floating, matrix, warp
from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Layout, Read, Run
from hlo_backends.gpu.simulate.control import Block, build_blocks
from hlo_backends.gpu.simulate.errors import SimulationError, TrapError
from hlo_backends.gpu.simulate.inline import FlatKernel, flatten
from hlo_backends.gpu.simulate.lanes import Lanes
from hlo_backends.gpu.simulate.scalars import TYPES
from hlo_backends.gpu.simulate.syntax import Immediate, Instruction, Program, Register, Variable

DYNAMIC_ALIGN = 16


def _trap(lanes: Lanes) -> None:
    raise TrapError("the code executed trap", lane=0)


def _nothing(lanes: Lanes) -> None:
    """Instructions without a visible effect here: fences (all memory is sequentially consistent), hints, sleeps."""


_BUILDERS: dict[str, Builder] = {
    **access.BUILDERS,
    **atomics.BUILDERS,
    **compare.BUILDERS,
    **convert.BUILDERS,
    **copies.BUILDERS,
    **matrix.BUILDERS,
    **warp.BUILDERS,
    "trap": lambda assembler, instruction: _trap,
    **dict.fromkeys(
        (
            "membar",
            "fence",
            "prefetch",
            "prefetchu",
            "nanosleep",
            "pmevent",
            "griddepcontrol",
            "discard",
            "applypriority",
        ),
        lambda assembler, instruction: _nothing,
    ),
}


@dataclass(slots=True)
class Step:
    """One instruction of a block, ready to run."""

    instruction: Instruction
    run: Run


@dataclass(slots=True)
class Barrier:
    """A barrier at the end of a block: its number, how many threads it is for (None: all), and whether they wait.

    For bar.red, `vote` is the threads' predicate, `reduction` popc, and or or, and `slot` the register for the result.
    """

    number: Read
    expected: Read | None
    aligned: bool
    waits: bool
    vote: Read | None = None
    reduction: str = ""
    slot: int = -1


@dataclass(slots=True)
class Code:
    """A block ready to run. `stores` are the registers that it defines and other blocks use."""

    steps: list[Step]
    targets: tuple[int, ...]
    last: Instruction | None = None
    predicate: Read | None = None
    selector: Read | None = None
    barrier: Barrier | None = None
    stores: tuple[int, ...] = ()
    used: set[int] = field(default_factory=set)
    defined: set[int] = field(default_factory=set)


@dataclass(slots=True)
class CompiledKernel:
    """Everything that a launch needs."""

    flat: FlatKernel
    layout: Layout
    assembler: Assembler
    blocks: list[Code]
    granule: int


def lay_out(variables: Iterable[Variable], start: int = 0) -> tuple[dict[str, int], int]:
    """Offsets of variables one after the other, aligned; and the end of the last."""
    offsets: dict[str, int] = {}
    for variable in variables:
        start = -(-start // variable.align) * variable.align
        offsets[variable.name] = start
        start += variable.size
    return offsets, start


def compile_kernel(program: Program, name: str, addresses: dict[str, int]) -> CompiledKernel:
    """Prepares a kernel; `addresses` are those of the module's global and constant variables.

    Raises UnsupportedInstructionError for what the simulator does not know.
    """
    flat = flatten(program, name)
    shared = [variable for variable in program.variables.values() if variable.space == "shared"]
    shared += flat.shared.values()
    static, end = lay_out(variable for variable in shared if variable.size)
    dynamic_start = -(-end // DYNAMIC_ALIGN) * DYNAMIC_ALIGN
    dynamic = {variable.name: dynamic_start for variable in shared if not variable.size}
    frame, frame_size = lay_out(flat.frame.values())
    parameters, parameter_size = lay_out(flat.parameters)
    layout = Layout(
        addresses, static | dynamic, frame, parameters, dynamic_start if dynamic else end, frame_size, parameter_size
    )
    assembler = Assembler(flat, layout)
    blocks = [_compile_block(assembler, block) for block in build_blocks(flat)]
    _find_stores(blocks)
    return CompiledKernel(flat, layout, assembler, blocks, _granule(flat))


def _compile_block(assembler: Assembler, block: Block) -> Code:
    code = Code([], block.targets, block.last)
    for instruction in block.body:
        assembler.start(instruction)
        code.steps.append(Step(instruction, _compile(assembler, instruction)))
        _note(code, assembler, bool(instruction.predicate))
    if block.last:
        assembler.start(block.last)
        _compile_last(assembler, code, block.last)
        _note(code, assembler, False)
    return code


def _note(code: Code, assembler: Assembler, conditional: bool) -> None:
    """A register used before it is defined comes from elsewhere; one defined conditionally keeps its old value."""
    used = [*assembler.used, *assembler.defined] if conditional else assembler.used
    code.used.update(slot for slot in used if slot not in code.defined)
    code.defined.update(assembler.defined)


def _compile(assembler: Assembler, instruction: Instruction) -> Run:
    run = _build(assembler, instruction)
    if instruction.predicate is None:
        return run
    choose = assembler.predicate(instruction.predicate)
    defined = tuple(assembler.defined)

    def conditional(lanes: Lanes) -> None:
        chosen = choose(lanes)
        if chosen.all():
            run(lanes)
        elif chosen.any():
            select = chosen.nonzero()[0]
            part = lanes.narrow(select)
            try:
                run(part)
            except SimulationError as error:
                raise error.among(select) from None
            lanes.merge(part, defined)

    return conditional


def _build(assembler: Assembler, instruction: Instruction) -> Run:
    opcode = instruction.opcode
    builder = _BUILDERS.get(opcode)
    if builder is None:
        kind = TYPES.get(instruction.type)
        table = floating.BUILDERS if kind is not None and kind.kind == "f" else arithmetic.BUILDERS
        builder = table.get(opcode)
    if builder is None:
        raise assembler.unsupported()
    try:
        return builder(assembler, instruction)
    except (KeyError, IndexError, ValueError) as error:
        # Builders look types and modifiers up in their tables: what is not there is not supported.
        raise assembler.unsupported("unknown form") from error


def _compile_last(assembler: Assembler, code: Code, last: Instruction) -> None:
    if last.predicate:
        code.predicate = assembler.predicate(last.predicate)
    if last.opcode == "brx":
        code.selector = assembler.bits(last.operands[0], 4)
    if last.opcode in ("bar", "barrier"):
        code.barrier = _compile_barrier(assembler, last)


def _compile_barrier(assembler: Assembler, last: Instruction) -> Barrier:
    kind, *rest = [modifier for modifier in last.modifiers if modifier not in ("cta", "aligned")]
    if kind not in ("sync", "arrive", "red") or last.predicate:
        raise assembler.unsupported()
    aligned = last.opcode == "bar" or "aligned" in last.modifiers
    operands = last.operands or (Immediate(0),)
    if kind != "red":
        expected = assembler.bits(operands[1], 4) if len(operands) > 1 else None
        return Barrier(assembler.bits(operands[0], 4), expected, aligned, kind == "sync")
    target, number, *count, vote = assembler.expect_operands(3, 4)
    if not isinstance(target, Register):
        raise assembler.unsupported()
    expected = assembler.bits(count[0], 4) if count else None
    slot = assembler.slot(target.name)
    return Barrier(assembler.bits(number, 4), expected, aligned, True, assembler.predicate(vote), rest[0], slot)


def _find_stores(blocks: list[Code]) -> None:
    """A register needs to be stored where any block takes it from elsewhere."""
    wanted: set[int] = set()
    for code in blocks:
        wanted |= code.used
    for code in blocks:
        code.stores = tuple(sorted(code.defined & wanted))


def _granule(flat: FlatKernel) -> int:
    """The size of the narrowest access that may go to shared memory, for the race check."""
    sizes = [16]
    for statement in flat.body:
        if isinstance(statement, Instruction) and statement.opcode in ("ld", "st", "atom", "red"):
            if access.space_of(statement) in ("shared", "") and statement.type in TYPES:
                sizes.append(TYPES[statement.type].size)
        elif isinstance(statement, Instruction) and statement.opcode == "cp":
            sizes.append(4)
    return min(sizes)
