"""The table of builders: what each operation of StableHLO, CHLO, func and check becomes in our IR."""

from __future__ import annotations

from hlo_tools.text.stablehlo.ops.chlo import CHLO
from hlo_tools.text.stablehlo.ops.control import CONTROL
from hlo_tools.text.stablehlo.ops.dynamic import DYNAMIC
from hlo_tools.text.stablehlo.ops.effects import EFFECTS
from hlo_tools.text.stablehlo.ops.elementwise import ELEMENTWISE
from hlo_tools.text.stablehlo.ops.opaque import OPAQUE
from hlo_tools.text.stablehlo.ops.products import PRODUCTS
from hlo_tools.text.stablehlo.ops.quantized import UNIFORM
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
    **UNIFORM,
    **CHLO,
    **DYNAMIC,
    **SHARDING,
}
"""By operation name."""
