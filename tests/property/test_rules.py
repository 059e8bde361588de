"""Every law of algsimp is tried: its left side is built in many forms, rewritten, and both are evaluated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import prod

import ml_dtypes
import numpy as np
import pytest

from hlo_tools.interpreter.run import interpret
from hlo_tools.ir.attributes import (
    ComparisonDirection,
    ComparisonType,
    Dims,
    Padding,
    PaddingDim,
    SliceDim,
    SliceDims,
)
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.element import ELEMENT_TYPES, PRED, S32, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.ir.op import Callee, Op, ShapeError, Trait
from hlo_tools.ir.shape import Shape, array, scalar
from hlo_tools.ir.verify import verify_module
from hlo_tools.ops import OPS
from hlo_tools.ops.compare import CompareAttrs
from hlo_tools.ops.conversion import ReducePrecisionAttrs
from hlo_tools.ops.dot import DotAttrs
from hlo_tools.ops.monoid import identity
from hlo_tools.ops.reduce import ReduceAttrs
from hlo_tools.ops.shapes import DimensionsAttrs
from hlo_tools.ops.slicing import DynamicSliceAttrs, PadAttrs, SliceAttrs
from hlo_tools.ops.sort import SortAttrs
from hlo_tools.ops.structure import ConstantAttrs, GetTupleElementAttrs, ParameterAttrs
from hlo_tools.rewrite.driver import Rewriter
from hlo_tools.rewrite.pattern import Any_, Constant, Node, Number, Pattern
from hlo_tools.rewrite.rule import Changes, Rule
from hlo_tools.support.diagnostic import VerifyError
from hlo_tools.transforms.simplify.algebra import LAWS

TYPES = [ELEMENT_TYPES[n] for n in ("f32", "s32", "pred", "u32", "f64", "bf16", "c64", "s8", "u8", "f16")]
ANY_CHANGE = Changes.ZERO_SIGN | Changes.NAN | Changes.ORDER | Changes.ROUNDING
ATTEMPTS = 400
ENOUGH = 12


class Builder:
    """Builds a random instance of the left side of a rule."""

    def __init__(self, seed: int, element: ElementType) -> None:
        self.random = random.Random(seed)
        self.element = element
        self.module = Module("rule")
        self.main = self.module.add_computation("main")
        self.module.entry = self.main
        self.bound: dict[str, Instruction] = {}
        self.base = tuple(
            self.random.choice((0, 1, 1, 1, 2, 2, 3, 3)) for _ in range(self.random.choice((0, 1, 2, 2, 3)))
        )

    # ---- leaves

    def parameter(self, shape: Shape) -> Instruction:
        return self.main.add(OPS["parameter"], (), ParameterAttrs(len(self.main.parameters)), shape)

    def constant(self, value: np.ndarray, element: ElementType) -> Instruction:
        literal = Literal(array(element, value.shape), value.astype(element.dtype))
        return self.main.add(OPS["constant"], (), ConstantAttrs(literal), literal.shape)

    def splat(self, value: float, shape: Shape) -> Instruction:
        single = np.asarray(value).astype(shape.element.dtype)
        if self.random.random() < 0.5 or not shape.rank:
            return self.constant(np.full(shape.dims, single), shape.element)
        return self.main.add(
            OPS["broadcast"], (self.constant(single, shape.element),), DimensionsAttrs(Dims(())), shape
        )

    def special(self, element: ElementType) -> float:
        """Values at which laws begin or cease to hold."""
        if element is PRED:
            return float(self.random.random() < 0.5)
        if element.is_integer:
            info = ml_dtypes.iinfo(element.dtype)
            return self.random.choice([0, 1, 2, 3, 4, 8, -1 if element.is_signed else 5, info.min, info.max])
        return self.random.choice([0.0, 1.0, 2.0, 0.5, 3.0, -4.0, np.inf, -np.inf])

    # ---- patterns

    def build(self, pattern: Pattern, element: ElementType, dims: tuple[int, ...]) -> Instruction:
        """An instruction that matches `pattern`, made of arrays of `element`; leaves have the sizes `dims`."""
        match pattern:
            case Any_(name):
                if name not in self.bound:
                    self.bound[name] = self.parameter(array(element, dims))
                return self.bound[name]
            case Number(value):
                return self.splat(value, array(element, dims))
            case Constant(_, splat=True):
                return self.splat(self.special(element), array(element, dims))
            case Constant(name):
                if name not in self.bound:
                    self.bound[name] = self.constant(values(self.random, array(element, dims)), element)
                return self.bound[name]
            case Node(op, None):
                return self.open(op, element)
            case Node(op, args):
                return self.node(op, args or (), element, dims)
        raise AssertionError(pattern)

    def node(self, op: Op, args: Sequence[Pattern], element: ElementType, dims: tuple[int, ...]) -> Instruction:
        if op.name in ("pad", "reduce"):
            array_, value = (self.build(a, element, d) for a, d in zip(args, (dims, ()), strict=True))
            if op.name == "reduce" and self.random.random() < 0.7:
                value = self.constant(np.asarray(identity(self.reducer().result.op, element)), element)
            return self.with_attrs(op, (array_, value))
        if op.name == "select":
            flat = self.random.random() < 0.3
            first = self.build(args[0], PRED, () if flat else dims)
            return self.main.add(op, (first, *(self.build(a, element, dims) for a in args[1:])))
        made: dict[int, Instruction] = {}
        for number in sorted(range(len(args)), key=lambda n: isinstance(args[n], Number)):
            arg = args[number]
            known = made and isinstance(arg, Number | Constant)
            like = next(iter(made.values())).shape if known else array(element, dims)
            made[number] = self.build(arg, like.element, like.dims)
        return self.with_attrs(op, [made[n] for n in range(len(args))])

    def open(self, op: Op, element: ElementType) -> Instruction:
        """An instruction of an op whose operands the pattern leaves open."""
        special = OPEN.get(op.name)
        if special is not None:
            return special(self, element)
        assert op.traits & Trait.ELEMENTWISE, op.name
        dims = Dims(tuple(sorted(self.random.sample(range(3), self.random.choice((0, 1, 2))))))
        wide = (2, 3, 2)
        parts = [self.parameter(array(element, tuple(wide[d] for d in dims))) for _ in range(op.arity or 0)]
        return self.with_attrs(
            op, [self.main.add(OPS["broadcast"], (p,), DimensionsAttrs(dims), array(element, wide)) for p in parts]
        )

    def with_attrs(self, op: Op, xs: Sequence[Instruction]) -> Instruction:
        make = ATTRS.get(op.name)
        if make is None:
            return self.main.add(op, xs)
        attrs, shape = make(self, xs)
        return self.main.add(op, xs, attrs, shape)

    def reducer(self) -> Computation:
        """A computation that combines two scalars; the same one within an instance."""
        known = next((c for c in self.module if c is not self.main), None)
        if known is not None:
            return known
        made = self.module.add_computation("combine")
        single = scalar(self.element)
        x, y = (made.add(OPS["parameter"], (), ParameterAttrs(n), single) for n in (0, 1))
        name = self.random.choice(
            ["add", "maximum", "minimum", "multiply"] if self.element is not PRED else ["and", "or"]
        )
        made.root = made.add(OPS[name], (x, y))
        return made

    def comparator(self) -> Computation:
        made = self.module.add_computation("less")
        x, y = (made.add(OPS["parameter"], (), ParameterAttrs(n), scalar(self.element)) for n in (0, 1))
        made.root = made.add(OPS["compare"], (x, y), CompareAttrs(ComparisonDirection.LT))
        return made


# ---- attributes for given operands


def _broadcast(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    x = xs[0].shape
    rank = x.rank + b.random.choice((0, 0, 1, 2))
    dims = sorted(b.random.sample(range(rank), x.rank))
    sizes = [x.dims[dims.index(d)] if d in dims else b.random.choice((1, 2, 3)) for d in range(rank)]
    return DimensionsAttrs(Dims(tuple(dims))), array(x.element, tuple(sizes))


def _reshape(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    x = xs[0].shape
    choice = b.random.random()
    sizes = list(x.dims)
    if choice < 0.5:
        sizes = [n for n in sizes if n != 1]
        for _ in range(b.random.choice((0, 1, 2))):
            sizes.insert(b.random.randint(0, len(sizes)), 1)
    elif choice < 0.8:
        sizes = [prod(sizes)]
    return OPS["reshape"].Attrs(), array(x.element, tuple(sizes))


def _permutation(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    dims = list(range(xs[0].shape.rank))
    if b.random.random() < 0.8:
        b.random.shuffle(dims)
    return DimensionsAttrs(Dims(tuple(dims))), None


def _some_dims(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    rank = xs[0].shape.rank
    return DimensionsAttrs(Dims(tuple(sorted(b.random.sample(range(rank), b.random.randint(0, rank)))))), None


def _slice(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    dims = []
    for n in xs[0].shape.dims:
        start = b.random.choice((0, b.random.randint(0, n)))
        limit = b.random.choice((n, b.random.randint(start, n)))
        dims.append(SliceDim(start, limit, b.random.choice((1, 1, 1, 2))))
    return SliceAttrs(SliceDims(tuple(dims))), None


def _pad(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    amounts = b.random.choice(((0,), (0, 1, 2), (-1, 0, 2)))
    dims = tuple(
        PaddingDim(b.random.choice(amounts), b.random.choice(amounts), b.random.choice((0, 0, 1)) if amounts[1:] else 0)
        for _ in xs[0].shape.dims
    )
    return PadAttrs(Padding(dims)), None


def _dot(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    x, y = (i.shape for i in xs)
    pairs = [(i, j) for i in range(x.rank) for j in range(y.rank) if x.dims[i] == y.dims[j]]
    b.random.shuffle(pairs)
    chosen: list[tuple[int, int]] = []
    for i, j in pairs:
        if all(i != p and j != q for p, q in chosen) and b.random.random() < 0.6:
            chosen.append((i, j))
    cut = b.random.randint(0, len(chosen))
    batch, summed = chosen[:cut], chosen[cut:]
    attrs = DotAttrs(
        lhs_batch_dims=Dims(tuple(i for i, _ in batch)),
        lhs_contracting_dims=Dims(tuple(i for i, _ in summed)),
        rhs_batch_dims=Dims(tuple(j for _, j in batch)),
        rhs_contracting_dims=Dims(tuple(j for _, j in summed)),
    )
    return attrs, OPS["dot"].shape(attrs, x, y)


def _reduce(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    attrs, _ = _some_dims(b, xs)
    return ReduceAttrs(attrs.dimensions, Callee(b.reducer())), None


def _compare(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    kind = ComparisonType.TOTALORDER if xs[0].shape.element.is_float and b.random.random() < 0.3 else None
    return CompareAttrs(b.random.choice(list(ComparisonDirection)), kind), None


def _convert(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    target = b.random.choice([xs[0].shape.element, *TYPES])
    return OPS["convert"].Attrs(), xs[0].shape.with_element(target)


def _bitcast(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    element = xs[0].shape.element
    same = [t for t in TYPES if t.bits == element.bits and not t.is_complex]
    return OPS["bitcast-convert"].Attrs(), xs[0].shape.with_element(b.random.choice(same))


def _precision(b: Builder, xs: Sequence[Instruction]) -> tuple[object, Shape | None]:
    return ReducePrecisionAttrs(*b.random.choice(((5, 10), (8, 23), (11, 52), (8, 7)))), None


ATTRS: dict[str, Callable[[Builder, Sequence[Instruction]], tuple[object, Shape | None]]] = {
    "broadcast": _broadcast, "reshape": _reshape, "transpose": _permutation, "reverse": _some_dims, "slice": _slice,
    "pad": _pad, "dot": _dot, "reduce": _reduce, "compare": _compare, "convert": _convert,
    "bitcast-convert": _bitcast, "reduce-precision": _precision,
}  # fmt: skip


# ---- instructions whose operands the pattern leaves open


def _concatenate(b: Builder, element: ElementType) -> Instruction:
    whole = b.parameter(array(element, (4, 2)))
    cuts = [
        b.main.add(OPS["slice"], (whole,), SliceAttrs(SliceDims((SliceDim(*r), SliceDim(0, 2)))))
        for r in ((0, 1), (1, 4))
    ]
    along = DimensionsAttrs(Dims((0,)))
    choices = [cuts, [b.parameter(array(element, (n, 2))) for n in (2, 0, 3)], [b.parameter(array(element, (3, 2)))]]
    choices.append([b.main.add(OPS["concatenate"], choices[1], along), whole])
    return b.main.add(OPS["concatenate"], b.random.choice(choices), along)


def _indices(b: Builder) -> list[Instruction]:
    known = b.random.random() < 0.7
    return [b.constant(np.asarray(b.random.randint(-1, 4)), S32) if known else b.parameter(scalar(S32)) for _ in "ab"]


def _dynamic_slice(b: Builder, element: ElementType) -> Instruction:
    at, size = _indices(b), b.random.choice(((2, 1), (4, 2)))
    source = b.parameter(array(element, (4, 2)))
    if b.random.random() < 0.5:
        source = b.main.add(OPS["dynamic-update-slice"], (source, b.parameter(array(element, (2, 1))), *at))
    return b.main.add(OPS["dynamic-slice"], (source, *at), DynamicSliceAttrs(Dims(size)))


def _dynamic_update(b: Builder, element: ElementType) -> Instruction:
    at, size = _indices(b), b.random.choice(((2, 1), (4, 2), (0, 1)))
    source = b.parameter(array(element, (4, 2)))
    if b.random.random() < 0.5:
        source = b.main.add(OPS["dynamic-update-slice"], (source, b.parameter(array(element, size)), *at))
    return b.main.add(OPS["dynamic-update-slice"], (source, b.parameter(array(element, size)), *at))


def _tuple(b: Builder, element: ElementType) -> Instruction:
    return b.main.add(OPS["tuple"], [b.parameter(array(element, b.base)) for _ in "ab"])


def _sort(b: Builder, element: ElementType) -> Instruction:
    x = b.parameter(array(element, (b.random.choice((1, 2)), 3)))
    return b.main.add(OPS["sort"], (x,), SortAttrs(dimensions=Dims((0,)), to_apply=Callee(b.comparator())))


def _any_compare(b: Builder, element: ElementType) -> Instruction:
    xs = [b.parameter(array(element, b.base)) for _ in "ab"]
    if b.random.random() < 0.5:
        dims, wide = DimensionsAttrs(Dims(tuple(range(len(b.base))))), array(element, (*b.base, 3))
        xs = [b.main.add(OPS["broadcast"], (x,), dims, wide) for x in xs]
    return b.with_attrs(OPS["compare"], xs)


OPEN: dict[str, Callable[[Builder, ElementType], Instruction]] = {
    "concatenate": _concatenate, "dynamic-slice": _dynamic_slice, "dynamic-update-slice": _dynamic_update,
    "tuple": _tuple, "sort": _sort, "compare": _any_compare,
}  # fmt: skip
ATTRS["get-tuple-element"] = lambda b, xs: (GetTupleElementAttrs(b.random.randint(0, 1)), None)


# ---- values and verdicts


def values(rng: random.Random, shape: Shape) -> np.ndarray:
    """Numbers of all sizes with zeros of both signs, infinities and NaN among them."""
    element, count = shape.element, shape.size
    if element is PRED:
        return np.array([rng.random() < 0.5 for _ in range(count)], np.bool_).reshape(shape.dims)
    if element.is_integer:
        info = ml_dtypes.iinfo(element.dtype)
        some = [0, 1, 2, 7, int(info.min), int(info.max), *([-1, -2] if element.is_signed else [])]
        return np.array([rng.choice(some) for _ in range(count)], element.dtype).reshape(shape.dims)
    some = [0.0, -0.0, 1.0, -1.0, 0.3, -2.5, 7.0, np.inf, -np.inf, np.nan, 1e-3, 1e4]
    if element.is_complex:
        parts = [complex(rng.choice(some[:7]), rng.choice(some[:7])) for _ in range(count)]
        return np.array(parts, element.dtype).reshape(shape.dims)
    return np.array([rng.choice(some) for _ in range(count)]).astype(element.dtype).reshape(shape.dims)


def same(want: np.ndarray, got: np.ndarray, changes: Changes) -> bool:
    """Whether two arrays are equal, bit by bit but for NaN payloads and what `changes` lets differ."""
    if want.dtype != got.dtype or want.shape != got.shape:
        return False
    if want.dtype.kind in "iub":
        return np.array_equal(want, got)
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    a, b = want.astype(wide), got.astype(wide)
    if Changes.NAN in changes:
        finite = np.isfinite(a) & np.isfinite(b)
        a, b = a[finite], b[finite]
    if changes & (Changes.ROUNDING | Changes.ORDER):
        return bool(np.allclose(a, b, rtol=2e-2 if want.dtype.itemsize < 4 else 1e-5, atol=4e-3, equal_nan=True))
    if not np.array_equal(a, b, equal_nan=True):
        return False
    return Changes.ZERO_SIGN in changes or wide is np.complex128 or _signs(a) == _signs(b)


def _signs(x: np.ndarray) -> list[bool]:
    return [bool(s) for s in np.signbit(np.where(np.isnan(x), 1.0, x)).reshape(-1)]


def attempt(rule: Rule, rewriter: Rewriter, seed: int) -> bool:
    """Build one instance; whether the rule fired. Fails the test when the numbers then differ."""
    element = TYPES[seed % len(TYPES)]
    b = Builder(seed, element)
    try:
        b.main.root = b.build(rule.pattern, element, b.base)
        verify_module(b.module)
    except (VerifyError, ShapeError):
        return False
    rng = random.Random(seed)
    arguments = [values(rng, p.shape) for p in b.main.parameters]
    before = str(b.main.order())
    want = interpret(b.module, arguments)
    if not rewriter.apply(b.main, 20):
        return False
    verify_module(b.module)
    got = interpret(b.module, arguments)
    for w, g in zip(want, got, strict=True):
        assert same(w, g, rule.changes), f"{rule.name}\n{before}\n{b.main.order()}\n{arguments}\n{w}\n{g}"
    return True


@pytest.mark.parametrize("rule", LAWS, ids=lambda rule: rule.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_law_is_sound(rule: Rule) -> None:
    rewriter = Rewriter([rule], ANY_CHANGE)
    fired = 0
    for seed in range(ATTEMPTS):
        fired += attempt(rule, rewriter, seed)
        if fired >= ENOUGH:
            break
    assert fired, f"{rule.name} never fired: its left side cannot be built here, or does not match what was built"
