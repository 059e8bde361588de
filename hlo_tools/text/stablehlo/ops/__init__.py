"""The table of builders: what each operation of StableHLO, CHLO, func and check becomes in our IR."""

from __future__ import annotations

from hlo_tools.text.stablehlo.ops.chlo import CHLO
from hlo_tools.text.stablehlo.ops.control import CONTROL
from hlo_tools.text.stablehlo.ops.dynamic import DYNAMIC
from hlo_tools.text.stablehlo.ops.effects import EFFECTS
from hlo_tools.text.stablehlo.ops.elementwise import ELEMENTWISE
from hlo_tools.text.stablehlo.ops.opaque import OPAQUE
from hlo_tools.text.stablehlo.ops.products import PRODUCTS
from hlo_tools.text.stablehlo.ops.regions import REGIONS
from hlo_tools.text.stablehlo.ops.shapes import SHAPES
from hlo_tools.text.stablehlo.ops.sharding import SHARDING
from hlo_tools.text.stablehlo.scope import Builder

BUILDERS: dict[str, Builder] = {
    **ELEMENTWISE,
    **SHAPES,
    **CONTROL,
    **PRODUCTS,
    **REGIONS,
    **EFFECTS,
    **OPAQUE,
    **CHLO,
    **DYNAMIC,
    **SHARDING,
}
"""By operation name."""

UNSUPPORTED_OPS = frozenset(
    {
        "chlo.polygamma",
        "chlo.ragged_dot",
        "chlo.scan",
        "chlo.zeta",
        "sdy.all_gather",
        "sdy.all_reduce",
        "sdy.all_slice",
        "sdy.all_to_all",
        "sdy.collective_permute",
        "sdy.constant",
        "sdy.data_flow_edge",
        "sdy.manual_computation",
        "sdy.named_computation",
        "sdy.propagation_barrier",
        "sdy.reduce_scatter",
        "sdy.sharding_group",
        "stablehlo.async_done",
        "stablehlo.async_start",
        "stablehlo.collective_reduce",
        "stablehlo.cross-replica-sum",
        "stablehlo.einsum",
        "stablehlo.torch_index_select",
        "stablehlo.unary_einsum",
        "stablehlo.uniform_dequantize",
        "stablehlo.uniform_quantize",
    }
)
"""Operations that are known and have no builder."""
