"""Collectives: shapes against group sizes, groups against the counts in the header, pairs of a permutation."""

from __future__ import annotations

import pytest
from verifying import entry, findings

SUM = "sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT r = f32[] add(a, b) }"
P = "p = f32[8,4] parameter(0); "

GOOD = {
    "groups in lists": "ROOT r = f32[16,4] all-gather(p), replica_groups={{0,1},{2,3}}, dimensions={0}",
    "groups as iota": "ROOT r = f32[32,4] all-gather(p), replica_groups=[2,4]<=[8], dimensions={0}",
    "groups by a mesh": "ROOT r = f32[16,4] all-gather(p), replica_groups=mesh['x'=2,'y'=3] {'x'}, dimensions={0}",
    "nothing known": "ROOT r = f32[24,4] all-gather(p), replica_groups={}, dimensions={0}",
    "several operands": "ROOT r = (f32[16,4], f32[16,4]) all-gather(p, p), replica_groups={{0,1}}, dimensions={0}",
    "uneven groups add up": "ROOT r = f32[8,4] all-reduce(p), replica_groups={{0},{1,2}}, to_apply=sum",
    "scatter": "ROOT r = f32[4,4] reduce-scatter(p), replica_groups={{0,1}}, dimensions={0}, to_apply=sum",
    "cut": "ROOT r = f32[8,4] all-to-all(p), replica_groups={{0,1}}, dimensions={0}",
    "parts": "ROOT r = (f32[8,4], f32[8,4]) all-to-all(p, p), replica_groups={{0,1}}",
    "permutation": "ROOT r = f32[8,4] collective-permute(p), source_target_pairs={{0,1},{1,0},{2,3}}",
    "started": "s = (f32[8,4], f32[16,4]) all-gather-start(p), replica_groups={{0,1}}, dimensions={0};"
    "ROOT r = f32[16,4] all-gather-done(s)",
}
BAD = {
    "f32[16,4] all-gather(p), replica_groups={{0,1,2}}, dimensions={0}": "shard_count = 2, subgroup_size = 3",
    "f32[16,3] all-gather(p), replica_groups={{0,1}}, dimensions={0}": "the result is f32[16,4]",
    "f32[16,4] all-gather(p), replica_groups={{0,1}}, dimensions={2}": "dimension 2 is out of range",
    "f32[16,4] all-gather(p), replica_groups={{0,1}}, dimensions={}": "dimensions: got 0, expected 1",
    "f32[16,4] all-gather(p), replica_groups={{0,1},{1,2}}, dimensions={0}": "replica 1 is repeated",
    "f32[16,4] all-gather(p), replica_groups={{0,4}}, dimensions={0}": "replica 4 is out of range",
    "f32[16,4] all-gather(p), replica_groups={{0,1},{}}, dimensions={0}": "an empty replica group",
    "f32[16,4] all-gather(p), replica_groups={{0,1},{2}}, dimensions={0}": "expected to be of uniform size",
    "f32[16,4] all-gather(p), replica_groups=[2,2]<=[8], dimensions={0}": "arranges 8 devices as 2 groups of 2",
    "f32[16,4] all-gather(p), replica_groups=mesh['x'=2] {'y'}, dimensions={0}": "has no axis 'y'",
    "f32[16,4] all-gather(p), replica_groups=mesh['x'=2, device_ids=(0)] {'x'}, dimensions={0}": "device_ids name 1",
    "f32[16,4] all-gather(p), replica_groups={}, dimensions={0}, channel_id=1, use_global_device_ids=true":
        "replica_groups must be given",
    "f32[8,4] all-gather(p), replica_groups={}, dimensions={0}, use_global_device_ids=true": "needs a channel_id",
    "f32[4] all-reduce(p), replica_groups={}, to_apply=sum": "the result is f32[8,4], but f32[4] is declared",
    "f32[8,4] all-reduce(p), channel_id=0, replica_groups={}, to_apply=sum": "channel id of an all-reduce",
    "f32[3,4] reduce-scatter(p), replica_groups={{0,1}}, dimensions={0}, to_apply=sum": "3 parts do not divide it",
    "f32[8,4] all-to-all(p), replica_groups={{0,1,2}}, dimensions={0}": "3 parts do not divide dimension 0",
    "(f32[8,4]) all-to-all(p), replica_groups={{0,1}}": "got 1 operands for groups of 2 devices",
    "f32[8,4] collective-permute(p), source_target_pairs={{0,1},{0,2}}": "Source 0 appears more than once",
    "f32[8,4] collective-permute(p), source_target_pairs={{0,1},{2,1}}": "Target 1 appears more than once",
    "f32[8] collective-permute(p), source_target_pairs={{0,1}}": "the result is f32[8,4], but f32[8] is declared",
    "f32[8,4] collective-permute(p, p), source_target_pairs={}, slice_sizes={{1,4}}": "got 2, expected 4",
}  # fmt: skip


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_accepted(body: str) -> None:
    assert findings(entry(P + body, SUM)) == []


@pytest.mark.parametrize(("instruction", "message"), BAD.items())
def test_refused(instruction: str, message: str) -> None:
    (found,) = findings(entry(f"{P}ROOT r = {instruction}", SUM))
    assert found.startswith("HLO2001") and message in found


@pytest.mark.parametrize(
    ("header", "attributes", "message"),
    [
        ("replica_count=4", "replica_groups={{0,1}}", "in mode cross_replica replica_groups should hold 4 devices"),
        ("num_partitions=4, replica_count=2", "replica_groups={{0,1}}, channel_id=1", ""),
        ("replica_count=2, num_partitions=2", "replica_groups={{0,1}}, channel_id=1, use_global_device_ids=true",
         "in mode flattened_id replica_groups should hold 4 devices, but holds 2"),
        ("replica_count=2", "replica_groups={{0,1}}", ""),
    ],
)  # fmt: skip
def test_groups_hold_the_devices_of_the_header(header: str, attributes: str, message: str) -> None:
    body = f"{P}ROOT r = f32[8,4] all-reduce(p), to_apply=sum, {attributes}"
    found = findings(entry(body, SUM, f"HloModule m, {header}"))
    assert message in "".join(found) and bool(found) == bool(message)


def test_groups_of_partitions() -> None:
    body = f"{P}ROOT r = f32[8,4] all-to-all(p), replica_groups={{{{0,1}}}}, dimensions={{0}}, channel_id=1"
    (found,) = findings(entry(body, header="HloModule m, num_partitions=4"))
    assert "in mode cross_partition replica_groups should hold 4 devices, but holds 2" in found


def test_pairs_stay_below_the_count_of_the_header() -> None:
    body = "p = f32[2] parameter(0); ROOT r = f32[2] collective-permute(p), source_target_pairs={{0,5}}"
    (found,) = findings(entry(body, header="HloModule m, replica_count=3"))
    assert "Target 5 in source_target_pairs must be < 3" in found


RAGGED = "p = f32[8] parameter(0); q = f32[9] parameter(1); n = s32[{dims}] parameter(2); m = s32[2] parameter(3); "


@pytest.mark.parametrize(
    ("dims", "last", "message"),
    [
        ("2", "n", ""),
        ("2", "m", ""),
        ("3", "m", "operands 2 and 5 have different shapes"),
        ("1,1,1", "n", "rank 1 or 2"),
    ],
)
def test_ragged_all_to_all(dims: str, last: str, message: str) -> None:
    call = f"ROOT r = f32[9] ragged-all-to-all(p, q, n, n, n, {last}), replica_groups={{{{0,1}}}}"
    found = findings(entry(RAGGED.format(dims=dims) + call))
    assert message in "".join(found) and bool(found) == bool(message)


OFFSETS = (
    "p = f32[4,8] parameter(0); z = s32[] constant(0); o = (s32[], s32[]) tuple(z, z); "
    "oo = ((s32[], s32[]), (s32[], s32[])) tuple(o, o); o3 = (s32[], s32[], s32[]) tuple(z, z, z); "
)


@pytest.mark.parametrize(
    ("operands", "pairs", "message"),
    [
        ("p, p, o, o", "{{0,1}}", ""),
        ("p, p, oo, oo", "{{0,1},{1,2},{0,2}}", ""),
        ("p, p, oo, oo", "{{0,1},{0,2},{0,3}}", "Source 0 appears more than 2 times"),
        ("p, p, o3, o", "{{0,1}}", "does not have one index for each dimension"),
        ("p, p, z, o", "{{0,1}}", "is no tuple"),
        ("p, oo, o, o", "{{0,1}}", "Unmatching input and output buffers"),
    ],
)
def test_permuted_slices(operands: str, pairs: str, message: str) -> None:
    permute = f"ROOT r = f32[4,8] collective-permute({operands}), source_target_pairs={pairs}, slice_sizes={{{{1,8}}}}"
    found = findings(entry(OFFSETS + permute))
    assert message in "".join(found) and bool(found) == bool(message)
