"""Shapes and layouts <-> `ShapeProto` and `LayoutProto`."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.ir.element import BUFFER, ELEMENT_TYPES, OPAQUE, TOKEN, TUPLE, ElementType
from hlo_tools.ir.layout import Layout, SplitConfig, layout, row_major
from hlo_tools.ir.shape import OPAQUE_SHAPE, TOKEN_SHAPE, UNBOUNDED, Shape, array, buffer_of, tuple_of
from hlo_tools.serial.proto.schema import ENUMERATIONS, KINDS, Message
from hlo_tools.serial.proto.wire import fail
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.shapes import MAX_RANK, parse_shape

_NUMBERS = ENUMERATIONS["PrimitiveType"].numbers
_OWN_NAMES = {"OPAQUE_TYPE": "opaque", "BUFFER": "b"}
ELEMENTS: dict[int, ElementType] = {
    number: ELEMENT_TYPES[_OWN_NAMES.get(name, name.lower())] for name, number in _NUMBERS.items() if number
}
"""Element types by their number in `PrimitiveType`."""
NUMBERS: dict[ElementType, int] = {element: number for number, element in ELEMENTS.items()}
"""The number of each element type."""
_LOWEST = -(1 << 63)
"""What XLA writes for a size without bound, and for a dimension of a tile that is combined with the next."""
_LEVELS = "DCSH"
_MAX_BYTES = (1 << 63) - 1


class ShapeReader:
    """Shapes of messages; each message is looked at once."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Message, Shape]] = {}  # the message, too, so that its identity stays taken

    def shape(self, message: Message) -> Shape:
        """The shape in a ShapeProto. Raises Damaged."""
        found = self._seen.get(id(message))
        if found is None:
            found = self._seen[id(message)] = message, self._shape(message)
        return found[1]

    def _shape(self, message: Message) -> Shape:
        element = ELEMENTS.get(message.get("element_type", 0))
        if element is None:
            fail(f"{message.get('element_type', 0)} is no element type", message)
        if element is TUPLE:
            return tuple_of(tuple(self.shape(s) for s in message.get("tuple_shapes", ())))
        if element is BUFFER:
            inside = message.get("tuple_shapes", ())
            if len(inside) != 1:
                fail("a buffer holds one shape", message)
            return buffer_of(self.shape(inside[0]))
        if element is TOKEN or element is OPAQUE:
            return TOKEN_SHAPE if element is TOKEN else OPAQUE_SHAPE
        return self._array(message, element)

    def _array(self, message: Message, element: ElementType) -> Shape:
        dims = message.get("dimensions", ())
        dynamic = tuple(message.get("is_dynamic_dimension", ()))
        if len(dims) > MAX_RANK or (dynamic and len(dynamic) != len(dims)):
            fail(f"{len(dims)} dimensions, {len(dynamic)} of them said to be dynamic or not", message)
        total = element.bytes
        for i, n in enumerate(dims):
            if n < 0 and not (dynamic and dynamic[i] and n == _LOWEST):
                fail(f"a dimension of size {n}", message)
            total *= max(n, 1)
        if total > _MAX_BYTES:
            fail("an array of more than 2^63 bytes", message)
        at = self._layout(message["layout"], len(dims)) if "layout" in message else None
        return array(element, tuple(UNBOUNDED if n == _LOWEST else n for n in dims), at, dynamic)

    def _layout(self, message: Message, rank: int) -> Layout:
        order = tuple(message.get("minor_to_major", ()))
        if sorted(order) != list(range(rank)):
            fail(f"minor_to_major {list(order)} does not name each of {rank} dimensions once", message)
        if message.keys() <= _PLAIN and message.get("tail_padding_alignment_in_elements", 1) <= 1:
            return row_major(rank) if order == row_major(rank).minor_to_major else layout(order)
        for name in _COUNTS:
            if message.get(name, 0) < 0:
                fail(f"{name} is {message[name]}", message)
        return layout(
            order,
            dim_level_types=_levels(message),
            tiles=tuple(_tile(t) for t in message.get("tiles", ())),
            tail_padding_alignment=message.get("tail_padding_alignment_in_elements", 0) or 1,
            index_type=_type_name(message, "index_primitive_type"),
            pointer_type=_type_name(message, "pointer_primitive_type"),
            element_bits=message.get("element_size_in_bits", 0),
            memory_space=message.get("memory_space", 0),
            split_configs=tuple(_split(c) for c in message.get("split_configs", ())),
            physical_shape=self.shape(message["physical_shape"]).text if "physical_shape" in message else "",
            metadata_prefix_bytes=message.get("dynamic_shape_metadata_prefix_bytes", 0),
        )


_PLAIN = {"minor_to_major", "tail_padding_alignment_in_elements"}
_COUNTS = (
    "tail_padding_alignment_in_elements",
    "element_size_in_bits",
    "memory_space",
    "dynamic_shape_metadata_prefix_bytes",
)


def _tile(message: Message) -> tuple[int | None, ...]:
    sizes = message.get("dimensions", ())
    if any(n < 0 and n != _LOWEST for n in sizes):
        fail(f"{list(sizes)} is no tile", message)
    return tuple(None if n == _LOWEST else n for n in sizes)


def _split(message: Message) -> SplitConfig:
    dimension, indices = message.get("dimension", 0), tuple(message.get("split_indices", ()))
    if not indices or min(dimension, *indices) < 0:
        fail(f"dimension {dimension} cannot be split at {list(indices)}", message)
    return SplitConfig(dimension, indices)


def _levels(message: Message) -> tuple[str, ...]:
    types = message.get("dim_level_types", ())
    if not all(0 <= t < len(_LEVELS) for t in types):
        fail(f"dim_level_types {types}", message)

    def mark(name: str, i: int, sign: str) -> str:
        flags: Sequence[bool] = message.get(name, ())
        return sign if i < len(flags) and not flags[i] else ""

    return tuple(_LEVELS[t] + mark("dim_unique", i, "+") + mark("dim_ordered", i, "~") for i, t in enumerate(types))


def _type_name(message: Message, field: str) -> str:
    number = message.get(field, 0)
    if number and number not in ELEMENTS:
        fail(f"{number} is no element type", message)
    return ELEMENTS[number].name if number else ""


class ShapeWriter:
    """Messages of shapes, one for each shape. An array without layout is written as row-major, which it is."""

    def __init__(self) -> None:
        self._made: dict[Shape, Message] = {}

    def message(self, shape: Shape) -> Message:
        """The ShapeProto of a shape."""
        made = self._made.get(shape)
        if made is None:
            made = self._made[shape] = self._message(shape)
        return made

    def _message(self, shape: Shape) -> Message:
        made = Message(KINDS["ShapeProto"])
        made["element_type"] = NUMBERS[shape.element]
        if shape.is_array:
            made.put("dimensions", [_LOWEST if n == UNBOUNDED else n for n in shape.dims])
            made.put("is_dynamic_dimension", list(shape.dynamic or (False,) * shape.rank))
            made["layout"] = self._layout(shape.layout or row_major(shape.rank))
        else:
            made.put("tuple_shapes", [self.message(s) for s in shape.elements])
        return made

    def _layout(self, at: Layout) -> Message:
        made = Message(KINDS["LayoutProto"])
        made.put("minor_to_major", list(at.minor_to_major))
        made.put("dim_level_types", [_LEVELS.index(t[0]) for t in at.dim_level_types])
        if any(len(t) > 1 for t in at.dim_level_types):
            made.put("dim_unique", ["+" not in t for t in at.dim_level_types])
            made.put("dim_ordered", ["~" not in t for t in at.dim_level_types])
        made.put(
            "tiles", [_listed("TileProto", "dimensions", [_LOWEST if n is None else n for n in t]) for t in at.tiles]
        )
        made.put("tail_padding_alignment_in_elements", at.tail_padding_alignment)
        made.put("index_primitive_type", _type_number(at.index_type))
        made.put("pointer_primitive_type", _type_number(at.pointer_type))
        made.put("element_size_in_bits", at.element_bits)
        made.put("memory_space", at.memory_space)
        made.put("dynamic_shape_metadata_prefix_bytes", at.metadata_prefix_bytes)
        for config in at.split_configs:
            part = _listed("SplitConfigProto", "split_indices", list(config.indices))
            part.put("dimension", config.dimension)
            made.setdefault("split_configs", []).append(part)
        if at.physical_shape:
            made["physical_shape"] = self.message(_physical(at.physical_shape))
        return made


def _physical(text: str) -> Shape:
    try:
        return parse_shape(text)
    except Malformed:  # kept as text, so nobody has looked at it before
        return array(ELEMENT_TYPES["u8"], ())


def _type_number(name: str) -> int:
    element = ELEMENT_TYPES.get(name)
    return NUMBERS[element] if element is not None else 0


def _listed(kind: str, field: str, values: list[int]) -> Message:
    made = Message(KINDS[kind])
    made.put(field, values)
    return made
