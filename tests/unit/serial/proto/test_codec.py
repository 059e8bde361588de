"""The codec against the public runtime, which gets the same tables as descriptors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from proto_modules import RICH

import hlo_tools as hlo
from hlo_tools.serial.proto.schema import ENUMERATIONS, KINDS, Field, Kind, Message
from hlo_tools.serial.proto.textformat import parse_text, show_text
from hlo_tools.serial.proto.wire import Damaged, Decoder, Encoder

TYPES = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "message": 11,
         "bytes": 12, "uint32": 13, "enum": 14}  # fmt: skip
INTEGERS = {
    "int32": [0, 1, -1, 2**31 - 1, -(2**31)],
    "uint32": [0, 127, 128, 2**32 - 1],
    "int64": [0, -1, 300, 2**63 - 1, -(2**63)],
    "uint64": [0, 2**64 - 1],
}


def public_classes() -> dict[str, Any]:
    """The public runtime's message classes for our tables."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
    message_factory = pytest.importorskip("google.protobuf.message_factory")
    file = descriptor_pb2.FileDescriptorProto(name="ours.proto", package="ours", syntax="proto3")

    def flat(name: str) -> str:
        return name.replace(".", "_")

    for enumeration in ENUMERATIONS.values():
        made = file.enum_type.add(name=f"E_{flat(enumeration.name)}")
        for name, number in sorted(enumeration.numbers.items(), key=lambda item: item[1]):
            made.value.add(name=f"{made.name}_{name}", number=number)
    for kind in KINDS.values():
        made = file.message_type.add(name=flat(kind.name))
        for field in kind.fields.values():
            label = 3 if field.repeated else 1
            row = made.field.add(name=field.name, number=field.number, type=TYPES[field.type], label=label)
            if field.kind is not None:
                row.type_name = f".ours.{flat(field.kind.name)}"
            if field.members is not None:
                row.type_name = f".ours.E_{flat(field.members.name)}"
            if field.explicit:
                row.oneof_index = len(made.oneof_decl)
                made.oneof_decl.add(name=f"_{field.name}")
                row.proto3_optional = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"ours.{flat(name)}")) for name in KINDS}


def any_value(field: Field, dice: random.Random, depth: int) -> Any:
    if field.kind is not None:
        return any_message(field.kind, dice, depth + 1)
    if field.members is not None:
        return dice.choice(list(field.members.names))
    if field.type == "bool":
        return dice.random() < 0.5
    if field.type in ("string", "bytes"):
        text = dice.choice(["", "a", 'quo"te', "ü\n\0", "x" * 200])
        return text if field.type == "string" else text.encode() + bytes([0xFF, 0x80])
    if field.type in ("float", "double"):
        return dice.choice([0.0, -0.0, 1.5, float("inf"), float(np.float32(1e-40))])
    return dice.choice(INTEGERS[field.type])


def any_message(kind: Kind, dice: random.Random, depth: int = 0) -> Message:
    made = Message(kind)
    for field in kind.fields.values():
        if dice.random() > (0.5 if depth < 2 else 0.1) or (field.kind is not None and depth > 5):
            continue
        if not field.repeated:
            made.put(field.name, any_value(field, dice, depth))
            continue
        values = [any_value(field, dice, depth) for _ in range(dice.choice([1, 2, 40 if field.kind is None else 3]))]
        dtypes = {"bool": "?", "int32": "<i4", "int64": "<i8", "uint32": "<u4", "uint64": "<u8", "float": "<f4",
                  "double": "<f8"}  # fmt: skip
        made[field.name] = np.array(values, dtypes[field.type]) if field.array else values
    return made


def decoded(kind: Kind, data: bytes) -> Message:
    decoder = Decoder(data)
    made = decoder.message(kind, 0, len(data))
    assert not decoder.unknown
    return made


def test_bytes_are_those_of_the_public_runtime() -> None:
    classes = public_classes()
    dice = random.Random(3)
    for name in [*KINDS] * 3:
        data = Encoder().message(any_message(KINDS[name], dice))
        theirs = classes[name].FromString(data)
        assert theirs.SerializeToString(deterministic=True) == data, name
        assert Encoder().message(decoded(KINDS[name], data)) == data, name


def test_text_is_read_by_the_public_runtime_and_back() -> None:
    classes = public_classes()
    text_format = pytest.importorskip("google.protobuf.text_format")
    dice = random.Random(4)
    for name in [*KINDS] * 2:
        message = any_message(KINDS[name], dice)
        data = Encoder().message(message)
        text = show_text(message)
        ours = parse_text(text, KINDS[name], {})
        assert Encoder().message(ours) == data, name
        theirs = classes[name].FromString(data)
        printed = text_format.MessageToString(theirs, use_short_repeated_primitives=dice.random() < 0.5)
        for enumeration in sorted(ENUMERATIONS, key=len, reverse=True):
            printed = printed.replace(f": E_{enumeration.replace('.', '_')}_", ": ")
            printed = printed.replace(f"[E_{enumeration.replace('.', '_')}_", "[")
            printed = printed.replace(f", E_{enumeration.replace('.', '_')}_", ", ")
        assert Encoder().message(parse_text(printed, KINDS[name], {})) == data, name


def test_lists_may_be_packed_or_not_and_messages_in_pieces() -> None:
    shape = decoded(KINDS["ShapeProto"], b"\x18\x05\x1a\x02\x06\x07\x10\x0b\x18\x80\x01")
    assert shape == {"dimensions": [5, 6, 7, 128], "element_type": 11}
    literal = decoded(KINDS["LiteralProto"], b"\x0a\x02\x10\x0b\x45\x01\x00\xa0\x7f\x0a\x02\x18\x01")
    assert literal["shape"] == {"element_type": 11, "dimensions": [1]}
    assert literal["f32s"].tobytes() == b"\x01\x00\xa0\x7f"  # a signalling NaN


def test_equal_messages_are_one_object() -> None:
    data = hlo.to_proto(hlo.parse(RICH))
    instructions = decoded(KINDS["HloModuleProto"], data)["computations"][0]["instructions"]
    assert instructions[0]["shape"] is instructions[1]["shape"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x05ab", "name has 5 bytes, but 2 are left"),
        (b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "more than ten bytes"),
        (b"\x28\x80", "end inside of a number"),
        (b"\x28", "end inside of a number"),
        (b"\x0b", "wire type"),
        (b"\x00", "no number of a field"),
        (b"\x0d1234", "name has wire type 5"),
        (b"\xfa\x7f\xff\x01", "beyond the end"),
    ],
)
def test_damage_is_named(data: bytes, words: str) -> None:
    with pytest.raises(Damaged, match=words):
        decoded(KINDS["HloModuleProto"], data)


@pytest.mark.parametrize(
    ("text", "words", "at"),
    [
        ('name: "a', "unexpected '\"'", 6),
        ("name: 3", "expected a string", 6),
        ('name: "a" name: "b"', "given twice", 10),
        ("id: 9223372036854775808", "out of range", 4),
        ("id: 1.5", "no value of id", 4),
        ("computations { id: 1", "expected the name of a field", 20),
        ("computations: 3", "expected '{'", 14),
        ("spmd_output_sharding { type: SIDEWAYS }", "no value of type", 29),
        ("]", "expected the name", 0),
        ("id: " + "9" * 5000, "expected a value", 4),
        ("\x01", "unexpected '\\\\x01'", 0),
    ],
)
def test_bad_text_has_a_place(text: str, words: str, at: int) -> None:
    with pytest.raises(Damaged, match=words) as caught:
        parse_text(text, KINDS["HloModuleProto"], {})
    assert caught.value.at == at


def test_text_in_all_its_forms() -> None:
    unknown: dict[tuple[str, str], int] = {}
    text = """# a comment
    name: 'a\\x41' "b" ; id: 0x1F,
    computations < id: 017 name: "" >
    new_thing { a: [1, 2] b < c: "]" > } newer: -inf
    spmd_output_sharding: { type: TUPLE last_tile_dims: [4, MANUAL] replicate_on_last_tile_dim: t }
    """
    message = parse_text(text, KINDS["HloModuleProto"], unknown)
    assert message["name"] == "aAb" and message["id"] == 31
    assert message["computations"] == [{"id": 15, "name": ""}]
    assert message["spmd_output_sharding"] == {
        "type": 2, "last_tile_dims": [4, 4], "replicate_on_last_tile_dim": True
    }  # fmt: skip
    assert [name for _, name in unknown] == ["new_thing", "newer"]
