"""The verifier: structure, shapes re-inferred by each op's own rule, and the rules of whole modules by topic.

It collects every finding of a module before it raises. What holds for one instruction and its operands stands in the
op (`Op.shape`, `Op.check`, `Op.verify`); what holds between instructions, in the files `verify_*.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import NO_EXTRAS, Instruction
from hlo_tools.ir.module import Module, called_by
from hlo_tools.ir.op import NotYet, Op, ShapeError, Trait, callee_fields
from hlo_tools.ir.shape import Shape, compatible, in_one_precision
from hlo_tools.ir.sharding import Sharding
from hlo_tools.ir.verify_annotations import (
    check_consistent_shardings,
    check_scheduling_names,
    origin_problem,
    sharding_problem,
)
from hlo_tools.ir.verify_buffers import TARGETS, check_buffers, has_buffer
from hlo_tools.ir.verify_channels import COLLECTIVES, check_channels, check_deadlocks
from hlo_tools.ir.verify_header import check_header
from hlo_tools.ir.verify_layouts import check_host_copies
from hlo_tools.ir.verify_options import DEFAULT, VerifyOptions, check_options
from hlo_tools.ir.verify_pairs import PAIRED, check_pairs
from hlo_tools.support.diagnostic import Diagnostic, Note, VerifyError

_WATCHED = PAIRED | COLLECTIVES | {
    "conditional", "copy", "custom-call", "fusion", "while",
}  # fmt: skip
_ACCURATE = frozenset(
    {"cbrt", "cosine", "erf", "exponential", "exponential-minus-one", "log", "log-plus-one", "logistic", "rsqrt",
     "sine", "sqrt", "tan", "tanh"}
)  # fmt: skip
"""Ops that may say how exact their result must be."""


def verify_module(module: Module, options: VerifyOptions = DEFAULT) -> None:
    """Check a whole module.

    Raises VerifyError with every diagnostic found: instructions in the order of the text, then the header, then the
    rules of whole modules by topic.
    """
    found = _Run(module, options).run()
    if found:
        raise VerifyError(found)


class _Run:
    """One verification of one module."""

    def __init__(self, module: Module, options: VerifyOptions) -> None:
        self.module = module
        self.options = options
        self.found: list[Diagnostic] = []
        self.broken = False  # whether edges or callees are wrong, so that the graph cannot be followed
        self.watched: dict[str, list[Instruction]] = {}
        self.shapes: set[Shape] = set()
        self.pure: dict[Op[Any], bool] = {}
        self.checked: set[tuple[object, ...]] = set()
        self.sharded: set[tuple[Sharding, Shape]] = set()

    def run(self) -> list[Diagnostic]:
        """Every finding."""
        module = self.module
        for computation in module:
            self._computation(computation)
        self.found.extend(_recursions(module))
        self.found.extend(check_header(module))
        if not self.broken and module.entry is not None:
            self._module()
        return self.found

    def _module(self) -> None:
        module, watched = self.module, self.watched
        self.found.extend(check_pairs(module, watched))
        self.found.extend(check_channels(module, watched))
        self.found.extend(check_deadlocks(module, watched))
        self.found.extend(check_consistent_shardings(module, watched))
        self.found.extend(check_host_copies(module, watched))
        if self.options is not DEFAULT:
            self.found.extend(check_options(module, self.options))
        for fusion in watched.get("fusion", ()):
            self.found.extend(_fused(module, fusion))
        pins = any(i.attrs.custom_call_target in TARGETS for i in watched.get("custom-call", ()))
        if pins or any(map(has_buffer, self.shapes)):
            started = {c for i in watched.get("async-start", ()) for c in i.called}
            self.found.extend(check_buffers(module, started))

    # ---- one computation

    def _computation(self, computation: Computation) -> None:
        module, found = self.module, self.found
        if computation.root is None:
            message = f"computation {computation.name} has no root"
            found.append(Diagnostic("HLO2003", message, module.span(computation)))
            self.broken = True
            return
        insts = computation.instructions
        if len({i.name for i in insts}) < len(insts):
            found.extend(_names(module, computation))
        found.extend(_parameters(module, computation))
        shapes, watched, seen = self.shapes, self.watched, set[Instruction]()
        in_order = True
        for inst in insts:
            shapes.add(inst.shape)
            seen.add(inst)
            for x in inst.operands:
                if x.parent is not computation or inst not in x.users:
                    found.append(_edge(module, inst, x))
                    self.broken = True
                elif x not in seen:
                    in_order = False
            if inst.parent is not computation:
                message = f"{inst.name} belongs to another computation"
                found.append(Diagnostic("HLO2006", message, module.span(inst)))
                self.broken = True
            if inst.sharding is not None:
                self._sharding(inst, inst.sharding)
            if inst.extras is not NO_EXTRAS:
                in_order = in_order and seen.issuperset(inst.extras.control_predecessors)
                self._extras(inst)
            if self._instruction(inst) and inst.op.name in _WATCHED:
                watched.setdefault(inst.op.name, []).append(inst)
        if not in_order:
            self._order(computation)
        found.extend(check_scheduling_names(module, computation))

    def _order(self, computation: Computation) -> None:
        """Operands that stand further down: no cycle, and no schedule that contradicts them."""
        module = self.module
        try:
            order = computation.order()
        except VerifyError as e:
            late = next((i for i in computation.instructions if f"{i.name} depends on itself" in str(e)), None)
            span = None if late is None else module.span(late)
            self.found.extend(Diagnostic(d.code, d.message, d.span or span) for d in e.diagnostics)
            return
        if module.header.is_scheduled:
            late = next(a for a, b in zip(computation.instructions, order, strict=True) if a is not b)
            message = f"{late.name} is scheduled before what it depends on"
            self.found.append(Diagnostic("HLO2014", message, module.span(late)))

    # ---- one instruction

    def _instruction(self, inst: Instruction) -> bool:
        """Whether the rules of the op hold. Equal uses of an op that looks at nothing but shapes are checked once."""
        op = inst.op
        pure = self.pure.get(op)
        if pure is None:
            pure = self.pure[op] = type(op).verify is Op.verify and not callee_fields(op.Attrs)
        if pure:
            key = (op, inst.shape, id(inst.attrs), *[x.shape for x in inst.operands])
            if key in self.checked:
                return True
            sound = self._sound(inst)
            if sound:
                self.checked.add(key)
            return sound
        for callee in inst.called:
            if self.module.computations.get(callee.name) is not callee or callee.root is None:
                message = f"{inst.name} calls {callee.name}, which is not in the module"
                self.found.append(Diagnostic("HLO2007", message, self.module.span(inst)))
                self.broken = True
                return False
        return self._sound(inst)

    def _sound(self, inst: Instruction) -> bool:
        """Whether the rules of the op hold; a finding where they do not."""
        module, op = self.module, inst.op
        if op.arity is not None and len(inst.operands) != op.arity:
            message = f"{op.name} takes {op.arity} operands, got {len(inst.operands)}"
            self.found.append(Diagnostic("HLO2008", message, module.span(inst)))
            return False
        try:
            try:
                check_shape(inst)
            except ShapeError:
                if not self.options.allow_mixed_precision:
                    raise
                _check_in_one_precision(inst)
            op.verify(inst)
        except ShapeError as e:
            message = f"{op.name} {inst.name}: {e.message}"
            self.found.append(Diagnostic("HLO2001", message, module.span(inst), notes=_notes(module, inst, e)))
            return False
        except NotYet as e:
            self.found.append(Diagnostic("HLO2009", str(e), module.span(inst)))
            return False
        return True

    def _sharding(self, inst: Instruction, sharding: Sharding) -> None:
        key = (sharding, inst.shape)
        if key in self.sharded:
            return
        problem = sharding_problem(sharding, inst.shape, self.module.header.num_partitions)
        if problem:
            message = f"invalid sharding of {inst.name}: {problem}"
            self.found.append(Diagnostic("HLO2016", message, self.module.span(inst)))
        else:
            self.sharded.add(key)

    def _extras(self, inst: Instruction) -> None:
        """Annotations of any instruction that have a form of their own."""
        extras = inst.extras
        problem = origin_problem(inst) if extras.origin else ""
        if (accuracy := extras.result_accuracy) is not None:
            if inst.op.name not in _ACCURATE:
                problem = f"result_accuracy is not supported for {inst.op.name}"
            elif accuracy.mode not in ("", "highest"):
                problem = f"result_accuracy has no mode {accuracy.mode}; there are default and highest"
        if problem:
            self.found.append(Diagnostic("HLO2018", f"{inst.name}: {problem}", self.module.span(inst)))


def _edge(module: Module, inst: Instruction, x: Instruction) -> Diagnostic:
    if x.parent is not inst.parent:
        message = f"{inst.name} reads {x.name} of another computation"
    else:
        message = f"{x.name} does not know its user {inst.name}"
    return Diagnostic("HLO2006", message, module.span(inst))


def _names(module: Module, computation: Computation) -> Iterator[Diagnostic]:
    seen: dict[str, Instruction] = {}
    for inst in computation.instructions:
        first = seen.setdefault(inst.name, inst)
        if first is not inst:
            note = Note("the first one is here", module.span(first))
            yield Diagnostic("HLO2004", f"instruction name {inst.name} is used twice", module.span(inst), notes=(note,))


def _parameters(module: Module, computation: Computation) -> Iterator[Diagnostic]:
    for expected, inst in enumerate(computation.parameters):
        if inst.attrs.number != expected:
            message = (
                f"parameter numbers of {computation.name} are not 0, 1, ...: {inst.attrs.number} follows {expected - 1}"
            )
            yield Diagnostic("HLO2005", message, module.span(inst))
            return


def check_shape(inst: Instruction) -> None:
    """Whether the shape of an instruction follows from its operands. Raises ShapeError."""
    _check_shapes(inst, inst.shape, [x.shape for x in inst.operands])


def _check_shapes(inst: Instruction, shape: Shape, xs: list[Shape]) -> None:
    """Whether the result of `inst` on `xs` has this shape."""
    if inst.op.declared:
        inst.op.check(inst.attrs, shape, *xs)
        return
    inferred = inst.op.shape(inst.attrs, *xs)
    if not compatible(inferred, shape):
        raise ShapeError(f"the result is {inferred.bare}, but {shape.bare} is declared")


def _check_in_one_precision(inst: Instruction) -> None:
    """Whether the shape would follow if all floats were of one type. Raises ShapeError."""
    *xs, shape = in_one_precision([*(x.shape for x in inst.operands), inst.shape])
    _check_shapes(inst, shape, xs)


def _notes(module: Module, inst: Instruction, error: ShapeError) -> tuple[Note, ...]:
    if error.operand is None or error.operand >= len(inst.operands):
        return ()
    x = inst.operands[error.operand]
    return (Note(f"operand {error.operand} is {x.name}: {x.shape}", module.span(x)),)


def _recursions(module: Module) -> Iterator[Diagnostic]:
    """Computations that call themselves, directly or through others. Those without callees are taken away first."""
    callees = {c: set(called_by(c)) for c in module}
    callers: dict[Computation, list[Computation]] = {}
    for c, called in callees.items():
        for callee in called:
            callers.setdefault(callee, []).append(c)
    done = [c for c, called in callees.items() if not called]
    for c in done:
        for caller in callers.get(c, ()):
            callees[caller].discard(c)
            if not callees[caller]:
                done.append(caller)
    for c, called in callees.items():
        if called and c in callers and any(c in callees.get(x, ()) or x is c for x in called):
            yield Diagnostic("HLO2002", f"computation {c.name} calls itself", module.span(c))
            return


def _fused(module: Module, fusion: Instruction) -> Iterator[Diagnostic]:
    """In a fused computation nobody reads the root, and everything else is read."""
    computation = fusion.attrs.calls
    note = Note(f"it is fused by {fusion.name}", module.span(fusion))
    if computation is module.entry:
        message = f"the entry computation cannot be a fusion computation: {fusion.name} fuses it"
        yield Diagnostic("HLO2019", message, module.span(fusion))
    for inst in computation.instructions:
        if inst is computation.root:
            if inst.users:
                message = f"the root of fused computation {computation.name} may not have users"
                yield Diagnostic("HLO2019", message, module.span(inst), notes=(note,))
        elif not inst.users and not _has_effect(inst):
            message = f"non-root instruction {inst.name} of fused computation {computation.name} must have users"
            yield Diagnostic("HLO2019", message, module.span(inst), notes=(note,))


def _has_effect(inst: Instruction) -> bool:
    return Trait.SIDE_EFFECT in inst.op.traits or getattr(inst.attrs, "custom_call_has_side_effect", False)
