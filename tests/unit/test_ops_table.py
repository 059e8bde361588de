"""The table of opcodes: complete, consistent, and honest about what is missing."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

from hlo_tools.ir.op import Op, Trait, callee_fields
from hlo_tools.ops import OPS

OPCODES = """
abs acos acosh add add-dependency after-all all-gather all-gather-done all-gather-start all-reduce all-reduce-done
all-reduce-start all-to-all and asin asinh async-done async-start async-update atan2 atanh batch-norm-grad
batch-norm-inference batch-norm-training bitcast bitcast-convert broadcast call cbrt ceil cholesky clamp
collective-broadcast collective-permute collective-permute-done collective-permute-start compare complex concatenate
conditional constant convert convolution copy copy-done copy-start cosh cosine count-leading-zeros custom-call divide
domain dot dynamic-reshape dynamic-slice dynamic-update-slice erf exponential exponential-minus-one fft floor fusion
gather get-dimension-size get-tuple-element imag infeed iota is-finite log log-plus-one logistic map maximum minimum
mulhi multiply negate not opt-barrier or outfeed pad parameter partition-id popcnt power ragged-all-to-all ragged-dot
real recv recv-done reduce reduce-precision reduce-scatter reduce-window remainder replica-id reshape reverse rng
rng-bit-generator rng-get-and-update-state round-nearest-afz round-nearest-even rsqrt scaled-dot scan scatter select
select-and-scatter send send-done set-dimension-size shift-left shift-right-arithmetic shift-right-logical sign sine
sinh slice sort sqrt stochastic-convert subtract tan tanh topk transpose triangular-solve tuple while xor
"""


def test_all_opcodes_are_there() -> None:
    assert list(OPS) == OPCODES.split()
    assert len(OPS) == 133


def test_every_op_says_what_it_computes() -> None:
    silent = [name for name, op in OPS.items() if name != "parameter" and type(op).evaluate is Op.evaluate]
    assert silent == []


def test_every_op_has_a_shape_rule_or_a_check() -> None:
    for name, op in OPS.items():
        inferred, checked = type(op).shape is not Op.shape, type(op).check is not Op.check
        assert inferred or checked or op.declared, name


def test_attribute_records_are_frozen_and_typed() -> None:
    for op in OPS.values():
        hints = get_type_hints(op.Attrs)
        assert all(f.name in hints for f in fields(op.Attrs)), op.name
        assert op.Attrs.__dataclass_params__.frozen, op.name
        callee_fields(op.Attrs)


def test_traits_of_binary_ops() -> None:
    commutative = [name for name, op in OPS.items() if Trait.COMMUTATIVE in op.traits]
    assert commutative == ["add", "and", "maximum", "minimum", "mulhi", "multiply", "or", "xor"]
