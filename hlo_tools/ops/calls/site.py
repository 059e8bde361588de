"""What the meaning of a custom-call is told, and the backend configs of callers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import Env
from hlo_tools.ir.shape import Shape

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(array\s*<)|([\w.+\-$]+)|([{}\[\]<>=:,]))')
_TYPED = re.compile(r"[+-]?\d")


@dataclass(frozen=True, slots=True)
class CustomCall:
    """One execution of a custom-call.

    target    the name that is called
    shape     what the call has to return
    operands  the shapes of the operands
    settings  the backend config, where it is a dictionary in MLIR's syntax or JSON: integers, floats, booleans,
              strings, lists, dictionaries
    config    the backend config as it stands in the text
    inst      the instruction
    env       the interpreter; `env.call` runs a computation that the call names
    """

    target: str
    shape: Shape
    operands: tuple[Shape, ...]
    settings: dict[str, Any]
    config: str
    inst: Instruction
    env: Env

    @property
    def leaves(self) -> list[Shape]:
        """The shapes of the arrays to be returned."""
        return [shape for _, shape in self.shape.leaves()]


Meaning = Callable[..., Any]
"""Called with a `CustomCall` and the values of the operands (arrays, tuples); returns an array, a tuple where the
result is one, and `()` for an empty tuple."""


def settings_of(config: str) -> dict[str, Any]:
    """The dictionary in a backend config; empty where it is something else."""
    text = config.strip()
    if text.startswith('"'):
        text = _unquoted(text)
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = _Parser(text).value()
        except (IndexError, ValueError):
            return {}
    return found if isinstance(found, dict) else {}


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


class _Parser:
    """Reads an MLIR attribute: a dictionary, list, `array<i64: 1, 2>`, number with a type, boolean, unit or string."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = [next(filter(None, m)) for m in _TOKEN.findall(text)]
        self.at = 0

    def value(self) -> Any:
        token = self._take()
        if token == "{":
            return dict(self._items("}", self._entry))
        if token == "[":
            return list(self._items("]", self.value))
        if token.startswith("array"):
            self._take()
            self._skip(":")
            return list(self._items(">", self.value))
        if token.startswith('"'):
            return _unquoted(token)
        if token in ("true", "false"):
            return token == "true"
        found: Any = token
        if _TYPED.match(token):
            found = float(token) if set(token) & set(".eE") and not token.startswith("0x") else int(token, 0)
        if self._skip(":"):
            self._take()
        return found

    def _entry(self) -> tuple[str, Any]:
        key = self._take()
        return (_unquoted(key) if key.startswith('"') else key), self.value() if self._skip("=") else True

    def _items(self, end: str, item: Callable[[], Any]) -> list[Any]:
        found = []
        while not self._skip(end):
            found.append(item())
            self._skip(",")
        return found

    def _take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _skip(self, token: str) -> bool:
        if self.tokens[self.at] != token:
            return False
        self.at += 1
        return True
