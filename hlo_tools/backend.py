"""The only door to code generators.

A backend is an object that a distribution names under the entry-point group `hlo_tools.backends`; nothing in
hlo_tools imports one by path. It says which targets it knows, which stages lie between a module and machine code
(each can be read as text), and makes a module runnable here or linkable elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol

from hlo_tools.ir.literal import Array
from hlo_tools.ir.module import Module
from hlo_tools.support.diagnostic import UnsupportedError

GROUP = "hlo_tools.backends"


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to compile for, in LLVM's terms.

    triple    as LLVM spells it: `x86_64-unknown-linux-gnu`
    cpu       `-mcpu`: `skylake-avx512`, `sm_90`; empty for the baseline of the triple
    features  `-mattr`: `+avx2,-fma`; empty for what the CPU implies
    """

    triple: str
    cpu: str = ""
    features: str = ""

    def __str__(self) -> str:
        return f"{self.triple}:{self.cpu}" if self.cpu else self.triple


@dataclass(frozen=True, slots=True)
class Stage:
    """A point between the module and machine code at which it can be read as text.

    `emit` leaves the module it is given as it was.
    """

    name: str
    suffix: str  # of a file with this text, e.g. ".ll"
    summary: str
    emit: Callable[[Module, Target], str]


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """What a backend made of a module for use elsewhere.

    files          content by file suffix; `.o` is what the user links, the rest is to read or to load (`.ptx`)
    scratch_bytes  working memory that the caller passes to one call
    scratch_align  its alignment in bytes
    facts          what the manifest tells about the code (kernels, features, buffers); JSON values only
    """

    files: Mapping[str, bytes]
    scratch_bytes: int
    scratch_align: int
    facts: Mapping[str, Any] = field(default_factory=dict)


class Bound(Protocol):
    """A module with its buffers in place: the arguments copied in once, to be run as often as wanted."""

    def run(self) -> None:
        """Execute once."""
        ...

    def results(self) -> list[Array]:
        """The flattened leaves of the result of the last run."""
        ...


class Executable(ABC):
    """A module that is ready to run in this process."""

    @abstractmethod
    def bind(self, arguments: Sequence[Array]) -> Bound:
        """Buffers for repeated runs on these arguments, which are copied: flattened leaves of the entry parameters.

        Raises UsageError when their number, shapes or types are not those of the module.
        """

    def __call__(self, *arguments: Array) -> list[Array]:
        """Run it on the flattened leaves of the entry parameters; the flattened leaves of the result come back.

        Raises what `bind` and `Bound.run` raise.
        """
        bound = self.bind(arguments)
        bound.run()
        return bound.results()


class Backend(ABC):
    """One way to make code of modules. Instances have no state that a call could change."""

    name: ClassVar[str]
    stages: ClassVar[Mapping[str, Stage]]
    """By name, in the order in which a module passes through them."""

    @abstractmethod
    def targets(self) -> Sequence[Target]:
        """The targets that are tested, the machine this runs on first where it can run code here."""

    @abstractmethod
    def target(self, triple: str = "", cpu: str = "", features: str = "") -> Target:
        """The target in full; what is left empty gets this backend's default.

        Raises UnsupportedError for a triple or a CPU that this backend does not know.
        """

    @abstractmethod
    def compile(self, module: Module, target: Target | None = None, threads: int = 1) -> Executable:
        """Code for `module` in this process, for this machine unless `target` says otherwise.

        Raises UnsupportedError where an op, a type or the target is not covered. `module` stays as it was.
        """

    @abstractmethod
    def aot(self, module: Module, target: Target, symbol: str) -> ObjectCode:
        """Code for `module` to link elsewhere, under names that start with `symbol`. `module` stays as it was.

        Raises UnsupportedError where an op, a type or the target is not covered.
        """


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def names() -> list[str]:
    """The names of all installed backends, sorted."""
    return list(_entries())


def find(name: str) -> Backend:
    """The backend called `name`. Raises UnsupportedError when none of that name is installed or it cannot load."""
    entry = _entries().get(name)
    if entry is None:
        known = ", ".join(names()) or "none"
        raise UnsupportedError.at("HLO4001", f"no backend is called '{name}'; installed: {known}")
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise UnsupportedError.at("HLO4002", f"backend '{name}' cannot be loaded: {error}") from error
    if not isinstance(found, Backend):
        raise UnsupportedError.at("HLO4002", f"{entry.value} is no backend: it is a {type(found).__name__}")
    return found


def for_triple(triple: str) -> Backend:
    """The first backend that knows `triple`. Raises UnsupportedError when none does."""
    for name in names():
        backend = find(name)
        try:
            backend.target(triple)
        except UnsupportedError:
            continue
        return backend
    raise UnsupportedError.at("HLO4003", f"no backend knows the target '{triple}'; `hlo targets` lists those that are")
