"""How a module is printed. Names and presets are those of XLA's `HloPrintOptions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


class SubcomputationMode(StrEnum):
    """What an instruction shows of the computations that it calls (XLA `PrintSubcomputationMode`)."""

    OFF = "off"
    NAME_ONLY = "name_only"
    FULL_BODIES = "full_bodies"
    NON_SEQUENTIAL_BODIES = "non_sequential_bodies"  # bodies, but names for call, while and conditional


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """What the text of a module shows; the default is XLA's long form, from which a module can be read again.

    Every option has the name and the meaning that it has in XLA. The defaults are those of XLA's dumps but for
    `print_large_constants`, which is True here, since a text without them is not the module.

    post_order  is ours: instructions and computations in XLA's order (depth first from those that nobody uses) in
                place of the order in which they were read or made; a scheduled module keeps its order
    """

    print_large_constants: bool = True  # otherwise tuples and arrays of more than ten elements are `{...}`
    print_only_essential_constants: bool = False  # 0 or 1 for arrays of nothing else, integers, `{...}` for the rest
    print_subcomputation_mode: SubcomputationMode = SubcomputationMode.NAME_ONLY
    print_original_value: bool = True
    print_metadata: bool = True  # of instructions and shardings, and the tables of stack frames
    print_metadata_only_op_name: bool = False
    print_inline_stack_frames: bool = False  # file, line and column in place of `stack_frame_id`
    print_backend_config: bool = True
    sort_backend_config: bool = False  # the keys of one that is JSON
    print_infeed_outfeed_config: bool = True
    print_frontend_attributes: bool = True
    print_extra_attributes: bool = True  # those of the op itself
    print_control_dependencies: bool = True
    print_full_replica_group_list: bool = False  # `{{0,1}}` in place of `[1,2]<=[2]`
    syntax_sugar_async_ops: bool = False  # `add-start` in place of an `async-start` that calls an `add`
    compact_gte: bool = False  # `%x#0` in place of a get-tuple-element that says nothing else, not even metadata
    compact_operands: bool = False  # the first four operands; such a text cannot be read again
    include_layout_in_shapes: bool = True
    print_result_shape: bool = True
    print_operand_shape: bool = False
    print_operand_names: bool = True
    print_operand_index_annotation_interval: int = 5  # `/*index=5*/` before each fifth operand; 0: none
    print_parameter_number: bool = True
    print_program_shape: bool = True  # parameters and result behind the name of a computation
    print_percent: bool = True
    print_ids: bool = True  # names from the first `.` on, and those of module and computations
    print_name_after_closing_brace: bool = False  # of a computation with more than five instructions, in a comment
    canonicalize_instruction_names: bool = False  # `tmp_0`, `tmp_1`, ...
    canonicalize_computations: bool = False  # in an order that follows from what they hold
    indent_amount: int = 0  # levels of two blanks before every line
    post_order: bool = False

    @staticmethod
    def default() -> PrintOptions:
        """The long form: everything."""
        return PrintOptions()

    @staticmethod
    def short_parsable() -> PrintOptions:
        """The short form: no `%`, signatures, metadata, control dependencies and index comments."""
        return PrintOptions(
            print_metadata=False,
            print_operand_index_annotation_interval=0,
            print_program_shape=False,
            print_percent=False,
            print_control_dependencies=False,
            syntax_sugar_async_ops=True,
        )

    @staticmethod
    def canonical() -> PrintOptions:
        """The same text for isomorphic computations: no names of instructions, metadata, large constants."""
        return PrintOptions(
            print_large_constants=False,
            print_subcomputation_mode=SubcomputationMode.FULL_BODIES,
            print_metadata=False,
            print_backend_config=False,
            print_operand_names=False,
            print_operand_shape=True,
            print_operand_index_annotation_interval=0,
            print_program_shape=False,
            print_percent=False,
            print_control_dependencies=False,
            canonicalize_instruction_names=True,
            syntax_sugar_async_ops=True,
            post_order=True,
        )

    @staticmethod
    def fingerprint() -> PrintOptions:
        """Canonical, and without names of computations and values that look like weights."""
        return replace(
            PrintOptions.canonical(),
            print_infeed_outfeed_config=False,
            print_only_essential_constants=True,
            print_ids=False,
            canonicalize_computations=True,
            print_full_replica_group_list=True,
        )

    @staticmethod
    def module_fingerprint() -> PrintOptions:
        """As fingerprint, without shapes of operands."""
        return replace(PrintOptions.fingerprint(), print_operand_shape=False)


PRESETS: dict[str, Callable[[], PrintOptions]] = {
    "long": PrintOptions.default,
    "short-parsable": PrintOptions.short_parsable,
    "canonical": PrintOptions.canonical,
    "fingerprint": PrintOptions.fingerprint,
    "module-fingerprint": PrintOptions.module_fingerprint,
}
"""The presets by name."""
