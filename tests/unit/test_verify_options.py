"""Rules that hold on request, and one that is lifted."""

from __future__ import annotations

import pytest
from console import hlo as command
from verifying import entry, findings

MIXED = entry(
    "p = pred[4] parameter(0); x = f32[4] parameter(1); y = bf16[4] parameter(2); ROOT r = f32[4] select(p, x, y)"
)


def reshape(before: str, after: str) -> str:
    return entry(f"p = {before} parameter(0); ROOT r = {after} reshape(p)")


def test_precisions_may_differ_on_request() -> None:
    (found,) = findings(MIXED)
    assert "operand 2 has elements of type bf16, expected f32: floating point types of different precisions" in found
    assert not findings(MIXED, allow_mixed_precision=True)
    wrong = MIXED.replace("bf16[4]", "bf16[5]")
    assert "expected the dimensions" in findings(wrong, allow_mixed_precision=True)[0]
    assert findings(MIXED.replace("bf16", "s32"), allow_mixed_precision=True)


def test_the_shape_of_mixed_precisions_is_inferred() -> None:
    add = "add { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }"
    text = entry(
        "p = f32[4] parameter(0); z = bf16[] constant(5);"
        "ROOT r = reduce-window(p, z), to_apply=add, window={size=4 pad=3_0}", add
    )  # fmt: skip
    (found,) = findings(text)
    assert "different precisions" in found
    assert not findings(text, allow_mixed_precision=True)


@pytest.mark.parametrize(("dimensions", "ordered"), [("0,2", True), ("2,0", False)])
def test_broadcasts_that_transpose(dimensions: str, ordered: bool) -> None:
    sizes = "4,6" if ordered else "6,4"
    text = entry(f"p = f32[{sizes}] parameter(0); ROOT r = f32[4,5,6] broadcast(p), dimensions={{{dimensions}}}")
    assert not findings(text)
    found = findings(text, verify_broadcast_dimensions_order=True)
    assert ["HLO2022 broadcast r: broadcast dimensions should be ordered" in x for x in found] == [True] * (not ordered)


@pytest.mark.parametrize(
    ("before", "after", "bitcast"),
    [
        ("f32[8,3]{1,0}", "f32[4,2,3]{2,1,0}", True),
        ("f32[8,3]{1,0}", "f32[4,2,3]{0,1,2}", False),
        ("f32[8,3]{0,1}", "f32[4,2,3]{1,0,2}", True),
        ("f32[8,3]{0,1}", "f32[24]{0}", False),
        ("f32[8,3]", "f32[24]", True),
        ("f32[1,8,1]{0,2,1}", "f32[8]{0}", True),
        ("f32[]", "f32[1,1]{0,1}", True),
        ("f32[0,3]{0,1}", "f32[3,0]{1,0}", True),
        ("f32[6,4]{1,0}", "f32[4,6]{0,1}", False),
    ],
)
def test_reshapes_that_move_elements(before: str, after: str, bitcast: bool) -> None:
    text = reshape(before, after)
    assert not findings(text)
    found = findings(text, verify_reshape_is_bitcast=True)
    assert ["HLO2022 reshape r should be a physical bitcast" in x for x in found] == [True] * (not bitcast)


def test_the_memory_of_the_host() -> None:
    text = entry("p = (f32[4]{0:S(5)}, f32[4]{0}) parameter(0); ROOT r = f32[4]{0} get-tuple-element(p), index=1")
    assert not findings(text)
    assert "HLO2022 p lies in the memory space of the host" in findings(text, verify_no_host_memory_space=True)[0]


@pytest.mark.parametrize("channel", ["", ", channel_id=1"])
@pytest.mark.parametrize(
    ("pairs", "message"),
    [("{5,2},{1,2},{2,0}", "Source 5"), ("{0,1},{1,2},{2,7}", "Target 7"), ("{0,1},{1,2},{2,0}", "")],
)
def test_devices_of_a_permutation(pairs: str, message: str, channel: str) -> None:
    """How many there are stands in the header, if anywhere."""
    count = "num_partitions" if channel else "replica_count"
    body = f"p = f32[8] parameter(0); ROOT r = f32[8] collective-permute(p), source_target_pairs={{{pairs}}}{channel}"
    found = findings(entry(body, header=f"HloModule m, {count}=3"))
    assert len(found) == bool(message)
    assert not message or f"{message} in source_target_pairs must be < 3" in found[0]


def test_the_command_has_the_options() -> None:
    assert command("verify", "-", stdin=MIXED).code == 3
    assert command("verify", "-", "--allow-mixed-precision", stdin=MIXED).code == 0
    moved = reshape("f32[8,3]{0,1}", "f32[24]{0}")
    assert command("verify", "-", stdin=moved).code == 0
    assert "[HLO2022]" in command("verify", "-", "--verify-reshape-is-bitcast", stdin=moved).err
