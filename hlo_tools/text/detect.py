"""Which language a text is written in, by its first words."""

from __future__ import annotations

import re

_NOISE = re.compile(r"(?:\s++|//[^\n]*+)*")
_MLIR = re.compile(
    r'(?:builtin\.)?module\b|func\.func\b|#[\w.$-]+\s*=|![\w.$-]+\s*=|"[a-z_]+\.[\w.]+"\s*\(|sdy\.mesh\b|\{-#|'
    r"(?:func|stablehlo|chlo)\."
)


def is_mlir(text: str) -> bool:
    """Whether `text` is MLIR (StableHLO) rather than HLO: it starts with a module, a function or an alias of MLIR."""
    start = _NOISE.match(text)
    return _MLIR.match(text, 0 if start is None else start.end()) is not None
