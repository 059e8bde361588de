"""`hlo translate`: the same module in another format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli.options import Form, InputFile, OutputFile, PrintForm
from hlo_tools.cli.text import in_form
from hlo_tools.support.files import write_outputs

PANEL = "Inspect and convert"
EXAMPLES = (
    ("hlo translate model.mlir --to hlo -o model.hlo", "Turn StableHLO into HLO text."),
    ("zcat dump.txt.gz | hlo translate - --to hlo --preset short-parsable", "Shorten a dump."),
)


class Format(StrEnum):
    """What a module can be written as."""

    hlo = "hlo"


def command(
    file: InputFile,
    to: Annotated[Format, typer.Option("--to", help="the format to write")] = Format.hlo,
    output: OutputFile = "-",
    form: PrintForm = Form.long,
) -> None:
    """Convert a module; the input's format is found by content."""
    module = hlo.load(file)
    hlo.verify(module)
    text = in_form(module, form)
    write_outputs({output: text.encode()})
