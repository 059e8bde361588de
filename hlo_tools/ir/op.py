"""What an opcode is: one record of everything that is true of it in every layer.

An op knows its name, its arity, its attribute record (whose fields are its text syntax), its shape rule
(which is also its verifier), its meaning in plain numpy, and its cost. How a layer *treats* ops
(emission, partitioning, layout) is an `Aspect` of that layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import Flag, auto
from typing import TYPE_CHECKING, Any, Generic, NewType, Protocol, TypeVar, get_type_hints

from hlo_tools.ir.attributes import NoAttrs
from hlo_tools.ir.shape import Shape

if TYPE_CHECKING:
    from hlo_tools.ir.computation import Computation
    from hlo_tools.ir.device import Device
    from hlo_tools.ir.instruction import Instruction

A = TypeVar("A")

Callee = NewType("Callee", "Computation")
"""An attribute that names a computation: `to_apply=%sum`."""
Callees = NewType("Callees", tuple["Computation", ...])
"""An attribute that lists computations: `branch_computations={%a, %b}`."""


class Trait(Flag):
    """Facts that hold for families of ops and give aspects their defaults."""

    NONE = 0
    ELEMENTWISE = auto()  # output element i depends on element i of each operand (or on a scalar operand)
    COMMUTATIVE = auto()
    ASSOCIATIVE = auto()  # exactly for integers, up to rounding for floats
    IDEMPOTENT = auto()  # f(x, x) = x
    TRANSCENDENTAL = auto()  # costs many flops an element
    DATA_MOVEMENT = auto()  # output elements are copies of operand elements (or constants)
    SIDE_EFFECT = auto()  # must stay though nobody reads it
    NONDETERMINISTIC = auto()  # must not be merged with its twin nor folded
    COLLECTIVE = auto()


class ShapeError(Exception):
    """A shape rule or a check does not hold. `operand` is the index of the operand to blame, if one is."""

    def __init__(self, message: str, operand: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.operand = operand


class NotYet(Exception):
    """The op exists, and this treatment of it is not implemented."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What executing an instruction once takes, apart from reading and writing its operands and result."""

    flops: int = 0
    transcendentals: int = 0


class Env(Protocol):
    """What an op may ask of the interpreter that evaluates it."""

    @property
    def device(self) -> Device:
        """The device that the interpreter plays."""
        ...

    def call(self, computation: Computation, args: Sequence[Any]) -> Any:
        """The value of `computation` for these arguments."""
        ...

    def run_parallel(
        self,
        grid: Sequence[Sequence[Computation]],
        arguments: Sequence[Sequence[Any]],
        infeed: Sequence[Computation],
    ) -> Sequence[Any]:
        """The value of each computation of a grid, replicas by partitions, each on a device of its own."""
        ...


class Op(Generic[A]):
    """An opcode. Subclass it for an op of its own kind; instantiate a family class for a row.

    name       the opcode in HLO text
    arity      number of operands, None for any
    Attrs      the attribute record, a frozen dataclass: field order is print order
    traits     family facts
    stablehlo  name of the StableHLO (or CHLO) twin, without dialect `stablehlo.`; None when there is none
    inline     the attribute that stands between the parentheses instead of operands (parameter, constant)
    declared   whether the result shape must be given (the operands do not determine it)
    """

    name: str
    arity: int | None = None
    Attrs: type[Any] = NoAttrs
    traits: Trait = Trait.NONE
    stablehlo: str | None = None
    inline: str | None = None
    declared: bool = False

    def shape(self, at: A, *xs: Shape) -> Shape:
        """The result shape (without layout) for operands of shapes `xs`; ShapeError when they do not fit."""
        raise NotYet(f"{self.name} has no shape rule yet")

    def check(self, at: A, shape: Shape, *xs: Shape) -> None:
        """For a `declared` op: raise ShapeError when the declared `shape` cannot be the result."""

    def verify(self, inst: Instruction) -> None:
        """Whatever else must hold of an instruction of this op; ShapeError when it does not."""

    def evaluate(self, env: Env, inst: Instruction, *xs: Any) -> Any:
        """The result for operand values `xs`: numpy arrays in logical order, tuples for tuples.

        This is the meaning of the op; interpreter, constant folding and the tests of rewrite rules use it.
        """
        raise NotYet(f"{self.name} cannot be evaluated yet")

    def cost(self, inst: Instruction) -> Cost:
        """Work of one execution; the default is none (data movement)."""
        return Cost()

    def __repr__(self) -> str:
        return self.name


_CALLEE_FIELDS: dict[type[Any], tuple[tuple[str, bool], ...]] = {}


def callee_fields(record: type[Any]) -> tuple[tuple[str, bool], ...]:
    """The fields of an attribute record that hold computations, and whether each holds several."""
    found = _CALLEE_FIELDS.get(record)
    if found is None:
        hints = get_type_hints(record)
        kinds: dict[Any, bool] = {Callee: False, Callees: True, Callee | None: False}
        found = tuple((f.name, kinds[hints[f.name]]) for f in fields(record) if hints[f.name] in kinds)
        _CALLEE_FIELDS[record] = found
    return found


def callees(at: Any) -> tuple[Computation, ...]:
    """The computations that an attribute record names, in field order."""
    known = callee_fields(type(at))
    if not known:
        return ()
    found: list[Computation] = []
    for name, several in known:
        value = getattr(at, name)
        if value is not None:
            found.extend(value if several else (value,))
    return tuple(found)


def map_callees(at: Any, change: Callable[[Computation], Computation]) -> Any:
    """The attribute record with each computation replaced by `change` of it."""
    updates: dict[str, Any] = {}
    for name, several in callee_fields(type(at)):
        value = getattr(at, name)
        if value is not None:
            updates[name] = tuple(change(c) for c in value) if several else change(value)
    return replace(at, **updates) if updates else at
