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
    ("hlo interpret f.hlo --replicas 2 --partitions 4", "Run on eight simulated devices."),
    ("hlo interpret f.hlo --oracle", "Compute in f64, to see how far off the results in f32 are."),
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
    replicas: Annotated[
        int | None,
        typer.Option("--replicas", "--num_replicas", min=1, metavar="R", help="default: what the module says"),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", "--num_partitions", min=1, metavar="P", help="default: what the module says"),
    ] = None,
    oracle: Annotated[bool, typer.Option("--oracle", help="compute floats in f64; results are f64, too")] = False,
    max_steps: Annotated[int | None, typer.Option(min=0, metavar="N", help="give up after N instructions")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.0, metavar="S", help="give up after S seconds")] = None,
) -> None:
    """Run a module in the reference interpreter (plain numpy, op by op).

    A module for several devices runs on R x P simulated ones, whose collectives, sends and recvs are carried out
    exactly; where devices would wait for each other for ever, or their collectives do not fit together, a diagnostic
    says which and where. Device number = replica x P + partition. An array of --inputs is for all devices, or has one
    more dimension in front that counts them, as those of --outputs have. Infeeds get generated values.

    With --oracle floats are f64 and complex numbers c128, rounded only where the program rounds: by a convert to a
    shorter type, and by reduce-precision. The distance of other results from these is their rounding error.
    """
    snapshot = execution.load_snapshot(session(context), file, constants, fill_elided, seed)
    module = snapshot.module
    rows, columns = replicas or module.header.replica_count, partitions or module.header.num_partitions
    host = hlo.Host(hlo.random_feed(seed))
    results = hlo.interpret_devices(
        module,
        execution.arguments_of_devices(snapshot, inputs, seed, rows * columns),
        replicas=rows,
        partitions=columns,
        limits=hlo.Limits(steps=max_steps, seconds=max_seconds),
        host=host,
        mode=hlo.Mode.oracle if oracle else hlo.Mode.types,
    )
    execution.deliver_devices(results, outputs)
