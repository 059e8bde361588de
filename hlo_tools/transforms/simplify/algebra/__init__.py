"""The laws of `algsimp`, by theme; each file holds a table RULES."""

from __future__ import annotations

from hlo_tools.rewrite.rule import Rule
from hlo_tools.transforms.simplify.algebra import arithmetic, compares, dots, reduces, shapes, slices

LAWS: tuple[Rule, ...] = (
    *arithmetic.RULES,
    *compares.RULES,
    *shapes.RULES,
    *slices.RULES,
    *dots.RULES,
    *reduces.RULES,
)
"""All laws, in the order in which they are tried."""
