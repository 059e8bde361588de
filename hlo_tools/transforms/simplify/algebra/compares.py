"""Laws of comparisons, selections and conversions of types."""

from __future__ import annotations

from hlo_tools.ir.attributes import ComparisonDirection, ComparisonType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.compare import CompareAttrs, usual_order
from hlo_tools.ops.conversion import bitcast_convert, convert
from hlo_tools.rewrite.constants import splat
from hlo_tools.rewrite.guards import holds, unchanged_type
from hlo_tools.rewrite.pattern import w, words, x, y, z
from hlo_tools.rewrite.rule import Rule, rule

compare, select, not_ = words("compare", "select", "not")
convert_, bitcast_convert_, copy, reduce_precision = words("convert", "bitcast-convert", "copy", "reduce-precision")
and_, or_ = words("and", "or")

D = ComparisonDirection


def _order(i: Instruction) -> ComparisonType:
    at: CompareAttrs = i.attrs
    return at.type or usual_order(i.operands[0].shape.element)


def _itself(i: Instruction, x: Instruction) -> Instruction | None:
    """A value compared with itself: only NaN makes a difference, and not for < and >."""
    direction = i.attrs.direction
    if direction in (D.LT, D.GT):
        return splat(i.parent, False, i.shape)
    if _order(i) is ComparisonType.FLOAT:
        return None
    return splat(i.parent, direction is not D.NE, i.shape)


def _with_zero(i: Instruction, x: Instruction) -> Instruction | None:
    """Unsigned numbers are never below zero."""
    if _order(i) is not ComparisonType.UNSIGNED or i.attrs.direction not in (D.LT, D.GE):
        return None
    return splat(i.parent, i.attrs.direction is D.GE, i.shape)


def _zero_with(i: Instruction, x: Instruction) -> Instruction | None:
    """The same with the operands exchanged."""
    if _order(i) is not ComparisonType.UNSIGNED or i.attrs.direction not in (D.GT, D.LE):
        return None
    return splat(i.parent, i.attrs.direction is D.LE, i.shape)


def _with_true(i: Instruction, x: Instruction) -> Instruction | None:
    """Comparing a predicate with true is the predicate or its negation."""
    if i.attrs.direction is D.EQ:
        return x
    return i.parent.add(e.not_, (x,), shape=i.shape, like=i) if i.attrs.direction is D.NE else None


def _with_false(i: Instruction, x: Instruction) -> Instruction | None:
    """The same for false."""
    if i.attrs.direction is D.NE:
        return x
    return i.parent.add(e.not_, (x,), shape=i.shape, like=i) if i.attrs.direction is D.EQ else None


def _lossless_inner(i: Instruction, x: Instruction) -> bool:
    """The inner of two conversions loses nothing, so that the outer one may read its operand."""
    inner = i.operands[0].shape.element
    return holds(inner, x.shape.element) and not (x.shape.element.is_complex or i.shape.element.is_complex)


def _converted(i: Instruction, x: Instruction) -> Instruction:
    """One conversion, or none."""
    return x if x.shape.bare is i.shape.bare else i.parent.add(convert, (x,), shape=i.shape, like=i)


def _reinterpreted(i: Instruction, x: Instruction) -> Instruction:
    """One change of type without change of bits, or none."""
    return x if x.shape.bare is i.shape.bare else i.parent.add(bitcast_convert, (x,), shape=i.shape, like=i)


def _whole_predicate(i: Instruction, **_: Instruction) -> bool:
    """The predicate of a selection is an array like the result."""
    return i.operands[0].shape.dims == i.shape.dims


def _same_place(i: Instruction, x: Instruction) -> bool:
    """A copy with the layout of its operand, in a computation where buffers are not yet a matter."""
    return i.shape is x.shape


def _no_narrower(i: Instruction, x: Instruction) -> bool:
    """A reduction to the precision that the type has, or more."""
    bits = {"f16": (5, 10), "bf16": (8, 7), "f32": (8, 23), "f64": (11, 52)}.get(i.shape.element.name)
    return bits is not None and i.attrs.exponent_bits >= bits[0] and i.attrs.mantissa_bits >= bits[1]


RULES: list[Rule] = [
    rule(compare(x, x), _itself),
    rule(compare(x, 0), _with_zero),
    rule(compare(0, x), _zero_with),
    rule(compare(x, True), _with_true),
    rule(compare(x, False), _with_false),
    rule(select(x, y, y), y),
    rule(select(True, x, y), x),
    rule(select(False, x, y), y),
    rule(select(not_(x), y, z), select(x, z, y)),
    rule(select(x, True, False), x, when=_whole_predicate),
    rule(select(x, False, True), not_(x), when=_whole_predicate),
    rule(select(x, True, y), or_(x, y), when=_whole_predicate),
    rule(select(x, y, False), and_(x, y), when=_whole_predicate),
    rule(select(x, select(x, y, z), w), select(x, y, w)),
    rule(select(x, y, select(x, z, w)), select(x, y, w)),
    rule(convert_(x), x, when=unchanged_type),
    rule(convert_(convert_(x)), _converted, when=_lossless_inner),
    rule(bitcast_convert_(x), x, when=unchanged_type),
    rule(bitcast_convert_(bitcast_convert_(x)), _reinterpreted),
    rule(reduce_precision(x), x, when=_no_narrower),
    rule(copy(copy(x)), copy(x)),
    rule(copy(x), x, when=_same_place),
]
