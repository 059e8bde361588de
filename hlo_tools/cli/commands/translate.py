"""`hlo translate`: the same module in another format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import Form, InputArrays, InputFile, OutputFile, PrintForm
from hlo_tools.cli.session import session
from hlo_tools.cli.text import in_form, print_options
from hlo_tools.support.files import compressed, write_outputs

PANEL = "Inspect and convert"
EXAMPLES = (
    ("hlo translate model.mlir --to hlo -o model.hlo", "Turn StableHLO into HLO text."),
    ("hlo translate model.hlo --to stablehlo", "Turn HLO into StableHLO text, for JAX, IREE or stablehlo-opt."),
    ("zcat dump.txt.gz | hlo translate - --to hlo --preset short-parsable", "Shorten a dump."),
    ("hlo translate f.hlo --to proto -o f.pb.gz", "Write a HloModuleProto, compressed."),
    ("hlo translate f.hlo --to proto --message hlo -o f.hlo.pb", "Write the HloProto that XLA's own tools read."),
    ("hlo translate f.hlo.pb --to pbtxt", "Look at every field of a proto."),
    ("hlo translate f.hlo --to proto --message snapshot --inputs in.npz -o f.pb", "Keep arguments with the module."),
)


class Format(StrEnum):
    """What a module can be written as."""

    hlo = "hlo"
    stablehlo = "stablehlo"
    proto = "proto"
    pbtxt = "pbtxt"


class Message(StrEnum):
    """Which of XLA's messages a proto holds."""

    module = "module"
    hlo = "hlo"
    snapshot = "snapshot"


def command(
    context: typer.Context,
    file: InputFile,
    to: Annotated[Format, typer.Option("--to", help="the format to write")] = Format.hlo,
    output: OutputFile = "-",
    form: PrintForm = Form.long,
    message: Annotated[
        Message, typer.Option(help="for proto and pbtxt: HloModuleProto, HloProto or HloSnapshot")
    ] = Message.module,
    inputs: InputArrays = None,
) -> None:
    """Convert a module; the input's format is found by content.

    Read are HLO and StableHLO text, portable artifacts of StableHLO, and HloModuleProto, HloProto and HloSnapshot in
    binary and text form, each perhaps compressed. An output named *.gz or *.zst is compressed. What a format cannot
    hold is said in a warning.
    """
    state = session(context)
    snapshot = state.load_snapshot(file)
    hlo.verify(snapshot.module)
    if message is Message.snapshot and inputs is not None:
        snapshot = hlo.snapshot_of(snapshot.module, execution.arguments(snapshot, inputs, 0))
    envelope = hlo.Envelope[message.name.upper()]
    with state.warnings() as warn:
        if to is Format.proto:
            data = hlo.to_proto(snapshot, envelope, warn)
        elif to is Format.stablehlo:
            data = snapshot.module.to_stablehlo(warn, print_options(form).print_metadata).encode()
        elif to is Format.pbtxt:
            data = hlo.to_pbtxt(snapshot, envelope, warn).encode()
        else:
            data = in_form(snapshot.module, form).encode()
    write_outputs({output: compressed(output, data)})
