"""Index arithmetic: affine sums over loop variables, simplified with the ranges of their atoms.

An `Index` is `const + sum(coefficient * atom)`. Keeping addresses in this form, instead of as expressions,
lets loops be merged, vectorised and hoisted by reading coefficients. Reshapes need division and remainder by
constants: both simplify away wherever the ranges allow it, and become opaque atoms where not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from hlo_tools.codegen.kernel import Expr


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A loop variable; it takes values from `low` to `high`, both included."""

    name: str
    low: int
    high: int

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """Floor of `of / by`."""

    of: Index
    by: int

    @property
    def low(self) -> int:
        """Least value."""
        return self.of.low // self.by

    @property
    def high(self) -> int:
        """Greatest value."""
        return self.of.high // self.by

    def __repr__(self) -> str:
        return f"({self.of} / {self.by})"


@dataclass(frozen=True, slots=True)
class Remainder:
    """What the floor division leaves: from 0 to `by - 1`."""

    of: Index
    by: int

    @property
    def low(self) -> int:
        """Least value."""
        return 0

    @property
    def high(self) -> int:
        """Greatest value."""
        return self.by - 1

    def __repr__(self) -> str:
        return f"({self.of} % {self.by})"


@dataclass(frozen=True, slots=True, eq=False)
class Dynamic:
    """An integer only known at run time, e.g. a loaded start index that was clamped to `low` .. `high`."""

    expr: Expr
    low: int
    high: int

    def __repr__(self) -> str:
        return f"[{self.expr}]"


Atom = Union[Var, Quotient, Remainder, Dynamic]  # noqa: UP007 - evaluated before the classes support `|`


class Index:
    """`const + sum(coefficient * atom)`; immutable, compared by value."""

    __slots__ = ("_hash", "const", "terms")

    def __init__(self, terms: tuple[tuple[Atom, int], ...] = (), const: int = 0) -> None:
        self.terms = terms
        self.const = const
        self._hash: int | None = None

    # ---- reading

    @property
    def low(self) -> int:
        """A lower bound of the values."""
        return self.const + sum(c * (a.low if c > 0 else a.high) for a, c in self.terms)

    @property
    def high(self) -> int:
        """An upper bound of the values."""
        return self.const + sum(c * (a.high if c > 0 else a.low) for a, c in self.terms)

    @property
    def is_const(self) -> bool:
        """Whether it is one number."""
        return not self.terms

    def coefficient(self, atom: Atom) -> int:
        """The factor of `atom` in the sum itself (not inside other atoms)."""
        return next((c for a, c in self.terms if a == atom), 0)

    def mentions(self, var: Var) -> bool:
        """Whether `var` occurs at all, also inside quotients, remainders and run-time values."""
        return any(_mentions(a, var) for a, _ in self.terms)

    def is_affine_in(self, var: Var) -> bool:
        """Whether `var` occurs in the sum itself only."""
        return not any(a is not var and _mentions(a, var) for a, _ in self.terms)

    # ---- arithmetic

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.terms, self.const + other)
        if not other.terms:
            return Index(self.terms, self.const + other.const)
        if not self.terms:
            return Index(other.terms, self.const + other.const)
        total: dict[Atom, int] = dict(self.terms)
        for atom, c in other.terms:
            total[atom] = total.get(atom, 0) + c
        return Index(_join_divisions(total), self.const + other.const)

    def __sub__(self, other: Index | int) -> Index:
        return self + (-other if isinstance(other, int) else other * -1)

    def __mul__(self, factor: int) -> Index:
        if factor == 0:
            return ZERO
        if factor == 1:
            return self
        return Index(tuple((a, c * factor) for a, c in self.terms), self.const * factor)

    def __floordiv__(self, by: int) -> Index:
        """Floor division by a positive constant."""
        if by == 1:
            return self
        whole, rest = self._split(by)
        if rest.is_const or (rest.low // by == rest.high // by):
            return whole + rest.low // by
        return whole + _quotient(rest, by)

    def __mod__(self, by: int) -> Index:
        """Remainder of floor division by a positive constant."""
        if by == 1:
            return ZERO
        _, rest = self._split(by)
        if rest.low // by == rest.high // by:
            return rest - by * (rest.low // by)
        return Index(((Remainder(rest, by), 1),))

    def _split(self, by: int) -> tuple[Index, Index]:
        """The part that `by` divides, already divided, and the rest with a constant in 0 .. by - 1."""
        whole = tuple((a, c // by) for a, c in self.terms if c % by == 0)
        rest = tuple((a, c) for a, c in self.terms if c % by)
        return Index(whole, self.const // by), Index(rest, self.const % by)

    def substitute(self, values: Mapping[Var, Index], rewrite: Callable[[Expr], Expr] | None = None) -> Index:
        """The index with variables replaced; `rewrite` is applied to the expressions of run-time atoms."""
        total = Index((), self.const)
        for atom, c in self.terms:
            total = total + _substitute(atom, values, rewrite) * c
        return total

    # ---- identity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self.const == other.const and dict(self.terms) == dict(other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.const, frozenset(self.terms)))
        return self._hash

    def __repr__(self) -> str:
        parts = [repr(a) if c == 1 else f"{c}*{a!r}" for a, c in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return " + ".join(parts)


ZERO = Index()


def constant(value: int) -> Index:
    """The index that is always `value`."""
    return Index((), value)


def of(atom: Atom) -> Index:
    """The index that is one atom; a variable with a single value is that constant."""
    return constant(atom.low) if atom.low == atom.high else Index(((atom, 1),))


def linear(indices: tuple[Index, ...], strides: tuple[int, ...]) -> Index:
    """The sum of `index * stride`."""
    total = ZERO
    for index, stride in zip(indices, strides, strict=True):
        total = total + index * stride
    return total


def delinearize(index: Index, sizes: tuple[int, ...]) -> tuple[Index, ...]:
    """The row-major coordinates, within `sizes`, of a linear index that is known to be in range."""
    found: list[Index] = []
    for i in range(len(sizes) - 1, -1, -1):
        size = sizes[i]
        if size == 1:
            found.append(ZERO)
            continue
        # The slowest coordinate needs no remainder: the index is in range.
        slower = any(n != 1 for n in sizes[:i])
        found.append(index % size if slower else index)
        index = index // size
    return tuple(reversed(found))


def _quotient(rest: Index, by: int) -> Index:
    inner = rest.terms[0][0] if len(rest.terms) == 1 and rest.terms[0][1] == 1 and rest.const == 0 else None
    if isinstance(inner, Quotient):  # (x / a) / b = x / (a * b)
        return inner.of // (inner.by * by)
    return Index(((Quotient(rest, by), 1),))


def _join_divisions(total: dict[Atom, int]) -> tuple[tuple[Atom, int], ...]:
    """Drop zeros and rebuild x from `by * (x / by) + x % by` (where x has no constant of its own)."""
    for atom in [a for a in total if isinstance(a, Quotient) and not a.of.const]:
        twin = Remainder(atom.of, atom.by)
        share = total.get(twin, 0)
        if share and total[atom] == share * atom.by:
            del total[twin], total[atom]
            for a, c in atom.of.terms:
                total[a] = total.get(a, 0) + c * share
    return tuple((a, c) for a, c in total.items() if c)


def _mentions(atom: Atom, var: Var) -> bool:
    if isinstance(atom, Var):
        return atom is var
    if isinstance(atom, Dynamic):
        return atom.expr.mentions(var)
    return atom.of.mentions(var)


def _substitute(atom: Atom, values: Mapping[Var, Index], rewrite: Callable[[Expr], Expr] | None) -> Index:
    if isinstance(atom, Var):
        return values[atom] if atom in values else of(atom)
    if isinstance(atom, Dynamic):
        return of(atom if rewrite is None else Dynamic(rewrite(atom.expr), atom.low, atom.high))
    inner = atom.of.substitute(values, rewrite)
    return inner // atom.by if isinstance(atom, Quotient) else inner % atom.by
