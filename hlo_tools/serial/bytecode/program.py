"""The operations of a file of bytecode -> a syntax tree."""

from __future__ import annotations

from hlo_tools.serial.bytecode.container import Container
from hlo_tools.serial.bytecode.operations import attribute_names, converted, need_regions
from hlo_tools.serial.bytecode.stream import Damaged, Stream
from hlo_tools.serial.bytecode.values import Values
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo import syntax as s

MAX_DEPTH = 100
"""Regions inside regions."""

_ATTRIBUTES, _RESULTS, _OPERANDS, _SUCCESSORS, _REGIONS, _USE_ORDERS, _PROPERTIES = 1, 2, 4, 8, 16, 32, 64
_IR = 4


class ProgramReader:
    """Reads the section of operations.

    scopes  the values that operations may use: name and type, by number, in each isolated region
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._values = Values(container)
        self._scopes: list[list[tuple[str, str] | None]] = [[]]
        self._next: list[int] = [0]
        self._names = 0
        self._depth = 0

    def program(self) -> s.Program:
        """The program. Raises Damaged."""
        block = self._block(self._container.ir, "")
        return s.Program(block.operations)

    # ---- regions

    def _block(self, stream: Stream, parent: str) -> s.Block:
        header = stream.number()
        arguments = self._arguments(stream) if header & 1 else ()
        if header >> 1 > stream.left:
            stream.fail(f"{header >> 1} operations are announced, and {stream.left} bytes are left")
        return s.Block(arguments, [self._operation(stream, parent) for _ in range(header >> 1)])

    def _arguments(self, stream: Stream) -> tuple[s.Argument, ...]:
        version, found = self._container.version, []
        for _ in range(stream.count()):
            at = stream.at
            flagged = stream.number()
            number = flagged >> 1 if version >= 4 else flagged
            if number >= len(self._container.types):
                raise Damaged(f"there is no type {number}", at)
            type_ = self._values.type_at(number)
            known = version < 4 or flagged & 1
            location = self._values.location(stream) if known else s.UNKNOWN
            found.append(s.Argument(self._define(self._fresh(), type_, stream), type_, location=location))
        if version >= 3 and stream.byte():
            _skip_use_orders(stream, len(found))
        return tuple(found)

    def _region(self, stream: Stream, parent: str) -> s.Region:
        blocks = stream.count()
        if not blocks:
            return s.Region([s.Block((), [])])
        count = stream.number()
        if count > stream.left:
            stream.fail(f"{count} values are announced, and {stream.left} bytes are left")
        scope = self._scopes[-1]
        base = len(scope)
        scope.extend([None] * count)
        self._next.append(base)
        made = [self._block(stream, parent) for _ in range(blocks)]
        self._next.pop()
        del scope[base:]
        return s.Region(made)

    def _regions(self, stream: Stream, name: str) -> tuple[s.Region, ...]:
        flagged = stream.number()
        if self._depth >= MAX_DEPTH:
            stream.fail(f"regions nested deeper than {MAX_DEPTH}")
        self._depth += 1
        isolated = bool(flagged & 1)
        if isolated:
            self._scopes.append([])
        source = stream
        if isolated and self._container.version >= 2:
            kind, source = stream.section()
            if kind != _IR:
                stream.fail("expected the regions of an operation")
        count = flagged >> 1
        if count > source.left:
            source.fail(f"{count} regions are announced, and {source.left} bytes are left")
        made = tuple([self._region(source, name) for _ in range(count)])
        if isolated:
            self._scopes.pop()
        self._depth -= 1
        return made

    # ---- operations

    def _operation(self, stream: Stream, parent: str) -> s.Operation:
        at = stream.at
        name = self._container.operations[stream.index(len(self._container.operations), "operation")]
        mask = stream.byte()
        location = self._values.location(stream)
        given: dict[str, s.Attribute] = {}
        if mask & _ATTRIBUTES:
            found = self._values.attribute(stream)
            given.update(found if isinstance(found, dict) else {})
        if mask & _PROPERTIES:
            given.update(self._properties(stream, name))
        types = stream.many(lambda: self._values.type(stream)) if mask & _RESULTS else []
        operands = [self._use(stream) for _ in range(stream.count())] if mask & _OPERANDS else []
        if mask & _SUCCESSORS:
            stream.fail("a program of StableHLO has no branches between blocks")
        if mask & _USE_ORDERS:
            _skip_use_orders(stream, len(types))
        pack = self._fresh()
        for i, type_ in enumerate(types):
            self._define(pack if len(types) == 1 else f"{pack}#{i}", type_, stream)
        regions = self._regions(stream, name) if mask & _REGIONS else ()
        try:
            own, attributes = converted(name, given, parent, at)
        except Malformed as e:
            raise Damaged(f"{name}: {e.message}", at) from None
        if own == "func.func" and regions and not regions[0].entry.operations:
            regions = ()
        need_regions(name, regions, attributes, at)
        return s.Operation(
            own,
            tuple([n for n, _ in operands]),
            attributes,
            tuple([t for _, t in operands]),
            tuple(types),
            regions,
            ((pack, len(types)),) if types else (),
            location,
        )

    def _properties(self, stream: Stream, name: str) -> dict[str, s.Attribute]:
        blobs = self._container.properties
        blob = blobs[stream.index(len(blobs), "list of properties")]
        inner = Stream(blob.data, blob.at, blob.end)
        if name == "builtin.module":
            return self._optional(inner, ("sym_name", "sym_visibility"))
        found: list[s.Attribute] = []
        while inner.left:
            found.append(self._values.attribute(inner))
        try:
            names = attribute_names(name, len(found))
        except KeyError:
            inner.fail(f"{name} with {len(found)} attributes is not known; is the file newer than this version?")
        return dict(zip(names, found, strict=True))

    def _optional(self, stream: Stream, names: tuple[str, ...]) -> dict[str, s.Attribute]:
        """Attributes that may be missing: a flag in the lowest bit says whether one is there."""
        found: dict[str, s.Attribute] = {}
        for name in names:
            at = stream.at
            flagged = stream.number()
            if flagged & 1:
                if flagged >> 1 >= len(self._container.attributes):
                    raise Damaged(f"there is no attribute {flagged >> 1}", at)
                found[name] = self._values.attribute_at(flagged >> 1)
        return found

    # ---- values

    def _fresh(self) -> str:
        self._names += 1
        return f"%{self._names}"

    def _define(self, name: str, type_: str, stream: Stream) -> str:
        scope, number = self._scopes[-1], self._next[-1]
        if number >= len(scope):
            stream.fail("more values are defined than were announced")
        scope[number] = (name, type_)
        self._next[-1] += 1
        return name

    def _use(self, stream: Stream) -> tuple[str, str]:
        scope = self._scopes[-1]
        found = scope[stream.index(len(scope), "value")]
        if found is None:
            stream.fail("a value is used before it is defined")
        return found


def _skip_use_orders(stream: Stream, values: int) -> None:
    """In which order the uses of values were listed, which means nothing."""
    for _ in range(stream.count() if values != 1 else 1):
        if values != 1:
            stream.number()
        flagged = stream.number()
        for _ in range(flagged >> 1):
            stream.number()
