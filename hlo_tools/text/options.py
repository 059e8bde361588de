"""How a module is printed. Names and presets are those of XLA's `HloPrintOptions`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """What the text of a module shows; the default is XLA's long form, from which a module can be read again.

    print_large_constants     the values of all constants; otherwise of arrays with at most ten elements, and
                              `{...}` in place of the others. True here, since a text without them is not the module;
                              XLA's own default, and that of its dumps, is False
    print_metadata            `metadata={...}`
    print_backend_config      `backend_config=...`
    print_control_dependencies  `control-predecessors={...}`
    print_percent             `%` in front of names
    print_program_shape       parameters and result behind the name of a computation
    print_operand_shape       the shape in front of each operand
    print_operand_index_annotation_interval  `/*index=5*/` before each fifth operand; 0 for no comments
    canonicalize_names        `tmp_0`, `tmp_1`... for the instructions of each computation, as XLA's canonical form
    inline_computations       bodies of called computations in place of their names, as XLA's canonical form
    """

    print_large_constants: bool = True
    print_metadata: bool = True
    print_backend_config: bool = True
    print_control_dependencies: bool = True
    print_percent: bool = True
    print_program_shape: bool = True
    print_operand_shape: bool = False
    print_operand_index_annotation_interval: int = 5
    canonicalize_names: bool = False
    inline_computations: bool = False

    @staticmethod
    def default() -> PrintOptions:
        """The long form."""
        return PrintOptions()

    @staticmethod
    def short_parsable() -> PrintOptions:
        """The short form: no `%`, signatures, metadata and index comments."""
        return PrintOptions(
            print_metadata=False,
            print_percent=False,
            print_program_shape=False,
            print_operand_index_annotation_interval=0,
        )

    @staticmethod
    def canonical() -> PrintOptions:
        """The form for comparing: no names of instructions, metadata, backend configs, control dependencies."""
        return PrintOptions(
            print_metadata=False,
            print_backend_config=False,
            print_control_dependencies=False,
            print_percent=False,
            print_program_shape=False,
            print_operand_shape=True,
            print_operand_index_annotation_interval=0,
            canonicalize_names=True,
            inline_computations=True,
        )
