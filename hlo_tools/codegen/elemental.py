"""One element of any instruction, as an expression: how fused computations become code.

A rule of the aspect `ELEMENT` says what an element needs of the operands. Rules are generators: they yield the
sites they need and are sent the values, so that deep graphs need no recursion. A value is computed once per index
and block of statements; what takes a loop of its own (a reduction) is emitted in front of all open loops that its
index does not depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from hlo_tools.codegen.builder import Builder, Indices
from hlo_tools.codegen.index import Index
from hlo_tools.codegen.kernel import Expr
from hlo_tools.codegen.launch import Data, Operand
from hlo_tools.codegen.scalar import SCALAR
from hlo_tools.codegen.scalars import inline
from hlo_tools.codegen.value import TRUE, Value, parts
from hlo_tools.ir.aspect import Aspect
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import NotYet
from hlo_tools.ir.shape import Shape

Path = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A computation that is being evaluated in place of the instruction that calls it.

    first   the operand of the call that parameter 0 is
    """

    call: Instruction
    outer: Scope | Application | None
    first: int = 0

    @property
    def given(self) -> tuple[Expr, ...]:
        """The values that its elements depend on besides their index."""
        return () if self.outer is None else self.outer.given

    def parameter(self, site: Site) -> Steps:
        """The element of a parameter of the computation: that of the operand."""
        argument = self.call.operands[self.first + site.inst.attrs.number]
        return (yield Site(site.elements, argument, site.at, site.path, site.guard, self.outer))


@dataclass(frozen=True, slots=True, eq=False)
class Application:
    """A computation of scalars that is being evaluated for values, one for each leaf of each parameter."""

    args: Mapping[tuple[int, Path], Value]

    @property
    def given(self) -> tuple[Expr, ...]:
        """The values that its elements depend on besides their index."""
        return tuple(e for x in self.args.values() for e in parts(x))

    def parameter(self, site: Site) -> Steps:
        """The value of a parameter of the computation."""
        yield from ()  # a generator, like every rule
        return self.args[site.inst.attrs.number, site.path]


@dataclass(frozen=True, slots=True)
class Site:
    """An element: of which instruction, at which index, at which leaf of a tuple.

    guard   where it does not hold, the value is not used and memory must not be touched
    scope   what led into the computation of `inst`; None for the outermost one
    """

    elements: Elements
    inst: Instruction
    at: Indices
    path: Path = ()
    guard: Expr = TRUE
    scope: Scope | Application | None = None

    @property
    def builder(self) -> Builder:
        """Where statements go."""
        return self.elements.builder

    @property
    def shape(self) -> Shape:
        """The shape of the array that the element belongs to."""
        return self.inst.shape.at(self.path)

    def operand(self, number: int, at: Indices, path: Path = (), guard: Expr | None = None) -> Site:
        """An element of an operand, under the same guard if none is given."""
        return self.of(self.inst.operands[number], at, path, guard)

    def of(self, inst: Instruction, at: Indices, path: Path = (), guard: Expr | None = None) -> Site:
        """An element of another instruction of the same computation."""
        return Site(self.elements, inst, at, path, self.guard if guard is None else guard, self.scope)

    def level(self) -> int:
        """How many of the open blocks the element needs."""
        given = () if self.scope is None else self.scope.given
        return self.builder.level(self.at, self.guard, *given)

    def leaf(self, path: Path) -> Site:
        """The same element of another leaf."""
        return Site(self.elements, self.inst, self.at, path, self.guard, self.scope)


Steps = Generator[Site, Value, Value]
"""What a rule is: yields sites, is sent their values, returns its own."""
Rule = Callable[[Site], Steps]

ELEMENT: Aspect[Rule] = Aspect("element")
"""How to compute one element; ops in `SCALAR` need no rule here."""


class Elements:
    """Computes elements in a kernel.

    inputs   the instructions whose values are in memory, with the number of the launch's operand
    tables   the launch arguments made for constants
    clamps   the index made for each start expression and limit
    """

    def __init__(self, builder: Builder, inputs: Mapping[Instruction, int]) -> None:
        self.builder = builder
        self.inputs = inputs
        self.tables: dict[tuple[Instruction, Path], Data] = {}
        self.clamps: dict[tuple[str, int, int], tuple[Expr, Index]] = {}

    def value(self, inst: Instruction, at: Indices, path: Path = ()) -> Value:
        """The element of `inst` at an index. Raises NotYet for an op without code."""
        return self.evaluate(Site(self, inst, at, path))

    def guarded(self, inst: Instruction, at: Indices, guard: Expr) -> Value:
        """The element where `guard` holds; elsewhere anything, without touching memory."""
        return self.evaluate(Site(self, inst, at, (), guard))

    def evaluate(self, site: Site) -> Value:
        """The value at a site."""
        found = self._known(site)
        if found is not None:
            return found
        running: list[tuple[Site, Steps]] = [(site, self._start(site))]
        answer: Value | None = None
        while running:
            current, steps = running[-1]
            try:
                wanted = next(steps) if answer is None else steps.send(answer)
            except StopIteration as done:
                answer = done.value
                self.builder.remember(current, done.value)
                running.pop()
                continue
            answer = self._known(wanted)
            if answer is None:
                running.append((wanted, self._start(wanted)))
        assert answer is not None
        return answer

    def applied(self, computation: Computation, args: Mapping[tuple[int, Path], Value]) -> tuple[Value, ...]:
        """The leaves of the result of a computation of scalars, given those of its parameters."""
        root, scope = computation.result, Application(args)
        return tuple(self.evaluate(Site(self, root, (), path, TRUE, scope)) for path, _ in root.shape.leaves())

    def _known(self, site: Site) -> Value | None:
        return self.builder.recall(site)

    def _start(self, site: Site) -> Steps:
        if site.scope is None and site.inst in self.inputs:
            return self._load(site)
        rule = ELEMENT.find(site.inst.op)
        if rule is not None:
            return rule(site)
        if SCALAR.find(site.inst.op) is not None:
            return _elementwise(site)
        raise NotYet(f"no code for an element of {site.inst.op.name}")

    def _load(self, site: Site) -> Steps:
        yield from ()  # a generator, like every rule
        ref = self.builder.param(Operand(self.inputs[site.inst], site.path), site.shape)
        return ref.load(site.at, site.guard)


def applied(builder: Builder, computation: Computation, args: Sequence[Value]) -> tuple[Value, ...]:
    """The results of a computation of scalars, whatever it does inside. Raises NotYet for an op without code."""
    try:
        return inline(computation, args)
    except NotYet:
        return Elements(builder, {}).applied(computation, {(n, ()): x for n, x in enumerate(args)})


def _elementwise(site: Site) -> Steps:
    rule = SCALAR.find(site.inst.op)
    assert rule is not None
    args: list[Value] = []
    for number, x in enumerate(site.inst.operands):
        at = site.at if x.shape.rank == len(site.at) else ()  # clamp and select take scalars, too
        args.append((yield site.operand(number, at)))
    return rule(site.inst, args)
