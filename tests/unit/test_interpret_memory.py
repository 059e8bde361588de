"""What the interpreter takes: fast ways give what slow ones do, and buffers go when nobody needs them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from console import hlo as run_hlo
from programs import Array, evaluate

import hlo_tools as hlo

F32 = np.float32
LESS = "less { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = pred[] compare(a, b), direction=%s%s }"


@pytest.mark.parametrize(("direction", "total"), [("LT", ""), ("GT", ""), ("LT", ", type=TOTALORDER")])
@pytest.mark.parametrize("special", [(), (-0.0, 0.0), (np.nan, -np.nan), (np.inf, -np.inf)])
def test_sorted_by_value(direction: str, total: str, special: tuple[float, ...]) -> None:
    x = np.array([*np.random.default_rng(0).standard_normal(50), 1, 1, *special, 2], F32).reshape(1, -1)
    got = evaluate(
        f"f32[1,{x.size}] sort(a), dimensions={{1}}, to_apply=less", x, computations=LESS % (direction, total)
    )
    pairs = "less { a = f32[] parameter(0) b = f32[] parameter(1) i = s32[] parameter(2) j = s32[] parameter(3)"
    pairs += f" ROOT r = pred[] compare(a, b), direction={direction}{total} }}"
    places = np.arange(x.size, dtype=np.int32).reshape(1, -1)
    shape = f"(f32[1,{x.size}], s32[1,{x.size}])"
    expected, _ = evaluate(f"{shape} sort(a, b), dimensions={{1}}, to_apply=less", x, places, computations=pairs)
    assert got.view(np.uint32).tolist() == expected.view(np.uint32).tolist()


@pytest.mark.parametrize("k", [5, 1030, 2000])
def test_products_of_short_integers_are_exact(k: int) -> None:
    x, y = (
        np.random.default_rng(i).integers(-128, 128, dims).astype(np.int8) for i, dims in enumerate([(300, k), (k, 7)])
    )
    x[0], y[:, 0] = -128, -128
    dims = "lhs_contracting_dims={1}, rhs_contracting_dims={0}"
    got = evaluate(f"s32[300,7] dot(a, b), {dims}", x, y)
    assert np.array_equal(got, x.astype(np.int64) @ y.astype(np.int64))


def test_slow_ways_are_named(tmp_path: Path) -> None:
    text = """HloModule m
go { s = (s32[], f32[]) parameter(0) i = s32[] get-tuple-element(s), index=0 n = s32[] constant(3)
  ROOT p = pred[] compare(i, n), direction=LT }
step { s = (s32[], f32[]) parameter(0) i = s32[] get-tuple-element(s), index=0 x = f32[] get-tuple-element(s), index=1
  one = s32[] constant(1) j = s32[] add(i, one) y = f32[] add(x, x) ROOT r = (s32[], f32[]) tuple(j, y) }
eightfold { x = f32[] parameter(0) z = s32[] constant(0) s = (s32[], f32[]) tuple(z, x)
  w = (s32[], f32[]) while(s), condition=go, body=step ROOT r = f32[] get-tuple-element(w), index=1 }
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }
ENTRY main { x = f32[4] parameter(0) z = f32[] constant(0)
  m = f32[4] map(x), dimensions={0}, to_apply=eightfold
  one = f32[] map(z), dimensions={}, to_apply=eightfold
  ROOT r = f32[] reduce(m, one), dimensions={0}, to_apply=sum }
"""
    (found,) = hlo.slow_paths(hlo.parse(text))
    assert found.message == "m: eightfold is evaluated for one element at a time, which is slow"
    path = tmp_path / "m.hlo"
    path.write_text(text)
    done = run_hlo("interpret", str(path))
    assert done.code == 0
    assert ":10:3: warning: m: eightfold is evaluated for one element at a time, which is slow [HLO5021]" in done.err
    assert hlo.interpret(hlo.parse(text), [np.arange(4, dtype=F32)])[0] == 48


def peak(text: str, *arguments: Array) -> float:
    """The largest sum of allocations in a run, over the size of the arguments."""
    module = hlo.parse(text)
    hlo.interpret(module, arguments)
    tracemalloc.start()
    hlo.interpret(module, arguments)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / sum(x.nbytes for x in arguments)


def test_buffers_go_after_their_last_use() -> None:
    steps = "\n".join(f"  x{i + 1} = f32[65536] add(x{i}, x{i})" for i in range(20))
    text = (
        f"HloModule m\nENTRY main {{\n  x0 = f32[65536] parameter(0)\n{steps}\n  ROOT r = f32[65536] negate(x20)\n}}\n"
    )
    assert peak(text, np.ones(65536, F32)) < 3.1


def test_lines_are_ranked_in_turn() -> None:
    text = """HloModule m
    ENTRY main { x = f32[64,65536] parameter(0) ROOT r = (f32[64,3], s32[64,3]) topk(x), k=3 }"""
    x = np.random.default_rng(0).standard_normal((64, 65536)).astype(F32)
    assert peak(text, x) < 0.2
    values, places = hlo.interpret(hlo.parse(text), [x])
    assert np.array_equal(places, np.argsort(-x, axis=1, kind="stable")[:, :3])
    assert np.array_equal(values, np.take_along_axis(x, places, 1))
