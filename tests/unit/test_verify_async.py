"""Async ops: what is bound and ready, chains from start to done, also through loops; pairs of starts and dones."""

from __future__ import annotations

import pytest
from verifying import entry, findings

WORK = (
    'work { a = f32[2] parameter(0) b = f32[3] parameter(1) ROOT r = f32[4] custom-call(a, b), custom_call_target="f" }'
)
P = "p = f32[2] parameter(0); q = f32[3] parameter(1); "
DONE = "ROOT d = f32[4] async-done(s)"
START = "s = ((f32[2], f32[3]), f32[4], u32[]) async-start(p, q), calls=work; "

GOOD = {
    "all at once": START + DONE,
    "bound late": "t = ((f32[2]), f32[4], u32[]) async-start(p), calls=work;"
    "s = ((f32[2], f32[3]), f32[4], u32[]) async-update(t, q);" + DONE,
    "nothing bound at first": "t = ((), f32[4], u32[]) async-start(), calls=work;"
    "s = ((f32[2], f32[3]), f32[4], u32[]) async-update(t, p, q);" + DONE,
    "ready late": "t = ((f32[2], f32[3]), (), u32[]) async-start(p, q), calls=work;"
    "s = ((f32[2], f32[3]), f32[4], u32[]) async-update(t);" + DONE,
}
ALIASING = START.removeprefix("s = ").removesuffix("; ") + ", output_to_operand_aliasing="
BAD = {
    "f32[4] async-start(p, q), calls=work;" + DONE: "expected ((operands...), results, contexts...)",
    "((f32[2], f32[3]), f32[5], u32[]) async-start(p, q), calls=work;" + DONE:
        "the async shape at index {1} is f32[5], no prefix of the result of work",
    "((f32[3], f32[3]), f32[4], u32[]) async-start(q, q), calls=work;" + DONE: "no prefix of the parameters of work",
    "((f32[2], f32[2]), f32[4], u32[]) async-start(p, q), calls=work;" + DONE:
        "operand 1 is f32[3], but the async shape at index {0,1} is f32[2]",
    "((f32[2]), f32[4], u32[]) async-start(p), calls=work;" + DONE: "are not fully bound: (f32[2])",
    "((f32[2]), f32[4], u32[]) async-start(p), calls=work; t = ((f32[2]), f32[4], u32[]) async-update(s, q);"
    "ROOT d = f32[4] async-done(t)": "has 1 new operands, but the shape indicates 0 new bound parameters",
    START.removeprefix("s = ") + "ROOT d = f32[5] async-done(s)": (
        "f32[5] is declared, but the result of work, at index {1} of the async shape, is f32[4]"
    ),
    '((f32[2], f32[3]), f32[4], u32[]) async-start(p, q), calls=work, async_execution_thread="t";' + DONE:
        "async_execution_thread is t, but work runs on the thread main",
    ALIASING + "{{1}: (2, {})};" + DONE:
        "names operand 2, but work has 2",
    ALIASING + "{{1}: (-1, {})};" + DONE:
        "a negative operand number",
    ALIASING + "{{1}: (0, {})};" + DONE:
        "joins different shapes: f32[4] and f32[2]",
    ALIASING + "{{}: (0, {})};" + DONE:
        "should not be empty",
}  # fmt: skip


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_accepted(body: str) -> None:
    assert findings(entry(P + body, WORK)) == []


@pytest.mark.parametrize(("body", "message"), BAD.items())
def test_refused(body: str, message: str) -> None:
    found = findings(entry(f"{P}s = {body}", WORK))
    assert found and found[0].startswith("HLO2001") and message in "".join(found)


STATE = "((f32[2]), f32[2], u32[])"
NEG = "neg { a = f32[2] parameter(0) ROOT r = f32[2] negate(a) }"
GO = f"go {{ s = (s32[], {STATE}) parameter(0) ROOT t = pred[] constant(true) }}"
BODY = (
    f"body {{ s = (s32[], {STATE}) parameter(0) n = s32[] get-tuple-element(s), index=0 "
    f"w = {STATE} get-tuple-element(s), index=1 u = {STATE} async-update(w), calls=neg "
    f"ROOT r = (s32[], {STATE}) tuple(n, NEXT) }}"
)
LOOP = (
    f"p = f32[2] parameter(0); z = s32[] constant(0); s = {STATE} async-start(p), calls=neg;"
    f"i = (s32[], {STATE}) tuple(z, s); w = (s32[], {STATE}) while(i), condition=go, body=body;"
    f"v = {STATE} get-tuple-element(w), index=1; ROOT d = f32[2] async-done(v), calls=neg"
)


def test_chains_run_through_loops() -> None:
    assert findings(entry(LOOP, f"{NEG}\n{GO}\n{BODY.replace('NEXT', 'u')}")) == []


def test_a_loop_that_drops_its_update() -> None:
    (found,) = findings(entry(LOOP, f"{NEG}\n{GO}\n{BODY.replace('NEXT', 'w')}"))
    assert found == "HLO2021 Orphan async update u: nothing follows it"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"ROOT s = {STATE} async-start(p), calls=neg", "Async start s has no matching async done"),
        (f"s = {STATE} async-start(p), calls=neg; ROOT u = {STATE} async-update(s)", "Async start s has no matching"),
        (f"c = u32[] constant(0); t = (f32[2]) tuple(p); f = {STATE} tuple(t, p, c); ROOT d = f32[2] async-done(f)",
         "Async done d does not trace back to an async start"),
        (f"s = {STATE} async-start(p), calls=neg; d = f32[2] async-done(s); ROOT e = f32[2] async-done(s)",
         "the async-start instruction requires one consumer, found 2"),
        ("s = (f32[2], f32[2], u32[]) copy-start(p); ROOT n = f32[2] negate(p)",
         "the copy-start instruction requires one consumer, found 0"),
        ("s = (f32[2], f32[2], u32[]) copy-start(p); ROOT n = f32[2] get-tuple-element(s), index=0",
         "the consumer of a copy-start instruction needs to be copy-done, found get-tuple-element"),
        ("c = u32[] constant(0); t = (f32[2], f32[2], u32[]) tuple(p, p, c); ROOT d = f32[2] copy-done(t)",
         "the operand of a copy-done instruction needs to be copy-start, found tuple"),
    ],
)  # fmt: skip
def test_pairs(body: str, message: str) -> None:
    found = findings(entry("p = f32[2] parameter(0); " + body, NEG))
    assert any(f.startswith("HLO2021") and message in f for f in found)


def test_an_async_computation_is_one_instruction() -> None:
    two = "two { a = f32[2] parameter(0) b = f32[2] negate(a) ROOT r = f32[2] sine(b) }"
    body = f"p = f32[2] parameter(0); s = {STATE} async-start(p), calls=two; ROOT d = f32[2] async-done(s)"
    (found,) = findings(entry(body, two))
    assert "two is expected to contain only the root and parameter instructions" in found
