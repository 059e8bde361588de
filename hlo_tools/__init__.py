"""hlo-tools: read, optimise, run, check and compile HLO and StableHLO.

    import hlo_tools as hlo

    module = hlo.load("module.hlo")
    hlo.run_passes(module, "algsimp,dce")
    results = hlo.interpret(module, [a, b])

Importing this package costs next to nothing: each public name is bound when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hlo_tools.api import (
        bench,
        compile,
        compile_aot,
        interpret,
        load,
        parse,
        random_inputs,
        replay,
        run_passes,
        verify,
    )
    from hlo_tools.ir.module import Module
    from hlo_tools.support.diagnostic import (
        CompareError,
        Diagnostic,
        HloError,
        LimitError,
        ParseError,
        PassError,
        Severity,
        UnsupportedError,
        UsageError,
        VerifyError,
    )
    from hlo_tools.text.printer import PrintOptions

__version__ = "0.1.0"

_HOMES = {
    "hlo_tools.api": (
        "bench",
        "compile",
        "compile_aot",
        "interpret",
        "load",
        "parse",
        "random_inputs",
        "replay",
        "run_passes",
        "verify",
    ),
    "hlo_tools.ir.module": ("Module",),
    "hlo_tools.support.diagnostic": (
        "CompareError",
        "Diagnostic",
        "HloError",
        "LimitError",
        "ParseError",
        "PassError",
        "Severity",
        "UnsupportedError",
        "UsageError",
        "VerifyError",
    ),
    "hlo_tools.text.printer": ("PrintOptions",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - grouped by what they are
    "bench",
    "compile",
    "compile_aot",
    "interpret",
    "load",
    "parse",
    "random_inputs",
    "replay",
    "run_passes",
    "verify",
    "Module",
    "PrintOptions",
    "CompareError",
    "Diagnostic",
    "HloError",
    "LimitError",
    "ParseError",
    "PassError",
    "Severity",
    "UnsupportedError",
    "UsageError",
    "VerifyError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Bind a public name on first use (PEP 562)."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
