"""The command line of the fuzzer: exit code 1 when it found something."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .campaign import campaign
from .worker import Inputs, attempt, main


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--corpus", type=Path, help="folder with more .hlo, .hlo.gz and .mlir files to start from")
    parser.add_argument("--show", type=int, metavar="I", help="write input I to standard output")
    parser.add_argument("--rerun", type=int, metavar="I", help="run input I in this process")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--progress", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _main() -> int:
    given = _arguments()
    if given.worker:
        main(given.seed, given.corpus, given.start, given.start + given.count, given.progress)
        return 0
    if given.show is not None:
        sys.stdout.buffer.write(Inputs(given.seed, given.corpus).input(given.show)[1])
        return 0
    if given.rerun is not None:
        with tempfile.TemporaryDirectory() as folder:
            kind, where, detail = attempt(*Inputs(given.seed, given.corpus).input(given.rerun), Path(folder) / "input")
        print(kind, where, detail, sep="\n")
        return int(kind == "fault")
    report = campaign(given.count, given.seed, given.seconds, given.corpus, given.start)
    print(report)
    return int(bool(report.faults))


sys.exit(_main())
