"""Products of matrices, convolutions, transforms and solvers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hlo_tools.ir.attributes import (
    ConvDims,
    Dims,
    DotAlgorithm,
    FftType,
    Precision,
    Precisions,
    Transpose,
    Window,
    WindowDim,
)
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops.convolution import ConvolutionAttrs, convolution
from hlo_tools.ops.dot import DotAttrs, dot
from hlo_tools.ops.fft import fft
from hlo_tools.ops.linalg import cholesky, triangular_solve
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo import syntax as s
from hlo_tools.text.stablehlo.attributes import boolean, booleans, fields, integer, integer_array, integers, word
from hlo_tools.text.stablehlo.ops.rows import From, dims, row
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Attribute, Operation


def precisions(value: Attribute) -> Precisions:
    """One precision for each operand; nothing when all are the default."""
    if not isinstance(value, tuple):
        raise Malformed("expected a list of precisions", code="HLO1505")
    found = tuple([_member(Precision, v) for v in value])
    return Precisions(() if all(p is Precision.DEFAULT for p in found) else found)


def _member(kind: type[Precision], value: Attribute) -> Precision:
    name = word(value)
    if name not in kind.__members__:
        raise Malformed(f"'{name}' is no precision", code="HLO1505")
    return kind[name]


_PRECISIONS = From("precision_config", precisions, Precisions(()))


# ---- dot


def _dot(scope: Scope, op: Operation) -> Sequence[Instruction]:
    """The last dimension of the left operand with the first of the right one."""
    x, y = scope.operands(op, 2)
    at = DotAttrs(
        lhs_contracting_dims=Dims((x.shape.rank - 1,)),
        rhs_contracting_dims=Dims((0,)),
        operand_precision=_PRECISIONS.read(scope, op),
    )
    return [scope.add(dot, [x, y], at, scope.result_shape(op))]


def _dot_general(scope: Scope, op: Operation) -> Sequence[Instruction]:
    given = fields(scope.attribute(op, "dot_dimension_numbers"))

    def dims_of(name: str) -> Dims:
        return Dims(integers(given.get(name, ())))

    at = DotAttrs(
        lhs_batch_dims=dims_of("lhs_batching_dimensions"),
        lhs_contracting_dims=dims_of("lhs_contracting_dimensions"),
        rhs_batch_dims=dims_of("rhs_batching_dimensions"),
        rhs_contracting_dims=dims_of("rhs_contracting_dimensions"),
        operand_precision=_PRECISIONS.read(scope, op),
        algorithm=From("algorithm", _algorithm, DotAlgorithm.UNSET).read(scope, op),
    )
    return [scope.add(dot, scope.operands(op), at, scope.result_shape(op))]


def _algorithm(value: Attribute) -> DotAlgorithm:
    """`#stablehlo.dot_algorithm<...>` as the name that XLA has for it."""
    given = fields(value)
    types = [_type(given.get(k)) for k in ("lhs_precision_type", "rhs_precision_type", "accumulation_type")]
    key = [re.sub(r"^f8\w+", "any_f8", t) for t in types[:2]] + [types[2]]
    name = "_".join(key)
    if (count := integer(given.get("num_primitive_operations", 1))) > 1:
        name += f"_x{count}"
    if boolean(given.get("allow_imprecise_accumulation", False)):
        name += "_fast_accum"
    try:
        return DotAlgorithm(f"dot_{name}")
    except ValueError:
        raise Malformed(f"dot algorithm {name} is not supported", code="HLO4501") from None


def _type(value: Attribute | None) -> str:
    if isinstance(value, s.TypeText):
        return value.text.lower()
    raise Malformed("expected the types of the dot algorithm", code="HLO1505")


# ---- convolution


def conv_dims(value: Attribute) -> ConvDims:
    """`[b, 0, f]x[0, i, o]->[b, 0, f]`, bare, in `#stablehlo.conv<...>`, or as the fields of the latter."""
    text = value.text if isinstance(value, s.ConvDims) else value.body if isinstance(value, s.Struct) else ""
    text = text.strip()
    if text.startswith("raw"):  # `#stablehlo.conv<raw input_batch_dimension = 0, ...>`
        return _conv_dims_by_fields(s.Struct("stablehlo.conv", text[3:]))
    parts = re.fullmatch(r"\s*\[([^]]*)\]\s*x\s*\[([^]]*)\]\s*->\s*\[([^]]*)\]\s*", text)
    if parts is None:
        return _conv_dims_by_fields(value)
    lhs, rhs, out = ([w.strip() for w in p.split(",")] for p in parts.groups())
    try:
        return ConvDims(
            lhs.index("b"),
            lhs.index("f"),
            tuple([lhs.index(str(i)) for i in range(len(lhs) - 2)]),
            rhs.index("i"),
            rhs.index("o"),
            tuple([rhs.index(str(i)) for i in range(len(rhs) - 2)]),
            out.index("b"),
            out.index("f"),
            tuple([out.index(str(i)) for i in range(len(out) - 2)]),
        )
    except ValueError:
        raise Malformed(f"'{text}' does not number the dimensions of a convolution", code="HLO1505") from None


def _conv_dims_by_fields(value: Attribute) -> ConvDims:
    given = fields(value)

    def one(name: str) -> int:
        return integer(given.get(name, ""))

    def many(name: str) -> tuple[int, ...]:
        return integers(given.get(name, ()))

    return ConvDims(
        one("input_batch_dimension"),
        one("input_feature_dimension"),
        many("input_spatial_dimensions"),
        one("kernel_input_feature_dimension"),
        one("kernel_output_feature_dimension"),
        many("kernel_spatial_dimensions"),
        one("output_batch_dimension"),
        one("output_feature_dimension"),
        many("output_spatial_dimensions"),
    )


def window(scope: Scope, op: Operation, sizes: Sequence[int], names: WindowNames) -> Window:
    """A window of these sizes with the strides, padding and dilations that the operation gives."""
    rank = len(sizes)

    def column(name: str) -> tuple[int, ...]:
        value = scope.optional(op, name)
        found = (1,) * rank if value is None else integers(value)
        return found * rank if len(found) == 1 else found

    strides, base, inner = (column(n) for n in (names.strides, names.base_dilation, names.window_dilation))
    given = scope.optional(op, "padding")
    padding = [(0, 0)] * rank if given is None else [(int(a), int(b)) for a, b in _pairs(given)]
    flags = scope.optional(op, "window_reversal")
    reversal = (False,) * rank if flags is None else booleans(flags)
    if not all(len(c) == rank for c in (strides, base, inner, padding, reversal)):
        raise Malformed(f"the window has {rank} dimensions and attributes for another number", code="HLO1505")
    return Window(
        tuple(
            [
                WindowDim(size, stride, low, high, b, w, r)
                for size, stride, (low, high), b, w, r in zip(
                    sizes, strides, padding, base, inner, reversal, strict=True
                )
            ]
        )
    )


def _pairs(value: Attribute) -> list[tuple[int, int]]:
    found = integer_array(value)
    if found.size % 2 or (found.size and found.shape[-1] != 2):
        raise Malformed("padding: expected a low and a high number for each dimension", code="HLO1505")
    return [(int(a), int(b)) for a, b in found.reshape(-1, 2)]


class WindowNames:
    """What an op calls the attributes of its window."""

    def __init__(self, base_dilation: str, window_dilation: str) -> None:
        self.strides = "window_strides"
        self.base_dilation = base_dilation
        self.window_dilation = window_dilation


_CONV_WINDOW = WindowNames("lhs_dilation", "rhs_dilation")


def _convolution(scope: Scope, op: Operation) -> Sequence[Instruction]:
    x, kernel = scope.operands(op, 2)
    labels = From("dimension_numbers", conv_dims).read(scope, op)
    spatial = labels.kernel_spatial
    if any(not 0 <= d < kernel.shape.rank for d in spatial):
        raise Malformed(f"dimension_numbers do not fit {kernel.shape.bare}", code="HLO1505")
    at = ConvolutionAttrs(
        window=window(scope, op, [kernel.shape.dims[d] for d in spatial], _CONV_WINDOW),
        dim_labels=labels,
        feature_group_count=From("feature_group_count", integer, 1).read(scope, op),
        batch_group_count=From("batch_group_count", integer, 1).read(scope, op),
        operand_precision=_PRECISIONS.read(scope, op),
    )
    return [scope.add(convolution, [x, kernel], at, scope.result_shape(op))]


def _fft_type(value: Attribute) -> FftType:
    name = word(value)
    if name not in FftType.__members__:
        raise Malformed(f"'{name}' is no transform", code="HLO1505")
    return FftType[name]


def _transpose(value: Attribute) -> Transpose:
    name = word(value)
    if name not in Transpose.__members__:
        raise Malformed(f"'{name}' does not say how to read a matrix", code="HLO1505")
    return Transpose[name]


PRODUCTS: dict[str, Builder] = {
    "stablehlo.dot": _dot,
    "stablehlo.dot_general": _dot_general,
    "stablehlo.convolution": _convolution,
    "stablehlo.fft": row(fft, fft_type=From("fft_type", _fft_type), fft_length=dims("fft_length")),
    "stablehlo.cholesky": row(cholesky, lower=From("lower", boolean, False)),
    "stablehlo.triangular_solve": row(
        triangular_solve,
        left_side=From("left_side", boolean),
        lower=From("lower", boolean),
        unit_diagonal=From("unit_diagonal", boolean),
        transpose_a=From("transpose_a", _transpose),
    ),
}
