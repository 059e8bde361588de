"""Does one way to run a module compute what another computes?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from hlo_tools import backend as backends
from hlo_tools.interpreter.compare import EXACT, Comparison, OutputReport, Tolerance, compare
from hlo_tools.interpreter.oracle import oracle, shaken
from hlo_tools.interpreter.run import interpret
from hlo_tools.interpreter.uses import longest_sum
from hlo_tools.ir.literal import Array
from hlo_tools.ir.module import Module

INTERPRETER = "interpreter"
"""The name under which the reference interpreter stands among the backends."""


_ALLOWANCE = 8.0
"""Beyond the tolerance a result may still be so many times as far from the f64 oracle as rounding is known to get."""

_SHAKEN_RUNS = 2


class Verdict(StrEnum):
    """What is to be thought of one result."""

    exact = "exact"  # not one bit is different, but for the payload of NaN
    close = "close"  # within the tolerance
    ill_conditioned = "ill-conditioned"  # beyond it, but no further from the f64 oracle than rounding gets
    wrong = "wrong"


@dataclass(frozen=True, slots=True)
class OracleErrors:
    """How far results are from the f64 oracle: the largest absolute errors.

    rounding  of the reference, or of the oracle with random rounding errors, whatever is more
    backend   of the backend
    """

    rounding: float
    backend: float

    @property
    def excuse(self) -> bool:
        """Whether rounding errors are so large here that those of the backend prove nothing."""
        return self.backend <= _ALLOWANCE * self.rounding < math.inf


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What `backend` computed, compared with what `reference` computed for the same arguments.

    errors  for each result that is beyond its tolerance, what the f64 oracle says, where it could be asked
    """

    module: str
    backend: str
    reference: str
    comparison: Comparison
    errors: tuple[OracleErrors | None, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no result is wrong."""
        return not self.comparison.problem and Verdict.wrong not in self.verdicts

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdict on each result."""
        errors = self.errors or (None,) * len(self.comparison.outputs)
        return [_verdict(o, e) for o, e in zip(self.comparison.outputs, errors, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; infinite errors are text."""
        found = self.comparison.to_json()
        for row, verdict in zip(found["outputs"], self.verdicts, strict=True):
            row["verdict"] = verdict.value
        return {
            "module": self.module,
            "backend": self.backend,
            "reference": self.reference,
            **found,
            "ok": self.agrees,
        }

    def __str__(self) -> str:
        """A line with the verdict and one for each result."""
        verdict = "agrees with" if self.agrees else "DIFFERS from"
        head = f"{self.module}: {self.backend} {verdict} {self.reference}"
        problem = f": {self.comparison.problem}" if self.comparison.problem else ""
        errors = self.errors or (None,) * len(self.comparison.outputs)
        lines = map(_line, self.comparison.outputs, self.verdicts, errors)
        return "\n".join([head + problem, *(f"  {line}" for line in lines)])


def _verdict(output: OutputReport, errors: OracleErrors | None) -> Verdict:
    if output.ok:
        return Verdict.exact if output.max_ulp == 0 and output.max_abs == 0 else Verdict.close
    return Verdict.ill_conditioned if errors is not None and errors.excuse else Verdict.wrong


def _line(output: OutputReport, verdict: Verdict, errors: OracleErrors | None) -> str:
    dims = ",".join(map(str, output.dims))
    word = "WRONG" if verdict is Verdict.wrong else verdict.value
    line = f"out{output.output} {output.type}[{dims}] {word}: {', '.join(_facts(output))}"
    if errors is None:
        return line
    return f"{line}; {errors.backend:.3g} from the f64 oracle, rounding explains {errors.rounding:.3g}"


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

    A float beyond the default tolerance is judged by the f64 oracle: where rounding errors are known to lead about
    as far away, the function is ill-conditioned on these arguments, and the result is not called wrong.

    tolerance  for all floating point results; the default depends on the type of each and on the length of the longest
               sum in the module, see `compare.default_tolerance`. Integers have to be equal
    Raises UnsupportedError where one of the two cannot run the module, UsageError for arguments that do not fit.
    """
    expected = _results(module, arguments, reference, threads)
    got = _results(module, arguments, backend, threads)
    comparison = compare(expected, got, tolerance, longest_sum(module))
    ask = reference == INTERPRETER and tolerance is None and not comparison.ok
    errors = _errors(module, arguments, comparison, expected, got) if ask else ()
    return ReplayReport(module.name, backend, reference, comparison, errors)


def _errors(
    module: Module, arguments: Sequence[Array], comparison: Comparison, expected: list[Array], got: list[Array]
) -> tuple[OracleErrors | None, ...]:
    """What the f64 oracle says about the floats that are beyond their tolerance."""
    doubtful = [not o.ok and _is_rounding(o) for o in comparison.outputs]
    if not any(doubtful):
        return ()
    exact = oracle(module, arguments)
    rounded = [expected, *(shaken(module, arguments, seed) for seed in range(_SHAKEN_RUNS))]
    return tuple(
        OracleErrors(max(_distance(x[i], exact[i]) for x in rounded), _distance(got[i], exact[i])) if asked else None
        for i, asked in enumerate(doubtful)
    )


def _is_rounding(output: OutputReport) -> bool:
    """Whether rounding alone could explain a difference."""
    special = output.problem or output.nan_mismatch or output.inf_mismatch
    return not special and output.tolerance != EXACT


def _distance(x: Array, exact: Array) -> float:
    """The largest error of the elements that are finite; infinite when the oracle sees other ones as such."""
    wide = x.astype(exact.dtype)
    finite = np.isfinite(wide)
    if not np.array_equal(finite, np.isfinite(exact)):
        return math.inf
    return float(np.abs(wide - exact)[finite].max(initial=0.0))


def _results(module: Module, arguments: Sequence[Array], way: str, threads: int) -> list[Array]:
    if way == INTERPRETER:
        return interpret(module, arguments)
    return backends.find(way).compile(module, threads=threads)(*arguments)
