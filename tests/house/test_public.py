"""The public names: three lists of them agree, and importing the package is nearly free."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import hlo_tools
from hlo_tools import api

HOME = Path(hlo_tools.__file__)


def test_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse(HOME.read_text(encoding="utf-8"))
    shown = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert shown - {"annotations", "api"} == {*hlo_tools.__all__} - {"__version__"}


def test_names_are_bound_and_documented() -> None:
    assert hlo_tools.parse
    for name in {*hlo_tools.__all__} - {"__version__"}:
        found = getattr(hlo_tools, name)
        assert found is getattr(api, name), name
        assert found.__doc__, name


def _fastest(*words: str) -> float:
    def once() -> float:
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        return time.perf_counter() - start

    return min(once() for _ in range(7))


def test_version_is_quick() -> None:
    program = Path(sys.executable).with_name("hlo")
    assert _fastest(str(program), "--version") < 6 * _fastest(sys.executable, "-c", "pass")


def test_version_imports_little() -> None:
    code = "import sys; from hlo_tools.cli.main import run; run(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"typer", "numpy", "lark", "llvmlite", "typing"} & set(done.stdout.split())
