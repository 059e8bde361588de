"""Where the fault lies in a constant that does not fit its shape; the reader only knows that there is one."""

from __future__ import annotations

from collections.abc import Callable

from lark import Token

from hlo_tools.ir.shape import Shape
from hlo_tools.text.grammar import tokens
from hlo_tools.text.malformed import Malformed


class Search:
    """A walk along the tokens of one literal, beside its shape.

    check  raises Malformed for a token that is no value of the element type of a shape
    """

    def __init__(self, text: str, check: Callable[[str, Shape], object]) -> None:
        self.tokens = list(tokens("literal", "literal", text))
        self.check = check
        self.at = 0

    def literal(self, shape: Shape) -> None:
        """Pass the literal of this shape. Raises Malformed at the first thing in it that does not fit."""
        if self._next().type == "ELIDED":
            self.at += 1
        elif shape.is_tuple:
            self._tuple(shape)
        elif shape.is_array:
            self._dense(shape, ())

    def _next(self) -> Token:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def _skip_commas(self) -> None:
        while self._next().type == "COMMA":
            self.at += 1

    def _tuple(self, shape: Shape) -> None:
        opened = self._next()
        if opened.type != "LPAR":
            raise _fault(f"expects a tuple of {len(shape.elements)} values", opened)
        self.at += 1
        for i, element in enumerate(shape.elements):
            if self._next().type == "RPAR":
                raise _fault(f"expects {len(shape.elements)} values in the tuple, but sees {i}", self._next())
            self.literal(element)
            self._skip_commas()
        if self._next().type != "RPAR":
            raise _fault(f"expects {len(shape.elements)} values in the tuple, but sees more", self._next())
        self.at += 1

    def _dense(self, shape: Shape, place: tuple[int, ...]) -> None:
        """The part of an array at `place`."""
        first = self._next()
        if len(place) == shape.rank:
            if first.type in ("OPEN", "LPAR"):
                raise _fault(f"expects a value, since {shape.bare} has {shape.rank} dimensions", first)
            self._check(first, shape)
            self.at += 1
            return
        if first.type != "OPEN":
            raise _fault(f"expects '{{', since {shape.bare} has {shape.rank} dimensions", first)
        self.at += 1
        self._skip_commas()
        count, size = 0, shape.dims[len(place)]
        while self._next().type != "CLOSE":
            if count == size:
                raise _fault(_expected(size, place, "more"), self._next())
            self._dense(shape, (*place, count))
            count += 1
            self._skip_commas()
        if count < size:
            raise _fault(_expected(size, place, str(count)), self._next())
        self.at += 1

    def _check(self, token: Token, shape: Shape) -> None:
        try:
            self.check("".join(str(token).split()), shape)
        except Malformed as e:
            message = f"{token} is no value of type {shape.element}" if e.code == "HLO1014" else e.message
            raise _fault(message, token, "HLO1015") from None


def _expected(size: int, place: tuple[int, ...], seen: str) -> str:
    where = f"the [{','.join(map(str, place))}]th element" if place else "the array"
    return f"expects {size} element{'s' * (size != 1)} in {where}, but sees {seen}"


def _fault(message: str, token: Token, code: str = "HLO1014") -> Malformed:
    return Malformed(message, token.start_pos or 0, token.end_pos, code)
