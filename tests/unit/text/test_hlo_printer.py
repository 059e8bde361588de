"""Text that XLA printed comes back byte for byte, from the graph and not from the source."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from corpus import CASES, DUMPS, MODELS, ROUNDTRIP, name_of, text_of

import hlo_tools as hlo
from hlo_tools.ir.attributes import Metadata
from hlo_tools.text import printer
from hlo_tools.text.options import PRESETS, SubcomputationMode
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


OPTIONS = """HloModule m, entry_computation_layout={(f32[4]{0}, f32[4]{0})->f32[]}

%sum.12 (a.1: f32[], b.1: f32[]) -> f32[] {
  %a.1 = f32[] parameter(0)
  %b.1 = f32[] parameter(1)
  ROOT %add.3 = f32[] add(%a.1, %b.1)
}

%wrapped (p: f32[4]) -> f32[4] {
  %p = f32[4]{0} parameter(0)
  ROOT %call.1 = f32[4]{0} custom-call(%p), custom_call_target="foo"
}

ENTRY %main.9 (x: f32[4], y: f32[4]) -> f32[] {
  %x = f32[4]{0} parameter(0), sharding={replicated metadata={op_name="s"}}
  %y = f32[4]{0} parameter(1)
  %c = f32[2]{0} constant({1.5, 2})
  %ones = f32[2]{0} constant({1, 1})
  %s.1 = f32[4]{0} add(%x, %y), control-predecessors={%c}, metadata={op_type="t" op_name="q"}
  %start = ((f32[4]{0}), f32[4]{0}, s32[]) async-start(%s.1), calls=%wrapped, frontend_attributes={k="v"}
  %done = f32[4]{0} async-done(%start), backend_config={"b":2,"a":1}
  %ar = f32[4]{0} all-reduce(%done), replica_groups=[1,2]<=[2], to_apply=%sum.12
  %z = f32[] constant(0)
  %t.1 = (f32[], f32[], f32[], f32[], f32[], /*index=5*/f32[]) tuple(%z, %z, %z, %z, %z, /*index=5*/%z), origin={{"t"}}
  ROOT %r.44 = f32[] reduce(%ar, %z), dimensions={0}, to_apply=%sum.12
}

"""


@pytest.mark.parametrize(
    ("option", "value", "there", "gone"),
    [
        ("print_only_essential_constants", True, "%ones = f32[2]{0} constant(1)\n", "1.5"),
        ("print_subcomputation_mode", SubcomputationMode.OFF, "dimensions={0}\n", "to_apply"),
        ("print_subcomputation_mode", SubcomputationMode.FULL_BODIES, "to_apply=\n  (a.1: f32[]", "to_apply=%"),
        ("print_original_value", False, "", "origin="),
        ("print_metadata", False, "sharding={replicated}", "metadata="),
        ("print_metadata_only_op_name", True, 'metadata={op_name="q"}', "op_type"),
        ("print_backend_config", False, "", "backend_config"),
        ("sort_backend_config", True, 'backend_config={"a":1,"b":2}', '{"b":2'),
        ("print_frontend_attributes", False, "", "frontend_attributes"),
        ("print_extra_attributes", False, "all-reduce(%done), to_apply=%sum.12", "dimensions="),
        ("print_control_dependencies", False, "", "control-predecessors"),
        ("print_full_replica_group_list", True, "replica_groups={{0,1}}", "<="),
        ("syntax_sugar_async_ops", True, "%done = f32[4]{0} custom-call-done(%start), back", "%wrapped"),
        ("compact_operands", True, "tuple(%z, %z, %z, %z, ...(+2))", "/*index=5*/%z"),
        ("include_layout_in_shapes", False, "%y = f32[4] parameter(1)", "%y = f32[4]{0}"),
        ("print_result_shape", False, "%y = parameter(1)", "%y = f32"),
        ("print_operand_shape", True, "add(f32[4]{0} %x, f32[4]{0} %y)", "add(%x"),
        ("print_operand_names", False, "add(, )", "add(%x"),
        ("print_operand_index_annotation_interval", 0, "tuple(%z, %z, %z, %z, %z, %z)", "/*index=5*/%z"),
        ("print_parameter_number", False, "%y = f32[4]{0} parameter()", "parameter(1)"),
        ("print_program_shape", False, "ENTRY %main.9 {", "->  f32"),
        ("print_percent", False, "ROOT r.44 = f32[] reduce(ar, z), dimensions={0}, to_apply=sum.12", "%"),
        ("print_ids", False, "HloModule , entry", ".44"),
        ("print_name_after_closing_brace", True, "} // main.9\n", "// sum.12"),
        ("canonicalize_instruction_names", True, "ROOT tmp_2 = f32[] add(tmp_0, tmp_1)", "%add.3"),
        ("indent_amount", 1, "\n    ROOT %r.44", "\n  ROOT"),
    ],
)
def test_options(option: str, value: Any, there: str, gone: str) -> None:
    text = parse_hlo(OPTIONS).to_text(replace(hlo.PrintOptions(), **{option: value}))
    assert there in text
    assert gone not in text


def test_long_form_of_the_options_module() -> None:
    assert str(parse_hlo(OPTIONS)) == OPTIONS


def test_post_order_and_sorted_computations() -> None:
    text = """HloModule m

b {
  x = f32[] parameter(0)
  y = f32[] negate(x)
  ROOT z = f32[] negate(y)
}

a {
  x = f32[] parameter(0)
  ROOT z = f32[] negate(x)
}

ENTRY e {
  dead = f32[] constant(1)
  q = f32[] parameter(1)
  p = f32[] parameter(0)
  late = f32[] call(q), to_apply=b
  first = f32[] call(p), to_apply=a
  ROOT t = (f32[], f32[]) tuple(first, late)
}
"""
    module = parse_hlo(text)
    in_order = module.to_text(replace(hlo.PrintOptions.short_parsable(), post_order=True))
    assert [line.split()[0] for line in in_order.splitlines() if " = " in line][5:10] == "dead p first q late".split()
    assert in_order.index("b {") < in_order.index("a {")
    by_content = module.to_text(replace(hlo.PrintOptions.short_parsable(), canonicalize_computations=True))
    assert by_content.index("a {") < by_content.index("b {") < by_content.index("ENTRY")


_XLA = ("short_parsable", "canonical", "fingerprint")


@pytest.mark.parametrize("path", [*MODELS[:4], *ROUNDTRIP, *CASES[:4]], ids=name_of)
def test_presets_agree_with_xla(path: Path) -> None:
    xla = pytest.importorskip("jaxlib._hlo")
    try:
        original = xla.hlo_module_from_text(text_of(path))
    except Exception:
        pytest.skip("newer than this jaxlib")
    everything = xla.HloPrintOptions()
    everything.print_large_constants = True
    text = original.to_string(everything)  # in XLA's order and with its default layouts
    original, ours = xla.hlo_module_from_text(text), parse_hlo(text)
    for name in _XLA:
        expected = original.to_string(getattr(xla.HloPrintOptions, name)())
        assert _unordered(ours.to_text(PRESETS[name.replace("_", "-")]())) == _unordered(expected)


def _unordered(text: str) -> list[str]:
    """Header and computations; XLA orders those of a fingerprint by a hash of their text."""
    return sorted(part.strip("\n") for part in text.split("\n\n"))


def test_every_option_is_named_in_xlas_terms() -> None:
    assert {f.name for f in fields(hlo.PrintOptions)} >= {
        "print_large_constants", "print_metadata", "print_backend_config", "compact_operands", "print_ids",
        "include_layout_in_shapes", "canonicalize_instruction_names", "print_extra_attributes", "indent_amount",
    }  # fmt: skip


GTES = """HloModule m

ENTRY %e (p: ((f32[2], s32[]), f32[])) -> (s32[], f32[2], f32[]) {
  %p = ((f32[2]{0}, s32[]), f32[]) parameter(0)
  %pair = (f32[2]{0}, s32[]) get-tuple-element(%p), index=0
  %vector = f32[2]{0} get-tuple-element(%pair), index=0
  %int = s32[] get-tuple-element(%pair), index=1, metadata={op_name="int"}
  %kept = f32[] get-tuple-element(%p), index=1, sharding={replicated}
  %sum = f32[2]{0} add(%vector, %vector)
  %awaited = s32[] get-tuple-element(%pair), index=1
  %n = f32[] negate(%kept), control-predecessors={%awaited}
  ROOT %t = (s32[], f32[2]{0}, f32[]) tuple(%int, %sum, %n)
}

"""


def test_compact_get_tuple_element() -> None:
    module = parse_hlo(GTES)
    text = module.to_text(replace(hlo.PrintOptions(), compact_gte=True))
    assert "%sum = f32[2]{0} add(%p#0#0, %p#0#0)" in text
    assert "tuple(%p#0#1, %sum, %n)" in text
    assert "%pair" not in text and "%int" not in text
    assert "%awaited = s32[] get-tuple-element(%p#0), index=1" in text
    assert "%kept = f32[] get-tuple-element(%p), index=1, sharding={replicated}" in text
    hlo.verify(parse_hlo(text))
    root = (
        GTES.replace("ROOT %t", "%t")
        .replace("  %kept", "  ROOT %kept")
        .replace("-> (s32[], f32[2], f32[])", "-> f32[]")
    )
    assert "ROOT %kept" in parse_hlo(root).to_text(replace(hlo.PrintOptions(), compact_gte=True))


@pytest.mark.parametrize("path", [*MODELS, *ROUNDTRIP], ids=name_of)
def test_compact_get_tuple_elements_are_read_again(path: Path) -> None:
    module = parse_hlo(text_of(path))
    again = parse_hlo(module.to_text(replace(hlo.PrintOptions(), compact_gte=True)))
    for each in (module, again):
        hlo.run_passes(each, "cse,dce")  # equal ones become one
    options = replace(hlo.PrintOptions.canonical(), print_original_value=False)
    assert again.to_text(options) == module.to_text(options)


def _nest(depth: int, calls: int) -> hlo.Module:
    """Computations each of which calls the one before, so many times."""
    parts = ["HloModule m\n\nc0 {\n  x = f32[] parameter(0)\n  ROOT r = f32[] negate(x)\n}\n"]
    for i in range(1, depth):
        lines = [
            "  v0 = f32[] parameter(0)",
            *(f"  v{k + 1} = f32[] call(v{k}), to_apply=c{i - 1}" for k in range(calls)),
        ]
        parts.append(f"c{i} {{\n" + "\n".join(lines) + "\n}\n")
    return parse_hlo("\n".join(parts))


def test_deep_bodies() -> None:
    text = _nest(250, 1).to_text(hlo.PrintOptions.canonical())
    assert "  " * 250 + "ROOT tmp_1 = f32[] negate(f32[] tmp_0)" in text


def test_bodies_that_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printer, "MAX_BODY", 1 << 20)
    with pytest.raises(hlo.LimitError, match="HLO6011"):
        _nest(60, 2).to_text(hlo.PrintOptions.canonical())
