"""`hlo hash`: what changes the number, and what does not."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path

import pytest
from console import hlo as command
from corpus import MODELS, ROUNDTRIP, name_of, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

import hlo_tools as hlo

LAYOUT = ", entry_computation_layout={(f32[4,2]{1,0}, f32[4,2]{1,0})->(f32[4,2]{1,0}, f32[])}"
TEXT = (
    f"HloModule m, input_output_alias={{ {{0}}: (0, {{}}, may-alias) }}{LAYOUT}\n"
    + """

%sum (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %s = f32[] add(%a, %b)
}

%max (c: f32[], d: f32[]) -> f32[] {
  %c = f32[] parameter(0)
  %d = f32[] parameter(1)
  ROOT %m = f32[] maximum(%c, %d)
}

ENTRY %main (x: f32[4,2], y: f32[4,2]) -> (f32[4,2], f32[]) {
  %x = f32[4,2]{1,0} parameter(0), sharding={devices=[2,1]<=[2]}, metadata={op_name="x"}
  %y = f32[4,2]{1,0} parameter(1)
  %k = f32[4,2]{1,0} constant({ { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } })
  %p = f32[4,2]{1,0} subtract(%x, %y)
  %q = f32[4,2]{1,0} subtract(%p, %k), backend_config={"fast":true}
  %z = f32[] constant(0)
  %r.1 = f32[] reduce(%q, %z), dimensions={0,1}, to_apply=%sum
  %r.2 = f32[] reduce(%q, %z), dimensions={0,1}, to_apply=%max
  %t = f32[2,4]{1,0} transpose(%q), dimensions={1,0}
  %u = f32[4,2]{1,0} transpose(%t), dimensions={1,0}, frontend_attributes={a="b"}
  %w = f32[] add(%r.1, %r.2), control-predecessors={%t}
  ROOT %both = (f32[4,2]{1,0}, f32[]) tuple(%u, %w)
}

"""
)


def digest(text: str, **options: bool) -> str:
    return hlo.hash_module(hlo.parse(text), hlo.HashOptions(**options)).module


KNOWN = digest(TEXT)


def test_the_number_itself() -> None:
    """Changes only with `fingerprint.VERSION`: the hashes are kept by users."""
    assert digest("HloModule m\n\nENTRY e {\n  ROOT x = f32[2] parameter(0)\n}\n") == (
        "f835055da8f645995d8824fd9d55876c3508fc9b339fb4c920629a6c20b7c0e2"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HloModule m,", "HloModule other,"),
        ("%sum", "%total"),
        ("%p", "%difference"),
        ("%r.1", "%r.99"),
        (', metadata={op_name="x"}', ""),
        ("(%x, %y)", "(f32[4,2]{1,0} %x, /*second*/ f32[4,2]{1,0} %y)"),
        ("f32[4,2]{1,0} parameter(1)", "f32[4,2] parameter(1)"),
        (LAYOUT, ""),
        ("%z = f32[] constant(0)", '%z = f32[] constant(0), origin={{"z"}}'),
    ],
)
def test_what_does_not_matter(old: str, new: str) -> None:
    assert old in TEXT
    assert digest(TEXT.replace(old, new)) == KNOWN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("subtract(%x, %y)", "subtract(%y, %x)"),
        ("subtract(%x, %y)", "subtract(%x, %x)"),
        ("subtract(%x, %y)", "add(%x, %y)"),
        ("{ 7, 8 }", "{ 7, 8.0000005 }"),
        ("constant(0)", "constant(-0)"),
        ("maximum(", "minimum("),
        ("to_apply=%max", "to_apply=%sum"),
        ("%t = f32[2,4]{1,0} transpose", "%t = f32[2,4]{0,1} transpose"),
        ("devices=[2,1]<=[2]", "devices=[1,2]<=[2]"),
        ('"fast":true', '"fast":false'),
        ('a="b"', 'a="c"'),
        ("predecessors={%t}", "predecessors={%u}"),
        (", control-predecessors={%t}", ""),
        ("may-alias", "must-alias"),
        ("tuple(%u, %w)", "tuple(%q, %w)"),
        ("HloModule m,", "HloModule m, num_partitions=2,"),
        ("HloModule m,", "HloModule m, replica_count=2,"),
        ("  %t = ", "  %dead = f32[] negate(%z)\n  %t = "),
        ("parameter(0), sharding", "parameter(0), parameter_replication={true}, sharding"),
    ],
)
def test_what_matters(old: str, new: str) -> None:
    assert old in TEXT
    assert digest(TEXT.replace(old, new, 1)) != KNOWN


@pytest.mark.parametrize(
    ("option", "old", "new"),
    [
        ("constants", "{ 7, 8 }", "{ 7, 9 }"),
        ("layouts", "%t = f32[2,4]{1,0}", "%t = f32[2,4]{0,1}"),
        ("shardings", "sharding={devices=[2,1]<=[2]}, ", ""),
        ("backend_configs", ', backend_config={"fast":true}', ""),
        ("frontend_attributes", ', frontend_attributes={a="b"}', ""),
    ],
)
def test_what_may_be_left_out(option: str, old: str, new: str) -> None:
    changed = TEXT.replace(old, new)
    assert digest(changed) != KNOWN
    assert digest(changed, **{option: False}) == digest(TEXT, **{option: False}) != KNOWN


def test_a_value_used_twice_differs_from_two_equal_ones() -> None:
    once = "HloModule m\n\nENTRY e {{\n  a = u32[] {0}\n  b = u32[] {0}\n  ROOT t = (u32[], u32[]) tuple(a, {1})\n}}\n"
    assert digest(once.format("replica-id()", "a")) != digest(once.format("replica-id()", "b"))


def test_equal_computations_count_once() -> None:
    twice = TEXT.replace("ENTRY", TEXT[TEXT.index("%sum (") : TEXT.index("%max (")].replace("%sum", "%twin") + "ENTRY")
    called = twice.replace(
        "reduce(%q, %z), dimensions={0,1}, to_apply=%sum", "reduce(%q, %z), dimensions={0,1}, to_apply=%twin"
    )
    called = called.replace(TEXT[TEXT.index("%sum (") : TEXT.index("%max (")], "")
    assert digest(called) == KNOWN


def shuffled(text: str, rng: random.Random) -> str:
    """The same module with other names, in another order."""
    module = hlo.parse(text)
    for computation in module:
        for inst in computation:
            inst.metadata = None
            computation.rename(inst, f"v{rng.randrange(10**9)}")
        order = list(computation.instructions)
        rng.shuffle(order)
        computation.instructions = dict.fromkeys(order)
        computation.touch()
    computations = list(module)
    rng.shuffle(computations)
    for number, computation in enumerate(computations):
        computation.name = f"c{number}"
    module.computations = {computation.name: computation for computation in computations}
    return str(module)


@pytest.mark.parametrize("path", [*MODELS, *ROUNDTRIP], ids=name_of)
def test_names_and_order_do_not_matter(path: Path) -> None:
    text = text_of(path)
    for seed in range(3):
        assert digest(shuffled(text, random.Random(seed))) == digest(text)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_each_bit_of_a_constant_matters(seed: int, data: st.DataObject) -> None:
    values = [random.Random(seed).getrandbits(32) for _ in range(4)]
    at, bit = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 31))
    flipped = [v ^ (1 << bit if i == at else 0) for i, v in enumerate(values)]
    text = "HloModule m\n\nENTRY e {{\n  ROOT c = u32[4]{{0}} constant({{{}}})\n}}\n"
    assert digest(text.format(", ".join(map(str, values)))) != digest(text.format(", ".join(map(str, flipped))))


def _other(value: object) -> object:
    """Another value of the same type; None where this does not know one."""
    if isinstance(value, Enum):
        return next((x for x in type(value) if x is not value), None)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        return (value[0] + 1, *value[1:])
    if is_dataclass(value) and not isinstance(value, type):
        first = fields(value)[0].name
        changed = _other(getattr(value, first))
        return None if changed is None else replace(value, **{first: changed})
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        changed = _other(value[0])
        return None if changed is None else (changed, *value[1:])
    return None


@pytest.mark.parametrize("path", [*MODELS, *ROUNDTRIP], ids=name_of)
def test_each_attribute_matters(path: Path) -> None:
    module = hlo.parse(text_of(path))
    before, seen = hlo.hash_module(module).module, set()
    for inst in module.instructions():
        for field in fields(inst.attrs):
            old = getattr(inst.attrs, field.name)
            other = _other(old) if (inst.op, field.name) not in seen else None
            if other is not None:
                seen.add((inst.op, field.name))
                kept = inst.attrs
                inst.attrs = replace(kept, **{field.name: other})
                assert hlo.hash_module(module).module != before, f"{inst}: {field.name}"
                inst.attrs = kept
    assert seen or path.stem == "constants"
    assert hlo.hash_module(module).module == before


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_each_operand_matters(seed: int) -> None:
    rng = random.Random(seed)
    text = text_of(rng.choice(MODELS))
    module = hlo.parse(text)
    before = hlo.hash_module(module).module
    chosen = [x for x in module.instructions() if len(set(x.operands)) > 1]
    if chosen:
        inst = rng.choice(chosen)
        first, second = rng.sample(range(len(inst.operands)), 2)
        operands = list(inst.operands)
        operands[first], operands[second] = operands[second], operands[first]
        same = operands == list(inst.operands)
        inst.parent.set_operands(inst, operands)
        twins = hlo.hash_module(hlo.parse(str(module))).module == before
        assert twins == same or _interchangeable(operands[first], operands[second])


def _interchangeable(a: object, b: object) -> bool:
    """Whether two values are equal but for their names, so that their places say nothing."""
    return re.sub(r"^[\w.\-]+", "", repr(a)) == re.sub(r"^[\w.\-]+", "", repr(b))


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "m.hlo"
    path.write_text(TEXT)
    assert command("hash", path, path).out == f"{KNOWN}  {path}\n" * 2
    found = json.loads(command("hash", "--format=json", path).out)
    assert found["hash"] == KNOWN
    assert found["computations"].keys() == {"sum", "max", "main"}
    assert len(set(found["computations"].values())) == 3
    assert command("hash", "--no-values", path).out.split()[0] == digest(TEXT, constants=False)


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_the_same_in_every_process(seed: str) -> None:
    program = "import sys, hlo_tools as h; print(h.hash_module(h.parse(sys.stdin.read())).module)"
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", program], input=TEXT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == KNOWN
