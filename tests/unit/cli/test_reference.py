"""The commands that only tell: explain, env, passes, ops, targets."""

from __future__ import annotations

import json

from console import hlo

from hlo_tools.support.codes import CODES
from hlo_tools.support.knobs import KNOBS


def test_explain_lists_every_code() -> None:
    out = hlo("explain").out
    assert all(code in out for code in CODES)


def test_explain_takes_small_letters() -> None:
    assert hlo("explain", "hlo6001").out == hlo("explain", "HLO6001").out


def test_explain_does_not_guess() -> None:
    done = hlo("explain", "HLO0000")
    assert done.code == 2 and "[HLO6009]" in done.err


def test_env_shows_every_variable() -> None:
    found = json.loads(hlo("env", "--json").out)
    assert set(found["environment"]) == {knob.name for knob in KNOBS}
    assert found["versions"]["numpy"] in hlo("env").out


def test_passes() -> None:
    names = hlo("opt", "--list-passes").out.strip().split(",")
    assert "dce" in names
    assert [line.split()[0] for line in hlo("passes").out.splitlines()] == names
    assert hlo("passes", "dce").out.startswith("dce: ")
    assert hlo("passes", "dcee").code == 2


def test_ops() -> None:
    assert "pad" in hlo("ops").out.split()
    assert hlo("ops", "pad").out.startswith("pad: 2 operands\n")
    assert "[HLO6010]" in hlo("ops", "padd").err


def test_targets() -> None:
    out = hlo("targets").out
    assert "x86_64" in out and "nvptx64-nvidia-cuda" in out


def test_stages() -> None:
    assert hlo("opt", "--list-stages").out == "hlo\n"
    assert hlo("opt", "--list-stages", "--platform=cpu").out.startswith("hlo,")
