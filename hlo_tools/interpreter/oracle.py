"""The f64 oracle: what a module would compute if its floating point numbers were much longer than they are.

The module is rewritten so that every float is an f64 and every complex number a c128, and then interpreted. Numbers
are rounded to their own types only where the program says so: by a `convert` to a shorter type and by
`reduce-precision`. The distance of another result from this one is its rounding error, whatever the function does to
the rounding errors of its steps.

How large that error may well be shows when the oracle is run again and every step is wrong by a random unit in the last
place of its own type (D. Stott Parker, "Monte Carlo arithmetic", 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import sqrt
from typing import Any

import numpy as np

from hlo_tools.interpreter.run import Limits, Machine, interpret
from hlo_tools.interpreter.uses import summed_terms
from hlo_tools.ir.computation import Computation, clone_instruction
from hlo_tools.ir.element import C128, F64, ElementType, element_of, real_part
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal, literal, tuple_literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Trait, map_callees
from hlo_tools.ir.shape import Shape, tuple_of
from hlo_tools.ops.collectives import all_reduce, reduce_scatter
from hlo_tools.ops.conversion import bitcast_convert, convert
from hlo_tools.ops.convolution import convolution
from hlo_tools.ops.custom import custom_call
from hlo_tools.ops.dot import dot, ragged_dot, scaled_dot
from hlo_tools.ops.elementwise import add, divide, multiply, subtract
from hlo_tools.ops.fft import fft
from hlo_tools.ops.linalg import cholesky, triangular_solve
from hlo_tools.ops.monoid import monoid
from hlo_tools.ops.numerics import Array, as_doubles, float_info
from hlo_tools.ops.reduce import reduce
from hlo_tools.ops.structure import ConstantAttrs, GetTupleElementAttrs, constant, get_tuple_element, tuple_
from hlo_tools.ops.windows import reduce_window


class Mode(StrEnum):
    """In what the interpreter computes."""

    types = "types"  # each number in its own type, rounded after every instruction
    oracle = "oracle"  # floats in f64, rounded only where the program rounds


_OWN_TYPES = frozenset({bitcast_convert, custom_call})
"""Ops that look at the bits or the types of their operands, and get them."""


_SUMS = frozenset(
    {
        dot, ragged_dot, scaled_dot, convolution, reduce, reduce_window, all_reduce, reduce_scatter, fft, cholesky,
        triangular_solve,
    }
)  # fmt: skip
"""Ops whose errors are relative to the terms that they add up, not to each result."""

_LONG = 1e-6
"""Units of types that are not added up in a longer one are below that."""
_LINEAR = frozenset({dot, convolution})
_REDUCTIONS = frozenset({reduce, reduce_window})

_ROUNDED = frozenset({add, subtract, multiply, divide, *_SUMS})
"""Ops whose results are rounded, apart from the transcendental functions."""

Units = dict[Instruction, float]
"""For instructions that round, a unit in the last place of 1 in the type they have in the program."""


def oracle(module: Module, arguments: Sequence[Any], *, limits: Limits | None = None) -> list[Array]:
    """The results of `module` as f64 (c128 for complex numbers), computed in those types; others as they are.

    Raises what `interpret` raises.
    """
    return interpret(widened(module), wide_arguments(arguments), limits=limits)


def shaken(module: Module, arguments: Sequence[Any], seed: int) -> list[Array]:
    """What the oracle gives when each rounded step is off by up to a unit in the last place of its own type."""
    units: Units = {}
    wide = widened(module, units)
    machine = _Shaken(wide, units, seed)
    return machine.results(wide_arguments(arguments))


def wide_arguments(arguments: Sequence[Any]) -> list[Array]:
    """Arguments for the widened module."""
    return [_wide_array(np.asarray(x)) for x in arguments]


class _Shaken(Machine):
    """Runs a widened module with random errors."""

    def __init__(self, module: Module, units: Units, seed: int) -> None:
        super().__init__(module, Limits())
        self.units = units
        self.rng = np.random.default_rng(seed)

    def _evaluate(self, inst: Instruction, operands: list[Any]) -> Any:
        value = super()._evaluate(inst, operands)
        unit = self.units.get(inst)
        if unit is None or isinstance(value, tuple):
            return value
        off = unit * self.rng.uniform(-1, 1, np.shape(value))
        if inst.op not in _SUMS:
            return value * (1 + off)
        return value + off * self._magnitude(inst, operands, value, short=unit > _LONG)

    def _magnitude(self, inst: Instruction, operands: list[Any], value: Array, short: bool) -> Array:
        """To what the errors of n terms added up one after the other are relative.

        They are a random walk whose steps are units of the partial sums: where those grow steadily that makes sqrt(n)
        units of the result, where the terms cancel a unit of the sum of their magnitudes. Sums of `short` floats are
        formed in f32 and rounded once.
        """
        finite = np.abs(value[np.isfinite(value)])
        if short:
            return np.asarray(finite.max(initial=0.0))
        plain = inst.op in _LINEAR or (inst.op in _REDUCTIONS and monoid(inst.attrs.to_apply) is add)
        if plain and len(operands) == 2:
            terms = inst.op.evaluate(self, inst, *map(np.abs, operands))
            return np.asarray(terms + sqrt(summed_terms(inst)) * np.abs(value))
        return np.asarray(sqrt(summed_terms(inst)) * finite.max(initial=0.0))


def widened(module: Module, units: Units | None = None) -> Module:
    """A copy of `module` that computes in f64 and c128; `units` is filled with what its instructions are rounded to."""
    made = Module(module.name, source=module.source)
    twins: dict[Computation, Computation] = {}
    for computation in module.order():
        twin = twins[computation] = Computation(computation.name, made, computation.at)
        _fill(computation, twin, twins, {} if units is None else units)
    for computation in module:
        made.computations[computation.name] = twins[computation]
    made.entry = twins[module.main]
    return made


def _fill(computation: Computation, twin: Computation, twins: dict[Computation, Computation], units: Units) -> None:
    mapping: dict[Instruction, Instruction] = {}
    for inst in computation.order():
        attrs = map_callees(inst.attrs, twins.__getitem__)
        if inst.op is convert:
            mapping[inst] = _conversion(inst, mapping[inst.operands[0]], twin)
        elif inst.op in _OWN_TYPES:
            given = {x: _cast(mapping[x], x.shape, twin) for x in inst.operands}
            mapping[inst] = _cast(clone_instruction(inst, twin, given, attrs), _wide_shape(inst.shape), twin)
        else:
            if inst.op is constant:
                attrs = ConstantAttrs(_wide_literal(inst.attrs.value))
            mapping[inst] = clone_instruction(inst, twin, mapping, attrs)
            mapping[inst].shape = _wide_shape(inst.shape)
            if inst.op in _ROUNDED or Trait.TRANSCENDENTAL in inst.op.traits:
                element = real_part(inst.shape.element)
                if element.is_float and element.bits < 64:
                    units[mapping[inst]] = float(float_info(element.dtype).eps)
    twin.root = mapping[computation.result]


def _conversion(inst: Instruction, x: Instruction, twin: Computation) -> Instruction:
    """A `convert`, which rounds where it goes to a shorter type."""
    source, target = inst.operands[0].shape.element, inst.shape.element
    longer = source.kind is target.kind and target.bits >= source.bits and _wide(target) is not target
    return x if longer and source.bits >= 16 else _cast(_cast(x, inst.shape, twin), _wide_shape(inst.shape), twin)


def _cast(x: Instruction, shape: Shape, twin: Computation) -> Instruction:
    """`x` with the element types of `shape`, part by part."""
    if x.shape.bare is shape.bare:
        return x
    if not shape.is_tuple:
        return twin.add(convert, [x], shape=shape)
    parts = [twin.add(get_tuple_element, [x], GetTupleElementAttrs(i)) for i in range(len(shape.elements))]
    return twin.add(tuple_, [_cast(p, s, twin) for p, s in zip(parts, shape.elements, strict=True)])


def _wide(element: ElementType) -> ElementType:
    return F64 if element.is_float else C128 if element.is_complex else element


def _wide_shape(shape: Shape) -> Shape:
    if shape.is_tuple:
        return tuple_of(tuple(map(_wide_shape, shape.elements)))
    return shape.with_element(_wide(shape.element)) if shape.is_array else shape


def _wide_literal(value: Literal) -> Literal:
    if isinstance(value.value, tuple):
        return tuple_literal(tuple(map(_wide_literal, value.value)))
    if value.value is None:
        return Literal(_wide_shape(value.shape), None)
    element = value.shape.element
    return value if _wide(element) is element else literal(_wide(element), _wide_array(value.value))


def _wide_array(x: Array) -> Array:
    element = element_of(x.dtype)
    if element.is_complex:
        return x.astype(np.complex128)
    return as_doubles(x, element) if element.is_float else x
