"""Operations of VHLO, the versioned copy of StableHLO in portable artifacts, as those of StableHLO.

Source: `VhloOps.td` and `VhloLegalizeToStablehlo.cpp` of openxla/stablehlo. The artifacts give the attributes of an
operation without their names, in the order of the alphabet; the later version of an operation often has one more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hlo_tools.serial.bytecode.stream import Damaged
from hlo_tools.serial.bytecode.values import NO_TYPE
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo import syntax as s
from hlo_tools.text.stablehlo.attributes import booleans, integer, integers, text_of
from hlo_tools.text.stablehlo.reader import split_function_type
from hlo_tools.text.stablehlo.spelling import bool_array, int_array, struct

_CHANNEL = "channel_id replica_groups"
_CONV = (
    "batch_group_count feature_group_count input_batch_dimension input_feature_dimension input_spatial_dimensions"
    " kernel_input_feature_dimension kernel_output_feature_dimension kernel_spatial_dimensions lhs_dilation"
    " output_batch_dimension output_feature_dimension output_spatial_dimensions"
)
_DOT = "lhs_batching_dimensions lhs_contracting_dimensions precision_config rhs_batching_dimensions"
_GATHER = "collapsed_slice_dims index_vector_dim indices_are_sorted offset_dims"
_SCATTER = "index_vector_dim indices_are_sorted"
_CUSTOM_CALL = (
    "api_version backend_config call_target_name called_computations has_side_effect operand_layouts"
    " output_operand_aliases result_layouts"
)
_ACCURATE = ("cbrt cosine exponential exponential_minus_one log log_plus_one logistic rsqrt sine sqrt tan tanh").split()

ATTRIBUTES: dict[str, str] = {
    "all_gather_v1": f"all_gather_dim {_CHANNEL} use_global_device_ids",
    "all_gather_v2": f"all_gather_dim {_CHANNEL} use_global_device_ids",
    "all_reduce_v1": f"{_CHANNEL} use_global_device_ids",
    "all_reduce_v2": f"{_CHANNEL} use_global_device_ids",
    "all_to_all_v1": "channel_id concat_dimension replica_groups split_count split_dimension",
    "all_to_all_v2": "channel_id concat_dimension replica_groups split_count split_dimension",
    "batch_norm_grad_v1": "epsilon feature_index",
    "batch_norm_inference_v1": "epsilon feature_index",
    "batch_norm_training_v1": "epsilon feature_index",
    "broadcast_in_dim_v1": "broadcast_dimensions",
    "broadcast_v1": "broadcast_sizes",
    "call_v1": "callee",
    "cholesky_v1": "lower",
    "collective_broadcast_v1": _CHANNEL,
    "collective_permute_v1": "channel_id source_target_pairs",
    "collective_reduce_v1": "channel_id has_dynamic_root replica_groups use_global_device_ids",
    "compare_v1": "compare_type comparison_direction",
    "composite_v1": "composite_attributes decomposition name version",
    "composite_v2": "composite_attributes decomposition name version",
    "concatenate_v1": "dimension",
    "constant_v1": "value",
    "convolution_v1": f"{_CONV} padding precision_config rhs_dilation window_reversal window_strides",
    "cross-replica-sum_v1": "replica_groups",
    "custom_call_v1": _CUSTOM_CALL,
    "custom_call_v2": f"{_CUSTOM_CALL} result_tilings",
    "dot_general_v1": f"{_DOT} rhs_contracting_dimensions",
    "dot_general_v2": (
        "accumulation_type allow_imprecise_accumulation lhs_batching_dimensions lhs_component_count"
        " lhs_contracting_dimensions lhs_precision_type num_primitive_operations precision_config"
        " rhs_batching_dimensions rhs_component_count rhs_contracting_dimensions rhs_precision_type"
    ),
    "dot_v1": "precision_config",
    "dynamic_broadcast_in_dim_v1": "broadcast_dimensions known_expanding_dimensions known_nonexpanding_dimensions",
    "dynamic_conv_v1": f"{_CONV} padding precision_config rhs_dilation window_reversal window_strides",
    "dynamic_conv_v2": f"{_CONV} precision_config rhs_dilation window_reversal window_strides",
    "dynamic_gather_v1": f"{_GATHER} start_index_map",
    "dynamic_gather_v2": f"{_GATHER} operand_batching_dims start_index_map start_indices_batching_dims",
    "dynamic_iota_v1": "iota_dimension",
    "dynamic_slice_v1": "slice_sizes",
    "einsum_v1": "einsum_config",
    "fft_v1": "fft_length fft_type",
    "func_v1": "arg_attrs function_type res_attrs sym_name sym_visibility",
    "gather_v1": f"{_GATHER} slice_sizes start_index_map",
    "gather_v2": f"{_GATHER} operand_batching_dims slice_sizes start_index_map start_indices_batching_dims",
    "get_dimension_size_v1": "dimension",
    "get_tuple_element_v1": "index",
    "infeed_v1": "infeed_config layout",
    "iota_v1": "iota_dimension",
    "map_v1": "dimensions",
    "outfeed_v1": "outfeed_config",
    "pad_v1": "edge_padding_high edge_padding_low interior_padding",
    "recv_v1": "channel_id channel_type is_host_transfer",
    "recv_v2": "channel_id channel_type is_host_transfer source_target_pairs",
    "reduce_precision_v1": "exponent_bits mantissa_bits",
    "reduce_scatter_v1": f"{_CHANNEL} scatter_dimension use_global_device_ids",
    "reduce_v1": "dimensions",
    "reduce_window_v1": "base_dilations padding window_dilations window_dimensions window_strides",
    "reverse_v1": "dimensions",
    "rng_bit_generator_v1": "rng_algorithm",
    "rng_v1": "rng_distribution",
    "scatter_v1": f"{_SCATTER} inserted_window_dims scatter_dims_to_operand_dims unique_indices update_window_dims",
    "scatter_v2": (
        f"{_SCATTER} input_batching_dims inserted_window_dims scatter_dims_to_operand_dims"
        " scatter_indices_batching_dims unique_indices update_window_dims"
    ),
    "select_and_scatter_v1": "padding window_dimensions window_strides",
    "send_v1": "channel_id channel_type is_host_transfer",
    "send_v2": "channel_id channel_type is_host_transfer source_target_pairs",
    "set_dimension_size_v1": "dimension",
    "slice_v1": "limit_indices start_indices strides",
    "sort_v1": "dimension is_stable",
    "torch_index_select_v1": "batch_dims dim",
    "transpose_v1": "permutation",
    "triangular_solve_v1": "left_side lower transpose_a unit_diagonal",
    "unary_einsum_v1": "einsum_config",
    **{f"{name}_v2": "result_accuracy" for name in _ACCURATE},
}
"""The attributes of each version of an operation that has any; the order of names is that of the alphabet."""

_FUNCTION_OPS = {"func": "func.func", "call": "func.call"}
_LISTS = frozenset(
    "base_dilations broadcast_dimensions broadcast_sizes dimensions edge_padding_high edge_padding_low fft_length"
    " interior_padding known_expanding_dimensions known_nonexpanding_dimensions lhs_dilation limit_indices permutation"
    " rhs_dilation slice_sizes start_indices strides window_dilations window_dimensions window_strides".split()
)
"""Dense attributes of VHLO that are arrays in StableHLO."""

_UNIFORM: dict[str, frozenset[str]] = {
    "precision_config": frozenset({"#stablehlo<precision DEFAULT>"}),
    "window_strides": frozenset({"1"}),
    "lhs_dilation": frozenset({"1"}),
    "rhs_dilation": frozenset({"1"}),
    "base_dilations": frozenset({"1"}),
    "window_dilations": frozenset({"1"}),
    "window_reversal": frozenset({"false"}),
    "padding": frozenset({"0"}),
}
"""Lists that say nothing when they hold nothing but this."""

_DROPPED: dict[str, s.Attribute] = {
    "called_computations": (),
    "output_operand_aliases": (),
    "result_tilings": (),
    "known_expanding_dimensions": s.Array("i64"),
    "known_nonexpanding_dimensions": s.Array("i64"),
    "layout": (),
    "compare_type": s.Struct("stablehlo", "comparison_type NOTYPE"),
    "result_accuracy": s.Struct("stablehlo.result_accuracy", "mode = #stablehlo.result_accuracy_mode<DEFAULT>"),
    "sym_visibility": "",
    "composite_attributes": {},
    "dimension": s.Number("-1", "i64"),
    "has_side_effect": False,
    "indices_are_sorted": False,
    "is_host_transfer": False,
    "is_stable": False,
    "unique_indices": False,
    "use_global_device_ids": False,
    "has_dynamic_root": False,
    "api_version": s.Number("1", "i32"),
}
"""Attributes that say nothing with these values."""

_REGIONS = {
    "vhlo.func_v1": (0, 1), "builtin.module": (1, 1), "vhlo.case_v1": (1, None), "vhlo.while_v1": (2, 2),
    "vhlo.if_v1": (2, 2), "vhlo.select_and_scatter_v1": (2, 2), "vhlo.composite_v2": (0, None),
    **{
        f"vhlo.{name}": (1, 1)
        for name in (
            "all_reduce_v1", "all_reduce_v2", "async_start_v1", "collective_reduce_v1", "map_v1", "reduce_scatter_v1",
            "reduce_v1", "reduce_window_v1", "scatter_v1", "scatter_v2", "sort_v1",
        )
    },
}  # fmt: skip
"""How many regions operations have, at least and at most; None for any number. The others have none."""

Packer = Callable[[s.Attributes], None]


def need_regions(operation: str, regions: Sequence[s.Region], attributes: s.Attributes, at: int) -> None:
    """Raise Damaged for regions that an operation cannot have."""
    least, most = _REGIONS.get(operation, (0, 0))
    if len(regions) < least or (most is not None and len(regions) > most):
        raise Damaged(f"{operation} has {len(regions)} regions", at)
    signature = attributes.get("function_type")
    if operation != "vhlo.func_v1" or not regions or not isinstance(signature, s.FunctionType):
        return
    if [a.type for a in regions[0].entry.arguments] != list(signature.inputs):
        raise Damaged("the arguments of a function differ from its type", at)


def base_name(versioned: str) -> str:
    """`vhlo.add_v1` without dialect and version."""
    return versioned.partition(".")[2].rpartition("_v")[0]


def attribute_names(operation: str, count: int) -> Sequence[str]:
    """The names of the attributes of an operation that gives `count` of them. Raises KeyError where they differ."""
    found = ATTRIBUTES.get(operation.partition(".")[2], "").split()
    if len(found) != count:
        raise KeyError(operation)
    return found


def converted(operation: str, given: Mapping[str, s.Attribute], parent: str, at: int) -> tuple[str, s.Attributes]:
    """The name and the attributes of an operation of StableHLO. Raises Damaged."""
    if not operation.startswith("vhlo."):
        return operation, dict(given)
    base = base_name(operation)
    if base == "return":
        return ("func.return" if parent == "vhlo.func_v1" else "stablehlo.return"), {}
    attributes = {k: _converted(k, v) for k, v in given.items()}
    try:
        for key in (base, *(k for k in ("channel_id",) if k in attributes)):
            pack = _PACKERS.get(key)
            if pack is not None:
                pack(attributes)
    except (Malformed, KeyError) as e:
        raise Damaged(
            f"{operation}: {e.message if isinstance(e, Malformed) else f'{e.args[0]} is missing'}", at
        ) from None
    kept = {k: v for k, v in attributes.items() if not _says_nothing(k, v)}
    return _FUNCTION_OPS.get(base, f"stablehlo.{base}"), kept


def _says_nothing(key: str, value: s.Attribute) -> bool:
    if key == "source_target_pairs":
        return isinstance(value, s.Dense) and not value.body
    if key == "backend_config":
        return value in ("", {})
    if key in _UNIFORM:
        return _words(value) <= _UNIFORM[key]
    return key in _DROPPED and value == _DROPPED[key]


def _words(value: s.Attribute) -> set[str]:
    """The different elements of a list."""
    if isinstance(value, tuple):
        return set(map(text_of, value))
    if isinstance(value, s.Array):
        return {w.strip() for w in value.body.partition(":")[2].split(",")} - {""}
    return {str(n) for n in integers(value)} if isinstance(value, s.Dense) else {"?"}


def _converted(key: str, value: s.Attribute) -> s.Attribute:
    if key in _LISTS and isinstance(value, s.Dense):
        return int_array(integers(value))
    if key == "window_reversal" and isinstance(value, s.Dense):
        return bool_array(booleans(value))
    if key in ("callee", "decomposition") and isinstance(value, str):
        return s.Symbol(value)
    if key == "called_computations" and isinstance(value, tuple):
        return tuple([s.Symbol(v) if isinstance(v, str) else v for v in value])
    if key == "use_global_device_ids" and value is True:
        return s.UNIT
    return value


def _dims(attributes: s.Attributes, names: str) -> dict[str, s.Attribute | Sequence[int] | int]:
    """The fields of a structure, taken out of the attributes."""
    found: dict[str, s.Attribute | Sequence[int] | int] = {}
    for name in names.split():
        if name in attributes:
            value = attributes.pop(name)
            found[name] = integers(value) if isinstance(value, s.Dense | s.Array) else integer(value)
    if found.get("index_vector_dim") == 0:  # which MLIR's printer leaves out
        del found["index_vector_dim"]
    return found


def _pack(attribute: str, kind: str, names: str) -> Packer:
    def pack(attributes: s.Attributes) -> None:
        attributes[attribute] = struct(kind, _dims(attributes, names))

    return pack


_ALGORITHM = (
    "lhs_precision_type rhs_precision_type accumulation_type lhs_component_count rhs_component_count"
    " num_primitive_operations allow_imprecise_accumulation"
).split()


def _pack_dot(attributes: s.Attributes) -> None:
    _pack(
        "dot_dimension_numbers",
        "dot",
        "lhs_batching_dimensions rhs_batching_dimensions lhs_contracting_dimensions rhs_contracting_dimensions",
    )(attributes)
    found = {name: attributes.pop(name) for name in _ALGORITHM if name in attributes}
    if found.get("accumulation_type", s.TypeText(NO_TYPE)) != s.TypeText(NO_TYPE):
        entries: dict[str, s.Attribute | Sequence[int] | int] = {}
        for name, value in found.items():
            entries[name] = s.Word(str(value).lower()) if isinstance(value, bool) else _untyped(value)
        attributes["algorithm"] = struct("dot_algorithm", entries)


def _untyped(value: s.Attribute) -> s.Attribute | int:
    return integer(value) if isinstance(value, s.Number) else value


def _pack_convolution(attributes: s.Attributes) -> None:
    sides = []
    for side, first, second, letters in (
        ("input", "batch", "feature", "bf"),
        ("kernel", "input_feature", "output_feature", "io"),
        ("output", "batch", "feature", "bf"),
    ):
        labels = {
            integer(attributes.pop(f"{side}_{first}_dimension")): letters[0],
            integer(attributes.pop(f"{side}_{second}_dimension")): letters[1],
        }
        labels.update((d, str(i)) for i, d in enumerate(integers(attributes.pop(f"{side}_spatial_dimensions"))))
        sides.append(f"[{', '.join(labels[d] for d in sorted(labels))}]")
    attributes["dimension_numbers"] = s.Struct("stablehlo.conv", f"{sides[0]}x{sides[1]}->{sides[2]}")


def _pack_channel(attributes: s.Attributes) -> None:
    """The handle of a channel; 0 is none unless the type of the channel is given, too."""
    handle = integer(attributes.pop("channel_id"))
    kind = integer(attributes.pop("channel_type")) if "channel_type" in attributes else None
    if kind is not None or handle:
        attributes["channel_handle"] = struct("channel_handle", {"handle": handle, "type": kind or 0})


def _pack_custom_call(attributes: s.Attributes) -> None:
    if not attributes.get("operand_layouts") and not attributes.get("result_layouts"):
        attributes.pop("operand_layouts", None)
        attributes.pop("result_layouts", None)
        return
    for key in ("operand_layouts", "result_layouts"):
        given = attributes[key]
        attributes[key] = tuple([_order(v) for v in given]) if isinstance(given, tuple) else given


def _order(value: s.Attribute) -> s.Attribute:
    """A layout, whose numbers are indices."""
    return s.Dense(value.body, value.type.replace("i64", "index")) if isinstance(value, s.Dense) else value


def _pack_function(attributes: s.Attributes) -> None:
    type_ = attributes["function_type"]
    if not isinstance(type_, s.TypeText) or "->" not in type_.text:
        raise Malformed("a function has no function type")
    attributes["function_type"] = split_function_type(type_.text)


def _pack_composite(attributes: s.Attributes) -> None:
    if integer(attributes["version"]) == 0:
        del attributes["version"]


_GATHER_FIELDS = (
    "offset_dims collapsed_slice_dims operand_batching_dims start_indices_batching_dims start_index_map"
    " index_vector_dim"
)
_PACKERS: dict[str, Packer] = {
    "dot_general": _pack_dot,
    "convolution": _pack_convolution,
    "dynamic_conv": _pack_convolution,
    "gather": _pack("dimension_numbers", "gather", _GATHER_FIELDS),
    "dynamic_gather": _pack("dimension_numbers", "gather", _GATHER_FIELDS),
    "scatter": _pack(
        "scatter_dimension_numbers",
        "scatter",
        "update_window_dims inserted_window_dims input_batching_dims scatter_indices_batching_dims"
        " scatter_dims_to_operand_dims index_vector_dim",
    ),
    "channel_id": _pack_channel,
    "custom_call": _pack_custom_call,
    "func": _pack_function,
    "composite": _pack_composite,
}
"""By operation, or by an attribute that it has."""
