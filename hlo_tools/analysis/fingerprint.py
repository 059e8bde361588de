"""A hash of what a module says, the same on every machine.

What enters, for each instruction: the opcode; the shape, where no layout counts as row-major; the attributes of the op
that differ from their defaults, in the form in which XLA prints them, called computations by what they hold; the
value of a constant; sharding, backend config, frontend attributes, `parameter_replication` and attributes that this
version does not know; which instructions are its operands, in order, and its control predecessors, in any order; and
who uses it as which operand, so that a value used twice differs from two equal ones. A computation is the collection
of its instructions, dead ones included, with its root and its thread. A module is its entry, the computations that
nobody calls, aliases, donors, the layouts of the entry, the numbers of replicas and partitions, what may be done to
shardings, and frontend attributes.

What never enters: names, the order in which instructions and computations stand, a schedule, metadata, stack frames,
original values, statistics, and how often equal computations are there.

An elided constant counts as such, but for one whose value lies in a file: it counts as that value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

from hlo_tools.ir.attributes import FrontendAttributes
from hlo_tools.ir.computation import Computation
from hlo_tools.ir.external import DIGEST, NAME, value_digest
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.literal import Literal
from hlo_tools.ir.module import Module, called_by
from hlo_tools.ir.shape import Shape, with_default_layout
from hlo_tools.text.annotations import all_groups
from hlo_tools.text.codecs import attribute_syntax
from hlo_tools.text.shardings import show_sharding

VERSION = 1
"""Of the hash: another version gives other hashes."""


@dataclass(frozen=True, slots=True)
class HashOptions:
    """What enters a hash besides structure, types and attributes."""

    constants: bool = True
    layouts: bool = True
    shardings: bool = True
    backend_configs: bool = True
    frontend_attributes: bool = True


@dataclass(frozen=True, slots=True)
class ModuleHash:
    """The hashes (SHA-256, hexadecimal) of a module and of its computations by name."""

    module: str
    computations: dict[str, str]


def hash_module(module: Module, options: HashOptions | None = None) -> ModuleHash:
    """The hash of `module`: equal for modules that say the same, and different, as far as SHA-256 goes, otherwise."""
    hasher = _Hasher(options or HashOptions())
    for computation in module.order():
        hasher.computation(computation)
    computations = {computation.name: hasher.known[computation] for computation in module}
    return ModuleHash(hasher.module(module), computations)


class _Hasher:
    """As a `Style`, it stands for computations by their hashes."""

    def __init__(self, options: HashOptions) -> None:
        self.options = options
        self.known: dict[Computation, str] = {}

    def callee(self, computation: Computation) -> str:
        """A called computation in the value of an attribute."""
        return self.known[computation]

    def module(self, module: Module) -> str:
        """The hash of the module, whose computations are known."""
        called = {callee for computation in module for callee in called_by(computation)}
        free = sorted(self.known[c] for c in module if c not in called and c is not module.entry)
        main = "" if module.entry is None else self.known[module.entry]
        return _digest([f"hlo-tools module {VERSION}", main, *free, *self._header(module)])

    def _header(self, module: Module) -> Iterable[str]:
        header = module.header
        for f in fields(header):
            if f.name in _NEVER or (f.name in _OF_SHARDINGS and not self.options.shardings):
                continue
            value = getattr(header, f.name)
            if f.name == "frontend_attributes":
                yield from self._frontend(value)
            elif value != f.default:
                yield f"{f.name}={value}"
        if self.options.layouts and module.entry is not None:
            at = header.entry_layout
            shapes = at.parameters if at is not None else tuple(p.shape for p in module.entry.parameters)
            result = at.result if at is not None else module.entry.result.shape
            yield from (f"entry layout {self._shape(shape)}" for shape in (*shapes, result))

    def computation(self, computation: Computation) -> None:
        """Find the hash of a computation that calls only known ones."""
        order = computation.order()
        above: dict[Instruction, str] = {}
        for inst in order:
            above[inst] = self._instruction(inst, above)
        whole: dict[Instruction, str] = {}
        for inst in reversed(order):
            uses = [f"{i} {whole[user]}" for user in inst.users for i, x in enumerate(user.operands) if x is inst]
            mark = "root" if inst is computation.root else ""
            whole[inst] = _digest([above[inst], mark, *sorted(uses)])
        parts = [f"computation in {computation.execution_thread}", *sorted(whole.values())]
        self.known[computation] = _digest(parts)

    def _instruction(self, inst: Instruction, above: dict[Instruction, str]) -> str:
        """The hash of an instruction and all that it comes from."""
        options, extras = self.options, inst.extras
        parts = [inst.op.name, self._shape(inst.shape), *self._attributes(inst)]
        if inst.sharding is not None and options.shardings:
            parts.append(f"sharding={show_sharding(inst.sharding.without_metadata())}")
        if extras.backend_config and options.backend_configs:
            parts.append(f"backend_config={extras.backend_config}")
        if extras.parameter_replication:
            parts.append(f"parameter_replication={extras.parameter_replication}")
        parts += self._frontend(extras.frontend_attributes)
        parts += sorted(f"{key}={value}" for key, value in extras.unknown)
        parts += sorted(f"after {above[x]}" for x in extras.control_predecessors)
        parts += [above[x] for x in inst.operands]
        return _digest(parts)

    def _attributes(self, inst: Instruction) -> Iterable[str]:
        record = inst.attrs
        if inst.op.inline is not None:
            value = getattr(record, inst.op.inline)
            yield self._literal(inst, value) if isinstance(value, Literal) else f"{inst.op.inline}={value}"
        for row in attribute_syntax(type(record)).values():
            value = getattr(record, row.name)
            if row.name != inst.op.inline and value != row.default:
                text = all_groups(value) if row.key == "replica_groups" else row.codec.show(value, self)
                yield f"{row.key}={text}"

    def _literal(self, inst: Instruction, value: Literal) -> str:
        if not self.options.constants:
            return "a constant"
        if isinstance(value.value, tuple):
            return _digest([self._literal(inst, part) for part in value.value])
        if value.value is None:
            return dict(inst.extras.frontend_attributes).get(DIGEST, "elided").strip('"')
        return value_digest(value.shape, value.array)

    def _frontend(self, attributes: FrontendAttributes) -> Iterable[str]:
        if self.options.frontend_attributes:
            own = sorted((k, v) for k, v in attributes if k not in (NAME, DIGEST))
            yield from (f"frontend {key}={value}" for key, value in own)

    def _shape(self, shape: Shape) -> str:
        return (with_default_layout(shape) if self.options.layouts else shape.bare).text


_NEVER = frozenset({"is_scheduled", "entry_layout", "origin_recovery_table", "debug_attributes"})
_OF_SHARDINGS = frozenset(
    {"allow_spmd_sharding_propagation_to_parameters", "allow_spmd_sharding_propagation_to_output"}
)


def _digest(parts: Iterable[str]) -> str:
    """SHA-256 of texts, each with its length in front, so that no two lists look alike."""
    made = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        made.update(b"%d:" % len(data))
        made.update(data)
    return made.hexdigest()
