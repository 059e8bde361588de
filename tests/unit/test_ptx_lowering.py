"""Whatever LLVM makes of plain IR operations, at every width: the simulator's result against Python's arithmetic.

All functions are compiled in one module, so that the forms of instructions that LLVM prefers are the ones executed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from ptx_kernels import INDEX, Array, compile_ptx

from hlo_backends.gpu import simulate

FLOATS: dict[str, tuple[str, Any]] = {
    "half": ("f16", np.float16),
    "bfloat": ("bf16", ml_dtypes.bfloat16),
    "float": ("f32", np.float32),
    "double": ("f64", np.float64),
}
WIDTHS = (8, 16, 32, 64)


@dataclass(frozen=True)
class Case:
    """One function of two operands: its IR, types, and what it means."""

    name: str
    source: str
    result: str
    body: str
    declaration: str
    function: Callable[[Any, Any], Any]


def signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def integer_cases(bits: int) -> list[Case]:
    """Operands come as unsigned numbers; the second is made harmless where LLVM leaves a case open."""
    kind, mask = f"i{bits}", (1 << bits) - 1

    def s(value: int) -> int:
        return signed(value, bits)

    plain: dict[str, Callable[[int, int], int]] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul,
        "and": operator.and_, "or": operator.or_, "xor": operator.xor,
    }  # fmt: skip
    cases = [Case(name, kind, kind, f"%r = {name} {kind} %a, %b", "", function) for name, function in plain.items()]
    nonzero = f"%c = icmp eq {kind} %b, 0\n  %z = icmp eq {kind} %b, -1\n  %u = or i1 %c, %z\n"
    nonzero += f"  %n = select i1 %u, {kind} 7, {kind} %b\n  "
    divisions: dict[str, Callable[[int, int], int]] = {
        "udiv": lambda a, b: a // b,
        "urem": lambda a, b: a % b,
        "sdiv": lambda a, b: truncated(s(a), s(b)),
        "srem": lambda a, b: s(a) - truncated(s(a), s(b)) * s(b),
    }
    for name, function in divisions.items():
        guarded = lambda a, b, function=function: function(a, 7 if b in (0, mask) else b)  # noqa: E731
        cases.append(Case(name, kind, kind, f"{nonzero}%r = {name} {kind} %a, %n", "", guarded))
    shifts: dict[str, Callable[[int, int], int]] = {
        "shl": lambda a, b: a << b, "lshr": lambda a, b: a >> b, "ashr": lambda a, b: s(a) >> b,
    }  # fmt: skip
    for name, function in shifts.items():
        masked = lambda a, b, function=function: function(a, b & bits - 1)  # noqa: E731
        cases.append(Case(name, kind, kind, f"%n = and {kind} %b, {bits - 1}\n  %r = {name} {kind} %a, %n", "", masked))
    intrinsics: dict[str, Callable[[int, int], int]] = {
        "smax": lambda a, b: max(s(a), s(b)), "umin": min,
        "sadd.sat": lambda a, b: clamp(s(a) + s(b), -(1 << bits - 1), (1 << bits - 1) - 1),
        "usub.sat": lambda a, b: max(a - b, 0),
        "uadd.sat": lambda a, b: min(a + b, mask),
    }  # fmt: skip
    for name, function in intrinsics.items():
        call = f"%r = call {kind} @llvm.{name}.{kind}({kind} %a, {kind} %b)"
        cases.append(Case(name, kind, kind, call, f"declare {kind} @llvm.{name}.{kind}({kind}, {kind})", function))
    funnels: dict[str, Callable[[int, int], int]] = {
        "fshl": lambda a, b: ((a << bits | b) << b % bits) >> bits, "fshr": lambda a, b: (a << bits | b) >> b % bits,
    }  # fmt: skip
    for name, function in funnels.items():
        call = f"%r = call {kind} @llvm.{name}.{kind}({kind} %a, {kind} %b, {kind} %b)"
        cases.append(
            Case(name, kind, kind, call, f"declare {kind} @llvm.{name}.{kind}({kind}, {kind}, {kind})", function)
        )
    counts: dict[str, Callable[[int, int], int]] = {
        "ctpop": lambda a, b: a.bit_count(),
        "bitreverse": lambda a, b: int(f"{a:0{bits}b}"[::-1], 2),
    }
    if bits > 8:
        counts["bswap"] = lambda a, b: int.from_bytes(a.to_bytes(bits // 8, "little"), "big")
    for name, function in counts.items():
        call = f"%r = call {kind} @llvm.{name}.{kind}({kind} %a)"
        cases.append(Case(name, kind, kind, call, f"declare {kind} @llvm.{name}.{kind}({kind})", function))
    flagged: dict[str, Callable[[int, int], int]] = {
        "ctlz": lambda a, b: bits - a.bit_length(),
        "cttz": lambda a, b: (a & -a).bit_length() - 1 if a else bits,
        "abs": lambda a, b: abs(s(a)),
    }
    for name, function in flagged.items():
        call = f"%r = call {kind} @llvm.{name}.{kind}({kind} %a, i1 false)"
        cases.append(Case(name, kind, kind, call, f"declare {kind} @llvm.{name}.{kind}({kind}, i1)", function))
    comparisons: dict[str, Callable[[int, int], bool]] = {
        "slt": lambda a, b: s(a) < s(b), "uge": operator.ge, "ne": operator.ne,
    }  # fmt: skip
    for name, compare in comparisons.items():
        body = f"%c = icmp {name} {kind} %a, %b\n  %r = zext i1 %c to i8"
        cases.append(Case(f"icmp {name}", kind, "i8", body, "", compare))
    return cases


def float_cases(kind: str) -> list[Case]:
    """Results are given as float64 and rounded to the type by the test: enough for one operation below float64."""
    suffix, _ = FLOATS[kind]
    cases = []
    arithmetic: dict[str, Callable[[Any, Any], Any]] = {
        "fadd": operator.add, "fsub": operator.sub, "fmul": operator.mul, "fdiv": operator.truediv,
    }  # fmt: skip
    for name, function in arithmetic.items():
        cases.append(Case(name, kind, kind, f"%r = {name} {kind} %a, %b", "", function))
    unary: dict[str, Callable[[Any], Any]] = {
        "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "nearbyint": np.rint,
        "roundeven": np.rint, "fabs": np.abs,
        "round": lambda a: np.copysign(np.floor(np.abs(a) + (np.abs(a) % 1 >= 0.5)), a),
    }  # fmt: skip
    if kind in ("float", "double"):
        unary["sqrt"] = np.sqrt
    for name, one in unary.items():
        call = f"%r = call {kind} @llvm.{name}.{suffix}({kind} %a)"
        declaration = f"declare {kind} @llvm.{name}.{suffix}({kind})"
        cases.append(Case(name, kind, kind, call, declaration, lambda a, b, one=one: one(a)))
    binary: dict[str, Callable[[Any, Any], Any]] = {
        "maxnum": np.fmax, "minnum": np.fmin, "maximum": np.maximum, "minimum": np.minimum, "copysign": np.copysign,
    }  # fmt: skip
    for name, function in binary.items():
        call = f"%r = call {kind} @llvm.{name}.{suffix}({kind} %a, {kind} %b)"
        declaration = f"declare {kind} @llvm.{name}.{suffix}({kind}, {kind})"
        cases.append(Case(name, kind, kind, call, declaration, function))
    unordered = lambda a, b: bool(np.isnan(a) | np.isnan(b))  # noqa: E731
    comparisons: dict[str, Callable[[Any, Any], bool]] = {
        "oeq": lambda a, b: a == b, "une": lambda a, b: a != b, "olt": lambda a, b: a < b,
        "uge": lambda a, b: a >= b or unordered(a, b), "one": lambda a, b: a < b or a > b,
        "ord": lambda a, b: not unordered(a, b), "uno": unordered,
    }  # fmt: skip
    for name, compare in comparisons.items():
        body = f"%c = fcmp {name} {kind} %a, %b\n  %r = zext i1 %c to i8"
        cases.append(Case(f"fcmp {name}", kind, "i8", body, "", compare))
    for other in FLOATS:
        if other != kind and {other, kind} != {"half", "bfloat"}:
            order = ["half", "bfloat", "float", "double"]
            name = "fpext" if order.index(kind) < order.index(other) else "fptrunc"
            cases.append(Case(name, kind, other, f"%r = {name} {kind} %a to {other}", "", lambda a, b: a))
    return cases


SOURCES = [f"i{bits}" for bits in WIDTHS] + list(FLOATS)


def cases_of(source: str) -> list[Case]:
    return float_cases(source) if source in FLOATS else integer_cases(int(source[1:]))


@lru_cache
def module_of(source: str) -> str:
    """The PTX of all functions on one type."""
    parts = []
    for number, case in enumerate(cases_of(source)):
        parts.append(f"""
define ptx_kernel void @k{number}(ptr addrspace(1) %x, ptr addrspace(1) %y, ptr addrspace(1) %out) {{
{INDEX}
  %xp = getelementptr {case.source}, ptr addrspace(1) %x, i32 %i
  %a = load {case.source}, ptr addrspace(1) %xp
  %yp = getelementptr {case.source}, ptr addrspace(1) %y, i32 %i
  %b = load {case.source}, ptr addrspace(1) %yp
  {case.body}
  %op = getelementptr {case.result}, ptr addrspace(1) %out, i32 %i
  store {case.result} %r, ptr addrspace(1) %op
  ret void
}}
""")
    declarations = {case.declaration for case in cases_of(source)}
    return compile_ptx("\n".join(sorted(declarations)) + "\n".join(parts))


def dtype_of(kind: str) -> np.dtype[Any]:
    return np.dtype(FLOATS[kind][1]) if kind in FLOATS else np.dtype(f"u{int(kind[1:]) // 8}")


def operands_of(source: str) -> tuple[Array, Array]:
    if source in FLOATS:
        info: Any = ml_dtypes.finfo(FLOATS[source][1])
        tiny, eps, largest = float(info.tiny), float(info.eps), float(info.max)
        values = [0.0, 1.0, 1 + eps, 0.5, 1.5, 2.5, 3.75, 1 / 3, tiny, tiny * eps, largest, 1e4, math.inf]
        values = [sign * value for value in values for sign in (1, -1)] + [math.nan]
    else:
        bits = int(source[1:])
        top = 1 << bits - 1
        values = sorted(
            {0, 1, 2, 3, 7, 100, top - 1, top, top + 1, 2 * top - 1, 2 * top - 2, top // 2, 0x53 * top // 128}
        )
    array = np.array(values, dtype_of(source))
    return np.repeat(array, len(array)), np.tile(array, len(array))


@pytest.mark.parametrize("source", SOURCES)
def test_operations_as_llvm_lowers_them(source: str) -> None:
    memory = simulate.DeviceMemory()
    module = simulate.load(module_of(source), memory)
    a, b = operands_of(source)
    x, y = memory.upload(a), memory.upload(b)
    for number, case in enumerate(cases_of(source)):
        dtype = dtype_of(case.result)
        out = memory.allocate(len(a) * dtype.itemsize)
        module.launch(f"k{number}", (1,), (len(a),), [x, y, out])
        found = out.array(dtype)
        check = check_floats if source in FLOATS else check_integers
        check(case, a, b, found)


def check_integers(case: Case, a: Array, b: Array, found: Array) -> None:
    mask = (1 << int(case.result[1:])) - 1
    expected = [int(case.function(x, y)) & mask for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert found.tolist() == expected, case.name


def check_floats(case: Case, a: Array, b: Array, found: Array) -> None:
    with np.errstate(all="ignore"):
        wide = [case.function(x, y) for x, y in zip(a.astype(np.float64), b.astype(np.float64), strict=True)]
        if case.result == "bfloat" and case.source != "double":
            wide = np.array(wide).astype(np.float32)  # exact, or what one more rounding cannot change
        expected = np.array(wide).astype(dtype_of(case.result)).astype(np.float64)
    got = found.astype(np.float64)
    same = (got == expected) | np.isnan(got) & np.isnan(expected)
    if case.name not in ("maxnum", "minnum", "maximum", "minimum"):
        same &= (np.signbit(got) == np.signbit(expected)) | np.isnan(got)
    where = np.flatnonzero(~same)
    assert not len(where), [(case.name, a[i], b[i], got[i], expected[i]) for i in where[:5]]
