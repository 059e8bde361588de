"""Basic blocks of a kernel, ordered so that running the lowest block first makes diverged threads meet again.

The order is a weak topological one (F. Bourdoncle, "Efficient chaotic iteration strategies with widenings", 1993):
every block comes after all blocks that can lead to it within one iteration of its loops, and the blocks of a loop are
contiguous. A back edge goes through a *latch*, an empty block at the end of its loop: threads wait there for those
still in the iteration. So a thread reaches the block where paths join only when nobody behind it can still come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hlo_backends.gpu.simulate.errors import UnsupportedInstructionError
from hlo_backends.gpu.simulate.inline import FlatKernel
from hlo_backends.gpu.simulate.syntax import Instruction, Label, Symbol

END = -1
"""Successor of the blocks that end a thread."""

_ENDS_BLOCK = frozenset({"bra", "brx", "ret", "exit", "bar", "barrier"})


@dataclass(slots=True)
class Block:
    """Straight-line code. `last` is the jump, return or barrier at its end, None where it falls through.

    `targets` are the successors: for a jump the taken ones, then the next block where it can fall through.
    """

    body: list[Instruction] = field(default_factory=list)
    last: Instruction | None = None
    targets: tuple[int, ...] = ()


def _ends_block(instruction: Instruction) -> bool:
    return instruction.opcode in _ENDS_BLOCK and instruction.modifiers[:1] != ("warp",)


def build_blocks(kernel: FlatKernel) -> list[Block]:
    """The blocks of the kernel in execution order (see the module's docstring); block 0 is the entry."""
    blocks = [Block()]
    labels: dict[str, int] = {}
    for statement in kernel.body:
        if isinstance(statement, Label):
            if blocks[-1].body:
                blocks.append(Block())
            labels[statement.name] = len(blocks) - 1
        elif _ends_block(statement):
            blocks[-1].last = statement
            blocks.append(Block())
        else:
            blocks[-1].body.append(statement)
    for number, block in enumerate(blocks):
        following = number + 1 if number + 1 < len(blocks) else END
        block.targets = _targets(kernel, block.last, labels, following)
    return _reorder(blocks)


def _targets(
    kernel: FlatKernel, last: Instruction | None, labels: Mapping[str, int], following: int
) -> tuple[int, ...]:
    if last is None or last.opcode in ("bar", "barrier"):
        return (following,)
    if last.opcode in ("ret", "exit"):
        taken: list[int] = [END]
    else:
        names = [operand.name for operand in last.operands if isinstance(operand, Symbol)]
        names = list(kernel.tables.get(names[-1], ())) if last.opcode == "brx" else names
        missing = [name for name in names if name not in labels]
        if missing or not names:
            raise UnsupportedInstructionError("jump to an unknown label", line=last.line, text=last.text)
        taken = [labels[name] for name in names]
    return (*taken, following) if last.predicate else tuple(taken)


def _reorder(blocks: list[Block]) -> list[Block]:
    order = _Order([[target for target in block.targets if target != END] for block in blocks])
    place = {number: position for position, (number, _) in enumerate(order.sequence) if number >= 0}
    latches = {head: position for position, (number, head) in enumerate(order.sequence) if number < 0}
    result = []
    for position, (number, head) in enumerate(order.sequence):
        if number < 0:
            result.append(Block(targets=(place[head],)))
            continue
        block = blocks[number]
        block.targets = tuple(
            END if target == END else latches[target] if place[target] <= position else place[target]
            for target in block.targets
        )
        result.append(block)
    return result


class _Order:
    """Computes `sequence`: (block, block) for blocks and (-1, head) for the latch of the loop at `head`."""

    def __init__(self, successors: list[list[int]]) -> None:
        self.successors = successors
        self.sequence: list[tuple[int, int]] = []
        self.place({*range(len(successors))}, [0])

    def place(self, nodes: set[int], roots: Iterable[int]) -> None:
        for component in self.components(nodes, roots):
            head = component[0]
            self.sequence.append((head, head))
            if len(component) > 1 or head in self.successors[head]:
                self.place(set(component[1:]), self.successors[head])
                self.sequence.append((-1, head))

    def components(self, nodes: set[int], roots: Iterable[int]) -> list[list[int]]:
        """Strongly connected components reachable from the roots within `nodes`, in topological order (Tarjan).

        Each starts with its head: the node that the search entered it by.
        """
        index: dict[int, int] = {}
        low: dict[int, int] = {}
        stack: list[int] = []
        found: list[list[int]] = []
        done: set[int] = set()
        for root in roots:
            if root not in nodes or root in index:
                continue
            work = [(root, iter(self.successors[root]))]
            index[root] = low[root] = len(index)
            stack.append(root)
            while work:
                node, rest = work[-1]
                target = next((one for one in rest if one in nodes and one not in done), None)
                if target is None:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == index[node]:
                        start = stack.index(node)
                        found.append(stack[start:])
                        done.update(stack[start:])
                        del stack[start:]
                elif target in index:
                    low[node] = min(low[node], index[target])
                else:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(self.successors[target])))
        return found[::-1]
