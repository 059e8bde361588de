"""Functions of single numbers that exporters call by their name in MHLO or CHLO."""

from __future__ import annotations

from hlo_tools.ops import elementwise as e
from hlo_tools.ops.calls.site import CustomCall, Meaning
from hlo_tools.ops.numerics import Array

_OPS = (
    e.acos, e.acosh, e.asin, e.asinh, e.atan2, e.atanh, e.cosh, e.erf, e.sinh, e.tan,
)  # fmt: skip


def _of(call: CustomCall, *xs: Array) -> Array:
    op = _BY_NAME[call.target.removeprefix("mhlo.")]
    result: Array = op.evaluate(call.env, call.inst, *xs)
    return result


_BY_NAME = {op.name: op for op in _OPS}
CALLS: dict[str, Meaning] = {f"mhlo.{name}": _of for name in _BY_NAME}
"""By target."""
