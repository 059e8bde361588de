"""Every expression of the kernel IR as machine code, against its meaning on numpy, over edge values."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import numpy as np
import pytest
from jit import Array, run, runnable

from hlo_backends.cpu.targets import CpuTarget
from hlo_backends.llvm.printers import PRINTERS
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.evaluate import run_kernel
from hlo_tools.codegen.index import ZERO, Var, constant, of
from hlo_tools.codegen.kernel import Axis, Buffer, Cell, Expr, For, Kernel, Role, Set, Store, Type
from hlo_tools.ir.element import ELEMENT_TYPES, F32, F64, PRED, S32, ElementType

TARGETS = runnable()[:2]  # everything, and next to nothing
INTEGERS = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"]
COUNT = 256


def values(element: ElementType, seed: int) -> Array:
    """Edge values and random ones."""
    rng = np.random.default_rng(seed)
    if element is PRED:
        return rng.integers(0, 2, COUNT).astype(np.bool_)
    if element.is_integer:
        if element.bits < 8:
            low, high = (-8, 7) if element.is_signed else (0, 15)
            return rng.integers(low, high, COUNT, endpoint=True).astype(element.dtype)
        low, high = np.iinfo(element.dtype).min, np.iinfo(element.dtype).max
        edges = [0, 1, 2, 3, high, high - 1, low, low + 1, high // 2]
        rest = rng.integers(low, high, COUNT, dtype=element.dtype, endpoint=True)
    else:
        special = [np.inf, -np.inf, np.nan, 3e38, 1e-40, 8388609.0, 0.49999997]
        edges = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, *special]
        rest = rng.standard_normal(COUNT) * 10.0 ** rng.integers(-3, 12, COUNT)
    with np.errstate(all="ignore"):
        out = rest.astype(element.dtype)
        out[: len(edges)] = np.array(edges).astype(element.dtype)
    return rng.permutation(out)


def check(elements: list[ElementType], make: Callable[..., dict[str, Expr]], lanes: int, target: CpuTarget) -> None:
    """Compare each expression that `make` builds of loads from buffers of these types."""
    inputs = [Buffer(f"x{i}", e, COUNT) for i, e in enumerate(elements)]
    i = Var("i", 0, COUNT - lanes)
    made = make(*[k.load(b, of(i), lanes) for b in inputs])
    outputs = [Buffer(name, e.type.element, COUNT, Role.OUTPUT) for name, e in made.items()]
    stores = tuple(Store(b, of(i), e) for b, e in zip(outputs, made.values(), strict=True))
    kernel = Kernel("k", (*inputs, *outputs), (For(i, ZERO, constant(COUNT), stores, Axis.PARALLEL, lanes),))
    arrays = [values(e, n) for n, e in enumerate(elements)] + [np.zeros(COUNT, b.element.dtype) for b in outputs]
    expected = [a.copy() for a in arrays]
    run_kernel(kernel, expected)
    for name, got, want in zip(made, run(kernel, arrays, target), expected[len(elements) :], strict=True):
        if got.dtype.kind == "V":  # numpy does not know which values of these are NaN
            got, want = got.astype(np.float32), want.astype(np.float32)
        np.testing.assert_array_equal(got, want, err_msg=f"{name} of {elements} x{lanes} for {target.target}")
        if got.dtype.kind == "f":
            numbers = ~np.isnan(want)
            signs = np.signbit(got[numbers]), np.signbit(want[numbers])
            np.testing.assert_array_equal(*signs, err_msg=f"sign of {name}")


def test_every_op_has_a_printer() -> None:
    table = inspect.cleandoc(Expr.__doc__ or "").split("\n\n")[1].splitlines()[1:]
    named = {op for line in table if line[0] != " " for op in re.split(r"\s{2,}", line)[0].split()}
    assert set(PRINTERS) == named


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize("lanes", [1, 32])
@pytest.mark.parametrize("name", INTEGERS)
def test_integer_arithmetic(name: str, lanes: int, target: CpuTarget) -> None:
    element = ELEMENT_TYPES[name]

    def make(x: Expr, y: Expr) -> dict[str, Expr]:
        t = x.type
        shift = k.binary("and", y, k.const(element.bits - 1, t))
        safe = k.select(k.compare("eq", y, k.const(0, t)), k.const(3, t), y)
        if element.is_signed:
            safe = k.select(k.compare("eq", safe, k.const(-1, t)), k.const(7, t), safe)
        plain = {op: k.binary(op, x, y) for op in ("add", "sub", "mul", "and", "or", "xor", "min", "max", "mulhi")}
        shifts = {op: k.binary(op, x, shift) for op in ("shl", "shr", *(["sar"] if element.is_signed else []))}
        ones = {op: k.unary(op, x) for op in ("neg", "not", "abs", "popcount", "clz", "ctz")}
        tests = {f"cmp_{p}": k.compare(p, x, y) for p in ("eq", "ne", "lt", "le", "gt", "ge")}
        rest = {"div": k.binary("div", x, safe), "rem": k.binary("rem", x, safe), "fma": k.fma(x, y, x)}
        rest["div5"] = k.binary("div", x, k.const(5, t))
        return {**plain, **shifts, **ones, **tests, **rest, "select": k.select(k.compare("lt", x, y), x, y)}

    check([element, element], make, lanes, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("element", [F32, F64], ids=str)
def test_float_arithmetic(element: ElementType, lanes: int, target: CpuTarget) -> None:
    def make(x: Expr, y: Expr) -> dict[str, Expr]:
        plain = {op: k.binary(op, x, y) for op in ("add", "sub", "mul", "div", "rem")}
        ones = {op: k.unary(op, x) for op in ("neg", "abs", "floor", "ceil", "trunc", "rint")}
        tests = {f"cmp_{p}": k.compare(p, x, y) for p in ("eq", "ne", "lt", "le", "gt", "ge")}
        root = {"sqrt": k.unary("sqrt", k.unary("abs", x))}
        bits = {"bits": k.bitcast(k.unary("abs", y), ELEMENT_TYPES[f"u{element.bits}"])}
        return {**plain, **ones, **tests, **root, **bits, "select": k.select(k.compare("lt", x, y), x, y)}

    check([element, element], make, lanes, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_extrema_keep_nan(target: CpuTarget) -> None:
    def make(x: Expr, y: Expr) -> dict[str, Expr]:
        nonzero = k.binary("add", x, k.const(0.0, x.type))  # the sign of a zero is not specified
        return {op: k.binary(op, nonzero, k.binary("add", y, k.const(0.25, y.type))) for op in ("min", "max")}

    check([F32, F32], make, 16, target)
    check([F64, F64], make, 1, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("name", [*INTEGERS, "pred", "f16", "bf16", "f32", "f64", "s4", "u4", "f8e4m3fn"])
def test_conversions(name: str, lanes: int, target: CpuTarget) -> None:
    source = ELEMENT_TYPES[name]
    targets = [ELEMENT_TYPES[n] for n in [*INTEGERS, "pred", "f16", "bf16", "f32", "f64", "s4"]]

    def make(x: Expr) -> dict[str, Expr]:
        return {f"to_{e}": k.convert(x, e) for e in targets if e is not source}

    check([source], make, lanes, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_lanes(target: CpuTarget) -> None:
    def make(x: Expr, y: Expr) -> dict[str, Expr]:
        wide = Type(F32, 8)
        place = Expr("ramp", Type(S32, 8), (k.const(3, Type(S32)),), 5)
        lane = Expr("extract", Type(F32), (x,), 2)
        mixed = Expr("shuffle", wide, (x, y), (0, 8, 1, 9, 15, 7, 3, 3))
        whole = k.convert(x, S32)
        sums = {m: k.splat(Expr("hreduce", Type(S32), (whole,), m), 8) for m in ("add", "max", "min", "xor", "or")}
        top = k.splat(Expr("hreduce", Type(F32), (y,), "max"), 8)
        return {"ramp": place, "extract": k.splat(lane, 8), "shuffle": mixed, "top": top, **sums}

    check([F32, F32], make, 8, target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: str(t.target.cpu))
def test_masks_and_gathers(target: CpuTarget) -> None:
    x, table = Buffer("x", S32, 64), Buffer("table", F32, 100)
    out = Buffer("out", F32, 64, Role.INOUT)
    i = Var("i", 0, 56)
    raw = k.load(x, of(i), 8)
    inside = k.compare("lt", raw, k.const(100, raw.type))
    picked = Expr("gather", Type(F32, 8), (raw, inside), table)
    body = (Store(out, of(i), picked, k.compare("ne", raw, k.const(7, raw.type))),)
    scalar = Var("j", 0, 63)
    guard = k.compare("lt", k.load(x, of(scalar)), k.const(50, Type(S32)))
    more = k.binary("add", k.load(out, of(scalar)), k.load(table, of(scalar), mask=guard))
    tail = Store(out, of(scalar), more, guard)
    kernel = Kernel(
        "k",
        (x, table, out),
        (
            For(i, ZERO, constant(64), body, Axis.PARALLEL, 8),
            For(scalar, ZERO, constant(64), (tail,), Axis.PARALLEL),
        ),
    )
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 130, 64).astype(np.int32), rng.random(100, np.float32), np.full(64, 9, np.float32)]
    expected = [a.copy() for a in arrays]
    run_kernel(kernel, expected)
    np.testing.assert_array_equal(run(kernel, arrays, target)[0], expected[2])


def test_loops_branches_and_cells() -> None:
    """Collatz lengths: while, if, cells that live across both, and a loop whose bounds are loaded."""
    x, out = Buffer("x", S32, 20), Buffer("out", S32, 20, Role.OUTPUT)
    i, one, two = Var("i", 0, 19), k.const(1, Type(S32)), k.const(2, Type(S32))
    n, steps = Cell("n", Type(S32)), Cell("steps", Type(S32))
    odd = k.compare("eq", k.binary("and", k.cell(n), one), one)
    triple = k.binary("add", k.binary("mul", k.cell(n), k.const(3, Type(S32))), one)
    body = (
        Set(n, k.load(x, of(i))),
        Set(steps, k.const(0, Type(S32))),
        k.While(
            k.compare("gt", k.cell(n), one),
            (
                k.If(odd, (Set(n, triple),), (Set(n, k.binary("div", k.cell(n), two)),)),
                Set(steps, k.binary("add", k.cell(steps), one)),
            ),
        ),
        Store(out, of(i), k.cell(steps)),
    )
    kernel = Kernel("k", (x, out), (For(i, ZERO, constant(20), body),))
    arrays = [np.arange(1, 21, dtype=np.int32), np.zeros(20, np.int32)]
    expected = [a.copy() for a in arrays]
    run_kernel(kernel, expected)
    np.testing.assert_array_equal(run(kernel, arrays, TARGETS[0])[0], expected[1])
    assert expected[1][26 - 20] == 16  # 7 takes 16 steps
