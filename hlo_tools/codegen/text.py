"""Kernels as text: deterministic, for dumps and for telling equal kernels from different ones."""

from __future__ import annotations

from collections.abc import Iterator

from hlo_tools.codegen.index import Dynamic, Index, Quotient, Remainder
from hlo_tools.codegen.kernel import (
    Accumulate,
    Alloc,
    Barrier,
    Buffer,
    Expr,
    For,
    If,
    Kernel,
    Scatter,
    Set,
    Stmt,
    Store,
    While,
)


def to_text(kernel: Kernel) -> str:
    """The name on the first line, then parameters and statements; equal apart from that line for equal kernels.

    An expression that is used more than once in a statement gets a name (`%0`) in front of it.
    """
    writer = _Writer()
    lines = [f"kernel {kernel.name}"]
    for buffer in kernel.params:
        scratch = " scratch" if buffer in kernel.scratch else ""
        lines.append(f"  {buffer.role.value}{scratch} {_declared(buffer)}")
    lines.extend(writer.body(kernel.body, "  "))
    return "\n".join(lines) + "\n"


def _declared(buffer: Buffer) -> str:
    return f"{buffer.name}: {buffer.element.name}[{buffer.size}] {buffer.space.value} align {buffer.align}"


class _Writer:
    def __init__(self) -> None:
        self.temporaries = 0

    def body(self, body: tuple[Stmt, ...], indent: str) -> Iterator[str]:
        for stmt in body:
            yield from self.stmt(stmt, indent)

    def stmt(self, stmt: Stmt, indent: str) -> Iterator[str]:
        if isinstance(stmt, For):
            yield from self.loop(stmt, indent)
        elif isinstance(stmt, If):
            lines, (condition,) = self.exprs(indent, stmt.condition)
            yield from lines
            yield f"{indent}if {condition} {{"
            yield from self.body(stmt.then, indent + "  ")
            if stmt.otherwise:
                yield f"{indent}}} else {{"
                yield from self.body(stmt.otherwise, indent + "  ")
            yield f"{indent}}}"
        elif isinstance(stmt, While):
            yield f"{indent}while {{"
            lines, (condition,) = self.exprs(indent + "  ", stmt.condition)
            yield from lines
            yield f"{indent}}} {condition} {{"
            yield from self.body(stmt.body, indent + "  ")
            yield f"{indent}}}"
        else:
            yield from self.simple(stmt, indent)

    def loop(self, stmt: For, indent: str) -> Iterator[str]:
        names: dict[int, str] = {}
        lines: list[str] = []
        begin, end = (self.index(i, names, lines, indent) for i in (stmt.begin, stmt.end))
        yield from lines
        step = "" if stmt.step == 1 else f" step {stmt.step}"
        yield f"{indent}for {stmt.var} = {begin} to {end}{step} {stmt.axis.value} {{"
        yield from self.body(stmt.body, indent + "  ")
        yield f"{indent}}}"

    def simple(self, stmt: Stmt, indent: str) -> Iterator[str]:
        if isinstance(stmt, Alloc):
            yield f"{indent}alloc {_declared(stmt.buffer)}"
        elif isinstance(stmt, Barrier):
            yield f"{indent}barrier"
        elif isinstance(stmt, (Set, Accumulate)):
            lines, (value,) = self.exprs(indent, stmt.value)
            yield from lines
            how = "=" if isinstance(stmt, Set) else f"{stmt.monoid}="
            yield f"{indent}{stmt.cell}: {stmt.cell.type} {how} {value}"
        elif isinstance(stmt, (Store, Scatter)):
            names: dict[int, str] = {}
            lines = []
            masks = () if stmt.mask is None else (stmt.mask,)
            if isinstance(stmt, Store):
                value, *mask = self.values(indent, names, lines, stmt.value, *masks)
                place = f"{stmt.buffer}[{self.index(stmt.index, names, lines, indent)}]"
            else:
                value, offsets, *mask = self.values(indent, names, lines, stmt.value, stmt.offsets, *masks)
                place = f"{stmt.buffer}[lanes {offsets}]"
            yield from lines
            yield f"{indent}{place} = {value}" + (f" where {mask[0]}" if mask else "")

    # ---- expressions

    def exprs(self, indent: str, *roots: Expr) -> tuple[list[str], list[str]]:
        lines: list[str] = []
        return lines, self.values(indent, {}, lines, *roots)

    def values(self, indent: str, names: dict[int, str], lines: list[str], *roots: Expr) -> list[str]:
        """The text of each root; lines for shared parts are appended to `lines`."""
        uses = _uses(roots)
        for root in roots:
            stack = [root]
            while stack:
                e = stack[-1]
                todo = [c for c in e.children if id(c) not in names]
                if id(e) in names:
                    stack.pop()
                elif todo:
                    stack.extend(todo)
                else:
                    stack.pop()
                    text = self.one(e, names, lines, indent)
                    if (uses.get(id(e), 0) > 1 and e.args) or len(text) > 100:
                        name = f"%{self.temporaries}"
                        self.temporaries += 1
                        lines.append(f"{indent}{name} = {text}")
                        text = name
                    names[id(e)] = text
        return [names[id(r)] for r in roots]

    def one(self, e: Expr, names: dict[int, str], lines: list[str], indent: str) -> str:
        args = [names[id(a)] for a in e.args]
        if e.op == "const":
            return f"{e.attr!r}:{e.type}"
        if e.op == "index":
            return f"({self.index(e.attr, names, lines, indent)})"
        if e.op == "cell":
            return repr(e.attr)
        if e.op == "load":
            lanes = "" if e.type.lanes == 1 else f":{e.type}"
            mask = f" where {args[0]}" if args else ""
            return f"{e.attr.buffer}[{self.index(e.attr.index, names, lines, indent)}{mask}]{lanes}"
        if e.attr is not None:
            args.append(str(e.attr))
        return f"{e.op}.{e.type}({', '.join(args)})"

    def index(self, index: Index, names: dict[int, str], lines: list[str], indent: str) -> str:
        parts: list[str] = []
        for atom, c in index.terms:
            if isinstance(atom, Dynamic):
                if id(atom.expr) not in names:
                    self.values(indent, names, lines, atom.expr)
                text = f"[{names[id(atom.expr)]} in {atom.low}..{atom.high}]"
            elif isinstance(atom, (Quotient, Remainder)):
                sign = "/" if isinstance(atom, Quotient) else "%"
                text = f"(({self.index(atom.of, names, lines, indent)}) {sign} {atom.by})"
            else:
                text = atom.name
            parts.append(text if c == 1 else f"{c}*{text}")
        if index.const or not parts:
            parts.append(str(index.const))
        return " + ".join(parts)


def _uses(roots: tuple[Expr, ...]) -> dict[int, int]:
    """How often each expression is an operand."""
    uses: dict[int, int] = {}
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        e = stack.pop()
        uses[id(e)] = uses.get(id(e), 0) + 1
        if id(e) not in seen:
            seen.add(id(e))
            stack.extend(e.children)
    return uses
