"""The host side of a module for NVIDIA GPUs: `NAME_run` as LLVM IR text.

It finds the CUDA driver with dlopen, loads the embedded PTX once for each context (a device's primary context is
one), and queues kernels and copies on `rt->stream`. Loop conditions are read back, which waits for the stream. The
caller makes a context current; every error of the driver comes back as E_CUDA + CUresult. The only state is the
table of loaded modules, under a lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from hlo_backends.gpu.ptx import constant_name, geometry
from hlo_backends.llvm.constants import bytes_text, string_text
from hlo_backends.llvm.entry import ARGS_TYPE, E_BASE, ERRORS, RT_TYPE, EntryWriter, strerror
from hlo_tools.codegen.program import Call, Copy, Program, Slot

E_NODRIVER = 7
E_NO_CONTEXT = 8
E_TOO_MANY_CONTEXTS = 9

GPU_ERRORS = {
    **ERRORS,
    E_NODRIVER: ("E_NODRIVER", "the CUDA driver (libcuda.so.1) is missing or too old"),
    E_NO_CONTEXT: ("E_NO_CONTEXT", "no CUDA context is current in this thread"),
    E_TOO_MANY_CONTEXTS: ("E_TOO_MANY_CONTEXTS", "the module is loaded in 16 contexts already"),
    E_BASE: ("E_CUDA", "a call of the CUDA driver failed; the code minus this one is its CUresult"),
}
"""What `NAME_run` returns on a GPU."""

CONTEXTS = 16

DRIVER = (
    "cuCtxGetCurrent",
    "cuModuleLoadData",
    "cuModuleGetFunction",
    "cuModuleGetGlobal_v2",
    "cuLaunchKernel",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuStreamSynchronize",
)
"""What the host code calls, by the names that the driver exports."""
LIBRARY = "libcuda.so.1"


def host_text(program: Program, ptx: str, name: str, table: str = "") -> str:
    """Everything of the host object but `cpu_supported` and `build_info`. `ptx` is embedded as text.

    table  the name under which the driver's functions can be given, in the order of `DRIVER`; none for code that
           finds them itself
    """
    return "\n".join(
        [
            ARGS_TYPE.format(size_type="i64"),
            RT_TYPE,
            *_data(program, ptx),
            f"@driver = internal global [{len(DRIVER)} x ptr] zeroinitializer",
            *([f'@"{table}" = alias [{len(DRIVER)} x ptr], ptr @driver'] if table else []),
            *_find_driver(),
            *_load_module(program),
            *_GpuEntry(program, name, "i64").text(),
            *strerror(name, GPU_ERRORS),
            "declare ptr @dlopen(ptr, i32)",
            "declare ptr @dlsym(ptr, ptr)",
        ]
    )


def _columns(program: Program) -> int:
    """Pointers in a row of the table: the context, then functions, then constants."""
    return 1 + len(program.kernels) + len(program.constants)


def _data(program: Program, ptx: str) -> Iterator[str]:
    text = ptx.encode() + b"\0"
    yield f"@ptx = private unnamed_addr constant [{len(text)} x i8] {bytes_text(text)}, align 64"
    yield string_text("library", LIBRARY)
    yield from (string_text(f"driver.{n}", n) for n in DRIVER)
    yield from (string_text(f"kernel.{i}", k.name) for i, k in enumerate(program.kernels))
    yield from (string_text(f"global.{i}", constant_name(c)) for i, c in enumerate(program.constants))
    yield "@lock = internal global i32 0"
    yield f"@rows = internal global [{CONTEXTS} x [{_columns(program)} x ptr]] zeroinitializer"


def _find_driver() -> Iterator[str]:
    """`i32 @find_driver()`: fill the table of driver functions; under the lock."""
    last = len(DRIVER) - 1
    yield "define internal i32 @find_driver() nounwind {"
    yield "entry:"
    yield f"  %at.last = getelementptr inbounds ptr, ptr @driver, i64 {last}"
    yield "  %last = load ptr, ptr %at.last"
    yield "  %there = icmp ne ptr %last, null"
    yield "  br i1 %there, label %done, label %open"
    yield "open:"
    yield "  %library = call ptr @dlopen(ptr @library, i32 2)"
    yield "  %opened = icmp ne ptr %library, null"
    yield "  br i1 %opened, label %find0, label %missing"
    for i, name in enumerate(DRIVER):
        following = f"find{i + 1}" if i < last else "done"
        yield f"find{i}:"
        yield f'  %f{i} = call ptr @dlsym(ptr %library, ptr @"driver.{name}")'
        yield f"  %ok{i} = icmp ne ptr %f{i}, null"
        yield f"  br i1 %ok{i}, label %keep{i}, label %missing"
        yield f"keep{i}:"
        yield f"  %at{i} = getelementptr inbounds ptr, ptr @driver, i64 {i}"
        yield f"  store ptr %f{i}, ptr %at{i}"
        yield f"  br label %{following}"
    yield "done:"
    yield "  ret i32 0"
    yield "missing:"
    yield f"  ret i32 {E_NODRIVER}"
    yield "}"


class _Calls:
    """Lines that call driver functions and leave with the error code when one fails."""

    def __init__(self) -> None:
        self.count = 0

    def call(self, name: str, arguments: str, failed: str) -> Iterator[str]:
        self.count += 1
        n = self.count
        yield f"  %fa{n} = getelementptr inbounds ptr, ptr @driver, i64 {DRIVER.index(name)}"
        yield f"  %fp{n} = load ptr, ptr %fa{n}"
        yield f"  %r{n} = call i32 %fp{n}({arguments})"
        yield f"  %bad{n} = add i32 %r{n}, {E_BASE}"
        yield f"  store i32 %bad{n}, ptr %status"
        yield f"  %good{n} = icmp eq i32 %r{n}, 0"
        yield f"  br i1 %good{n}, label %after{n}, label %{failed}"
        yield f"after{n}:"


def _load_module(program: Program) -> Iterator[str]:
    """`i32 @load(ptr %out)`: the row of the current context, loading the module when it is new."""
    columns, calls = _columns(program), _Calls()
    yield "define internal i32 @load(ptr %out) nounwind {"
    yield "entry:"
    yield "  %status = alloca i32"
    yield "  %context = alloca ptr"
    yield "  %module = alloca ptr"
    yield "  br label %acquire"
    yield "acquire:"
    yield "  %pair = cmpxchg ptr @lock, i32 0, i32 1 acquire monotonic"
    yield "  %mine = extractvalue { i32, i1 } %pair, 1"
    yield "  br i1 %mine, label %locked, label %acquire"
    yield "locked:"
    yield "  %found = call i32 @find_driver()"
    yield "  store i32 %found, ptr %status"
    yield "  %ready = icmp eq i32 %found, 0"
    yield "  br i1 %ready, label %ask, label %leave"
    yield "ask:"
    yield from calls.call("cuCtxGetCurrent", "ptr %context", "leave")
    yield "  %current = load ptr, ptr %context"
    yield f"  store i32 {E_NO_CONTEXT}, ptr %status"
    yield "  %some = icmp ne ptr %current, null"
    yield "  br i1 %some, label %search, label %leave"
    yield "search:"
    yield f"  %i = phi i64 [ 0, %after{calls.count} ], [ %i1, %next ]"
    yield f"  store i32 {E_TOO_MANY_CONTEXTS}, ptr %status"
    yield f"  %over = icmp eq i64 %i, {CONTEXTS}"
    yield "  br i1 %over, label %leave, label %look"
    yield "look:"
    yield f"  %row = getelementptr inbounds [{columns} x ptr], ptr @rows, i64 %i"
    yield "  %owner = load ptr, ptr %row"
    yield "  %same = icmp eq ptr %owner, %current"
    yield "  br i1 %same, label %have, label %other"
    yield "other:"
    yield "  %free = icmp eq ptr %owner, null"
    yield "  br i1 %free, label %fill, label %next"
    yield "next:"
    yield "  %i1 = add i64 %i, 1"
    yield "  br label %search"
    yield "fill:"
    yield from calls.call("cuModuleLoadData", "ptr %module, ptr @ptx", "leave")
    yield "  %m = load ptr, ptr %module"
    for i in range(len(program.kernels)):
        yield f"  %k{i} = getelementptr inbounds ptr, ptr %row, i64 {1 + i}"
        yield from calls.call("cuModuleGetFunction", f'ptr %k{i}, ptr %m, ptr @"kernel.{i}"', "leave")
    for i in range(len(program.constants)):
        yield f"  %c{i} = getelementptr inbounds ptr, ptr %row, i64 {1 + len(program.kernels) + i}"
        yield from calls.call("cuModuleGetGlobal_v2", f'ptr %c{i}, ptr null, ptr %m, ptr @"global.{i}"', "leave")
    yield "  store ptr %current, ptr %row"
    yield "  br label %have"
    yield "have:"
    yield "  store ptr %row, ptr %out"
    yield "  store i32 0, ptr %status"
    yield "  br label %leave"
    yield "leave:"
    yield "  store atomic i32 0, ptr @lock release, align 4"
    yield "  %result = load i32, ptr %status"
    yield "  ret i32 %result"
    yield "}"


class _GpuEntry(EntryWriter):
    errors = GPU_ERRORS

    def _allocate(self) -> None:
        width = max((len(k.params) for k in self.program.kernels), default=0)
        self._put("%row.at = alloca ptr, align 8")
        self._put("%status = alloca i32, align 4")
        self._put("%flag = alloca i64, align 8")
        self._put(f"%values = alloca [{max(width, 1)} x ptr], align 16")
        self._put(f"%params = alloca [{max(width, 1)} x ptr], align 16")
        for i in range(width):
            value = self._value(f"getelementptr inbounds ptr, ptr %values, i64 {i}")
            place = self._value(f"getelementptr inbounds ptr, ptr %params, i64 {i}")
            self._put(f"store ptr {value}, ptr {place}")

    def _runtime(self) -> None:
        self._load_runtime([*self._custom_runtime(), "stream"])
        self._require_custom()
        self._check(self._value("call i32 @load(ptr %row.at)"))
        self._put("%row = load ptr, ptr %row.at")
        for i, _ in enumerate(self.program.kernels):
            at = self._value(f"getelementptr inbounds ptr, ptr %row, i64 {1 + i}")
            self._put(f"%kernel.{i} = load ptr, ptr {at}")
        for i, c in enumerate(self.program.constants):
            at = self._value(f"getelementptr inbounds ptr, ptr %row, i64 {1 + len(self.program.kernels) + i}")
            self._put(f"%const.{c.slot.number} = load ptr, ptr {at}")
        self.numbers = {k: i for i, k in enumerate(self.program.kernels)}

    def _check(self, status: str) -> None:
        """Leave with `status` unless it is 0."""
        on, off = self._fresh("ok"), self._fresh("failed")
        good = self._value(f"icmp eq i32 {status}, 0")
        self._put(f"br i1 {good}, label %{on}, label %{off}")
        self._label(off)
        self._put(f"ret i32 {status}")
        self._label(on)

    def _driver(self, name: str, arguments: str) -> None:
        at = self._value(f"getelementptr inbounds ptr, ptr @driver, i64 {DRIVER.index(name)}")
        function = self._value(f"load ptr, ptr {at}")
        result = self._value(f"call i32 {function}({arguments})")
        on, off = self._fresh("ok"), self._fresh("failed")
        good = self._value(f"icmp eq i32 {result}, 0")
        self._put(f"br i1 {good}, label %{on}, label %{off}")
        self._label(off)
        self._put(f"ret i32 {self._value(f'add i32 {result}, {E_BASE}')}")
        self._label(on)

    def _constant(self, slot: Slot) -> str:
        return f"%const.{slot.number}"

    def _call(self, step: Call) -> None:
        for i, slot in enumerate(step.slots):
            at = self._value(f"getelementptr inbounds ptr, ptr %values, i64 {i}")
            self._put(f"store ptr {self._address(slot)}, ptr {at}")
        shape = geometry(step.kernel)
        sizes = ", ".join(f"i32 {n}" for n in (*shape.grid, *shape.block))
        function = f"%kernel.{self.numbers[step.kernel]}"
        self._driver("cuLaunchKernel", f"ptr {function}, {sizes}, i32 0, ptr %rt.stream, ptr %params, ptr null")

    def _copy(self, step: Copy) -> None:
        if not step.source.bytes:
            return
        source, target = self._address(step.source), self._address(step.target)
        self._driver("cuMemcpyDtoDAsync_v2", f"ptr {target}, ptr {source}, i64 {step.source.bytes}, ptr %rt.stream")

    def _flag(self, slot: Slot, type_name: str) -> str:
        size = int(type_name[1:]) // 8
        self._driver("cuMemcpyDtoHAsync_v2", f"ptr %flag, ptr {self._address(slot)}, i64 {size}, ptr %rt.stream")
        self._driver("cuStreamSynchronize", "ptr %rt.stream")
        return self._value(f"load {type_name}, ptr %flag")
