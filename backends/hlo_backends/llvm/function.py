"""The text of one LLVM function while it grows: value numbering, hoisting, blocks.

Every pure instruction is emitted once per place where it is available, at the outermost loop in which its operands
are: common subexpressions and loop invariants cost nothing later, so the optimiser need not look for them.
"""

from __future__ import annotations

from collections.abc import Iterable

from hlo_tools.codegen.kernel import Buffer


class _Scope:
    """The lines at one depth of nesting, and what becomes invalid when it closes."""

    __slots__ = ("known", "lines", "stored")

    def __init__(self, stored: frozenset[Buffer]) -> None:
        self.lines: list[str] = []
        self.known: list[str] = []
        self.stored = stored


class Text:
    """Instructions by scope; scope 0 is the function's entry block."""

    def __init__(self) -> None:
        self.scopes = [_Scope(frozenset())]
        self.block = "entry"
        self.depth: dict[str, int] = {}
        self.known: dict[str, str] = {}
        self.epochs: dict[Buffer, int] = {}
        # The shallowest scope to which work may move: what stands in a branch must not run without it.
        self.floors = [0]
        self.load_floors = [0]
        self.count = 0

    # ---- instructions

    def pure(self, rhs: str, operands: Iterable[str], floor: int | None = None) -> str:
        """The value of an instruction without effects that may also run where it is not needed."""
        found = self.known.get(rhs)
        if found is not None:
            return found
        depth = self.floors[-1] if floor is None else floor
        get = self.depth.get
        for operand in operands:
            d = get(operand, 0)
            if d > depth:
                depth = d
        return self._put(rhs, rhs, depth)

    def address(self, rhs: str, operands: Iterable[str]) -> str:
        """Like `pure`, for index arithmetic: cheap enough to move out of branches."""
        return self.pure(rhs, operands, 0)

    def fixed(self, rhs: str) -> str:
        """A value that must not move, e.g. a division that could trap; equal ones are shared."""
        found = self.known.get(rhs)
        return found if found is not None else self._put(rhs, rhs, len(self.scopes) - 1)

    def load(self, rhs: str, operands: Iterable[str], buffer: Buffer) -> str:
        """A read of memory: shared until the buffer changes, moved out of loops that do not write it."""
        key = f"{rhs}#{self.epochs.get(buffer, 0)}"
        found = self.known.get(key)
        if found is not None:
            return found
        depth = max(self.load_floors[-1], max((self.depth.get(o, 0) for o in operands), default=0))
        for d in range(len(self.scopes) - 1, depth, -1):
            if buffer in self.scopes[d].stored:
                depth = d
                break
        return self._put(key, rhs, depth)

    def _put(self, key: str, rhs: str, depth: int) -> str:
        name = self.fresh()
        scope = self.scopes[depth]
        scope.lines.append(f"  {name} = {rhs}")
        scope.known.append(key)
        self.known[key] = name
        self.depth[name] = depth
        return name

    def fresh(self, depth: int | None = None) -> str:
        """A new name for a value, defined at `depth` where that is given."""
        self.count += 1
        name = f"%v{self.count}"
        if depth is not None:
            self.depth[name] = depth
        return name

    def line(self, text: str) -> None:
        """An instruction with effects, here."""
        self.scopes[-1].lines.append("  " + text)

    def wrote(self, buffers: Iterable[Buffer]) -> None:
        """Loads from these buffers are not what they were."""
        self.count += 1
        for buffer in buffers:
            self.epochs[buffer] = self.count

    # ---- blocks

    def label(self) -> str:
        """A new block name."""
        self.count += 1
        return f"b{self.count}"

    def start(self, block: str) -> None:
        """Begin a block; the one before must have ended."""
        self.scopes[-1].lines.append(f"{block}:")
        self.block = block

    def open(self, stored: frozenset[Buffer], branch: bool = False, maybe: bool = False) -> None:
        """Enter a nested scope.

        stored  buffers that the scope writes, when it repeats
        branch  it may be skipped: nothing moves out of it
        maybe   it may be skipped, but only loads must stay in it
        """
        self.scopes.append(_Scope(stored))
        here = len(self.scopes) - 1
        self.floors.append(here if branch else self.floors[-1])
        self.load_floors.append(here if branch or maybe else self.load_floors[-1])

    def close(self) -> list[str]:
        """Leave the innermost scope; its lines, to be put where they belong."""
        scope = self.scopes.pop()
        self.floors.pop()
        self.load_floors.pop()
        for key in scope.known:
            del self.known[key]
        return scope.lines

    def splice(self, lines: list[str]) -> None:
        """Put the lines of a closed scope here."""
        self.scopes[-1].lines.extend(lines)
