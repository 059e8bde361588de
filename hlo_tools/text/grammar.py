"""The Lark grammars of HLO text, and the two ways in which readers use them.

The readers of this package recognise what XLA prints with regular expressions. Whatever they do not recognise goes
through the grammar, which decides whether it is HLO and, if it is not, where the fault lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, TextSlice, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from hlo_tools.text.malformed import Malformed

MAX_TOKENS = 50_000
"""Tokens that one statement or attribute may have where the grammar has to read it."""
MAX_DEPTH = 1000
"""Height of the parser's stack: three or four entries for each level of nesting."""

_STARTS = {
    "hlo": ["module", "header", "table", "head", "tail", "instruction", "nameless"],
    "attributes": [
        "integer", "number", "boolean", "string", "word", "words", "dims", "flags", "path", "callee", "callees",
        "slices", "padding", "window", "conv_dims", "input_output_alias", "buffer_donor", "aliasing", "shape",
        "entry_layout", "shapes", "sharding", "metadata", "frontend_attributes", "result_accuracy",
        "json",
    ],
    "literal": ["literal"],
}  # fmt: skip
_WORDY = re.compile(r"[\w\"'}]")


@cache
def grammar(name: str) -> Lark:
    """The parser of `NAME.lark`."""
    text = files("hlo_grammar").joinpath(f"{name}.lark").read_text(encoding="utf-8")
    whole = name != "hlo"
    return Lark(text, parser="lalr", start=_STARTS[name], keep_all_tokens=whole, propagate_positions=not whole)


def canonical(name: str, start: str, text: str) -> str:
    """`text`, which must be a sentence of rule `start`, without comments and needless blanks. Raises Malformed."""
    parts: list[str] = []
    for token in tokens(name, start, text):
        if parts and _WORDY.match(parts[-1][-1]) and (token[0].isalnum() or token[0] == "_"):
            parts.append(" ")
        parts.append(str(token))
    return "".join(parts)


def tokens(name: str, start: str, text: str) -> Iterator[Token]:
    """The tokens of `text`, which must be a sentence of rule `start`. Raises Malformed."""
    return _tokens(grammar(name).parse_interactive(text, start=start))


def statement(text: str, at: int, start: str) -> tuple[Tree[Any], int]:
    """The sentence of rule `start` of hlo.lark that begins at `at`: its tree and where it ends.

    It ends before the first token that cannot continue it. Raises Malformed, with offsets into `text`.
    """
    parser: Any = grammar("hlo").parse_interactive(TextSlice(text, at, len(text)), start=start)
    last: Token | None = None
    fault: Malformed | None = None
    try:
        for token in _tokens(parser, finish=False):
            last = token
    except Malformed as e:
        fault = e
    state = parser.parser_state
    try:
        # the token that did not fit may have completed the sentence already
        done = state.state_stack[-1] == state.parse_conf.end_state
        tree: Tree[Any] = state.value_stack[-1] if done else parser.feed_eof(last)
    except UnexpectedInput as e:
        raise fault or _unclosed(parser) or _explain(parser, e, len(text)) from None
    assert last is not None and last.end_pos is not None
    return tree, last.end_pos


def _tokens(parser: Any, finish: bool = True) -> Iterator[Token]:
    """Feed the parser and yield each token that it took."""
    count = 0
    text_end = len(parser.lexer_thread.state.text.text)
    last = None
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            parser.feed_token(token)
            last = token
            count += 1
            if count > MAX_TOKENS:
                raise Malformed(f"more than {MAX_TOKENS} tokens", token.start_pos, code="HLO1006")
            if len(parser.parser_state.state_stack) > MAX_DEPTH:
                raise Malformed("nested too deeply", token.start_pos, code="HLO1006")
            yield token
        if finish:
            parser.feed_eof(last)
    except UnexpectedInput as e:
        raise _explain(parser, e, text_end, value=finish) from None


def _unclosed(parser: Any) -> Malformed | None:
    """What is to be said where the text ends with a brace open: the outermost one."""
    for item in parser.parser_state.value_stack:
        if isinstance(item, Token) and item.type == "OPEN":
            return Malformed("this brace is not closed", item.start_pos or 0, item.end_pos, "HLO1004")
    return None


def _explain(parser: Any, error: UnexpectedInput, text_end: int, value: bool = False) -> Malformed:
    token: Any = getattr(error, "token", None)
    expected = _expected(parser)
    at: Any = error.pos_in_stream
    if token is not None and token.type == "$END":
        what, code = ("value", "HLO1002") if value else ("text", "HLO1003")
        return Malformed(f"expected {expected}, but the {what} ends here", text_end, code=code)
    if isinstance(error, UnexpectedCharacters) or token is None:
        at = text_end if at is None else at
        return Malformed(f"expected {expected}", at, at + 1, "HLO1002")
    return Malformed(f"expected {expected}, found '{_short(str(token))}'", token.start_pos, token.end_pos, "HLO1002")


def _short(text: str) -> str:
    text = text.strip()
    line = text.partition("\n")[0].rstrip()
    return line if line == text and len(text) <= 40 else line[:37] + "..."


def _expected(parser: Any) -> str:
    names: list[str] = sorted({_NAMES.get(t, t.lower()) for t in parser.choices() if t.isupper() or t == "$END"})
    if not names or len(names) > 6:
        return "something else"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


_NAMES: dict[str, str] = {
    "$END": "the end", "LPAR": "'('", "RPAR": "')'", "COMMA": "','", "EQUAL": "'='", "OPEN": "'{'",
    "CLOSE": "'}'", "LSQUARE": "'['", "RSQUARE": "']'", "__ANON_0": "'->'", "ARROW": "'->'", "NAME": "a name",
    "ARRAY": "a shape", "ELEMENT": "an element type", "INT": "a number", "STRING": "a string", "WORD": "a word",
    "TEXT": "text", "ANGLED": "a device list", "MESH": "a mesh", "HLOMODULE": "'HloModule'", "B": "a buffer shape",
    "RAW": "text", "RAW_STRING": "a string", "RAW_KEY": "a name", "COLON": "':'",
    "BUFFER": "a buffer shape", "PATH": "an element index", "LBRACE": "'{'", "RBRACE": "'}'",
}  # fmt: skip
"""What a person calls the terminals."""
