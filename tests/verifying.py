"""What the verifier says about small modules, for the tests of its rules."""

from __future__ import annotations

import hlo_tools as hlo


def findings(text: str, **options: bool) -> list[str]:
    """Each diagnostic of a module as `CODE message`; none when the module is sound."""
    module = hlo.parse(text)
    try:
        hlo.verify(module, hlo.VerifyOptions(**options))
    except hlo.VerifyError as e:
        assert all(d.span is not None for d in e.diagnostics), "each finding has a place"
        return [f"{d.code} {d.message}" for d in e.diagnostics]
    return []


def entry(body: str, computations: str = "", header: str = "HloModule m") -> str:
    """A module whose entry has this body; instructions may be separated by `;`."""
    lines = "\n".join(f"  {line.strip()}" for line in body.split(";"))
    return f"{header}\n{computations}\nENTRY main {{\n{lines}\n}}\n"
