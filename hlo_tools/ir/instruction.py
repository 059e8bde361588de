"""An instruction: a node of the graph that a computation is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hlo_tools.ir.attributes import FrontendAttributes, Json, Metadata, ResultAccuracy
from hlo_tools.ir.op import Op, callees
from hlo_tools.ir.shape import Shape
from hlo_tools.ir.sharding import Sharding

if TYPE_CHECKING:
    from hlo_tools.ir.computation import Computation


@dataclass(frozen=True, slots=True)
class Extras:
    """Attributes that any instruction may have and few do."""

    frontend_attributes: FrontendAttributes = FrontendAttributes(())
    result_accuracy: ResultAccuracy | None = None  # None: the default of the backend
    control_predecessors: tuple[Instruction, ...] = ()
    statistics: Json = Json("")
    parameter_replication: tuple[bool, ...] = ()
    origin: Json = Json("")
    backend_config: Json = Json("")  # with its quotes or braces
    unknown: tuple[tuple[str, str], ...] = ()  # attributes this version does not know, as written


NO_EXTRAS = Extras()


class Instruction:
    """One operation on values.

    Edges (`operands`, `users`, `parent`) change only through `Computation`. The rest may be assigned.
    `at` is the offset of the instruction in the source of its module, -1 when it was made by a pass.
    """

    __slots__ = (
        "__weakref__",
        "at",
        "attrs",
        "extras",
        "metadata",
        "name",
        "op",
        "operands",
        "parent",
        "shape",
        "sharding",
        "users",
    )

    def __init__(
        self,
        op: Op[Any],
        shape: Shape,
        operands: tuple[Instruction, ...],
        attrs: Any,
        name: str,
        parent: Computation,
        at: int = -1,
        sharding: Sharding | None = None,
        metadata: Metadata | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self.op = op
        self.shape = shape
        self.operands = operands
        self.attrs = attrs
        self.name = name
        self.parent = parent
        self.at = at
        self.users: dict[Instruction, None] = {}
        self.sharding = sharding
        self.metadata = metadata
        self.extras = extras
        for x in operands:
            x.users[self] = None

    @property
    def is_root(self) -> bool:
        """Whether it is the result of its computation."""
        return self.parent.root is self

    @property
    def called(self) -> tuple[Computation, ...]:
        """The computations that it names, in text order."""
        return callees(self.attrs)

    def operand(self, index: int) -> Instruction:
        """Operand `index`."""
        return self.operands[index]

    def copy_annotations(self, other: Instruction) -> None:
        """Take metadata, sharding and frontend attributes from `other`: for an instruction that replaces it."""
        self.metadata = other.metadata
        self.sharding = other.sharding
        if other.extras.frontend_attributes:
            self.extras = Extras(frontend_attributes=other.extras.frontend_attributes)

    def __repr__(self) -> str:
        return f"{self.name} = {self.shape} {self.op.name}({', '.join(x.name for x in self.operands)})"
