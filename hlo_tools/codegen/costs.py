"""A rough cost of statements in cycles, good enough to choose between ways to vectorise the same work."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.kernel import Expr, For, If, Scatter, Stmt, Store, While
from hlo_tools.codegen.nests import extent
from hlo_tools.codegen.target import Processor

_OPS = {"div": 4.0, "rem": 6.0, "sqrt": 5.0, "shuffle": 1.0, "const": 0.0, "cell": 0.0, "index": 0.1, "splat": 0.3}
_SIMPLE = 0.5
_MEMORY = 1.0
_BRANCH = 0.5


def cost(body: Sequence[Stmt], processor: Processor) -> float:
    """Cycles of one run of the statements; shared expressions count once per list of statements."""
    return _cost(body, processor, set())


def _cost(body: Sequence[Stmt], processor: Processor, seen: set[int]) -> float:
    total = 0.0
    for stmt in body:
        for root in k.roots(stmt):
            total += _new(root, processor, seen)
        if isinstance(stmt, For):
            total += extent(stmt) * (_cost(stmt.body, processor, set(seen)) + _BRANCH)
        elif isinstance(stmt, Store):
            total += _MEMORY * _registers(stmt.value, processor)
        elif isinstance(stmt, Scatter):
            total += (1.5 if processor.masks else 2.5) * stmt.value.type.lanes
        elif isinstance(stmt, If):
            total += _BRANCH + _cost(stmt.then, processor, set(seen)) + _cost(stmt.otherwise, processor, set(seen))
        elif isinstance(stmt, While):
            total += 8 * _cost(stmt.body, processor, set(seen))
    return total


def _new(root: Expr, processor: Processor, seen: set[int]) -> float:
    total = 0.0
    stack = [root]
    while stack:
        e = stack.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        stack.extend(e.children)
        if e.op == "load":
            total += _MEMORY * _registers(e, processor)
            if e.args and e.args[0].op != "splat":
                total += _masked(e, processor)
        elif e.op == "gather":
            total += (1.2 if processor.masks else 2.5) * e.type.lanes
            total += _masked(e, processor) if len(e.args) > 1 else 0.0
        else:
            total += _OPS.get(e.op, _SIMPLE) * _registers(e, processor)
    return total


def _masked(e: Expr, processor: Processor) -> float:
    """What a mask adds to a load: nothing, or a branch for each lane."""
    return 0.0 if processor.masks else 2.0 * e.type.lanes


def _registers(e: Expr, processor: Processor) -> int:
    """How many vector registers a value takes."""
    return max(1, e.type.lanes * max(1, e.type.element.bits // 8) // processor.vector_bytes)
