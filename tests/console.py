"""Runs the command line inside the test's process."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hlo_tools.cli.main import run


@dataclass(frozen=True)
class Finished:
    """What a command left: exit code, standard output and standard error."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()


@contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    out, err = io.BytesIO(), io.BytesIO()
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", write_through=True)
    try:
        yield out, err
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.detach()  # flushes, and leaves the bytes to us
        sys.stdin, sys.stdout, sys.stderr = kept


def hlo(*words: object, stdin: str | bytes = b"") -> Finished:
    """Run `hlo WORDS...`."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    with _streams(given) as (out, err):
        try:
            code = run([str(word) for word in words])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return Finished(code, out.getvalue(), err.getvalue().decode())
