"""Ops for which a CPU has code of its own instead of the common loop nests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hlo_tools.codegen.launch import Emitter
from hlo_tools.codegen.target import Processor
from hlo_tools.ir.op import Op


@lru_cache(maxsize=16)
def emitters(processor: Processor) -> Mapping[Op[Any], Emitter]:
    """The emitters for a processor."""
    return {}
