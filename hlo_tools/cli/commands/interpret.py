"""`hlo interpret`: the reference interpreter."""

from __future__ import annotations

from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import Constants, FillElided, InputArrays, InputFile, OutputArrays, Seed
from hlo_tools.cli.session import session

PANEL = "Compile and run"
EXAMPLES = (
    ("hlo interpret f.hlo --inputs in.npz --outputs out.npz", "Run on arrays from a file."),
    ("hlo interpret f.hlo --seed 7", "Run on generated arguments and print the results."),
    ("hlo interpret f.hlo --max-seconds 10", "Give up after ten seconds, with exit code 5."),
)


def command(
    context: typer.Context,
    file: InputFile,
    inputs: InputArrays = None,
    outputs: OutputArrays = None,
    seed: Seed = 0,
    constants: Constants = None,
    fill_elided: FillElided = None,
    max_steps: Annotated[int | None, typer.Option(min=0, metavar="N", help="give up after N instructions")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.0, metavar="S", help="give up after S seconds")] = None,
) -> None:
    """Run a module in the reference interpreter (plain numpy, op by op)."""
    snapshot = execution.load_snapshot(session(context), file, constants, fill_elided, seed)
    module = snapshot.module
    limits = hlo.Limits(steps=max_steps, seconds=max_seconds)
    execution.deliver(hlo.interpret(module, execution.arguments(snapshot, inputs, seed), limits=limits), outputs)
