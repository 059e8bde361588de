"""What the entry functions of all targets share: `int NAME_run(const args *)` as LLVM IR text.

It checks what it was given, then runs the steps in order. It allocates nothing and keeps no state of its own. How a
kernel is run, bytes are copied and a flag is read is the target's (a subclass). The structs are those of the
generated C header.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping

from hlo_backends.llvm.constants import string_text
from hlo_tools.codegen.program import Area, Branch, Call, Copy, CustomCall, Loop, Program, Slot, Step

ARGS_TYPE = "%hlo.args = type {{ i32, ptr, ptr, ptr, ptr, {size_type}, ptr }}"
RT_TYPE = "%hlo.rt = type { i32, ptr, ptr, ptr, ptr, ptr }"
_RT_FIELDS = {"ctx": 1, "parallel": 2, "custom": 3, "stream": 5}

OK = 0
E_STRUCT_SIZE = 1
E_NULL_ARGUMENT = 2
E_NULL_RESULT = 3
E_SCRATCH = 4
E_NO_CUSTOM_CALL = 5
E_CUSTOM_CALL = 6
E_BASE = 1000  # a target adds its driver's own codes to this

ERRORS = {
    OK: ("OK", "no error"),
    E_STRUCT_SIZE: ("E_STRUCT_SIZE", "struct_size is not that of this header"),
    E_NULL_ARGUMENT: ("E_NULL_ARGUMENT", "an argument pointer is NULL"),
    E_NULL_RESULT: ("E_NULL_RESULT", "a result pointer is NULL"),
    E_SCRATCH: ("E_SCRATCH", "scratch is NULL, too small or not aligned"),
    E_NO_CUSTOM_CALL: ("E_NO_CUSTOM_CALL", "the module has custom calls and rt->custom_call is NULL"),
    E_CUSTOM_CALL: ("E_CUSTOM_CALL", "a custom call failed"),
}
"""What `NAME_run` returns: the name in the header and what `NAME_strerror` says."""


def strerror(symbol: str, errors: Mapping[int, tuple[str, str]]) -> Iterator[str]:
    """The definition of `symbol_strerror`."""
    texts = {code: text for code, (_, text) in errors.items()}
    for code, text in texts.items():
        yield string_text(f"{symbol}.error.{code}", text)
    yield string_text(f"{symbol}.error.unknown", "unknown error code")
    yield f'define ptr @"{symbol}_strerror"(i32 %code) nounwind {{'
    yield f"  %based = icmp sgt i32 %code, {E_BASE}"
    yield f"  %known = select i1 %based, i32 {E_BASE}, i32 %code"
    yield "  switch i32 %known, label %unknown ["
    yield from (f"    i32 {code}, label %e{code}" for code in texts)
    yield "  ]"
    for code in texts:
        yield f"e{code}:"
        yield f'  ret ptr @"{symbol}.error.{code}"'
    yield "unknown:"
    yield f'  ret ptr @"{symbol}.error.unknown"'
    yield "}"


class EntryWriter(ABC):
    """Writes one entry function, block by block."""

    errors: Mapping[int, tuple[str, str]] = ERRORS

    def __init__(self, program: Program, symbol: str, size_type: str) -> None:
        self.program = program
        self.symbol = symbol
        self.size_type = size_type
        self.lines: list[str] = []
        self.counter = 0
        self.custom_strings: list[str] = []

    def text(self) -> list[str]:
        """The whole function."""
        head = f'define i32 @"{self.symbol}_run"(ptr %a) nounwind {{'
        self._prologue()
        self._steps(self.program.steps)
        self._put("ret i32 0")
        for code in self.errors:
            if code != OK:
                self._label(f"fail{code}")
                self._put(f"ret i32 {code}")
        return [*self.custom_strings, head, "entry:", *self.lines, "}"]

    # ---- writing

    def _put(self, line: str) -> None:
        self.lines.append("  " + line)

    def _value(self, code: str) -> str:
        self.counter += 1
        name = f"%v{self.counter}"
        self._put(f"{name} = {code}")
        return name

    def _fresh(self, stem: str) -> str:
        self.counter += 1
        return f"{stem}{self.counter}"

    def _label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def _require(self, condition: str, code: int) -> None:
        """Go on if `condition` (an i1) holds, else return `code`."""
        on = self._fresh("ok")
        self._put(f"br i1 {condition}, label %{on}, label %fail{code}")
        self._label(on)

    def _field(self, base: str, type_name: str, number: int, of: str) -> str:
        at = self._value(f"getelementptr inbounds {type_name}, ptr {base}, i32 0, i32 {number}")
        return self._value(f"load {of}, ptr {at}")

    # ---- what comes before the steps

    def _prologue(self) -> None:
        self._allocate()
        slots = max((len(c.slots) for c in custom_calls(self.program.steps)), default=0)
        if slots:
            self._put(f"%buffers = alloca [{slots} x ptr], align 16")
        size = self._field("%a", "%hlo.args", 0, "i32")
        expected = self._value("getelementptr %hlo.args, ptr null, i32 1")
        self._require(
            self._value(f"icmp uge i32 {size}, {self._value(f'ptrtoint ptr {expected} to i32')}"), E_STRUCT_SIZE
        )
        self._pointers(1, "arg", [p.shape.bytes for p in self.program.arguments], E_NULL_ARGUMENT)
        self._pointers(2, "result", [p.shape.bytes for p in self.program.results], E_NULL_RESULT)
        self._scratch()
        self._runtime()

    def _pointers(self, number: int, stem: str, sizes: list[int], code: int) -> None:
        if not sizes:
            return
        table = self._field("%a", "%hlo.args", number, "ptr")
        if any(sizes):
            self._require(self._value(f"icmp ne ptr {table}, null"), code)
        missing: list[str] = []
        for i, size in enumerate(sizes):
            if size:
                at = self._value(f"getelementptr inbounds ptr, ptr {table}, i64 {i}")
                self._put(f"%{stem}.{i} = load ptr, ptr {at}")
                missing.append(self._value(f"icmp eq ptr %{stem}.{i}, null"))
        if missing:
            some = missing[0]
            for one in missing[1:]:
                some = self._value(f"or i1 {some}, {one}")
            self._require(self._value(f"xor i1 {some}, true"), code)

    def _scratch(self) -> None:
        if self.program.scratch_bytes == 0:
            return
        self._put("%at.scratch = getelementptr inbounds %hlo.args, ptr %a, i32 0, i32 4")
        self._put("%scratch = load ptr, ptr %at.scratch")
        room = self._field("%a", "%hlo.args", 5, self.size_type)
        enough = self._value(f"icmp uge {self.size_type} {room}, {self.program.scratch_bytes}")
        there = self._value("icmp ne ptr %scratch, null")
        bits = self._value(f"ptrtoint ptr %scratch to {self.size_type}")
        aligned = self._value(f"icmp eq {self.size_type} {self._value(f'and {self.size_type} {bits}, 63')}, 0")
        self._require(self._value(f"and i1 {self._value(f'and i1 {enough}, {there}')}, {aligned}"), E_SCRATCH)

    # ---- steps

    def _steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, Call):
                self._call(step)
            elif isinstance(step, Copy):
                self._copy(step)
            elif isinstance(step, Loop):
                self._loop(step)
            elif isinstance(step, Branch):
                self._branch(step)
            else:
                self._custom_call(step)

    def _address(self, slot: Slot) -> str:
        if slot.area is Area.CONSTANT:
            return self._constant(slot)
        if slot.bytes == 0:
            return "null"
        if slot.area is not Area.SCRATCH:
            return f"%{slot.area.value}.{slot.number}"
        if slot.offset == 0:
            return "%scratch"
        return self._value(f"getelementptr inbounds i8, ptr %scratch, i64 {slot.offset}")

    def _loop(self, step: Loop) -> None:
        test, body, after = self._fresh("test"), self._fresh("body"), self._fresh("after")
        self._put(f"br label %{test}")
        self._label(test)
        self._steps(step.condition)
        holds = self._flag(step.holds, "i8")
        self._put(f"br i1 {self._value(f'icmp ne i8 {holds}, 0')}, label %{body}, label %{after}")
        self._label(body)
        self._steps(step.body)
        self._put(f"br label %{test}")
        self._label(after)

    def _branch(self, step: Branch) -> None:
        labels = [self._fresh("branch") for _ in step.branches]
        after = self._fresh("after")
        width = "i8" if step.by_pred else "i32"
        selector = self._flag(step.selector, width)
        cases = [(0, labels[1])] if step.by_pred else list(enumerate(labels[:-1]))
        default = labels[0] if step.by_pred else labels[-1]
        self._put(f"switch {width} {selector}, label %{default} [")
        for value, label in cases:
            self._put(f"  {width} {value}, label %{label}")
        self._put("]")
        for label, branch in zip(labels, step.branches, strict=True):
            self._label(label)
            self._steps(branch)
            self._put(f"br label %{after}")
        self._label(after)

    def _custom_call(self, step: CustomCall) -> None:
        for i, slot in enumerate(step.slots):
            at = self._value(f"getelementptr inbounds ptr, ptr %buffers, i64 {i}")
            self._put(f"store ptr {self._address(slot)}, ptr {at}")
        number = len(self.custom_strings) // 2
        target, opaque = f"{self.symbol}.target.{number}", f"{self.symbol}.opaque.{number}"
        self.custom_strings += [string_text(target, step.target), string_text(opaque, step.opaque)]
        length = len(step.opaque.encode())
        status = self._value(
            f'call i32 %rt.custom(ptr %rt.ctx, ptr @"{target}", ptr %buffers, ptr @"{opaque}", '
            f"{self.size_type} {length})"
        )
        self._require(self._value(f"icmp eq i32 {status}, 0"), E_CUSTOM_CALL)

    # ---- the runtime struct

    def _custom_runtime(self) -> list[str]:
        """The fields of the runtime struct that custom calls need."""
        return ["ctx", "custom"] if any(True for _ in custom_calls(self.program.steps)) else []

    def _require_custom(self) -> None:
        """Fail early where the module has custom calls and nobody to run them."""
        if self._custom_runtime():
            self._require(self._value("icmp ne ptr %rt.custom, null"), E_NO_CUSTOM_CALL)

    def _load_runtime(self, names: Iterable[str]) -> None:
        """`%rt.NAME` for each field; all null without a runtime struct."""
        wanted = sorted(set(names), key=_RT_FIELDS.__getitem__)
        before = self._fresh("before")
        self._put(f"br label %{before}")
        self._label(before)
        rt = self._field("%a", "%hlo.args", 6, "ptr")
        none = self._value(f"icmp eq ptr {rt}, null")
        self._put(f"br i1 {none}, label %with.rt, label %load.rt")
        self._label("load.rt")
        fields = [self._field(rt, "%hlo.rt", _RT_FIELDS[n], "ptr") for n in wanted]
        self._put("br label %with.rt")
        self._label("with.rt")
        for name, value in zip(wanted, fields, strict=True):
            self._put(f"%rt.{name} = phi ptr [ null, %{before} ], [ {value}, %load.rt ]")

    # ---- what a target decides

    @abstractmethod
    def _allocate(self) -> None:
        """Stack memory for packed arguments, before anything else."""

    @abstractmethod
    def _runtime(self) -> None:
        """Load what the steps need of `rt`, after all checks."""

    @abstractmethod
    def _constant(self, slot: Slot) -> str:
        """The address of a constant."""

    @abstractmethod
    def _call(self, step: Call) -> None:
        """Run a kernel."""

    @abstractmethod
    def _copy(self, step: Copy) -> None:
        """Copy a slot."""

    @abstractmethod
    def _flag(self, slot: Slot, type_name: str) -> str:
        """The integer in a slot, as a value."""


def custom_calls(steps: Iterable[Step]) -> Iterator[CustomCall]:
    """All custom calls among steps, those in loops and branches included."""
    for step in steps:
        if isinstance(step, CustomCall):
            yield step
        elif isinstance(step, Loop):
            yield from custom_calls(step.condition)
            yield from custom_calls(step.body)
        elif isinstance(step, Branch):
            for branch in step.branches:
                yield from custom_calls(branch)
