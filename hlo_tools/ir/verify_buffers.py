"""Values of type buffer, `b(f32[4])`: each has at most one writer, and is handed on, never forgotten, by who takes it.

Source of the rules: `VerifyBuffers` of XLA's HloVerifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import BUFFER
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.shape import Shape, compatible
from hlo_tools.support.diagnostic import Diagnostic

_Path = tuple[int, ...]
_WRITERS = frozenset({"call", "conditional", "custom-call", "dynamic-update-slice", "fusion", "while"}) | {
    "async-start",
    "async-update",
    "async-done",
}
_CARRIERS = frozenset({"get-tuple-element", "tuple", "while", "async-start", "async-update", "async-done"})
TARGETS = frozenset({"Pin", "Unpin", "CreateBuffer"})
"""Custom calls that make buffers of arrays and arrays of buffers."""


def has_buffer(shape: Shape) -> bool:
    """Whether a buffer is in a shape."""
    return "b(" in shape.text and any(s.element is BUFFER for _, s in shape.leaves())


def check_buffers(module: Module, async_computations: set[Computation]) -> Iterator[Diagnostic]:
    """Check a module in which buffers occur."""
    loops = {c for inst in module.instructions() if inst.op.name == "while" for c in inst.called}
    for computation in module:
        if computation in async_computations:
            root = computation.root
            checked: Sequence[Instruction] = (root,) if root is not None and root.op.name == "custom-call" else ()
        else:
            checked = tuple(computation.instructions)
        for inst in checked:
            for message in _problems(module, inst, loops):
                yield Diagnostic("HLO2015", f"{inst.name}: {message}", module.span(inst))


def _problems(module: Module, inst: Instruction, loops: set[Computation]) -> Iterator[str]:
    name = inst.op.name
    if name == "custom-call":
        yield from _custom_call(inst, loops)
        return
    if name == "parameter" and inst.parent is module.entry and has_buffer(inst.shape):
        yield "the entry computation cannot take buffers"
    elif name in ("parameter", "while"):
        yield from _unique_writers(inst, loops)
    elif name == "dynamic-update-slice" and inst.operands and inst.operands[0].shape.element is BUFFER:
        yield from _unique_writers(inst, loops)
        if inst.shape.element is not BUFFER:
            yield "the result must be a buffer, as operand 0 is"
        if any(has_buffer(x.shape) for x in inst.operands[1:]):
            yield "only operand 0 may be a buffer"
    elif any(map(has_buffer, (inst.shape, *(x.shape for x in inst.operands)))) and not _carries(inst):
        yield f"buffers are not allowed in {name}"


def _carries(inst: Instruction) -> bool:
    """Whether an instruction may hand a buffer on without a rule of its own; so does a call that names its stream."""
    if inst.op.name != "call":
        return inst.op.name in _CARRIERS
    return any(k == "_xla_stream_annotation" for k, _ in inst.extras.frontend_attributes)


def _custom_call(inst: Instruction, loops: set[Computation]) -> Iterator[str]:
    target = inst.attrs.custom_call_target
    aliasing = inst.attrs.output_to_operand_aliasing
    if target in TARGETS:
        yield from _TARGET_RULES[target](inst)
        yield from _unique_writers(inst, loops)
        return
    taken = [(a.operand, a.operand_index) for a in aliasing]
    given = [a.output for a in aliasing]
    for i, x in enumerate(inst.operands):
        for path in _buffers(x.shape):
            count = taken.count((i, path))
            if count != 1:
                how = "not in results" if count == 0 else "in results multiple times"
                yield f"a buffer is used in operands but {how}: operand {i} index {_show(path)}"
    for path in _buffers(inst.shape):
        count = given.count(path)
        if count != 1:
            how = "not in operands" if count == 0 else "in operands multiple times"
            yield f"a buffer is used in results but {how}: index {_show(path)}"
    yield from _unique_writers(inst, loops)


def _pin(inst: Instruction) -> Iterator[str]:
    if len(inst.operands) != 1 or not inst.operands[0].shape.is_array:
        yield "Pin must have one array operand"
    elif inst.shape.element is not BUFFER:
        yield "Pin must have one buffer result"
    elif not compatible(inst.shape.elements[0], inst.operands[0].shape):
        yield f"Pin must have the same shape as its operand, got {inst.shape} of {inst.operands[0].shape}"


def _unpin(inst: Instruction) -> Iterator[str]:
    if len(inst.operands) != 1 or inst.operands[0].shape.element is not BUFFER:
        yield "Unpin must have one buffer operand"
    elif not inst.shape.is_array:
        yield "Unpin must have one array result"
    elif not compatible(inst.operands[0].shape.elements[0], inst.shape):
        yield f"Unpin must have the same shape as its operand, got {inst.shape} of {inst.operands[0].shape}"


def _create(inst: Instruction) -> Iterator[str]:
    if inst.operands:
        yield "CreateBuffer cannot have an operand"
    if inst.shape.element is not BUFFER:
        yield "CreateBuffer must have one buffer result"


_TARGET_RULES = {"Pin": _pin, "Unpin": _unpin, "CreateBuffer": _create}


def _buffers(shape: Shape) -> Iterator[_Path]:
    for path, leaf in shape.leaves():
        if leaf.element is BUFFER:
            yield path


def _show(path: _Path) -> str:
    return "{" + ",".join(map(str, path)) + "}"


def _unique_writers(inst: Instruction, loops: set[Computation]) -> Iterator[str]:
    if not has_buffer(inst.shape):
        return
    for path in _buffers(inst.shape):
        writers = _writers(inst, path, loops)
        if len(writers) > 1:
            names = ", ".join(w.name for w in writers)
            yield f"the buffer {_show(path)} has more than one writers (or unpins): {names}"


def _writers(inst: Instruction, path: _Path, loops: set[Computation]) -> list[Instruction]:
    """Who may write a buffer: calls and loops that it is handed to, also by way of tuples; the next round of a loop."""
    found: list[Instruction] = []
    stack = [(inst, path)]
    while stack:
        value, at = stack.pop()
        for user in value.users:
            name = user.op.name
            if name in _WRITERS:
                found.append(user)
            elif name == "get-tuple-element" and at and user.attrs.index == at[0]:
                stack.append((user, at[1:]))
            elif name == "tuple" and not user.is_root:
                stack.extend((user, (i, *at)) for i, x in enumerate(user.operands) if x is value)
            elif name == "tuple" and value.parent in loops:
                found.append(user)
    return found
