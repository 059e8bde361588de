"""Loads every file that gives rules to `LOOPS` and `UPDATES`: import this before looking into them."""

from __future__ import annotations

from hlo_tools.codegen import fft, inplace, linalg, loops, random, sort, topk, windows  # noqa: F401
from hlo_tools.codegen.launch import LOOPS, UPDATES

__all__ = ["LOOPS", "UPDATES"]
