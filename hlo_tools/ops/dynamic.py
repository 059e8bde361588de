"""Ops about sizes that are known only at run time."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlo_tools.ir.element import S32
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env, NotYet, Op
from hlo_tools.ir.shape import Shape, scalar
from hlo_tools.ops.family import NotYetOp
from hlo_tools.ops.rules import need_array, need_count, need_dims
from hlo_tools.ops.shapes import DimensionsAttrs


class GetDimensionSize(Op[DimensionsAttrs]):
    """The size of one dimension, an s32; NotYet for a dimension whose size is only a bound."""

    name, arity, Attrs, stablehlo = "get-dimension-size", 1, DimensionsAttrs, "get_dimension_size"

    def shape(self, at: DimensionsAttrs, *xs: Shape) -> Shape:
        need_array(xs[0], 0)
        need_count(len(at.dimensions), 1, "dimensions")
        need_dims(at.dimensions, xs[0].rank, "dimension")
        return scalar(S32)

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        (d,) = inst.attrs.dimensions
        shape = inst.operands[0].shape
        if shape.dynamic and shape.dynamic[d]:
            raise NotYet(f"the size of dimension {d} of {shape.bare} is not known")
        return np.asarray(shape.dims[d], np.int32)


get_dimension_size = GetDimensionSize()
set_dimension_size = NotYetOp("set-dimension-size", 2, DimensionsAttrs, stablehlo="set_dimension_size")
dynamic_reshape = NotYetOp("dynamic-reshape", None, stablehlo="dynamic_reshape")
