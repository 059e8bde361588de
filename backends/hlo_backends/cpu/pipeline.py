"""What is done to a module before code is made of it."""

from __future__ import annotations

PIPELINE = ",".join(
    [
        "one-device",
        "batchnorm_expander",
        "scan_expander",
        "rng-expander",
        "change-op-data-type",
        "call-inliner",
        "dce",
        "tuple-simplifier",
        "dynamic_padder",
        "fixpoint{name=simplification,limit=4}(algsimp,constant_folding,simplify-while-loops,tuple-simplifier,cse,dce)",
        "transpose-folding",
        "layout-assignment",
        "cse",
        "dce",
        "fusion",
        "tuple-simplifier",
        "dce",
        "hlo-memory-scheduler",
    ]
)
"""As `hlo opt --passes` reads it. Calls are inlined first, so that simplification sees across them; layouts are
given before fusion, so that no copy ends up inside one; the order of execution comes last."""
