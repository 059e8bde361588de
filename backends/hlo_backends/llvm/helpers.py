"""Functions that kernels call where the instruction set lacks something, as LLVM IR text; no libm, no libgcc."""

from __future__ import annotations

_FMOD = """define internal {t} @hlo_fmod_{t}({t} %x, {t} %y) nounwind {{
entry:
  %bx = bitcast {t} %x to {i}
  %by = bitcast {t} %y to {i}
  %ax = and {i} %bx, {magnitude}
  %ay = and {i} %by, {magnitude}
  %zero = icmp eq {i} %ay, 0
  %nan = icmp ugt {i} %ay, {infinity}
  %large = icmp uge {i} %ax, {infinity}
  %undefined = or i1 %zero, %nan
  %bad = or i1 %undefined, %large
  br i1 %bad, label %none, label %compare
none:
  ret {t} 0x7FF8000000000000
compare:
  %less = icmp ult {i} %ax, %ay
  br i1 %less, label %same, label %divide
same:
  ret {t} %x
divide:
  %fx = lshr {i} %ax, {m}
  %fy = lshr {i} %ay, {m}
  %px = and {i} %ax, {fraction}
  %py = and {i} %ay, {fraction}
  %nx = icmp ne {i} %fx, 0
  %ny = icmp ne {i} %fy, 0
  %ix = select i1 %nx, {i} {implicit}, {i} 0
  %iy = select i1 %ny, {i} {implicit}, {i} 0
  %mx = or {i} %px, %ix
  %my = or {i} %py, %iy
  %ex = call {i} @llvm.umax.{i}({i} %fx, {i} 1)
  %ey = call {i} @llvm.umax.{i}({i} %fy, {i} 1)
  %first = urem {i} %mx, %my
  %steps = sub {i} %ex, %ey
  br label %loop
loop:
  %r = phi {i} [ %first, %divide ], [ %next, %more ]
  %left = phi {i} [ %steps, %divide ], [ %rest, %more ]
  %done = icmp eq {i} %left, 0
  br i1 %done, label %join, label %more
more:
  %by1 = call {i} @llvm.umin.{i}({i} %left, {i} {room})
  %shifted = shl {i} %r, %by1
  %next = urem {i} %shifted, %my
  %rest = sub {i} %left, %by1
  br label %loop
join:
  %empty = icmp eq {i} %r, 0
  %zeros = call {i} @llvm.ctlz.{i}({i} %r, i1 false)
  %gap = sub {i} %zeros, {room}
  %floor = sub {i} %ey, 1
  %up = call {i} @llvm.umin.{i}({i} %gap, {i} %floor)
  %mantissa = shl {i} %r, %up
  %exponent = sub {i} %floor, %up
  %field = shl {i} %exponent, {m}
  %sum = add {i} %mantissa, %field
  %bits = select i1 %empty, {i} 0, {i} %sum
  %sign = xor {i} %bx, %ax
  %signed = or {i} %bits, %sign
  %result = bitcast {i} %signed to {t}
  ret {t} %result
}}
"""
"""Long division of the significands, several bits a step; the result is exact, as C's fmod."""

_MULHI = """define internal i64 @hlo_mulhi_{sign}_i64(i64 %x, i64 %y) nounwind {{
  %xl = and i64 %x, 4294967295
  %yl = and i64 %y, 4294967295
  %xh = lshr i64 %x, 32
  %yh = lshr i64 %y, 32
  %ll = mul i64 %xl, %yl
  %lh = mul i64 %xl, %yh
  %hl = mul i64 %xh, %yl
  %hh = mul i64 %xh, %yh
  %c1 = lshr i64 %ll, 32
  %s1 = add i64 %hl, %c1
  %s1l = and i64 %s1, 4294967295
  %s2 = add i64 %lh, %s1l
  %c2 = lshr i64 %s1, 32
  %c3 = lshr i64 %s2, 32
  %t = add i64 %hh, %c2
  %high = add i64 %t, %c3
{end}}}
"""
"""The upper half of a 128-bit product, from four 64-bit ones."""

_UNSIGNED = "  ret i64 %high\n"

_SIGNED = """  %sx = ashr i64 %x, 63
  %sy = ashr i64 %y, 63
  %a = and i64 %sx, %y
  %b = and i64 %sy, %x
  %v = sub i64 %high, %a
  %w = sub i64 %v, %b
  ret i64 %w
"""


def _fmod(type: str, bits: int, mantissa: int) -> str:
    infinity = ((1 << (bits - 1 - mantissa)) - 1) << mantissa
    return _FMOD.format(
        t=type,
        i=f"i{bits}",
        m=mantissa,
        magnitude=(1 << (bits - 1)) - 1,
        infinity=infinity,
        fraction=(1 << mantissa) - 1,
        implicit=1 << mantissa,
        room=bits - 1 - mantissa,
    )


HELPERS: dict[str, str] = {
    "fmod_float": _fmod("float", 32, 23),
    "fmod_double": _fmod("double", 64, 52),
    "mulhi_u_i64": _MULHI.format(sign="u", end=_UNSIGNED),
    "mulhi_s_i64": _MULHI.format(sign="s", end=_SIGNED),
}
"""By name, without the prefix `@hlo_` that all have."""
