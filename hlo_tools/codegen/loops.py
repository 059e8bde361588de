"""Aspect `LOOPS`, the common part: kernels of fusions, and of single ops whose elements are independent.

A kernel is a nest of PARALLEL loops over the result in the order of its memory, around the code of one element.
Results of equal sizes and layouts share a nest. A root that is a concatenation gets a nest for each operand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hlo_tools.codegen import choices, contraction, shaping  # noqa: F401 - they hold rules of ELEMENT
from hlo_tools.codegen.builder import Builder, Indices
from hlo_tools.codegen.elemental import ELEMENT, Elements, Path
from hlo_tools.codegen.index import Atom, Index, Quotient, Remainder, Var
from hlo_tools.codegen.kernel import Expr, Role, Stmt, roots, statements
from hlo_tools.codegen.launch import LOOPS, Launch, Result
from hlo_tools.codegen.scalar import SCALAR
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Cost
from hlo_tools.ir.shape import Shape
from hlo_tools.ops import OPS
from hlo_tools.support.names import stem

Splits = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class View:
    """What a launch computes: instructions in memory, and the root whose leaves are the results.

    name     of the kernel
    inputs   instructions whose values are in memory, with their operand number
    fused    whether it is a fusion
    flops    work of one run
    """

    name: str
    root: Instruction
    inputs: Mapping[Instruction, int]
    fused: bool
    flops: int

    @property
    def leaves(self) -> list[tuple[Path, Shape]]:
        """The arrays of the result."""
        return list(self.root.shape.leaves())


def view_of(inst: Instruction) -> View:
    """A fusion as its computation, any other instruction as a fusion of itself alone."""
    if inst.op is OPS["fusion"]:
        fused = inst.called[0]
        inputs = {p: int(p.attrs.number) for p in fused.parameters}
        return View(stem(inst.name), fused.result, inputs, True, sum(map(_work, fused.instructions)) + _size(inst))
    inputs = {}
    for number, x in enumerate(inst.operands):
        if not _is_immediate(x):
            inputs.setdefault(x, number)
    return View(inst.op.name, inst, inputs, False, _work(inst) + _size(inst))


def _is_immediate(inst: Instruction) -> bool:
    """A constant that stands in the code itself."""
    return inst.op.inline == "value" and inst.shape.is_array and inst.attrs.value.is_splat


def _work(inst: Instruction) -> int:
    cost: Cost = inst.op.cost(inst)
    return cost.flops + 16 * cost.transcendentals


def _size(inst: Instruction) -> int:
    return sum(shape.size for _, shape in inst.shape.leaves())


# ---- nests


def nests(view: View, wanted: Sequence[Path]) -> tuple[Launch, ...]:
    """A kernel for each group of the wanted results with equal sizes and layouts."""
    groups: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Path]] = {}
    for path in wanted:
        shape = view.root.shape.at(path)
        groups.setdefault((shape.dims, shape.order), []).append(path)
    return tuple(_nest(view, paths) for paths in groups.values())


def _nest(view: View, paths: list[Path], splits: Splits | None = None) -> Launch:
    """The kernel that computes the results at `paths`.

    Where reshapes divide a loop variable by constants, the kernel is made again with that loop split, so that
    its addresses become affine.
    """
    builder = Builder()
    elements = Elements(builder, view.inputs)
    shape = view.root.shape.at(paths[0])
    refs = [builder.param(Result(path), view.root.shape.at(path), Role.OUTPUT) for path in paths]
    with builder.nest(shape.dims, shape.order, splits=splits) as at:
        values = [elements.value(view.root, at, path) for path in paths]
        for ref, value in zip(refs, values, strict=True):
            builder.emit(*ref.store(at, value))
    launch = builder.launch(view.name, view.flops)
    if splits is None:
        found = find_splits(launch.kernel.body, at, shape.dims)
        if found:
            return _nest(view, paths, found)
    return launch


def find_splits(body: tuple[Stmt, ...], at: Indices, dims: tuple[int, ...]) -> Splits:
    """Factors of each dimension, outermost first, by which no address needs to divide its variable any more."""
    divisors: dict[Var, set[int]] = {}
    for atom in _divisions(body):
        for term, c in atom.of.terms:
            if isinstance(term, Var) and atom.by % abs(c) == 0:
                divisors.setdefault(term, set()).add(atom.by // abs(c))
    splits: Splits = {}
    for d, index in enumerate(at):
        var = index.terms[0][0] if index.terms else None
        if isinstance(var, Var) and var in divisors:
            factors = _chain(sorted(divisors[var] - {1}), dims[d])
            if len(factors) > 1:
                splits[d] = factors
    return splits


def _chain(divisors: list[int], size: int) -> tuple[int, ...]:
    """The factors of `size` between divisors of which each divides the next; others are left out."""
    factors: list[int] = []
    last = 1
    for n in divisors:
        if n % last == 0 and size % n == 0 and last < n < size:
            factors.append(n // last)
            last = n
    return (size // last, *reversed(factors))


def _divisions(body: tuple[Stmt, ...]) -> Iterator[Quotient | Remainder]:
    for stmt in statements(body):
        indices = [getattr(stmt, name) for name in ("index", "begin", "end") if hasattr(stmt, name)]
        for root in roots(stmt):
            indices.extend(_indices(root))
        for index in indices:
            for atom, _ in index.terms:
                yield from _nested(atom)


def _indices(root: Expr) -> Iterator[Index]:
    for e in root.walk():
        if e.op == "index":
            yield e.attr
        elif e.op == "load":
            yield e.attr.index


def _nested(atom: Atom) -> Iterator[Quotient | Remainder]:
    if isinstance(atom, (Quotient, Remainder)):
        yield atom
        for inner, _ in atom.of.terms:
            yield from _nested(inner)


# ---- concatenation at the root


def _concatenate(view: View) -> tuple[Launch, ...]:
    """A nest for each operand; they share the loops over dimensions outside the joined one."""
    inst, shape = view.root, view.root.shape
    d = inst.attrs.dimensions[0]
    outer = shape.order[: shape.order.index(d)]
    inner = shape.order[len(outer) :]
    builder = Builder()
    elements = Elements(builder, view.inputs)
    ref = builder.param(Result(), shape, Role.OUTPUT)
    with builder.nest(shape.dims, outer) as around:
        begin = 0
        for x in inst.operands:
            with builder.nest(x.shape.dims, inner) as within:
                at = tuple(around[i] if i in outer else within[i] for i in range(shape.rank))
                value = elements.value(x, at)
                place = (*at[:d], at[d] + begin, *at[d + 1 :])
                builder.emit(*ref.store(place, value))
            begin += x.shape.dims[d]
    return (builder.launch(view.name, view.flops),)


# ---- the table


def emit(inst: Instruction) -> tuple[Launch, ...]:
    """The launches of a single op by the code of its elements. Raises NotYet."""
    view = view_of(inst)
    return emit_leaves(view, [path for path, shape in view.leaves if shape.is_array and shape.size])


def emit_leaves(view: View, wanted: Sequence[Path]) -> tuple[Launch, ...]:
    """The launches that compute the results at `wanted` (none of size 0). Raises NotYet."""
    if not wanted:
        return ()
    root = view.root
    if root.op is OPS["concatenate"] and root not in view.inputs:
        return _concatenate(view)
    return nests(view, wanted)


def producer(inst: Instruction, path: Path) -> tuple[Instruction, Path]:
    """The instruction of the same computation that makes a leaf, behind tuples and get-tuple-elements."""
    while True:
        if inst.op is OPS["tuple"]:
            inst, path = inst.operands[path[0]], path[1:]
        elif inst.op is OPS["get-tuple-element"]:
            inst, path = inst.operands[0], (inst.attrs.index, *path)
        else:
            return inst, path


STRUCTURE = frozenset(
    OPS[name]
    for name in (
        "add-dependency", "call", "conditional", "constant", "copy-done", "copy-start", "domain", "get-tuple-element",
        "opt-barrier", "parameter", "tuple", "while",
    )
)  # fmt: skip
"""Ops that are no work of their own: a program binds, renames or calls, and no kernel is made."""

_OWN_FILE = frozenset({"fusion", "dynamic-update-slice", "reduce-window"})

for _op in dict.fromkeys((*SCALAR.rules, *ELEMENT.rules)):
    if _op not in STRUCTURE and _op.name not in _OWN_FILE:
        LOOPS.set(_op, emit)
