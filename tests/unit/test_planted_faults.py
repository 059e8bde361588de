"""Faults planted into what the CPU backend compiles: isolation names the instruction. Other orders of sums: no bug.

A fault is a wrong pass in front of the backend: it makes one instruction compute what compilers get wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hlo_tools as hlo
from hlo_tools import backend as backends
from hlo_tools.debug.replay import replay
from hlo_tools.debug.verdict import Verdict
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.module import Module

Array = np.ndarray[Any, np.dtype[Any]]
F32 = np.float32

ZOO = """HloModule zoo
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }
high { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] maximum(a, b) }
less { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = pred[] compare(a, b), direction=LT }
first { a = f32[] parameter(0) i = s32[] parameter(1) b = f32[] parameter(2) j = s32[] parameter(3)
  above = pred[] compare(a, b), direction=GT same = pred[] compare(a, b), direction=EQ
  before = pred[] compare(i, j), direction=LT tie = pred[] and(same, before) keep = pred[] or(above, tie)
  v = f32[] select(keep, a, b) k = s32[] select(keep, i, j) ROOT r = (f32[], s32[]) tuple(v, k) }
ENTRY main {
  x = f32[8,8] parameter(0)
  y = f32[8,8] parameter(1)
  n = s32[8,8] parameter(2)
  m = s32[8,8] parameter(3)
  at = s32[] parameter(4)
  rows = s32[5,1] parameter(5)
  odd = f32[8,8] parameter(6)
  image = f32[1,6,6,2] parameter(7)
  filter = f32[3,3,2,3] parameter(8)
  zero = f32[] constant(0)
  low = f32[] constant(-inf)
  third = f32[] constant(0.333333)
  thirds = f32[8,8] broadcast(third), dimensions={}
  difference = f32[8,8] subtract(x, y)
  quotient = f32[8,8] divide(x, y)
  larger = f32[8,8] maximum(odd, x)
  smaller = f32[8,8] minimum(x, odd)
  part = f32[8,3] slice(x), slice={[0:8], [2:5]}
  window = f32[3,8] dynamic-slice(x, at, at), dynamic_slice_sizes={3,8}
  patched = f32[8,8] dynamic-update-slice(x, part, at, at)
  padded = f32[9,10] pad(x, zero), padding=1_0x0_2
  mirrored = f32[8,8] reverse(x), dimensions={1}
  turned = f32[8,8] transpose(x), dimensions={1,0}
  joined = f32[8,16] concatenate(x, y), dimensions={1}
  numbers = s32[8,8] iota(), iota_dimension=1
  total = f32[8] reduce(x, zero), dimensions={1}, to_apply=sum
  top = f32[8] reduce(x, low), dimensions={0}, to_apply=high
  n2 = f32[8,8] convert(n)
  best = (f32[8], s32[8]) reduce(n2, numbers, low, at), dimensions={1}, to_apply=first
  whole = s32[8,8] convert(x)
  short = bf16[8,8] convert(x)
  product = f32[8,8] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  filtered = f32[1,6,6,3] convolution(image, filter), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
  pooled = f32[4,4] reduce-window(x, low), window={size=2x2 stride=2x2}, to_apply=high
  picked = f32[5,8] gather(x, rows), offset_dims={1}, collapsed_slice_dims={0}, start_index_map={0},
    index_vector_dim=1, slice_sizes={1,8}
  spread = f32[8,8] scatter(x, rows, picked), update_window_dims={1}, inserted_window_dims={0},
    scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=sum
  below = pred[8,8] compare(n, m), direction=LT
  chosen = f32[8,8] select(below, x, y)
  sorted = f32[8,8] sort(x), dimensions={1}, to_apply=less
  bits = s32[8,8] shift-right-arithmetic(n, m)
  rest = s32[8,8] remainder(n, m)
  ratio = s32[8,8] divide(n, m)
  bent = f32[8,8] tanh(x)
  limited = f32[8,8] clamp(zero, x, third)
  size = f32[8,8] abs(x)
  ROOT all = (f32[8,8], s32[8,8]) tuple(difference, bits)
}
"""


def arguments() -> list[Array]:
    """Numbers with ties, repeated rows, a start beyond the end, NaN and infinities where an instruction knows them."""
    rng = np.random.default_rng(7)
    x, y = (rng.standard_normal((8, 8)).astype(F32) for _ in range(2))
    n = rng.integers(-9, 9, (8, 8)).astype(np.int32)
    m = rng.integers(1, 4, (8, 8)).astype(np.int32)
    n[0, :3] = m[0, :3]
    odd = x * F32(10)
    odd[2, 3], odd[4, 4] = np.nan, 2.7
    rows = np.array([[1], [6], [1], [3], [0]], np.int32)
    image, filter_ = rng.standard_normal((1, 6, 6, 2)).astype(F32), rng.standard_normal((3, 3, 2, 3)).astype(F32)
    return [x, y, n, m, np.asarray(3, np.int32), rows, odd, image, filter_]


# ---- faults: an instruction, as text, in place of another

Change = Callable[[Instruction], str]


def instead(text: str, extra: str = "") -> Change:
    """The text of a computation of parameters a, b, ... that stands for the instruction; `extra` are its callees."""
    return lambda inst: f"{extra}\nENTRY e {{ {_parameters(inst)} {text} }}"


def _parameters(inst: Instruction) -> str:
    return " ".join(f"{chr(97 + i)} = {x.shape.bare} parameter({i})" for i, x in enumerate(inst.operands))


SUM = "f { p = f32[] parameter(0) q = f32[] parameter(1) ROOT r = f32[] add(p, q) }"
LOW = "f { p = f32[] parameter(0) q = f32[] parameter(1) ROOT r = f32[] minimum(p, q) }"
LAST = "f { p = f32[] parameter(0) q = f32[] parameter(1) ROOT r = f32[] copy(q) }"
AFTER = "f { p = f32[] parameter(0) q = f32[] parameter(1) ROOT r = pred[] compare(p, q), direction=GT }"
ANY_TIE = """f { a = f32[] parameter(0) i = s32[] parameter(1) b = f32[] parameter(2) j = s32[] parameter(3)
  keep = pred[] compare(a, b), direction=GT v = f32[] select(keep, a, b) k = s32[] select(keep, i, j)
  ROOT r = (f32[], s32[]) tuple(v, k) }"""
B = "f32[8,8]"

FAULTS: dict[str, tuple[str, Change]] = {
    "wrong constant": ("thirds", instead(f"c = f32[] constant(0.33333) ROOT r = {B} broadcast(c), dimensions={{}}")),
    "swapped operands": ("difference", instead(f"ROOT r = {B} subtract(b, a)")),
    "swapped quotient": ("quotient", instead(f"ROOT r = {B} divide(b, a)")),
    "reciprocal of low precision": ("quotient", instead(
        f"h = bf16[8,8] convert(b) g = {B} convert(h) ROOT r = {B} divide(a, g)")),
    "maximum without NaN": ("larger", instead(
        f"p = pred[8,8] compare(a, b), direction=GT ROOT r = {B} select(p, a, b)")),
    "minimum without NaN": ("smaller", instead(
        f"p = pred[8,8] compare(b, a), direction=LT ROOT r = {B} select(p, b, a)")),
    "slice off by one": ("part", instead("ROOT r = f32[8,3] slice(a), slice={[0:8], [3:6]}")),
    "start off by one": ("window", instead(
        "o = s32[] constant(1) s = s32[] add(b, o) "
        "ROOT r = f32[3,8] dynamic-slice(a, s, c), dynamic_slice_sizes={3,8}")),
    "starts in the wrong order": ("patched", instead(
        f"z = s32[] constant(0) ROOT r = {B} dynamic-update-slice(a, b, d, z)")),
    "padding on the other side": ("padded", instead("ROOT r = f32[9,10] pad(a, b), padding=0_1x2_0")),
    "reversed in the other dimension": ("mirrored", instead(f"ROOT r = {B} reverse(a), dimensions={{0}}")),
    "transposed layout": ("turned", instead(f"ROOT r = {B} copy(a)")),
    "layout taken for another": ("joined", instead(
        f"t = {B} transpose(b), dimensions={{1,0}} ROOT r = f32[8,16] concatenate(a, t), dimensions={{1}}")),
    "iota in the other dimension": ("numbers", instead("ROOT r = s32[8,8] iota(), iota_dimension=0")),
    "sum that starts elsewhere": ("total", instead(
        "z = f32[] constant(0.001) ROOT r = f32[8] reduce(a, z), dimensions={1}, to_apply=f", SUM)),
    "last element forgotten": ("total", instead(
        "s = f32[8,7] slice(a), slice={[0:8], [0:7]} ROOT r = f32[8] reduce(s, b), dimensions={1}, to_apply=f", SUM)),
    "wrong reducer": ("top", instead("ROOT r = f32[8] reduce(a, b), dimensions={0}, to_apply=f", LOW)),
    "reduced in the other dimension": ("top", instead("ROOT r = f32[8] reduce(a, b), dimensions={1}, to_apply=f",
        LOW.replace("minimum", "maximum"))),
    "wrong reduction order": ("best", instead(
        "ROOT r = (f32[8], s32[8]) reduce(a, b, c, d), dimensions={1}, to_apply=f", ANY_TIE)),
    "rounded, not cut off": ("whole", instead(f"n = {B} round-nearest-even(a) ROOT r = s32[8,8] convert(n)")),
    "cut off, not rounded": ("short", instead(
        f"i = u32[8,8] bitcast-convert(a) m = u32[] constant(4294901760) ms = u32[8,8] broadcast(m), dimensions={{}} "
        f"j = u32[8,8] and(i, ms) g = {B} bitcast-convert(j) ROOT r = bf16[8,8] convert(g)")),
    "transposed factor": ("product", instead(
        f"ROOT r = {B} dot(a, b), lhs_contracting_dims={{1}}, rhs_contracting_dims={{1}}")),
    "product of short floats": ("product", instead(
        f"p = bf16[8,8] convert(a) q = {B} convert(p) "
        f"ROOT r = {B} dot(q, b), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}")),
    "window off by one": ("filtered", instead("ROOT r = f32[1,6,6,3] convolution(a, b), "
        "window={size=3x3 pad=2_0x1_1}, dim_labels=b01f_01io->b01f")),
    "mirrored filter": ("filtered", instead("ROOT r = f32[1,6,6,3] convolution(a, b), "
        "window={size=3x3 pad=1_1x1_1 rhs_reversal=1x1}, dim_labels=b01f_01io->b01f")),
    "windows that overlap": ("pooled", instead("s = f32[7,7] slice(a), slice={[1:8], [0:7]} "
        "ROOT r = f32[4,4] reduce-window(s, b), window={size=1x1 stride=2x2}, to_apply=f",
        LOW.replace("minimum", "maximum"))),
    "index off by one": ("picked", instead("o = s32[] constant(1) os = s32[5,1] broadcast(o), dimensions={} "
        "i = s32[5,1] add(b, os) ROOT r = f32[5,8] gather(a, i), offset_dims={1}, collapsed_slice_dims={0}, "
        "start_index_map={0}, index_vector_dim=1, slice_sizes={1,8}")),
    "repeated index forgotten": ("spread", instead("ROOT r = f32[8,8] scatter(a, b, c), update_window_dims={1}, "
        "inserted_window_dims={0}, scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=f", LAST)),
    "equality counted": ("below", instead("ROOT r = pred[8,8] compare(a, b), direction=LE")),
    "branches swapped": ("chosen", instead(f"ROOT r = {B} select(a, c, b)")),
    "descending": ("sorted", instead(f"ROOT r = {B} sort(a), dimensions={{1}}, to_apply=f", AFTER)),
    "logical shift": ("bits", instead("ROOT r = s32[8,8] shift-right-logical(a, b)")),
    "remainder of the divisor's sign": ("rest", instead(
        "p = s32[8,8] remainder(a, b) q = s32[8,8] add(p, b) ROOT r = s32[8,8] remainder(q, b)")),
    "quotient rounded down": ("ratio", instead(
        "f = s32[8,8] remainder(a, b) g = s32[8,8] add(f, b) h = s32[8,8] remainder(g, b) "
        "i = s32[8,8] subtract(a, h) ROOT r = s32[8,8] divide(i, b)")),
    "polynomial of low degree": ("bent", instead(
        f"s = {B} multiply(a, a) t = {B} multiply(s, a) c = f32[] constant(0.33333334) "
        f"cs = {B} broadcast(c), dimensions={{}} u = {B} multiply(t, cs) ROOT r = {B} subtract(a, u)")),
    "bounds swapped": ("limited", instead(f"ROOT r = {B} clamp(c, b, a)")),
    "sign kept": ("size", instead(f"ROOT r = {B} copy(a)")),
}  # fmt: skip
"""What is wrong, with which instruction, and what is computed in its place."""


class Backend:
    """The CPU backend behind a pass; code for modules that the pass leaves alone is compiled once."""

    def __init__(self, change: Callable[[Module], Module | None]) -> None:
        self.change = change
        self.cpu: Any = backends.find("cpu")
        self.compiled: dict[tuple[str, int], Any] = {}

    def compile(self, module: Module, *, threads: int) -> Any:
        changed = self.change(module)
        if changed is not None:
            return self.cpu.compile(changed, threads=threads)
        key = str(module), threads
        if key not in self.compiled:
            self.compiled[key] = self.cpu.compile(module, threads=threads)
        return self.compiled[key]


@pytest.fixture(scope="module")
def right() -> Backend:
    return Backend(lambda module: None)


def planted(name: str, change: Change) -> Callable[[Module], Module | None]:
    """The pass that changes the instruction `name`, where it is compiled alone, constants and all."""

    def wrong(module: Module) -> Module | None:
        root = module.main.result
        if root.name != name:
            return None
        texts = change(root).split("ENTRY")
        return hlo.parse(f"HloModule wrong\n{texts[0]}\nENTRY{_with_constants(texts[1], root)}")

    return wrong


def _with_constants(text: str, root: Instruction) -> str:
    """The operands that are constants in the module stay constants; the other parameters are numbered anew."""
    number = 0
    seen: dict[Instruction, str] = {}
    for i, x in enumerate(root.operands):
        old = f"{chr(97 + i)} = {x.shape.bare} parameter({i})"
        if x.op.inline == "value":
            new = f"{chr(97 + i)} = {x.shape.bare} constant({x.attrs.value.array.item()})"
        elif x in seen:
            new = f"{chr(97 + i)} = {x.shape.bare} copy({seen[x]})"
        else:
            new, seen[x] = f"{chr(97 + i)} = {x.shape.bare} parameter({number})", chr(97 + i)
            number += 1
        text = text.replace(old, new)
    return text


def test_the_zoo_itself_is_right(monkeypatch: pytest.MonkeyPatch, right: Backend) -> None:
    monkeypatch.setattr(backends, "find", lambda name: right)
    findings = hlo.isolate(hlo.parse(ZOO), arguments())
    assert {f.instruction for f in findings} >= {name for name, _ in FAULTS.values()}
    assert [str(f) for f in findings if f.is_wrong or f.problem] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_faulty_instruction_is_named(monkeypatch: pytest.MonkeyPatch, right: Backend, fault: str) -> None:
    name, change = FAULTS[fault]
    monkeypatch.setattr(right, "change", planted(name, change))
    monkeypatch.setattr(backends, "find", lambda backend: right)
    findings = hlo.isolate(hlo.parse(ZOO), arguments())
    assert [f.instruction for f in findings if f.is_wrong] == [name]
    assert findings[0].instruction == name


# ---- sums in other orders

REDUCTIONS = {
    "sum": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }
ENTRY main { x = f32[4,1024] parameter(0) z = f32[] constant(0)
  ROOT r = f32[4] reduce(x, z), dimensions={1}, to_apply=sum }""",
    "half": """HloModule m
sum { a = bf16[] parameter(0) b = bf16[] parameter(1) ROOT r = bf16[] add(a, b) }
ENTRY main { x = bf16[4,512] parameter(0) z = bf16[] constant(0)
  ROOT r = bf16[4] reduce(x, z), dimensions={1}, to_apply=sum }""",
    "variance": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }
ENTRY main { x = f32[4,768] parameter(0) z = f32[] constant(0) n = f32[] constant(768)
  ns = f32[4] broadcast(n), dimensions={} s = f32[4] reduce(x, z), dimensions={1}, to_apply=sum
  mean = f32[4] divide(s, ns) xx = f32[4,768] multiply(x, x)
  t = f32[4] reduce(xx, z), dimensions={1}, to_apply=sum square = f32[4] divide(t, ns)
  mm = f32[4] multiply(mean, mean) ROOT v = f32[4] subtract(square, mm) }""",
    "product": """HloModule m
ENTRY main { x = f32[8,1024] parameter(0) w = f32[1024,16] parameter(1)
  ROOT y = f32[8,16] dot(x, w), lhs_contracting_dims={1}, rhs_contracting_dims={0} }""",
    "softmax": """HloModule m
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }
ENTRY main { x = f32[8,512] parameter(0) w = f32[512,512] parameter(1) z = f32[] constant(0)
  y = f32[8,512] dot(x, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  e = f32[8,512] exponential(y) n = f32[8] reduce(e, z), dimensions={1}, to_apply=sum
  ns = f32[8,512] broadcast(n), dimensions={0} ROOT r = f32[8,512] divide(e, ns) }""",
}
PIECES = (2, 16, -1, -8)
"""Sums are split into so many parts, which are added up; below zero from the end."""


def reordered(pieces: int) -> Callable[[Module], Module]:
    """The pass that sums in another order, as compilers do for vectors and threads."""

    def change(module: Module) -> Module:
        made = module.clone()
        for inst in list(made.main):
            if inst.op.name == "reduce":
                _split_reduce(made.main, inst, pieces)
            elif inst.op.name == "dot":
                _split_dot(made.main, inst, abs(pieces))
        hlo.verify(made)
        return made

    return change


def _add(main: Computation, text: str, *operands: Instruction) -> Instruction:
    """The root of a module of one instruction, on other operands."""
    names = " ".join(f"{chr(97 + i)} = {x.shape.bare} parameter({i})" for i, x in enumerate(operands))
    root = hlo.parse(f"HloModule t\nENTRY e {{ {names} ROOT r = {text} }}").main.result
    return main.add(root.op, operands, root.attrs, root.shape)


def _split_reduce(main: Computation, inst: Instruction, pieces: int) -> None:
    x, start = inst.operands
    rows, n = x.shape.dims
    kind = x.shape.element.name
    if pieces < 0:
        x = _add(main, f"{kind}[{rows},{n}] reverse(a), dimensions={{1}}", x)
    count = abs(pieces)
    cut = _add(main, f"{kind}[{rows},{count},{n // count}] reshape(a)", x)
    at = replace(inst.attrs, dimensions=type(inst.attrs.dimensions)((1,)))
    parts = main.add(inst.op, (cut, start), at)
    main.replace(inst, main.add(inst.op, (parts, start), at))


def _split_dot(main: Computation, inst: Instruction, pieces: int) -> None:
    x, w = inst.operands
    (m, n), (_, k) = x.shape.dims, w.shape.dims
    total = None
    for start in reversed(range(0, n, n // pieces)):
        end = start + n // pieces
        left = _add(main, f"f32[{m},{end - start}] slice(a), slice={{[0:{m}], [{start}:{end}]}}", x)
        right = _add(main, f"f32[{end - start},{k}] slice(a), slice={{[{start}:{end}], [0:{k}]}}", w)
        part = main.add(inst.op, (left, right), inst.attrs)
        total = part if total is None else _add(main, f"f32[{m},{k}] add(a, b)", total, part)
    if total is not None:
        main.replace(inst, total)


def replayed(monkeypatch: pytest.MonkeyPatch, name: str, pieces: int, threads: int, seeds: range) -> list[Verdict]:
    """The verdicts on a module whose sums are reordered, for arguments of several seeds."""
    module = hlo.parse(REDUCTIONS[name])
    cpu: Any = backends.find("cpu")
    code = cpu.compile(reordered(pieces)(module), threads=threads)

    class Compiled:
        def compile(self, module: Module, *, threads: int) -> Any:
            return code

    monkeypatch.setattr(backends, "find", lambda backend: Compiled())
    return [v for seed in seeds for v in replay(module, hlo.random_inputs(module, seed), threads=threads).verdicts]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_another_order_of_sums_is_no_bug(monkeypatch: pytest.MonkeyPatch, name: str, pieces: int, threads: int) -> None:
    verdicts = replayed(monkeypatch, name, pieces, threads, range(5))
    assert len(verdicts) == 5
    assert Verdict.bug not in verdicts


@pytest.mark.slow
@pytest.mark.parametrize("name", REDUCTIONS)
def test_no_order_of_sums_is_a_bug(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for pieces in (1, *PIECES, 4, 64):
        with monkeypatch.context() as context:
            assert Verdict.bug not in replayed(context, name, pieces, 2, range(100))
