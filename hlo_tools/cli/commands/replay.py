"""`hlo replay`: does a backend compute what the reference computes?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import BackendName, Constants, FillElided, InputArrays, InputFiles, Seed, Threads
from hlo_tools.cli.session import emit, session
from hlo_tools.support.diagnostic import HloError, UsageError
from hlo_tools.support.files import write_outputs

PANEL = "Find faults"
EXAMPLES = (
    ("hlo replay f.hlo", "Compare the CPU backend with the interpreter on generated arguments."),
    ("hlo replay f.hlo --isolate", "Name the instructions that the backend gets wrong."),
    ("hlo replay *.hlo --shard 1/4 --repeats 3", "A quarter of the files, each run three times."),
    ("hlo replay f.hlo --bundle evidence && hlo replay evidence/f", "Keep what differs, and replay it from there."),
    ("hlo replay f.hlo --inputs in.npz --report json", "Compare on given arguments; print the figures as JSON."),
)

_WORST = 10
"""How many instructions `--isolate` lists in text."""

Bound = Annotated[float | None, typer.Option(min=0.0, metavar="X", help="how far floats may be off; default: by type")]


class Verdict(StrEnum):
    """What replay may say about a result: `hlo_tools.Verdict`."""

    exact = "exact"
    within_budget = "within-budget"
    ill_conditioned = "ill-conditioned"
    nan_inf_semantics = "nan-inf-semantics"
    undefined = "undefined"
    flaky = "flaky"
    bug = "bug"


class Report(StrEnum):
    """How to print verdicts."""

    text = "text"
    json = "json"


def command(
    context: typer.Context,
    files: InputFiles,
    backend: BackendName = "cpu",
    reference: Annotated[str, typer.Option(metavar="NAME", help="what is right: interpreter, or a backend")] = (
        "interpreter"
    ),
    threads: Threads = 1,
    abs_error_bound: Bound = None,
    rel_error_bound: Bound = None,
    inputs: InputArrays = None,
    seed: Seed = 0,
    constants: Constants = None,
    fill_elided: FillElided = None,
    isolated: Annotated[
        bool, typer.Option("--isolate", help="also try every instruction alone, and list the worst ones")
    ] = False,
    repeats: Annotated[
        int, typer.Option("--repeats", "--num_repeats", min=1, metavar="N", help="how often the backend runs")
    ] = 1,
    fail_on: Annotated[
        list[Verdict] | None, typer.Option("--fail-on", help="verdicts that make the exit code 1; default: bug")
    ] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="take only every N-th file, beginning with file I")] = "0/1",
    bundle: Annotated[
        str | None, typer.Option("--bundle", metavar="DIR", help="write a folder there for each module that differs")
    ] = None,
    report: Annotated[Report, typer.Option(help="how to print the verdicts")] = Report.text,
) -> int:
    """Run modules twice, compare the results element by element, and say how far apart they are.

    Each result gets a verdict. exact: not a bit is different. within-budget: integers are equal, and floats differ by
    no more than the rounding errors of the longest sum in the module, relative to the largest number of that result,
    or are about as far from an oracle that computes in f64 as the reference is. ill-conditioned: random rounding
    errors lead about as far away from it. nan-inf-semantics: only overflow differs. undefined: the program leaves the
    result open, as the order of equal elements in a sort that is not stable. flaky: running it again gives something
    else. bug: all else, and whatever is beyond bounds that are given. Leaves with 1 for a bug.

    With --isolate the reference runs once more, and each instruction is compiled and compared alone on the operands
    that it has there: in the entry and wherever calls, loops and branches lead.

    --bundle keeps the evidence: for each module with a result beyond its tolerance a folder with the module, its
    arguments, the results of the reference and the report. Such a folder is replayed like a file; its results stand
    for the reference then.

    Generated arguments are standard normal or small integers, but suit what the module does with them: indices stay
    inside their arrays, factors of long sums are scaled as in the initialisers of neural networks, and what goes under
    a root, a logarithm or into a divisor is positive. The same seed gives the same arguments everywhere.
    """
    bounded = abs_error_bound is not None or rel_error_bound is not None
    tolerance = hlo.Tolerance(abs=abs_error_bound or 0.0, rel=rel_error_bound or 0.0) if bounded else None
    failing = set(fail_on or [Verdict.bug])
    worst = 0
    for path in _every(files, shard):
        try:
            kept = hlo.is_bundle(path)
            source = str(Path(path) / "module.hlo") if kept else path
            snapshot = execution.load_snapshot(session(context), source, constants, fill_elided, seed)
            module = snapshot.module
            given = hlo.read_bundle(path, module) if kept else None
            arguments = execution.arguments(snapshot, inputs, seed) if given is None else given.arguments
            found = hlo.replay(
                module,
                arguments,
                backend=backend,
                reference=reference,
                threads=threads,
                tolerance=tolerance,
                repeats=repeats,
                expected=None if given is None else given.expected,
            )
        except HloError as error:
            session(context).report(error.diagnostics)
            worst = max(worst, error.exit_code)
            continue
        alone = hlo.isolate(module, arguments, backend=backend, threads=threads) if isolated else None
        emit(_text(path, found, alone) if report is Report.text else _json(path, found, alone))
        faulty = alone is not None and any(f.is_wrong for f in alone)
        if bundle is not None and not found.comparison.ok:
            _keep(bundle, path, module, arguments, found)
        failed = bool(found.comparison.problem) or not failing.isdisjoint(found.verdicts)
        worst = max(worst, 1 if failed or faulty else 0)
    return worst


def _keep(folder: str, path: str, module: hlo.Module, arguments: list[hlo.Array], found: hlo.ReplayReport) -> None:
    """Write the bundle of a module, under the name of its file."""
    name = Path(path).name.partition(".")[0] or "module"
    meta = {"hlo_tools": hlo.__version__, "file": Path(path).name, "report": found.as_json()}
    place = str(Path(folder) / name)
    write_outputs(hlo.bundle_contents(place, module, arguments, found.expected, meta))


def _every(files: list[str], shard: str) -> list[str]:
    """The files of one shard."""
    first, _, count = shard.partition("/")
    if not (first.isdecimal() and count.isdecimal() and int(first) < int(count)):
        raise UsageError.at("HLO6006", f"--shard={shard} is not I/N with I < N")
    return files[int(first) :: int(count)]


def _text(path: str, found: hlo.ReplayReport, alone: list[hlo.Finding] | None) -> str:
    lines = [f"{path}: {found}"]
    if alone is not None:
        examined = [f for f in alone if not f.problem]
        lines.append(f"  each of {len(examined)} instructions alone, the worst first:")
        lines += [f"    {f}" for f in examined[:_WORST]]
        lines += [f"    {f}" for f in alone if f.problem]
    return "\n".join(lines)


def _json(path: str, found: hlo.ReplayReport, alone: list[hlo.Finding] | None) -> str:
    more = {} if alone is None else {"instructions": [f.as_json() for f in alone]}
    return json.dumps({"file": path, **found.as_json(), **more})
