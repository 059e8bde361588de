"""Constants <-> `LiteralProto`: bit for bit, in the order that the layout gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlo_tools.ir.element import ELEMENT_TYPES, ElementType, real_part
from hlo_tools.ir.literal import Array, Literal
from hlo_tools.ir.shape import Shape
from hlo_tools.serial.proto.schema import KINDS, Message
from hlo_tools.serial.proto.shapes import ShapeReader, ShapeWriter
from hlo_tools.serial.proto.wire import fail

FIELDS: dict[ElementType, str] = {e: f"{e.name}s" for e in ELEMENT_TYPES.values() if e.is_array}
"""The field that holds the elements of each type."""


def read_literal(message: Message, shapes: ShapeReader) -> Literal:
    """The value of a LiteralProto. Raises Damaged when its elements do not fill its shape."""
    if "shape" not in message:
        fail("it has no shape", message)
    return _read(message, shapes.shape(message["shape"]), shapes)


def _read(message: Message, shape: Shape, shapes: ShapeReader) -> Literal:
    if shape.is_tuple:
        parts = message.get("tuple_literals", ())
        if len(parts) != len(shape.elements):
            fail(f"{len(parts)} members for {shape}", message)
        return Literal(shape, tuple(_read(p, s, shapes) for p, s in zip(parts, shape.elements, strict=True)))
    if shape.is_token:
        return Literal(shape, None)
    if not shape.is_array or min(shape.dims, default=0) < 0:
        fail(f"there are no constants of type {shape}", message)
    element = shape.element
    flat = _elements(message, element)
    if flat.size != shape.size:
        fail(f"{flat.size} elements do not fill {shape}", message)
    return Literal(shape, _logical(flat, shape))


def _elements(message: Message, element: ElementType) -> Array:
    """The elements as they are stored."""
    name = FIELDS[element]
    stored = message.get(name, b"")
    if isinstance(stored, np.ndarray):
        raw = np.ascontiguousarray(stored)
        pairs = 2 if element.is_complex else 1
        if raw.size % pairs:
            fail(f"an odd number of parts in {name}", message)
        return raw.view(element.dtype)
    raw = np.frombuffer(stored, np.uint8)
    if raw.size % element.bytes:
        fail(f"{raw.size} bytes in {name}", message)
    if element.bits < 8:
        unused = 8 - element.bits
        raw = (raw << unused).astype(np.uint8)
        raw = raw.view(np.int8) >> unused if element.is_signed else raw >> unused
    return np.ascontiguousarray(raw).view(element.dtype)


def _logical(flat: Array, shape: Shape) -> Array:
    """Elements in the order of the layout as an array in logical order."""
    order = shape.order
    physical = flat.reshape([shape.dims[d] for d in order])
    return np.ascontiguousarray(physical.transpose(np.argsort(order))) if shape.rank > 1 else physical


def write_literal(literal: Literal, shape: Shape, shapes: ShapeWriter) -> Message:
    """The LiteralProto of a value in the layout of `shape`. An elided value has a shape and no elements."""
    made = Message(KINDS["LiteralProto"])
    made["shape"] = shapes.message(_unpacked(shape))
    if isinstance(literal.value, tuple):
        parts = zip(literal.value, shape.elements, strict=True)
        made.put("tuple_literals", [write_literal(part, inner, shapes) for part, inner in parts])
    elif literal.value is not None:
        physical = np.ascontiguousarray(literal.value.transpose(shape.order)).reshape(-1)
        stored = _stored(physical, shape.element)
        if stored.size:
            made[FIELDS[shape.element]] = (
                stored if KINDS["LiteralProto"].fields[FIELDS[shape.element]].array else (stored.tobytes())
            )
    return made


def _unpacked(shape: Shape) -> Shape:
    """The shape without the width of its elements in memory: XLA's literals never pack them."""
    at = shape.layout
    return shape.with_layout(replace(at, element_bits=0)) if at is not None and at.element_bits else shape


def _stored(physical: Array, element: ElementType) -> Array:
    """Elements as the field takes them."""
    if element.is_complex:
        return physical.view(real_part(element).dtype)
    if element.bits < 8 and element.name != "pred":
        return physical.view(np.uint8) & np.uint8((1 << element.bits) - 1)
    return physical
