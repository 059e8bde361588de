"""Module -> HLO text, from the graph alone."""

from __future__ import annotations

from collections.abc import Callable

from hlo_tools.ir.attributes import Flags, FrontendAttributes
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.instruction import NO_EXTRAS, Extras, Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module
from hlo_tools.text.attributes import metadata_text, record_text
from hlo_tools.text.codecs import CODECS
from hlo_tools.text.header import header_text
from hlo_tools.text.literals import literal_text
from hlo_tools.text.options import PrintOptions
from hlo_tools.text.shardings import show_sharding
from hlo_tools.text.tables import tables_text

DEFAULT = PrintOptions()


def to_text(module: Module, options: PrintOptions | None = None) -> str:
    """The text of a module, computations after those they call."""
    return _Printer(options or DEFAULT).module(module)


class _Printer:
    """Prints one module; as a `Style` it prints references. Texts of shared values are made once."""

    def __init__(self, options: PrintOptions) -> None:
        self.options = options
        self.percent = "%" if options.print_percent else ""
        self.metadata: dict[int, str] = {}  # texts by the identity of the object: comparing costs more than printing
        self.records: dict[int, str] = {}
        self.depth = 0

    # ---- Style

    def callee(self, computation: Computation) -> str:
        """A called computation: its name, or its body."""
        if not self.options.inline_computations:
            return self.percent + computation.name
        self.depth += 1
        indent = "  " * self.depth
        body = "\n".join(self._lines(computation, indent + "  "))
        self.depth -= 1
        return f"\n{indent}{{\n{body}\n{indent}}}"

    # ---- the module

    def module(self, module: Module) -> str:
        """The text of the whole module."""
        parts = [header_text(module.name, module.header, self), "\n\n"]
        if module.tables is not None and self.options.print_metadata:
            parts.append(tables_text(module.tables))
        for computation in module.order():
            parts.append(self.computation(computation, computation is module.entry))
        return "".join(parts)

    def computation(self, computation: Computation, entry: bool) -> str:
        """A computation with its braces and the empty line behind it."""
        signature = ""
        if self.options.print_program_shape:
            parameters = ", ".join([f"{p.name}: {p.shape.bare.text}" for p in computation.parameters])
            signature = f"({parameters}) -> {computation.result.shape.bare.text} "
        head = f"{'ENTRY ' if entry else ''}{self.percent}{computation.name} {signature}{{\n"
        thread = f', execution_thread="{computation.execution_thread}"' if computation.execution_thread else ""
        return head + "\n".join(self._lines(computation, "  ")) + f"\n}}{thread}\n\n"

    def _lines(self, computation: Computation, indent: str) -> list[str]:
        percent, interval = self.percent, self.options.print_operand_index_annotation_interval
        order, root = computation.order(), computation.root
        plain = not (self.options.canonicalize_names or self.options.print_operand_shape)
        behind, before = self._annotations, self._inline
        name_of = self._names(order)
        lines = []
        for inst in order:
            operands = inst.operands
            if operands:
                if plain:
                    texts = [percent + x.name for x in operands]
                else:
                    texts = [self._operand(x, name_of) for x in operands]
                if interval and len(texts) > interval:
                    texts = [f"/*index={i}*/{t}" if i and i % interval == 0 else t for i, t in enumerate(texts)]
                args = ", ".join(texts)
            else:
                args = before(inst)
            mark = "ROOT " if inst is root else ""
            name = inst.name if plain else name_of(inst)
            lines.append(f"{indent}{mark}{percent}{name} = {inst.shape.text} {inst.op.name}({args}){behind(inst)}")
        return lines

    def _names(self, order: tuple[Instruction, ...]) -> Callable[[Instruction], str]:
        if not self.options.canonicalize_names:
            return lambda inst: inst.name
        numbers = {inst: f"tmp_{i}" for i, inst in enumerate(order)}
        return numbers.__getitem__

    def _operand(self, x: Instruction, name_of: Callable[[Instruction], str]) -> str:
        name = self.percent + name_of(x)
        return f"{x.shape.text} {name}" if self.options.print_operand_shape else name

    def _inline(self, inst: Instruction) -> str:
        """What stands between the parentheses of an instruction without operands."""
        inline = inst.op.inline
        if inline is None:
            return ""
        value = getattr(inst.attrs, inline)
        return literal_text(value, self.options.print_large_constants) if isinstance(value, Literal) else str(value)

    def _annotations(self, inst: Instruction) -> str:
        """Everything behind the parentheses."""
        record, extras, options = inst.attrs, inst.extras, self.options
        text = self.records.get(id(record))
        if text is None:
            text = record_text(inst.op, record, self)
            if not options.inline_computations:  # whose indentation depends on the place
                self.records[id(record)] = text
        if extras.parameter_replication:
            text += f", parameter_replication={CODECS[Flags].show(extras.parameter_replication, self)}"
        if inst.sharding is not None:
            text += f", sharding={show_sharding(inst.sharding)}"
        if extras is not NO_EXTRAS:
            text += self._extras(extras)
        if inst.metadata is not None and options.print_metadata:
            found = self.metadata.get(id(inst.metadata))
            if found is None:
                found = self.metadata[id(inst.metadata)] = f", metadata={metadata_text(inst.metadata)}"
            text += found
        if extras.backend_config and options.print_backend_config:
            text += f", backend_config={extras.backend_config}"
        return text

    def _extras(self, extras: Extras) -> str:
        text = ""
        if extras.frontend_attributes:
            text += f", frontend_attributes={CODECS[FrontendAttributes].show(extras.frontend_attributes, self)}"
        if extras.control_predecessors and self.options.print_control_dependencies:
            names = ", ".join(self.percent + x.name for x in extras.control_predecessors)
            text += f", control-predecessors={{{names}}}"
        if extras.statistics:
            text += f", statistics={extras.statistics}"
        if extras.origin:
            text += f", origin={extras.origin}"
        for key, value in extras.unknown:
            text += f", {key}={value}"
        return text
