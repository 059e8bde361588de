"""`NAME_cpu_supported`: does the processor have what the code was compiled for? Freestanding, in LLVM IR.

On x86 it asks cpuid, and xgetbv for whether the system saves the wide registers. Elsewhere the baseline of the
triple is all that our rows use, so the answer is yes.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# feature -> (leaf, subleaf, register, bit); registers are 0 eax, 1 ebx, 2 ecx, 3 edx
_X86: dict[str, tuple[int, int, int, int]] = {
    "sse3": (1, 0, 2, 0),
    "ssse3": (1, 0, 2, 9),
    "fma": (1, 0, 2, 12),
    "cx16": (1, 0, 2, 13),
    "sse4.1": (1, 0, 2, 19),
    "sse4.2": (1, 0, 2, 20),
    "movbe": (1, 0, 2, 22),
    "popcnt": (1, 0, 2, 23),
    "avx": (1, 0, 2, 28),
    "f16c": (1, 0, 2, 29),
    "bmi": (7, 0, 1, 3),
    "avx2": (7, 0, 1, 5),
    "bmi2": (7, 0, 1, 8),
    "avx512f": (7, 0, 1, 16),
    "avx512dq": (7, 0, 1, 17),
    "avx512ifma": (7, 0, 1, 21),
    "avx512cd": (7, 0, 1, 28),
    "avx512bw": (7, 0, 1, 30),
    "avx512vl": (7, 0, 1, 31),
    "avx512vbmi": (7, 0, 2, 1),
    "avx512vbmi2": (7, 0, 2, 6),
    "gfni": (7, 0, 2, 8),
    "avx512vnni": (7, 0, 2, 11),
    "avx512bitalg": (7, 0, 2, 12),
    "avx512vpopcntdq": (7, 0, 2, 14),
    "avx512fp16": (7, 0, 3, 23),
    "avxvnni": (7, 1, 0, 4),
    "avx512bf16": (7, 1, 0, 5),
    "lzcnt": (0x80000001, 0, 2, 5),
}
_YMM = frozenset({"avx", "avx2", "fma", "f16c", "avxvnni"})


def cpu_supported_text(symbol: str, x86: bool, features: Iterable[str]) -> str:
    """The definition of `symbol_cpu_supported`; `features` are those that the code may use, by LLVM's names."""
    needed = sorted(set(features) & _X86.keys()) if x86 else []
    if not needed:
        return f'define i32 @"{symbol}_cpu_supported"() nounwind {{\n  ret i32 1\n}}'
    lines = [f'define i32 @"{symbol}_cpu_supported"() nounwind {{', "entry:"]
    lines += _leaves_exist(needed)
    by_leaf: dict[tuple[int, int], list[str]] = {}
    for name in needed:
        leaf, sub, _, _ = _X86[name]
        by_leaf.setdefault((leaf, sub), []).append(name)
    results: list[str] = []
    for (leaf, sub), names in by_leaf.items():
        result, code = _leaf(leaf, sub, names)
        results.append(result)
        lines += code
    wide = [n for n in needed if n in _YMM or n.startswith("avx512")]
    if wide:
        mask = 0xE6 if any(n.startswith("avx512") for n in wide) else 0x6
        results.append("%saved")
        lines += _saved(mask)
    last = results[0]
    for i, result in enumerate(results[1:]):
        lines.append(f"  %all{i} = and i1 {last}, {result}")
        last = f"%all{i}"
    return "\n".join([*lines, f"  %answer = zext i1 {last} to i32", "  ret i32 %answer", "no:", "  ret i32 0", "}"])


def _cpuid(leaf: int, sub: int) -> str:
    return (
        "call { i32, i32, i32, i32 } asm sideeffect "
        f'"cpuid", "={{ax}},={{bx}},={{cx}},={{dx}},{{ax}},{{cx}}"(i32 {leaf}, i32 {sub})'
    )


def _leaves_exist(needed: list[str]) -> Iterator[str]:
    """Leave with 0 where the highest basic leaf is below those asked, and xgetbv where it does not exist."""
    highest = max(_X86[n][0] for n in needed if _X86[n][0] < 0x80000000) if needed != ["lzcnt"] else 0
    yield f"  %basic = {_cpuid(0, 0)}"
    yield "  %highest = extractvalue { i32, i32, i32, i32 } %basic, 0"
    yield f"  %there = icmp uge i32 %highest, {highest}"
    yield "  br i1 %there, label %leaf1, label %no"
    yield "leaf1:"
    if any(n in _YMM or n.startswith("avx512") for n in needed):
        yield f"  %one = {_cpuid(1, 0)}"
        yield "  %one.ecx = extractvalue { i32, i32, i32, i32 } %one, 2"
        yield "  %osxsave = and i32 %one.ecx, 134217728"
        yield "  %system = icmp ne i32 %osxsave, 0"
        yield "  br i1 %system, label %ask, label %no"
    else:
        yield "  br label %ask"
    yield "ask:"


def _leaf(leaf: int, sub: int, names: list[str]) -> tuple[str, list[str]]:
    stem = f"%l{leaf:x}.{sub}"
    lines = [f"  {stem} = {_cpuid(leaf - (1 << 32) if leaf >= 1 << 31 else leaf, sub)}"]
    masks: dict[int, int] = {}
    for name in names:
        _, _, register, bit = _X86[name]
        masks[register] = masks.get(register, 0) | 1 << bit
    results: list[str] = []
    for register, mask in masks.items():
        signed = mask - (1 << 32) if mask >= 1 << 31 else mask
        lines.append(f"  {stem}.r{register} = extractvalue {{ i32, i32, i32, i32 }} {stem}, {register}")
        lines.append(f"  {stem}.m{register} = and i32 {stem}.r{register}, {signed}")
        lines.append(f"  {stem}.t{register} = icmp eq i32 {stem}.m{register}, {signed}")
        results.append(f"{stem}.t{register}")
    last = results[0]
    for i, result in enumerate(results[1:]):
        lines.append(f"  {stem}.a{i} = and i1 {last}, {result}")
        last = f"{stem}.a{i}"
    return last, lines


def _saved(mask: int) -> Iterator[str]:
    yield '  %xcr = call { i32, i32 } asm sideeffect "xgetbv", "={ax},={dx},{cx}"(i32 0)'
    yield "  %xcr0 = extractvalue { i32, i32 } %xcr, 0"
    yield f"  %xcr.m = and i32 %xcr0, {mask}"
    yield f"  %saved = icmp eq i32 %xcr.m, {mask}"
