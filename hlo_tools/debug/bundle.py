"""Replay bundles: a folder with a module, its arguments, what is right, and how that came about.

    module.hlo      the module, complete with its constants
    inputs.npz      arg0, arg1, ...
    expected.npz    out0, out1, ...: the results of the reference
    meta.json       `format`, the version of hlo-tools, and the report of the replay that wrote the bundle

Whoever gets the folder can replay the module on another machine or version, without the reference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlo_tools.ir.literal import Array
from hlo_tools.ir.module import Module
from hlo_tools.support import npz
from hlo_tools.support.diagnostic import Diagnostic, UsageError

FORMAT = 1
MODULE, INPUTS, EXPECTED, META = "module.hlo", "inputs.npz", "expected.npz", "meta.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds beside the module: the arguments and the right results."""

    arguments: list[Array]
    expected: list[Array]


def is_bundle(path: str) -> bool:
    """Whether `path` is a folder with a module for replay in it."""
    return (Path(path) / MODULE).is_file()


def bundle_contents(
    folder: str, module: Module, arguments: Sequence[Array], expected: Sequence[Array], meta: dict[str, Any]
) -> dict[str, bytes]:
    """The files of a bundle by path. The same replay gives the same bytes."""
    place = Path(folder)
    text = json.dumps({"format": FORMAT, **meta}, indent=1, sort_keys=True) + "\n"
    return {
        str(place / MODULE): module.to_text().encode(),
        str(place / INPUTS): npz.content({f"arg{i}": x for i, x in enumerate(arguments)}),
        str(place / EXPECTED): npz.content({f"out{i}": x for i, x in enumerate(expected)}),
        str(place / META): text.encode(),
    }


def read_bundle(folder: str, module: Module) -> Bundle:
    """The arrays of the bundle whose module this is. Raises UsageError (HLO5001) for arrays that do not fit it."""
    main = module.main
    parameters = [s for p in main.parameters for _, s in p.shape.leaves() if not s.is_token]
    results = [s for _, s in main.result.shape.leaves() if not s.is_token]
    found = []
    for name, prefix, shapes in ((INPUTS, "arg", parameters), (EXPECTED, "out", results)):
        path = str(Path(folder) / name)
        stored = npz.read(path)
        arrays = []
        for i, shape in enumerate(shapes):
            kept = stored.get(f"{prefix}{i}")
            array = None if kept is None else npz.restored(kept, shape.element.dtype, shape.dims)
            if array is None:
                message = f"'{path}' holds no {prefix}{i} that is {shape.bare}"
                raise UsageError(Diagnostic("HLO5001", message, file=path))
            arrays.append(array)
        found.append(arrays)
    return Bundle(*found)
