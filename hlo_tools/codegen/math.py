"""Mathematical functions as kernel expressions, for f32 and f64: no libm, no branches, the same on every target.

Each takes and returns a `Num`. Errors against the true value, measured over the whole range by
`tests/unit/test_codegen_math.py`, stay within the ULP that the table `ULP` states; special values are those of C99
Annex F. `sin`, `cos` and `tan` reduce every f32 exactly; f64 arguments beyond 2e8 lose absolute accuracy.
"""

from __future__ import annotations

import math

from hlo_tools.codegen.polynomials import FORMATS, HALF_PI, LOG_SHORT, SINGLE, TWO_OVER_PI, Format
from hlo_tools.codegen.value import SIGNED_OF, UNSIGNED_OF, Num, copysign, fma, polynomial
from hlo_tools.ir.element import F32, F64, S32, S64

INF = math.inf
NAN = math.nan

ULP: dict[str, tuple[float, float]] = {
    "exp": (1, 1),
    "expm1": (2, 2),
    "log": (1, 1),
    "log1p": (2, 2),
    "tanh": (3, 3),
    "sinh": (3, 3),
    "cosh": (2, 2),
    "asinh": (4, 4),
    "acosh": (4, 4),
    "atanh": (4, 4),
    "logistic": (3, 3),
    "sin": (2, 2),
    "cos": (2, 2.5),
    "tan": (4, 4),
    "asin": (3, 3),
    "acos": (3, 3),
    "atan2": (3, 3),
    "erf": (2, 4),
    "pow": (1, 3),
    "cbrt": (1, 2),
    "rsqrt": (1.5, 1.5),
}
"""Largest error of each function for f32 and for f64, in units in the last place of the result."""


def _format(x: Num) -> Format:
    return FORMATS[x.type.element]


# ---- exponentials


def _reduced(x: Num, f: Format) -> tuple[Num, Num]:
    """x = n log(2) + r: the bits of the biased integer n (see `Format.magic`), and r."""
    shifted = fma(x, 1 / math.log(2), f.magic)
    n = shifted - f.magic
    return shifted.bits() - _bits(f.magic, f), fma(n, -f.ln2[1], fma(n, -f.ln2[0], x))


def _bits(value: float, f: Format) -> int:
    return int.from_bytes(f.element.dtype.type(value).tobytes(), "little", signed=True)


def _power_of_two(n: Num, f: Format) -> Num:
    """2**n for n in the range of normal exponents."""
    return ((n + f.bias) << f.mantissa).as_float()


def exp(x: Num, scale: int = 0) -> Num:
    """e**x * 2**scale, with gradual underflow."""
    f = _format(x)
    n, r = _reduced(x.below(f.highest - scale * 0.7).above(f.lowest), f)
    p = fma(r * r, polynomial(r, f.exp), r) + 1.0
    n = n + scale if scale else n
    half = n >> 1  # 2**n itself may lie outside the normal exponents
    return p * _power_of_two(half, f) * _power_of_two(n - half, f)


def expm1(x: Num) -> Num:
    """e**x - 1."""
    f = _format(x)
    n, r = _reduced(x.below(f.highest).above(-(f.mantissa + 3) * math.log(2)), f)
    q = fma(r * r, polynomial(r, f.exp), r)
    half = _power_of_two(n - 1, f)
    y = fma(half, q, half - 0.5) * 2.0
    return (abs(x) < 2.0**-60).where(x, y)


def sinh(x: Num) -> Num:
    """(e**x - e**-x) / 2."""
    a = abs(x)
    e = expm1(a)
    small = (e + e / (e + 1.0)) * 0.5
    return copysign((a < 20.0).where(small, exp(a, -1)), x)


def cosh(x: Num) -> Num:
    """(e**x + e**-x) / 2."""
    half = exp(abs(x), -1)
    return half + 0.25 / half


def tanh(x: Num) -> Num:
    """Hyperbolic tangent."""
    e = expm1(abs(x).below(22.0) * 2.0)
    return copysign(e / (e + 2.0), x)


def logistic(x: Num) -> Num:
    """1 / (1 + e**-x)."""
    e = exp(-abs(x))
    return (x < 0.0).where(e, 1.0) / (e + 1.0)


# ---- logarithms


def _split(x: Num, f: Format) -> tuple[Num, Num]:
    """x = m 2**e for positive x, with m from sqrt(1/2) to sqrt(2): m and e (a float)."""
    tiny = x < 2.0 ** (1 - f.bias)
    bits = tiny.where(x * 2.0**f.subnormal, x).bits()
    root_half = _bits(math.sqrt(0.5), f)
    e = (bits - root_half) >> f.mantissa
    m = (bits - (e << f.mantissa)).as_float()
    return m, e.to(f.element) - tiny.where(x.like(f.subnormal), 0.0)


def _log_special(x: Num, y: Num) -> Num:
    """`y` where a logarithm of x is a finite number, the special value elsewhere."""
    y = x.eq(INF).where(x, y)
    y = x.eq(0.0).where(-INF, y)
    return (x >= 0.0).where(y, NAN)


def _log_finite(x: Num) -> Num:
    """log(x) for positive finite x."""
    f = _format(x)
    m, e = _split(x, f)
    t = m - 1.0
    if f is SINGLE:
        y = t * t * t * polynomial(t, f.log)
        y = fma(e, f.ln2[1], y)
        y = fma(t * t, -0.5, y)
        return fma(e, f.ln2[0], t + y)
    # log(1 + t) = t - h + s (h + R) with s = t / (2 + t), h = t^2 / 2: t itself enters exactly
    s = t / (t + 2.0)
    z = s * s
    h = t * t * 0.5
    rest = s * fma(z * 2.0, polynomial(z, f.log), h)
    return fma(e, f.ln2[0], t - (h - fma(e, f.ln2[1], rest)))


def log(x: Num) -> Num:
    """Natural logarithm."""
    return _log_special(x, _log_finite(x))


def log1p(x: Num) -> Num:
    """log(1 + x)."""
    u = x + 1.0
    # what the rounding of 1 + x took away, to first order
    lost = (u - 1.0 - x) / u
    y = _log_finite(u) - lost
    y = u.eq(1.0).where(x, y)
    return _log_special(u, y)


def asinh(x: Num) -> Num:
    """Inverse hyperbolic sine."""
    a = abs(x)
    big = a > 2.0 ** (_format(x).mantissa + 4)
    t = a + a * a / ((fma(a, a, 1.0)).unary("sqrt") + 1.0)
    y = log1p(big.where(a, t))
    return copysign(big.where(y + math.log(2), y), x)


def acosh(x: Num) -> Num:
    """Inverse hyperbolic cosine; NaN below 1."""
    big = x > 2.0 ** (_format(x).mantissa + 4)
    t = x - 1.0
    y = log1p(big.where(x, t + fma(t, t, t * 2.0).unary("sqrt")))
    return (x >= 1.0).where(big.where(y + math.log(2), y), NAN)


def atanh(x: Num) -> Num:
    """Inverse hyperbolic tangent; NaN outside -1 .. 1."""
    a = abs(x)
    return copysign(log1p(a * 2.0 / (1.0 - a)) * 0.5, x)


# ---- circular functions


def _quadrant(x: Num) -> tuple[Num, Num]:
    """x = q pi/2 + r with |r| <= pi/4: q (an integer whose low two bits count) and r."""
    magic = FORMATS[F64].magic
    if x.type.element is F32:
        wide = x.to(F64)
        turns = wide.like(0.0)
        for piece in TWO_OVER_PI:  # each product is exact, and so is taking whole turns away
            part = wide * piece
            turns = turns + (part - (part * 0.25).unary("rint") * 4.0)
        shifted = turns + magic
        r = ((turns - (shifted - magic)) * (math.pi / 2)).to(F32)
        return shifted.bits().to(S32), r
    shifted = fma(x, 2 / math.pi, magic)
    n = (x * (2 / math.pi)).unary("rint")
    shifted = n.below(2.0**51).above(-(2.0**51)) + magic
    r = x
    for piece in HALF_PI:
        r = fma(n, -piece, r)
    return shifted.bits(), r.below(math.pi / 4).above(-math.pi / 4)


def _sin_cos(r: Num) -> tuple[Num, Num]:
    """Sine and cosine of |r| <= pi/4."""
    f = _format(r)
    z = r * r
    sine = fma(r * z, polynomial(z, f.sin), r)
    cosine = fma(z * z, polynomial(z, f.cos), fma(z, -0.5, 1.0))
    return sine, cosine


def _turned(q: Num, even: Num, odd: Num) -> Num:
    """`even` or `odd` by the lowest bit of q, negated by the next."""
    picked = (q & 1).eq(0).where(even, odd)
    width = picked.type.element.bits
    sign = (q.to(SIGNED_OF[width]) & 2) << (width - 2)
    return (picked.bits() ^ sign).as_float()


def sin(x: Num) -> Num:
    """Sine; x itself where x is 0."""
    q, r = _quadrant(x)
    y = _turned(q, *_sin_cos(r))
    return x.eq(0.0).where(x, y)


def cos(x: Num) -> Num:
    """Cosine."""
    q, r = _quadrant(x)
    sine, cosine = _sin_cos(r)
    return _turned(q + 1, sine, cosine)


def tan(x: Num) -> Num:
    """Tangent."""
    q, r = _quadrant(x)
    sine, cosine = _sin_cos(r)
    odd = (q & 1).ne(0)
    y = odd.where(-cosine, sine) / odd.where(sine, cosine)
    return x.eq(0.0).where(x, y)


def atan2(y: Num, x: Num) -> Num:
    """The angle of the point (x, y), from -pi to pi."""
    f = _format(x)
    ax, ay = abs(x), abs(y)
    steep = ay > ax
    low, high = steep.where(ax, ay), steep.where(ay, ax)
    q = high.eq(0.0).where(0.0, low / high)
    q = (ax.eq(INF).where(ay, 0.0)).eq(INF).where(1.0, q)
    # beyond tan(pi/8): atan(q) = pi/4 + atan((q - 1) / (q + 1))
    far = q > math.tan(math.pi / 8)
    t = far.where((q - 1.0) / (q + 1.0), q)
    z = t * t
    angle = fma(t * z, polynomial(z, f.atan), t)
    angle = far.where(angle + math.pi / 4, angle)
    rest_of_half_pi = math.pi / 2 - float(f.element.dtype.type(math.pi / 2))
    angle = steep.where((math.pi / 2 - angle) + rest_of_half_pi, angle)
    behind = x.bits() < 0
    rest_of_pi = rest_of_half_pi * 2 if f is SINGLE else 1.2246467991473532e-16
    angle = behind.where((math.pi - angle) + rest_of_pi, angle)
    return (x.is_nan | y.is_nan).where(NAN, copysign(angle, y))


def _asin_core(x: Num, f: Format) -> Num:
    z = x * x
    return fma(x * z, polynomial(z, f.asin), x)


def asin(x: Num) -> Num:
    """Inverse sine; NaN outside -1 .. 1."""
    f = _format(x)
    a = abs(x)
    big = a > 0.5
    core = _asin_core(big.where((fma(a, -0.5, 0.5)).unary("sqrt"), a), f)
    return copysign(big.where(fma(core, -2.0, math.pi / 2), core), x)


def acos(x: Num) -> Num:
    """Inverse cosine; NaN outside -1 .. 1."""
    f = _format(x)
    a = abs(x)
    big = a > 0.5
    core = _asin_core(big.where((fma(a, -0.5, 0.5)).unary("sqrt"), x), f)
    outer = (x < 0.0).where(fma(core, -2.0, math.pi), core * 2.0)
    return big.where(outer, math.pi / 2 - core)


# ---- the rest


def erf(x: Num) -> Num:
    """The error function."""
    f = _format(x)
    a = abs(x)
    z = x * x
    near = fma(x, polynomial(z, f.erf), x)
    t = (a.below(f.erfc_end) - f.erfc_center) * (1 / f.erfc_scale)
    far = copysign(1.0 - exp(polynomial(t, f.erfc)), x)
    return (a > f.erf_split).where(far, near)


def rsqrt(x: Num) -> Num:
    """1 / sqrt(x)."""
    return 1.0 / x.unary("sqrt")


def cbrt(x: Num) -> Num:
    """Cube root."""
    element = x.type.element
    a = abs(x).to(F64)
    small, large = a < 2.0**-1022, a > 2.0**1000
    a = small.where(a * 2.0**54, large.where(a * 2.0**-54, a))
    # an estimate from a third of the exponent and mantissa bits, as one number
    high = (a.bits() >> 32).to(S32)
    guess = (high.to(F64) * (1 / 3) + 715094163.0).to(S64) << 32
    t = guess.as_float()
    for _ in range(2 if element is F32 else 3):  # Halley: the error goes to its third power
        cube = t * t * t
        t = t - t * ((cube - a) / fma(cube, 2.0, a))
    t = small.where(t * 2.0**-18, large.where(t * 2.0**18, t))
    root = copysign(t.to(element), x)
    return (x.eq(0.0) | abs(x).eq(INF) | x.is_nan).where(x, root)


def power(x: Num, y: Num) -> Num:
    """x**y, as C's pow."""
    a = abs(x)
    core = _power_single(a, y) if x.type.element is F32 else _power_double(a, y)
    core = a.eq(0.0).where((y < 0.0).where(x.like(INF), 0.0), core)
    core = a.eq(INF).where((y < 0.0).where(x.like(0.0), INF), core)
    whole = y.unary("trunc").eq(y)
    half = y * 0.5
    odd = whole & half.unary("trunc").ne(half)
    negative = x.bits() < 0
    core = (negative & odd).where(-core, core)
    core = (negative & ~whole & x.ne(0.0) & a.ne(INF)).where(NAN, core)
    far = (a > 1.0).where((y > 0.0).where(x.like(INF), 0.0), (y > 0.0).where(x.like(0.0), INF))
    core = abs(y).eq(INF).where(a.eq(1.0).where(x.like(1.0), far), core)
    core = (x.is_nan | y.is_nan).where(NAN, core)
    return (x.eq(1.0) | y.eq(0.0)).where(1.0, core)


def _power_single(a: Num, y: Num) -> Num:
    """a**y for f32 through f64, rounded once more than exactly."""
    f = FORMATS[F64]
    m, e = _split(a.to(F64), f)
    t = m - 1.0
    s = t / (t + 2.0)
    z = s * s
    logarithm = fma(e, math.log(2), fma(s * z, polynomial(z, LOG_SHORT), s) * 2.0)
    return exp((y.to(F64) * logarithm).below(700.0).above(-700.0)).to(F32)


def _upper(x: Num) -> Num:
    """x without the low 27 bits of its mantissa, so that products of two such are exact."""
    return (x.bits(signed=False) & (((1 << 64) - 1) ^ ((1 << 27) - 1))).as_float()


def _product(x: Num, y: Num) -> tuple[Num, Num]:
    """x * y as rounded product and error (Dekker)."""
    p = x * y
    xh, yh = _upper(x), _upper(y)
    xl, yl = x - xh, y - yh
    return p, ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


def _power_double(a: Num, y: Num) -> Num:
    """a**y for f64: the logarithm as a sum of two numbers."""
    f = FORMATS[F64]
    m, e = _split(a, f)
    t = m - 1.0
    d = t + 2.0
    s = t / d
    # the error of s: d = 2 + t was rounded, too
    p, p_low = _product(s, d)
    s_low = ((t - p) - p_low - s * (t - (d - 2.0))) / d
    # s^3 / 3, the next term of atanh, also as a sum of two
    z, z_low = _product(s, s)
    cube, cube_low = _product(z, s)
    cube_low = cube_low + fma(s * s_low, s * 3.0, z_low * s)
    third, third_low = _product(cube, s.like(1 / 3))
    third_low = third_low + fma(cube, 1.850371707708594e-17, cube_low * (1 / 3))
    tail = s * z * z * polynomial(z, f.log[1:])
    high = e * f.ln2[0]
    first = high + s * 2.0
    low = (high - first) + s * 2.0
    total = first + third * 2.0
    low = low + ((first - total) + third * 2.0) + fma(e, f.ln2[1], (s_low + third_low + tail) * 2.0)
    log_high = total + low
    log_low = (total - log_high) + low
    q, q_low = _product(y, log_high)
    q_low = fma(y, log_low, q_low)
    result = exp(q.below(1000.0).above(-1000.0))
    beyond = (abs(q) > 1000.0) | result.eq(INF)
    return beyond.where(result, fma(result, q_low, result))


def unsigned_power(x: Num, y: Num) -> Num:
    """x**y of integers modulo 2**bits for y taken as unsigned, by repeated squaring."""
    bits = x.type.element.bits
    exponent = Num(y.to(UNSIGNED_OF[bits]).e)
    result = x.like(1)
    for i in range(bits):
        result = ((exponent >> i) & 1).ne(0).where(result * x, result)
        if i + 1 < bits:
            x = x * x
    return result
