"""Broken text: every fault is reported once, at its place, and nothing that only follows from it."""

from __future__ import annotations

import json
import re

import pytest
from console import hlo as command

import hlo_tools as hlo

CASES = {
    "two values of the header": """HloModule m, replica_count=<<1002>>many,
  entry_computation_layout={(f32[2<<1002>>)->f32[]}
ENTRY e {
  p = f32[2] parameter(0)
  ROOT a = f32[2] nega(<<1035>>q)
}
""",
    "an open brace in the header": """HloModule m, input_output_alias=<<1004>>{ {0: (0, {}) }
ENTRY e {
  p = f32[2] parameter(0)
  ROOT a = f32[2] negate(<<1035>>q)
}
""",
    "a string of a table": """HloModule m
FileNames
<<1022>>1 "a
ENTRY e {
  p = f32[2] parameter(0)
  ROOT a = f32[2] negate(<<1035>>q)
}
""",
    "inside a signature": """HloModule m
f (a: <<1002>>f32[, b: f32[]) -> f32[] {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, <<1035>>x)
}
ENTRY e {
  p = f32[] parameter(0)
  ROOT a = call(p, p), to_apply=f
}
""",
    "a type in a signature, another result than the root": """HloModule m
f (a: f32[2], b: f32[]) -> <<1011>>f33[] {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b)
}
ENTRY <<1033>>e (p: f32[]) -> f32[3] {
  p = f32[] parameter(0)
  ROOT a = f32[] call(p, p), to_apply=f
}
""",
    "no brace at the start": """HloModule m
f
  <<1002>>a = f32[] parameter(0)
  ROOT c = f32[] add(a, x)
}
ENTRY e
  <<1002>>p = f32[] parameter(0)
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "no brace at the end": """HloModule m
f {
  a = f32[] parameter(0)
  ROOT c = f32[] add(a, <<1035>>x)

<<1004>>ENTRY e {
  p = f32[] parameter(0)
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "open braces in attributes": """HloModule m
ENTRY e {
  p = f32[] parameter(0), sharding=<<1004>>{replicated
  q = f32[] parameter(1), metadata=<<1004>>{op_name="x"
  r = f32[] add(p, q), backend_config={"a": {"b": 1}
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "an open string": """HloModule m
ENTRY e {
  p = f32[] parameter(0), metadata={op_name="x}
  q = f32[] parameter(1), metadata={op_name="y<<1002>>"}
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "instructions of several lines, computations in place": """HloModule m
ENTRY e {
  p = f32[1,2,2,1] parameter(0)
  q = f32[1,2,2,1] convolution(p, <<1035>>zz),
      window={size=1x1},
      dim_labels=b01f_01io->b01f
  r = f32[1] <<1021>>fusion(p), calls={
    x = f32[1] parameter(0)
    ROOT y = f32[1] foo.bar(<<1035>>z)
  }
  s = f32[1] custom-call(p, <<1035>>zzz), backend_config={
    "a": 1
  }
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "constants": """HloModule m
ENTRY e {
  p = f32[2,2] constant({{1,2},{3,4,<<1014>>5}})
  q = s8[2,2] constant({{1,2},{3,<<1015>>400}})
  r = s8[2] constant({1,2<<1002>>)
  s = (s8[2], f32[]) constant(({1,2}, <<1002>>x))
  t = f32[2] constant({1,2,3,{}<<1002>>)
  u = f32[2] constant(1 <<1002>>2)
  ROOT a = f32[] negate(<<1035>>y)
}
""",
    "calls of what is broken, missing, no name": """HloModule m
f {
  a = f32[] parameter(0)
  ROOT c = f32[] add(a, <<1035>>x)
}
ENTRY e {
  p = f32[] parameter(0)
  q = call(p), to_apply=f
  r = f32[] call(p), to_apply=<<1031>>g
  t = f<<1031>>32[] call(p), to_apply=3
  s = f32[] add(q, r)
  ROOT a = f32[] negate(<<1035>>yy)
}
""",
    "cut off in an attribute": """HloModule m
ENTRY e {
  p = f32[] parameter(0)
  q = call(p), to_<<1003>>""",
    "cut off inside of an inner computation": """HloModule m
ENTRY e {
  p = f32[] parameter(0)
  q = f32[] fusion(p), calls=<<1004>>{
    x = f32[] parame<<1003>>""",
    "cut off in a constant": """HloModule m
ENTRY e {
  p = f32[] constant({1,2<<1003>>""",
    "cut off in a signature": """HloModule m
ENTRY e (p: <<1002>>f32""",
    "cut off behind a brace": """HloModule m
ENTRY e {<<1003>>""",
    "behind a computation": """HloModule m
f {
  ROOT p = f32[] parameter(0)
}, execution_thread=
<<1002>>ENTRY e {
  p = f32[] parameter(0)
  ROOT r = f32[] negate(<<1035>>q)
}
""",
    "one name and one number twice": """  ENTRY e {
    a = s8[] parameter(0)
    <<2005>>b = s8[] parameter(0)
    ROOT <<1036>>a = s8[] add(a, b)
  }
""",
    "control predecessors": """HloModule m
ENTRY e {
  p = f32[] parameter(0)
  q = f32[] foo <<1002>>bar
  ROOT r = f32[] negate(p), control-predecessors={q, <<1035>>nothere}
}
""",
    "elements that are not there": """HloModule test
ENTRY test {
  p0 = (f32[10], f16[10]) parameter(0)
  a = f32[10] add(p0#0, <<1038>>p0#2)
  ROOT root = f32[10] add(f32[10] %<<1038>>p0#-1, f32[10] %p0#-1)
}""",
}
"""Texts in which `<<CODE>>` stands in front of each fault."""

_MARK = re.compile(r"<<(\d{4})>>")


def marked(text: str) -> tuple[str, list[str]]:
    """The text without its marks, and `line:column HLOCODE` of each."""
    found = []
    while (m := _MARK.search(text)) is not None:
        line, column = text.count("\n", 0, m.start()) + 1, m.start() - text.rfind("\n", 0, m.start())
        found.append(f"{line}:{column} HLO{m[1]}")
        text = text[: m.start()] + text[m.end() :]
    return text, found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_fault_once(case: str) -> None:
    text, expected = marked(case)
    with pytest.raises(hlo.ParseError) as caught:
        hlo.parse(text, filename="f")
    assert [f"{d.where.removeprefix('f:')} {d.code}" for d in caught.value.diagnostics] == expected


TEXT, PLACES = marked(CASES["constants"])


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_every_fault_in_every_format(form: str) -> None:
    done = command("opt", "-", f"--diagnostics-format={form}", stdin=TEXT)
    assert done.code == 3 and not done.data
    read = {"text": in_text, "json": in_json, "sarif": in_sarif, "github": in_github}[form]
    assert read(done.err) == PLACES


def in_text(err: str) -> list[str]:
    found = re.findall(r"^<stdin>:(\d+:\d+): error: .* \[(HLO\d+)\]\n +\d+ \| .*\n +\| +\^~*$", err, re.M)
    return [f"{where} {code}" for where, code in found]


def in_json(err: str) -> list[str]:
    rows = [json.loads(line) for line in err.splitlines()]
    return [f"{row['line']}:{row['column']} {row['code']}" for row in rows if row["severity"] == "error"]


def in_sarif(err: str) -> list[str]:
    (run,) = json.loads(err)["runs"]
    found = []
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]["region"]
        found.append(f"{place['startLine']}:{place['startColumn']} {result['ruleId']}")
    return found


def in_github(err: str) -> list[str]:
    found = re.findall(r"^::error file=<stdin>,line=(\d+),col=(\d+),title=(HLO\d+)::", err, re.M)
    return [f"{line}:{column} {code}" for line, column, code in found]


VERIFIED = """HloModule m
ENTRY e {
  p = f32[2] parameter(0)
  q = f32[3] negate(p)
  r = f32[2] add(p, q)
  ROOT s = (f32[2]) tuple(q)
}
"""


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_every_finding_of_the_verifier_in_every_format(form: str) -> None:
    done = command("verify", "-", f"--diagnostics-format={form}", stdin=VERIFIED)
    read = {"text": in_text, "json": in_json, "sarif": in_sarif, "github": in_github}[form]
    assert done.code == 3 and read(done.err) == ["4:3 HLO2001", "5:3 HLO2001", "6:8 HLO2001"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ROOT r = f32[] negate(t#-1)", "t has no element -1"),
        ("w = f32[2] reduce-window(p, p), window={size=2 stride=1x1}, to_apply=f", "stride=1x1 of a window"),
        ("w = f32[2] convolution(p, p), dim_labels=b0f_0io->b0f, window={size=1 pad=1_1_0}", "low and high"),
        ("c = f32[2,2] constant({{1,2}})", "expects 2 elements in the array, but sees 1"),
        ("c = f32[2,2] constant({{1,2},{3}})", "expects 2 elements in the [1]th element, but sees 1"),
        ("c = f32[2] constant({{1}, {2}})", "expects a value, since f32[2] has 1 dimensions"),
        ("c = f32[2,2] constant({1,2})", "expects '{', since f32[2,2] has 2 dimensions"),
        ("c = (f32[], s8[2]) constant((1, {2, 300}))", "300 is out of the range of s8"),
        ("c = (f32[], s8[]) constant((1))", "expects 2 values in the tuple, but sees 1"),
        ("c = (f32[], s8[]) constant((1, 2, 3))", "expects 2 values in the tuple, but sees more"),
        ("c = (f32[]) constant({1})", "expects a tuple of 1 values"),
        ("c = c64[2] constant({(1,2), 3})", "3 is no value of type c64"),
    ],
)
def test_what_is_said(line: str, says: str) -> None:
    text = "ENTRY e {\n  p = f32[2] parameter(0)\n  t = (f32[]) parameter(1)\n  " + line + "\n}\n"
    with pytest.raises(hlo.ParseError, match=re.escape(says)):
        hlo.parse(text)
