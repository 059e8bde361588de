"""Run-time sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import NotYet, map_callees
from hlo_tools.ir.shape import UNBOUNDED, Shape, scalar, tuple_of
from hlo_tools.ops import OPS
from hlo_tools.ops.control import conditional, while_
from hlo_tools.ops.structure import ParameterAttrs, get_tuple_element, parameter, tuple_
from hlo_tools.passes.base import Context, Pass
from hlo_tools.rewrite.build import element_of
from hlo_tools.support.diagnostic import UnsupportedError
from hlo_tools.transforms.expand.dynamic.rules import rule_of
from hlo_tools.transforms.expand.dynamic.sizes import Value, bounds, filled, whole, zero
from hlo_tools.transforms.simplify.dce import remove_uncalled

_SIZES = frozenset(OPS[name] for name in ("dynamic-reshape", "get-dimension-size", "set-dimension-size"))
_CALLING = frozenset(OPS[name] for name in ("call", "fusion"))


@dataclass(frozen=True, slots=True)
class DynamicPadder(Pass):
    """Replaces arrays of run-time size by arrays that fill their bounds, and computes with the sizes beside them.

    Parameters of the entry are taken to fill their bounds; results of the entry are filled up with zeros. Raises
    UnsupportedError (HLO4102) where the size of a result is not known.
    """

    name: ClassVar[str] = "dynamic_padder"

    def run(self, module: Module, ctx: Context) -> bool:
        """The entry is written anew, with all that it runs."""
        old = module.main
        if not any(_is_dynamic(inst) for inst in module.instructions()):
            return False
        made = module.add_computation(old.name)
        arguments = [_parameter(made, p, p.attrs.number) for p in old.parameters]
        leaves = [_unbundled(p, list(p.shape.leaves())) for p in arguments]
        results = [_with_zeros(x) for x in _Writer(module, made).written(old, leaves)]
        made.root = _bundled(made, results, bounds(old.result.shape))
        module.entry = made
        remove_uncalled(module)
        _say_static(module)
        ctx.count("modules", 1)
        return True


def _is_dynamic(inst: Instruction) -> bool:
    return inst.op in _SIZES or not inst.shape.is_static


def _say_static(module: Module) -> None:
    """Let the header say of the entry what its computation does."""
    layout = module.header.entry_layout
    if layout is not None:
        parameters = tuple(map(bounds, layout.parameters))
        module.header = replace(
            module.header, entry_layout=replace(layout, parameters=parameters, result=bounds(layout.result))
        )


def _parameter(home: Computation, like: Instruction, number: int) -> Instruction:
    made = home.add(parameter, (), ParameterAttrs(number), bounds(like.shape), like.name, like=like)
    made.at = like.at
    return made


def _with_zeros(x: Value) -> Value:
    return Value(filled(x, zero(x)), x.sizes) if x.dynamic else x


Leaf = tuple[tuple[int, ...], Shape]


def _unbundled(inst: Instruction, leaves: Sequence[Leaf]) -> list[Value]:
    """The arrays of a value, all of which count."""
    found: list[Value] = []
    for path, _ in leaves:
        x = inst
        for i in path:
            x = element_of(x, i)
        found.append(whole(x))
    return found


def _bundled(home: Computation, leaves: Sequence[Value], shape: Shape) -> Instruction:
    """The arrays as a value of a shape."""
    rest = iter(leaves)

    def build(part: Shape) -> Instruction:
        if not part.is_tuple:
            return next(rest).inst
        return home.add(tuple_, [build(s) for s in part.elements], shape=part)

    return build(shape)


@dataclass(frozen=True, slots=True)
class _State:
    """A value with its run-time sizes as one tuple: arrays first, then an s32 for each dynamic dimension."""

    shape: Shape

    @property
    def leaves(self) -> list[Shape]:
        return [s for _, s in self.shape.leaves()]

    @property
    def tuple(self) -> Shape:
        """The shape of the tuple."""
        arrays = [bounds(s) for s in self.leaves]
        return tuple_of((*arrays, *(scalar(S32) for s in self.leaves for so in s.dynamic if so)))

    def packed(self, home: Computation, values: Sequence[Value]) -> Instruction:
        """The tuple of values."""
        sizes = [x.size(d) for x, s in zip(values, self.leaves, strict=True) for d, so in enumerate(s.dynamic) if so]
        return home.add(tuple_, [*(x.inst for x in values), *sizes], shape=self.tuple)

    def unpacked(self, inst: Instruction) -> list[Value]:
        """The values of a tuple."""
        place = len(self.leaves)
        found: list[Value] = []
        for i, shape in enumerate(self.leaves):
            sizes: list[Instruction | None] = [None] * shape.rank
            for d, so in enumerate(shape.dynamic):
                if so:
                    sizes[d] = element_of(inst, place)
                    place += 1
            found.append(Value(element_of(inst, i), tuple(sizes)))
        return found


class _Writer:
    """Writes computations into another, with static shapes."""

    def __init__(self, module: Module, home: Computation) -> None:
        self.module = module
        self.home = home

    def written(self, computation: Computation, arguments: Sequence[list[Value]]) -> list[Value]:
        """The leaves of the result of a computation, whose instructions are added here."""
        values: dict[Instruction, list[Value]] = {}
        for inst in computation.order():
            if inst.op is parameter:
                values[inst] = list(arguments[inst.attrs.number])
            else:
                values[inst] = self._instruction(inst, [values[x] for x in inst.operands])
        return values[computation.result]

    def _instruction(self, inst: Instruction, operands: list[list[Value]]) -> list[Value]:
        if inst.op is tuple_:
            return [x for leaves in operands for x in leaves]
        if inst.op is get_tuple_element:
            paths = [path for path, _ in inst.operands[0].shape.leaves()]
            return [x for x, path in zip(operands[0], paths, strict=True) if path[0] == inst.attrs.index]
        if not self._concerns(inst, operands):
            return self._unchanged(inst, operands)
        if inst.op in _CALLING:
            return self.written(inst.called[0], operands)
        if inst.op is while_:
            return self._while(inst, operands[0])
        if inst.op is conditional:
            return self._conditional(inst, operands)
        return self._by_rule(inst, operands)

    def _concerns(self, inst: Instruction, operands: list[list[Value]]) -> bool:
        """Whether run-time sizes play a part in an instruction."""
        return (
            _is_dynamic(inst)
            or any(x.dynamic for leaves in operands for x in leaves)
            or any(self._runs_dynamic(c) for c in inst.called)
        )

    def _runs_dynamic(self, computation: Computation) -> bool:
        return any(_is_dynamic(i) or any(map(self._runs_dynamic, i.called)) for i in computation)

    def _unchanged(self, inst: Instruction, operands: list[list[Value]]) -> list[Value]:
        args = [_bundled(self.home, leaves, x.shape) for leaves, x in zip(operands, inst.operands, strict=True)]
        made = self.home.add(inst.op, args, inst.attrs, inst.shape, inst.name, like=inst)
        made.at = inst.at
        return _unbundled(made, list(inst.shape.leaves()))

    def _by_rule(self, inst: Instruction, operands: list[list[Value]]) -> list[Value]:
        rule = rule_of(inst.op)
        span = self.module.span(inst)
        if inst.op is OPS["opt-barrier"]:
            return operands[0]
        if rule is None or any(n == UNBOUNDED for _, s in inst.shape.leaves() for n in s.dims):
            raise UnsupportedError.at("HLO4102", f"{inst.name}: {inst.op.name} of arrays of run-time size", span)
        try:
            return rule(inst, [leaves[0] for leaves in operands])
        except NotYet as e:
            raise UnsupportedError.at("HLO4102", f"{inst.name}: {e}", span) from e

    def _inside(self, old: Computation, arguments: Shape, result: Shape | None) -> Computation:
        """A computation of one packed parameter and, unless `result` is None, a packed result."""
        made = self.module.add_computation(old.name)
        state = _State(arguments)
        given = made.add(parameter, (), ParameterAttrs(0), state.tuple, old.parameters[0].name)
        leaves = _Writer(self.module, made).written(old, [state.unpacked(given)])
        made.root = leaves[0].inst if result is None else _State(result).packed(made, leaves)
        return made

    def _while(self, inst: Instruction, operands: list[Value]) -> list[Value]:
        state = _State(inst.shape)
        new = {
            inst.attrs.condition: self._inside(inst.attrs.condition, inst.shape, None),
            inst.attrs.body: self._inside(inst.attrs.body, inst.shape, inst.shape),
        }
        start = state.packed(self.home, operands)
        attrs = map_callees(inst.attrs, new.__getitem__)
        return state.unpacked(self.home.add(while_, (start,), attrs, state.tuple, inst.name, like=inst))

    def _conditional(self, inst: Instruction, operands: list[list[Value]]) -> list[Value]:
        new: dict[Computation, Computation] = {}
        args = [operands[0][0].inst]
        for branch, leaves, x in zip(inst.attrs.branches, operands[1:], inst.operands[1:], strict=True):
            new[branch] = self._inside(branch, x.shape, inst.shape)
            args.append(_State(x.shape).packed(self.home, leaves))
        state = _State(inst.shape)
        attrs = map_callees(inst.attrs, new.__getitem__)
        return state.unpacked(self.home.add(conditional, args, attrs, state.tuple, inst.name, like=inst))
