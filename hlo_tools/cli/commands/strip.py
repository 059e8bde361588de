"""`hlo strip`: a module without what does not matter."""

from __future__ import annotations

from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli.options import Form, InputFile, OutputFile, PrintChanges, PrintForm
from hlo_tools.cli.session import session
from hlo_tools.cli.text import in_form
from hlo_tools.support.files import write_outputs

PANEL = "Inspect and convert"
EXAMPLES = (
    ("hlo strip f.hlo -o small.hlo", "Take away metadata, shardings, backend configs and frontend attributes."),
    ("hlo strip --only --metadata --names f.hlo", "Take away metadata and the original names, and nothing else."),
    ("hlo strip --only --elide-over 100 f.hlo", "Show constants of more than 100 elements as {...}."),
    ("hlo strip --only f.hlo --constants=f.npz -o small.hlo", "Put large constants into a file of their own."),
    ("hlo run small.hlo --constants=f.npz", "Run a module whose constants lie in a file."),
)

Part = bool | None


def command(
    context: typer.Context,
    file: InputFile,
    output: OutputFile = "-",
    metadata: Annotated[
        Part, typer.Option("--metadata/--keep-metadata", help="metadata, stack frames, original values, statistics")
    ] = None,
    frontend_attributes: Annotated[
        Part, typer.Option("--frontend-attributes/--keep-frontend-attributes", help="frontend attributes")
    ] = None,
    shardings: Annotated[Part, typer.Option("--shardings/--keep-shardings", help="shardings")] = None,
    backend_configs: Annotated[
        Part, typer.Option("--backend-configs/--keep-backend-configs", help="backend configs")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="names of instructions and computations: number them")] = False,
    only: Annotated[bool, typer.Option("--only", help="take away only what is named, not what is usual")] = False,
    elide_over: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="elide constants of more than N elements; their values go")
    ] = None,
    constants: Annotated[
        str | None,
        typer.Option("--constants", metavar="F.npz", help="write constants of more than --over elements there"),
    ] = None,
    over: Annotated[int, typer.Option(min=0, metavar="N", help="which constants --constants takes")] = 10,
    form: PrintForm = Form.long,
    print_option: PrintChanges = None,
) -> None:
    """Take away from a module what does not change what it computes.

    That is metadata, frontend attributes, shardings and backend configs, less what --keep-... names; with --only,
    nothing but what is named. --constants loses nothing: the values go to an .npz file, each with a name and a
    SHA-256 in a frontend attribute of its constant, and commands that take --constants put them back.
    """
    module = session(context).load(file)

    def wanted(part: Part) -> bool:
        return not only if part is None else part

    arrays = hlo.take_constants(module, over) if constants is not None else {}
    what = hlo.Strip(
        metadata=wanted(metadata),
        frontend_attributes=wanted(frontend_attributes),
        shardings=wanted(shardings),
        backend_configs=wanted(backend_configs),
        names=names,
        elide_over=elide_over,
    )
    hlo.strip(module, what)
    written = {output: in_form(module, form, print_option).encode()}
    if constants is not None:
        from hlo_tools.support import npz

        written[constants] = npz.content(arrays)
    write_outputs(written)
