"""Ops that run computations: call, fusion, while, conditional."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.attributes import Aliasing, FusionKind, attr
from hlo_tools.ir.element import PRED, S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Callees, Env, Op
from hlo_tools.ir.shape import Shape, scalar
from hlo_tools.ops.counting import counted
from hlo_tools.ops.endless import settled
from hlo_tools.ops.rules import need, need_aliasing, need_count, need_same_thread, need_signature


@dataclass(frozen=True, slots=True)
class CallAttrs:
    """What is called."""

    to_apply: Callee
    is_composite: bool = attr(False)
    output_to_operand_aliasing: Aliasing = attr(Aliasing(()))


class Call(Op[CallAttrs]):
    """The value of a computation for the operands."""

    name, Attrs, stablehlo = "call", CallAttrs, "func.call"

    def shape(self, at: CallAttrs, *xs: Shape) -> Shape:
        return at.to_apply.result.shape.bare

    def verify(self, inst: Instruction) -> None:
        at: CallAttrs = inst.attrs
        need_signature(at.to_apply, [x.shape for x in inst.operands], inst.shape, "the called computation")
        need_same_thread(inst, at.to_apply)
        need_aliasing(inst, at.output_to_operand_aliasing)
        described = bool(inst.extras.frontend_attributes)
        need(described or not at.is_composite, "a composite call must have frontend_attributes")
        if at.is_composite:
            _need_composite(dict(inst.extras.frontend_attributes))

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return env.call(inst.attrs.to_apply, xs)


def _need_composite(described: dict[str, str]) -> None:
    """What the frontend attributes of a composite call say about it (StableHLO `composite`)."""
    need(described.get("composite.name", '""') != '""', "a composite call must have a non-empty composite.name")
    need(described.get("composite.attributes") != '""', "composite.attributes of a composite call must not be empty")
    version = described.get("composite.version", "0").strip('"')
    need(version.isdecimal(), f"composite.version must be a non-negative integer, got {version}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionAttrs:
    """What kind of code is wanted, and the computation."""

    kind: FusionKind
    output_to_operand_aliasing: Aliasing = attr(Aliasing(()))
    calls: Callee = attr()


class Fusion(Op[FusionAttrs]):
    """The value of a computation for the operands, to be compiled into one kernel."""

    name, Attrs = "fusion", FusionAttrs

    def shape(self, at: FusionAttrs, *xs: Shape) -> Shape:
        return at.calls.result.shape.bare

    def verify(self, inst: Instruction) -> None:
        at: FusionAttrs = inst.attrs
        taken = len(at.calls.parameters)
        need(
            taken <= len(inst.operands),
            f"the fused computation {at.calls.name} has {taken} parameters, greater than the number of operands,"
            f" {len(inst.operands)}",
        )
        need_signature(at.calls, [x.shape for x in inst.operands[:taken]], inst.shape, "the fused computation")
        need_same_thread(inst, at.calls)
        need_aliasing(inst, at.output_to_operand_aliasing)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        return env.call(inst.attrs.calls, xs)


@dataclass(frozen=True, slots=True)
class WhileAttrs:
    """Whether to go on, and one round."""

    condition: Callee
    body: Callee


class While(Op[WhileAttrs]):
    """Applies `body` to the operand again and again, as long as `condition` of the value is true.

    Of a loop that never ends, see `ops.endless`; of one that only counts, `ops.counting`.
    """

    name, arity, Attrs, stablehlo = "while", 1, WhileAttrs, "while"

    def shape(self, at: WhileAttrs, *xs: Shape) -> Shape:
        return xs[0].bare

    def verify(self, inst: Instruction) -> None:
        state = inst.operands[0].shape
        need_signature(inst.attrs.condition, [state], scalar(PRED), "the condition")
        need_signature(inst.attrs.body, [state], state, "the body")
        need_same_thread(inst, inst.attrs.condition)
        need_same_thread(inst, inst.attrs.body)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        ended = counted(inst, xs[0])
        if ended is not None:
            return ended
        state, rounds = xs[0], 0
        while env.call(inst.attrs.condition, (state,)):
            before, state = state, env.call(inst.attrs.body, (state,))
            rounds += 1
            if rounds & (rounds - 1) == 0:  # a state that stays as it is does so at a power of two, too
                value = settled(inst, before, state)
                if value is not None:
                    return value
        return state


@dataclass(frozen=True, slots=True)
class ConditionalAttrs:
    """The branches: two by name for a pred, or a list for an index."""

    true_computation: Callee | None = attr(None)
    false_computation: Callee | None = attr(None)
    branch_computations: Callees = attr(Callees(()))

    @property
    def branches(self) -> Callees:
        """The branches by index; for a pred, that of true comes first."""
        if self.true_computation is not None and self.false_computation is not None:
            return Callees((self.true_computation, self.false_computation))
        return self.branch_computations


class Conditional(Op[ConditionalAttrs]):
    """The value of one branch for its operand. Operand 0 chooses; an index out of range means the last branch."""

    name, Attrs, stablehlo = "conditional", ConditionalAttrs, "case"

    def shape(self, at: ConditionalAttrs, *xs: Shape) -> Shape:
        need(len(at.branches) > 0, "there are no branches")
        need_count(len(xs), 1 + len(at.branches), "operands")
        chooser = xs[0]
        need(
            chooser.is_array and not chooser.dims and chooser.element in (PRED, S32),
            f"first operand of conditional must be a scalar of PRED or S32, got {chooser.bare}",
            0,
        )
        by_name = at.true_computation is not None
        need(
            by_name == (chooser.element is PRED) or (not by_name and len(at.branches) == 2),
            f"first operand of {'' if by_name else 'indexed '}conditional must be a scalar of"
            f" {'PRED' if by_name else 'S32'}, got {chooser.bare} for {len(at.branches)} branches",
            0,
        )
        return at.branches[0].result.shape.bare

    def verify(self, inst: Instruction) -> None:
        for x, branch in zip(inst.operands[1:], inst.attrs.branches, strict=True):
            need_signature(branch, [x.shape], inst.shape, "branch")
            need_same_thread(inst, branch)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        branches = inst.attrs.branches
        if inst.operands[0].shape.element is PRED:
            index = 0 if xs[0] else 1
        else:
            index = int(xs[0]) if 0 <= int(xs[0]) < len(branches) else len(branches) - 1
        return env.call(branches[index], (xs[1 + index],))


call = Call()
fusion = Fusion()
while_ = While()
conditional = Conditional()
