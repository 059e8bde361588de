"""Probes, traps and limits of the interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from console import hlo as run_hlo

import hlo_tools as hlo

F32 = np.float32
LOOP = """HloModule loop
go {
  s = (s32[], f32[2]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  n = s32[] constant(3)
  ROOT r = pred[] compare(i, n), direction=LT
}
step {
  s = (s32[], f32[2]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  x = f32[2] get-tuple-element(s), index=1
  one = s32[] constant(1)
  j = s32[] add(i, one)
  c = f32[2] constant({1, 2})
  y = f32[2] subtract(x, c)
  z = f32[2] sqrt(y), metadata={op_name="jit(f)/sqrt" source_file="model.py" source_line=17}
  ROOT t = (s32[], f32[2]) tuple(j, z)
}
ENTRY main {
  x = f32[2] parameter(0)
  i = s32[] constant(0)
  s = (s32[], f32[2]) tuple(i, x)
  w = (s32[], f32[2]) while(s), condition=go, body=step
  ROOT r = f32[2] get-tuple-element(w), index=1
}
"""


def sprung(instruction: str, kinds: str, *arguments: Any, shape: str = "f32[2]") -> str:
    """The message of the trap that an instruction of `a` and `b` springs; empty when it does not."""
    names = "ab"[: len(arguments)]
    lines = [f"  {n} = {shape} parameter({i})" for i, n in enumerate(names)]
    module = hlo.parse("\n".join(["HloModule m", "ENTRY main {", *lines, f"  ROOT r = {instruction}", "}", ""]))
    dtype = module.main.parameters[0].shape.element.dtype
    given = [np.asarray(a, dtype) for a in arguments]
    try:
        hlo.interpret(module, given, observers=[hlo.Trap(module, kinds.split(","))])
    except hlo.CompareError as error:
        assert error.diagnostics[0].code == "HLO5012"
        return error.diagnostics[0].message
    return ""


class TestProbe:
    def test_each_execution_is_kept(self) -> None:
        probe = hlo.Probe("z|step/j")
        x = np.array([20, 40], F32)
        hlo.interpret(hlo.parse(LOOP), [x], observers=[probe])
        values = {p.name: p.value.tolist() for p in probe.found}
        assert set(values) == {f"step/{name}@{n}" for n in range(3) for name in "jz"}
        assert values["step/j@2"] == 3
        assert values["step/z@0"] == np.sqrt(x - [1, 2]).astype(F32).tolist()

    def test_tuples_leaf_by_leaf(self) -> None:
        probe = hlo.Probe("main/.*")
        hlo.interpret(hlo.parse(LOOP), [np.array([20, 40], F32)], observers=[probe])
        assert [p.name for p in probe.found] == ["main/i@0", "main/s@0.0", "main/s@0.1", "main/w@0.0", "main/w@0.1",
                                                "main/r@0"]  # fmt: skip

    def test_each_device(self) -> None:
        text = """HloModule m, replica_count=2
ENTRY e {
  x = f32[1] parameter(0)
  g = f32[2] all-gather(x), replica_groups={}, dimensions={0}
  ROOT r = f32[2] negate(g)
}
"""
        probe = hlo.Probe("g")
        given = [[np.array([d], F32)] for d in range(2)]
        hlo.interpret_devices(hlo.parse(text), given, replicas=2, observers=[probe])
        assert sorted((p.device, p.value.tolist()) for p in probe.found) == [(0, [0, 1]), (1, [0, 1])]

    def test_a_pattern_that_is_none(self) -> None:
        with pytest.raises(hlo.UsageError, match="no regular expression"):
            hlo.Probe("(")


class TestTrap:
    def test_the_first_instruction_that_makes_a_nan(self) -> None:
        module = hlo.parse(LOOP)
        with pytest.raises(hlo.CompareError) as caught:
            hlo.interpret(module, [np.array([60, 20], F32)], observers=[hlo.Trap(module, ["nan"])])
        (found,) = caught.value.diagnostics
        assert found.message == "z = sqrt in step makes nan at [1]: trap on nan"
        assert found.span is not None
        operand, *others = [n.message for n in found.notes]
        assert operand.startswith("operand 0, y, is -0.") and operand.endswith(" there")
        assert others == ["in round 2 of loop w", "from model.py:17"]

    @pytest.mark.parametrize(
        ("instruction", "kinds", "arguments", "message"),
        [
            ("f32[2] divide(a, b)", "nan", ([0, 1], [0, 1]), "makes nan at [0]"),
            ("f32[2] divide(a, b)", "inf", ([1, 1], [1, 0]), "makes inf at [1]"),
            ("f32[2] divide(a, b)", "overflow", ([1, 1], [1, 0]), ""),
            ("f32[2] divide(a, b)", "overflow", ([1e30, 1], [1e-30, 1]), "makes inf at [0]"),
            ("f32[2] multiply(a, b)", "overflow", ([-1e30, -1e30], [1e30, 1e30]), "makes -inf at [0] (and 1 more)"),
            ("f32[2] log(a)", "overflow", ([0, 1],), ""),
            ("f32[2] log(a)", "nan,inf", ([0, 1],), "makes -inf at [0]: trap on inf"),
            ("f32[2] multiply(a, b)", "denormal", ([1e-30, 1], [1e-10, 1]), "trap on denormal"),
            ("f32[2] multiply(a, b)", "denormal", ([1e-40, 1], [0.5, 1]), ""),
            ("f32[2] add(a, b)", "nan,inf", ([np.nan, np.inf], [0, 1]), ""),
            ("f32[2] add(a, b)", "inf", ([3e38, 1], [np.inf, 1]), ""),
            ("f16[2] convert(a)", "overflow", ([1e5, 1],), "makes inf at [0]"),
        ],
    )
    def test_kinds(self, instruction: str, kinds: str, arguments: tuple[Any, ...], message: str) -> None:
        found = sprung(instruction, kinds, *arguments)
        assert message in found if message else found == ""

    def test_short_and_complex_types(self) -> None:
        assert "makes inf" in sprung("bf16[2] multiply(a, a)", "overflow", [3e38, 1], shape="bf16[2]")
        assert "trap on nan" in sprung("c64[2] divide(a, b)", "nan", [0, 1], [0, 1], shape="c64[2]")

    def test_a_kind_that_there_is_not(self) -> None:
        module = hlo.parse(LOOP)
        with pytest.raises(hlo.UsageError, match="'zero' is no trap; there are nan, inf, overflow, denormal"):
            hlo.Trap(module, ["zero"])


class TestMemory:
    TEXT = """HloModule m
ENTRY e {
  x = f32[1000] parameter(0)
  a = f32[1000] negate(x)
  b = f32[1000] exponential(a)
  c = f32[1000] add(b, b)
  ROOT d = f32[1000] sine(c)
}
"""

    def test_values_that_have_died_do_not_count(self) -> None:
        module, x = hlo.parse(self.TEXT), np.ones(1000, F32)
        hlo.interpret(module, [x], limits=hlo.Limits(bytes=8000))
        with pytest.raises(hlo.LimitError, match="more than 7999 bytes are in use"):
            hlo.interpret(module, [x], limits=hlo.Limits(bytes=7999))

    def test_loops_do_not_add_up(self) -> None:
        x = np.array([20, 40], F32)
        hlo.interpret(hlo.parse(LOOP), [x], limits=hlo.Limits(bytes=200))


class TestCommand:
    @pytest.fixture
    def module(self, tmp_path: Path) -> Path:
        path = tmp_path / "loop.hlo"
        path.write_text(LOOP)
        np.savez(tmp_path / "in.npz", arg0=np.array([20, 40], F32))
        return path

    def test_probes_are_printed(self, module: Path) -> None:
        done = run_hlo("interpret", module, "--inputs", module.parent / "in.npz", "--probe", "j", "--probe", "main/r")
        assert done.out.splitlines()[:3] == ["step/j@0 s32[] {1}", "step/j@1 s32[] {2}", "step/j@2 s32[] {3}"]
        assert done.out.splitlines()[3].startswith("main/r@0 f32[2] {")

    def test_probes_are_written(self, module: Path) -> None:
        out = module.parent / "probes.npz"
        done = run_hlo("interpret", module, "--probe", ".*", "--probes", out)
        assert done.out.startswith("out0 ") and done.out.count("\n") == 1
        with np.load(out) as found:
            assert found["step/j@1"] == 2 and "main/s@0.0" in found.files

    def test_a_trap_ends_the_run(self, module: Path) -> None:
        done = run_hlo("interpret", module, "--trap", "nan,inf")
        assert (done.code, done.out) == (1, "")
        assert "trap on nan [HLO5012]" in done.err and "from model.py:17" in done.err

    def test_memory(self, module: Path) -> None:
        assert run_hlo("interpret", module, "--max-bytes", 1000).code == 0
        assert run_hlo("interpret", module, "--max-bytes", 4).code == 5
