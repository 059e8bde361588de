"""Modules compiled for this machine, against the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from kernels import compare, sample

import hlo_tools as hlo
from hlo_tools.ir.shape import tuple_of


def check_compiled(text: str, inputs: Sequence[Any] | None = None, rtol: float = 2e-6, atol: float = 1e-6) -> None:
    """Compile a module and compare its results with the interpreter's; arguments are drawn unless given."""
    module = hlo.parse(text)
    rng = np.random.default_rng(0)
    leaves = [s for p in module.main.parameters for _, s in p.shape.leaves()]
    given = [sample(s, rng) for s in leaves] if inputs is None else list(inputs)
    want = hlo.interpret(module, given)
    got = hlo.compile(module, backend="cpu")(*given)
    shape = tuple_of(tuple(s for _, s in module.main.result.shape.leaves() if not s.is_token))
    compare(shape, got, want, rtol, atol, what=text)
