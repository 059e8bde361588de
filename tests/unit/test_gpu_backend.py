"""The door of the GPU backend: commands, and programs in this process on the simulator, a driver or a real GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from console import hlo as command
from gpu import simulated

import hlo_tools as hlo
from hlo_backends.gpu import backend
from hlo_backends.gpu.driver import gpu
from hlo_backends.gpu.entry import LIBRARY
from hlo_tools.support.diagnostic import UnsupportedError

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted((ROOT / "testdata" / "models").glob("*.hlo"))
PLAIN = """HloModule m

ENTRY e {
  x = f32[4,3]{0,1} parameter(0)
  ROOT y = f32[4,3]{1,0} multiply(x, x)
}
"""
COPIES = """HloModule copies

ENTRY e {
  x = f32[5]{0} parameter(0)
  i = s32[3]{0} parameter(1)
  ROOT t = (s32[3]{0}, f32[5]{0}, f32[5]{0}) tuple(i, x, x)
}
"""
CUSTOM = """HloModule custom

ENTRY e {
  x = f32[5]{0} parameter(0)
  ROOT y = f32[5]{0} custom-call(x), custom_call_target="mine"
}
"""


# ---- commands


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "m.hlo"
    path.write_text(PLAIN)
    return path


def test_aot_writes_all_files(module: Path, tmp_path: Path) -> None:
    words = ["--target", "nvptx64-nvidia-cuda", "--mcpu", "sm_90", "-o", tmp_path / "build" / "f"]
    done = command("aot", module, *words)
    assert done.code == 0, done.err
    names = {path.name for path in (tmp_path / "build").iterdir()}
    assert names == {"f.o", "f.h", "f.d", "f.json", "f.ptx"}
    assert ".target sm_90" in (tmp_path / "build" / "f.ptx").read_text()
    facts = json.loads((tmp_path / "build" / "f.json").read_text())
    assert facts["errors"]["E_CUDA"] == 1000
    assert "device pointers" in (tmp_path / "build" / "f.h").read_text()


def test_aot_of_an_unknown_gpu_leaves_nothing(module: Path, tmp_path: Path) -> None:
    done = command("aot", module, "--target", "nvptx64-nvidia-cuda", "--mcpu", "sm_1", "-o", tmp_path / "build" / "f")
    assert done.code == 4
    assert "sm_90" in done.err
    assert not (tmp_path / "build").exists()


def test_replay_and_run(module: Path) -> None:
    done = command("replay", module, "--backend", "gpu")
    assert done.code == 0, done.err
    assert "gpu agrees with interpreter" in done.out
    assert command("run", module, "--backend", "gpu").code == 0


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    files = []
    for seed in ("0", "77"):
        folder = tmp_path / seed
        folder.mkdir()
        script = (
            "import sys, hlo_tools as hlo\n"
            "hlo.compile_aot(hlo.load(sys.argv[1]), target='nvptx64-nvidia-cuda', prefix='f')\n"
        )
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", script, MODELS[-1]], check=True, cwd=folder, env=environment)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(files[0]) == 4
    assert files[0] == files[1]


# ---- in this process


def test_layouts_and_repeated_runs() -> None:
    executable, driver = simulated(hlo.parse(PLAIN))
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    bound = executable.bind([x])
    for _ in range(2):
        bound.run()
        assert (bound.results()[0] == x * x).all()
    assert (executable(x + 1)[0] == (x + 1) ** 2).all()
    assert executable.device == "simulator"
    assert len(driver.images) == 1 and len(driver.launches) == 3


def test_wrong_arguments() -> None:
    executable, _ = simulated(hlo.parse(PLAIN))
    x = np.zeros((4, 3), np.float32)
    for arguments in ([], [x, x], [x.T], [x.astype(np.float64)]):
        with pytest.raises(hlo.HloError):
            executable(*arguments)


def test_custom_calls_need_a_runtime() -> None:
    executable, _ = simulated(hlo.parse(CUSTOM))
    with pytest.raises(UnsupportedError, match="custom calls"):
        executable(np.zeros(5, np.float32))


# ---- a driver that keeps device memory in host memory

FAKE = r"""
#include <stdlib.h>
#include <string.h>
typedef unsigned long long u64;
static __thread void *current;
int cuInit(unsigned flags) { return flags ? 1 : 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetAttribute(int *value, int what, int device) { *value = what == 75 ? 9 : 0; return device; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &current; return device; }
int cuCtxSetCurrent(void *context) { current = context; return 0; }
int cuCtxGetCurrent(void **context) { *context = current; return 0; }
int cuCtxSynchronize(void) { return current ? 0 : 201; }
int cuMemAlloc_v2(u64 *address, size_t size) { *address = (u64)aligned_alloc(256, (size + 255) / 256 * 256); return 0; }
int cuMemFree_v2(u64 address) { free((void *)address); return 0; }
int cuMemcpyHtoD_v2(u64 to, const void *from, size_t size) { memcpy((void *)to, from, size); return 0; }
int cuMemcpyDtoH_v2(void *to, u64 from, size_t size) { memcpy(to, (void *)from, size); return 0; }
int cuMemcpyDtoDAsync_v2(u64 to, u64 from, size_t n, void *s) { memcpy((void *)to, (void *)from, n); return s ? 1 : 0; }
int cuMemcpyDtoHAsync_v2(void *to, u64 from, size_t n, void *s) { memcpy(to, (void *)from, n); return s ? 1 : 0; }
int cuStreamSynchronize(void *stream) { return stream ? 1 : 0; }
int cuModuleLoadData(void **module, const void *image) { *module = &current; return strstr(image, "sm_90") ? 0 : 218; }
int cuModuleGetFunction(void **f, void *module, const char *name) { *f = module; return name == 0; }
int cuModuleGetGlobal_v2(u64 *a, size_t *n, void *module, const char *name) { (void)a; return n || !module || !name; }
int cuLaunchKernel(void) { return 719; }
"""
SCRIPT = """
import sys, numpy as np, hlo_tools as hlo
from hlo_tools.backend import find
copies, plain = (hlo.parse(text) for text in sys.argv[1:])
run = find("gpu").compile(copies)
print(run.device)
x, i = np.arange(5, dtype=np.float32), np.array([7, 8, 9], np.int32)
print([r.tolist() for r in run(x, i)])
try:
    find("gpu").compile(plain)(np.zeros((4, 3), np.float32))
except hlo.UnsupportedError as error:
    print(error)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which that driver is found."""
    if not shutil.which("cc") or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler for Linux")
    (tmp_path / "driver").mkdir()
    source = tmp_path / "driver" / "fake.c"
    source.write_text(FAKE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "driver" / LIBRARY, source], check=True)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "LD_LIBRARY_PATH": str(tmp_path / "driver"), "PATH": tools}


def test_the_driver_is_used_where_there_is_one(environment: dict[str, str]) -> None:
    """Its memory, its context and its errors; the target follows the compute capability."""
    words = [sys.executable, "-c", SCRIPT, COPIES, PLAIN]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    device, results, error = done.stdout.splitlines()
    assert device == "GPU of compute capability 9.0"
    assert results == "[[7, 8, 9], [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0]]"
    assert "CUresult 719" in error


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_example_gets_as_far_as_the_first_launch(environment: dict[str, str], tmp_path: Path) -> None:
    words = ["make", "-C", str(ROOT / "examples" / "gpu"), f"BUILD={tmp_path}/build", "MCPU=sm_90"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert "mlp_gpu: a call of the CUDA driver failed" in done.stdout, done.stderr
    assert "(1719)" in done.stdout


# ---- a GPU


@pytest.mark.gpu
@pytest.mark.skipif(gpu() is None, reason="no GPU with a driver")
@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.stem)
def test_models_on_a_gpu(model: Path) -> None:
    module = hlo.load(str(model))
    report = hlo.replay(module, hlo.random_inputs(module, seed=1), backend="gpu")
    assert report.agrees, report
    assert backend.compile(module).device.startswith("GPU")  # type: ignore[attr-defined]
