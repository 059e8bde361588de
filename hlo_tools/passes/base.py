"""What a pass is.

    @dataclass(frozen=True, slots=True)
    class Dce(Pass):
        '''Removes instructions that nobody reads.'''

        keep_parameters: bool = True  # an option: dce{keep-parameters=false}

        def run(self, module: Module, ctx: Context) -> bool: ...

The first line of the docstring is the help text; the fields are the options.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from hlo_tools.ir.module import Module
from hlo_tools.passes.invariants import Invariant


def _no_step(name: str) -> None:
    pass


@dataclass(slots=True)
class Context:
    """What a running pass may talk to.

    statistics  counters of this run, by name
    step        called with a name (`adding copies`) when the module is worth a look inside a pass
    """

    statistics: Counter[str] = field(default_factory=Counter)
    step: Callable[[str], None] = _no_step

    def count(self, what: str, times: int = 1) -> None:
        """Add to a counter; nothing when `times` is 0."""
        if times:
            self.statistics[what] += times


@dataclass(frozen=True, slots=True)
class Pass:
    """Base of all passes: a frozen record whose fields are its options.

    name    how pipelines spell it; by default the file name with `-` for `_`
    needs   invariants that must hold before it runs
    gives   invariants that hold after it
    breaks  invariants that may not hold after it
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[Invariant, ...]] = ()
    gives: ClassVar[tuple[Invariant, ...]] = ()
    breaks: ClassVar[tuple[Invariant, ...]] = ()

    def __init_subclass__(cls) -> None:
        if "name" not in cls.__dict__:
            cls.name = cls.__module__.rpartition(".")[2].replace("_", "-")

    def run(self, module: Module, ctx: Context) -> bool:
        """Transform `module` in place; whether anything changed."""
        raise NotImplementedError

    @classmethod
    def help(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]
