"""The entry function of a program as LLVM IR text: `int NAME_run(const args *)`.

It checks what it was given, then runs the steps in order: kernels (divided among threads through
`rt->parallel_for` where that pays), copies, loops, branches. It allocates nothing, keeps no state and calls
nothing but memcpy and what the runtime struct offers. The structs are those of the generated C header.
"""

from __future__ import annotations

from collections.abc import Iterable

from hlo_backends.cpu.constants import bytes_text, string_text
from hlo_tools.codegen.kernel import Axis, For, Kernel
from hlo_tools.codegen.program import Area, Branch, Call, Copy, CustomCall, Loop, Program, Slot, Step

OK = 0
E_STRUCT_SIZE = 1
E_NULL_ARGUMENT = 2
E_NULL_RESULT = 3
E_SCRATCH = 4
E_NO_CUSTOM_CALL = 5
E_CUSTOM_CALL = 6

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

PARALLEL_FLOPS = 30_000
"""Below this much work, waking threads costs more than it gains (a wake-up is a few microseconds)."""


def entry_text(program: Program, symbol: str, size_type: str = "i64") -> str:
    """Type definitions, constants, thunks and the functions `symbol_run`, `symbol_strerror`, as LLVM IR.

    The kernels themselves are defined elsewhere in the same module, as
    `void @"kernel"(ptr..., i64 begin, i64 end)`.
    """
    return "\n".join(
        [
            f"%hlo.args = type {{ i32, ptr, ptr, ptr, ptr, {size_type}, ptr }}",
            "%hlo.rt = type { i32, ptr, ptr, ptr, ptr, ptr }",
            *_constants(program),
            *(t for k in program.kernels if is_threaded(k) for t in _thunk(k)),
            *_Entry(program, symbol, size_type).text(),
            *_strerror(symbol),
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
        ]
    )


def is_threaded(kernel: Kernel) -> bool:
    """Whether a kernel is worth dividing among threads."""
    return kernel.threads_loop is not None and kernel.flops >= PARALLEL_FLOPS and extent(kernel.threads_loop) > 1


def extent(loop: For) -> int:
    """Iterations of a THREADS loop; its bounds are constant."""
    assert loop.axis is Axis.THREADS and loop.begin.is_const and loop.end.is_const
    return max(0, -(-(loop.end.const - loop.begin.const) // loop.step))


def _constants(program: Program) -> Iterable[str]:
    for c in program.constants:
        data = c.data.tobytes()
        yield (
            f"@const.{c.slot.number} = private unnamed_addr constant [{len(data)} x i8] {bytes_text(data)}, align 64"
        )


def _thunk(kernel: Kernel) -> Iterable[str]:
    """The body that `parallel_for` calls: unpacks the pointers."""
    count = len(kernel.params)
    yield f'define internal void @"{kernel.name}.body"(ptr %pack, i64 %begin, i64 %end) nounwind {{'
    for i in range(count):
        yield f"  %at{i} = getelementptr inbounds ptr, ptr %pack, i64 {i}"
        yield f"  %p{i} = load ptr, ptr %at{i}"
    arguments = "".join(f"ptr %p{i}, " for i in range(count))
    yield f'  call void @"{kernel.name}"({arguments}i64 %begin, i64 %end)'
    yield "  ret void"
    yield "}"


def _strerror(symbol: str) -> Iterable[str]:
    texts = {code: text for code, (_, text) in ERRORS.items()}
    for code, text in texts.items():
        yield string_text(f"{symbol}.error.{code}", text)
    yield string_text(f"{symbol}.error.unknown", "unknown error code")
    yield f'define ptr @"{symbol}_strerror"(i32 %code) nounwind {{'
    yield "  switch i32 %code, label %unknown ["
    yield from (f"    i32 {code}, label %e{code}" for code in texts)
    yield "  ]"
    for code in texts:
        yield f"e{code}:"
        yield f'  ret ptr @"{symbol}.error.{code}"'
    yield "unknown:"
    yield f'  ret ptr @"{symbol}.error.unknown"'
    yield "}"


class _Entry:
    """Writes one entry function, block by block."""

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
        for code in ERRORS:
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
        width = max((len(k.params) for k in self.program.kernels if is_threaded(k)), default=0)
        if width:
            self._put(f"%pack = alloca [{width} x ptr], align 16")
        slots = max((len(c.slots) for c in _custom_calls(self.program.steps)), default=0)
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

    def _runtime(self) -> None:
        """Load the runtime's functions; all stay null without a runtime."""
        custom = bool(list(_custom_calls(self.program.steps)))
        threaded = any(is_threaded(k) for k in self.program.kernels)
        if not custom and not threaded:
            return
        before = self._fresh("before")
        self._put(f"br label %{before}")
        self._label(before)
        rt = self._field("%a", "%hlo.args", 6, "ptr")
        none = self._value(f"icmp eq ptr {rt}, null")
        self._put(f"br i1 {none}, label %with.rt, label %load.rt")
        self._label("load.rt")
        fields = [self._field(rt, "%hlo.rt", n, "ptr") for n in (1, 2, 3)]
        self._put("br label %with.rt")
        self._label("with.rt")
        for name, value in zip(("ctx", "parallel", "custom"), fields, strict=True):
            self._put(f"%rt.{name} = phi ptr [ null, %{before} ], [ {value}, %load.rt ]")
        if threaded:
            self._put("%rt.serial = icmp eq ptr %rt.parallel, null")
        if custom:
            self._require(self._value("icmp ne ptr %rt.custom, null"), E_NO_CUSTOM_CALL)

    # ---- steps

    def _steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, Call):
                self._call(step)
            elif isinstance(step, Copy):
                source, target = self._address(step.source), self._address(step.target)
                self._put(
                    f"call void @llvm.memcpy.p0.p0.i64(ptr align 1 {target}, ptr align 1 {source}, "
                    f"i64 {step.source.bytes}, i1 false)"
                )
            elif isinstance(step, Loop):
                self._loop(step)
            elif isinstance(step, Branch):
                self._branch(step)
            else:
                self._custom_call(step)

    def _address(self, slot: Slot) -> str:
        if slot.area is Area.CONSTANT:
            return f"@const.{slot.number}"
        if slot.bytes == 0:
            return "null"
        if slot.area is not Area.SCRATCH:
            return f"%{slot.area.value}.{slot.number}"
        if slot.offset == 0:
            return "%scratch"
        return self._value(f"getelementptr inbounds i8, ptr %scratch, i64 {slot.offset}")

    def _call(self, step: Call) -> None:
        kernel = step.kernel
        addresses = [self._address(s) for s in step.slots]
        loop = kernel.threads_loop
        count = 0 if loop is None else extent(loop)
        arguments = "".join(f"ptr {a}, " for a in addresses)
        direct = f'call void @"{kernel.name}"({arguments}i64 0, i64 {count})'
        if not is_threaded(kernel):
            self._put(direct)
            return
        serial, parallel, after = self._fresh("serial"), self._fresh("parallel"), self._fresh("after")
        self._put(f"br i1 %rt.serial, label %{serial}, label %{parallel}")
        self._label(serial)
        self._put(direct)
        self._put(f"br label %{after}")
        self._label(parallel)
        for i, address in enumerate(addresses):
            at = self._value(f"getelementptr inbounds ptr, ptr %pack, i64 {i}")
            self._put(f"store ptr {address}, ptr {at}")
        self._put(f'call void %rt.parallel(ptr %rt.ctx, i64 {count}, ptr @"{kernel.name}.body", ptr %pack)')
        self._put(f"br label %{after}")
        self._label(after)

    def _loop(self, step: Loop) -> None:
        test, body, after = self._fresh("test"), self._fresh("body"), self._fresh("after")
        self._put(f"br label %{test}")
        self._label(test)
        self._steps(step.condition)
        holds = self._value(f"load i8, ptr {self._address(step.holds)}")
        self._put(f"br i1 {self._value(f'icmp ne i8 {holds}, 0')}, label %{body}, label %{after}")
        self._label(body)
        self._steps(step.body)
        self._put(f"br label %{test}")
        self._label(after)

    def _branch(self, step: Branch) -> None:
        labels = [self._fresh("branch") for _ in step.branches]
        after = self._fresh("after")
        width = "i8" if step.by_pred else "i32"
        selector = self._value(f"load {width}, ptr {self._address(step.selector)}")
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


def _custom_calls(steps: Iterable[Step]) -> Iterable[CustomCall]:
    for step in steps:
        if isinstance(step, CustomCall):
            yield step
        elif isinstance(step, Loop):
            yield from _custom_calls(step.condition)
            yield from _custom_calls(step.body)
        elif isinstance(step, Branch):
            for branch in step.branches:
                yield from _custom_calls(branch)
