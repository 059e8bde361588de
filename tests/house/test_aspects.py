"""Every op has a rule in each layer that treats ops, or is named as not covered yet; the lists here only shrink."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import hlo_tools.codegen
from hlo_tools.codegen.elemental import ELEMENT
from hlo_tools.codegen.launch import LOOPS, UPDATES
from hlo_tools.codegen.views import VIEWS
from hlo_tools.ir.aspect import Aspect
from hlo_tools.ops import OPS

CONTROL = frozenset({"call", "conditional", "constant", "fusion", "parameter", "tuple", "while"})
"""Ops that give the program its structure; the planner handles them by name."""

NO_CODE_YET = frozenset(
    """
    after-all all-gather all-gather-done all-gather-start all-reduce all-reduce-done all-reduce-start
    all-to-all
    async-done async-start async-update batch-norm-grad batch-norm-inference batch-norm-training
    collective-broadcast collective-permute collective-permute-done collective-permute-start
    dynamic-reshape get-dimension-size infeed outfeed partition-id ragged-all-to-all ragged-dot
    recv recv-done reduce-scatter replica-id rng rng-get-and-update-state scaled-dot scan
    send send-done set-dimension-size stochastic-convert
    """.split()
)
"""Ops for which no backend has code."""


def _modules() -> list[ModuleType]:
    names = [info.name for info in pkgutil.walk_packages(hlo_tools.codegen.__path__, "hlo_tools.codegen.")]
    return [importlib.import_module(name) for name in names]


def test_code_generation_covers_the_rest() -> None:
    _modules()
    tables: list[Aspect[object]] = [ELEMENT, LOOPS, UPDATES, VIEWS]  # type: ignore[list-item]
    covered = {op.name for op in OPS.values() if any(table.find(op) is not None for table in tables)} | CONTROL
    assert set(OPS) - covered == NO_CODE_YET


def test_what_aspects_call_not_covered_is_so() -> None:
    aspects = {value for module in _modules() for value in vars(module).values() if isinstance(value, Aspect)}
    assert aspects
    for aspect in aspects:
        assert not {name for name in aspect.not_yet if aspect.find(OPS[name]) is not None}, aspect.name
