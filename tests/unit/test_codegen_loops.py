"""The common loop nests of ops and fusions, executed on numpy, against `Op.evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_modules import CHANGED, WHOLE
from kernels import check, run_instruction

from hlo_tools.codegen.emitters import LOOPS, UPDATES
from hlo_tools.codegen.kernel import Axis, For, statements
from hlo_tools.codegen.launch import Update
from hlo_tools.codegen.text import to_text
from hlo_tools.ops import OPS
from hlo_tools.text.reader import parse_hlo


def test_ops_with_independent_elements() -> None:
    assert check(WHOLE) == 20


def test_ops_that_change_memory_or_slide_windows() -> None:
    assert check(CHANGED) == 20


def test_what_is_updated_in_place() -> None:
    main = parse_hlo(CHANGED).main

    def updates(name: str) -> tuple[Update, ...]:
        inst = main.named(name)
        assert inst is not None
        rule = UPDATES.find(inst.op)
        assert rule is not None
        return rule(inst)

    assert updates("f1") == (Update((), 0),)
    assert updates("sc") == (Update((), 0),)
    assert updates("f2") == (), "another result of the fusion reads the old value"
    assert updates("d1") == (), "the layouts differ"


def test_a_reduction_stands_outside_loops_it_does_not_depend_on_and_reshapes_split_loops() -> None:
    main = parse_hlo(WHOLE).main
    inst = main.named("f")
    assert inst is not None
    (launch,) = LOOPS.rules[OPS["fusion"]](inst)
    text = to_text(launch.kernel)
    assert "/" not in text.replace("global", "") and "%" in text, "every address is affine"
    loops = [s for s in statements(launch.kernel.body) if isinstance(s, For)]
    assert [s.axis for s in loops] == [Axis.PARALLEL] * 3 + [Axis.REDUCE, Axis.PARALLEL]


def test_text_is_the_same_for_the_same_kernel_under_another_name() -> None:
    texts = []
    for name in ("one", "two"):
        module = parse_hlo(
            f"HloModule t\nENTRY m {{\n x = f32[8] parameter(0)\n ROOT {name} = f32[8] tanh(x)\n}}".replace(
                "{name}", name
            )
        )
        (launch,) = LOOPS.rules[OPS["tanh"]](module.main.result)
        texts.append(to_text(launch.kernel))
    assert texts[0] == texts[1]


def test_every_op_has_loops_or_is_known_to_have_none() -> None:
    assert {op.name for op in OPS.values() if LOOPS.find(op) is None} == set(LOOPS.not_yet)


def test_the_result_of_no_elements_takes_no_kernel() -> None:
    module = parse_hlo(
        "HloModule t\nENTRY m {\n x = f32[0,3] parameter(0)\n ROOT r = f32[3,0] transpose(x), dimensions={1,0}\n}"
    )
    assert run_instruction(module.main.result, [np.zeros((0, 3), np.float32)]).shape == (3, 0)


@pytest.mark.parametrize("element", ["pred", "s4", "u8", "s64", "bf16", "f8e4m3fn", "f64", "c64"])
def test_movement_of_every_kind_of_element(element: str) -> None:
    assert (
        check(f"""HloModule t
ENTRY m {{
  x = {element}[3,4] parameter(0)
  v = {element}[] parameter(1)
  a = {element}[4,3]{{0,1}} transpose(x), dimensions={{1,0}}
  b = {element}[5,4] pad(x, v), padding=1_1x-1_1
  c = {element}[6,4] concatenate(x, x), dimensions={{0}}
  d = {element}[12] reshape(x)
  e = {element}[2,3,4] broadcast(x), dimensions={{1,2}}
  ROOT t = () tuple()
}}""")
        == 5
    )


@pytest.mark.parametrize("element", ["f32", "s32", "c64", "bf16"])
@pytest.mark.parametrize("pads", ["0_0x0_0x6_0", "0_0x0_0x0_6", "4_0x0_0x0_0", "0_0x0_2x0_0"])
def test_running_sums(element: str, pads: str) -> None:
    sizes = [1 + sum(map(int, pad.split("_"))) for pad in pads.split("x")]
    size = "x".join(map(str, sizes))
    text = f"""HloModule t
plus {{
  a = {element}[] parameter(0)
  q = {element}[] parameter(1)
  ROOT r = {element}[] add(a, q)
}}
ENTRY m {{
  x = {element}[5,3,7] parameter(0)
  z = {element}[] parameter(1)
  ROOT r = {element}[5,3,7] reduce-window(x, z), window={{size={size} pad={pads}}}, to_apply=plus
}}"""
    # bf16 sums are kept in bf16 from element to element
    assert check(text, atol=0.05 if element == "bf16" else 1e-6) == 1
