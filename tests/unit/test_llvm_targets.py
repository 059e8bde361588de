"""Objects for every target: they assemble, and ask the linker for nothing but memory functions."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hlo_backends.cpu.targets import CpuTarget, known_targets, resolve
from hlo_backends.llvm.lower import lower, module
from hlo_backends.llvm.object import Machine, emit_assembly, emit_object
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import ZERO, Var, constant, of
from hlo_tools.codegen.kernel import Axis, Buffer, Expr, For, Kernel, Role, Stmt, Store
from hlo_tools.codegen.parallel import schedule
from hlo_tools.ir.element import ELEMENT_TYPES, ElementType
from hlo_tools.support.diagnostic import UnsupportedError

ALLOWED = {"memcpy", "memset", "memmove", "__stack_pointer", "__linear_memory", "env"}
FLOATS, INTEGERS = ["f16", "bf16", "f32", "f64"], ["s8", "u8", "s32", "u32", "s64", "u64"]


def everything() -> list[Kernel]:
    """Kernels that use every op on every type: what could become a call does here."""
    found = []
    for name in [*FLOATS, *INTEGERS]:
        element = ELEMENT_TYPES[name]
        x, y = Buffer("x", element, 100), Buffer("y", element, 100)
        i = Var("i", 0, 99)
        a, b = k.load(x, of(i)), k.load(y, of(i))
        values = [k.convert(a, ELEMENT_TYPES[n]) for n in [*FLOATS, *INTEGERS]] + _values(element, a, b)
        outs = [Buffer(f"o{n}", e.type.element, 100, Role.OUTPUT) for n, e in enumerate(values)]
        body: tuple[Stmt, ...] = tuple(Store(o, of(i), e) for o, e in zip(outs, values, strict=True))
        kernel = (For(i, ZERO, constant(100), body, Axis.PARALLEL),)
        found.append(Kernel(f"k_{name}", (x, y, *outs), kernel))
    return found


def _values(element: ElementType, a: Expr, b: Expr) -> list[Expr]:
    if element.is_integer:
        twos = ["add", "mul", "min", "mulhi", *(["div", "rem"] if element.bits < 128 else [])]
        return [k.binary(op, a, b) for op in twos] + [k.unary(op, a) for op in ("popcount", "clz", "ctz", "abs")]
    bits = ELEMENT_TYPES[f"u{element.bits}"]
    chosen = k.select(k.compare("lt", k.bitcast(a, bits), k.bitcast(b, bits)), a, b)
    if element.bits < 32:
        return [chosen]
    ones = ("sqrt", "floor", "ceil", "trunc", "rint", "neg", "abs")
    return (
        [k.binary(op, a, b) for op in ("div", "rem", "min", "max")] + [k.fma(a, b, a)] + [k.unary(op, a) for op in ones]
    )


@pytest.mark.parametrize("target", known_targets(), ids=lambda t: str(t.target))
def test_no_libraries(target: CpuTarget, tmp_path: Path) -> None:
    tool = next((t for t in ("nm", "llvm-nm") if shutil.which(t)), None)
    functions = [lower(schedule(kernel, target.processor), target.dialect) for kernel in everything()]
    text = module([f.replace("define internal", "define", 1) for f in functions], target.machine.triple)
    data = emit_object(text, target.machine)
    assert len(data) > 1000
    if tool is None:
        pytest.skip("needs nm")
    path = tmp_path / "k.o"
    path.write_bytes(data)
    listed = subprocess.run([tool, "-u", str(path)], capture_output=True, text=True, check=False)
    if listed.returncode or "format not recognized" in listed.stderr:
        calls = {
            line.split()[-1]
            for line in emit_assembly(text, target.machine).splitlines()
            if line.strip().startswith("call\t")
        }
        assert not {c for c in calls if not c.startswith("hlo_")} - ALLOWED
        return
    assert {line.split()[-1] for line in listed.stdout.splitlines()} <= ALLOWED


def test_foreign_failures_are_diagnostics() -> None:
    with pytest.raises(UnsupportedError, match="HLO4010"):
        emit_object("define void @f() {\n  ret i32 0\n}\n", Machine("aarch64-unknown-linux-gnu"))
    with pytest.raises(UnsupportedError, match="HLO4003"):
        resolve("vax-unknown-none")
    with pytest.raises(UnsupportedError, match="HLO4004"):
        resolve("x86_64-unknown-linux-gnu", "pentium")


def test_objects_are_the_same_every_time() -> None:
    target = resolve("aarch64-unknown-linux-gnu")
    kernels = [lower(schedule(kernel, target.processor), target.dialect) for kernel in everything()[:3]]
    again = [lower(schedule(kernel, target.processor), target.dialect) for kernel in everything()[:3]]
    assert kernels == again
