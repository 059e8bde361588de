"""Shapes, interned: two equal shapes are the same object, so `is` compares them.

Source: `ShapeProto` in XLA's `xla_data.proto`; the text form is that of `ShapeUtil::HumanStringWithLayout`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import prod
from weakref import WeakValueDictionary

from hlo_tools.ir.element import BUFFER, OPAQUE, TOKEN, TUPLE, ElementType
from hlo_tools.ir.layout import Layout, is_plain, row_major

UNBOUNDED = -1
"""Size of a dimension of which not even a bound is known (`?`)."""


class Shape:
    """The type of a value: an array, a tuple, a token, an opaque object or a buffer.

    element   the primitive type; `tuple`, `token`, `opaque`, `b` where it is not an array
    dims      sizes (bounds of dynamic dimensions, UNBOUNDED for `?`); () for a non-array
    dynamic   for each dimension whether its size is only known at run time; () when all are static
    layout    the physical order, or None when none is given
    elements  the shapes inside a tuple, or the one inside a buffer
    bare      the same shape without any layout (itself when it has none)
    text      the HLO text, with the layout
    """

    __slots__ = ("__weakref__", "bare", "dims", "dynamic", "element", "elements", "layout", "text")
    element: ElementType
    dims: tuple[int, ...]
    dynamic: tuple[bool, ...]
    layout: Layout | None
    elements: tuple[Shape, ...]
    bare: Shape
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __reduce__(self) -> str:
        raise TypeError("shapes are interned and cannot be pickled")

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.dims)

    @property
    def size(self) -> int:
        """Number of elements of an array (at its bounds)."""
        return prod(self.dims)

    @property
    def bytes(self) -> int:
        """Bytes of an array in a dense buffer; of a tuple, the sum over its arrays."""
        if self.is_tuple:
            return sum(s.bytes for s in self.elements)
        return self.size * self.element.bytes if self.is_array else 0

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        return self.element.is_array

    @property
    def is_tuple(self) -> bool:
        """Whether it is a tuple."""
        return self.element is TUPLE

    @property
    def is_token(self) -> bool:
        """Whether it is a token."""
        return self.element is TOKEN

    @property
    def is_static(self) -> bool:
        """Whether all sizes are known."""
        return not self.dynamic and all(s.is_static for s in self.elements)

    @property
    def order(self) -> tuple[int, ...]:
        """Dimensions from the slowest to the fastest, by the layout or row-major without one."""
        return tuple(range(len(self.dims))) if self.layout is None else self.layout.major_to_minor

    def with_layout(self, at: Layout | None) -> Shape:
        """The same array with another layout, or none."""
        return array(self.element, self.dims, at, self.dynamic)

    def with_element(self, element: ElementType) -> Shape:
        """The same dimensions and layout with another element type."""
        return array(element, self.dims, self.layout, self.dynamic)

    def leaves(self) -> Iterator[tuple[tuple[int, ...], Shape]]:
        """Each non-tuple shape inside with its index path, depth first."""
        stack: list[tuple[tuple[int, ...], Shape]] = [((), self)]
        while stack:
            path, shape = stack.pop()
            if shape.is_tuple:
                stack.extend(((*path, i), s) for i, s in reversed(list(enumerate(shape.elements))))
            else:
                yield path, shape

    def at(self, path: tuple[int, ...]) -> Shape:
        """The shape at an index path."""
        shape = self
        for i in path:
            shape = shape.elements[i]
        return shape


_Key = tuple[ElementType, tuple[int, ...], Layout | None, tuple[bool, ...], tuple[Shape, ...]]
_INTERNED: WeakValueDictionary[_Key, Shape] = WeakValueDictionary()


def _intern(key: _Key) -> Shape:
    found = _INTERNED.get(key)
    if found is not None:
        return found
    shape = object.__new__(Shape)
    shape.element, shape.dims, shape.layout, shape.dynamic, shape.elements = key
    shape.text = _text(shape)
    if shape.layout is not None:
        shape.bare = _intern((shape.element, shape.dims, None, shape.dynamic, ()))
    elif any(s.bare is not s for s in shape.elements):
        shape.bare = _intern((shape.element, (), None, (), tuple(s.bare for s in shape.elements)))
    else:
        shape.bare = shape
    _INTERNED[key] = shape
    return shape


def _text(shape: Shape) -> str:
    if shape.is_tuple:
        return "(" + ", ".join(numbered([s.text for s in shape.elements])) + ")"
    if shape.element is BUFFER:
        return f"b({shape.elements[0].text})"
    dims = shape.dims
    if shape.dynamic:
        sizes = ",".join(
            ("?" if n == UNBOUNDED else f"<={n}") if dynamic else str(n)
            for n, dynamic in zip(dims, shape.dynamic, strict=True)
        )
    else:
        sizes = ",".join(map(str, dims))
    return f"{shape.element.name}[{sizes}]{'' if shape.layout is None else layout_text(shape.layout)}"


def layout_text(at: Layout) -> str:
    """The layout as it follows a shape: nothing for the plain layout of a scalar."""
    text = str(at)
    return "" if text == "{}" else text


def numbered(texts: list[str]) -> list[str]:
    """List items as XLA prints them: each fifth, from the sixth on, is preceded by its index in a comment."""
    return [f"/*index={i}*/{t}" if i and i % 5 == 0 else t for i, t in enumerate(texts)]


def array(
    element: ElementType, dims: tuple[int, ...], at: Layout | None = None, dynamic: tuple[bool, ...] = ()
) -> Shape:
    """The array shape; `dynamic` marks dimensions whose size is only a bound.

    A scalar has but one plain order, so its layout is dropped unless it says more.
    """
    if not dims and at is not None and is_plain(at):
        at = None
    return _intern((element, dims, at, dynamic if any(dynamic) else (), ()))


def tuple_of(elements: tuple[Shape, ...]) -> Shape:
    """The tuple shape."""
    return _intern((TUPLE, (), None, (), elements))


def buffer_of(element: Shape) -> Shape:
    """The buffer shape, `b(f32[4])`."""
    return _intern((BUFFER, (), None, (), (element,)))


TOKEN_SHAPE = _intern((TOKEN, (), None, (), ()))
OPAQUE_SHAPE = _intern((OPAQUE, (), None, (), ()))


def scalar(element: ElementType) -> Shape:
    """The array without dimensions."""
    return array(element, ())


@lru_cache(4096)
def with_default_layout(shape: Shape) -> Shape:
    """The shape with row-major layouts wherever an array has none."""
    if shape.is_tuple:
        return tuple_of(tuple(with_default_layout(s) for s in shape.elements))
    if shape.is_array and shape.layout is None:
        return shape.with_layout(row_major(shape.rank))
    return shape


def in_one_precision(shapes: Sequence[Shape]) -> list[Shape]:
    """The shapes, without layouts, with the widest type of float among them for every float."""
    leaves = [leaf.element for shape in shapes for _, leaf in shape.leaves() if leaf.element.is_float]
    widest = max(leaves, key=lambda element: element.bits, default=None)
    return [_with_floats(shape.bare, widest) for shape in shapes]


def _with_floats(shape: Shape, element: ElementType | None) -> Shape:
    if shape.is_tuple:
        return tuple_of(tuple(_with_floats(s, element) for s in shape.elements))
    return array(element, shape.dims, None, shape.dynamic) if element and shape.element.is_float else shape


def compatible(a: Shape, b: Shape) -> bool:
    """Whether two shapes are equal but for layouts."""
    return a.bare is b.bare
