"""Which parts of a loop's state never change."""

from __future__ import annotations

from hlo_tools.ir.computation import Computation, by_version
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops.control import while_
from hlo_tools.ops.structure import get_tuple_element, opt_barrier, tuple_

Path = tuple[int, ...]


@by_version
def kept_leaves(body: Computation) -> frozenset[Path]:
    """The leaves of the state that the body of a loop hands on as they are."""
    state = body.parameters[0]
    return frozenset(path for path, _ in state.shape.leaves() if made_by(body.result, path) == (state, path))


def made_by(inst: Instruction, path: Path) -> tuple[Instruction, Path]:
    """The instruction, and the leaf of it, that a leaf is: through tuples and what loops hand on."""
    while True:
        if inst.op is tuple_ and path:
            inst, path = inst.operands[path[0]], path[1:]
        elif inst.op is get_tuple_element:
            inst, path = inst.operands[0], (inst.attrs.index, *path)
        elif inst.op is opt_barrier or (inst.op is while_ and path in kept_leaves(inst.attrs.body)):
            inst = inst.operands[0]
        else:
            return inst, path
