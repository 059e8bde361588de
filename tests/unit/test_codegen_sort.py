"""sort and topk on numpy against `Op.evaluate`, and what counts as a comparator of keys."""

from __future__ import annotations

import pytest
from kernel_modules import SORTS, sort_inputs
from kernels import check

from hlo_tools.codegen.comparators import sort_key
from hlo_tools.text.reader import parse_hlo


def test_sort_and_topk() -> None:
    assert check(SORTS, sort_inputs()) == 8


def test_keys_of_comparators() -> None:
    module = parse_hlo(SORTS)
    keys = {c.name: sort_key(c) for c in module.computations.values()}
    operands = {name: None if key is None else (key.operand, key.bits) for name, key in keys.items() if name != "m"}
    assert operands == {"cmp": (0, 32), "cmp2": (1, 32), "cmp3": (0, 64), "cmp4": None}


@pytest.mark.parametrize("element", ["pred", "s4", "s8", "u16", "s64", "f16", "f8e5m2", "f64"])
@pytest.mark.parametrize("n", [1, 2, 20, 70])
def test_every_kind_of_key(element: str, n: int) -> None:
    order = ", type=TOTALORDER" if element.startswith("f") else ""
    text = f"""HloModule t
less {{
  a = {element}[] parameter(0)
  q = {element}[] parameter(1)
  ROOT r = pred[] compare(q, a), direction=GT{order}
}}
ENTRY m {{
  x = {element}[3,{n}] parameter(0)
  s = {element}[3,{n}] sort(x), dimensions={{1}}, to_apply=less
  t = ({element}[3,1], s32[3,1]) topk(x), k=1, largest=true
  ROOT e = () tuple()
}}"""
    assert check(text) == 2
