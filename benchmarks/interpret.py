#!/usr/bin/env python3
"""The reference interpreter beside numpy written by hand for the same function: time, and memory.

    python benchmarks/interpret.py                 # modules of our own
    python benchmarks/interpret.py --cases DIR     # DIR/NAME/module.hlo with arguments as DIR/NAME/case.json says
    python benchmarks/interpret.py --only REGEX --json OUT

Times are CPU time on one thread, medians over calls in turn. Memory is the largest sum of allocations while the
interpreter runs, over the largest sum of buffers that are alive between two instructions of the module, unfused, each
in its own type and all in order of execution. Results are compared with those of numpy first.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import re
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "grammar"), str(ROOT / "backends"), str(ROOT / "benchmarks")]

from by_hand import PROGRAMS, Array

import hlo_tools as hlo
from hlo_tools.interpreter.run import plan
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import Shape

TIMES, SECONDS, MEMORY = 30.0, 60.0, 3.0
"""At most: times as slow as numpy, seconds for a case, times the memory of its live buffers."""


@dataclass(frozen=True)
class Row:
    """Figures of a case: seconds of CPU time, bytes."""

    name: str
    ours: float
    numpy: float
    peak: int
    live: int
    error: float

    @property
    def misses(self) -> list[str]:
        """The targets that it misses."""
        missed = {
            f"{self.ours / self.numpy:.0f} times as slow as numpy": self.ours > TIMES * self.numpy,
            f"{self.ours:.0f} s": self.ours > SECONDS,
            f"{self.peak / self.live:.1f} times the live buffers": self.peak > MEMORY * self.live,
            f"results differ by {self.error:.2g}": not self.error < 1e-2,
        }
        return [text for text, holds in missed.items() if holds]


# ---- cases


def own_cases() -> Iterator[tuple[str, hlo.Module, list[Array]]]:
    """Modules of the test data that are written by hand, too."""
    for path in sorted((ROOT / "testdata" / "models").glob("*.hlo")):
        module = hlo.load(str(path))
        if module.name in PROGRAMS:
            yield module.name, module, hlo.random_inputs(module)


def cases_in(folder: Path) -> Iterator[tuple[str, hlo.Module, list[Array]]]:
    """The cases below a folder."""
    for path in sorted(folder.glob("*/case.json")):
        params = json.loads(path.read_text())["params"]
        module = hlo.load(str(path.with_name("module.hlo")))
        yield path.parent.name, module, [_argument(p, i) for i, p in enumerate(params)]


def _argument(spec: dict[str, Any], index: int) -> Array:
    """Reproducible numbers of the kind that a case asks for."""
    dims, dtype = tuple(spec["shape"]), _dtype(spec["dtype"])
    rng = np.random.default_rng(index)
    if spec.get("gen") == "ints":
        return rng.integers(spec["lo"], spec["hi"], size=dims).astype(dtype)
    x = rng.standard_normal(dims)
    if spec.get("gen") == "posdef":
        return (x @ x.T / dims[-1] + np.eye(dims[-1])).astype(dtype)
    return (x * spec.get("scale", 1.0) + spec.get("shift", 0.0)).astype(dtype)


def _dtype(name: str) -> np.dtype[Any]:
    kinds = {"f": "float", "s": "int", "u": "uint", "b": "bfloat"}
    found = f"{kinds[name[0]]}{re.sub('[a-z]', '', name)}"
    return np.dtype(getattr(ml_dtypes, found) if found == "bfloat16" else found)


# ---- measuring


def measured(name: str, module: hlo.Module, arguments: list[Array]) -> Row:
    """The figures of one case."""
    by_hand = PROGRAMS[name]
    results, expected = hlo.interpret(module, arguments), by_hand(*arguments)
    error = max(map(_distance, results, expected), default=0.0)
    del results, expected
    ours, theirs = _seconds(lambda: hlo.interpret(module, arguments), lambda: by_hand(*arguments))
    given = sum(x.nbytes for x in arguments)
    tracemalloc.start()
    hlo.interpret(module, arguments)
    peak = tracemalloc.get_traced_memory()[1] + given
    tracemalloc.stop()
    return Row(name, ours, theirs, peak, live_bytes(module.main, {}), error)


def _distance(x: Array, y: Array) -> float:
    """The largest difference, relative to the largest number."""
    if x.shape != y.shape:
        return float("inf")
    wide = np.complex128 if np.iscomplexobj(x) else np.float64
    a, b = x.astype(wide), y.astype(wide)
    return float(np.abs(a - b).max(initial=0) / max(np.abs(b).max(initial=0), 1e-30))


def _seconds(*calls: Callable[[], Any]) -> list[float]:
    """The median time of each call, in turn until enough time has gone by."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + 2.0
    while len(times[0]) < 3 or (time.perf_counter() < end and len(times[0]) < 50):
        for call, found in zip(calls, times, strict=True):
            found.append(_once(call))
    return [statistics.median(t) for t in times]


def _once(call: Callable[[], Any]) -> float:
    """Seconds of one call; short ones are repeated, as clocks of CPU time are coarse."""
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < 0.02 or not count:
        call()
        count += 1
    return spent / count


# ---- memory

Buffers = frozenset[tuple[int, int]]
"""Numbers and sizes of buffers that a value consists of."""


def live_bytes(computation: Computation, known: dict[Computation, int]) -> int:
    """The largest sum of buffers alive at a time while a computation runs, its arguments included."""
    if computation in known:
        return known[computation]
    how, held, made = plan(computation), {}, 0
    peak = 0
    for place, parameter in zip(how.parameters, computation.parameters, strict=True):
        held[place], made = _new(parameter.shape, made)
    for step in how.steps:
        if step.inst.op.name in ("tuple", "get-tuple-element", "bitcast", "opt-barrier"):
            value = frozenset().union(*(held[i] for i in step.operands))
            if step.inst.op.name == "get-tuple-element":
                value = _element(step.inst, held[step.operands[0]])
        else:
            value, made = _new(step.inst.shape, made)
        held[step.place] = value
        alive = sum(size for _, size in frozenset().union(*held.values()))
        peak = max(peak, alive + _inner(step.inst, known))
        for i in step.dead:
            held.pop(i, None)
    known[computation] = peak
    return peak


def _new(shape: Shape, made: int) -> tuple[Buffers, int]:
    sizes = [s.size * s.element.dtype.itemsize for _, s in shape.leaves() if s.is_array]
    return frozenset((made + i, size) for i, size in enumerate(sizes)), made + len(sizes)


def _element(inst: Instruction, buffers: Buffers) -> Buffers:
    """The buffers of one element of a tuple, which are numbered in order where the tuple was made at once."""
    parts = inst.operands[0].shape.elements
    counts = [len(_new(s, 0)[0]) for s in parts]
    ordered = sorted(buffers)
    if len(ordered) != sum(counts):
        return buffers
    start = sum(counts[: inst.attrs.index])
    return frozenset(ordered[start : start + counts[inst.attrs.index]])


def _inner(inst: Instruction, known: dict[Computation, int]) -> int:
    """What computations that an instruction runs need beyond its operands."""
    if inst.op.name not in ("call", "while", "conditional", "fusion"):
        return 0
    return max(live_bytes(c, known) - sum(s for p in c.parameters for _, s in _new(p.shape, 0)[0]) for c in inst.called)


# ---- the table


def main() -> int:
    """Measure, print, and say whether all targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, metavar="DIR")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    print(f"{'case':24} {'ours':>10} {'numpy':>10} {'ratio':>6} {'peak':>9} {'live':>9} {'ratio':>6}")
    rows = []
    for name, module, arguments in cases_in(options.cases) if options.cases else own_cases():
        if not re.search(options.only, name) or name not in PROGRAMS:
            continue
        row = measured(name, module, arguments)
        rows.append(row)
        print(
            f"{name:24} {row.ours * 1e3:7.1f} ms {row.numpy * 1e3:7.1f} ms {row.ours / row.numpy:6.1f}"
            f" {row.peak / 2**20:5.1f} MiB {row.live / 2**20:5.1f} MiB {row.peak / row.live:6.1f}"
            f"  {'; '.join(row.misses)}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return int(any(row.misses for row in rows))


if __name__ == "__main__":
    sys.exit(main())
