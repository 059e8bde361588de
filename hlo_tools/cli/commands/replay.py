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
    ("hlo replay f.hlo --inputs in.npz --report json", "Compare on given arguments; print the figures as JSON."),
)


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
    report: Annotated[Report, typer.Option(help="how to print the verdicts")] = Report.text,
) -> int:
    """Run modules twice, compare the results element by element, and say how far apart they are.

    Leaves with 1 when any result differs by more than its type allows: integers not at all, floats by the rounding
    errors of the longest sum in the module, relative to the largest number of that result. A float beyond that is
    judged by an oracle that computes in f64: where the reference itself is about as far from it, the result is called
    ill-conditioned and not wrong. Bounds that are given hold without exception.

    Generated arguments are standard normal or small integers, but suit what the module does with them: indices stay
    inside their arrays, factors of long sums are scaled as in the initialisers of neural networks, and what goes under
    a root, a logarithm or into a divisor is positive. The same seed gives the same arguments everywhere.
    """
    given = abs_error_bound is not None or rel_error_bound is not None
    tolerance = hlo.Tolerance(abs=abs_error_bound or 0.0, rel=rel_error_bound or 0.0) if given else None
    worst = 0
    for path in files:
        try:
            module = execution.load(path, constants, fill_elided, seed)
            arguments = execution.arguments(module, inputs, seed)
            found = hlo.replay(
                module, arguments, backend=backend, reference=reference, threads=threads, tolerance=tolerance
            )
        except HloError as error:
            session(context).report(error.diagnostics)
            worst = max(worst, error.exit_code)
            continue
        emit(json.dumps({"file": path, **found.as_json()}) if report is Report.json else f"{path}: {found}")
        worst = max(worst, 0 if found.agrees else 1)
    return worst
