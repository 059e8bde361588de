"""The console scripts `hlo` and `hlo-opt`. This file imports nothing that `--version` does not need."""

from __future__ import annotations

import os
import sys

from hlo_tools import __version__


def hlo() -> None:
    """The console script `hlo`."""
    sys.exit(run(sys.argv[1:]))


def hlo_opt() -> None:
    """The console script `hlo-opt`: `hlo opt` under the name and with the flags of XLA's tool."""
    words = sys.argv[1:]
    sys.exit(run(words if words == ["--version"] else ["opt", *words]))


def run(words: list[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    if words == ["--version"]:
        print(f"hlo-tools {__version__}")
        return 0
    if sys.stderr is None:  # closed by the caller
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115, pathlib is too much for --version
    try:
        from hlo_tools.cli.app import main

        return main(words)
    except KeyboardInterrupt:  # while modules are imported
        return 130
