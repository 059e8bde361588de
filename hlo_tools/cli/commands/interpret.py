"""`hlo interpret`: the reference interpreter."""

from __future__ import annotations

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import InputArrays, InputFile, OutputArrays, Seed

PANEL = "Compile and run"
EXAMPLES = (
    ("hlo interpret f.hlo --inputs in.npz --outputs out.npz", "Run on arrays from a file."),
    ("hlo interpret f.hlo --seed 7", "Run on generated arguments and print the results."),
)


def command(file: InputFile, inputs: InputArrays = None, outputs: OutputArrays = None, seed: Seed = 0) -> None:
    """Run a module in the reference interpreter (plain numpy, op by op)."""
    module = hlo.load(file)
    hlo.verify(module)
    execution.deliver(hlo.interpret(module, execution.arguments(module, inputs, seed)), outputs)
