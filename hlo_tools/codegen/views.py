"""Which instructions only rename memory: their result is the very bytes of an operand."""

from __future__ import annotations

from collections.abc import Callable

from hlo_tools.ir.aspect import Aspect
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import OPS
from hlo_tools.ops.calls.markers import IDENTITIES

Path = tuple[int, ...]
Leaf = tuple[Instruction, Path]
"""An array value: an instruction and the index path of a leaf of its shape."""

VIEWS: Aspect[Callable[[Instruction, Path], Leaf | None]] = Aspect("views")
"""For an op that may rename: the leaf whose memory the leaf at a path is, or None when this one computes."""


@VIEWS(OPS["tuple"])
def _tuple(inst: Instruction, path: Path) -> Leaf:
    return inst.operands[path[0]], path[1:]


@VIEWS(OPS["get-tuple-element"])
def _get_tuple_element(inst: Instruction, path: Path) -> Leaf:
    return inst.operands[0], (inst.attrs.index, *path)


@VIEWS(OPS["opt-barrier"], OPS["domain"], OPS["add-dependency"])
def _same(inst: Instruction, path: Path) -> Leaf:
    return inst.operands[0], path


@VIEWS(OPS["bitcast"], OPS["reshape"])
def _reshape(inst: Instruction, path: Path) -> Leaf | None:
    x = inst.operands[0]
    return (x, path) if is_row_major(x.shape) and is_row_major(inst.shape) else None


@VIEWS(OPS["copy"])
def _copy(inst: Instruction, path: Path) -> Leaf | None:
    x = inst.operands[0]
    return (x, path) if inst.shape.is_array and physical(x.shape) == physical(inst.shape) else None


@VIEWS(OPS["transpose"])
def _transpose(inst: Instruction, path: Path) -> Leaf | None:
    """A transpose whose layout undoes it moves nothing."""
    x = inst.operands[0]
    permuted = tuple(inst.attrs.dimensions[d] for d in inst.shape.order)
    big = [d for d in permuted if x.shape.dims[d] != 1]
    return (x, path) if big == [d for d in x.shape.order if x.shape.dims[d] != 1] else None


@VIEWS(OPS["custom-call"])
def _annotation(inst: Instruction, path: Path) -> Leaf | None:
    if inst.attrs.custom_call_target not in IDENTITIES or len(inst.operands) != 1 or not inst.shape.is_array:
        return None
    (x,) = inst.operands
    return (x, path) if x.shape.is_array and physical(x.shape) == physical(inst.shape) else None


@VIEWS(OPS["while"])
def _invariant(inst: Instruction, path: Path) -> Leaf | None:
    """A leaf of loop state that the body hands on unchanged stays where it was before the loop."""
    body = inst.attrs.body
    return (inst.operands[0], path) if origin(body.result, path) == (body.parameters[0], path) else None


def origin(inst: Instruction, path: Path) -> Leaf:
    """The leaf in this computation that owns the memory of a leaf."""
    while True:
        rule = VIEWS.find(inst.op)
        found = rule(inst, path) if rule is not None else None
        if found is None:
            return inst, path
        inst, path = found


def is_view(inst: Instruction) -> bool:
    """Whether all leaves of an instruction are views."""
    rule = VIEWS.find(inst.op)
    if rule is None or inst.op is OPS["while"]:
        return False
    return all(rule(inst, path) is not None for path, _ in inst.shape.leaves())


def is_row_major(shape: Shape) -> bool:
    """Whether an array lies in memory in the order of its dimensions (those of size 1 do not matter)."""
    return physical(shape) == tuple(n for n in shape.dims if n != 1) and _in_order(shape)


def _in_order(shape: Shape) -> bool:
    big = [d for d in shape.order if shape.dims[d] != 1]
    return big == sorted(big)


def physical(shape: Shape) -> tuple[object, ...]:
    """What decides where elements lie: the sizes, and which dimension is where, without those of size 1."""
    big = tuple(d for d in shape.order if shape.dims[d] != 1)
    return tuple(shape.dims[d] for d in big) if list(big) == sorted(big) else (big, shape.dims)
