"""Constraints on quantized types. Source: StableHLO spec, section Quantized types and the section of each op."""

from __future__ import annotations

from hlo_tools.text.stablehlo.verify.site import Site
from hlo_tools.text.stablehlo.verify.types import Type


def add(site: Site) -> None:
    """add_c2 to add_c7."""
    types = [site.operand(0), site.operand(1), site.result()]
    given = [t.quantization for t in types]
    if not any(given):
        return
    found = [q for q in given if q is not None]
    site.require(len(found) == 3, "c2", "expects all operands and results to be quantized or none")
    storages = {(q.storage, q.low, q.high) for q in found}
    site.require(len(storages) == 1, "c3", "mismatched operands and result quantization storage types")
    site.require(
        len({q.expressed for q in found}) == 1, "c4", "mismatched operands and result quantization expressed types"
    )
    lhs, rhs, result = (q.axis for q in found)
    if lhs is not None or rhs is not None:
        site.require(result is not None, "c5", "result is not per_axis quantized but lhs or rhs are per_axis quantized")
    else:
        site.require(result is None, "c5", "result per_axis quantized but none from rhs and lhs are per_axis quantized")
    site.require(lhs is None or lhs == result, "c6", "quantization_dimension of lhs and result are not same")
    site.require(rhs is None or rhs == result, "c7", "quantization_dimension of rhs and result are not same")


def same(site: Site, constraint: str, x: Type, y: Type) -> None:
    """Scales and zero points are those of the operand, which only moves."""
    a, b = x.quantization, y.quantization
    if a is None and b is None:
        return
    if a is None or b is None:
        site.fail(
            constraint, f"expects operand and result to have compatible element types, got '{x.text}' and '{y.text}'"
        )
    equal = (a.scales, a.zero_points) == (b.scales, b.zero_points)
    plural = "" if a.axis is None else "s"
    site.require(equal, constraint, f"expect same quantization scale{plural} and zero_point{plural}")


def broadcast(site: Site, constraint: str, x: Type, y: Type, dims: tuple[int, ...]) -> None:
    """Quantized by axis: the axis moves along, its parameters are those of the operand or repeat its only one."""
    a, b = x.quantization, y.quantization
    if a is None or b is None or a.axis is None or b.axis is None:
        same(site, "c1", x, y)
        return
    site.require(
        a.axis < len(dims) and dims[a.axis] == b.axis,
        constraint,
        f"result quantization_dimension {b.axis} not same as broadcast_dimensions "
        f"{dims[a.axis] if a.axis < len(dims) else '?'}",
    )
    for i, (scale, zero) in enumerate(zip(b.scales, b.zero_points, strict=True)):
        j = 0 if len(a.scales) == 1 else i
        if j >= len(a.scales):
            return
        site.require(
            scale == a.scales[j],
            constraint,
            f"mismatch result scale {i} ({scale:e}) and operand scale {j} ({a.scales[j]:e})",
        )
        site.require(
            zero == a.zero_points[j],
            constraint,
            f"mismatch result zero_point {i} ({zero}) and operand zero_point {j} ({a.zero_points[j]})",
        )


def reshape(site: Site, x: Type, y: Type) -> None:
    """reshape_c1 and reshape_c3."""
    same(site, "reshape_c1", x, y)
    a, b = x.quantization, y.quantization
    if a is None or b is None:
        return
    site.require(
        (a.axis is None) == (b.axis is None), "reshape_c1", "expects operand and result to be of one granularity"
    )
    if a.axis is None or b.axis is None or not (x.is_static and y.is_static):
        return
    if a.axis < x.rank and b.axis < y.rank:
        site.require(
            x.sizes[a.axis] == y.sizes[b.axis],
            "reshape_c3",
            "expect same quantization dimension size for operand and result",
        )
        before = (_product(x.sizes[: a.axis]), _product(y.sizes[: b.axis]))
        site.require(
            before[0] == before[1],
            "reshape_c3",
            f"product of dimensions before quantization dimension must match between operand and result. "
            f"Got: {before[0]}, {before[1]}",
        )


def _product(sizes: tuple[int, ...]) -> int:
    found = 1
    for n in sizes:
        found *= n
    return found


def transpose(site: Site, x: Type, y: Type, permutation: tuple[int, ...]) -> None:
    """transpose_c1 and transpose_c4."""
    same(site, "c1", x, y)
    a, b = x.quantization, y.quantization
    if a is not None and b is not None and a.axis is not None and b.axis is not None:
        site.require(
            b.axis < len(permutation) and permutation[b.axis] == a.axis,
            "c4",
            f"operand quantization_dimension {a.axis} is not permutation[{b.axis}]",
        )


def contraction(site: Site, first: int, axis_ok: tuple[int, ...] | None, contracting: tuple[int, ...]) -> None:
    """dot_general_c14 to c20 and convolution_c28 to c34, which are the same from number `first` on.

    axis_ok      dimensions of the right operand that it may be quantized by; None for any but the contracting ones
    """
    lhs, rhs, result = (t.quantization for t in (site.operand(0), site.operand(1), site.result()))
    if lhs is None and rhs is None and result is None:
        return
    names = [f"c{first + i}" for i in range(7)]
    hybrid = lhs is None and result is None
    site.require(
        rhs is not None and (lhs is None) == (result is None),
        names[0],
        "rhs should be quantized for quantized operations and is_quantized(lhs)=is_quantized(result) should hold",
    )
    if rhs is None:
        return
    if axis_ok is not None:
        site.require(
            rhs.axis is None or rhs.axis in axis_ok,
            names[1],
            "quantization dimension of rhs should be its output feature dimension",
        )
    else:
        site.require(
            rhs.axis not in contracting,
            "dot_general_c16",
            "Quantization dimension of rhs should not be in the contracting dimension of rhs",
        )
    if hybrid:
        element = site.operand(0).element
        site.require(
            rhs.expressed == element == site.result().element,
            names[6],
            "mismatched rhs quantization expressed type and lhs and result element type",
        )
        return
    if lhs is None or result is None:
        return
    site.require(
        lhs.axis is None,
        "operand_type",
        f"operand #0 must be ranked tensor of per-tensor integer quantized values, but got '{site.operand(0).text}'",
    )
    site.require(lhs.storage == rhs.storage, names[3], "mismatched lhs and rhs quantization storage types")
    site.require(
        lhs.expressed == rhs.expressed == result.expressed,
        names[4],
        "mismatched lhs, rhs and result quantization expressed types",
    )
    if rhs.axis is None:
        site.require(result.axis is None, names[5], "mismatched rhs and result quantization granularity")
