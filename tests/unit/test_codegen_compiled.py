"""The modules of the other code generation tests, compiled for this machine, against the interpreter."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from kernel_modules import CHANGED, SORTS, WHOLE, sort_inputs
from kernels import compare, sample

import hlo_tools as hlo
from hlo_tools.interpreter.run import interpret
from hlo_tools.ir.module import Module
from hlo_tools.ops import OPS


def of_everything(text: str) -> Module:
    """The module without layouts, whose result is every array that its entry computes."""
    module = hlo.parse(re.sub(r"\]\{[\d,]*\}", "]", text))
    main = module.main
    arrays = []
    for inst in main:
        if inst.shape.is_array and inst.op.inline is None:
            arrays.append(inst)
        elif inst is not main.root:
            leaves = range(len(inst.shape.elements))
            attrs = OPS["get-tuple-element"].Attrs
            arrays += [main.add(OPS["get-tuple-element"], [inst], attrs(i)) for i in leaves]
    main.root = main.add(OPS["tuple"], arrays)
    return module


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("text", [WHOLE, CHANGED, SORTS], ids=["whole", "changed", "sorts"])
def test_compiled(text: str, threads: int) -> None:
    module = of_everything(text)
    rng = np.random.default_rng(0)
    shapes = [p.shape for p in module.main.parameters]
    given: list[Any] = sort_inputs() if text is SORTS else [sample(s, rng) for s in shapes]
    want = interpret(module, given)
    got = hlo.compile(module, backend="cpu", threads=threads)(*given)
    for inst, g, w in zip(module.main.result.operands, got, want, strict=True):
        compare(inst.shape, g, w, 2e-6, 1e-6, what=str(inst))
