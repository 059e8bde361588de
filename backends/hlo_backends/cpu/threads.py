"""A pool of threads for code that runs in this process: `parallel_for` of the runtime struct, in LLVM IR.

The workers are Python threads that stay inside one native call, so the interpreter lock is never touched. A job is
cut into as many equal parts as there are threads, which they take from a shared counter. Workers spin for a moment
for the next job and then sleep on a futex (Linux); the caller works too, and spins for the stragglers. A second
caller at the same time does its job alone.
"""

from __future__ import annotations

import atexit
import ctypes
import platform
import threading
from functools import lru_cache

from hlo_backends.llvm.loader import load_text

_FUTEX = {"x86_64": 202, "aarch64": 98}
_SPINS = 20_000

# struct pool { i32 job; i32 sleepers; i32 next; i32 pending; i32 busy; i32 stop; i32 parts; i64 n; ptr body; ptr arg }
_POOL = """
%pool = type {{ i32, i32, i32, i32, i32, i32, i32, i64, ptr, ptr }}

declare i64 @syscall(i64, ...)

define internal void @pool_parts(ptr %pool) nounwind {{
entry:
  %at.next = getelementptr inbounds %pool, ptr %pool, i32 0, i32 2
  %at.parts = getelementptr inbounds %pool, ptr %pool, i32 0, i32 6
  %at.n = getelementptr inbounds %pool, ptr %pool, i32 0, i32 7
  %at.body = getelementptr inbounds %pool, ptr %pool, i32 0, i32 8
  %at.arg = getelementptr inbounds %pool, ptr %pool, i32 0, i32 9
  %parts32 = load i32, ptr %at.parts
  %parts = zext i32 %parts32 to i64
  %n = load i64, ptr %at.n
  %body = load ptr, ptr %at.body
  %arg = load ptr, ptr %at.arg
  br label %take
take:
  %mine = atomicrmw add ptr %at.next, i32 1 acq_rel
  %some = icmp ult i32 %mine, %parts32
  br i1 %some, label %run, label %done
run:
  %k = zext i32 %mine to i64
  %k1 = add i64 %k, 1
  %low.n = mul i64 %k, %n
  %low = udiv i64 %low.n, %parts
  %high.n = mul i64 %k1, %n
  %high = udiv i64 %high.n, %parts
  call void %body(ptr %arg, i64 %low, i64 %high)
  br label %take
done:
  ret void
}}

define void @pool_worker(ptr %pool) nounwind {{
entry:
  %at.sleepers = getelementptr inbounds %pool, ptr %pool, i32 0, i32 1
  %at.pending = getelementptr inbounds %pool, ptr %pool, i32 0, i32 3
  %at.stop = getelementptr inbounds %pool, ptr %pool, i32 0, i32 5
  br label %wait
wait:
  %seen = phi i32 [ 0, %entry ], [ %now, %ready ]
  br label %spin
spin:
  %i = phi i32 [ 0, %wait ], [ %i1, %again ], [ 0, %woken ]
  %now = load atomic i32, ptr %pool acquire, align 4
  %new = icmp ne i32 %now, %seen
  br i1 %new, label %leave, label %more
more:
  %i1 = add i32 %i, 1
  %tired = icmp ugt i32 %i1, {spins}
  br i1 %tired, label %sleep, label %again
again:
  call void asm sideeffect "{pause}", "~{{memory}}"()
  br label %spin
sleep:
  atomicrmw add ptr %at.sleepers, i32 1 seq_cst
  call i64 (i64, ...) @syscall(i64 {futex}, ptr %pool, i32 128, i32 %seen, ptr null, ptr null, i32 0)
  atomicrmw sub ptr %at.sleepers, i32 1 seq_cst
  br label %woken
woken:
  br label %spin
leave:
  %stop = load atomic i32, ptr %at.stop acquire, align 4
  %over = icmp ne i32 %stop, 0
  br i1 %over, label %end, label %work
work:
  call void @pool_parts(ptr %pool)
  atomicrmw sub ptr %at.pending, i32 1 release
  br label %ready
ready:
  br label %wait
end:
  ret void
}}

define void @pool_wake(ptr %pool) nounwind {{
entry:
  atomicrmw add ptr %pool, i32 1 seq_cst
  %at.sleepers = getelementptr inbounds %pool, ptr %pool, i32 0, i32 1
  %sleepers = load atomic i32, ptr %at.sleepers seq_cst, align 4
  %some = icmp ne i32 %sleepers, 0
  br i1 %some, label %wake, label %end
wake:
  call i64 (i64, ...) @syscall(i64 {futex}, ptr %pool, i32 129, i32 2147483647, ptr null, ptr null, i32 0)
  br label %end
end:
  ret void
}}

define void @pool_parallel_for(ptr %pool, i64 %n, ptr %body, ptr %arg) nounwind {{
entry:
  %at.busy = getelementptr inbounds %pool, ptr %pool, i32 0, i32 4
  %was = atomicrmw xchg ptr %at.busy, i32 1 acq_rel
  %taken = icmp ne i32 %was, 0
  br i1 %taken, label %alone, label %share
alone:
  call void %body(ptr %arg, i64 0, i64 %n)
  ret void
share:
  %at.next = getelementptr inbounds %pool, ptr %pool, i32 0, i32 2
  %at.pending = getelementptr inbounds %pool, ptr %pool, i32 0, i32 3
  %at.n = getelementptr inbounds %pool, ptr %pool, i32 0, i32 7
  %at.body = getelementptr inbounds %pool, ptr %pool, i32 0, i32 8
  %at.arg = getelementptr inbounds %pool, ptr %pool, i32 0, i32 9
  store i64 %n, ptr %at.n
  store ptr %body, ptr %at.body
  store ptr %arg, ptr %at.arg
  store atomic i32 {workers}, ptr %at.pending release, align 4
  store atomic i32 0, ptr %at.next release, align 4
  call void @pool_wake(ptr %pool)
  call void @pool_parts(ptr %pool)
  br label %straggle
straggle:
  %left = load atomic i32, ptr %at.pending acquire, align 4
  %some = icmp ne i32 %left, 0
  br i1 %some, label %pause, label %finish
pause:
  call void asm sideeffect "{pause}", "~{{memory}}"()
  br label %straggle
finish:
  store atomic i32 0, ptr %at.busy release, align 4
  ret void
}}
"""


class _State(ctypes.Structure):
    _fields_ = (
        ("job", ctypes.c_uint32),
        ("sleepers", ctypes.c_uint32),
        ("next", ctypes.c_uint32),
        ("pending", ctypes.c_uint32),
        ("busy", ctypes.c_uint32),
        ("stop", ctypes.c_uint32),
        ("parts", ctypes.c_uint32),
        ("n", ctypes.c_int64),
        ("body", ctypes.c_void_p),
        ("arg", ctypes.c_void_p),
    )


class Pool:
    """`threads` threads, the caller counted. `context` and `function` fill the runtime struct."""

    def __init__(self, threads: int) -> None:
        machine = platform.machine()
        pause = "yield" if machine == "aarch64" else "pause"
        text = _POOL.format(spins=_SPINS, pause=pause, futex=_FUTEX[machine], workers=threads - 1)
        self._code = load_text(text)
        self._state = _State(parts=threads)
        self.context = ctypes.addressof(self._state)
        self.function = self._code.address("pool_parallel_for")
        work = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._code.address("pool_worker"))
        self._workers = [
            threading.Thread(target=work, args=(self.context,), name=f"hlo-worker-{i}", daemon=True)
            for i in range(threads - 1)
        ]
        for worker in self._workers:
            worker.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Let the workers return, and wait for them."""
        self._state.stop = 1
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._code.address("pool_wake"))(self.context)
        for worker in self._workers:
            worker.join()
        self._workers = []


@lru_cache(None)
def pool(threads: int) -> Pool | None:
    """The pool of this process for a number of threads; None where one thread is asked for or futexes are missing."""
    if threads < 2 or platform.system() != "Linux" or platform.machine() not in _FUTEX:
        return None
    return Pool(threads)
