"""print, then parse, is the identity on values: literals of every type, shapes, layouts, shardings, strings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hlo_tools.ir.attributes import (
    Aliasing,
    ConvDims,
    Dims,
    Metadata,
    OutputOperandAlias,
    Padding,
    PaddingDim,
    SliceDim,
    SliceDims,
    Window,
    WindowDim,
)  # fmt: skip
from hlo_tools.ir.element import ELEMENT_TYPES, ElementType
from hlo_tools.ir.layout import layout
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.shape import OPAQUE_SHAPE, TOKEN_SHAPE, UNBOUNDED, Shape, array, buffer_of, tuple_of
from hlo_tools.ir.sharding import IotaTile, Sharding, ShardingKind
from hlo_tools.text.attributes import metadata_text, parse_metadata
from hlo_tools.text.codecs import codec
from hlo_tools.text.literals import literal_text, parse_literal
from hlo_tools.text.shapes import parse_shape
from hlo_tools.text.shardings import read_sharding, show_sharding
from hlo_tools.text.strings import quote, unquote

ARRAYS = [e for e in ELEMENT_TYPES.values() if e.is_array]
small = st.integers(-5, 20)
count = st.integers(0, 9)


@st.composite
def literals(draw: st.DrawFn, element: ElementType) -> Literal:
    """Any bits of this type, NaNs with payloads among them."""
    dims = draw(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    if element.is_integer and element.bits < 8:
        low, high = (
            (-(1 << element.bits - 1), (1 << element.bits - 1) - 1)
            if element.is_signed
            else (0, (1 << element.bits) - 1)
        )
        value = draw(arrays(np.int8, dims, elements=st.integers(low, high))).astype(element.dtype)
    elif element.name == "pred":
        value = draw(arrays(np.bool_, dims))
    else:
        bits = draw(arrays(np.uint8, (*dims, element.bytes), elements=st.integers(0, (1 << min(element.bits, 8)) - 1)))
        value = np.ascontiguousarray(bits).view(element.dtype).reshape(dims)
    return Literal(array(element, dims), value)


@pytest.mark.parametrize("element", ARRAYS, ids=str)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_literals(element: ElementType, data: st.DataObject) -> None:
    value = data.draw(literals(element))
    assert parse_literal(literal_text(value), value.shape) == value


@pytest.mark.parametrize("name", [e.name for e in ARRAYS if e.bits <= 16 and e.name != "pred"])
def test_all_values_of_narrow_types(name: str) -> None:
    element = ELEMENT_TYPES[name]
    bits = np.arange(1 << element.bits, dtype=f"u{element.bytes}")
    value = bits.astype(element.dtype) if element.is_integer else bits.view(element.dtype)
    literal = Literal(array(element, value.shape), value)
    assert parse_literal(literal_text(literal), literal.shape) == literal


def test_tuples_of_literals() -> None:
    parts = tuple(Literal(array(e, (2,)), np.zeros(2, e.dtype)) for e in ARRAYS)
    nested = Literal(tuple_of((tuple_of(tuple(p.shape for p in parts)), tuple_of(()))),
                     (Literal(tuple_of(tuple(p.shape for p in parts)), parts), Literal(tuple_of(()), ())))  # fmt: skip
    assert parse_literal(literal_text(nested), nested.shape) == nested


@st.composite
def layouts(draw: st.DrawFn, rank: int) -> Any:
    order = tuple(draw(st.permutations(range(rank))))
    tile = st.lists(st.one_of(st.integers(1, 128), st.none()), min_size=1, max_size=3).map(tuple)
    return layout(
        order,
        tiles=tuple(draw(st.lists(tile, max_size=2))),
        tail_padding_alignment=draw(st.sampled_from([1, 1, 1024])),
        index_type=draw(st.sampled_from(["", "u32"])),
        element_bits=draw(st.sampled_from([0, 0, 4])),
        memory_space=draw(count),
        metadata_prefix_bytes=draw(st.sampled_from([0, 0, 16])),
    )


@st.composite
def array_types(draw: st.DrawFn) -> Shape:
    dims = tuple(draw(st.lists(st.integers(0, 1000), max_size=4)))
    dynamic = tuple(draw(st.booleans()) for _ in dims) if draw(st.booleans()) else ()
    sizes = tuple(UNBOUNDED if d and n == 0 else n for n, d in zip(dims, dynamic, strict=True)) if dynamic else dims
    at = draw(st.one_of(st.none(), layouts(len(dims))))
    return array(draw(st.sampled_from(ARRAYS)), sizes, at, dynamic)


leaves = st.one_of(array_types(), st.sampled_from([TOKEN_SHAPE, OPAQUE_SHAPE]), array_types().map(buffer_of))
shapes = st.recursive(leaves, lambda s: st.lists(s, max_size=7).map(lambda x: tuple_of(tuple(x))), max_leaves=12)


@settings(deadline=None)
@given(shapes)
def test_shapes(shape: Shape) -> None:
    assert parse_shape(shape.text) is shape
    assert parse_shape(shape.text.replace(",", " , ").replace("(", "( ").replace("{", "{ ")) is shape


@st.composite
def shardings(draw: st.DrawFn) -> Sharding:
    kind = draw(st.sampled_from([k for k in ShardingKind if k not in (ShardingKind.NAMED, ShardingKind.TUPLE)]))
    group = draw(st.one_of(st.none(), st.tuples(st.sampled_from(["shard_as", "shard_like"]), count)))
    metadata = draw(st.sampled_from(["", 'op_name="a"', '{op_name="a"}, {op_name="b"}']))
    if kind is ShardingKind.MAXIMAL:
        return Sharding(kind, devices=(draw(count),), metadata=metadata)
    if kind is not ShardingKind.TILED:
        return Sharding(kind, group=group, metadata=metadata)
    tiles = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    total = int(np.prod(tiles))
    iota = IotaTile((total,)) if draw(st.booleans()) else IotaTile((1, total), (1, 0))
    devices = draw(st.sampled_from([tuple(range(total)), iota]))
    last = draw(st.lists(st.sampled_from([ShardingKind.REPLICATED, ShardingKind.MANUAL]), max_size=2))
    return Sharding(kind, tiles, devices, draw(st.booleans()), tuple(last), group, metadata)


@settings(deadline=None)
@given(
    st.one_of(
        shardings(), st.lists(shardings(), max_size=7).map(lambda x: Sharding(ShardingKind.TUPLE, elements=tuple(x)))
    )
)
def test_shardings(sharding: Sharding) -> None:
    assert read_sharding(show_sharding(sharding)) == sharding
    text = show_sharding(sharding)
    if "metadata" not in text:
        assert codec(Sharding).parse(text.replace("{", "{ ").replace(",", " , "), None) == sharding  # type: ignore[arg-type]


@given(st.text())
def test_strings(value: str) -> None:
    assert unquote(quote(value)) == value
    assert quote(value).isascii()


@given(st.binary())
def test_strings_that_are_not_utf8(value: bytes) -> None:
    text = value.decode("utf-8", "surrogateescape")
    assert unquote(quote(text)) == text


metadata = st.builds(
    Metadata,
    op_type=st.text(),
    op_name=st.text(),
    source_file=st.text(),
    source_line=count,
    source_end_column=count,
    profile_type=st.lists(count, max_size=2).map(tuple),
    stack_frame_id=count,
)


@given(metadata)
def test_metadata(value: Metadata) -> None:
    assert parse_metadata(metadata_text(value)) == value


def dims_of(numbers: Any) -> Any:
    return st.lists(numbers, max_size=4).map(tuple)


conv_dims = st.integers(0, 3).flatmap(
    lambda n: st.tuples(*[st.permutations(range(n + 2))] * 3).map(
        lambda p: ConvDims(*[x for part in p for x in (part[0], part[1], tuple(part[2:]))])
    )
)
VALUES = [
    (Dims, dims_of(small)),
    (SliceDims, dims_of(st.builds(SliceDim, count, count, st.integers(1, 3)))),
    (Padding, st.lists(st.builds(PaddingDim, small, small, count), min_size=1, max_size=4).map(tuple)),
    (Window, dims_of(st.builds(WindowDim, count, count, small, small, count, count, st.booleans()))),
    (Aliasing, dims_of(st.builds(OutputOperandAlias, dims_of(count), count, dims_of(count)))),
    (ConvDims, conv_dims),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (str, st.text()),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[str(k) for k, _ in VALUES])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_attributes(kind: Any, values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    value = data.draw(values)
    found = codec(kind)
    text = found.show(value, None)  # type: ignore[arg-type]
    assert found.parse(text, None) == value  # type: ignore[arg-type]
