"""Kernels to LLVM IR text.

`lower` gives the text of one function; `module` joins functions and the helpers that they call into a module. Text
and LLVM's own parser are several times faster than building LLVM values one by one from Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hlo_backends.llvm.dialect import Dialect
from hlo_backends.llvm.function import Text
from hlo_backends.llvm.helpers import HELPERS
from hlo_backends.llvm.printers import PRINTERS
from hlo_backends.llvm.types import scalar, spelled, storage, stored, suffix, vector
from hlo_tools.codegen.conversions import expand_conversions
from hlo_tools.codegen.index import Atom, Dynamic, Index, Quotient, Var
from hlo_tools.codegen.index import constant as index_constant
from hlo_tools.codegen.kernel import (
    Accumulate,
    Alloc,
    Axis,
    Barrier,
    Buffer,
    Cell,
    Expr,
    For,
    If,
    Kernel,
    Role,
    Scatter,
    Set,
    Space,
    Stmt,
    Store,
    Type,
    While,
    bottom_up,
    roots,
    statements,
)
from hlo_tools.ir.element import F16, F32, PRED, ElementType

DEFAULT = Dialect()


def lower(kernel: Kernel, dialect: Dialect = DEFAULT) -> str:
    """The LLVM function of a kernel: one pointer per parameter, then what the dialect adds.

    On CPUs the function takes `%begin` and `%end`: the iterations of the THREADS loop to run, counted from 0.
    Kernels without such a loop ignore them.
    """
    return Lowering(expand_conversions(kernel, _native(kernel, dialect)), dialect).function()


def _native(kernel: Kernel, dialect: Dialect) -> frozenset[ElementType]:
    """The small floats that hardware converts in one rounding: f16, unless something other than f32 becomes it."""
    if not dialect.half:
        return frozenset()
    found = (e for stmt in statements(kernel.body) for root in roots(stmt) for e in root.walk())
    twice = any(e.op == "convert" and e.type.element is F16 and e.args[0].type.element is not F32 for e in found)
    return frozenset() if twice else frozenset({F16})


def module(functions: Iterable[str], triple: str = "", layout: str = "") -> str:
    """A module of these functions, with the helpers that they call."""
    body = "\n".join(functions)
    head = (f'target triple = "{triple}"\n' if triple else "") + (f'target datalayout = "{layout}"\n' if layout else "")
    used = [text for name, text in HELPERS.items() if f"@hlo_{name}(" in body]
    return head + "\n".join([*used, body])


class Lowering:
    """The state of one function: values by variable and cell, and the text so far."""

    def __init__(self, kernel: Kernel, dialect: Dialect) -> None:
        self.kernel = kernel
        self.dialect = dialect
        self.text = Text()
        self.vars: dict[Var, str] = {}
        self.unrolled: dict[Var, Index] = {}
        self.cells: dict[Cell, str] = {}
        self.buffers: dict[Buffer, str] = {b: f"%p{i}" for i, b in enumerate(kernel.params)}
        self.memo: dict[int, str] = {}
        self.allocas: list[str] = []
        self.globals: list[str] = []

    def function(self) -> str:
        """The whole function."""
        self.statements(self.kernel.body)
        self.text.line("ret void")
        params = ", ".join([*map(self._parameter, self.kernel.params), *self.dialect.parameters])
        lines = self.text.close()
        head = f'{self.dialect.define} @"{self.kernel.name}"({params}) {self.dialect.attributes} {{\nentry:'
        return "\n".join([*self.globals, head, *self.allocas, *lines, "}\n"])

    def _parameter(self, buffer: Buffer) -> str:
        access = " readonly" if buffer.role is Role.INPUT else ""
        return f"{self.dialect.pointer_type(buffer.space)} {self.dialect.pointer}{access} {self.buffers[buffer]}"

    # ---- expressions

    def value(self, root: Expr) -> str:
        """The operand that holds an expression. Expressions may be deep: no recursion."""
        self.memo = {}
        self._evaluate(root, self.memo)
        return self.memo[id(root)]

    def _evaluate(self, root: Expr, memo: dict[int, str]) -> None:
        for e in bottom_up(root, memo):
            memo[id(e)] = PRINTERS[e.op](self, e, [memo[id(a)] for a in e.args])

    def indexed(self, at: Index) -> Index:
        """An index of a statement, ready for `index` and `pointer`: its run-time parts are evaluated."""
        self.memo = {}
        stack = [at]
        while stack:
            for atom, _ in stack.pop().terms:
                if isinstance(atom, Dynamic):
                    self._evaluate(atom.expr, self.memo)
                elif not isinstance(atom, Var):
                    stack.append(atom.of)
        return at

    def index(self, at: Index) -> str:
        """An index as an i64; its run-time parts are in `memo`."""
        const, groups = self._by_depth(at)
        total = ""
        for group in groups:
            part = self._sum(group)
            total = self.text.address(f"add nsw i64 {total}, {part}", (total, part)) if total else part
        if not total:
            return str(const)
        return self.text.address(f"add nsw i64 {total}, {const}", (total,)) if const else total

    def pointer(self, buffer: Buffer, at: Index) -> str:
        """The address of an element; parts that outer loops fix are added there."""
        const, groups = self._by_depth(at)
        place, kind, unit = (
            self.buffers[buffer],
            self.dialect.pointer_type(buffer.space),
            storage(buffer.element),
        )
        for group in groups:
            part = self._sum(group)
            place = self.text.address(f"getelementptr {unit}, {kind} {place}, i64 {part}", (place, part))
        if const:
            place = self.text.address(f"getelementptr {unit}, {kind} {place}, i64 {const}", (place,))
        return place

    def _by_depth(self, at: Index) -> tuple[int, list[list[tuple[str, int]]]]:
        """The constant, and (operand, factor) terms grouped by the loop that makes them vary, outer loops first."""
        if self.unrolled:
            at = at.substitute(self.unrolled)
        groups: dict[int, list[tuple[str, int]]] = {}
        for atom, factor in at.terms:
            name = self._atom(atom)
            groups.setdefault(self.text.depth.get(name, 0), []).append((name, factor))
        return at.const, [groups[d] for d in sorted(groups)]

    def _sum(self, group: list[tuple[str, int]]) -> str:
        total = ""
        for name, factor in sorted(group):
            part = name if factor == 1 else self.text.address(f"mul nsw i64 {name}, {factor}", (name,))
            total = self.text.address(f"add nsw i64 {total}, {part}", (total, part)) if total else part
        return total

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Var):
            return self.vars[atom]
        if isinstance(atom, Dynamic):
            return self.memo[id(atom.expr)]
        of, by = self.index(atom.of), atom.by
        quotient, remainder = ("udiv", "urem") if atom.of.low >= 0 else ("sdiv", "srem")
        if quotient == "sdiv":
            sign = self.text.address(f"ashr i64 {of}, 63", (of,))
            down = self.text.address(f"and i64 {sign}, {by - 1}", (sign,))
            below = self.text.address(f"sub nsw i64 {of}, {down}", (of, down))
            floor = self.text.address(f"sdiv i64 {below}, {by}", (below,))
            if isinstance(atom, Quotient):
                return floor
            whole = self.text.address(f"mul nsw i64 {floor}, {by}", (floor,))
            return self.text.address(f"sub nsw i64 {of}, {whole}", (of, whole))
        return self.text.address(f"{quotient if isinstance(atom, Quotient) else remainder} i64 {of}, {by}", (of,))

    # ---- for the printers

    def splat(self, x: str, type: Type) -> str:
        """A scalar in every lane."""
        t, one = spelled(type), scalar(type.element)
        first = self.text.pure(f"insertelement {t} poison, {one} {x}, i32 0", (x,))
        zeros = f"<{type.lanes} x i32> zeroinitializer"
        return self.text.pure(f"shufflevector {t} {first}, {t} poison, {zeros}", (first,))

    def pointers(self, buffer: Buffer, offsets: str, of: Type) -> tuple[str, str]:
        """A vector of addresses, and its type."""
        kind = self.dialect.pointer_type(buffer.space)
        base = self.buffers[buffer]
        rhs = f"getelementptr {storage(buffer.element)}, {kind} {base}, {spelled(of)} {offsets}"
        return self.text.pure(rhs, (base, offsets)), vector(kind, of.lanes)

    def raw_suffix(self, type: Type) -> str:
        """The stored form of a type as part of an intrinsic's name."""
        if spelled(type) == stored(type):
            return suffix(type)
        return f"v{type.lanes}{storage(type.element)}"

    def lane_suffix(self, type: Type) -> str:
        """The suffix of the stored form of a scalar, as a vector of one lane."""
        return f"v1{self.raw_suffix(type)}" if spelled(type) == stored(type) else self.raw_suffix(type)

    def from_storage(self, raw: str, type: Type) -> str:
        """What was loaded, as a value."""
        if spelled(type) == stored(type):
            return raw
        if type.element is PRED:
            zero = "0" if type.lanes == 1 else "zeroinitializer"
            return self.text.pure(f"icmp ne {stored(type)} {raw}, {zero}", (raw,))
        return self.text.pure(f"trunc {stored(type)} {raw} to {spelled(type)}", (raw,))

    def to_storage(self, value: str, type: Type) -> str:
        """A value, as it is stored."""
        if spelled(type) == stored(type):
            return value
        return self.text.pure(f"zext {spelled(type)} {value} to {stored(type)}", (value,))

    def combine(self, monoid: str, type: Type, x: str, y: str) -> str:
        """The combination of two values by a monoid; minima and maxima keep NaN."""
        t, pure = spelled(type), self.text.pure
        if monoid not in ("min", "max"):
            float_name = type.element.is_float and monoid in ("add", "mul")
            return pure(f"{'f' if float_name else ''}{monoid} {t} {x}, {y}", (x, y))
        if not type.element.is_float:
            name = f"{'s' if type.element.is_signed else 'u'}{monoid}"
            return pure(f"call {t} @llvm.{name}.{suffix(type)}({t} {x}, {t} {y})", (x, y))
        if self.dialect.minimum:
            return pure(f"call {t} @llvm.{monoid}imum.{suffix(type)}({t} {x}, {t} {y})", (x, y))
        # The first selection gives x when either is NaN, as the x86 instruction with its operands swapped does.
        bits = vector("i1", type.lanes)
        better = pure(f"fcmp {'olt' if monoid == 'min' else 'ogt'} {t} {y}, {x}", (x, y))
        best = pure(f"select {bits} {better}, {t} {y}, {t} {x}", (better, x, y))
        lost = pure(f"fcmp uno {t} {y}, {y}", (y,))
        return pure(f"select {bits} {lost}, {t} {y}, {t} {best}", (lost, best, y))

    def lanewise(self, helper: str, type: Type, args: Iterable[str]) -> str:
        """A call of one of our helpers for each lane."""
        one, given = scalar(type.element), list(args)
        if type.lanes == 1:
            return self._call(helper, one, given)
        t, whole = spelled(type), "poison"
        for lane in range(type.lanes):
            parts = [self.text.pure(f"extractelement {t} {a}, i32 {lane}", (a,)) for a in given]
            part = self._call(helper, one, parts)
            whole = self.text.pure(f"insertelement {t} {whole}, {one} {part}, i32 {lane}", (whole, part))
        return whole

    def _call(self, helper: str, type: str, args: list[str]) -> str:
        given = ", ".join(f"{type} {a}" for a in args)
        return self.text.pure(f"call {type} @hlo_{helper}_{type}({given})", args)

    # ---- statements

    def statements(self, body: tuple[Stmt, ...]) -> None:
        """All statements of a body, in order."""
        for stmt in body:
            _STATEMENTS[type(stmt)](self, stmt)

    def _for(self, loop: For) -> None:
        if loop.axis is Axis.UNROLL:
            self._unroll(loop)
        elif loop.axis in self.dialect.special:
            number = self.text.address(f"call i32 {self.dialect.special[loop.axis]}()", ())
            wide = self.text.address(f"zext i32 {number} to i64", (number,))
            self.vars[loop.var] = self._nth(loop, wide)
            self.statements(loop.body)
        elif loop.axis is Axis.THREADS:
            self._maybe_loop(loop, self._nth(loop, "%begin"), self._nth(loop, "%end"))
        else:
            begin, end = self.index(self.indexed(loop.begin)), self.index(self.indexed(loop.end))
            if (loop.end - loop.begin).low > 0:
                self._loop(loop, begin, end)
            else:
                self._maybe_loop(loop, begin, end)

    def _nth(self, loop: For, number: str) -> str:
        """The value of the variable in an iteration."""
        by = f"mul nsw i64 {number}, {loop.step}"
        offset = number if loop.step == 1 else self.text.address(by, (number,))
        begin = self.index(self.indexed(loop.begin))
        return offset if begin == "0" else self.text.address(f"add nsw i64 {offset}, {begin}", (offset, begin))

    def _unroll(self, loop: For) -> None:
        begin, end = loop.begin.substitute(self.unrolled), loop.end.substitute(self.unrolled)
        for value in range(begin.const, end.const, loop.step):
            self.unrolled[loop.var] = index_constant(value)
            self.statements(loop.body)
        del self.unrolled[loop.var]

    def _maybe_loop(self, loop: For, begin: str, end: str) -> None:
        runs = self.text.pure(f"icmp slt i64 {begin}, {end}", (begin, end))
        self._branch(runs, lambda: self._loop(loop, begin, end), lambda: None, maybe=True)

    def _loop(self, loop: For, begin: str, end: str) -> None:
        """A loop that runs at least once; cells that it sets become phis."""
        text = self.text
        stored = written(loop.body)
        carried = [c for c in assigned(loop.body) if c in self.cells]
        before, head, after = text.block, text.label(), text.label()
        text.wrote(stored)
        text.open(stored)
        depth = len(text.scopes) - 1
        var = self.vars[loop.var] = text.fresh(depth)
        entering = {c: self.cells[c] for c in carried}
        for c in carried:
            self.cells[c] = text.fresh(depth)
        names = {c: self.cells[c] for c in carried}
        text.start(head)
        self.statements(loop.body)
        following = text.fresh(depth)
        text.line(f"{following} = add nsw i64 {var}, {loop.step}")
        again = text.fresh(depth)
        text.line(f"{again} = icmp slt i64 {following}, {end}")
        latch = text.block
        text.line(f"br i1 {again}, label %{head}, label %{after}")
        inner = text.close()
        phis = [f"  {var} = phi i64 [ {begin}, %{before} ], [ {following}, %{latch} ]"]
        for c in carried:
            values = f"[ {entering[c]}, %{before} ], [ {self.cells[c]}, %{latch} ]"
            phis.append(f"  {names[c]} = phi {spelled(c.type)} {values}")
        text.line(f"br label %{head}")
        text.splice([inner[0], *phis, *inner[1:]])
        text.start(after)
        text.wrote(stored)
        self._settle(assigned(loop.body))

    def _settle(self, cells: Iterable[Cell]) -> None:
        """Cells that a closed scope set: their values are as deep as where they are used now."""
        here, depth = len(self.text.scopes) - 1, self.text.depth
        for c in cells:
            if depth.get(self.cells[c], 0) > here:
                depth[self.cells[c]] = here

    def _if(self, stmt: If) -> None:
        condition = self.value(stmt.condition)
        self._branch(condition, lambda: self.statements(stmt.then), lambda: self.statements(stmt.otherwise))

    def _branch(
        self, condition: str, then: Callable[[], None], otherwise: Callable[[], None], maybe: bool = False
    ) -> None:
        text = self.text
        yes, no, after = text.label(), text.label(), text.label()
        saved = dict(self.cells)
        arms: list[tuple[str, dict[Cell, str], list[str]]] = []
        epochs = dict(text.epochs)
        entry = text.block
        for label, body in ((yes, then), (no, otherwise)):
            self.cells = dict(saved)
            text.open(frozenset(), branch=not maybe, maybe=maybe)
            text.start(label)
            body()
            arms.append((text.block, self.cells, text.close()))
        text.block = entry
        text.line(f"br i1 {condition}, label %{yes}, label %{no}")
        for _, _, lines in arms:
            text.splice(lines)
            text.line(f"br label %{after}")
        text.start(after)
        text.wrote([b for b, epoch in text.epochs.items() if epochs.get(b) != epoch])
        self.cells = saved
        for c in {**arms[0][1], **arms[1][1]}:
            (block1, cells1, _), (block2, cells2, _) = arms
            x, y = cells1.get(c, "poison"), cells2.get(c, "poison")
            if x != y:
                name = text.fresh(len(text.scopes) - 1)
                text.line(f"{name} = phi {spelled(c.type)} [ {x}, %{block1} ], [ {y}, %{block2} ]")
                saved[c] = name
            else:
                saved[c] = x

    def _while(self, loop: While) -> None:
        text = self.text
        stored = written(loop.body)
        carried = [c for c in assigned(loop.body) if c in self.cells]
        before, head, inside, after = text.block, text.label(), text.label(), text.label()
        text.wrote(stored)
        text.open(stored, maybe=True)
        depth = len(text.scopes) - 1
        entering = {c: self.cells[c] for c in carried}
        for c in carried:
            self.cells[c] = text.fresh(depth)
        names = {c: self.cells[c] for c in carried}
        text.start(head)
        condition = self.value(loop.condition)
        text.line(f"br i1 {condition}, label %{inside}, label %{after}")
        text.start(inside)
        text.open(stored, maybe=True)
        self.statements(loop.body)
        latch = text.block
        text.line(f"br label %{head}")
        text.splice(text.close())
        inner = text.close()
        phis = [
            f"  {names[c]} = phi {spelled(c.type)} [ {entering[c]}, %{before} ], [ {self.cells[c]}, %{latch} ]"
            for c in carried
        ]
        text.line(f"br label %{head}")
        text.splice([inner[0], *phis, *inner[1:]])
        text.start(after)
        text.wrote(stored)
        for c in carried:  # after the loop the condition has just failed: the values of the head hold
            self.cells[c] = names[c]
        self._settle(carried)

    def _store(self, stmt: Store) -> None:
        value = self.to_storage(self.value(stmt.value), stmt.value.type)
        mask = "" if stmt.mask is None else self.value(stmt.mask)
        buffer, raw = stmt.buffer, stored(stmt.value.type)
        pointer = self.pointer(buffer, self.indexed(stmt.index))
        kind, bytes = self.dialect.pointer_type(buffer.space), buffer.element.bytes
        if mask and stmt.value.type.lanes == 1:  # a vector of one lane, of which LLVM makes a branch
            lane = self.text.pure(f"insertelement <1 x i1> poison, i1 {mask}, i32 0", (mask,))
            whole = self.text.pure(f"insertelement <1 x {raw}> poison, {raw} {value}, i32 0", (value,))
            name = f"{self.lane_suffix(stmt.value.type)}.{self.dialect.pointer_suffix(buffer.space)}"
            given = f"<1 x {raw}> {whole}, {kind} {pointer}, i32 {bytes}, <1 x i1> {lane}"
            self.text.line(f"call void @llvm.masked.store.{name}({given})")
        elif mask:
            name = f"{self.raw_suffix(stmt.value.type)}.{self.dialect.pointer_suffix(buffer.space)}"
            lanes = f"{vector('i1', stmt.value.type.lanes)} {mask}"
            given = f"{raw} {value}, {kind} {pointer}, i32 {bytes}, {lanes}"
            self.text.line(f"call void @llvm.masked.store.{name}({given})")
        else:
            self.text.line(f"store {raw} {value}, {kind} {pointer}, align {bytes}")
        self.text.wrote((buffer,))

    def _scatter(self, stmt: Scatter) -> None:
        value = self.to_storage(self.value(stmt.value), stmt.value.type)
        mask = "splat (i1 true)" if stmt.mask is None else self.value(stmt.mask)
        pointers, many = self.pointers(stmt.buffer, self.value(stmt.offsets), stmt.offsets.type)
        lanes, raw = stmt.value.type.lanes, stored(stmt.value.type)
        name = f"{self.raw_suffix(stmt.value.type)}.v{lanes}{self.dialect.pointer_suffix(stmt.buffer.space)}"
        rest = f"i32 {stmt.buffer.element.bytes}, {vector('i1', lanes)} {mask}"
        self.text.line(f"call void @llvm.masked.scatter.{name}({raw} {value}, {many} {pointers}, {rest})")
        self.text.wrote((stmt.buffer,))

    def _set(self, stmt: Set) -> None:
        self.cells[stmt.cell] = self.value(stmt.value)

    def _accumulate(self, stmt: Accumulate) -> None:
        value = self.value(stmt.value)
        self.cells[stmt.cell] = self.combine(stmt.monoid, stmt.cell.type, self.cells[stmt.cell], value)

    def _alloc(self, stmt: Alloc) -> None:
        b = stmt.buffer
        if b.space is Space.SHARED:
            name = self.buffers[b] = f'@"{self.kernel.name}.shared{len(self.globals)}"'
            kind = f"internal addrspace({self.dialect.spaces[b.space]}) global"
            self.globals.append(f"{name} = {kind} [{b.size} x {storage(b.element)}] undef, align {b.align}")
            return
        name = self.buffers[b] = f"%a{len(self.buffers)}"
        self.allocas.append(f"  {name} = alloca [{b.size} x {storage(b.element)}], align {b.align}")

    def _barrier(self, stmt: Barrier) -> None:
        self.text.line(self.dialect.barrier)
        self.text.wrote([b for b in self.buffers if b.space is not Space.LOCAL])


def written(body: tuple[Stmt, ...]) -> frozenset[Buffer]:
    """The buffers that statements write, or that other threads may write meanwhile (none without a barrier)."""
    return frozenset(s.buffer for s in statements(body) if isinstance(s, (Store, Scatter)))


def assigned(body: tuple[Stmt, ...]) -> list[Cell]:
    """The cells that statements set, each once, in order."""
    return list({s.cell: None for s in statements(body) if isinstance(s, (Set, Accumulate))})


_STATEMENTS: Mapping[type, Callable[[Lowering, Any], None]] = {
    For: Lowering._for,
    If: Lowering._if,
    While: Lowering._while,
    Store: Lowering._store,
    Scatter: Lowering._scatter,
    Set: Lowering._set,
    Accumulate: Lowering._accumulate,
    Alloc: Lowering._alloc,
    Barrier: Lowering._barrier,
}
