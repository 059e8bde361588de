"""Every opcode with every attribute it has: read, printed, read again; and XLA's own reader sees the same."""

from __future__ import annotations

import re

import pytest

import hlo_tools as hlo
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ops import OPS
from hlo_tools.text.codecs import attribute_syntax

COMPUTATIONS = """
sum { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = f32[] add(a, b) }
less { a = f32[] parameter(0) b = f32[] parameter(1) ROOT s = pred[] compare(a, b), direction=LT }
step { a = f32[] parameter(0) c = f32[] parameter(1) s = f32[] add(a, c) ROOT r = (f32[], f32[]) tuple(s, s) }
same { ROOT a = f32[2] parameter(0) }
pair { a = f32[2] parameter(0) ROOT r = (f32[2], f32[2]) tuple(a, a) }
test { a = f32[2] parameter(0) ROOT r = pred[] constant(true) }
"""

GROUPS = "channel_id=3, replica_groups={{0,1},{2,3}}, constrain_layout=true"
GLOBAL = "use_global_device_ids=true, mode=flattened_id"
DOT = (
    "lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}, "
    "operand_precision={highest,high}"
)
WINDOW = (
    "window={size=3x3 stride=2x1 pad=1_1x-1_2 lhs_dilate=1x2 rhs_dilate=2x1 rhs_reversal=0x1}, "
    "dim_labels=b01f_01io->b01f"
)
ALIASING = "output_to_operand_aliasing={{0}: (0, {}), {1}: (1, {0})}"

EXACT = "exponential exponential-minus-one log log-plus-one logistic cbrt cosine erf rsqrt sine sqrt tan tanh".split()
UNARY = (
    "abs acos acosh asin asinh atanh ceil cosh floor negate round-nearest-afz round-nearest-even sign sinh copy".split()
)
INTEGER = "count-leading-zeros not popcnt".split()
BINARY = "add atan2 divide maximum minimum multiply power remainder subtract".split()
BITS = "and or xor mulhi shift-left shift-right-arithmetic shift-right-logical".split()

CASES: dict[str, tuple[str, str]] = {
    **{x: ("f32[2]", f"f32[2] {x}(p0), result_accuracy={{tolerance={{atol=0.1,rtol=0.01,ulps=2}}}}") for x in EXACT},
    **{x: ("f32[2]", f"f32[2] {x}(p0)") for x in UNARY},
    **{x: ("s32[2]", f"s32[2] {x}(p0)") for x in INTEGER},
    **{x: ("f32[2] f32[2]", f"f32[2] {x}(p0, p1)") for x in BINARY},
    **{x: ("s32[2] s32[2]", f"s32[2] {x}(p0, p1)") for x in BITS},
    "imag": ("c64[2]", "f32[2] imag(p0)"),
    "real": ("c64[2]", "f32[2] real(p0)"),
    "complex": ("f32[2] f32[2]", "c64[2] complex(p0, p1)"),
    "is-finite": ("f32[2]", "pred[2] is-finite(p0)"),
    "reduce-precision": ("f32[2]", "f32[2] reduce-precision(p0), exponent_bits=5, mantissa_bits=10"),
    "compare": ("f32[2] f32[2]", "pred[2] compare(p0, p1), direction=GE, type=TOTALORDER"),
    "clamp": ("f32[] f32[2] f32[]", "f32[2] clamp(p0, p1, p2)"),
    "select": ("pred[2] f32[2] f32[2]", "f32[2] select(p0, p1, p2)"),
    "convert": ("f32[2]", "bf16[2] convert(p0)"),
    "stochastic-convert": ("f32[2] u32[2]", "s8[2] stochastic-convert(p0, p1)"),
    "bitcast": ("f32[2,3]", "f32[6] bitcast(p0)"),
    "bitcast-convert": ("f32[2]", "u8[2,4] bitcast-convert(p0)"),
    "broadcast": ("f32[2]", "f32[3,2] broadcast(p0), dimensions={1}"),
    "concatenate": ("f32[2] f32[3]", "f32[5] concatenate(p0, p1), dimensions={0}"),
    "reshape": ("f32[<=6]", "f32[<=2,3] reshape(p0), inferred_dimension=0"),
    "dynamic-reshape": ("f32[<=6] s32[] s32[]", "f32[<=2,<=3] dynamic-reshape(p0, p1, p2)"),
    "dynamic-slice": ("f32[4,4] s32[] s32[]", "f32[2,3] dynamic-slice(p0, p1, p2), dynamic_slice_sizes={2,3}"),
    "dynamic-update-slice": ("f32[4] f32[2] s32[]", "f32[4] dynamic-update-slice(p0, p1, p2)"),
    "iota": ("", "s32[2,3] iota(), iota_dimension=1"),
    "pad": ("f32[2,3] f32[]", "f32[5,4] pad(p0, p1), padding=1_1_1x-1_2"),
    "reverse": ("f32[2,3]", "f32[2,3] reverse(p0), dimensions={0,1}"),
    "slice": ("f32[8,3]", "f32[4,2] slice(p0), slice={[0:8:2], [1:3:1]}"),
    "transpose": ("f32[2,3]", "f32[3,2] transpose(p0), dimensions={1,0}"),
    "get-dimension-size": ("f32[<=4]", "s32[] get-dimension-size(p0), dimensions={0}"),
    "set-dimension-size": ("f32[4] s32[]", "f32[<=4] set-dimension-size(p0, p1), dimensions={0}"),
    "gather": (
        "f32[2,4,5] s32[2,3,1]",
        "f32[2,3,5] gather(p0, p1), offset_dims={2}, collapsed_slice_dims={1}, start_index_map={1}, "
        "operand_batching_dims={0}, start_indices_batching_dims={0}, index_vector_dim=2, slice_sizes={1,1,5}, "
        "indices_are_sorted=true",
    ),
    "scatter": (
        "f32[2,4,5] s32[2,3,1] f32[2,3,5]",
        "f32[2,4,5] scatter(p0, p1, p2), update_window_dims={2}, inserted_window_dims={1}, "
        "scatter_dims_to_operand_dims={1}, input_batching_dims={0}, scatter_indices_batching_dims={0}, "
        "index_vector_dim=2, indices_are_sorted=true, unique_indices=true, to_apply=sum",
    ),
    "convolution": (
        "f32[2,8,8,4] f32[3,3,2,8]",
        f"f32[2,4,13,8] convolution(p0, p1), {WINDOW}, feature_group_count=2, batch_group_count=1, "
        "operand_precision={high,highest}, algorithm=dot_bf16_bf16_f32_x3",
    ),
    "dot": ("f32[2,3,4] f32[2,4,5]", f"f32[2,3,5] dot(p0, p1), {DOT}, algorithm=dot_tf32_tf32_f32"),
    "ragged-dot": (
        "f32[6,4] f32[2,4,5] s32[2]",
        "f32[6,5] ragged-dot(p0, p1, p2), lhs_contracting_dims={1}, rhs_contracting_dims={1}, lhs_ragged_dims={0}, "
        "rhs_group_dims={0}, operand_precision={high,high}",
    ),
    "scaled-dot": ("f32[2,3,4] f32[2,4,5] f32[2,3,2] f32[2,2,5]", f"f32[2,3,5] scaled-dot(p0, p1, p2, p3), {DOT}"),
    "reduce": ("f32[2,3] f32[]", "f32[3] reduce(p0, p1), dimensions={0}, to_apply=sum"),
    "reduce-window": (
        "f32[4,4] f32[]",
        "f32[5,6] reduce-window(p0, p1), window={size=2x2 stride=1x1 pad=1_1x0_0 lhs_dilate=1x2}, to_apply=sum",
    ),
    "select-and-scatter": (
        "f32[4] f32[2] f32[]",
        "f32[4] select-and-scatter(p0, p1, p2), window={size=2 stride=2}, select=less, scatter=sum",
    ),
    "scan": (
        "f32[4] f32[]",
        "(f32[4], f32[]) scan(p0, p1), dimensions={0}, num_carries=1, is_reverse=true, is_associative=true, "
        "to_apply=step",
    ),
    "sort": ("f32[2,3]", "f32[2,3] sort(p0), dimensions={1}, is_stable=true, to_apply=less"),
    "topk": ("f32[2,9]", "(f32[2,3], s32[2,3]) topk(p0), k=3, largest=false, is_stable=true"),
    "map": ("f32[2] f32[2]", "f32[2] map(p0, p1), dimensions={0}, to_apply=sum"),
    "fft": ("f32[2,8]", "c64[2,5] fft(p0), fft_type=RFFT, fft_length={8}"),
    "cholesky": ("f32[2,3,3]", "f32[2,3,3] cholesky(p0), lower=true"),
    "triangular-solve": (
        "f32[3,3] f32[3,2]",
        "f32[3,2] triangular-solve(p0, p1), left_side=true, lower=true, unit_diagonal=true, transpose_a=ADJOINT",
    ),
    "batch-norm-grad": (
        "f32[2,3] f32[3] f32[3] f32[3] f32[2,3]",
        "(f32[2,3], f32[3], f32[3]) batch-norm-grad(p0, p1, p2, p3, p4), epsilon=0.001, feature_index=1",
    ),
    "batch-norm-inference": (
        "f32[2,3] f32[3] f32[3] f32[3] f32[3]",
        "f32[2,3] batch-norm-inference(p0, p1, p2, p3, p4), epsilon=1e-05, feature_index=1",
    ),
    "batch-norm-training": (
        "f32[2,3] f32[3] f32[3]",
        "(f32[2,3], f32[3], f32[3]) batch-norm-training(p0, p1, p2), epsilon=0.25, feature_index=1",
    ),
    "rng": ("f32[] f32[]", "f32[4] rng(p0, p1), distribution=rng_normal"),
    "rng-bit-generator": ("u64[2]", "(u64[2], u32[4]) rng-bit-generator(p0), algorithm=rng_three_fry"),
    "rng-get-and-update-state": ("", "u64[2] rng-get-and-update-state(), delta=4"),
    "parameter": ("f32[2]", "f32[2] parameter(1), parameter_replication={true}"),
    "constant": ("", "(f32[2], s4[], c64[]) constant(({-0, nan(0x400001)}, -8, (1, -inf)))"),
    "tuple": ("f32[2] s32[]", "(f32[2], s32[]) tuple(p0, p1)"),
    "get-tuple-element": ("(f32[2], s32[])", "s32[] get-tuple-element(p0), index=1"),
    "call": (
        "f32[2]",
        "(f32[2], f32[2]) call(p0), to_apply=pair, is_composite=true, output_to_operand_aliasing={{0}: (0, {})}, "
        'frontend_attributes={composite.attributes="{}",composite.name="a.b",composite.version="1"}',
    ),
    "while": ("f32[2]", "f32[2] while(p0), condition=test, body=same"),
    "conditional": (
        "s32[] f32[2] f32[2]",
        "f32[2] conditional(p0, p1, p2, p1), branch_computations={same, same, same}",
    ),
    "fusion": (
        "f32[2]",
        "(f32[2], f32[2]) fusion(p0), kind=kCustom, output_to_operand_aliasing={{1}: (0, {})}, calls=pair",
    ),
    "custom-call": (
        "f32[1,8,8,4] f32[3,3,4,8]",
        f"(f32[2], f32[2]) custom-call(p0, p1), {WINDOW}, feature_group_count=2, batch_group_count=3, "
        'operand_precision={high,highest}, padding_type=PADDING_SAME, custom_call_target="a\\"b", '
        "operand_layout_constraints={f32[1,8,8,4]{3,2,1,0}, f32[3,3,4,8]{3,2,1,0}}, custom_call_has_side_effect=true, "
        f"literal=s32[2]{{0}} {{1, 2}}, {ALIASING.replace('(1, {0})', '(1, {})')}, schedule=SCHEDULE_LATEST, "
        "api_version=API_VERSION_TYPED_FFI, called_computations={sum, same}",
    ),
    "domain": (
        "f32[2]",
        "f32[2] domain(p0), domain={kind=\"sharding\", entry={maximal device=0}, exit={maximal device=1}}",
    ),
    "opt-barrier": ("f32[2]", "f32[2] opt-barrier(p0)"),
    "add-dependency": ("f32[2] token[]", "f32[2] add-dependency(p0, p1)"),
    "after-all": ("token[] token[]", "token[] after-all(p0, p1)"),
    "infeed": ("token[]", '(f32[2], token[]) infeed(p0), infeed_config="in\\n\\303\\244"'),
    "outfeed": ("f32[2] token[]", 'token[] outfeed(p0, p1), outfeed_shape=f32[2]{0}, outfeed_config="out"'),
    "all-gather": ("f32[2,3]", f"f32[4,3] all-gather(p0), {GROUPS}, dimensions={{0}}, {GLOBAL}"),
    "all-reduce": ("f32[2]", f"f32[2] all-reduce(p0), {GROUPS}, {GLOBAL}, to_apply=sum"),
    "reduce-scatter": ("f32[4]", f"f32[2] reduce-scatter(p0), {GROUPS}, {GLOBAL}, dimensions={{0}}, to_apply=sum"),
    "all-to-all": ("f32[4]", f"f32[4] all-to-all(p0), {GROUPS}, dimensions={{0}}, mode=cross_replica_and_partition"),
    "collective-broadcast": (
        "f32[4] s32[]",
        f"f32[4] collective-broadcast(p0, p1), {GROUPS}, has_dynamic_root=true, mode=cross_replica_and_partition",
    ),
    "collective-permute": (
        "f32[4] f32[4] s32[] s32[]",
        "f32[4] collective-permute(p0, p1, p2, p3), channel_id=1, source_target_pairs={{0,1},{1,0}}, "
        "slice_sizes={{2}}, mode=cross_partition",
    ),
    "ragged-all-to-all": (
        "f32[4] f32[4] s32[2] s32[2] s32[2] s32[2]",
        "f32[4] ragged-all-to-all(p0, p1, p2, p3, p4, p5), channel_id=1, replica_groups={{0,1}}, mode=cross_partition",
    ),
    "partition-id": ("", "u32[] partition-id()"),
    "replica-id": ("", "u32[] replica-id()"),
    "all-gather-start": ("f32[2]", f"(f32[2], f32[4]) all-gather-start(p0), {GROUPS}, dimensions={{0}}, {GLOBAL}"),
    "all-gather-done": ("(f32[2], f32[4])", "f32[4] all-gather-done(p0)"),
    "all-reduce-start": ("f32[2]", f"f32[2] all-reduce-start(p0), {GROUPS}, {GLOBAL}, to_apply=sum"),
    "all-reduce-done": ("f32[2]", "f32[2] all-reduce-done(p0)"),
    "collective-permute-start": (
        "f32[4] f32[4] s32[] s32[]",
        "((f32[4], f32[4], s32[], s32[]), f32[4]) collective-permute-start(p0, p1, p2, p3), channel_id=1, "
        "source_target_pairs={{0,1}}, slice_sizes={{2}}, mode=cross_partition",
    ),
    "collective-permute-done": ("(f32[4], f32[4], u32[], u32[])", "f32[4] collective-permute-done(p0)"),
    "copy-start": ("f32[4]", "(f32[4], f32[4], u32[]) copy-start(p0), cross_program_prefetch_index=0"),
    "copy-done": ("(f32[4], f32[4], u32[])", "f32[4] copy-done(p0)"),
    "send": ("f32[4] token[]", "(f32[4], u32[], token[]) send(p0, p1), channel_id=2, is_host_transfer=true"),
    "send-done": ("(f32[4], u32[], token[])", "token[] send-done(p0), channel_id=2, is_host_transfer=true"),
    "recv": ("token[]", "(f32[4], u32[], token[]) recv(p0), channel_id=2, is_host_transfer=true"),
    "recv-done": ("(f32[4], u32[], token[])", "(f32[4], token[]) recv-done(p0), channel_id=2, is_host_transfer=true"),
    "async-start": (
        "f32[2]",
        "((f32[2]), f32[2], s32[]) async-start(p0), async_execution_thread=\"thread\", "
        "output_to_operand_aliasing={{1}: (0, {})}, calls=apart",
    ),
    "async-update": (
        "f32[2]",
        "((f32[2]), f32[2], s32[]) async-update(start), output_to_operand_aliasing={{2}: (0, {2})}",
    ),
    "async-done": ("f32[2]", "f32[2] async-done(start)"),
}  # fmt: skip
ASYNC = 'apart {\n  a = f32[2] parameter(0)\n  ROOT n = f32[2] negate(a)\n}, execution_thread="thread"\n'
START = '  start = ((f32[2]), f32[2], s32[]) async-start(p0), async_execution_thread="thread", calls=apart\n'

ELSEWHERE = {
    "conditional": {"true_computation", "false_computation"},  # instead of branch_computations
    "convolution": {"batch_group_count", "convolution_kind", "sparsity_config"},  # one group only; newer than jaxlib
    "custom-call": {"to_apply"},  # instead of called_computations
    "ragged-dot": {"lhs_batch_dims", "rhs_batch_dims"},  # none where rows are ragged
    "async-update": {"async_execution_thread", "calls"},  # those of the start
    "async-done": {"async_execution_thread", "calls", "output_to_operand_aliasing"},
}
"""Attributes that the case of an opcode does not give."""
MORE = {
    "conditional": ("pred[] f32[2]", "f32[2] conditional(p0, p1, p1), true_computation=same, false_computation=same"),
    "convolution": (
        "f32[2,8,8,4] f32[3,3,4,2]",
        "f32[1,6,6,2] convolution(p0, p1), window={size=3x3}, dim_labels=b01f_01io->b01f, batch_group_count=2, "
        "convolution_kind=wgrad, sparsity_config={lhs={sparsity=2x4 dimension=3 stride=1}}",
    ),
    "custom-call": ("f32[2]", 'f32[2] custom-call(p0), custom_call_target="f", to_apply=sum'),
    "ragged-dot": (
        "f32[3,6,4] f32[3,4,5] s32[2]",
        "f32[2,3,6,5] ragged-dot(p0, p1, p2), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, "
        "rhs_contracting_dims={1}, lhs_ragged_dims={2}",
    ),
}
SHARED = (
    "sharding={replicated}, frontend_attributes={k=\"v\",n={\"a\":[1,{}]}}, control-predecessors={before}, "
    'statistics={visualizing_index=0,a=1.5}, origin={{"x"}}, metadata={op_type="t" op_name="a/b" source_file="f.py" '
    "source_line=3 source_end_line=4 source_column=5 source_end_column=6 profile_type={1} deduplicated_name=\"d\" "
    'scheduling_name="s" stack_frame_id=7}, backend_config={"a": {"b": "}"}}'
)  # fmt: skip
"""What every instruction may have."""


def module_of(parameters: str, line: str, more: str = "", before: str = "") -> str:
    """A module whose root is `line`; parameters are shapes with blanks between."""
    shapes = parameters.replace(", ", ",").split()
    given = "".join(f"  p{i} = {shape} parameter({i})\n" for i, shape in enumerate(shapes))
    asynchronous = "async-" in line
    start = START if asynchronous and "(start)" in line else ""
    computations = COMPUTATIONS + (ASYNC if asynchronous else "")
    return f"HloModule m\n{computations}\nENTRY e {{\n{given}{before}{start}  ROOT root = {line}{more}\n}}\n"


def read(text: str) -> hlo.Module:
    """The module, read without a warning."""
    warned: list[hlo.Diagnostic] = []
    module = hlo.parse(text, warn=warned.append)
    assert not warned, warned
    return module


def given(inst: Instruction) -> set[str]:
    """The keys of the attributes that are not what they are where nothing is said."""
    rows = attribute_syntax(type(inst.attrs)).values()
    return {row.key for row in rows if row.required or getattr(inst.attrs, row.name) != row.default}


def test_no_opcode_is_forgotten() -> None:
    assert set(CASES) == set(OPS)


@pytest.mark.parametrize("opcode", OPS)
def test_every_attribute(opcode: str) -> None:
    root = read(module_of(*CASES[opcode])).main.result
    keys = set(attribute_syntax(OPS[opcode].Attrs))
    assert root.op.name == opcode and given(root) == keys - ELSEWHERE.get(opcode, set())
    if opcode in MORE:
        missing = ELSEWHERE[opcode] - given(read(module_of(*MORE[opcode])).main.result)
        assert not missing


@pytest.mark.parametrize("opcode", OPS)
def test_print_and_read_again(opcode: str) -> None:
    for case in (CASES[opcode], *([MORE[opcode]] if opcode in MORE else [])):
        module = read(module_of(*case))
        for options in (None, hlo.PrintOptions.short_parsable()):
            printed = module.to_text() if options is None else module.to_text(options)
            again = read(printed)
            assert (again.to_text() if options is None else again.to_text(options)) == printed
            assert again.main.result.attrs == module.main.result.attrs or root_calls(module)
            assert again.main.result.shape.bare is module.main.result.shape.bare


def root_calls(module: hlo.Module) -> bool:
    """Whether the attributes hold computations, which are never equal."""
    return bool(module.main.result.called)


@pytest.mark.parametrize("opcode", OPS)
def test_what_every_instruction_may_have(opcode: str) -> None:
    parameters, line = CASES[opcode]
    shared = SHARED.replace('frontend_attributes={k="v",n={"a":[1,{}]}}, ', "") if "frontend" in line else SHARED
    text = module_of(parameters, line, f", {shared}", before="  before = f32[] constant(0)\n")
    module = read(text)
    extras = module.main.result.extras
    assert [x.name for x in extras.control_predecessors] == ["before"]
    assert extras.origin and extras.statistics and extras.frontend_attributes
    assert extras.backend_config == '{"a": {"b": "}"}}'
    assert module.main.result.sharding is not None
    metadata = module.main.result.metadata
    assert metadata is not None and (metadata.stack_frame_id, metadata.profile_type) == (7, (1,))
    printed = module.to_text()
    assert read(printed).to_text() == printed
    assert read(printed).main.result.metadata == metadata


NEWER = {
    "async-update": r", output_to_operand_aliasing=\{.*\}",
    "call": r", output_to_operand_aliasing=\{\{0\}: \(0, \{\}\)\}",
    "collective-broadcast": r"(?<=\(p0), p1|, constrain_layout=true|, has_dynamic_root=true|, mode=\w+",
    "convolution": r", algorithm=\w+",
    "topk": r", is_stable=true",
}
"""What jaxlib does not read yet, besides the `mode` of collectives."""


@pytest.mark.parametrize("opcode", OPS)
def test_xla_reads_the_same(opcode: str) -> None:
    xla = pytest.importorskip("jaxlib._hlo", reason="jaxlib is missing")
    parameters, line = CASES[opcode]
    text = module_of(parameters, re.sub(NEWER.get(opcode, r", mode=\w+"), "", line))
    theirs = xla.hlo_module_from_text(text).to_string()
    assert xla.hlo_module_from_text(read(text).to_text()).to_string() == theirs
