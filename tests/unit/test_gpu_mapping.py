"""How kernels are cut to a GPU: grids and blocks, shared memory, and barriers, of which none may be missing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gpu import simulated

import hlo_tools as hlo
from hlo_backends.gpu import backend
from hlo_backends.gpu.device import Device
from hlo_backends.gpu.mapping import device_kernels
from hlo_backends.gpu.ptx import Geometry, Symbols, geometry, ptx_text
from hlo_backends.gpu.simulate import DeviceMemory, RaceError, UninitialisedReadError, load
from hlo_backends.gpu.targets import best_cpu, resolve
from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.index import Var, constant, of
from hlo_tools.codegen.kernel import Accumulate, Alloc, Axis, Buffer, Cell, For, Kernel, Role, Set, Space, Store, Type
from hlo_tools.codegen.program import Area, Call
from hlo_tools.ir.element import F32, PRED
from hlo_tools.support.diagnostic import UnsupportedError

DEVICE = Device()
TARGET = resolve(cpu="sm_90")
X, Y = Buffer("x", F32, 1 << 20), Buffer("y", F32, 1 << 20, Role.OUTPUT)
ONE = k.const(1, Type(F32))


def loop(var: Var, *body: k.Stmt, axis: Axis = Axis.PARALLEL) -> For:
    return For(var, constant(var.low), constant(var.high + 1), body, axis)


def mapped(*body: k.Stmt) -> list[Kernel]:
    symbols = Symbols()
    return [symbols.renamed(made) for made in device_kernels(Kernel("f", (X, Y), body), DEVICE)]


def run(kernels: list[Kernel], x: np.ndarray, ptx: str = "", seed: int | None = None) -> np.ndarray:
    """The contents of Y after the kernels."""
    memory = DeviceMemory()
    buffers = [memory.allocate(4 << 20, track=False) for _ in range(2)]
    buffers[0].array(np.float32)[: x.size] = x
    module = load(ptx or ptx_text(kernels, [], TARGET), memory)
    for kernel in kernels:
        shape = geometry(kernel)
        module.launch(kernel.name, shape.grid, shape.block, buffers, seed=seed)
    return buffers[1].array(np.float32)


def geometries(kernels: list[Kernel]) -> list[Geometry]:
    return [geometry(kernel) for kernel in kernels]


def added(i: Var) -> Store:
    return Store(Y, of(i), k.binary("add", k.load(X, of(i)), ONE))


def summed(row: Var, i: Var, at: object, total: Cell) -> tuple[k.Stmt, ...]:
    return (
        Set(total, k.const(0, Type(F32))),
        loop(i, Accumulate(total, "add", k.load(X, at)), axis=Axis.REDUCE),  # type: ignore[arg-type]
        Store(Y, of(row), k.cell(total)),
    )


# ---- one thread each


@pytest.mark.parametrize(
    ("count", "grid", "block"), [(1, 1, 32), (33, 1, 64), (256, 1, 256), (257, 2, 256), (100_000, 391, 256)]
)
def test_thread_for_each_iteration(count: int, grid: int, block: int) -> None:
    i = Var("i", 0, count - 1)
    kernels = mapped(loop(i, added(i)))
    assert geometries(kernels) == [Geometry((grid, 1, 1), (block, 1, 1))]
    x = np.arange(count, dtype=np.float32)
    got = run(kernels, x)
    assert (got[:count] == x + 1).all()
    assert not got[count:].any()


def test_bounds_and_steps_of_loops() -> None:
    i, j = Var("i", 3, 8), Var("j", 2, 20)
    store = Store(Y, of(i) * 32 + of(j), ONE)
    inner = For(j, constant(2), constant(21), (store,), Axis.PARALLEL, 5)
    got = run(mapped(For(i, constant(3), constant(9), (inner,), Axis.PARALLEL)), np.zeros(1, np.float32))
    wanted = [r * 32 + c for r in range(3, 9) for c in range(2, 21, 5)]
    assert np.flatnonzero(got).tolist() == wanted


def test_no_iterations_are_no_kernel() -> None:
    i = Var("i", 0, 0)
    assert mapped(For(i, constant(0), constant(0), (added(i),), Axis.PARALLEL)) == []
    assert mapped() == []


def test_nests_at_the_top_are_kernels_of_their_own() -> None:
    i, j, m = (Var(name, 0, 99) for name in "ijm")
    row = Var("row", 0, 2)
    apart = loop(row, *(loop(v, Store(Y, of(row) * 200 + of(v) + at, ONE)) for v, at in ((j, 0), (m, 100))))
    kernels = mapped(loop(i, added(i)), apart)
    assert [kernel.name for kernel in kernels] == ["k0_f_0", "k1_f_1", "k2_f_2"]
    assert run(kernels, np.zeros(1, np.float32))[:600].tolist() == [1.0] * 600


def test_a_loop_that_reads_what_its_neighbour_wrote_stays_in_the_nest() -> None:
    row, i, j = Var("row", 0, 40), Var("i", 0, 4), Var("j", 0, 4)
    write = loop(i, Store(Y, of(row) * 10 + of(i), k.load(X, of(row) * 5 + of(i))))
    read = loop(j, Store(Y, of(row) * 10 + of(j) + 5, k.load(Y, of(row) * 10 + of(j) * -1 + 4)))
    kernels = mapped(loop(row, write, read))
    assert len(kernels) == 1
    x = np.arange(205, dtype=np.float32)
    got = run(kernels, x)[:410].reshape(41, 10)
    assert (got[:, :5] == x.reshape(41, 5)).all()
    assert (got[:, 5:] == x.reshape(41, 5)[:, ::-1]).all()


# ---- a block together


def test_rows_are_summed_by_blocks_and_columns_by_threads() -> None:
    i, total = Var("i", 0, 99), Cell("c", Type(F32))
    row = Var("row", 0, 4999)
    rows = mapped(loop(row, *summed(row, i, of(row) * 100 + of(i), total)))
    columns = mapped(loop(row, *summed(row, i, of(i) * 5000 + of(row), total)))
    assert geometries(rows) == [Geometry((5000, 1, 1), (64, 1, 1))]
    assert geometries(columns) == [Geometry((20, 1, 1), (256, 1, 1))]
    x = np.ones(500_000, np.float32)
    assert (run(columns, x)[:5000] == 100).all()


def test_blocks_wait_where_threads_read_what_others_wrote() -> None:
    """A sum, its use by all threads, then a reversal of what they stored: correct in any order of the warps."""
    row, i, j, m = Var("row", 0, 2), Var("i", 0, 299), Var("j", 0, 299), Var("m", 0, 299)
    total = Cell("c", Type(F32))
    body = (
        Set(total, k.const(0, Type(F32))),
        loop(i, Accumulate(total, "add", k.load(X, of(row) * 300 + of(i))), axis=Axis.REDUCE),
        loop(j, Store(Y, of(row) * 600 + of(j), k.binary("mul", k.cell(total), k.load(X, of(row) * 300 + of(j))))),
        loop(m, Store(Y, of(row) * 600 + of(m) + 300, k.load(Y, of(row) * 600 + of(m) * -1 + 299))),
    )
    kernels = mapped(loop(row, *body))
    assert geometries(kernels) == [Geometry((3, 1, 1), (256, 1, 1))]
    x = np.arange(900, dtype=np.float32).reshape(3, 300) % 7
    wanted = x * x.sum(1, keepdims=True)
    for seed in range(3):
        got = run(kernels, x.reshape(-1), seed=seed)[:1800].reshape(3, 600)
        assert (got[:, :300] == wanted).all()
        assert (got[:, 300:] == wanted[:, ::-1]).all()


def test_threads_agree_on_branches_and_go_round_loops_together() -> None:
    """Rounds that each turn the row before around and add one of x, where a flag in memory says so."""
    turn, clear, mirror, back = Var("turn", 0, 6), Var("clear", 0, 127), Var("mirror", 0, 99), Var("back", 0, 99)
    flag = k.compare("lt", k.load(X, of(turn) * 100), k.const(50, Type(F32)))
    first = loop(clear, Store(Y, of(clear), ONE))
    count = Store(Y, constant(200), k.binary("add", k.load(Y, constant(100)), k.load(X, of(turn) * 100)))
    kept = loop(mirror, Store(Y, of(mirror) + 300, k.load(Y, of(mirror) * -1 + 99)))
    taken = loop(
        back, Store(Y, of(back), k.binary("add", k.load(Y, of(back) + 300), k.load(X, of(turn) * 100 + of(back))))
    )
    rounds = loop(turn, k.If(flag, (kept, taken), (count,)), axis=Axis.SERIAL)
    kernels = mapped(first, rounds)
    assert [kernel.name for kernel in kernels] == ["k0_f_0", "k1_f_1"]
    assert geometries(kernels)[1] == Geometry((1, 1, 1), (64, 1, 1))
    x = (np.arange(700, dtype=np.float32) % 11).reshape(7, 100)
    x[:, 0] = [0, 60, 1, 2, 70, 3, 4]
    wanted, counted = np.ones(100, np.float32), 0.0
    for row in x:
        if row[0] < 50:
            wanted = wanted[::-1] + row
        else:
            counted = 1 + row[0]
    for seed in range(3):
        got = run(kernels, x.reshape(-1), seed=seed)
        assert (got[:100] == wanted).all()
        assert got[200] == counted


def test_shared_memory_is_used_again_and_has_an_end() -> None:
    i = Var("i", 0, 255)

    def body(count: int) -> list[k.Stmt]:
        cells = [Cell(f"c{n}", Type(F32)) for n in range(count)]
        sets = [Set(c, k.const(0, Type(F32))) for c in cells]
        sums = loop(i, *(Accumulate(c, "add", k.load(X, of(i))) for c in cells), axis=Axis.REDUCE)
        return [*sets, sums, *(Store(Y, constant(n), k.cell(c)) for n, c in enumerate(cells))]

    few, many = mapped(*body(3), *body(3)), mapped(*body(49))
    ptx = ptx_text(few, [], TARGET)
    assert len(re.findall(r"\.shared ", ptx)) == 3
    assert geometries(few) == [Geometry((1, 1, 1), (256, 1, 1))]
    assert geometries(many) == [Geometry((1, 1, 1), (1, 1, 1))]  # 49 KB do not fit
    x = np.arange(256, dtype=np.float32)
    assert (run(few, x, seed=1)[:3] == x.sum()).all()


def test_monoids_of_preds() -> None:
    i, total = Var("i", 0, 199), Cell("c", Type(PRED))
    value = k.compare("lt", k.load(X, of(i)), ONE)
    for monoid, wanted in (("and", 0.0), ("or", 1.0)):
        result = k.select(k.cell(total), ONE, k.const(0, Type(F32)))
        first = Set(total, k.const(monoid == "and", Type(PRED)))
        kernels = mapped(
            first, loop(i, Accumulate(total, monoid, value), axis=Axis.REDUCE), Store(Y, constant(0), result)
        )
        assert run(kernels, np.arange(200, dtype=np.float32))[0] == wanted


def test_parts_that_share_memory_of_their_own_are_one_kernel() -> None:
    i, j = Var("i", 0, 99), Var("j", 0, 99)
    local = Buffer("local", F32, 100, Role.INOUT, Space.LOCAL)
    fill = loop(i, Store(local, of(i), k.load(X, of(i))))
    turn = loop(j, Store(Y, of(j), k.load(local, of(j) * -1 + 99)))
    kernels = mapped(Alloc(local), fill, turn)
    assert geometries(kernels) == [Geometry((1, 1, 1), (1, 1, 1))]
    x = np.arange(100, dtype=np.float32)
    assert (run(kernels, x)[:100] == x[::-1]).all()


# ---- mutations

MODULES = {
    "dot": """HloModule m
ENTRY main {
  x = f32[64,40]{1,0} parameter(0)
  y = f32[40,64]{1,0} parameter(1)
  ROOT r = f32[64,64]{1,0} dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
""",
    "reduce": """HloModule m
add { x = f32[] parameter(0) y = f32[] parameter(1) ROOT r = f32[] add(x, y) }
ENTRY main {
  x = f32[2,256]{1,0} parameter(0)
  z = f32[] constant(0)
  ROOT r = f32[2] reduce(x, z), dimensions={1}, to_apply=add
}
""",
}


@pytest.mark.parametrize("name", MODULES)
def test_every_barrier_is_needed(name: str) -> None:
    """The simulator finds each that is missing."""
    module = hlo.parse(MODULES[name])
    executable, driver = simulated(module)
    executable(*hlo.random_inputs(module, seed=0))
    (step,) = executable.program.steps
    assert isinstance(step, Call)
    (ptx,), ((kernel, grid, block),) = driver.images, driver.launches
    barriers = [found.span() for found in re.finditer(r"bar(rier)?\.(cta\.)?sync[^;]*;", ptx)]
    assert len(barriers) >= 2

    def launch(text: str) -> None:
        memory = DeviceMemory()
        inputs = [memory.upload(x) for x in hlo.random_inputs(module, seed=0)]
        output = memory.allocate(4 * 64 * 64)
        buffers = [inputs[slot.number] if slot.area is Area.ARGUMENT else output for slot in step.slots]
        load(text, memory).launch(kernel, grid, block, buffers)

    launch(ptx)
    for begin, end in barriers:
        with pytest.raises((RaceError, UninitialisedReadError)):
            launch(ptx[:begin] + " " * (end - begin) + ptx[end:])


# ---- targets and text


def test_targets() -> None:
    assert [t.cpu for t in backend.targets()] == ["sm_80", "sm_90"]
    assert backend.target(cpu="sm_90a").cpu == "sm_90a"
    for capability, cpu in (
        (60, "sm_70"),
        (75, "sm_75"),
        (87, "sm_86"),
        (90, "sm_90"),
        (103, "sm_100"),
        (130, "sm_120"),
    ):
        assert best_cpu(capability) == cpu
    for triple, cpu in (("x86_64-unknown-linux-gnu", ""), ("", "sm_10")):
        with pytest.raises(UnsupportedError):
            backend.target(triple, cpu)


def test_stages_are_text_and_name_what_they_show() -> None:
    module = hlo.parse(MODULES["reduce"])
    texts = {name: stage.emit(module, TARGET.target) for name, stage in backend.stages.items()}
    assert list(texts) == ["hlo", "kernels", "device-kernels", "buffer-assignment", "llvm", "ptx"]
    assert "grid.x" in texts["device-kernels"] and "grid.x" not in texts["kernels"]
    assert "ptx_kernel" in texts["llvm"] and ".visible .entry" in texts["ptx"]
    assert texts["ptx"] == backend.aot(module, TARGET.target, "m").files[".ptx"].decode()


def test_kernels_have_names_of_their_own() -> None:
    """Words of PTX, C functions and names that differ in odd characters only."""
    symbols = Symbols()
    names = [symbols.renamed(Kernel(name, (), ())).name for name in ("add", "a.b", "a_b", "memcpy")]
    assert names == ["k0_add", "k1_a_b", "k2_a_b", "k3_memcpy"]
