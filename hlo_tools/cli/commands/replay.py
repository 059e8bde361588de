"""`hlo replay`: does a backend compute what the reference computes?"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import BackendName, Constants, FillElided, InputArrays, InputFiles, Seed, Threads
from hlo_tools.cli.session import emit, session
from hlo_tools.support.diagnostic import HloError

PANEL = "Find faults"
EXAMPLES = (
    ("hlo replay f.hlo", "Compare the CPU backend with the interpreter on generated arguments."),
    ("hlo replay f.hlo --isolate", "Name the instructions that the backend gets wrong."),
    ("hlo replay f.hlo --inputs in.npz --report json", "Compare on given arguments; print the figures as JSON."),
)

_WORST = 10
"""How many instructions `--isolate` lists in text."""

Bound = Annotated[float | None, typer.Option(min=0.0, metavar="X", help="how far floats may be off; default: by type")]


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
    report: Annotated[Report, typer.Option(help="how to print the verdicts")] = Report.text,
) -> int:
    """Run modules twice, compare the results element by element, and say how far apart they are.

    Leaves with 1 when any result differs by more than its type allows: integers not at all, floats by the rounding
    errors of the longest sum in the module, relative to the largest number of that result. A float beyond that is
    judged by an oracle that computes in f64: where random rounding errors lead about as far away from it, the result
    is called ill-conditioned and not wrong. Bounds that are given hold without exception.

    With --isolate the reference runs once more, and each instruction is compiled and compared alone on the operands
    that it has there: in the entry and wherever calls, loops and branches lead.

    Generated arguments are standard normal or small integers, but suit what the module does with them: indices stay
    inside their arrays, factors of long sums are scaled as in the initialisers of neural networks, and what goes under
    a root, a logarithm or into a divisor is positive. The same seed gives the same arguments everywhere.
    """
    given = abs_error_bound is not None or rel_error_bound is not None
    tolerance = hlo.Tolerance(abs=abs_error_bound or 0.0, rel=rel_error_bound or 0.0) if given else None
    worst = 0
    for path in files:
        try:
            snapshot = execution.load_snapshot(session(context), path, constants, fill_elided, seed)
            module = snapshot.module
            arguments = execution.arguments(snapshot, inputs, seed)
            found = hlo.replay(
                module, arguments, backend=backend, reference=reference, threads=threads, tolerance=tolerance
            )
        except HloError as error:
            session(context).report(error.diagnostics)
            worst = max(worst, error.exit_code)
            continue
        alone = hlo.isolate(module, arguments, backend=backend, threads=threads) if isolated else None
        emit(_text(path, found, alone) if report is Report.text else _json(path, found, alone))
        faulty = alone is not None and any(f.is_wrong for f in alone)
        worst = max(worst, 0 if found.agrees and not faulty else 1)
    return worst


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
