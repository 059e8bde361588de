"""`hlo hash`: a number for what a module says."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

import hlo_tools as hlo
from hlo_tools.cli import execution
from hlo_tools.cli.options import Constants, InputFiles
from hlo_tools.cli.session import emit, session

PANEL = "Inspect and convert"
EXAMPLES = (
    ("hlo hash a.hlo b.hlo", "Print a hash and the name of each file, as sha256sum does."),
    ("hlo hash --format json f.hlo", "Print the hash of each computation, too."),
    ("hlo hash --no-values --no-shardings f.hlo", "Hash a model whatever its weights and its division are."),
)


class Format(StrEnum):
    """How to print hashes."""

    text = "text"
    json = "json"


def command(
    context: typer.Context,
    files: InputFiles,
    form: Annotated[Format, typer.Option("--format", help="how to print hashes")] = Format.text,
    with_constants: Annotated[bool, typer.Option("--values/--no-values", help="values of constants enter")] = True,
    layouts: Annotated[bool, typer.Option("--layouts/--no-layouts", help="layouts enter")] = True,
    shardings: Annotated[bool, typer.Option("--shardings/--no-shardings", help="shardings enter")] = True,
    backend_configs: Annotated[
        bool, typer.Option("--backend-configs/--no-backend-configs", help="backend configs enter")
    ] = True,
    frontend_attributes: Annotated[
        bool, typer.Option("--frontend-attributes/--no-frontend-attributes", help="frontend attributes enter")
    ] = True,
    constants: Constants = None,
) -> None:
    """Hash modules: the same number for modules that say the same, on every machine and in every run.

    What enters are opcodes, types and layouts, attributes, the values of constants, shardings, backend configs,
    frontend attributes, and which instruction uses which. What does not are names, the order of instructions and
    computations, schedules, metadata, stack frames, original values and statistics. A layout that is not given counts
    as row-major. A constant that lies in a file (see `hlo strip --constants`) counts as its value.
    """
    options = hlo.HashOptions(
        constants=with_constants,
        layouts=layouts,
        shardings=shardings,
        backend_configs=backend_configs,
        frontend_attributes=frontend_attributes,
    )
    for file in files:
        module = execution.load(session(context), file, constants, None)
        found = hlo.hash_module(module, options)
        if form is Format.text:
            emit(f"{found.module}  {file}")
        else:
            facts = {"file": file, "module": module.name, "hash": found.module, "computations": found.computations}
            emit(json.dumps(facts))
