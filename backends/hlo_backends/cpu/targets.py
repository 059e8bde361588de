"""The processors that we make code for, as records; nothing else in the backend knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import llvmlite.binding as llvm

from hlo_backends.llvm.dialect import Dialect
from hlo_backends.llvm.object import Machine, host_triple
from hlo_tools.backend import Target
from hlo_tools.codegen.target import Processor
from hlo_tools.support.diagnostic import UnsupportedError


@dataclass(frozen=True, slots=True)
class CpuTarget:
    """A target with all that follows from it.

    target     as the user names it, in full
    machine    for LLVM
    dialect    how kernels are spelled
    processor  how loops are cut
    present    the features that code may use, by LLVM's names
    """

    target: Target
    machine: Machine
    dialect: Dialect
    processor: Processor
    present: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Level:
    """A row: what a CPU name or a feature of an architecture brings.

    needs  features that must all be there; the first row of an architecture that fits is taken
    """

    needs: frozenset[str]
    dialect: Dialect
    processor: Processor


_WIDE = 'nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512"'

_X86 = (
    _Level(
        frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"}),
        Dialect(attributes=_WIDE, half=True),
        Processor(64, 32, 32 << 10, 1 << 20, masks=True),
    ),
    _Level(
        frozenset({"avx2", "fma", "f16c"}),
        Dialect(half=True),
        Processor(32, 16, 32 << 10, 512 << 10),
    ),
    _Level(frozenset({"avx"}), Dialect(fma=False), Processor(32, 16)),
    _Level(frozenset({"sse4.1"}), Dialect(fma=False), Processor(16, 16)),
    _Level(frozenset(), Dialect(fma=False, rounding=False), Processor(16, 16)),
)

_AARCH64 = (_Level(frozenset(), Dialect(minimum=True, half=True), Processor(16, 32, 64 << 10, 1 << 20)),)
# Vectors of RISC-V have no fixed length in the baseline; scalar code that LLVM schedules does for now.
_RISCV64 = (_Level(frozenset(), Dialect(), Processor(1, 32)),)
_WASM_DIALECT = Dialect(fma=False, minimum=True, wide_product=False)
_WASM = (
    _Level(frozenset({"simd128"}), _WASM_DIALECT, Processor(16, 16)),
    _Level(frozenset(), _WASM_DIALECT, Processor(1, 16)),
)

_LEVELS: dict[str, tuple[_Level, ...]] = {"x86_64": _X86, "aarch64": _AARCH64, "riscv64": _RISCV64, "wasm32": _WASM}

_X86_V2 = ["sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16"]
_X86_V3 = [*_X86_V2, *["avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"]]
_X86_V4 = [*_X86_V3, *["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]]

_IMPLIED: dict[str, list[str]] = {
    "": [],
    "x86-64": [],
    "x86-64-v2": _X86_V2,
    "x86-64-v3": _X86_V3,
    "haswell": _X86_V3,
    "skylake": _X86_V3,
    "znver2": _X86_V3,
    "znver3": _X86_V3,
    "x86-64-v4": _X86_V4,
    "skylake-avx512": _X86_V4,
    "cascadelake": [*_X86_V4, "avx512vnni"],
    "icelake-server": [*_X86_V4, "avx512vnni", "avx512vbmi", "avx512vbmi2", "avx512bitalg", "avx512vpopcntdq", "gfni"],
    "sapphirerapids": [*_X86_V4, "avx512vnni", "avx512bf16", "avx512fp16", "avxvnni"],
    "znver4": [*_X86_V4, "avx512vnni", "avx512bf16", "avx512vbmi", "avx512vbmi2"],
    "znver5": [*_X86_V4, "avx512vnni", "avx512bf16", "avx512vbmi", "avx512vbmi2", "avxvnni"],
    "generic": [],
    "cortex-a57": [],
    "cortex-a72": [],
    "neoverse-n1": [],
    "neoverse-v1": [],
    "apple-m1": [],
    "generic-rv64": [],
    "mvp": [],
}
"""Features that decide something here, by CPU name."""

_DEFAULT_CPU = {"x86_64": "x86-64", "aarch64": "generic", "riscv64": "generic-rv64", "wasm32": "generic"}
_DEFAULT_FEATURES = {"riscv64": "+m,+a,+f,+d,+c", "wasm32": "+simd128"}


def resolve(triple: str = "", cpu: str = "", features: str = "") -> CpuTarget:
    """The target in full. Raises UnsupportedError for an architecture or a CPU that has no row here."""
    if not triple and not cpu and not features:
        return host_target()
    if cpu == "native":
        return host_target()
    triple = triple or host_triple()
    arch = _architecture(triple)
    if arch not in _LEVELS:
        raise UnsupportedError.at("HLO4003", f"the cpu backend has no target '{triple}'; it knows {_known()}")
    cpu = cpu or _DEFAULT_CPU[arch]
    if cpu not in _IMPLIED:
        raise UnsupportedError.at(
            "HLO4004", f"no CPU '{cpu}' for '{triple}'; known: {', '.join(filter(None, _IMPLIED))}"
        )
    features = features or _DEFAULT_FEATURES.get(arch, "")
    return _target(triple, arch, cpu, features, frozenset(_IMPLIED[cpu]) | _switched_on(features))


@lru_cache(maxsize=1)
def host_target() -> CpuTarget:
    """The machine that this runs on, with everything it can do."""
    triple = host_triple()
    arch = _architecture(triple)
    if arch not in _LEVELS:
        raise UnsupportedError.at("HLO4003", f"no code can be made for the machine this runs on ({triple})")
    present = frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)
    features = llvm.get_host_cpu_features().flatten()
    return _target(triple, arch, llvm.get_host_cpu_name(), features, present)


def known_targets() -> tuple[CpuTarget, ...]:
    """The targets that tests compile for, the host first."""
    rows = [
        ("x86_64-unknown-linux-gnu", "x86-64"),
        ("x86_64-unknown-linux-gnu", "x86-64-v3"),
        ("x86_64-unknown-linux-gnu", "x86-64-v4"),
        ("aarch64-unknown-linux-gnu", "generic"),
        ("riscv64-unknown-linux-gnu", "generic-rv64"),
        ("wasm32-unknown-unknown", "generic"),
    ]
    return (host_target(), *(resolve(triple, cpu) for triple, cpu in rows))


def _target(triple: str, arch: str, cpu: str, features: str, present: frozenset[str]) -> CpuTarget:
    level = next(row for row in _LEVELS[arch] if row.needs <= present)
    machine = Machine(triple, cpu, features)
    return CpuTarget(Target(triple, cpu, features), machine, level.dialect, level.processor, present)


def _architecture(triple: str) -> str:
    name = triple.partition("-")[0]
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def _known() -> str:
    return ", ".join(_LEVELS)


def _switched_on(features: str) -> frozenset[str]:
    return frozenset(f[1:] for f in features.split(",") if f.startswith("+"))
