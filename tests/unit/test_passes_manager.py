"""Running pipelines: order, fixpoints, invariants, instruments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import hlo_tools as hlo
from hlo_tools.ir.module import Module
from hlo_tools.ops import OPS
from hlo_tools.passes.base import Context, Pass
from hlo_tools.passes.instruments import (
    Dump,
    DumpOptions,
    Limit,
    Reproducer,
    Select,
    Statistics,
    Timing,
    Verify,
)
from hlo_tools.passes.invariants import FLAT_CALL_GRAPH, LAYOUTS, SCHEDULED, Invariant
from hlo_tools.passes.manager import Instrument, PassManager, Step
from hlo_tools.passes.pipeline import Fixpoint, Pipeline, parse_pipeline
from hlo_tools.support.diagnostic import PassError, UsageError, VerifyError

TEXT = """HloModule m
ENTRY main {
  x = f32[2]{0} parameter(0)
  a = f32[2]{0} negate(x)
  b = f32[2]{0} negate(x)
  c = f32[2]{0} exponential(x)
  ROOT r = f32[2]{0} add(a, b)
}
"""


@dataclass(frozen=True, slots=True)
class Countdown(Pass):
    """Negates the root until the computation has `size` instructions."""

    name: ClassVar[str] = "countdown"
    size: int = 10

    def run(self, module: Module, ctx: Context) -> bool:
        if len(module.main) >= self.size:
            return False
        ctx.count("added")
        ctx.step("about to add")
        module.main.root = module.main.add(OPS["negate"], (module.main.result,))
        return True


@dataclass(frozen=True, slots=True)
class Breaks(Pass):
    """Leaves a module without root."""

    name: ClassVar[str] = "breaks"

    def run(self, module: Module, ctx: Context) -> bool:
        module.main.root = None
        return True


@dataclass(frozen=True, slots=True)
class NeedsLayouts(Pass):
    """Wants layouts and takes away schedules."""

    name: ClassVar[str] = "needs-layouts"
    needs: ClassVar[tuple[Invariant, ...]] = (LAYOUTS,)
    breaks: ClassVar[tuple[Invariant, ...]] = (LAYOUTS,)

    def run(self, module: Module, ctx: Context) -> bool:
        return False


class Log(Instrument):
    def __init__(self) -> None:
        self.steps: list[str] = []

    def after(self, module: Module, step: Step, changed: bool, context: Context) -> None:
        self.steps.append(f"{step.number}:{step.item.name}{'!' if changed else ''}>{step.following}")


def test_passes_run_in_order_and_say_whether_they_changed_anything() -> None:
    log = Log()
    module = hlo.parse(TEXT)
    assert PassManager(parse_pipeline("cse,dce,cse"), [log]).run(module)
    assert log.steps == ["0:cse!>dce", "1:dce!>cse", "2:cse>pipeline-end"]
    assert not PassManager(parse_pipeline("cse,dce"), []).run(module)


def test_fixpoint_leaves_out_what_has_settled() -> None:
    log = Log()
    items = (Countdown(size=7), *parse_pipeline("dce").items)
    PassManager(Pipeline((Fixpoint(items),)), [log]).run(hlo.parse(TEXT))
    ran = [s.split(">")[0].split(":")[1] for s in log.steps]
    assert ran == ["countdown!", "dce!", "countdown!", "dce", "countdown!", "dce", "countdown"]


def test_fixpoint_ends_at_its_limit() -> None:
    module = hlo.parse(TEXT)
    PassManager(Pipeline((Fixpoint((Countdown(size=100),), limit=3),))).run(module)
    assert len(module.main) == 5 + 3


def test_missing_invariant_is_reported_before_anything_runs() -> None:
    module = hlo.parse(TEXT.replace("{0}", ""))
    before = str(module)
    layouts = parse_pipeline("layout-assignment").items
    with pytest.raises(PassError, match="needs-layouts needs layouts") as caught:
        PassManager(Pipeline((*parse_pipeline("dce").items, NeedsLayouts(), *layouts))).run(module)
    assert caught.value.diagnostics[0].code == "HLO3005"
    assert "run layout-assignment before it" in str(caught.value)
    assert str(module) == before
    with pytest.raises(PassError, match="needs layouts"):
        PassManager(Pipeline((*layouts, NeedsLayouts(), NeedsLayouts()))).run(module)
    PassManager(Pipeline((*layouts, NeedsLayouts()))).run(module)


def test_invariants_hold_where_their_passes_ran() -> None:
    module = hlo.parse(TEXT.replace("{0}", ""))
    assert not LAYOUTS.holds(module) and not SCHEDULED.holds(module) and FLAT_CALL_GRAPH.holds(module)
    hlo.run_passes(module, "layout-assignment,hlo-memory-scheduler")
    assert LAYOUTS.holds(module) and SCHEDULED.holds(module)


def test_verifier_names_the_pass_that_broke_the_module() -> None:
    with pytest.raises(PassError, match="pass breaks left an invalid module") as caught:
        PassManager(Pipeline((Breaks(),)), [Verify()]).run(hlo.parse(TEXT))
    assert [d.code for d in caught.value.diagnostics] == ["HLO3006", "HLO2003"]


def test_verifier_does_not_blame_passes_for_the_input() -> None:
    module = hlo.parse(TEXT)
    module.main.root = None
    with pytest.raises(VerifyError):
        PassManager(parse_pipeline("dce"), [Verify()]).run(module)


def test_timing_and_statistics() -> None:
    ticks = iter(range(100))
    timing, statistics = Timing(clock=lambda: float(next(ticks))), Statistics()
    PassManager(parse_pipeline("cse,dce,cse"), [timing, statistics]).run(hlo.parse(TEXT))
    assert timing.seconds == {"cse": 2.0, "dce": 1.0}
    assert timing.report().splitlines()[0].split() == ["2.000", "s", "66.7", "%", "2x", "cse"]
    assert statistics.counters["cse"] == {"runs": 2, "changes": 1, "merged": 1}
    assert "1  dce: instructions" in statistics.report()


def test_select_and_limit() -> None:
    def ran(*instruments: Instrument, text: str = "cse,fixpoint{name=tidy}(dce),cse") -> str:
        log = Log()
        PassManager(parse_pipeline(text), [*instruments, log]).run(hlo.parse(TEXT))
        return " ".join(s.split(":")[1].split(">")[0] for s in log.steps)

    assert ran(Select(disable=frozenset({"cse"}))) == "dce! dce"
    assert ran(Select(disable=frozenset({"tidy"}))) == "cse! cse"
    assert ran(Select(only=frozenset({"dce"}))) == "dce! dce"
    assert ran(Limit(1)) == "cse!"
    assert ran(Limit(0)) == ""


def test_reproducer_holds_the_module_before_the_failing_pass(tmp_path: Path) -> None:
    path = tmp_path / "r.hlo"
    reproducer = Reproducer(path, str)
    with pytest.raises(PassError):
        PassManager(Pipeline((*parse_pipeline("cse").items, Breaks())), [reproducer, Verify()]).run(hlo.parse(TEXT))
    text = path.read_text()
    assert text.startswith("// RUN: hlo-opt %s --passes='breaks'\n")
    assert hlo.parse(text).main.named("b") is None


# ---- dumps


def dump(tmp_path: Path, pipeline: str | Pipeline, **options: str) -> list[str]:
    made = parse_pipeline(pipeline, "transforms_pipeline") if isinstance(pipeline, str) else pipeline
    instrument = Dump(DumpOptions(str(tmp_path), **options), str)
    PassManager(made, [instrument]).run(hlo.parse(TEXT))
    rows = json.loads((tmp_path / "index.json").read_text())["dumps"]
    files = [row["file"] for row in rows]
    assert sorted(files) == sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".txt")
    return files


def test_dumps_before_and_after(tmp_path: Path) -> None:
    assert dump(tmp_path, "cse,dce") == [
        "module_0000.m.before_optimizations.txt",
        "module_0000.m.after_optimizations.txt",
    ]
    assert "exponential" in (tmp_path / "module_0000.m.before_optimizations.txt").read_text()
    assert "exponential" not in (tmp_path / "module_0000.m.after_optimizations.txt").read_text()


def test_dumps_of_all_changing_passes(tmp_path: Path) -> None:
    assert dump(tmp_path, "dce,dce,cse", pass_re=".*")[1:-1] == [
        "module_0000.m.0000.transforms_pipeline.after_pipeline-start.before_dce.txt",
        "module_0000.m.0001.transforms_pipeline.after_dce.before_dce.txt",
        "module_0000.m.0002.transforms_pipeline.after_cse.before_pipeline-end.txt",
    ]
    rows = json.loads((tmp_path / "index.json").read_text())["dumps"]
    assert rows[2]["after"] == "dce" and rows[2]["changed"] and rows[2]["instructions"] == 4


def test_dumps_around_named_passes(tmp_path: Path) -> None:
    """A name selects what is after and before it, whether it changed anything or not: as XLA does it."""
    assert dump(tmp_path, "cse,tuple-simplifier,dce", pass_re="tuple")[1:-1] == [
        "module_0000.m.0000.transforms_pipeline.after_cse.before_tuple-simplifier.txt",
        "module_0000.m.0001.transforms_pipeline.after_tuple-simplifier.before_dce.txt",
    ]


def test_dumps_of_inner_pipelines(tmp_path: Path) -> None:
    names = dump(tmp_path, "cse,fixpoint{name=tidy}(dce)", pass_re=".*", pipeline_re="tidy")[1:-1]
    assert names == [
        "module_0000.m.0000.tidy.after_pipeline-start.before_dce.txt",
        "module_0000.m.0001.tidy.after_dce.before_pipeline-end.txt",
    ]


def test_an_inner_pipeline_is_dumped_like_a_pass(tmp_path: Path) -> None:
    names = dump(tmp_path, "cse,fixpoint{name=tidy}(dce),cse", pass_re="tidy")[1:-1]
    assert names == [
        "module_0000.m.0000.transforms_pipeline.after_cse.before_tidy.txt",
        "module_0000.m.0001.transforms_pipeline.after_tidy.before_cse.txt",
    ]


def test_dumps_inside_a_pass(tmp_path: Path) -> None:
    names = dump(tmp_path, Pipeline((Countdown(size=6),), "p"), pass_re="countdown")
    assert "module_0000.m.0001.countdown.after_about_to_add.txt" in names


def test_dumps_of_other_modules_only(tmp_path: Path) -> None:
    instrument = Dump(DumpOptions(str(tmp_path / "none"), module_re="other"), str)
    PassManager(parse_pipeline("dce"), [instrument]).run(hlo.parse(TEXT))
    assert not (tmp_path / "none").exists()


def test_a_long_module_name_is_left_out_of_file_names(tmp_path: Path) -> None:
    instrument = Dump(DumpOptions(str(tmp_path)), str)
    module = hlo.parse(TEXT)
    module.name = "n" * 300
    assert instrument.file_name(module, "before_optimizations") == "module_0000.before_optimizations"


def test_bad_expressions_and_folders_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xla_dump_hlo_pass_re"):
        Dump(DumpOptions(str(tmp_path), pass_re="("), str)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        PassManager(parse_pipeline("dce"), [Dump(DumpOptions(str(blocked)), str)]).run(hlo.parse(TEXT))
