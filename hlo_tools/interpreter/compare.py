"""Are two results the same? Element by element, with the figures that help to find out why not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.element import ElementType, element_of, real_part
from hlo_tools.ops.numerics import Array, as_doubles, units_apart


@dataclass(frozen=True, slots=True)
class Tolerance:
    """An element may be off by `abs`, or by `rel` times the largest finite magnitude of its output, or by `ulp` units.

    It is enough that one of the three holds.
    """

    abs: float = 0.0
    rel: float = 0.0
    ulp: int = 0


EXACT = Tolerance()
_RELATIVE = {"f64": 1e-11, "f32": 1e-5, "f16": 3e-3, "bf16": 2e-2, "c64": 1e-5, "c128": 1e-11}
_SHORT_FLOAT = 0.13  # a step of the types with three bits of mantissa
_USUAL_TERMS = 8192
"""Sums of so many terms in any order stay well below the tolerance: f32 products of that length are off by 4e-6."""


def default_tolerance(element: ElementType, terms: int = 1) -> Tolerance:
    """What is allowed when nothing is said: nothing for integers and pred, rounding for floats.

    terms  how many numbers the longest sum adds up; rounding errors of a sum grow as the root of that
    """
    if not (element.is_float or element.is_complex):
        return EXACT
    growth = math.sqrt(max(1.0, terms / _USUAL_TERMS)) if element.bits >= 32 else 1.0
    return Tolerance(rel=growth * _RELATIVE.get(element.name, _SHORT_FLOAT), ulp=1)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One element that differs: where, and both values as text."""

    index: tuple[int, ...]
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class OutputReport:
    """How one output compares. The errors are over the elements that are finite on both sides.

    max_abs       largest absolute error
    max_rel       largest error of an element relative to that element
    max_scaled    largest error relative to the largest finite magnitude of the expected output
    max_ulp       largest distance in units in the last place
    nan_mismatch  elements that are NaN on one side only
    inf_mismatch  elements that are infinite on one side only, or with different signs
    bad           elements beyond the tolerance, those two kinds included
    problem       why the arrays cannot be compared at all; empty when they can
    """

    output: int
    type: str
    dims: tuple[int, ...]
    tolerance: Tolerance
    max_abs: float = 0.0
    max_rel: float = 0.0
    max_scaled: float = 0.0
    max_ulp: int = 0
    expected_nan: int = 0
    got_nan: int = 0
    nan_mismatch: int = 0
    expected_inf: int = 0
    got_inf: int = 0
    inf_mismatch: int = 0
    bad: int = 0
    first_bad: Mismatch | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the output is within the tolerance."""
        return not self.bad and not self.problem


@dataclass(frozen=True, slots=True)
class Comparison:
    """How all outputs compare; `problem` where there are not even equally many."""

    outputs: tuple[OutputReport, ...]
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether every output is within its tolerance."""
        return not self.problem and all(o.ok for o in self.outputs)

    def to_json(self) -> dict[str, Any]:
        """JSON values: the fields of all reports, with infinite errors as text."""
        rows = [{"ok": o.ok, **jsonable(asdict(o))} for o in self.outputs]
        return {"ok": self.ok, "problem": self.problem, "outputs": rows}


def jsonable(value: Any) -> Any:
    """A value of a report for JSON, which has no infinite numbers."""
    if isinstance(value, dict):
        return {k: jsonable(v) for k, v in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def compare(
    expected: Sequence[Array], got: Sequence[Array], tolerance: Tolerance | None = None, terms: int = 1
) -> Comparison:
    """Compare results; `tolerance` for all floats, or the default of each type. Integers and pred must be equal.

    terms  the length of the longest sum behind a result, for the default

    Two NaN count as equal whatever their bits; infinities have to agree.
    """
    if len(expected) != len(got):
        return Comparison((), f"{len(got)} outputs, expected {len(expected)}")
    pairs = zip(expected, got, strict=True)
    return Comparison(tuple(compare_output(i, x, y, tolerance, terms) for i, (x, y) in enumerate(pairs)))


def compare_output(
    output: int, expected: Array, got: Array, tolerance: Tolerance | None = None, terms: int = 1
) -> OutputReport:
    """Compare one output, see `compare`."""
    expected, got = np.asarray(expected), np.asarray(got)
    element = element_of(expected.dtype)
    usual = default_tolerance(element, terms)
    allowed = usual if tolerance is None or usual == EXACT else tolerance
    head = OutputReport(output, element.name, expected.shape, allowed)
    if got.dtype != expected.dtype or got.shape != expected.shape:
        problem = f"{got.dtype}{list(got.shape)}, expected {expected.dtype}{list(expected.shape)}"
        return OutputReport(output, element.name, expected.shape, allowed, problem=problem)
    if not expected.size:
        return head
    if element.is_complex:
        return _complex_report(head, expected, got)
    return _report(head, element, expected, got)


def _complex_report(head: OutputReport, expected: Array, got: Array) -> OutputReport:
    """Both parts of each number, as an array with one more dimension."""
    part = real_part(element_of(expected.dtype))
    x, y = (np.stack([v.real, v.imag], axis=-1) for v in (expected, got))
    return _report(head, part, x, y)


def _report(head: OutputReport, element: ElementType, expected: Array, got: Array) -> OutputReport:
    with np.errstate(all="ignore"):
        x, y = as_doubles(expected, element), as_doubles(got, element)
        x_nan, y_nan, x_inf, y_inf = np.isnan(x), np.isnan(y), np.isinf(x), np.isinf(y)
        nan_bad = x_nan != y_nan
        inf_bad = (x_inf | y_inf) & (x != y) & ~(x_nan | y_nan)
        finite = ~(x_nan | y_nan | x_inf | y_inf)
        error = np.where(finite, np.abs(x - y), 0.0)
        units = np.where(finite, units_apart(expected, got, element), 0)
        scale = float(np.abs(x[~(x_nan | x_inf)]).max(initial=0.0))
        relative = np.where(error == 0, 0.0, error / np.abs(x))
        limit = head.tolerance
        bad = nan_bad | inf_bad | ((error > limit.abs) & (error > limit.rel * scale) & (units > limit.ulp))
        if element.bits >= 64 and not element.is_float:
            bad = expected != got  # doubles do not tell all of them apart
        max_abs = float(error.max())
    return OutputReport(
        head.output, head.type, head.dims, limit,
        max_abs=max_abs,
        max_rel=float(relative.max()),
        max_scaled=max_abs / scale if scale else (math.inf if max_abs else 0.0),
        max_ulp=int(units.max()),
        expected_nan=int(x_nan.sum()), got_nan=int(y_nan.sum()), nan_mismatch=int(nan_bad.sum()),
        expected_inf=int(x_inf.sum()), got_inf=int(y_inf.sum()), inf_mismatch=int(inf_bad.sum()),
        bad=int(bad.sum()),
        first_bad=_first(bad, expected, got),
    )  # fmt: skip


def _first(bad: Array, expected: Array, got: Array) -> Mismatch | None:
    if not bad.any():
        return None
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return Mismatch(index, str(expected[index]), str(got[index]))
