"""Scheduled loop nests as machine code against the abstract nests on numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from jit import run, runnable

from hlo_backends.cpu.targets import CpuTarget
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.evaluate import run_kernel
from hlo_tools.codegen.index import ZERO, Index, Var, constant, linear, of
from hlo_tools.codegen.kernel import (
    MONOIDS,
    Accumulate,
    Axis,
    Buffer,
    Cell,
    For,
    If,
    Kernel,
    Role,
    Set,
    Stmt,
    Store,
    Type,
)
from hlo_tools.codegen.parallel import schedule
from hlo_tools.codegen.text import to_text
from hlo_tools.ir.element import BF16, F32, PRED, S8, S32, S64, ElementType

TARGETS = runnable()[:2]


def strides(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(dims[i + 1 :]) for i in range(len(dims)))


def loops(
    variables: list[Var], dims: tuple[int, ...], body: tuple[Stmt, ...], axis: Axis = Axis.PARALLEL
) -> tuple[Stmt, ...]:
    for var, size in reversed(list(zip(variables, dims, strict=True))):
        body = (For(var, ZERO, constant(size), body, axis),)
    return body


def variables(dims: tuple[int, ...]) -> list[Var]:
    return [Var(name, 0, size - 1) for name, size in zip("ijklm", dims, strict=False)]


def place(at: list[Var], dims: tuple[int, ...]) -> Index:
    return linear(tuple(map(of, at)), strides(dims))


def check(kernel: Kernel, target: CpuTarget, tolerance: float = 1e-5) -> Kernel:
    """Run a kernel both ways; the schedule comes back."""
    rng = np.random.default_rng(0)
    arrays = [
        (rng.integers(0, 2, b.size) if b.element is PRED else rng.random(b.size) * 100).astype(b.element.dtype)
        for b in kernel.params
    ]
    expected = [a.copy() for a in arrays]
    run_kernel(kernel, expected)
    made = schedule(kernel, target.processor)
    wanted = [a for a, p in zip(expected, kernel.params, strict=True) if p.role is not Role.INPUT]
    for parts in (1, 3):
        for got, want in zip(run(made, arrays, target, parts), wanted, strict=True):
            np.testing.assert_allclose(
                got.astype(np.float64), want.astype(np.float64), rtol=tolerance, err_msg=to_text(made)
            )
    return made


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize("dims", [(1,), (3,), (16,), (17,), (100,), (100, 7), (3, 5, 7), (65, 1000)], ids=str)
@pytest.mark.parametrize("element", [F32, S8, S64, BF16], ids=str)
def test_elementwise(dims: tuple[int, ...], element: ElementType, target: CpuTarget) -> None:
    size = math.prod(dims)
    x, y, o = Buffer("x", element, size), Buffer("y", element, size), Buffer("o", F32, size, Role.OUTPUT)
    at = variables(dims)
    where = place(at, dims)
    value = k.binary("mul", *(k.convert(k.load(b, where), F32) for b in (x, y)))
    made = check(Kernel("k", (x, y, o), loops(at, dims, (Store(o, where, value),))), target)
    # What is contiguous becomes one loop: blocks of vectors, vectors, and what is left; or chunks of that.
    assert sum(isinstance(s, For) for s in k.statements(made.body)) <= 4


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize(
    ("dims", "order"),
    [
        ((64, 64), (1, 0)),
        ((33, 70), (1, 0)),
        ((4, 33, 70), (0, 2, 1)),
        ((5, 6, 7, 8), (3, 1, 0, 2)),
        ((300, 210), (1, 0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("element", [F32, S8], ids=str)
def test_transposes(dims: tuple[int, ...], order: tuple[int, ...], element: ElementType, target: CpuTarget) -> None:
    size = math.prod(dims)
    x, y, o = Buffer("x", element, size), Buffer("y", element, size), Buffer("o", element, size, Role.OUTPUT)
    at = variables(dims)
    turned = linear(tuple(of(at[d]) for d in order), strides(tuple(dims[d] for d in order)))
    value = k.binary("add", k.load(x, turned), k.load(y, place(at, dims)))
    made = check(Kernel("k", (x, y, o), loops(at, dims, (Store(o, place(at, dims), value),))), target)
    if dims == (300, 210) and element is F32:  # tiles, and no gathers but at the edges
        assert "shuffle" in to_text(made)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize(
    ("dims", "gone"),
    [
        ((10,), (0,)),
        ((1000,), (0,)),
        ((30, 100), (1,)),
        ((30, 100), (0,)),
        ((8, 9, 10), (1,)),
        ((8, 9, 10), (0, 2)),
        ((130, 257), (1,)),
        ((130, 257), (0,)),
        ((64, 3), (1,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("monoid", ["add", "max"])
def test_reductions(dims: tuple[int, ...], gone: tuple[int, ...], monoid: str, target: CpuTarget) -> None:
    kept = [d for d in range(len(dims)) if d not in gone]
    left = tuple(dims[d] for d in kept)
    x, o = Buffer("x", F32, math.prod(dims)), Buffer("o", F32, math.prod(left), Role.OUTPUT)
    at, total = variables(dims), Cell("total", Type(F32))
    body: tuple[Stmt, ...] = (Accumulate(total, monoid, k.load(x, place(at, dims))),)
    body = loops([at[d] for d in gone], tuple(dims[d] for d in gone), body, Axis.REDUCE)
    start = Set(total, k.const(MONOIDS[monoid](F32), Type(F32)))
    store = Store(o, linear(tuple(of(at[d]) for d in kept), strides(left)), k.cell(total))
    kernel = Kernel("k", (x, o), loops([at[d] for d in kept], left, (start, *body, store)))
    assert "gather" not in to_text(check(kernel, target)) or dims[-1] < 16


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_guards_that_differ_between_lanes(target: CpuTarget) -> None:
    """Padding at both ends: a branch in every lane, and loads that must not happen outside."""
    x, o = Buffer("x", F32, 50), Buffer("o", F32, 70, Role.OUTPUT)
    i = Var("i", 0, 69)
    at = of(i) - 7
    inside = k.binary(
        "and", k.compare("ge", k.index(at), k.const(0, k.INDEX)), k.compare("lt", k.index(at), k.const(50, k.INDEX))
    )
    branch = If(inside, (Store(o, of(i), k.load(x, at)),), (Store(o, of(i), k.const(5.0, Type(F32))),))
    check(Kernel("k", (x, o), loops([i], (70,), (branch,))), target)
    masked = k.select(inside, k.load(x, at, mask=inside), k.const(5.0, Type(F32)))
    check(Kernel("k", (x, o), loops([i], (70,), (Store(o, of(i), masked),))), target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_addresses_that_divide(target: CpuTarget) -> None:
    """A row number and a place in the row of a linear index, with sizes that fit vectors and that do not."""
    for row in (5, 16, 64):
        x, y, o = Buffer("x", F32, 320), Buffer("y", F32, row), Buffer("o", F32, 320, Role.OUTPUT)
        i = Var("i", 0, 319)
        value = k.binary("add", k.load(x, of(i) // row), k.load(y, of(i) % row))
        check(Kernel("k", (x, y, o), loops([i], (320,), (Store(o, of(i), value),))), target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_interleaved_reversed_and_strided(target: CpuTarget) -> None:
    x, o, p = Buffer("x", F32, 200), Buffer("o", F32, 100, Role.OUTPUT), Buffer("p", F32, 300, Role.OUTPUT)
    i = Var("i", 0, 99)
    pair = k.binary("sub", k.load(x, of(i) * 2), k.load(x, of(i) * 2 + 1))
    back = k.load(x, constant(99) - of(i))
    body = (Store(o, constant(99) - of(i), k.binary("add", pair, back)), Store(p, of(i) * 3 + 1, pair))
    kernel = Kernel("k", (x, o, p), loops([i], (100,), body))
    check(kernel, target, 1e-4)


def test_iota_and_indices_as_values() -> None:
    o = Buffer("o", S32, 12 * 21, Role.OUTPUT)
    at = variables((12, 21))
    value = k.convert(k.index(of(at[0]) * 100 + of(at[1])), S32)
    check(Kernel("k", (o,), loops(at, (12, 21), (Store(o, place(at, (12, 21)), value),))), TARGETS[0])
