"""Ops for which a CPU has code of its own instead of the common loop nests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hlo_tools.codegen.convolution import convolution_emitter
from hlo_tools.codegen.emitters import LOOPS
from hlo_tools.codegen.launch import Emitter
from hlo_tools.codegen.matmul import dot_emitter
from hlo_tools.codegen.target import Processor
from hlo_tools.ir.op import Op
from hlo_tools.ops import OPS


@lru_cache(maxsize=16)
def emitters(processor: Processor) -> Mapping[Op[Any], Emitter]:
    """The emitters for a processor."""
    return {
        OPS["dot"]: dot_emitter(processor, _common("dot")),
        OPS["convolution"]: convolution_emitter(processor, _common("convolution")),
    }


def _common(name: str) -> Emitter:
    """The emitter for any target."""
    rule = LOOPS.find(OPS[name])
    assert rule is not None
    return rule
