"""Results that are an operand with changes: dynamic-update-slice and scatter, alone or at the root of a fusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Indices, Ref, within
from hlo_tools.codegen.elemental import Elements, Path, applied
from hlo_tools.codegen.index import ZERO, Dynamic, Index, constant, of
from hlo_tools.codegen.kernel import Axis, Expr, Role, Type
from hlo_tools.codegen.launch import LOOPS, UPDATES, Launch, Result, Update
from hlo_tools.codegen.loops import View, emit_leaves, producer, view_of
from hlo_tools.codegen.shaping import clamped, index_vector_element
from hlo_tools.codegen.value import TRUE, both, real
from hlo_tools.codegen.views import physical
from hlo_tools.ir.element import S64
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS

UPDATE_SLICE, SCATTER = OPS["dynamic-update-slice"], OPS["scatter"]
_FAR = 1 << 62


def _base(view: View, inst: Instruction, number: int) -> tuple[int, Path] | None:
    """The launch operand that `inst` changes, when nothing else in the view reads it; None otherwise."""
    x = inst.operands[number]
    path: Path = ()
    reader = inst
    while x.op is OPS["get-tuple-element"] and x not in view.inputs:
        if set(x.users) != {reader}:
            return None
        path = (x.attrs.index, *path)
        reader, x = x, x.operands[0]
    if x not in view.inputs:
        return None
    if view.fused and any(user is not reader and not _other_leaf(user, path) for user in x.users):
        return None
    if sum(y is x for y in reader.operands) > 1 and view.fused:
        return None
    target = inst.shape.at((number,)) if inst.shape.is_tuple else inst.shape
    return (view.inputs[x], path) if physical(x.shape.at(path)) == physical(target) else None


def _other_leaf(user: Instruction, path: Path) -> bool:
    """Whether `user` takes another leaf of a tuple than the one at `path`."""
    return user.op is OPS["get-tuple-element"] and path[:1] != (user.attrs.index,)


def _is_updated(view: View, inst: Instruction) -> bool:
    """Whether a dynamic-update-slice can change its operand in place, and nothing in the view reads the result."""
    last = inst is view.root or set(inst.users) == {view.root}
    return last and _base(view, inst, 0) is not None


def _changed(view: View) -> dict[Path, Instruction]:
    """The results that are made by changing memory, with the instruction that does it."""
    found: dict[Path, Instruction] = {}
    for path, shape in view.leaves:
        inst, rest = producer(view.root, path)
        if inst in view.inputs or not shape.size:
            continue
        scatters = inst.op is SCATTER and (inst is view.root or not inst.shape.is_tuple)
        if scatters or (inst.op is UPDATE_SLICE and not rest and _is_updated(view, inst)):
            found[path] = inst
    return found


def updates(inst: Instruction) -> tuple[Update, ...]:
    """The leaves that a fusion, a dynamic-update-slice or a scatter changes in place."""
    view = view_of(inst)
    found: list[Update] = []
    for path, changing in _changed(view).items():
        number = path[-1] if changing.op is SCATTER and changing.shape.is_tuple else 0
        base = _base(view, changing, number)
        if base is not None:
            found.append(Update(path, *base))
    return tuple(found)


def emit(inst: Instruction) -> tuple[Launch, ...]:
    """Kernels for the results that are computed whole, then those that change memory."""
    view = view_of(inst)
    changed = _changed(view)
    rest = [path for path, shape in view.leaves if path not in changed and shape.is_array and shape.size]
    launches = list(emit_leaves(view, rest)) if rest else []
    scatters: dict[Instruction, list[Path]] = {}
    for path, changing in changed.items():
        if changing.op is UPDATE_SLICE:
            launches.extend(_update_slice(view, changing, path))
        else:
            scatters.setdefault(changing, []).append(path)
    for changing, paths in scatters.items():
        for number, path in enumerate(paths):
            if _base(view, changing, number) is None:
                launches.append(_filled(view, changing.operands[number], path))
        launches.extend(_scatter(view, changing, paths))
    return tuple(launches)


def _filled(view: View, source: Instruction, path: Path) -> Launch:
    """Compute the array that is going to be changed."""
    builder = Builder()
    elements = Elements(builder, view.inputs)
    shape = view.root.shape.at(path)
    ref = builder.param(Result(path), shape, Role.OUTPUT)
    with builder.nest(shape.dims, shape.order) as at:
        builder.emit(*ref.store(at, elements.value(source, at)))
    return builder.launch(view.name, shape.size)


# ---- dynamic-update-slice


def _update_slice(view: View, inst: Instruction, path: Path) -> Iterator[Launch]:
    shape, update = view.root.shape.at(path), inst.operands[1]
    if not update.shape.size:
        return
    builder = Builder()
    ref = builder.param(Result(path), shape, Role.INOUT)
    elements = Elements(builder, view.inputs)
    base = _start_indices(elements, inst, 2, [n - m for n, m in zip(shape.dims, update.shape.dims, strict=True)])
    with builder.nest(update.shape.dims, shape.order) as at:
        place = tuple(b + i for b, i in zip(base, at, strict=True))
        builder.emit(*ref.store(place, elements.value(update, at)))
    yield builder.launch(view.name, view.flops * update.shape.size // shape.size)


def _start_indices(elements: Elements, inst: Instruction, first: int, highs: Sequence[int]) -> list[Index]:
    operands = inst.operands[first:]
    vector = len(operands) == 1 and operands[0].shape.rank == 1
    found: list[Index] = []
    for d, high in enumerate(highs):
        source, at = (operands[0], (constant(d),)) if vector else (operands[d], ())
        found.append(clamped(real(elements.value(source, at)), high) if high else ZERO)
    return found


# ---- scatter


def _scatter(view: View, inst: Instruction, paths: Sequence[Path]) -> Iterator[Launch]:
    """A loop over the index vectors, in order unless they are unique, around one over the window."""
    at, n = inst.attrs, len(inst.operands) // 2
    indices, updates_of = inst.operands[n], inst.operands[n + 1 :]
    update = updates_of[0].shape
    if not update.size:
        return
    builder = Builder()
    refs = [builder.param(Result(path), view.root.shape.at(path), Role.INOUT) for path in paths]
    elements = Elements(builder, view.inputs)
    scattered = [d for d in range(update.rank) if d not in at.update_window_dims]
    axis = Axis.PARALLEL if at.unique_indices else Axis.SERIAL
    with builder.nest([update.dims[d] for d in scattered], range(len(scattered)), axis) as batch:
        begins = _window_starts(elements, inst, indices, batch)
        window = _Window(refs[0], inst, begins)
        with builder.when(window.fits), window.loops(builder) as (place, offsets):
            where = dict(zip((*scattered, *at.update_window_dims), (*batch, *offsets), strict=True))
            source = tuple(where[d] for d in range(update.rank))
            new = [elements.value(u, source) for u in updates_of]
            old = [ref.load(place) for ref in refs]
            changed = applied(builder, at.to_apply, [*old, *new])
            if len(changed) > 1:
                changed = tuple(builder.kept(value) for value in changed)
            for ref, value in zip(refs, changed, strict=True):
                builder.update(ref, place, value)
    yield builder.launch(view.name, view.flops)


def _window_starts(elements: Elements, inst: Instruction, indices: Instruction, batch: Indices) -> list[Index]:
    """Where the window of an index vector begins in each dimension."""
    at, rank = inst.attrs, inst.operands[0].shape.rank
    found: list[Index] = []
    for d in range(rank):
        start = ZERO
        if d in at.scatter_dims_to_operand_dims:
            which = at.scatter_dims_to_operand_dims.index(d)
            vector = index_vector_element(list(batch), at.index_vector_dim, indices.shape.rank, which)
            start = of(Dynamic(_wide(real(elements.value(indices, vector))), -_FAR, _FAR))
        if d in at.input_batching_dims:
            axis = at.scatter_indices_batching_dims[at.input_batching_dims.index(d)]
            start = batch[axis if axis < at.index_vector_dim else axis - 1]
        found.append(start)
    return found


def _wide(start: Expr) -> Expr:
    """An index as s64, far ones brought into a range whose sums do not wrap."""
    if start.type.element.bits == 64 and not start.type.element.is_signed:
        return k.convert(k.binary("min", start, k.const(_FAR, Type(start.type.element))), S64)
    wide = k.convert(start, S64)
    if start.type.element.bits == 64:
        wide = k.binary("max", k.binary("min", wide, k.const(_FAR, k.INDEX)), k.const(-_FAR, k.INDEX))
    return wide


class _Window:
    """The part of an array that an index vector points at; `fits` says whether all of it is inside."""

    def __init__(self, ref: Ref, inst: Instruction, begins: list[Index]) -> None:
        at, n = inst.attrs, len(inst.operands) // 2
        sizes = iter([inst.operands[n + 1].shape.dims[d] for d in at.update_window_dims])
        gone = (*at.inserted_window_dims, *at.input_batching_dims)
        self.ref = ref
        self.begins = begins
        self.kept = [d for d in range(ref.shape.rank) if d not in gone]
        self.sizes = {d: next(sizes) for d in self.kept}
        self.fits = TRUE
        for d, begin in enumerate(begins):
            self.fits = both(self.fits, within(begin, 0, ref.shape.dims[d] - self.sizes.get(d, 1) + 1))

    @contextmanager
    def loops(self, builder: Builder) -> Iterator[tuple[Indices, Indices]]:
        """Loops over the window; gives the place in the array, and the offset in each kept dimension."""
        place = list(self.begins)
        offsets: dict[int, Index] = {}
        with ExitStack() as stack:
            for d in self.ref.shape.order:
                if d in self.sizes:
                    offsets[d] = stack.enter_context(builder.loop(self.sizes[d]))
                    place[d] = self.begins[d] + offsets[d]
            yield tuple(place), tuple(offsets[d] for d in self.kept)


LOOPS.set(OPS["fusion"], emit)
LOOPS.set(UPDATE_SLICE, emit)
LOOPS.set(SCATTER, emit)
for _op in (OPS["fusion"], UPDATE_SLICE, SCATTER):
    UPDATES.set(_op, updates)
