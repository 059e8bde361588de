"""scan: a step that is applied along a dimension and hands values on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hlo_tools.ir.attributes import Dims, Raw, attr
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Callee, Env, Op
from hlo_tools.ir.shape import Shape
from hlo_tools.ops.rules import made, need, need_array, need_count, need_dims, need_signature, results_like


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanAttrs:
    """Along which dimension, how many operands are handed on, and one step.

    `is_associative` is `true`, `false` or not said.
    """

    dimensions: Dims
    num_carries: int
    is_reverse: bool = attr(False)
    is_associative: Raw = attr(Raw(""))
    to_apply: Callee = attr()


class Scan(Op[ScanAttrs]):
    """Slice by slice, `to_apply(slices..., carries...)` gives (outputs..., carries...); from the end with `is_reverse`.

    Operands: the arrays, then the first carries. Results: the outputs of all steps, joined along the dimension, then
    the last carries.
    """

    name, Attrs, stablehlo = "scan", ScanAttrs, "chlo.scan"

    def shape(self, at: ScanAttrs, *xs: Shape) -> Shape:
        need_count(len(at.dimensions), 1, "dimensions")
        (d,) = at.dimensions
        arrays = xs[: len(xs) - at.num_carries]
        need(0 <= at.num_carries < len(xs), f"num_carries={at.num_carries} is out of range for {len(xs)} operands")
        for i, x in enumerate(arrays):
            need_array(x, i)
            need_dims(at.dimensions, x.rank, "dimension")
            need(x.dims[d] == arrays[0].dims[d], f"operand {i} has size {x.dims[d]} in dimension {d}", i)
        outputs = _elements(at.to_apply.result.shape.bare)
        outputs = outputs[: len(outputs) - at.num_carries]
        n = arrays[0].dims[d]
        joined = [made(s.element, (*s.dims[:d], n, *s.dims[d:])) for s in outputs]
        return results_like(at.to_apply, [*joined, *[x.bare for x in xs[len(arrays) :]]])

    def verify(self, inst: Instruction) -> None:
        at: ScanAttrs = inst.attrs
        (d,) = at.dimensions
        shapes = [x.shape for x in inst.operands]
        count = len(shapes) - at.num_carries
        slices = [made(x.element, (*x.dims[:d], *x.dims[d + 1 :])) for x in shapes[:count]]
        need_signature(at.to_apply, [*slices, *shapes[count:]], None, "the step")

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        at: ScanAttrs = inst.attrs
        (d,) = at.dimensions
        count = len(xs) - at.num_carries
        n = xs[0].shape[d]
        steps = range(n - 1, -1, -1) if at.is_reverse else range(n)
        carries = tuple(xs[count:])
        results = _elements(inst.shape)
        outputs = [np.empty(s.dims, s.element.dtype) for s in results[: len(results) - at.num_carries]]
        for k in steps:
            result = env.call(at.to_apply, [*[np.take(x, k, axis=d) for x in xs[:count]], *carries])
            result = result if isinstance(result, tuple) else (result,)
            for whole, part in zip(outputs, result, strict=False):
                whole[(slice(None),) * d + (k,)] = part
            carries = result[len(outputs) :]
        return (*outputs, *carries) if inst.shape.is_tuple else (*outputs, *carries)[0]


def _elements(shape: Shape) -> tuple[Shape, ...]:
    return shape.elements if shape.is_tuple else (shape,)


scan = Scan()
