"""The entry function on a CPU, with constants and the thunks that threads call.

Kernels are called directly, or divided among threads through `rt->parallel_for` where that pays. It calls nothing
but memcpy and what the runtime struct offers.
"""

from __future__ import annotations

from collections.abc import Iterable

from hlo_backends.llvm.constants import bytes_text
from hlo_backends.llvm.entry import ARGS_TYPE, RT_TYPE, EntryWriter, strerror
from hlo_tools.codegen.kernel import Axis, For, Kernel
from hlo_tools.codegen.program import Call, Copy, Program, Slot

PARALLEL_FLOPS = 30_000
"""Below this much work, waking threads costs more than it gains (a wake-up is a few microseconds)."""


def entry_text(program: Program, symbol: str, size_type: str = "i64") -> str:
    """Type definitions, constants, thunks and the functions `symbol_run`, `symbol_strerror`, as LLVM IR.

    The kernels themselves are defined elsewhere in the same module, as
    `void @"kernel"(ptr..., i64 begin, i64 end)`.
    """
    return "\n".join(
        [
            ARGS_TYPE.format(size_type=size_type),
            RT_TYPE,
            *_constants(program),
            *(t for k in program.kernels if is_threaded(k) for t in _thunk(k)),
            *_CpuEntry(program, symbol, size_type).text(),
            *strerror(symbol, _CpuEntry.errors),
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


class _CpuEntry(EntryWriter):
    def _allocate(self) -> None:
        width = max((len(k.params) for k in self.program.kernels if is_threaded(k)), default=0)
        if width:
            self._put(f"%pack = alloca [{width} x ptr], align 16")

    def _constant(self, slot: Slot) -> str:
        return f"@const.{slot.number}"

    def _copy(self, step: Copy) -> None:
        source, target = self._address(step.source), self._address(step.target)
        self._put(
            f"call void @llvm.memcpy.p0.p0.i64(ptr align 1 {target}, ptr align 1 {source}, "
            f"i64 {step.source.bytes}, i1 false)"
        )

    def _flag(self, slot: Slot, type_name: str) -> str:
        return self._value(f"load {type_name}, ptr {self._address(slot)}")

    def _runtime(self) -> None:
        custom = self._custom_runtime()
        if any(is_threaded(k) for k in self.program.kernels):
            self._load_runtime([*custom, "ctx", "parallel"])
            self._put("%rt.serial = icmp eq ptr %rt.parallel, null")
        elif custom:
            self._load_runtime(custom)
        self._require_custom()

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
