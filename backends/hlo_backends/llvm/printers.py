"""How each expression of the kernel IR is spelled in LLVM IR: one row per op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from hlo_backends.llvm.types import constant, spelled, stored, suffix, vector
from hlo_tools.codegen.kernel import Access, Buffer, Expr, Type
from hlo_tools.ir.element import F16, F32, F64, PRED, S32, ElementType

if TYPE_CHECKING:
    from hlo_backends.llvm.lower import Lowering

Args = Sequence[str]
Printer = Callable[["Lowering", Expr, Args], str]


def _const(f: Lowering, e: Expr, args: Args) -> str:
    return constant(e.attr, e.type)


def _index(f: Lowering, e: Expr, args: Args) -> str:
    return f.index(e.attr)


def _cell(f: Lowering, e: Expr, args: Args) -> str:
    return f.cells[e.attr]


# ---- lanes


def _splat(f: Lowering, e: Expr, args: Args) -> str:
    return f.splat(args[0], e.type)


def _ramp(f: Lowering, e: Expr, args: Args) -> str:
    one = Type(e.type.element)
    steps = ", ".join(f"{spelled(one)} {lane * e.attr}" for lane in range(e.type.lanes))
    return f.text.pure(f"add {spelled(e.type)} {f.splat(args[0], e.type)}, <{steps}>", (f.splat(args[0], e.type),))


def _extract(f: Lowering, e: Expr, args: Args) -> str:
    return f.text.pure(f"extractelement {spelled(e.args[0].type)} {args[0]}, i32 {e.attr}", args)


def _shuffle(f: Lowering, e: Expr, args: Args) -> str:
    of = spelled(e.args[0].type)
    return shuffle(f, of, args[0], args[1], e.attr)


def shuffle(f: Lowering, of: str, x: str, y: str, lanes: Sequence[int]) -> str:
    """Lanes picked from two vectors of type `of`."""
    picks = ", ".join(f"i32 {lane}" for lane in lanes)
    return f.text.pure(f"shufflevector {of} {x}, {of} {y}, <{len(lanes)} x i32> <{picks}>", (x, y))


def _hreduce(f: Lowering, e: Expr, args: Args) -> str:
    element, of = e.type.element, e.args[0].type
    if e.attr in ("min", "max"):
        return _fold_lanes(f, of, e.attr, args[0])
    if element.is_float:
        start = constant(-0.0 if e.attr == "add" else 1.0, e.type)
        call = f"@llvm.vector.reduce.f{e.attr}.{suffix(of)}({spelled(e.type)} {start}, {spelled(of)} {args[0]})"
        return f.text.pure(f"call reassoc {spelled(e.type)} {call}", args)
    return f.text.pure(
        f"call {spelled(e.type)} @llvm.vector.reduce.{e.attr}.{suffix(of)}({spelled(of)} {args[0]})", args
    )


def _fold_lanes(f: Lowering, of: Type, monoid: str, x: str) -> str:
    """Halve the vector while that works, then combine the lanes that are left one by one."""
    while of.lanes > 2 and of.lanes % 2 == 0:
        half = Type(of.element, of.lanes // 2)
        low = shuffle(f, spelled(of), x, "poison", range(half.lanes))
        high = shuffle(f, spelled(of), x, "poison", range(half.lanes, of.lanes))
        x, of = f.combine(monoid, half, low, high), half
    lanes = [f.text.pure(f"extractelement {spelled(of)} {x}, i32 {lane}", (x,)) for lane in range(of.lanes)]
    return reduce(lambda a, b: f.combine(monoid, Type(of.element), a, b), lanes)


# ---- memory


def _load(f: Lowering, e: Expr, args: Args) -> str:
    access: Access = e.attr
    pointer = f.pointer(access.buffer, access.index)
    raw, kind = stored(e.type), f.dialect.pointer_type(access.buffer.space)
    bytes = e.type.element.bytes
    if args and e.type.lanes == 1:
        return f.from_storage(_masked_scalar(f, e, pointer, args[0]), e.type)
    if args:
        name = f"@llvm.masked.load.{f.raw_suffix(e.type)}.{f.dialect.pointer_suffix(access.buffer.space)}"
        mask = f"{vector('i1', e.type.lanes)} {args[0]}"
        rhs = f"call {raw} {name}({kind} {pointer}, i32 {bytes}, {mask}, {raw} zeroinitializer)"
    else:
        rhs = f"load {raw}, {kind} {pointer}, align {bytes}"
    return f.from_storage(f.text.load(rhs, (pointer, *args), access.buffer), e.type)


def _masked_scalar(f: Lowering, e: Expr, pointer: str, mask: str) -> str:
    """A load that may not happen, as a vector of one lane: LLVM makes a branch of it."""
    buffer: Buffer = e.attr.buffer
    raw, kind = stored(e.type), f.dialect.pointer_type(buffer.space)
    one = f"<1 x {raw}>"
    name = f"@llvm.masked.load.{f.lane_suffix(e.type)}.{f.dialect.pointer_suffix(buffer.space)}"
    lane = f.text.pure(f"insertelement <1 x i1> poison, i1 {mask}, i32 0", (mask,))
    align = e.type.element.bytes
    rhs = f"call {one} {name}({kind} {pointer}, i32 {align}, <1 x i1> {lane}, {one} zeroinitializer)"
    whole = f.text.load(rhs, (pointer, lane), buffer)
    return f.text.pure(f"extractelement {one} {whole}, i32 0", (whole,))


def _gather(f: Lowering, e: Expr, args: Args) -> str:
    buffer: Buffer = e.attr
    pointers, many = f.pointers(buffer, args[0], e.args[0].type)
    raw = stored(e.type)
    mask = args[1] if len(args) > 1 else "splat (i1 true)"
    name = f"@llvm.masked.gather.{f.raw_suffix(e.type)}.v{e.type.lanes}{f.dialect.pointer_suffix(buffer.space)}"
    sizes = f"i32 {e.type.element.bytes}, {vector('i1', e.type.lanes)} {mask}"
    rhs = f"call {raw} {name}({many} {pointers}, {sizes}, {raw} zeroinitializer)"
    return f.from_storage(f.text.load(rhs, (pointers, mask), buffer), e.type)


# ---- arithmetic


def _plain(integer: str, floating: str = "", unsigned: str = "") -> Printer:
    """A binary instruction by class of type; `unsigned` where the sign matters."""

    def show(f: Lowering, e: Expr, args: Args) -> str:
        element = e.type.element
        name = floating if element.is_float else integer if element.is_signed else unsigned or integer
        return f.text.pure(f"{name} {spelled(e.type)} {args[0]}, {args[1]}", args)

    return show


def _division(signed: str, unsigned: str, floating: str) -> Printer:
    """A quotient or remainder; by a variable it could trap, so that it must not move."""

    def show(f: Lowering, e: Expr, args: Args) -> str:
        element = e.type.element
        if element.is_float:
            return f.text.pure(f"{floating} {spelled(e.type)} {args[0]}, {args[1]}", args)
        rhs = f"{signed if element.is_signed else unsigned} {spelled(e.type)} {args[0]}, {args[1]}"
        safe = e.args[1].op == "const" and e.args[1].attr not in (0, -1)
        return f.text.pure(rhs, args) if safe else f.text.fixed(rhs)

    return show


def _remainder(f: Lowering, e: Expr, args: Args) -> str:
    if e.type.element.is_float:
        return f.lanewise("fmod", e.type, args)
    return _division("srem", "urem", "")(f, e, args)


def _extremum(name: str) -> Printer:
    def show(f: Lowering, e: Expr, args: Args) -> str:
        return f.combine(name, e.type, args[0], args[1])

    return show


def _intrinsic(name: str, *flags: str) -> Printer:
    """A call of an intrinsic that is overloaded by the type of the result."""
    tail = "".join(f", {flag}" for flag in flags)

    def show(f: Lowering, e: Expr, args: Args) -> str:
        given = ", ".join(f"{spelled(e.type)} {a}" for a in args)
        return f.text.pure(f"call {spelled(e.type)} @llvm.{name}.{suffix(e.type)}({given}{tail})", args)

    return show


_FABS, _IABS = _intrinsic("fabs"), _intrinsic("abs", "i1 false")


def _abs(f: Lowering, e: Expr, args: Args) -> str:
    if e.type.element.is_float:
        return _FABS(f, e, args)
    return _IABS(f, e, args) if e.type.element.is_signed else args[0]


def _neg(f: Lowering, e: Expr, args: Args) -> str:
    if e.type.element.is_float:
        return f.text.pure(f"fneg {spelled(e.type)} {args[0]}", args)
    return f.text.pure(f"sub {spelled(e.type)} {constant(0, e.type)}, {args[0]}", args)


def _not(f: Lowering, e: Expr, args: Args) -> str:
    return f.text.pure(f"xor {spelled(e.type)} {args[0]}, {constant(-1, e.type)}", args)


def _rounding(name: str, intrinsic: str) -> Printer:
    hardware = _intrinsic(intrinsic)

    def show(f: Lowering, e: Expr, args: Args) -> str:
        if f.dialect.rounding:
            return hardware(f, e, args)
        return _round_by_adding(f, name, e.type, args[0])

    return show


def _round_by_adding(f: Lowering, name: str, type: Type, x: str) -> str:
    """Rounding without an instruction for it: adding 2**(precision - 1) drops the fraction; then correct by one."""
    t, pure = spelled(type), f.text.pure
    large = constant(2.0**52 if type.element is F64 else 2.0**23, type)
    size = pure(f"call {t} @llvm.fabs.{suffix(type)}({t} {x})", (x,))
    sum_ = pure(f"fadd {t} {size}, {large}", (size,))
    near = pure(f"fsub {t} {sum_}, {large}", (sum_,))
    if name == "trunc":
        near = _correct(f, type, near, size, "ogt", "fsub")
    back = pure(f"call {t} @llvm.copysign.{suffix(type)}({t} {near}, {t} {x})", (near, x))
    if name in ("floor", "ceil"):
        back = _correct(f, type, back, x, *(("ogt", "fsub") if name == "floor" else ("olt", "fadd")))
        back = pure(f"call {t} @llvm.copysign.{suffix(type)}({t} {back}, {t} {x})", (back, x))
    bits = vector("i1", type.lanes)
    small = pure(f"fcmp olt {t} {size}, {large}", (size,))
    return pure(f"select {bits} {small}, {t} {back}, {t} {x}", (small, back, x))


def _correct(f: Lowering, type: Type, rounded: str, x: str, when: str, how: str) -> str:
    t, bits = spelled(type), vector("i1", type.lanes)
    off = f.text.pure(f"fcmp {when} {t} {rounded}, {x}", (rounded, x))
    by = f.text.pure(f"select {bits} {off}, {t} {constant(1.0, type)}, {t} {constant(0.0, type)}", (off,))
    return f.text.pure(f"{how} {t} {rounded}, {by}", (rounded, by))


_FMA = _intrinsic("fma")


def _fma(f: Lowering, e: Expr, args: Args) -> str:
    t = spelled(e.type)
    if e.type.element.is_float and f.dialect.fma:
        return _FMA(f, e, args)
    times, plus = ("fmul", "fadd") if e.type.element.is_float else ("mul", "add")
    product = f.text.pure(f"{times} {t} {args[0]}, {args[1]}", args)
    return f.text.pure(f"{plus} {t} {product}, {args[2]}", (product, args[2]))


def _mulhi(f: Lowering, e: Expr, args: Args) -> str:
    element = e.type.element
    if element.bits == 64 and not f.dialect.wide_product:
        return f.lanewise("mulhi_s" if element.is_signed else "mulhi_u", e.type, args)
    narrow, wide = spelled(e.type), vector(f"i{2 * element.bits}", e.type.lanes)
    extend = "sext" if element.is_signed else "zext"
    x, y = (f.text.pure(f"{extend} {narrow} {a} to {wide}", (a,)) for a in args)
    product = f.text.pure(f"mul {wide} {x}, {y}", (x, y))
    by = str(element.bits) if e.type.lanes == 1 else f"splat (i{2 * element.bits} {element.bits})"
    high = f.text.pure(f"lshr {wide} {product}, {by}", (product,))
    return f.text.pure(f"trunc {wide} {high} to {narrow}", (high,))


_FLOAT_PREDICATES = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}


def _cmp(f: Lowering, e: Expr, args: Args) -> str:
    of = e.args[0].type
    if of.element.is_float:
        return f.text.pure(f"fcmp {_FLOAT_PREDICATES[e.attr]} {spelled(of)} {args[0]}, {args[1]}", args)
    sign = "" if e.attr in ("eq", "ne") else "s" if of.element.is_signed else "u"
    return f.text.pure(f"icmp {sign}{e.attr} {spelled(of)} {args[0]}, {args[1]}", args)


def _select(f: Lowering, e: Expr, args: Args) -> str:
    t = spelled(e.type)
    return f.text.pure(f"select {spelled(e.args[0].type)} {args[0]}, {t} {args[1]}, {t} {args[2]}", args)


def _bitcast(f: Lowering, e: Expr, args: Args) -> str:
    source, target = e.args[0].type, e.type
    old, new = spelled(source), spelled(target)
    if old == new:
        return args[0]
    # a float of 4 or 6 bits fills a byte in memory, and as a value is an integer of its width
    less = source.element.bits - target.element.bits
    name = "bitcast" if not less else "trunc" if less > 0 else "zext"
    return f.text.pure(f"{name} {old} {args[0]} to {new}", args)


# ---- conversions


def _convert(f: Lowering, e: Expr, args: Args) -> str:
    return _converted(f, e.args[0].type, e.type, args[0])


def _converted(f: Lowering, source: Type, target: Type, x: str) -> str:
    old, new = source.element, target.element
    t, to, pure = spelled(source), spelled(target), f.text.pure
    if old is F16:  # by way of f32
        wide, half = Type(F32, target.lanes), vector("half", target.lanes)
        short = pure(f"bitcast {t} {x} to {half}", (x,))
        return _converted(f, wide, target, pure(f"fpext {half} {short} to {spelled(wide)}", (short,)))
    if new is F16:  # from f32 alone: all else was expanded
        half = vector("half", target.lanes)
        short = pure(f"fptrunc {t} {x} to {half}", (x,))
        return pure(f"bitcast {half} {short} to {to}", (short,))
    if old.is_float and new is PRED:
        return pure(f"fcmp une {t} {x}, {constant(0.0, source)}", (x,))
    if old.is_float and not new.is_float:
        return _saturate(f, source, target, x)
    if new is PRED:
        return pure(f"icmp ne {t} {x}, {constant(0, source)}", (x,))
    name = _conversion(old, new)
    return pure(f"{name} {t} {x} to {to}", (x,)) if name else x


def _conversion(old: ElementType, new: ElementType) -> str:
    """The instruction that converts; empty where the bits stay."""
    if old.bits == new.bits and old.is_float == new.is_float:
        return ""
    if old.is_float:
        return "fpext" if new.bits > old.bits else "fptrunc"
    if new.is_float:
        return "sitofp" if old.is_signed else "uitofp"
    return "trunc" if old.bits > new.bits else "sext" if old.is_signed else "zext"


def _saturate(f: Lowering, source: Type, target: Type, x: str) -> str:
    """Float to integer with clamping and NaN to 0.

    `llvm.fptosi.sat` is lane by lane on x86; comparing with the bounds, which are powers of two, is not.
    """
    element = target.element
    low, high, top = _bounds(element)
    t, to, bits, pure = spelled(source), spelled(target), vector("i1", source.lanes), f.text.pure
    via = Type(element if element.bits >= 32 else S32, target.lanes)
    value = pure(f"{'fptosi' if via.element.is_signed else 'fptoui'} {t} {x} to {spelled(via)}", (x,))
    if via.element.bits != element.bits:
        value = pure(f"trunc {spelled(via)} {value} to {to}", (value,))
    above = pure(f"fcmp oge {t} {x}, {constant(top, source)}", (x,))
    value = pure(f"select {bits} {above}, {to} {constant(high, target)}, {to} {value}", (above, value))
    if low:
        below = pure(f"fcmp olt {t} {x}, {constant(low, source)}", (x,))
        value = pure(f"select {bits} {below}, {to} {constant(low, target)}, {to} {value}", (below, value))
        lost = pure(f"fcmp uno {t} {x}, {x}", (x,))
    else:  # below zero and NaN alike
        lost = pure(f"fcmp ult {t} {x}, {constant(0.0, source)}", (x,))
    return pure(f"select {bits} {lost}, {to} {constant(0, target)}, {to} {value}", (lost, value))


def _bounds(element: ElementType) -> tuple[int, int, float]:
    """Least and greatest integer, and the power of two above."""
    if element.is_signed:
        top = 1 << (element.bits - 1)
        return -top, top - 1, float(np.float64(top))
    return 0, (1 << element.bits) - 1, float(np.float64(1 << element.bits))


PRINTERS: dict[str, Printer] = {
    "const": _const,
    "index": _index,
    "cell": _cell,
    "ramp": _ramp,
    "load": _load,
    "gather": _gather,
    "splat": _splat,
    "extract": _extract,
    "shuffle": _shuffle,
    "hreduce": _hreduce,
    "neg": _neg,
    "abs": _abs,
    "not": _not,
    "sqrt": _intrinsic("sqrt"),
    "floor": _rounding("floor", "floor"),
    "ceil": _rounding("ceil", "ceil"),
    "trunc": _rounding("trunc", "trunc"),
    "rint": _rounding("rint", "roundeven"),
    "popcount": _intrinsic("ctpop"),
    "clz": _intrinsic("ctlz", "i1 false"),
    "ctz": _intrinsic("cttz", "i1 false"),
    "add": _plain("add", "fadd"),
    "sub": _plain("sub", "fsub"),
    "mul": _plain("mul", "fmul"),
    "div": _division("sdiv", "udiv", "fdiv"),
    "rem": _remainder,
    "and": _plain("and"),
    "or": _plain("or"),
    "xor": _plain("xor"),
    "shl": _plain("shl"),
    "shr": _plain("lshr"),
    "sar": _plain("ashr"),
    "min": _extremum("min"),
    "max": _extremum("max"),
    "mulhi": _mulhi,
    "fma": _fma,
    "cmp": _cmp,
    "select": _select,
    "convert": _convert,
    "bitcast": _bitcast,
}
"""Every op of `Expr`; a house test compares the keys with its table."""
