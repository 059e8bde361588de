"""Options that leave nothing out: whatever they are, the text is read as the module that was printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus import MODELS, ROUNDTRIP, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

import hlo_tools as hlo

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "print_metadata": st.booleans(),
        "print_original_value": st.booleans(),
        "print_full_replica_group_list": st.booleans(),
        "print_inline_stack_frames": st.booleans(),
        "print_name_after_closing_brace": st.booleans(),
        "print_operand_index_annotation_interval": st.integers(0, 7),
        "print_operand_shape": st.booleans(),
        "print_percent": st.booleans(),
        "print_program_shape": st.booleans(),
        "canonicalize_computations": st.booleans(),
        "post_order": st.booleans(),
        "indent_amount": st.integers(0, 3),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*MODELS, *ROUNDTRIP]), CHANGES)
def test_nothing_is_lost(path: Path, changes: dict[str, Any]) -> None:
    module = hlo.parse(text_of(path))
    again = hlo.parse(module.to_text(replace(hlo.PrintOptions(), **changes)))
    assert hlo.hash_module(again) == hlo.hash_module(module)
    hlo.verify(again)
