"""Runs pipelines and tells instruments about it. Knows no pass and no instrument by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hlo_tools.ir.module import Module
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.invariants import Invariant
from hlo_tools.passes.pipeline import Fixpoint, Pipeline
from hlo_tools.support.diagnostic import Diagnostic, HloError, PassError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Step:
    """One execution of one pass.

    number     counts executions from 0
    pipeline   name of the innermost pipeline around it
    following  name of the pass that stands behind it in that pipeline, `pipeline-end` for the last
    """

    number: int
    item: Pass
    pipeline: str
    following: str


class Instrument:
    """Watches a run. Every hook does nothing by default."""

    def begin(self, module: Module, pipeline: Pipeline) -> None:
        """Before the first pass."""

    def enter(self, module: Module, pipeline: str, first: str) -> None:
        """A pipeline starts, the outermost included; `first` is its first pass."""

    def leave(self, module: Module, pipeline: str, inner: str, following: str, changed: bool) -> None:
        """The pipeline `inner`, which stands in `pipeline` like a pass before `following`, has ended."""

    def allow(self, module: Module, step: Step) -> bool:
        """Whether the pass may run; the first instrument that says no skips it."""
        return True

    def before(self, module: Module, step: Step) -> None:
        """Right before a pass runs."""

    def during(self, module: Module, step: Step, name: str) -> None:
        """A pass reports a point of interest inside its run."""

    def after(self, module: Module, step: Step, changed: bool, context: Context) -> None:
        """Right after a pass; PassError when what it left is not acceptable."""

    def failed(self, module: Module, step: Step, error: Exception) -> None:
        """A pass raised, or an instrument did not accept its result."""

    def end(self, module: Module) -> None:
        """After the last pass of a run without errors."""


PIPELINE_END = "pipeline-end"


class PassManager:
    """Runs a pipeline on modules, one after another.

    `pipeline` may be a group parsed from text. The invariants that passes need are checked against what earlier
    passes give and what is true of the module, before anything runs.
    """

    def __init__(self, pipeline: Pipeline, instruments: Sequence[Instrument] = ()) -> None:
        self.pipeline = pipeline
        self.instruments = tuple(instruments)
        self._number = 0

    def run(self, module: Module) -> bool:
        """Run all passes; whether any changed the module.

        Raises PassError when an invariant is missing (HLO3005), and what passes and instruments raise.
        """
        _check_invariants(self.pipeline, module)
        self._number = 0
        for instrument in self.instruments:
            instrument.begin(module, self.pipeline)
        changed = self._group(self.pipeline, module)
        for instrument in self.instruments:
            instrument.end(module)
        return changed

    def _group(self, group: Pipeline, module: Module) -> bool:
        first = _name(group.items[0]) if group.items else PIPELINE_END
        for instrument in self.instruments:
            instrument.enter(module, _name(group), first)
        if isinstance(group, Fixpoint):
            return self._fixpoint(group, module)
        changed = False
        for index in range(len(group.items)):
            changed |= self._item(group, index, module)
        return changed

    def _fixpoint(self, group: Fixpoint, module: Module) -> bool:
        """Rounds over the items; one that found nothing to do is left out until another changes the module."""
        changed = False
        settled: set[int] = set()
        for _ in range(group.limit):
            for index in range(len(group.items)):
                if index in settled:
                    continue
                if self._item(group, index, module):
                    changed = True
                    settled.clear()
                else:
                    settled.add(index)
            if len(settled) == len(group.items):
                break
        return changed

    def _item(self, group: Pipeline, index: int, module: Module) -> bool:
        item = group.items[index]
        following = _name(group.items[index + 1]) if index + 1 < len(group.items) else PIPELINE_END
        if isinstance(item, Pipeline):
            changed = self._group(item, module)
            for instrument in self.instruments:
                instrument.leave(module, _name(group), _name(item), following, changed)
            return changed
        step = Step(self._number, item, _name(group), following)
        self._number += 1
        if not all(instrument.allow(module, step) for instrument in self.instruments):
            return False
        return self._step(step, module)

    def _step(self, step: Step, module: Module) -> bool:
        def report(name: str) -> None:
            for instrument in self.instruments:
                instrument.during(module, step, name)

        context = Context(step=report)
        for instrument in self.instruments:
            instrument.before(module, step)
        try:
            changed = step.item.run(module, context)
            for instrument in self.instruments:
                instrument.after(module, step, changed, context)
        except Exception as error:
            for instrument in self.instruments:
                instrument.failed(module, step, error)
            # what is not supported is no fault of the pass
            if isinstance(error, HloError) and not isinstance(error, (PassError, UnsupportedError)):
                raise _blame(error, step.item) from error
            raise
        return changed


def _name(item: Pass | Pipeline) -> str:
    return (item.name or item.word) if isinstance(item, Pipeline) else item.name


def _blame(error: HloError, culprit: Pass) -> PassError:
    """The same findings, with the pass that ran into them."""
    first, *rest = error.diagnostics
    message = f"pass {culprit.name} failed: {first.message}"
    return PassError([Diagnostic("HLO3004", message, first.span, notes=first.notes), *rest])


def _check_invariants(pipeline: Pipeline, module: Module) -> None:
    held: dict[Invariant, bool] = {}
    for item in pipeline.passes():
        for need in item.needs:
            if need not in held:
                held[need] = need.holds(module)
            if not held[need]:
                message = f"pass {item.name} needs {need.name} ({need.text}); run {_givers(pipeline, need)} before it"
                raise PassError.at("HLO3005", message)
        held.update(dict.fromkeys(item.gives, True))
        held.update(dict.fromkeys(item.breaks, False))


def _givers(pipeline: Pipeline, need: Invariant) -> str:
    known: Iterable[str] = dict.fromkeys(p.name for p in pipeline.passes() if need in p.gives)
    return " or ".join(known) or f"a pass that gives {need.name}"
