"""The table of builders: what each operation of StableHLO, CHLO, func and check becomes in our IR, and back."""

from __future__ import annotations

from hlo_tools.text.stablehlo.body import EMIT
from hlo_tools.text.stablehlo.ops.chlo import CHLO
from hlo_tools.text.stablehlo.ops.collectives import COLLECTIVES
from hlo_tools.text.stablehlo.ops.control import CONTROL, OPERATIONS
from hlo_tools.text.stablehlo.ops.dynamic import DYNAMIC
from hlo_tools.text.stablehlo.ops.effects import EFFECTS
from hlo_tools.text.stablehlo.ops.elementwise import ELEMENTWISE
from hlo_tools.text.stablehlo.ops.opaque import OPAQUE, emit_opaque
from hlo_tools.text.stablehlo.ops.products import PRODUCTS
from hlo_tools.text.stablehlo.ops.quantized import UNIFORM
from hlo_tools.text.stablehlo.ops.regions import REGIONS
from hlo_tools.text.stablehlo.ops.rows import Row
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
    **COLLECTIVES,
    **OPAQUE,
    **UNIFORM,
    **CHLO,
    **DYNAMIC,
    **SHARDING,
}
"""By operation name."""


def _emitters() -> None:
    """A row is the emitter of its op, too; any operation may have become a custom call under its name."""
    OPERATIONS.update(dict.fromkeys(BUILDERS, emit_opaque))
    for builder in BUILDERS.values():
        if isinstance(builder, Row) and builder.hlo not in EMIT.rules:
            EMIT.set(builder.hlo, builder.emit)


_emitters()
