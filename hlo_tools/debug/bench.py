"""Compile and run times of a module."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.backend import Executable
from hlo_tools.ir.literal import Array

WARM_CALLS, WARM_SECONDS = 2, 0.2
MIN_SAMPLES, MAX_SAMPLES = 5, 300
SAMPLE_SECONDS = 2e-4
"""Calls shorter than this are timed in batches, so that the clock's own cost does not show."""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What a measurement found. Times of runs are per call, in milliseconds; `compile_s` is in seconds."""

    compile_s: float
    median_ms: float
    p10_ms: float
    p90_ms: float
    samples: int
    calls_per_sample: int
    results: list[Array]

    def as_json(self) -> dict[str, Any]:
        """The times as JSON values."""
        run = {
            "median_ms": self.median_ms,
            "p10_ms": self.p10_ms,
            "p90_ms": self.p90_ms,
            "n": self.samples,
            "inner": self.calls_per_sample,
        }
        return {"compile_s": self.compile_s, "run": run}

    def __str__(self) -> str:
        return (
            f"compile {self.compile_s * 1e3:.1f} ms, run {self.median_ms:.4g} ms "
            f"(10 % below {self.p10_ms:.4g}, 90 % below {self.p90_ms:.4g}, {self.samples} samples)"
        )


def measure(prepare: Callable[[], Executable], arguments: Sequence[Array], seconds: float) -> BenchReport:
    """Time `prepare`, then calls of what it returns on resident buffers for about `seconds`, after some to warm up."""
    start = time.perf_counter()
    executable = prepare()
    compile_s = time.perf_counter() - start
    bound = executable.bind(arguments)

    start, calls = time.perf_counter(), 0
    while calls < WARM_CALLS or time.perf_counter() - start < min(WARM_SECONDS, seconds):
        bound.run()
        calls += 1
    one = (time.perf_counter() - start) / calls

    batch = max(1, int(SAMPLE_SECONDS / max(one, 1e-9)))
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < MAX_SAMPLES and (len(times) < MIN_SAMPLES or time.perf_counter() < end):
        start = time.perf_counter()
        for _ in range(batch):
            bound.run()
        times.append((time.perf_counter() - start) / batch * 1e3)
    low, median, high = (float(value) for value in np.percentile(times, [10, 50, 90]))
    return BenchReport(compile_s, median, low, high, len(times), batch, bound.results())
