"""Computations of scalars (reducers, comparators, maps) written out as expressions."""

from __future__ import annotations

from collections.abc import Sequence

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.kernel import Type
from hlo_tools.codegen.scalar import SCALAR
from hlo_tools.codegen.value import Complex, Value
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import PRED, ElementType, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.op import NotYet
from hlo_tools.ops import OPS
from hlo_tools.ops.monoid import monoid

Leaves = tuple[Value, ...]
"""The value of a scalar instruction: one for each leaf of its shape."""

_THROUGH = frozenset(OPS[n] for n in ("broadcast", "reshape", "bitcast", "transpose", "reverse", "opt-barrier"))
_CALLING = frozenset(OPS[n] for n in ("call", "fusion", "map"))

MONOID_NAMES = {"add": "add", "multiply": "mul", "maximum": "max", "minimum": "min", "and": "and", "or": "or",
                "xor": "xor"}  # fmt: skip
"""The kernel's name of each combination."""
PRED_MONOIDS = {
    "add": "or",
    "multiply": "and",
    "maximum": "or",
    "minimum": "and",
    "and": "and",
    "or": "or",
    "xor": "xor",
}
"""The same for booleans."""


def monoid_name(computation: Computation) -> str | None:
    """The kernel monoid that a reducer is, if it is one; complex numbers have only sums."""
    op = monoid(computation)
    if op is None:
        return None
    element = computation.result.shape.element
    if element.is_complex:
        return "add" if op.name == "add" else None
    return (PRED_MONOIDS if element is PRED else MONOID_NAMES)[op.name]


def immediate(literal: Literal, at: tuple[int, ...]) -> Value:
    """One element of a literal as a constant expression. Raises NotYet for a value that the text elided."""
    if literal.is_elided:
        raise NotYet("the value of a constant was elided in the text")
    return constant_of(literal.array[at], literal.shape.element)


def constant_of(number: object, element: ElementType) -> Value:
    """A numpy scalar as a constant expression."""
    if element.is_complex:
        whole = complex(number)  # type: ignore[call-overload]
        part = Type(real_part(element))
        return Complex(k.const(whole.real, part), k.const(whole.imag, part))
    if element.is_float:
        return k.const(float(number), Type(element))  # type: ignore[arg-type]
    return k.const(int(number), Type(element))  # type: ignore[call-overload]


def inline(computation: Computation, args: Sequence[Value]) -> Leaves:
    """The results of a computation of scalars. Raises NotYet when it holds more than arithmetic on scalars."""
    return leaves_of(computation, args)[computation.result]


def leaves_of(computation: Computation, args: Sequence[Value]) -> dict[Instruction, Leaves]:
    """The values of all instructions of a computation of scalars. Raises NotYet as `inline` does."""
    values: dict[Instruction, Leaves] = {}
    for inst in computation.order():
        values[inst] = _value(inst, args, [values[x] for x in inst.operands])
    return values


def _value(inst: Instruction, args: Sequence[Value], operands: list[Leaves]) -> Leaves:
    op = inst.op
    if op.inline == "number":
        return (args[inst.attrs.number],)
    if op is OPS["tuple"]:
        return tuple(leaf for x in operands for leaf in x)
    if op is OPS["get-tuple-element"]:
        return (operands[0][inst.attrs.index],)
    if op in _CALLING:
        return inline(inst.called[0], [leaf for x in operands for leaf in x])
    if any(shape.dims for _, shape in inst.shape.leaves()):
        raise NotYet(f"{op.name} of arrays in a computation of scalars")
    if op.inline == "value":
        return (immediate(inst.attrs.value, ()),)
    if op in _THROUGH:
        return operands[0]
    rule = SCALAR.find(op)
    if rule is None:
        raise NotYet(f"{op.name} in a computation of scalars")
    return (rule(inst, [x[0] for x in operands]),)
