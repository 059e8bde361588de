"""Which devices take part in a collective: `replica_groups`, `source_target_pairs`, and how their numbers are meant.

Source: XLA's `collective_op_group_mode.h`, `replica_group.h` and the rules of its verifier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hlo_tools.ir.op import ShapeError
from hlo_tools.ops.rules import need

if TYPE_CHECKING:
    from hlo_tools.ir.instruction import Instruction

Numbers = npt.NDArray[np.int64]

MAX_GROUPS = 1 << 24
"""How many groups of devices there may be; a bound on memory."""

_COMMENT = re.compile(r"/\*.*?\*/|\s")
_IOTA = re.compile(r"\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?")
_LISTS = re.compile(r"\{(?:\{[\d,\-]*\},?)*\}")
_LIST = re.compile(r"\{([\d,\-]*)\}")
_MESH = re.compile(r"mesh\[((?:'[^']*'=\d+,?)*)(?:,?device_ids=\(([^()]*(?:\([^()]*\))?)\))?\]\{(.*)\}")
_AXIS = re.compile(r"'([^']*)'=(\d+)")
_USED_AXIS = re.compile(r"'([^']*)'(?::\((\d+)\)(\d+))?")
_DEVICE_IDS = re.compile(r"\[([\d,]+)\](?:T\(([\d,]+)\))?")
_PAIR = re.compile(r"\{(-?\d+),(-?\d+)\}")


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of device numbers.

    sizes   how many devices each group has
    ids     the numbers group by group, or None where they are 0, 1, ... in some order by the way they are written
    """

    sizes: tuple[int, ...]
    ids: tuple[int, ...] | None = None

    @property
    def total(self) -> int:
        """How many devices there are."""
        return sum(self.sizes)


@lru_cache(1 << 10)
def parse_groups(text: str) -> Groups:
    """The groups that `{{0,1},{2,3}}`, `[2,2]<=[4]` or `mesh['x'=2,'y'=2] {'x'}` denotes; ShapeError for others."""
    text = _COMMENT.sub("", text)
    if m := _IOTA.fullmatch(text):
        count, size = int(m[1]), int(m[2])
        devices = prod(map(int, m[3].split(",")))
        need(count * size == devices, f"replica_groups={text} arranges {devices} devices as {count} groups of {size}")
        return Groups(_equal_sizes(text, count, size))
    if _LISTS.fullmatch(text):
        lists = [tuple(map(int, filter(None, inner.split(",")))) for inner in _LIST.findall(text[1:-1])]
        return Groups(tuple(map(len, lists)), tuple(i for ids in lists for i in ids))
    if m := _MESH.fullmatch(text):
        return _mesh_groups(text, {name: int(n) for name, n in _AXIS.findall(m[1])}, m[2], m[3])
    raise ShapeError(f"replica_groups={text} is neither a list of groups, nor an iota, nor axes of a mesh")


def _mesh_groups(text: str, axes: dict[str, int], device_ids: str | None, used: str) -> Groups:
    devices, size = prod(axes.values()), 1
    if device_ids is not None:
        dims = re.match(r"\[([\d,]+)\]", device_ids)
        found = prod(map(int, dims[1].split(","))) if dims else len(device_ids.split(","))
        need(found == devices, f"the mesh of {text} has {devices} devices, its device_ids name {found}")
    for name, _, part in _USED_AXIS.findall(used):
        need(name in axes, f"the mesh of {text} has no axis '{name}'")
        size *= int(part or axes[name])
    need(size > 0 and devices % size == 0, f"groups of {size} do not divide the {devices} devices of {text}")
    return Groups(_equal_sizes(text, devices // size, size))


def _equal_sizes(text: str, count: int, size: int) -> tuple[int, ...]:
    need(count <= MAX_GROUPS, f"replica_groups={text} makes more than {MAX_GROUPS} groups")
    return (size,) * count


@lru_cache(1 << 10)
def group_lists(text: str) -> tuple[tuple[int, ...], ...]:
    """The groups that `text` denotes, each with its numbers in order; ShapeError as parse_groups."""
    groups = parse_groups(text)
    text = _COMMENT.sub("", text)
    if groups.ids is not None:
        ends = list(accumulate(groups.sizes))
        return tuple(groups.ids[end - size : end] for size, end in zip(groups.sizes, ends, strict=True))
    if m := _IOTA.fullmatch(text):
        return _lines(_iota(m[3], m[4]).reshape(int(m[1]), int(m[2])))
    m = _MESH.fullmatch(text)
    assert m is not None, "parse_groups took it for a mesh"
    return _mesh_lists({name: int(n) for name, n in _AXIS.findall(m[1])}, m[2], m[3])


def _lines(numbers: Numbers) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(line) for line in numbers.tolist())


def _integers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def _iota(dims: str, order: str | None) -> Numbers:
    """The numbers from 0 as an array of these dimensions, which are then put into another order."""
    sizes = _integers(dims)
    numbers: Numbers = np.arange(prod(sizes)).reshape(sizes)
    return numbers if order is None else numbers.transpose(_integers(order))


def _mesh_lists(axes: dict[str, int], device_ids: str | None, used: str) -> tuple[tuple[int, ...], ...]:
    """Devices that differ only in the used axes, or parts of axes, form a group, ordered by the first used one."""
    ids: Numbers = np.arange(prod(axes.values()))
    if device_ids is not None:
        dims = _DEVICE_IDS.fullmatch(device_ids)
        ids = np.array(_integers(device_ids)) if dims is None else _iota(dims[1], dims[2])
    wanted = [(name, int(before or 1), int(size or axes[name])) for name, before, size in _USED_AXIS.findall(used)]
    sizes: list[int] = []
    places: dict[tuple[str, int], int] = {}
    for name, whole in axes.items():
        covered = 1
        for _, before, size in sorted(part for part in wanted if part[0] == name):
            need(before % covered == 0 and whole % (before * size) == 0, f"'{name}' is not cut into such parts: {used}")
            places[name, before] = len(sizes) + 1
            sizes += [before // covered, size]
            covered = before * size
        sizes.append(whole // covered)
    inner = [places[name, before] for name, before, _ in wanted]
    outer = [d for d in range(len(sizes)) if d not in inner]
    return _lines(ids.reshape(sizes).transpose([*outer, *inner]).reshape(prod(sizes[d] for d in outer), -1))


@lru_cache(1 << 10)
def parse_pairs(text: str) -> tuple[tuple[int, int], ...]:
    """The pairs (source, target) of `{{0,1},{1,0}}`; anything else in the text is passed over."""
    return tuple((int(a), int(b)) for a, b in _PAIR.findall(_COMMENT.sub("", text)))


@lru_cache(1 << 10)
def parse_slices(text: str) -> tuple[tuple[int, ...], ...]:
    """The sizes of the slices `{{128,32},{64,32}}`; none for an empty text."""
    return tuple(tuple(map(int, filter(None, m.split(",")))) for m in _LIST.findall(_COMMENT.sub("", text)[1:-1]))


def group_mode(at: Any) -> str:
    """What the numbers in groups are, in XLA's words: `cross_replica`, `cross_partition`, ... ShapeError for none."""
    if getattr(at, "mode", ""):
        return str(at.mode)
    global_ids = getattr(at, "use_global_device_ids", None)
    if at.channel_id is None:
        need(not global_ids, "use_global_device_ids=true needs a channel_id")
        return "cross_replica"
    if global_ids is None:
        return "cross_partition"
    return "flattened_id" if global_ids else "cross_replica_and_partition"


def device_limit(inst: Instruction, mode: str) -> int:
    """How many different numbers there are in this mode; 1 where the header of the module does not say it."""
    module = inst.parent.module
    if module is None:
        return 1
    replicas, partitions = module.header.replica_count, module.header.num_partitions
    return {"cross_partition": partitions, "flattened_id": replicas * partitions}.get(mode, replicas)


def group_size(inst: Instruction) -> int:
    """With how many devices (itself included) a device exchanges data; 1 where that is not known."""
    mode = group_mode(inst.attrs)
    groups = parse_groups(inst.attrs.replica_groups)
    size = groups.sizes[0] if groups.sizes else device_limit(inst, mode)
    if mode == "cross_replica_and_partition" and inst.parent.module is not None:
        size *= inst.parent.module.header.num_partitions
    return size


def need_groups(inst: Instruction, uniform: bool = True) -> None:
    """Each device is in one group, no group is empty, and with `uniform` all have one size."""
    mode = group_mode(inst.attrs)
    groups = parse_groups(inst.attrs.replica_groups)
    if not groups.sizes:
        need(mode != "flattened_id", "replica_groups must be given where they hold global device ids")
        return
    need(0 not in groups.sizes, "replica_groups holds an empty replica group")
    if groups.ids is not None:
        _need_permutation(groups.ids)
    limit = device_limit(inst, mode)
    need(
        limit in (1, groups.total),
        f"in mode {mode} replica_groups should hold {limit} devices, but holds {groups.total}",
    )
    if uniform:
        need(
            len(set(groups.sizes)) == 1,
            f"replica groups are expected to be of uniform size, got {', '.join(map(str, groups.sizes))}",
        )


def _need_permutation(ids: tuple[int, ...]) -> None:
    seen: set[int] = set()
    for i in ids:
        need(i not in seen, f"replica {i} is repeated in replica_groups")
        need(0 <= i < len(ids), f"replica {i} is out of range for replica_groups of {len(ids)} devices")
        seen.add(i)


def need_pairs(inst: Instruction, times: int) -> None:
    """No device is the source or the target of more than `times` pairs, and each exists."""
    pairs = parse_pairs(inst.attrs.source_target_pairs)
    mode = "cross_replica" if inst.attrs.channel_id is None else "cross_partition"
    limit = device_limit(inst, mode)
    often = "once" if times == 1 else f"{times} times"
    ends = (("Source", [a for a, _ in pairs]), ("Target", [b for _, b in pairs]))
    for what, ids in ends:
        for i in ids:
            need(i >= 0, f"{what} {i} in source_target_pairs must be >= 0")
            need(limit == 1 or i < limit, f"{what} {i} in source_target_pairs must be < {limit}")
    for what, ids in ends:
        counts: dict[int, int] = {}
        for i in ids:
            counts[i] = counts.get(i, 0) + 1
            need(counts[i] <= times, f"{what} {i} appears more than {often} in source_target_pairs")
