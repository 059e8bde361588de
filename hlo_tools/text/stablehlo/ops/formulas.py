"""Special functions of CHLO in terms of elementwise ops, in the forms and with the coefficients that XLA uses.

Sources: Cephes (erfc, bessel_i1e), M. Giles, "Approximating the erfinv function" (erf_inv), C. Lanczos's approximation
with g = 7 and 9 terms (lgamma, digamma). Types narrower than f32 are computed in f32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, log, nan, pi
from typing import Any

from hlo_tools.ir.attributes import ComparisonDirection, Dims
from hlo_tools.ir.element import ELEMENT_TYPES, F32, F64, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import literal
from hlo_tools.ir.op import Op
from hlo_tools.ir.shape import scalar
from hlo_tools.ops import OPS
from hlo_tools.ops import elementwise as e
from hlo_tools.ops.compare import CompareAttrs, compare, select
from hlo_tools.ops.shapes import DimensionsAttrs, broadcast
from hlo_tools.ops.structure import ConstantAttrs, constant
from hlo_tools.text.malformed import Malformed
from hlo_tools.text.stablehlo.scope import Builder, Scope
from hlo_tools.text.stablehlo.syntax import Operation


class Value:
    """An array in a formula: operators and methods add instructions; numbers are filled in to its shape."""

    __slots__ = ("inst", "scope")

    def __init__(self, scope: Scope, inst: Instruction) -> None:
        self.scope = scope
        self.inst = inst

    def like(self, number: float) -> Value:
        """An array of the same shape and type, filled with a number."""
        shape = self.inst.shape
        value = literal(shape.element, number)
        made = self.scope.add(constant, (), ConstantAttrs(value), scalar(shape.element))
        if shape.dims:
            made = self.scope.add(broadcast, [made], DimensionsAttrs(Dims(())), shape)
        return Value(self.scope, made)

    def apply(self, op: Op[Any], *others: Value | float) -> Value:
        """An elementwise op on this value and others."""
        xs = [x if isinstance(x, Value) else self.like(x) for x in others]
        return Value(self.scope, self.scope.add(op, [self.inst, *(x.inst for x in xs)]))

    def cast(self, element: ElementType, op: str = "convert") -> Value:
        """The same numbers (or with `bitcast-convert` the same bits) as another type."""
        if self.inst.shape.element is element:
            return self
        return Value(self.scope, self.scope.add(OPS[op], [self.inst], shape=self.inst.shape.with_element(element)))

    def __add__(self, other: Value | float) -> Value:
        return self.apply(e.add, other)

    def __radd__(self, other: float) -> Value:
        return self.like(other) + self

    def __sub__(self, other: Value | float) -> Value:
        return self.apply(e.subtract, other)

    def __rsub__(self, other: float) -> Value:
        return self.like(other) - self

    def __mul__(self, other: Value | float) -> Value:
        return self.apply(e.multiply, other)

    def __rmul__(self, other: float) -> Value:
        return self.like(other) * self

    def __truediv__(self, other: Value | float) -> Value:
        return self.apply(e.divide, other)

    def __rtruediv__(self, other: float) -> Value:
        return self.like(other) / self

    def __neg__(self) -> Value:
        return self.apply(e.negate)

    def __abs__(self) -> Value:
        return self.apply(e.abs_)

    def __and__(self, other: Value | int) -> Value:
        return self.apply(e.and_, other)

    def __or__(self, other: Value | int) -> Value:
        return self.apply(e.or_, other)

    def compare(self, direction: str, other: Value | float) -> Value:
        """Where `self LT other`, and so on."""
        y = other if isinstance(other, Value) else self.like(other)
        at = CompareAttrs(ComparisonDirection[direction])
        return Value(self.scope, self.scope.add(compare, [self.inst, y.inst], at))

    def choose(self, yes: Value, no: Value) -> Value:
        """Elements of `yes` where this is true, else of `no`."""
        return Value(self.scope, self.scope.add(select, [self.inst, yes.inst, no.inst]))

    def polynomial(self, coefficients: Sequence[float]) -> Value:
        """By Horner's rule, the highest power first."""
        total = self.like(coefficients[0])
        for c in coefficients[1:]:
            total = total * self + c
        return total


_ERFC_P32 = (
    2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1, 6.210004621745983e-1,
    -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1,
)  # fmt: skip
_ERFC_R32 = (
    -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786, -1.015265279202700,
    4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
)  # fmt: skip
_ERFC_P64 = (
    2.4619698147353052e-10, 0.56418956483106886, 7.4632105644226989, 48.637197098568137, 196.5208329560771,
    526.44519499547732, 934.52852717195765, 1027.5518868951572, 557.53533536939938,
)  # fmt: skip
_ERFC_Q64 = (
    1.0, 13.228195115474499, 86.707214088598973, 354.93777888781989, 975.70850174320549, 1823.9091668790973,
    2246.3376081871097, 1656.6630919416134, 557.53534081772773,
)  # fmt: skip
_ERFC_R64 = (
    0.56418958354775506, 1.275366707599781, 5.0190504225118051, 6.160210979930536, 7.4097426995044895,
    2.9788666537210022,
)  # fmt: skip
_ERFC_S64 = (
    1.0, 2.2605286322011726, 9.3960352493800147, 12.048953980809666, 17.081445074756591, 9.6089680906328585,
    3.3690764510008151,
)  # fmt: skip


def erfc(x: Value) -> Value:
    """1 - erf(x) near 0; elsewhere exp(-x^2) times a function that varies slowly."""
    size = abs(x)
    square = x * x
    scale = (-square).apply(e.exponential)
    if x.inst.shape.element is F64:
        near = scale * size.polynomial(_ERFC_P64) / size.polynomial(_ERFC_Q64)
        far = scale * size.polynomial(_ERFC_R64) / size.polynomial(_ERFC_S64)
        tail, limit = size.compare("LT", 8.0).choose(near, far), -709.78271289338397
    else:
        y = 1.0 / square
        varying = size.compare("LT", 2.0).choose(y.polynomial(_ERFC_P32), y.polynomial(_ERFC_R32))
        tail, limit = scale * (1.0 / size) * varying, -88.72283905206835
    tail = (-square).compare("LT", limit).choose(x.like(0.0), tail)
    both = x.compare("LT", 0.0).choose(2.0 - tail, tail)
    return size.compare("LT", 1.0).choose(1.0 - x.apply(e.erf), both)


_ERF_INV_32 = (
    (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
     0.246640727, 1.50140941),
    (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
     1.00167406, 2.83297682),
)  # fmt: skip
_ERF_INV_64 = (
    (-3.6444120640178197e-21, -1.6850591381820166e-19, 1.28584807152564e-18, 1.1157877678025181e-17,
     -1.3331716628546209e-16, 2.0972767875968562e-17, 6.6376381343583238e-15, -4.0545662729752069e-14,
     -8.1519341976054721e-14, 2.6335093153082323e-12, -1.2975133253453532e-11, -5.4154120542946279e-11,
     1.0512122733215323e-9, -4.1126339803469837e-9, -2.9070369957882005e-8, 4.2347877827932404e-7,
     -1.3654692000834679e-6, -1.3882523362786469e-5, 1.8673420803405714e-4, -7.4070253416626698e-4,
     -6.0336708714301491e-3, 0.24015818242558962, 1.6536545626831027),
    (2.2137376921775787e-9, 9.075656193888539e-8, -2.7517406297064545e-7, 1.8239629214389228e-8,
     1.5027403968909828e-6, -4.013867526981546e-6, 2.9234449089955446e-6, 1.2475304481671779e-5,
     -4.7318229009055734e-5, 6.8284851459573175e-5, 2.4031110387097894e-5, -3.5503752036284748e-4,
     9.5328937973738049e-4, -1.6882755560235047e-3, 2.4914420961078508e-3, -3.7512085075692412e-3,
     5.3709145535900636e-3, 1.0052589676941592, 3.0838856104922208),
    (-2.7109920616438573e-11, -2.5556418169965252e-10, 1.5076572693500548e-9, -3.789465440126737e-9,
     7.6157012080783394e-9, -1.496002662714924e-8, 2.9147953450901081e-8, -6.7711997758452339e-8,
     2.2900482228026655e-7, -9.9298272942317003e-7, 4.5260625972231537e-6, -1.9681778105531671e-5,
     7.5995277030017761e-5, -2.1503011930044477e-4, -1.3871931833623122e-4, 1.0103004648645344, 4.8499064014085844),
)  # fmt: skip


def erf_inv(x: Value) -> Value:
    """x times a polynomial in w = -log(1 - x^2), or in its root where w is large; infinite at 1 and -1."""
    w = -((x * -x).apply(e.log_plus_one))
    root = w.apply(e.sqrt)
    if x.inst.shape.element is F64:
        small, middle, large = _ERF_INV_64
        rest = w.compare("LT", 16.0).choose((root - 3.25).polynomial(middle), (root - 5.0).polynomial(large))
        factor = w.compare("LT", 6.25).choose((w - 3.125).polynomial(small), rest)
    else:
        near, far = _ERF_INV_32
        factor = w.compare("LT", 5.0).choose((w - 2.5).polynomial(near), (root - 3.0).polynomial(far))
    return abs(x).compare("EQ", 1.0).choose(x * inf, factor * x)


_LANCZOS_G = 7.0
_LANCZOS_BASE = 0.99999999999980993227684700473478
_LANCZOS = (
    676.520368121885098567009190444019, -1259.13921672240287047156078755283, 771.3234287776530788486528258894,
    -176.61502916214059906584551354, 12.507343278686904814458936853, -0.13857109526572011689554707,
    9.984369578019570859563e-6, 1.50563273514931155834e-7,
)  # fmt: skip


def _lanczos_log(z: Value) -> tuple[Value, Value]:
    """t = z + g + 1/2 and its logarithm."""
    half = _LANCZOS_G + 0.5
    return half + z, log(half) + (z / half).apply(e.log_plus_one)


def lgamma(x: Value) -> Value:
    """log |gamma(x)| by Lanczos's sum, and by reflection below 1/2."""
    below = x.compare("LT", 0.5)
    z = below.choose(-x, x - 1.0)
    total = z.like(_LANCZOS_BASE)
    for i, c in enumerate(_LANCZOS):
        total = total + c / (z + (i + 1.0))
    t, log_t = _lanczos_log(z)
    above = 0.5 * log(2 * pi) + (z + 0.5 - t / log_t) * log_t + total.apply(e.log)
    size = abs(x)
    part = size - size.apply(e.floor)
    part = part.like(0.5).compare("LT", part).choose(1.0 - part, part)
    sine = (pi * part).apply(e.sine).apply(e.log)
    reflected = sine.apply(e.is_finite).choose(log(pi) - sine - above, -sine)
    return size.compare("EQ", inf).choose(x.like(inf), below.choose(reflected, above))


def digamma(x: Value) -> Value:
    """The derivative of lgamma; NaN at 0 and the negative integers."""
    below = x.compare("LT", 0.5)
    z = below.choose(-x, x - 1.0)
    top, bottom = z.like(0.0), z.like(_LANCZOS_BASE)
    for i, c in enumerate(_LANCZOS):
        d = z + (i + 1.0)
        top, bottom = top - c / (d * d), bottom + c / d
    t, log_t = _lanczos_log(z)
    above = log_t + top / bottom - _LANCZOS_G / t
    angle = pi * (x + abs((x + 0.5).apply(e.floor)))
    reflected = above - pi * angle.apply(e.cosine) / angle.apply(e.sine)
    pole = x.compare("LE", 0.0) & x.compare("EQ", x.apply(e.floor))
    return pole.choose(x.like(nan), below.choose(reflected, above))


_I1E_NEAR = (
    2.7779141127610464e-18, -2.111421214358166e-17, 1.5536319577362005e-16, -1.1055969477353862e-15,
    7.6006842947354077e-15, -5.0421855047279118e-14, 3.2237933659455748e-13, -1.9839743977649436e-12,
    1.1736186298890901e-11, -6.6634897235020271e-11, 3.6255902815521172e-10, -1.8872497517228294e-9,
    9.3815373864957726e-9, -4.4450591287963281e-8, 2.0032947535521353e-7, -8.5687202646954547e-7,
    3.4702513081376785e-6, -1.3273163656039436e-5, 4.7815651075500542e-5, -1.6176081582589674e-4,
    5.1228595616857576e-4, -1.5135724506312532e-3, 4.1564229443128882e-3, -1.0564084894626197e-2,
    2.4726449030626516e-2, -5.2945981208094989e-2, 0.10264365868984709, -0.17641651835783406, 0.25258718644363365,
)  # fmt: skip
_I1E_FAR = (
    7.5172963108421052e-18, 4.4143483230717077e-18, -4.6503053684893586e-17, -3.2095259219934238e-17,
    2.9626289976459501e-16, 3.3082023109209285e-16, -1.8803547755107825e-15, -3.8144030724370075e-15,
    1.0420276984128802e-14, 4.272440016711951e-14, -2.1015418427726643e-14, -4.0835511110921974e-13,
    -7.1985517762459084e-13, 2.0356285441470896e-12, 1.4125807436613782e-11, 3.2526035830154884e-11,
    -1.8974958123505413e-11, -5.5897434621965838e-10, -3.835380385964237e-9, -2.6314688468895196e-8,
    -2.5122362378702088e-7, -3.8825648088776906e-6, -1.1058893876262371e-4, -9.7610974913614687e-3,
    0.7785762350182801,
)  # fmt: skip


def _chebyshev(x: Value, coefficients: Sequence[float]) -> Value:
    """By Clenshaw's recurrence."""
    before, last, now = x.like(0.0), x.like(0.0), x.like(0.0)
    for c in coefficients:
        before, last = last, now
        now = x * last - before + c
    return 0.5 * (now - before)


def bessel_i1e(x: Value) -> Value:
    """exp(-|x|) I1(x): a Chebyshev series in x up to 8, and one in 1/x beyond."""
    size = abs(x)
    near = size * _chebyshev(0.5 * size - 2.0, _I1E_NEAR)
    far = _chebyshev(32.0 / size - 2.0, _I1E_FAR) / size.apply(e.sqrt)
    return x.apply(e.sign) * size.compare("LE", 8.0).choose(near, far)


def next_after(x: Value, y: Value) -> Value:
    """The neighbour of x on the way to y: the bits of a float, read as an integer, are in order."""
    element = x.inst.shape.element
    sign_bit = 1 << (element.bits - 1)
    integer = ELEMENT_TYPES[f"s{element.bits}"]
    a, b = (v.cast(integer, "bitcast-convert") for v in (x, y))
    size_a, size_b = a & (sign_bit - 1), b & (sign_bit - 1)
    sign_a, sign_b = a & -sign_bit, b & -sign_bit
    toward_zero = size_a.compare("GT", size_b) | sign_a.compare("NE", sign_b)
    stepped = a + toward_zero.choose(a.like(-1), a.like(1))
    from_zero = size_b.compare("EQ", 0).choose(b, sign_b | 1)
    moved = size_a.compare("EQ", 0).choose(from_zero, stepped)
    result = x.compare("EQ", y).choose(b, moved).cast(element, "bitcast-convert")
    no_number = x.compare("NE", x) | y.compare("NE", y)
    return no_number.choose(x.like(nan), result)


def square(x: Value) -> Value:
    """x times x; for a complex number without the cancellation that loses |re| = |im|."""
    if not x.inst.shape.element.is_complex:
        return x * x
    re, im = x.apply(e.real), x.apply(e.imag)
    equal = re.apply(e.is_finite) & abs(re).compare("EQ", abs(im))
    return equal.choose(re.like(0.0), (re - im) * (re + im)).apply(e.complex_, 2.0 * (re * im))


def atan(x: Value) -> Value:
    """atan2(x, 1); for a complex number -i atanh(i x)."""
    if not x.inst.shape.element.is_complex:
        return x.apply(e.atan2, 1.0)
    turned = (-x.apply(e.imag)).apply(e.complex_, x.apply(e.real)).apply(e.atanh)
    return turned.apply(e.imag).apply(e.complex_, -turned.apply(e.real))


def conj(x: Value) -> Value:
    """The complex conjugate."""
    if not x.inst.shape.element.is_complex:
        return x
    return x.apply(e.real).apply(e.complex_, -x.apply(e.imag))


def formula(make: Callable[..., Value], wide: bool = False, arity: int = 1) -> Builder:
    """The builder of an op that `make` computes; with `wide`, floats narrower than f32 are computed as f32."""

    def build(scope: Scope, op: Operation) -> Sequence[Instruction]:
        values = [Value(scope, x) for x in scope.operands(op, arity)]
        element = values[0].inst.shape.element
        if not (element.is_float or element.is_complex):
            raise Malformed(f"expected floating point elements, got {element}", code="HLO1504")
        if wide and element.is_float and element.bits < F32.bits:
            return [make(*[v.cast(F32) for v in values]).cast(element).inst]
        return [make(*values).inst]

    return build


FORMULAS: dict[str, Builder] = {
    "chlo.atan": formula(atan),
    "chlo.bessel_i1e": formula(bessel_i1e, wide=True),
    "chlo.conj": formula(conj),
    "chlo.digamma": formula(digamma, wide=True),
    "chlo.erf_inv": formula(erf_inv, wide=True),
    "chlo.erfc": formula(erfc, wide=True),
    "chlo.is_inf": formula(lambda x: abs(x).compare("EQ", inf)),
    "chlo.is_neg_inf": formula(lambda x: x.compare("EQ", -inf)),
    "chlo.is_pos_inf": formula(lambda x: x.compare("EQ", inf)),
    "chlo.lgamma": formula(lgamma, wide=True),
    "chlo.next_after": formula(next_after, arity=2),
    "chlo.square": formula(square),
}
