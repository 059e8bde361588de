"""Text that XLA printed comes back byte for byte, from the graph and not from the source."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import CASES, DUMPS, MODELS, ROUNDTRIP, name_of, text_of

import hlo_tools as hlo
from hlo_tools.ir.attributes import Metadata
from hlo_tools.text.reader import parse_hlo


def returns(path: Path) -> None:
    text = text_of(path)
    module = parse_hlo(text, path.name)
    hlo.verify(module)
    forms = (module.to_text(), module.to_text(hlo.PrintOptions.short_parsable()))
    assert text.rstrip("\n") in [form.rstrip("\n") for form in forms]


@pytest.mark.parametrize("path", ROUNDTRIP, ids=name_of)
def test_own_modules(path: Path) -> None:
    returns(path)


@pytest.mark.parametrize("path", [*DUMPS[::11], *CASES], ids=name_of)
def test_some_dumps(path: Path) -> None:
    returns(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", DUMPS, ids=name_of)
def test_all_dumps(path: Path) -> None:
    returns(path)


@pytest.mark.parametrize("path", [*MODELS, *ROUNDTRIP], ids=name_of)
def test_short_form_and_back(path: Path) -> None:
    module = parse_hlo(text_of(path))
    short = module.to_text(hlo.PrintOptions.short_parsable())
    assert parse_hlo(short).to_text(hlo.PrintOptions.short_parsable()) == short


def test_text_follows_the_graph() -> None:
    module = parse_hlo(text_of(next(p for p in ROUNDTRIP if p.stem == "long")))
    main = module.main
    multiply, reduce = main.named("multiply.3"), main.named("reduce.4")
    assert multiply is not None and reduce is not None
    multiply.name = "product"
    multiply.metadata = Metadata(op_name="it's new")
    reduce.attrs.to_apply.name = "total"
    main.touch()
    text = module.to_text()
    assert "%product = f32[8,4]{1,0} multiply(" in text
    assert r'metadata={op_name="it\'s new"}, backend_config={"window"' in text
    assert "reduce(%product, %zero), dimensions={1}, to_apply=%total" in text
    assert "%total (a: f32[], b: f32[]) -> f32[] {" in text
    assert "multiply.3" not in text


def test_operands_come_first_and_callees_before_callers() -> None:
    text = """HloModule m

ENTRY main {
  x = f32[] parameter(0)
  ROOT y = f32[] call(x), to_apply=later
}

later {
  z = f32[] parameter(0)
  ROOT w = f32[] negate(z)
}
"""
    module = parse_hlo(text)
    printed = module.to_text(hlo.PrintOptions.short_parsable())
    assert printed.index("later {") < printed.index("ENTRY main {")
    x, y = module.main
    z = module.main.add(x.op, (), x.op.Attrs(number=1), x.shape, "second")
    module.main.set_operand(y, 0, z)
    printed = module.to_text(hlo.PrintOptions.short_parsable())
    assert printed.index("second =") < printed.index("y = f32[] call(second)")


LITERALS = """HloModule m

ENTRY %e () -> f32[11] {
  %few = f32[2]{0} constant({1, 2})
  ROOT %many = f32[11]{0} constant({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
}

"""


def test_large_constants_are_kept_or_elided() -> None:
    module = parse_hlo(LITERALS)
    assert module.to_text() == str(module) == LITERALS
    dumped = module.to_text(hlo.PrintOptions(print_large_constants=False))
    assert "%few = f32[2]{0} constant({1, 2})" in dumped
    assert "%many = f32[11]{0} constant({...})" in dumped
    assert parse_hlo(dumped).main.result.attrs.value.is_elided


def test_canonical_form() -> None:
    text = """HloModule m

sum {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b)
}

ENTRY e {
  x = f32[4]{0} parameter(0), metadata={op_name="x"}
  zero = f32[] constant(0)
  ROOT r = f32[] reduce(x, zero), dimensions={0}, to_apply=sum, backend_config="fast"
}
"""
    module = parse_hlo(text)
    canonical = module.to_text(hlo.PrintOptions.canonical())
    assert canonical.endswith("""ENTRY e {
  tmp_0 = f32[4]{0} parameter(0)
  tmp_1 = f32[] constant(0)
  ROOT tmp_2 = f32[] reduce(f32[4]{0} tmp_0, f32[] tmp_1), dimensions={0}, to_apply=
  {
    tmp_0 = f32[] parameter(0)
    tmp_1 = f32[] parameter(1)
    ROOT tmp_2 = f32[] add(f32[] tmp_0, f32[] tmp_1)
  }
}

""")
    renamed = parse_hlo(text.replace("zero", "nothing").replace('"fast"', '"slow"').replace("c =", "d ="))
    assert renamed.to_text(hlo.PrintOptions.canonical()) == canonical
