"""Files that nobody should trust: a diagnostic with a place, in little time and memory, whatever is in them."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable

import pytest
from proto_modules import RICH

import hlo_tools as hlo
from hlo_tools.serial.proto.forms import is_binary, is_text, read_binary, read_text
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.wire import Decoder, Encoder

DATA = hlo.to_proto(hlo.parse(RICH))
TEXT = hlo.to_pbtxt(hlo.parse(RICH))
CODES = {"HLO1050", "HLO1051"}


def outcome(read: Callable[[], object]) -> str:
    """The code of the diagnostic, or nothing. Whatever else is raised fails the test."""
    try:
        read()
    except hlo.HloError as error:
        assert all(d.code in CODES for d in error.diagnostics), error
        return error.diagnostics[0].code
    return ""


def exercise(module: hlo.Module) -> None:
    """What is done with a module that could be read must not fall over either."""
    try:
        hlo.verify(module)
        module.to_text()
    except hlo.HloError:
        return
    assert hlo.to_proto(module) == hlo.to_proto(module)


def test_cut_at_every_byte() -> None:
    whole = 0
    for end in range(len(DATA)):
        whole += outcome(lambda end=end: read_binary(DATA[:end])) == ""  # type: ignore[misc]
    assert whole < len(DATA) // 50  # ends between two fields of the module that can be missing


def test_text_cut_anywhere() -> None:
    for end in range(0, len(TEXT), 37):
        outcome(lambda end=end: read_text(TEXT[:end]))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes(seed: int) -> None:
    dice = random.Random(seed)
    bad = 0
    for _ in range(250):
        data = bytearray(DATA)
        for _ in range(dice.choice([1, 1, 2, 8])):
            at = dice.randrange(len(data))
            change = dice.random()
            if change < 0.5:
                data[at] = dice.randrange(256)
            elif change < 0.75:
                del data[at : at + dice.randrange(1, 20)]
            else:
                data[at:at] = data[(start := dice.randrange(len(data))) : start + dice.randrange(40)]

        def read(data: bytes = bytes(data)) -> None:
            exercise(read_binary(data).module)

        bad += outcome(read) != ""
    assert bad > 100


@pytest.mark.parametrize("seed", range(2))
def test_changed_fields(seed: int) -> None:
    """Messages that decode well and make no sense: numbers moved, fields lost or given to others."""
    dice = random.Random(seed)
    base = read_message()
    fields = [(m, name) for m in messages(base) for name in m if m.kind.name != "LiteralProto"]
    for _ in range(400):
        m, name = dice.choice(fields)
        kept = m[name]
        if isinstance(kept, bool) or dice.random() < 0.2:
            del m[name]
        elif isinstance(kept, int):
            m[name] = dice.choice([0, 1, -1, kept + 1, 2**31 - 1, -(2**31)])
        elif isinstance(kept, list):
            m[name] = dice.choice([[], kept[::-1], kept * 2, kept[1:]])
        elif isinstance(kept, str):
            m[name] = dice.choice(["", "x y\n", "add", kept * 2])
        data = Encoder().message(base)
        m[name] = kept
        outcome(lambda data=data: exercise(read_binary(data).module))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(2))
def test_changed_text(seed: int) -> None:
    dice = random.Random(seed)
    words = TEXT.split(" ")
    for _ in range(60):
        changed = list(words)
        for _ in range(dice.choice([1, 3])):
            at = dice.randrange(len(changed))
            changed[at] = dice.choice([*"{}[]<>,:", "", "-", "id:", '"', "99999999999999999999", dice.choice(words)])
        text = " ".join(changed)
        outcome(lambda text=text: exercise(read_text(text).module))  # type: ignore[misc]


def test_noise_is_no_proto() -> None:
    dice = random.Random(0)
    for size in range(1, 300):
        data = b"\x0a" + dice.randbytes(size)
        assert outcome(lambda data=data: read_binary(data)) == "HLO1050"  # type: ignore[misc]


def read_message() -> Message:
    return Decoder(DATA).message(KINDS["HloModuleProto"], 0, len(DATA))


def messages(top: Message) -> list[Message]:
    found, stack = [], [top]
    while stack:
        m = stack.pop()
        found.append(m)
        for value in m.values():
            stack.extend(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, Message))
    return found


def changed(edit: Callable[[Message], None]) -> bytes:
    base = read_message()
    edit(base)
    return Encoder().message(base)


def constant(m: Message) -> Message:
    return next(i for c in m["computations"] for i in c["instructions"] if i["opcode"] == "constant")


def parameter(m: Message) -> Message:
    return next(i for c in m["computations"] for i in c["instructions"] if i["opcode"] == "parameter")


def huge_literal(m: Message) -> None:
    shape = Message(KINDS["ShapeProto"])
    shape["element_type"], shape["dimensions"] = 11, [1 << 30, 1 << 30]
    constant(m)["literal"]["shape"] = shape


def other_shape(m: Message) -> None:
    shape = Message(KINDS["ShapeProto"])
    shape["element_type"] = 4
    constant(m)["shape"] = shape


def many_tuples(m: Message) -> None:
    shape = Message(KINDS["ShapeProto"])
    shape["element_type"] = 11
    for _ in range(300):
        outer = Message(KINDS["ShapeProto"])
        outer["element_type"], outer["tuple_shapes"] = 13, [shape]
        shape = outer
    constant(m)["shape"] = shape


def in_layout(name: str, kind: str, field: str, value: object) -> Callable[[Message], None]:
    def edit(m: Message) -> None:
        part = Message(KINDS[kind])
        part[field] = value
        parameter(m)["shape"]["layout"][name] = [part]

    return edit


def set_in_constant(name: str, value: object) -> Callable[[Message], None]:
    return lambda m: constant(m).__setitem__(name, value)


def set_in_entry(name: str, value: object) -> Callable[[Message], None]:
    return lambda m: m["computations"][-1].__setitem__(name, value)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (huge_literal, "elements do not fill f32[1073741824,1073741824]"),
        (many_tuples, "nested deeper than 100"),
        (other_shape, "the literal is f32[], the constant s32[]"),
        (in_layout("tiles", "TileProto", "dimensions", [8, -1]), "[8, -1] is no tile"),
        (in_layout("split_configs", "SplitConfigProto", "dimension", 0), "cannot be split at []"),
        (set_in_constant("opcode", "frobnicate"), "'frobnicate' is no opcode"),
        (set_in_constant("operand_ids", [12345]), "instruction 12345, which is not before it"),
        (set_in_constant("id", 0), "is no"),
        (lambda m: constant(m).__setitem__("opcode", "compare"), "a compare, lacks direction"),
        (lambda m: parameter(m).__setitem__("parameter_number", -1), "parameter_number is -1"),
        (set_in_entry("root_id", 77), "no instruction 77 for the root"),
        (set_in_entry("id", 0), "a second computation has the number 0"),
        (lambda m: m.__setitem__("entry_computation_id", 99), "no computation 99"),
        (lambda m: m.__setitem__("computations", []), "no computation"),
        (lambda m: m["schedule"]["sequences"][0]["value"].__setitem__("instruction_ids", [0, 0, 0]), "schedule"),
    ],
)
def test_hostile_messages(edit: Callable[[Message], None], words: str) -> None:
    with pytest.raises(hlo.ParseError) as caught:
        read_binary(changed(edit), "evil.pb")
    (found,) = caught.value.diagnostics
    assert found.code == "HLO1050" and found.file == "evil.pb"
    assert found.message.startswith("byte ")
    if words != "is no":
        assert words in found.message


def test_deep_text_is_refused() -> None:
    deep = "computations { instructions { shape { " + "tuple_shapes { " * 100_000
    assert outcome(lambda: read_text(deep)) == "HLO1051"
    assert outcome(lambda: read_text("new { " * 100_000)) == "HLO1051"


@pytest.mark.parametrize("opcode", ["parameter", "constant"])
def test_operands_where_text_has_no_place_for_them(opcode: str) -> None:
    text = hlo.to_pbtxt(hlo.parse("HloModule m\nENTRY e {\n  a = f32[] parameter(0)\n  ROOT b = f32[] negate(a)\n}"))
    with pytest.raises(hlo.HloError, match=f"'b', a {opcode}, has operands"):
        read_text(text.replace('opcode: "negate"', f'opcode: "{opcode}"'))


def test_widths_below_zero() -> None:
    text = hlo.to_pbtxt(hlo.parse("HloModule m\nENTRY e {\n  ROOT a = s4[3]{0:E(4)} parameter(0)\n}"))
    with pytest.raises(hlo.HloError, match="element_size_in_bits is -1"):
        read_text(text.replace("element_size_in_bits: 4", "element_size_in_bits: -1"))


def test_claims_cost_nothing() -> None:
    """A length or a count in a message allocates nothing by itself."""
    tracemalloc.start()
    started = time.perf_counter()
    for data in (changed(huge_literal), b"\x0a\xff\xff\xff\xff\x07a", b"\x0a\x01a\x1a\xff\xff\xff\xff\xff\xff\x01"):
        assert outcome(lambda data=data: read_binary(data)) == "HLO1050"  # type: ignore[misc]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000 and time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "text",
    ["", "\n", "HloModule m", "\n\nHloModule m", "module {", "ENTRY e {\n  a = f32[] parameter(0)\n}",
     "name {\n  x = f32[] ", "hlo {\n  ROOT p = f32[] parameter(0)\n}", "f32[2] x", "// id: 3",
     "%id (p: f32[]) -> f32[] {"],
)  # fmt: skip
def test_text_of_other_languages_is_no_proto(text: str) -> None:
    assert not is_text(text) and not is_binary(text.encode())


@pytest.mark.parametrize(
    "text",
    ['name: "m"', "# c\nhlo_module {\n  name: 'a'", "hlo { hlo_module < >", "computations {}", "id: 3", TEXT[:50]],
)
def test_text_protos_are_recognised(text: str) -> None:
    assert is_text(text)
