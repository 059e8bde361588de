"""Ops about sizes that are known only at run time, and scan."""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.attributes import Dims, Raw, attr
from hlo_tools.ir.op import Callee
from hlo_tools.ops.family import NotYetOp
from hlo_tools.ops.shapes import DimensionsAttrs


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanAttrs:
    """Along which dimension, how many operands are carried on, and one step."""

    dimensions: Dims
    num_carries: int
    is_reverse: bool = attr(False)
    is_associative: Raw = attr(Raw(""))  # true, false or not said
    to_apply: Callee = attr()


get_dimension_size = NotYetOp("get-dimension-size", 1, DimensionsAttrs, stablehlo="get_dimension_size")
set_dimension_size = NotYetOp("set-dimension-size", 2, DimensionsAttrs, stablehlo="set_dimension_size")
dynamic_reshape = NotYetOp("dynamic-reshape", None, stablehlo="dynamic_reshape")
scan = NotYetOp("scan", None, ScanAttrs, stablehlo="chlo.scan")
