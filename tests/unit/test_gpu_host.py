"""The host object of a module for GPUs: a C program links it, and a driver made up for the test answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gpu import simulated

import hlo_tools as hlo
from hlo_backends.gpu.entry import DRIVER, LIBRARY

CC = shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None or not sys.platform.startswith("linux"), reason="no C compiler for Linux")

ROUNDS = 3
MODULE = f"""HloModule walk
go {{ s = (s32[], f32[300]) parameter(0) n = s32[] get-tuple-element(s), index=0 e = s32[] constant({ROUNDS})
  ROOT r = pred[] compare(n, e), direction=LT }}
step {{ s = (s32[], f32[300]) parameter(0) n = s32[] get-tuple-element(s), index=0 one = s32[] constant(1)
  m = s32[] add(n, one) x = f32[300] get-tuple-element(s), index=1 y = f32[300] sine(x)
  ROOT r = (s32[], f32[300]) tuple(m, y) }}
ENTRY main {{
  x = f32[300]{{0}} parameter(0)
  w = f32[300,70]{{1,0}} parameter(1)
  c = f32[70]{{0}} constant({{{",".join(map(str, range(70)))}}})
  zero = s32[] constant(0)
  s = (s32[], f32[300]) tuple(zero, x)
  l = (s32[], f32[300]) while(s), condition=go, body=step
  y = f32[300] get-tuple-element(l), index=1
  d = f32[70]{{0}} dot(y, w), lhs_contracting_dims={{0}}, rhs_contracting_dims={{0}}
  ROOT r = f32[70]{{0}} add(d, c)
}}
"""

# What the made-up driver says is one line for each call that it is told to talk about.
FAKE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void *fake_context = (void *)16;
const char *fake_failing = "";
int fake_code = 0, fake_rounds = 0;
static int asked;
static int answer(const char *name) { return strcmp(name, fake_failing) ? 0 : fake_code; }
int cuCtxGetCurrent(void **c) { *c = fake_context; return answer("cuCtxGetCurrent"); }
int cuModuleLoadData(void **m, const void *image) {
  printf("load %d\n", strstr(image, ".visible .entry") != NULL);
  *m = fake_context; asked = 0; return answer("cuModuleLoadData");
}
int cuModuleGetFunction(void **f, void *m, const char *name) {
  *f = strdup(name); return m == fake_context ? answer("cuModuleGetFunction") : 400;
}
int cuModuleGetGlobal_v2(unsigned long long *a, size_t *n, void *m, const char *name) {
  (void)n; (void)name; *a = 4096; return m == fake_context ? answer("cuModuleGetGlobal_v2") : 400;
}
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **params, void **extra) {
  printf("launch %s %u %u %u %u %u %u %u %d %d %d\n", (char *)f, gx, gy, gz, bx, by, bz, shared,
         stream == (void *)77, params != NULL, extra == NULL);
  return answer("cuLaunchKernel");
}
int cuMemcpyDtoDAsync_v2(unsigned long long d, unsigned long long s, size_t n, void *stream) {
  printf("copy %d %d %zu\n", d != 0, s != 0, n); (void)stream; return answer("cuMemcpyDtoDAsync_v2");
}
int cuMemcpyDtoHAsync_v2(void *d, unsigned long long s, size_t n, void *stream) {
  (void)s; (void)stream; memset(d, 0, n); *(char *)d = asked++ < fake_rounds; return answer("cuMemcpyDtoHAsync_v2");
}
int cuStreamSynchronize(void *stream) { (void)stream; return answer("cuStreamSynchronize"); }
"""

# Arguments: pairs of a command and a value.
MAIN = r"""
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "walk.h"
static int run(void *stream) {
  static const void *args[] = {(void *)256, (void *)512};
  static void *results[] = {(void *)1024};
  struct hlo_rt rt = {0};
  walk_args a = {0};
  rt.struct_size = sizeof rt; rt.stream = stream;
  a.struct_size = sizeof a; a.args = args; a.results = results; a.rt = &rt;
  a.scratch = (void *)65536; a.scratch_bytes = WALK_SCRATCH_BYTES;
  return walk_run(&a);
}
static void *thread(void *code) { *(int *)code = run(NULL); return NULL; }
int main(int argc, char **argv) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  int i, k;
  for (i = 1; i + 1 < argc; i += 2) {
    const char *what = argv[i], *value = argv[i + 1];
    if (!strcmp(what, "context")) *(void **)dlsym(driver, "fake_context") = (void *)atol(value);
    if (!strcmp(what, "fail")) *(const char **)dlsym(driver, "fake_failing") = value;
    if (!strcmp(what, "code")) *(int *)dlsym(driver, "fake_code") = atoi(value);
    if (!strcmp(what, "rounds")) *(int *)dlsym(driver, "fake_rounds") = atoi(value);
    if (!strcmp(what, "run")) { int code = run((void *)77); printf("code %d %s\n", code, walk_strerror(code)); }
    if (!strcmp(what, "threads")) {
      pthread_t threads[8]; int codes[8];
      for (k = 0; k < 8; ++k) pthread_create(&threads[k], NULL, thread, &codes[k]);
      for (k = 0; k < 8; ++k) { pthread_join(threads[k], NULL); printf("code %d\n", codes[k]); }
    }
  }
  return !walk_cpu_supported() || !strstr(walk_build_info(), "sm_80");
}
"""
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module, the program and two drivers are built: a whole one, and one that lacks functions."""
    made = tmp_path_factory.mktemp("host")
    hlo.compile_aot(hlo.parse(MODULE), target="nvptx64-nvidia-cuda", prefix=str(made / "walk"))
    (made / "main.c").write_text(MAIN)
    for name, text in (("whole", FAKE), ("old", "int cuCtxGetCurrent(void **c) { *c = 0; return 0; }\n")):
        (made / name).mkdir()
        (made / f"{name}.c").write_text(text)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", made / name / LIBRARY, made / f"{name}.c"], check=True)
    program = [made / "program", made / "main.c", made / "walk.o"]
    subprocess.run(["cc", "-std=c99", "-Wall", "-Werror", "-o", *program, "-ldl", "-lpthread"], check=True)
    return made


def run(folder: Path, *commands: str, driver: str = "whole") -> list[str]:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / driver)}
    done = subprocess.run([folder / "program", *commands], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_files(folder: Path) -> None:
    facts = json.loads((folder / "walk.json").read_text())
    ptx = (folder / "walk.ptx").read_text()
    assert ".target sm_80" in ptx
    assert facts["target"] == {"triple": "nvptx64-nvidia-cuda", "cpu": "sm_80", "features": ""}
    assert list(facts["launches"]) == sorted(facts["kernels"])
    assert all(f".entry {name}(" in ptx for name in facts["kernels"])
    assert facts["constant_bytes"] >= 280


def test_object_needs_the_dynamic_linker_only(folder: Path) -> None:
    listing = subprocess.run(["nm", "-u", folder / "walk.o"], check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in listing.splitlines()} == {"dlopen", "dlsym"}


def test_header_is_c99_and_cxx11(folder: Path) -> None:
    user = folder / "user.c"
    user.write_text('#include "walk.h"\nint main(void) { return walk_strerror(WALK_E_CUDA) == 0; }\n')
    rest = [*STRICT, "-c", "-o", os.devnull, user]
    subprocess.run(["cc", "-std=c99", *rest], check=True)
    if shutil.which("c++"):
        subprocess.run(["c++", "-std=c++11", *STRICT, "-c", "-o", os.devnull, "-x", "c++", user], check=True)


def test_kernels_are_launched_in_order_on_the_stream(folder: Path) -> None:
    """As the simulator sees it, whose results are right."""
    module = hlo.parse(MODULE)
    executable, driver = simulated(module)
    arguments = hlo.random_inputs(module, seed=0)
    np.testing.assert_allclose(executable(*arguments)[0], hlo.interpret(module, arguments)[0], rtol=1e-5, atol=1e-5)
    wanted = [f"launch {n} {' '.join(map(str, (*grid, *block)))} 0 1 1 1" for n, grid, block in driver.launches]
    assert sum("sine" in line for line in wanted) == ROUNDS

    log = run(folder, "rounds", str(ROUNDS), "run", "")
    assert log[0] == "load 1"
    assert [line for line in log if line.startswith("launch")] == wanted
    assert all(line.startswith(("launch", "copy 1 1")) for line in log[1:-1])
    assert log[-1] == "code 0 no error"


def test_module_is_loaded_once_for_each_context(folder: Path) -> None:
    log = run(folder, "run", "", "run", "", "context", "32", "run", "", "context", "16", "run", "")
    assert sum(line.startswith("load") for line in log) == 2
    assert sum(line.startswith("code 0") for line in log) == 4


def test_threads_load_the_module_once(folder: Path) -> None:
    log = run(folder, "threads", "")
    assert sum(line.startswith("load") for line in log) == 1
    assert log.count("code 0") == 8


def test_table_of_contexts_can_be_full(folder: Path) -> None:
    commands = [word for i in range(17) for word in ("context", str(16 + i), "run", "")]
    log = run(folder, *commands)
    codes = [line for line in log if line.startswith("code")]
    assert codes[:16] == ["code 0 no error"] * 16
    assert codes[16].startswith("code 9 the module is loaded in 16 contexts")


def test_missing_functions_are_no_driver(folder: Path) -> None:
    (line,) = run(folder, "run", "", driver="old")
    assert line.startswith("code 7 the CUDA driver")


def test_missing_context(folder: Path) -> None:
    (line,) = run(folder, "context", "0", "run", "")
    assert line.startswith("code 8 no CUDA context")


@pytest.mark.parametrize("function", DRIVER)
def test_errors_of_the_driver_come_back(folder: Path, function: str) -> None:
    """And the next run, with the trouble gone, loads what was not loaded."""
    if function == "cuMemcpyDtoDAsync_v2" and not any(s.startswith("copy") for s in run(folder, "run", "")):
        pytest.skip("the module copies nothing")
    log = run(folder, "fail", function, "code", "700", "run", "", "code", "0", "run", "")
    codes = [line for line in log if line.startswith("code")]
    assert codes == ["code 1700 a call of the CUDA driver failed; the code minus this one is its CUresult", codes[1]]
    assert codes[1] == "code 0 no error"
