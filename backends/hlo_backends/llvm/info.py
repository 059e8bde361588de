"""`NAME_build_info`: versions, target and digest of the module, as a string in the object."""

from __future__ import annotations

import hashlib

from hlo_backends.llvm.constants import string_text
from hlo_tools import __version__
from hlo_tools.backend import Target
from hlo_tools.ir.module import Module
from hlo_tools.text.printer import to_text


def build_info_text(symbol: str, module: Module, target: Target) -> str:
    """The definition of `symbol_build_info` and of what it returns."""
    digest = hashlib.sha256(to_text(module).encode()).hexdigest()
    info = f"hlo-tools {__version__}, {target}, module {module.name}, sha256 {digest}"
    returned = f'define ptr @"{symbol}_build_info"() nounwind {{\n  ret ptr @"{symbol}.info"\n}}'
    return f"{string_text(f'{symbol}.info', info)}\n{returned}\n"
