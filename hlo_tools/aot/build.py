"""Compile a module to files: object, header, depfile, manifest, and what else the backend makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from hlo_tools import __version__
from hlo_tools.aot.header import render
from hlo_tools.aot.signature import Signature, identifier, signature
from hlo_tools.backend import ObjectCode, Target, find, for_triple
from hlo_tools.ir.module import Module
from hlo_tools.support.files import write_outputs
from hlo_tools.text.printer import to_text

ABI_VERSION = 1


def compile_aot(
    module: Module,
    target: str = "",
    prefix: str = "",
    cpu: str = "",
    features: str = "",
    source: str = "",
    constants: str = "",
) -> list[Path]:
    """Write PREFIX.o, PREFIX.h, PREFIX.d, PREFIX.json and the backend's further files; returns their paths.

    target, cpu, features  as LLVM spells them; by default the baseline of this machine's kind
    prefix                 folder and stem of the files; the stem is the C name too
    source                 the file that the depfile names; empty or `-`: there is no depfile
    constants              the file that the module's constants came from, which the depfile names, too
    Raises UnsupportedError (HLO4xxx), UsageError. Either all files are written or none.
    """
    backend = for_triple(target) if target else find("cpu")
    machine = backend.target(target, cpu, features)
    symbol = identifier(Path(prefix).name or module.name)
    ports = signature(module)
    code = backend.aot(module, machine, symbol)
    digest = hashlib.sha256(to_text(module).encode()).hexdigest()
    errors = {int(c): (n, t) for c, (n, t) in code.facts["errors"].items()}
    header = render(
        symbol,
        module.name,
        __version__,
        str(machine),
        ports,
        (code.scratch_bytes, code.scratch_align),
        errors,
        device=bool(code.facts.get("device", False)),
    )
    files: dict[str, bytes] = dict(code.files)
    files[".h"] = header.encode()
    files[".json"] = _manifest(module, machine, symbol, ports, code, digest, files)
    if source not in ("", "-"):
        files[".d"] = _depfile(prefix, [*files], [source, constants] if constants else [source]).encode()
    outputs = {f"{prefix}{suffix}": data for suffix, data in files.items()}
    write_outputs(outputs)
    return [Path(name) for name in outputs]


def _manifest(
    module: Module,
    target: Target,
    symbol: str,
    ports: Signature,
    code: ObjectCode,
    digest: str,
    files: Mapping[str, bytes],
) -> bytes:
    facts = {k: v for k, v in code.facts.items() if k != "errors"}
    content: dict[str, Any] = {
        "abi_version": ABI_VERSION,
        "symbol": symbol,
        "module": {"name": module.name, "sha256": digest},
        "target": {"triple": target.triple, "cpu": target.cpu, "features": target.features},
        "arguments": [p.as_json() for p in ports.arguments],
        "results": [p.as_json() for p in ports.results],
        "scratch": {"bytes": code.scratch_bytes, "align": code.scratch_align},
        "errors": {name: int(number) for number, (name, _) in code.facts["errors"].items()},
        "versions": {
            "hlo_tools": __version__,
            "llvmlite": llvmlite.__version__,
            "llvm": ".".join(map(str, llvm.llvm_version_info)),
        },
        "sha256": {suffix: hashlib.sha256(data).hexdigest() for suffix, data in sorted(files.items())},
        **facts,
    }
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _depfile(prefix: str, suffixes: list[str], sources: list[str]) -> str:
    """A Makefile rule: the outputs depend on the module."""
    outputs = " ".join(_escaped(f"{prefix}{s}") for s in suffixes)
    names = [_escaped(source) for source in sources]
    return f"{outputs}: {' '.join(names)}\n" + "".join(f"\n{name}:\n" for name in names)


def _escaped(path: str) -> str:
    return path.replace("$", "$$").replace(" ", "\\ ").replace("#", "\\#")
