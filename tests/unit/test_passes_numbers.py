"""Every pass on every bundled model: what is left verifies, prints back to itself, and computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hlo_tools as hlo
from hlo_tools.passes import registry

MODELS = sorted((Path(__file__).parents[2] / "testdata" / "models").glob("*.hlo"))
EVERYTHING = (
    "call-inliner,fixpoint(algsimp,constant_folding,tuple-simplifier,simplify-while-loops,cse,dce),"
    "while-loop-invariant-code-motion,dot_decomposer,transpose-folding,layout-assignment,fusion,flatten-call-graph,"
    "hlo-memory-scheduler"
)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
@pytest.mark.parametrize("pipeline", [*registry.names(), EVERYTHING])
def test_numbers_survive(path: Path, pipeline: str) -> None:
    module = hlo.load(str(path))
    arguments = hlo.random_inputs(module, seed=1)
    want = hlo.interpret(module, arguments)
    before = module.to_text()
    changed = hlo.run_passes(module, pipeline)
    text = module.to_text()
    assert changed or text == before
    assert hlo.parse(text).to_text() == text
    for w, g in zip(want, hlo.interpret(module, arguments), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_passes_come_to_an_end(path: Path) -> None:
    """A second run of the simplifiers finds nothing, and says so."""
    module = hlo.load(str(path))
    simplify = "fixpoint{limit=100}(algsimp,constant_folding,tuple-simplifier,cse,dce)"
    hlo.run_passes(module, simplify)
    assert not hlo.run_passes(module, simplify)
    hlo.run_passes(module, "layout-assignment,hlo-memory-scheduler")
    assert not hlo.run_passes(module, "layout-assignment")
