"""What the commands that run modules have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hlo_tools as hlo
from hlo_tools.cli.session import emit
from hlo_tools.support.files import write_outputs

if TYPE_CHECKING:
    from hlo_tools.api import Array


def arguments(module: hlo.Module, path: str | None, seed: int) -> list[Array]:
    """The arguments from the .npz file `path`, or generated ones when there is none."""
    if path is None:
        return hlo.random_inputs(module, seed)
    from hlo_tools.cli import arrays

    return arrays.read_arguments(path, module)


def deliver(results: list[Array], path: str | None) -> None:
    """Write results to the .npz file `path`, or print them when there is none."""
    from hlo_tools.cli import arrays

    if path is None:
        emit(arrays.summary(results))
    else:
        write_outputs({path: arrays.archive(results)})
