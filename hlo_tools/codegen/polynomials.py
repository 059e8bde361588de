"""Coefficients of our math functions, lowest power first, near-minimax on the interval that each comment names.

They were fitted with 50 digits (Chebyshev nodes for absolute error, Lawson's weights for ERFC) and then rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from hlo_tools.ir.element import F32, F64, ElementType


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating point format and the polynomials for it.

    magic     adding it rounds to an integer that then stands in the low bits
    ln2       log(2) in two parts, the first with few bits so that multiples of it are exact
    lowest    exp of less is 0; `highest`: exp of more is inf
    subnormal scaling by 2**subnormal makes every subnormal number normal
    exp       (exp(r) - 1 - r) / r^2 on |r| <= log(2) / 2
    log       (log(1 + f) - f + f^2 / 2) / f^3 for f32; (atanh(s) - s) / s^3 in s^2 for f64;
              1 + f from sqrt(1/2) to sqrt(2)
    sin, cos  (sin(r) - r) / r^3 and (cos(r) - 1 + r^2 / 2) / r^4 in r^2 on |r| <= pi / 4
    atan      (atan(q) - q) / q^3 in q^2 on |q| <= tan(pi / 8)
    asin      (asin(x) - x) / x^3 in x^2 on |x| <= 1/2
    erf       erf(x) / x - 1 in x^2 on |x| <= erf_split
    erfc      log(erfc(x)) in (x - erfc_center) / erfc_scale on erf_split <= x <= erfc_end
    """

    element: ElementType
    mantissa: int
    bias: int
    magic: float
    ln2: tuple[float, float]
    lowest: float
    highest: float
    subnormal: int
    exp: tuple[float, ...]
    log: tuple[float, ...]
    sin: tuple[float, ...]
    cos: tuple[float, ...]
    atan: tuple[float, ...]
    asin: tuple[float, ...]
    erf: tuple[float, ...]
    erfc: tuple[float, ...]
    erf_split: float
    erfc_center: float
    erfc_scale: float
    erfc_end: float


# fmt: off
SINGLE = Format(
    element=F32, mantissa=23, bias=127, magic=12582912.0,
    ln2=(0.693359375, -0.00021219444170128554), lowest=-104.0, highest=89.0, subnormal=25,
    exp=(0.5, 0.16666667, 0.041666456, 0.0083333105, 0.0013934541, 0.0001989198),
    log=(0.3333333, -0.24999997, 0.20000716, -0.16667803, 0.14249058, -0.12425687, 0.1168542, -0.11479734,
         0.06971612),
    sin=(-0.16666667, 0.008333332, -0.00019840064, 2.724687e-06),
    cos=(0.041666668, -0.0013888888, 2.480058e-05, -2.7298407e-07),
    atan=(-0.3333333, 0.19999538, -0.14263897, 0.107430995, -0.06449835),
    asin=(0.16666673, 0.07498855, 0.04500138, 0.026554542, 0.038085025),
    erf=(0.12837917, -0.37612635, 0.112836994, -0.026859589, 0.005201456, -0.0008147081, 8.387074e-05),
    erfc=(0.0001762157, -1.1295226, -0.6333311, -0.10829793, 0.02513127, -0.004175675, 0.00043543734,
          -2.1181255e-05),
    erf_split=0.92, erfc_center=0.0, erfc_scale=1.0, erfc_end=4.0,
)
"""f32."""

DOUBLE = Format(
    element=F64, mantissa=52, bias=1023, magic=6755399441055744.0,
    ln2=(float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")),
    lowest=-746.0, highest=710.0, subnormal=54,
    exp=(0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333325544, 0.0013888888888883327,
         0.00019841269876864356, 2.4801587327007187e-05, 2.755725283351691e-06, 2.75572718102198e-07,
         2.5106274733573296e-08, 2.0915442297780116e-09),
    log=(0.3333333333333333, 0.2000000000000047, 0.14285714285382226, 0.1111111120027388, 0.090908973504489,
         0.07693145267329496, 0.06633709298237442, 0.06550360691751746),
    sin=(-0.16666666666666666, 0.008333333333330827, -0.0001984126983657571, 2.755731600817155e-06,
         -2.5051112272573243e-08, 1.5916726193889336e-10),
    cos=(0.041666666666666664, -0.0013888888888887322, 2.4801587298651292e-05, -2.755731721268659e-07,
         2.0876134024090145e-09, -1.1381754653662937e-11),
    atan=(-0.3333333333333333, 0.199999999999998, -0.14285714285659326, 0.11111111105106705, -0.09090908751076636,
          0.0769229630497447, -0.06666423628069258, 0.058789145444006215, -0.052303478730160745,
          0.04551108126325172, -0.034558092551413795, 0.01627194475162406),
    asin=(0.16666666666666669, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247,
          0.02237217294214989, 0.017352392720869973, 0.013971212973552933, 0.011479177415184906,
          0.01032281435018578, 0.005457506718640358, 0.01740087944269402, -0.014851887071247204,
          0.028757851367421566),
    erf=(0.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792,
         0.0052239776248180145, -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05,
         1.6461000484121368e-06, -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09,
         5.957176147748911e-11),
    erfc=(-14.112437402148188, -18.165248970913012, -6.042206592132086, -0.08165090963186367, 0.03412841125833893,
          -0.014384551137905955, 0.005953683578617608, -0.0023740391605471894, 0.0008937022823475657,
          -0.0003069506462568295, 9.261647237493239e-05, -1.8818718259803876e-05, -9.975641002864117e-06,
          -1.3111342225643967e-05, -1.6370721003503508e-05, 1.4459353265608284e-05, 4.027306191311968e-05,
          4.844033791417301e-05, 3.158739617277848e-05, 1.1937275890680126e-05, 2.042076265185663e-06),
    erf_split=1.0, erfc_center=3.5, erfc_scale=2.5, erfc_end=6.0,
)
"""f64."""

LOG_SHORT = (0.33333333333705856, 0.19999999373847824, 0.14285882310510586, 0.11095381857696245,
             0.09687485568885974)
"""As `DOUBLE.log` to 42 bits: enough for an f32 result that is computed in f64."""

TWO_OVER_PI = tuple(map(float.fromhex, (
    "0x1.45f306d000000p-1", "0x1.9391054000000p-30", "0x1.4fe13ab000000p-59", "0x1.d1f534d000000p-88",
    "0x1.b81b6c5000000p-117", "0x1.5993c40000000p-148", "0x1.c820ff2000000p-175")))
"""2 / pi in pieces of 29 bits: the product of each with a 24-bit number is exact in f64."""

HALF_PI = tuple(map(float.fromhex, (
    "0x1.921fb50000000p+0", "0x1.110b460000000p-26", "0x1.1a62630000000p-54", "0x1.8a2e03707344ap-81")))
"""pi / 2 in pieces of 26 bits (the last has 53): products with integers below 2**27 are exact in f64."""
# fmt: on

FORMATS = {F32: SINGLE, F64: DOUBLE}
"""The format of each type that math functions exist for."""
