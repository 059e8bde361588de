"""What the routines have in common: four types, stacks of matrices, settings that are letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from hlo_tools.ops.calls.site import CustomCall, Meaning
from hlo_tools.ops.numerics import Array, narrow, wide_dtype

Routine = Callable[..., Sequence[Array]]
"""Called with the `CustomCall` and one stack per operand, with one dimension in front that counts; returns stacks."""


def routine(name: str, function: Routine, *ranks: int, of_complex: str = "") -> dict[str, Meaning]:
    """The rows for a routine in its four types.

    ranks       of one operand each, without the batch dimensions
    of_complex  the name of the routine for complex matrices, where it is another
    """

    def meaning(call: CustomCall, *xs: Any) -> Any:
        batch = xs[0].shape[: xs[0].ndim - ranks[0]]
        stacks = [_stack(x, s.element, len(batch)) for x, s in zip(xs, call.operands, strict=True)]
        results = function(call, *stacks)
        leaves = [narrow(r.reshape(s.dims), s.element) for r, s in zip(results, call.leaves, strict=True)]
        return tuple(leaves) if call.shape.is_tuple else leaves[0]

    names = {"s": name, "d": name, "c": of_complex or name, "z": of_complex or name}
    return {f"lapack_{letter}{full}_ffi": meaning for letter, full in names.items()}


def _stack(x: Array, element: Any, batch_dims: int) -> Array:
    """A copy in the type in which is computed, with all batch dimensions in one."""
    flat = x.reshape(prod(x.shape[:batch_dims]), *x.shape[batch_dims:])
    return flat.astype(wide_dtype(element))


def letter(call: CustomCall, key: str) -> str:
    """A setting that LAPACK takes as a character, and callers give as its code."""
    value = call.settings.get(key, "")
    return chr(value) if isinstance(value, int) else str(value)


def adjoint(a: Array) -> Array:
    """The conjugate transpose of each matrix."""
    return a.swapaxes(-1, -2).conj()
