"""Does one way to run a module compute what another computes?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hlo_tools import backend as backends
from hlo_tools.interpreter.compare import Comparison, OutputReport, Tolerance, compare
from hlo_tools.interpreter.run import interpret
from hlo_tools.interpreter.uses import longest_sum
from hlo_tools.ir.literal import Array
from hlo_tools.ir.module import Module

INTERPRETER = "interpreter"
"""The name under which the reference interpreter stands among the backends."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What `backend` computed, compared with what `reference` computed for the same arguments."""

    module: str
    backend: str
    reference: str
    comparison: Comparison

    @property
    def agrees(self) -> bool:
        """Whether every result is within its tolerance."""
        return self.comparison.ok

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; infinite errors are text."""
        return {
            "module": self.module,
            "backend": self.backend,
            "reference": self.reference,
            **self.comparison.to_json(),
        }

    def __str__(self) -> str:
        """A line with the verdict and one for each result."""
        verdict = "agrees with" if self.agrees else "DIFFERS from"
        head = f"{self.module}: {self.backend} {verdict} {self.reference}"
        problem = f": {self.comparison.problem}" if self.comparison.problem else ""
        return "\n".join([head + problem, *(f"  {_line(output)}" for output in self.comparison.outputs)])


def _line(output: OutputReport) -> str:
    dims = ",".join(map(str, output.dims))
    return f"out{output.output} {output.type}[{dims}] {'ok' if output.ok else 'WRONG'}: {', '.join(_facts(output))}"


def _facts(output: OutputReport) -> Iterator[str]:
    if output.problem:
        yield output.problem
        return
    yield f"max abs {output.max_abs:.3g}, rel {output.max_rel:.3g}, {output.max_ulp} ULP"
    for name, expected, got, wrong in (
        ("NaN", output.expected_nan, output.got_nan, output.nan_mismatch),
        ("Inf", output.expected_inf, output.got_inf, output.inf_mismatch),
    ):
        if expected or got:
            yield f"{got} {name} (expected {expected}, {wrong} elsewhere)"
    if output.first_bad is not None:
        first = output.first_bad
        yield f"{output.bad} beyond the tolerance, first at {list(first.index)}: {first.got}, expected {first.expected}"


def replay(
    module: Module,
    arguments: Sequence[Array],
    *,
    backend: str = "cpu",
    reference: str = INTERPRETER,
    threads: int = 1,
    tolerance: Tolerance | None = None,
) -> ReplayReport:
    """Run `module` on `backend` and on `reference` (each `interpreter` or a backend) and compare the results.

    tolerance  for all floating point results; the default depends on the type of each and on the length of the longest
               sum in the module, see `compare.default_tolerance`. Integers have to be equal
    Raises UnsupportedError where one of the two cannot run the module, UsageError for arguments that do not fit.
    """
    expected = _results(module, arguments, reference, threads)
    got = _results(module, arguments, backend, threads)
    return ReplayReport(module.name, backend, reference, compare(expected, got, tolerance, longest_sum(module)))


def _results(module: Module, arguments: Sequence[Array], way: str, threads: int) -> list[Array]:
    if way == INTERPRETER:
        return interpret(module, arguments)
    return backends.find(way).compile(module, threads=threads)(*arguments)
