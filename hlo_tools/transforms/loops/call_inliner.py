"""Inlining of calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hlo_tools.analysis.effects import erase_dead
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module
from hlo_tools.passes.base import Context, Pass
from hlo_tools.transforms.simplify.dce import remove_uncalled

NOT_INLINEABLE = ("inlineable", '"false"')
"""The frontend attribute by which a call asks to be left alone."""


@dataclass(frozen=True, slots=True)
class CallInliner(Pass):
    """Replaces calls by the bodies of what they call.

    Calls with the frontend attribute inlineable="false", composite calls and calls with control dependencies stay.
    """

    single_call_site: bool = False

    def run(self, module: Module, ctx: Context) -> bool:
        """Callees first, so that each body is flat when it is copied."""
        sites = Counter(c for i in module.instructions() if i.op.name == "call" for c in i.called)
        inlined = 0
        for computation in module.order():
            calls = [i for i in computation.instructions if i.op.name == "call"]
            bound = {p for i in computation.instructions for p in i.extras.control_predecessors}
            for call in calls:
                if (
                    _may_inline(call)
                    and call not in bound
                    and not (self.single_call_site and sites[call.called[0]] > 1)
                ):
                    inline_call(call)
                    inlined += 1
        if inlined:
            remove_uncalled(module)
        ctx.count("calls", inlined)
        return inlined > 0


def _may_inline(call: Instruction) -> bool:
    body = call.called[0]
    if NOT_INLINEABLE in call.extras.frontend_attributes or getattr(call.attrs, "is_composite", False):
        return False
    if body.execution_thread != call.parent.execution_thread:
        return False
    return not call.extras.control_predecessors


def inline_call(call: Instruction) -> dict[Instruction, Instruction]:
    """Put a copy of the called body in place of `call`; returns what became of each instruction of the body."""
    body: Computation = call.called[0]
    copies: dict[Instruction, Instruction] = dict(zip(body.parameters, call.operands, strict=True))
    home = call.parent
    result = body.clone_into(home, copies)
    home.replace(call, result)
    erase_dead([call, *copies.values()])
    if call in home.instructions and not call.users:  # a body with side effects: its copy has them now
        home.erase(call)
    return copies
