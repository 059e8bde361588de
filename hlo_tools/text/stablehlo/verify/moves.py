"""Constraints of the ops that move elements, and of constants. Source: StableHLO spec, the section of each op."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hlo_tools.text.stablehlo.syntax import Dense
from hlo_tools.text.stablehlo.verify import quantized
from hlo_tools.text.stablehlo.verify.site import Rule, Site, unique
from hlo_tools.text.stablehlo.verify.types import UNKNOWN_SIZE, Type, compatible_elements, compatible_sizes

_SIZES = re.compile(r"tensor\s*<((?:\s*(?:\d+|\?)\s*x\s*)*)(.*)>", re.DOTALL)


def one_dimension_bounded(site: Site) -> None:
    """Results of ops that only say their sizes by their type."""
    result = site.result()
    if result.dims is None:
        site.fail("result_type", f"result #0 must be ranked tensor, but got '{result.text}'")
    dynamic = [i for i, n in enumerate(result.dims) if n == UNKNOWN_SIZE]
    bounded = result.bounds and all(result.bounds[i] != UNKNOWN_SIZE for i in dynamic)
    site.require(
        not dynamic or (len(dynamic) == 1 and bool(bounded)),
        "result_type",
        f"result #0 must be statically shaped or single bounded dimension tensor, but got '{result.text}'",
    )


def _constant(site: Site) -> None:
    value = site.required("value")
    result = site.result()
    if not isinstance(value, Dense):
        return
    m = _SIZES.fullmatch(value.type.strip())
    if m is None:
        return
    site.require("?" not in m[1], "c1", "elements literal type must have static shape")
    site.require(
        result.is_static, "result_type", f"result #0 must be statically shaped tensor, but got '{result.text}'"
    )
    q = result.quantization
    element = m[2].strip()
    want = q.storage if q is not None and not element.startswith("!quant") else result.element
    dims = tuple(map(int, re.findall(r"\d+", m[1])))
    if dims != result.dims or (element != want and not element.startswith("!")):
        message = f"inferred type(s) '{value.type}' are incompatible with return type(s) of operation '{result.text}'"
        site.fail("c1", message)


def _iota(site: Site) -> None:
    result = site.result()
    site.require(result.rank > 0, "c1", "does not support scalars.")
    dimension = site.non_negative("iota_dimension", "c1")
    message = f"iota dimension cannot go beyond the output rank; got {dimension}, and rank {result.rank}"
    site.require(dimension < result.rank, "c1", message)


def _dynamic_iota(site: Site) -> None:
    shape, result = site.operand(0), site.result()
    if not shape.is_static or shape.rank != 1 or shape.classes not in ("s", "u", "i"):
        site.fail(
            "operand_type",
            f"operand #0 must be statically shaped 1-dimensional tensor of integer or index, but got '{shape.text}'",
        )
    dimension = site.non_negative("iota_dimension", "c1")
    site.require(
        result.dims is None or dimension < result.rank, "c1", "iota dimension cannot go beyond the output rank."
    )
    _given_shape(site, 0, "c2")


def _given_shape(site: Site, operand: int, constraint: str) -> None:
    """Where the shape operand is a constant, the result has to be of it."""
    result = site.result()
    shape = site.operand(operand)
    if shape.is_ranked and shape.sizes and shape.sizes[0] != UNKNOWN_SIZE and result.dims is not None:
        site.require(
            shape.sizes[0] == result.rank,
            constraint,
            f"result should have a rank equal to the number of elements in output_shape, got {result.rank} and "
            f"{shape.sizes[0]}",
        )
    given = site.constants.get(operand)
    if given is not None and result.dims is not None:
        fits = len(given) == result.rank and all(
            g >= 0 and compatible_sizes(g, n) for g, n in zip(given, result.dims, strict=True)
        )
        site.require(
            fits,
            constraint,
            f"output shape {list(given)} is incompatible with return type of operation '{result.text}'",
        )


def _broadcast(site: Site) -> None:
    sizes = site.integers("broadcast_sizes")
    for n in sizes:
        site.require(n >= 0, "broadcast_sizes", f"Broadcast with negative dimension size {n}")
    x = site.operand()
    if x.dims is not None:
        site.infers("result", (*sizes, *x.dims), x)


def _broadcast_in_dim(site: Site) -> None:
    x, result = site.operand(), site.result()
    site.require(compatible_elements(x, result), "c1", "expects operand and result to have compatible element type")
    one_dimension_bounded(site)
    dims = site.integers("broadcast_dimensions")
    if x.dims is None:
        return
    site.require(
        len(dims) == x.rank, "c2", f"broadcast_dimensions size ({len(dims)}) does not match operand rank ({x.rank})"
    )
    _broadcast_dimensions(
        site, dims, "size of operand dimension {} ({}) is not equal to 1 or size of result dimension {} ({})"
    )
    quantized.broadcast(site, "c6", x, result, dims)


def _broadcast_dimensions(site: Site, dims: Sequence[int], message: str) -> None:
    x, result = site.operand(), site.result()
    for i, d in enumerate(dims):
        site.require(
            0 <= d < result.rank,
            "c3",
            f"broadcast_dimensions contains invalid value {d} for result with rank {result.rank}",
        )
        site.require(unique(dims), "c4", "broadcast_dimensions should not have duplicates")
        n, m = x.sizes[i], result.sizes[d]
        site.require(n in (1, UNKNOWN_SIZE) or compatible_sizes(n, m), "c5", message.format(i, n, d, m))


def _dynamic_broadcast_in_dim(site: Site) -> None:
    x, shape, result = site.operand(0), site.operand(1), site.result()
    site.require(compatible_elements(x, result), "c1", "expects operand and result to have compatible element type")
    if x.dims is None or result.dims is None:
        return
    dims = site.integers("broadcast_dimensions")
    site.require(
        len(dims) == x.rank, "c2", f"broadcast_dimensions size ({len(dims)}) does not match operand rank ({x.rank})"
    )
    message = "size of operand dimension {} ({}) is not compatible with size of result dimension {} ({})"
    _broadcast_dimensions(site, dims, message)
    given = site.constants.get(1)
    if given is not None:
        for i, d in enumerate(dims):
            n = x.sizes[i]
            if d < len(given):
                site.require(
                    n in (1, UNKNOWN_SIZE) or n == given[d],
                    "c5",
                    f"size of operand dimension {i} ({n}) is not equal to 1 or value of shape at index {d} "
                    f"({given[d]})",
                )
    if shape.is_ranked and shape.sizes and shape.sizes[0] != UNKNOWN_SIZE:
        site.require(
            shape.sizes[0] == result.rank,
            "c7",
            f"result rank ({result.rank}) is not equal to size of output_dimensions ({shape.sizes[0]})",
        )
    _given_shape(site, 1, "c7")
    expanding = site.integers("known_expanding_dimensions", ())
    still = site.integers("known_nonexpanding_dimensions", ())
    both = (*expanding, *still)
    site.require(unique(both), "c8", "duplicate expansion hint for at least one operand dimension")
    for d in both:
        site.require(
            0 <= d < x.rank, "c9", f"hint for expanding dimension {d} does not refer to a valid operand dimension"
        )
    quantized.broadcast(site, "c6", x, result, dims)


def _reshape(site: Site) -> None:
    x, result = site.operand(), site.result()
    one_dimension_bounded(site)
    site.require(compatible_elements(x, result), "c1", "expects operand and result to have compatible element type")
    if x.is_static and result.is_static:
        site.require(
            x.size == result.size,
            "c2",
            f"number of output elements ({result.size}) doesn't match expected number of elements ({x.size})",
        )
    quantized.reshape(site, x, result)


def _dynamic_reshape(site: Site) -> None:
    x, shape, result = site.operand(0), site.operand(1), site.result()
    if not shape.is_static or shape.rank != 1:
        site.fail(
            "operand_type",
            f"operand #1 must be statically shaped 1-dimensional tensor of integer or index, but got '{shape.text}'",
        )
    site.require(compatible_elements(x, result), "c1", "expects operand and result to have compatible element type")
    given = site.constants.get(1)
    if given is not None and x.is_static:
        count = 1
        for n in given:
            count *= n
        site.require(
            count == x.size,
            "c2",
            f"output_shape is incompatible with input type of operation: input has {x.size} elements, but "
            f"output_shape has {count}",
        )
    _given_shape(site, 1, "c4")
    quantized.reshape(site, x, result)


def _transpose(site: Site) -> None:
    permutation = site.integers("permutation")
    x = site.operand()
    if x.dims is None:
        return
    site.require(
        len(permutation) == x.rank,
        "c2",
        f"TransposeOp operand rank {x.rank} does not match permutation size {len(permutation)}",
    )
    site.require(
        sorted(permutation) == list(range(x.rank)),
        "c2",
        f"attribute permutation must be a permutation of [0, {x.rank}) but got {list(permutation)}",
    )
    site.infers("c3", [x.sizes[d] for d in permutation], x)
    quantized.transpose(site, x, site.result(), permutation)


def _reverse(site: Site) -> None:
    dims = site.integers("dimensions")
    x = site.operand()
    site.require(unique(dims), "c2", f"dimensions should be unique. Got: {list(dims)}")
    for d in dims:
        site.require(d >= 0, "c3", f"all dimensions should be non-negative. Got dimension: {d}.")
        site.require(
            x.dims is None or d < x.rank, "c3", f"all dimensions should be between [0, {x.rank}). Got dimension: {d}."
        )
    site.infers("c1", x.dims, x)


def _concatenate(site: Site) -> None:
    site.require(bool(site.operands), "c3", "expected 1 or more operands, but found 0")
    dimension = site.non_negative("dimension", "c4")
    ranked = [(i, t) for i, t in enumerate(site.operands) if t.is_ranked]
    if not ranked:
        return
    k, first = ranked[0]
    site.require(first.rank > 0, "c2", "rank-0 values cannot be concatenated")
    site.require(dimension < first.rank, "c4", f"dimension {dimension} is out-of-bounds for input rank {first.rank}")
    sizes = list(first.sizes)
    for i, t in ranked[1:]:
        site.require(t.rank == first.rank, "c2", f"operands ({k}) and ({i}) do not match rank")
        site.require(compatible_elements(first, t), "c5", f"operands ({k}) and ({i}) do not have the same element type")
        for d, (n, m) in enumerate(zip(first.sizes, t.sizes, strict=True)):
            if d != dimension:
                shapes = ["(" + ", ".join(map(str, s)) + ")" for s in (first.sizes, t.sizes)]
                message = (
                    f"shapes of operand ({k}) and ({i}) are not compatible at non-concat index {d}: "
                    f"{shapes[0]} != {shapes[1]}"
                )
                site.require(compatible_sizes(n, m), "c6", message)
                sizes[d] = m if sizes[d] < 0 else sizes[d]
    parts = [t.sizes[dimension] for _, t in ranked]
    known = len(ranked) == len(site.operands) and UNKNOWN_SIZE not in parts
    sizes[dimension] = sum(parts) if known else UNKNOWN_SIZE
    site.infers("c5" if site.result().element != first.element else "c6", sizes, first)


def _slice(site: Site) -> None:
    starts, limits, strides = (site.integers(n) for n in ("start_indices", "limit_indices", "strides"))
    x = site.operand()
    site.require(
        len(starts) == len(limits) == len(strides),
        "c2",
        "the number of start_indices, limit_indices and strides differ",
    )
    if x.dims is None:
        return
    site.require(
        len(starts) == x.rank,
        "c2",
        f"the number of elements in start_indices ({len(starts)}) does not match the rank of the operand ({x.rank})",
    )
    sizes: list[int] = []
    for d, (start, limit, stride, n) in enumerate(zip(starts, limits, strides, x.sizes, strict=True)):
        site.require(start >= 0, "c3", f"negative start index {start} in dimension {d}")
        site.require(
            n < 0 or limit <= n, "c3", f"limit index {limit} is larger than dimension size {n} in dimension {d}"
        )
        site.require(start <= limit, "c3", f"start index {start} is larger than limit index {limit} in dimension {d}")
        site.require(stride > 0, "c4", f"stride must be positive but got {stride} in dimension {d}")
        sizes.append(-(-(limit - start) // stride))
    site.infers("c1" if site.result().element != x.element else "c5", sizes, x)


def _real_dynamic_slice(site: Site) -> None:
    x = site.operand()
    for i in (1, 2, 3):
        t = site.operand(i)
        site.require(t.rank == 1, "operand_type", f"operand #{i} must be 1-dimensional tensor, but got '{t.text}'")
        if x.is_ranked and t.sizes[0] != UNKNOWN_SIZE:
            site.require(
                t.sizes[0] == x.rank,
                "c2",
                f"has mismatched number of operand rank ({x.rank}) and start_indices/limit_indices/strides size "
                f"({t.sizes[0]})",
            )


def _pad(site: Site) -> None:
    low, high, inner = (site.integers(n) for n in ("edge_padding_low", "edge_padding_high", "interior_padding"))
    _pad_sizes(site, low, high, inner)


def _pad_sizes(site: Site, low: tuple[int, ...], high: tuple[int, ...], inner: tuple[int, ...]) -> None:
    x, value = site.operand(0), site.operand(1)
    site.require(value.rank == 0, "i2", f"operand #1 must be 0D tensor, but got '{value.text}'")
    site.require(compatible_elements(x, value), "c1", "requires the same element type for all operands and results")
    if x.dims is None:
        return
    lengths = (("edge_padding_low", low), ("edge_padding_high", high), ("interior_padding", inner))
    for i, (name, given) in enumerate(lengths):
        site.require(
            len(given) == x.rank,
            f"i{i + 3}" if name == "edge_padding_low" else "c2",
            f"{name} length ({len(given)}) must match operand rank ({x.rank})",
        )
    sizes: list[int] = []
    for d, (n, a, b, c) in enumerate(zip(x.sizes, low, high, inner, strict=True)):
        site.require(c >= 0, "c3", f"Interior padding cannot be negative: {c}")
        total = UNKNOWN_SIZE if n < 0 else n + a + b + max(n - 1, 0) * c
        site.require(n < 0 or total >= 0, "c4", f"Padding result in negative size for dimension {d}")
        sizes.append(total)
    site.infers("c4", sizes, x)


def _dynamic_pad(site: Site) -> None:
    x, result = site.operand(0), site.result()
    site.require(
        site.operand(1).rank == 0, "i2", f"padding value type should be a rank-0 tensor, is rank {site.operand(1).rank}"
    )
    for i in (2, 3, 4):
        t = site.operand(i)
        site.require(t.rank == 1, "operand_type", f"operand #{i} must be 1-dimensional tensor, but got '{t.text}'")
        if x.is_ranked and t.sizes[0] >= 0:
            site.require(
                t.sizes[0] == x.rank, "c2", f"padding operands size ({t.sizes[0]}) must match operand rank ({x.rank})"
            )
    if x.is_ranked and result.is_ranked:
        site.require(x.rank == result.rank, "c2", "operand and result have different ranks")
    low, high, inner = (site.constants.get(i) for i in (2, 3, 4))
    if inner is not None:
        for n in inner:
            site.require(n >= 0, "c3", f"interior_padding_size must be non-negative, but got {n}")
    if low is None or high is None or inner is None or not x.is_ranked or not result.is_ranked:
        return
    for d, (n, m, a, b, c) in enumerate(zip(x.sizes, result.sizes, low, high, inner, strict=True)):
        total = n + a + b + max(n - 1, 0) * c
        if n >= 0 and m >= 0:
            site.require(total == m, "c4", f"expected output dimension at index {d} to equal {total}, but got {m}")


def _starts(site: Site, first: int, rank: int, constraints: tuple[str, str]) -> None:
    found = site.operands[first:]
    for t in found:
        site.require(
            t.dims is None or t.rank == 0,
            "operand_type",
            f"start indices must be 0D tensors of integers, but got '{t.text}'",
        )
        site.require(
            t.classes in ("s", "u", "i"),
            "operand_type",
            f"start indices must be 0D tensors of integers, but got '{t.text}'",
        )
    site.require(
        all(t.element == found[0].element for t in found), constraints[1], "start indices must have same element type"
    )
    if first == 1:
        message = f"has mismatched number of start indices ({len(found)}) and the rank of operand ({rank})"
    else:
        message = f"expects number of start_indices to match operand rank: {len(found)} vs. {rank}."
    site.require(len(found) == rank, constraints[0], message)


def _dynamic_slice(site: Site) -> None:
    x, sizes = site.operand(), site.integers("slice_sizes")
    if x.dims is None:
        return
    site.require(
        len(site.operands) - 1 == len(sizes),
        "c2",
        f"has mismatched number of slice sizes ({len(sizes)}) and number of start indices ({len(site.operands) - 1})",
    )
    _starts(site, 1, x.rank, ("c2", "c3"))
    for d, (n, size) in enumerate(zip(x.sizes, sizes, strict=True)):
        site.require(size >= 0, "c4", f"has negative size index to dynamic slice: {size}")
        site.require(
            n < 0 or size <= n,
            "c4",
            f"has slice size {size} greater than dimension size {n} in dimension {d} of operand",
        )
    site.infers("c5" if site.result().element == x.element else "c1", sizes, x)


def _dynamic_update_slice(site: Site) -> None:
    x, update = site.operand(0), site.operand(1)
    if x.dims is None or update.dims is None:
        return
    site.require(x.rank == update.rank, "c3", f"update rank does not match operand rank: {update.rank} vs {x.rank}.")
    _starts(site, 2, x.rank, ("c4", "c5"))
    site.require(compatible_elements(x, update), "c2", "update element type does not match that of the operand")
    for d, (n, size) in enumerate(zip(x.sizes, update.sizes, strict=True)):
        site.require(
            n < 0 or size < 0 or size <= n,
            "c6",
            f"expects size at dimension {d} of update to be in range [0, {n}]. Got: {size}.",
        )
    site.infers("c1", x.dims, x)


def _dimension_size(site: Site) -> None:
    dimension = site.non_negative("dimension", "c1")
    x = site.operand()
    site.require(
        x.dims is None or dimension < x.rank,
        "c1",
        f"requires dimension attribute in range [0, {x.rank}); found ({dimension}).",
    )
    if site.short == "get_dimension_size":
        site.infers("result", (), Type("", "tensor", (), "i32"))
    else:
        size = site.operand(1)
        site.require(size.rank == 0, "operand_type", f"size operand should be of rank-0, but got '{size.text}'")
        result = site.result()
        if x.is_ranked and result.is_ranked:
            site.require(
                x.rank == result.rank and compatible_elements(x, result),
                "result",
                f"'{result.text}' does not follow from '{x.text}'",
            )


def _by_tensor(rule: Rule) -> Rule:
    """For ops whose operands may not be quantized by axis."""

    def checked(site: Site) -> None:
        for i, t in enumerate(site.operands):
            if t.classes == "Q":
                message = (
                    f"operand #{i} must be ranked tensor of values that are not quantized by axis, but got '{t.text}'"
                )
                site.fail("operand_type", message)
        rule(site)

    return checked


MOVES: dict[str, Rule] = {
    "stablehlo.constant": _constant,
    "stablehlo.iota": _iota,
    "stablehlo.dynamic_iota": _dynamic_iota,
    "stablehlo.broadcast": _broadcast,
    "stablehlo.broadcast_in_dim": _broadcast_in_dim,
    "stablehlo.dynamic_broadcast_in_dim": _dynamic_broadcast_in_dim,
    "stablehlo.reshape": _reshape,
    "stablehlo.dynamic_reshape": _dynamic_reshape,
    "stablehlo.transpose": _transpose,
    "stablehlo.reverse": _by_tensor(_reverse),
    "stablehlo.concatenate": _by_tensor(_concatenate),
    "stablehlo.slice": _by_tensor(_slice),
    "stablehlo.real_dynamic_slice": _real_dynamic_slice,
    "stablehlo.pad": _by_tensor(_pad),
    "stablehlo.dynamic_pad": _dynamic_pad,
    "stablehlo.dynamic_slice": _by_tensor(_dynamic_slice),
    "stablehlo.dynamic_update_slice": _by_tensor(_dynamic_update_slice),
    "stablehlo.get_dimension_size": _dimension_size,
    "stablehlo.set_dimension_size": _dimension_size,
}
