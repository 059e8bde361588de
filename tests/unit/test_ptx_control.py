"""Random control flow: whatever paths the threads take, and in whatever order warps run, each computes its own value.

At every join of the top level stands a barrier, so threads that fail to meet again are noticed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from ptx_kernels import run

MASK = 0xFFFFFFFF
Step = Callable[[int], int]


class Generator:
    """Builds a program as PTX text and as a function of one thread's value, side by side."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.labels = 0

    def label(self) -> str:
        self.labels += 1
        return f"$L{self.labels}"

    def sequence(self, depth: int) -> Step:
        steps = [self.statement(depth) for _ in range(self.random.randint(1, 3))]

        def execute(x: int) -> int:
            for step in steps:
                x = step(x)
            return x

        return execute

    def statement(self, depth: int) -> Step:
        kinds = [self.arithmetic] if depth == 0 else [self.arithmetic, self.branch, self.branch, self.loop]
        return self.random.choice(kinds)(depth)

    def arithmetic(self, depth: int) -> Step:
        a, b = self.random.randrange(1, 99, 2), self.random.randrange(99)
        self.lines.append(f"mad.lo.u32 %x, %x, {a}, {b};")
        return lambda x: (x * a + b) & MASK

    def condition(self) -> int:
        """Leaves in %p whether any of some bits of %x is set."""
        bits = self.random.choice([1, 2, 4, 6, 16])
        self.lines.append(f"and.b32 %y, %x, {bits}; setp.ne.u32 %p, %y, 0;")
        return bits

    def branch(self, depth: int) -> Step:
        bits = self.condition()
        other, end = self.label(), self.label()
        self.lines.append(f"@!%p bra {other};")
        yes = self.sequence(depth - 1)
        self.lines += [f"bra {end};", f"{other}:"]
        no = self.sequence(depth - 1)
        self.lines.append(f"{end}:")
        return lambda x: yes(x) if x & bits else no(x)

    def loop(self, depth: int) -> Step:
        """Up to three times around, by the value at entry; sometimes a way out in the middle, or a short cut back."""
        counter, head, end = f"%n{depth}", self.label(), self.label()
        self.lines += [f"and.b32 {counter}, %x, 3;", f"{head}:"]
        self.lines += [f"setp.eq.u32 %p, {counter}, 0;", f"@%p bra {end};", f"sub.u32 {counter}, {counter}, 1;"]
        first = self.sequence(depth - 1)
        way = self.random.choice(["none", "break", "continue"])
        bits = self.condition() if way != "none" else 0
        if way != "none":
            self.lines.append(f"@%p bra {end if way == 'break' else head};")
        second = self.sequence(depth - 1)
        self.lines += [f"bra {head};", f"{end}:"]

        def execute(x: int) -> int:
            for _ in range(x & 3):
                x = first(x)
                if x & bits:
                    if way == "break":
                        break
                    continue
                x = second(x)
            return x

        return execute

    def program(self, depth: int) -> Step:
        steps = []
        for _ in range(3):
            steps.append(self.statement(depth))
            self.lines.append("bar.sync 0;")

        def execute(x: int) -> int:
            for step in steps:
                x = step(x)
            return x

        return execute


@pytest.mark.parametrize("seed", range(40))
def test_random_control_flow(seed: int) -> None:
    generator = Generator(seed)
    meaning = generator.program(3)
    body = "\n".join("\t" + line for line in generator.lines)
    ptx = f""".version 8.0
.target sm_90
.address_size 64
.visible .entry k(.param .u64 k_0)
{{
	.reg .pred %p;
	.reg .b32 %x, %y, %i, %n<4>;
	.reg .b64 %out, %offset;
	mov.u32 %i, %ctaid.x;
	mov.u32 %y, %tid.x;
	mad.lo.u32 %i, %i, 70, %y;
	mov.b32 %x, %i;
{body}
	ld.param.u64 %out, [k_0];
	mul.wide.u32 %offset, %i, 4;
	add.s64 %out, %out, %offset;
	st.global.b32 [%out], %x;
	ret;
}}
"""
    expected = [meaning(thread) for thread in range(210)]
    for order in (None, seed):
        (out,) = run(ptx, [], [(np.uint32, 210)], grid=(3,), block=(70,), seed=order)
        assert out.tolist() == expected
