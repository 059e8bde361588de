"""From an HLO module to a `Program`: walks each computation in order and decides which slot every value gets.

Three decisions keep copies away:
- *views*: tuple, get-tuple-element and the like share the slot of their operand (`views.py`);
- *wishes*: a result of the entry, or the next state of a loop, is computed straight into the slot where it must
  end up, and so, backwards, is what an in-place op will update;
- *updates*: dynamic-update-slice, scatter and sort change their operand in place when it is ours and nobody reads
  it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hlo_tools.codegen.emitters import LOOPS, UPDATES
from hlo_tools.codegen.kernel import Kernel
from hlo_tools.codegen.launch import Data, Emitter, Launch, Operand, Result, Scratch, Update
from hlo_tools.codegen.memory import assign
from hlo_tools.codegen.program import (
    Area,
    Branch,
    Call,
    Constant,
    Copy,
    CustomCall,
    Loop,
    Port,
    Program,
    Slot,
    Step,
)
from hlo_tools.codegen.text import to_text
from hlo_tools.codegen.views import Leaf, Path, is_view, origin
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Array, Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import NotYet, Op, Trait
from hlo_tools.ops import OPS
from hlo_tools.support.diagnostic import UnsupportedError

_END = 1 << 60  # the position of the caller, who reads the root


Finish = Callable[[Kernel], tuple[Kernel, ...]]
"""What a target makes of an abstract kernel: kernels of its own to run in order on the same parameters."""


def plan(module: Module, emitters: Mapping[Op[Any], Emitter], finish: Finish) -> Program:
    """The program of a module's entry.

    emitters  a backend's own, looked up before the common ones
    finish    applied once to each distinct kernel

    Raises UnsupportedError (HLO4xxx), located, for an op or a type without code.
    """
    planner = _Planner(module, emitters, finish)
    main = module.main
    arguments = _ports(main.parameters)
    results = tuple(Port("", shape, path) for path, shape in main.result.shape.leaves())
    bound: dict[Leaf, Slot] = {}
    for number, port in enumerate(arguments):
        parameter = main.parameters[_parameter_of(main, number)]
        bound[parameter, port.path] = Slot(Area.ARGUMENT, number, port.shape.bytes)
    targets = {port.path: Slot(Area.RESULT, n, port.shape.bytes) for n, port in enumerate(results)}
    steps: list[Step] = []
    _Frame(planner, main, bound, frozenset(), targets, steps).run()
    return Program(
        module.name,
        arguments,
        results,
        tuple(planner.constants.values()),
        tuple(k for made in planner.kernels.values() for k in made),
        tuple(steps),
        assign(planner.scratch),
    )


def _ports(parameters: Sequence[Instruction]) -> tuple[Port, ...]:
    return tuple(Port(p.name, shape, path) for p in parameters for path, shape in p.shape.leaves())


def _parameter_of(main: Computation, argument: int) -> int:
    """The parameter that flattened argument `argument` is a leaf of."""
    owners = [n for n, p in enumerate(main.parameters) for _ in p.shape.leaves()]
    return owners[argument]


class _Planner:
    """What all frames share: time, scratch slots, constants, kernels by text."""

    def __init__(self, module: Module, emitters: Mapping[Op[Any], Emitter], finish: Finish) -> None:
        self.module = module
        self.emitters = emitters
        self.finish = finish
        self.time = 0
        self.scratch: list[Slot] = []
        self.constants: dict[tuple[str, bytes], Constant] = {}
        self.kernels: dict[str, tuple[Kernel, ...]] = {}
        self._finished: dict[Kernel, tuple[Kernel, ...]] = {}  # emitters may give the same kernel again
        self._names: dict[str, int] = {}

    def new_slot(self, size: int) -> Slot:
        slot = Slot(Area.SCRATCH, len(self.scratch), size)
        self.scratch.append(slot)
        return slot

    def constant(self, data: Array) -> Slot:
        key = (str(data.dtype), data.tobytes())
        found = self.constants.get(key)
        if found is None:
            slot = Slot(Area.CONSTANT, len(self.constants), data.nbytes)
            found = self.constants[key] = Constant(slot, data)
        return found.slot

    def finished(self, kernel: Kernel) -> tuple[Kernel, ...]:
        """What the target makes of a kernel; of kernels that are equal but for the name, the first is taken."""
        made = self._finished.get(kernel)
        if made is None:
            text = to_text(kernel).partition("\n")[2]
            made = self.kernels.get(text)
            if made is None:
                made = self.kernels[text] = self.finish(self._renamed(kernel))
            self._finished[kernel] = made
        return made

    def _renamed(self, kernel: Kernel) -> Kernel:
        number = self._names.get(kernel.name, 0)
        self._names[kernel.name] = number + 1
        if number == 0:
            return kernel
        return Kernel(f"{kernel.name}.{number}", kernel.params, kernel.body, kernel.flops, kernel.scratch)

    def emit(self, inst: Instruction) -> tuple[Launch, ...]:
        """The launches of an instruction; UnsupportedError when there is no code for it."""
        rule = self.emitters.get(inst.op) or LOOPS.find(inst.op)
        span = self.module.span(inst)
        if rule is None:
            raise UnsupportedError.at("HLO4101", f"no code for {inst.op.name} yet", span)
        try:
            return rule(inst)
        except NotYet as e:
            raise UnsupportedError.at("HLO4102", f"{inst.name}: {e}", span) from e


class _Frame:
    """One computation in one place: what its values are bound to, and the steps that compute them.

    owned    slots of parameters that the frame may change (loop state)
    targets  where the leaves of the root must end up
    """

    def __init__(
        self,
        planner: _Planner,
        computation: Computation,
        bound: dict[Leaf, Slot],
        owned: frozenset[Slot],
        targets: Mapping[Path, Slot],
        steps: list[Step],
    ) -> None:
        self.planner = planner
        self.computation = computation
        self.bound = bound
        self.own: set[Slot] = set(owned)
        self.targets = targets
        self.landing = frozenset(targets.values())
        self.steps = steps
        self.order = computation.order()
        self.position = {inst: i for i, inst in enumerate(self.order)}
        self.last_read = self._last_reads()
        self.wishes: dict[Leaf, Slot] = {}
        self._wish()

    # ---- what is known before the first step

    def _last_reads(self) -> dict[Leaf, int]:
        last: dict[Leaf, int] = {}
        for at, inst in enumerate(self.order):
            if not is_view(inst):
                for x in inst.operands:
                    for path, _ in x.shape.leaves():
                        last[origin(x, path)] = at
        root = self.computation.result
        for path, _ in root.shape.leaves():
            last[origin(root, path)] = _END
        return last

    def _wish(self) -> None:
        """Decide, backwards, which values are computed straight into a target."""
        root = self.computation.result
        claimed: set[Leaf] = set()
        for path, slot in self.targets.items():
            leaf = origin(root, path)
            if leaf not in claimed and self._may_hold(leaf, slot):
                self.wishes[leaf] = slot
                claimed.add(leaf)
        for inst in reversed(self.order):
            for before, path in self._continues(inst):
                wish = self.wishes.get((inst, path))
                dies = self.last_read.get(before, -1) == self.position[inst]
                if wish is not None and dies and before not in self.wishes and self._may_hold(before, wish):
                    self.wishes[before] = wish

    def _continues(self, inst: Instruction) -> list[tuple[Leaf, Path]]:
        """Pairs of an operand leaf and the result leaf that goes on in the same memory."""
        if inst.op is OPS["while"]:
            return [(origin(inst.operands[0], path), path) for path, _ in inst.shape.leaves()]
        return [(origin(inst.operands[u.operand], u.path), u.result) for u in _updates(inst)]

    def _may_hold(self, leaf: Leaf, slot: Slot) -> bool:
        """Whether computing `leaf` into `slot` destroys nothing that is read later."""
        inst, _ = leaf
        if inst.op is OPS["parameter"] or inst.op is OPS["constant"]:
            return False
        for state, holder in self.bound.items():
            if holder is slot:
                last = self.last_read.get(state, -1)
                at = self.position[inst]
                continues = any(before == state for before, path in self._continues(inst) if (inst, path) == leaf)
                reads = sum(origin(x, p) == state for x in inst.operands for p, _ in x.shape.leaves())
                return last < at or (last == at and continues and reads == 1)
        return True

    # ---- making steps

    def run(self) -> None:
        """Append the steps of all instructions, then move what did not land in its target."""
        for inst in self.order:
            if not is_view(inst) and inst.op is not OPS["parameter"]:
                self._instruction(inst)
        self._deliver()

    def slot(self, inst: Instruction, path: Path = ()) -> Slot:
        """Where a leaf lies."""
        return self.bound[origin(inst, path)]

    def _instruction(self, inst: Instruction) -> None:
        if inst.op is OPS["constant"]:
            for path, _ in inst.shape.leaves():
                self.bound[inst, path] = self.planner.constant(self._data(inst, path))
        elif inst.op is OPS["while"]:
            self._while(inst)
        elif inst.op is OPS["conditional"]:
            self._conditional(inst)
        elif inst.op is OPS["call"]:
            self._call(inst)
        elif inst.op is OPS["custom-call"]:
            self._custom_call(inst)
        elif not inst.shape.bytes and Trait.SIDE_EFFECT not in inst.op.traits:  # tokens and empty arrays
            self.bound.update(((inst, path), self.planner.new_slot(0)) for path, _ in inst.shape.leaves())
        else:
            self._launches(inst)

    def _data(self, inst: Instruction, path: Path) -> Array:
        literal: Literal = inst.attrs.value
        for i in path:
            assert isinstance(literal.value, tuple)
            literal = literal.value[i]
        if literal.is_elided:
            message = f"the value of constant {inst.name} was elided from the text"
            raise UnsupportedError.at("HLO5003", message, self.planner.module.span(inst))
        return np.ascontiguousarray(np.transpose(literal.array, inst.shape.at(path).order))

    def _step(self, step: Step, *slots: Slot) -> None:
        self.steps.append(step)
        for slot in slots:
            slot.touch(self.planner.time)
        self.planner.time += 1

    def _copy(self, source: Slot, target: Slot) -> None:
        if source is not target and source.bytes:
            self._step(Copy(source, target), source, target)

    def _launches(self, inst: Instruction) -> None:
        try:
            launches = self.planner.emit(inst)
        except UnsupportedError:
            if inst.op is not OPS["fusion"]:
                raise
            self._call(inst)  # what cannot be one kernel is run instruction by instruction
            return
        updates = {u.result: u for u in _updates(inst)}
        for path, shape in inst.shape.leaves():
            self.bound[inst, path] = self._result_slot(inst, path, shape.bytes, updates.get(path))
        workspace: dict[int, Slot] = {}
        for launch in launches:
            slots: list[Slot] = []
            for arg in launch.args:
                if isinstance(arg, Operand):
                    slots.append(self.slot(inst.operands[arg.number], arg.path))
                elif isinstance(arg, Result):
                    slots.append(self.bound[inst, arg.path])
                elif isinstance(arg, Data):
                    slots.append(self.planner.constant(arg.array))
                else:
                    slots.append(workspace.setdefault(arg.key, self._workspace(workspace, arg)))
            for kernel in self.planner.finished(launch.kernel):
                self._step(Call(kernel, tuple(slots), inst.name), *slots)

    def _workspace(self, known: dict[int, Slot], arg: Scratch) -> Slot:
        return known[arg.key] if arg.key in known else self.planner.new_slot(arg.bytes)

    def _result_slot(self, inst: Instruction, path: Path, size: int, update: Update | None) -> Slot:
        wish = self.wishes.get((inst, path))
        if update is None:
            return self._owned(wish or self.planner.new_slot(size))
        source_leaf = origin(inst.operands[update.operand], update.path)
        source = self.bound[source_leaf]
        if source is wish or (wish is None and self._dies_here(inst, source_leaf)):
            return self._owned(source)
        target = self._owned(wish or self.planner.new_slot(size))
        self._copy(source, target)
        return target

    def _owned(self, slot: Slot) -> Slot:
        self.own.add(slot)
        return slot

    def _dies_here(self, inst: Instruction, leaf: Leaf) -> bool:
        """Whether `inst` is the last reader of an owned leaf, reads it once, and nothing else is to land there."""
        slot = self.bound[leaf]
        if slot not in self.own or slot in self.landing or self.last_read.get(leaf, -1) != self.position[inst]:
            return False
        reads = [origin(x, p) for x in inst.operands for p, _ in x.shape.leaves()]
        return sum(self.bound.get(r) is slot for r in reads) == 1

    def _while(self, inst: Instruction) -> None:
        state: dict[Path, Slot] = {}
        changed = [(path, shape) for path, shape in inst.shape.leaves() if origin(inst, path)[0] is inst]
        initial = {path: origin(inst.operands[0], path) for path, _ in changed}
        for path, shape in changed:
            leaf = initial[path]
            source, wish = self.bound[leaf], self.wishes.get((inst, path))
            alone = list(initial.values()).count(leaf) == 1
            if alone and (source is wish or (wish is None and self._dies_here(inst, leaf))):
                state[path] = source
            else:
                state[path] = wish or self.planner.new_slot(shape.bytes)
                self._copy(source, state[path])
            self.bound[inst, path] = self._owned(state[path])
        self._loop(inst, state)

    def _loop(self, inst: Instruction, state: dict[Path, Slot]) -> None:
        start = self.planner.time
        for slot in state.values():
            slot.touch(start)
        condition: list[Step] = []
        test = inst.attrs.condition
        holds = self.planner.new_slot(1)
        inside = self._parameter_slots(test, [(inst, ())])
        _Frame(self.planner, test, inside, frozenset(), {(): holds}, condition).run()
        body: list[Step] = []
        inside = self._parameter_slots(inst.attrs.body, [(inst, ())])
        owned = frozenset(state.values())
        _Frame(self.planner, inst.attrs.body, inside, owned, state, body).run()
        self._step(Loop(tuple(condition), holds, tuple(body)), holds, *state.values())
        end = self.planner.time - 1
        for slot in self.planner.scratch:  # a value from before the loop is read in every round
            if slot.first < start <= slot.last:
                slot.touch(end)

    def _conditional(self, inst: Instruction) -> None:
        for path, shape in inst.shape.leaves():
            self.bound[inst, path] = self._owned(self.wishes.get((inst, path)) or self.planner.new_slot(shape.bytes))
        targets = {path: self.bound[inst, path] for path, _ in inst.shape.leaves()}
        branches: list[tuple[Step, ...]] = []
        for branch, argument in zip(inst.called, inst.operands[1:], strict=True):
            steps: list[Step] = []
            inside = self._parameter_slots(branch, [(argument, ())])
            _Frame(self.planner, branch, inside, frozenset(), targets, steps).run()
            branches.append(tuple(steps))
        selector = self.slot(inst.operands[0])
        by_pred = inst.operands[0].shape.element.name == "pred"
        self._step(Branch(selector, by_pred, tuple(branches)), selector, *targets.values())

    def _call(self, inst: Instruction) -> None:
        for path, shape in inst.shape.leaves():
            self.bound[inst, path] = self._owned(self.wishes.get((inst, path)) or self.planner.new_slot(shape.bytes))
        targets = {path: self.bound[inst, path] for path, _ in inst.shape.leaves()}
        inside = self._parameter_slots(inst.called[0], [(x, ()) for x in inst.operands])
        _Frame(self.planner, inst.called[0], inside, frozenset(), targets, self.steps).run()

    def _parameter_slots(self, callee: Computation, arguments: Sequence[Leaf]) -> dict[Leaf, Slot]:
        bound: dict[Leaf, Slot] = {}
        for parameter, (argument, prefix) in zip(callee.parameters, arguments, strict=True):
            for path, _ in parameter.shape.leaves():
                bound[parameter, path] = self.slot(argument, (*prefix, *path))
        return bound

    def _custom_call(self, inst: Instruction) -> None:
        inputs = [self.slot(x, path) for x in inst.operands for path, _ in x.shape.leaves()]
        outputs: list[Slot] = []
        for path, shape in inst.shape.leaves():
            slot = self._owned(self.wishes.get((inst, path)) or self.planner.new_slot(shape.bytes))
            self.bound[inst, path] = slot
            outputs.append(slot)
        slots = (*inputs, *outputs)
        opaque = inst.extras.backend_config.strip('"')
        self._step(CustomCall(inst.attrs.custom_call_target, slots, opaque), *slots)

    def _deliver(self) -> None:
        """Move the leaves of the root that did not land in their targets, as if all at once."""
        root = self.computation.result
        moves = [(self.slot(root, path), target) for path, target in self.targets.items()]
        moves = [(source, target) for source, target in moves if source is not target and source.bytes]
        overwritten = {target for _, target in moves}
        saved: dict[Slot, Slot] = {}
        for source, _ in moves:
            if source in overwritten and source not in saved:
                saved[source] = self.planner.new_slot(source.bytes)
                self._copy(source, saved[source])
        for source, target in moves:
            self._copy(saved.get(source, source), target)


def _updates(inst: Instruction) -> tuple[Update, ...]:
    rule = UPDATES.find(inst.op)
    return () if rule is None else rule(inst)
