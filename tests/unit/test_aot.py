"""Objects and headers: they compile, link with nothing, run, and come out the same every time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hlo_tools as hlo

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted((ROOT / "testdata" / "models").glob("*.hlo"))
CC = shutil.which("cc")
ALLOWED = {"memcpy", "memset", "memmove"}

needs_cc = pytest.mark.skipif(CC is None, reason="no C compiler")


def build(model: Path, folder: Path, **options: str) -> Path:
    """Compile a model; the prefix of its files."""
    prefix = folder / model.stem
    hlo.compile_aot(hlo.load(str(model)), prefix=str(prefix), source=str(model), **options)
    return prefix


def undefined(path: Path) -> set[str]:
    listing = subprocess.run(["nm", "-u", str(path)], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in listing.splitlines() if line.strip()}


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.stem)
@needs_cc
def test_object_needs_nothing(model: Path, tmp_path: Path) -> None:
    prefix = build(model, tmp_path)
    assert undefined(prefix.with_suffix(".o")) <= ALLOWED


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.stem)
@needs_cc
def test_header_is_c99_and_cxx11(model: Path, tmp_path: Path) -> None:
    prefix = build(model, tmp_path)
    user = tmp_path / "user.c"
    user.write_text(f'#include "{model.stem}.h"\nint main(void) {{ return {model.stem}_strerror(0) == 0; }}\n')
    strict = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-c", "-o", os.devnull, f"-I{prefix.parent}"]
    subprocess.run(["cc", "-std=c99", *strict, str(user)], check=True)
    if shutil.which("c++"):
        subprocess.run(["c++", "-std=c++11", *strict, "-x", "c++", str(user)], check=True)


DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include "%(name)s.h"
static void *take(size_t n) { void *p = aligned_alloc(64, (n + 63) / 64 * 64 + 64); if (!p) exit(9); return p; }
int main(int argc, char **argv) {
  static const size_t in[] = {%(in)s 0}, out[] = {%(out)s 0};
  const void *args[%(num_in)d + 1]; void *results[%(num_out)d + 1];
  FILE *f = fopen(argv[1], "rb");
  %(name)s_args a = {0};
  int i, status;
  (void)argc;
  for (i = 0; i < %(num_in)d; ++i) {
    void *p = take(in[i]);
    if (fread(p, 1, in[i], f) != in[i]) return 8;
    args[i] = p;
  }
  fclose(f);
  for (i = 0; i < %(num_out)d; ++i) results[i] = take(out[i]);
  a.struct_size = sizeof a; a.args = args; a.results = results;
  a.scratch = take(%(macro)s_SCRATCH_BYTES); a.scratch_bytes = %(macro)s_SCRATCH_BYTES;
  status = %(name)s_run(&a);
  if (status) { puts(%(name)s_strerror(status)); return 7; }
  f = fopen(argv[2], "wb");
  for (i = 0; i < %(num_out)d; ++i) fwrite(results[i], 1, out[i], f);
  fclose(f);
  return 0;
}
"""


def run_in_c(prefix: Path, arguments: list[np.ndarray], cc: list[str], runner: list[str]) -> bytes:
    """Link a driver with the object, feed it the arguments, and give back the bytes of all results."""
    facts = json.loads(prefix.with_suffix(".json").read_text())
    sizes = {k: [p["bytes"] for p in facts[k]] for k in ("arguments", "results")}
    text = DRIVER % {
        "name": prefix.name,
        "macro": prefix.name.upper(),
        "in": "".join(f"{n}," for n in sizes["arguments"]),
        "out": "".join(f"{n}," for n in sizes["results"]),
        "num_in": len(sizes["arguments"]),
        "num_out": len(sizes["results"]),
    }
    driver, program = prefix.with_name("driver.c"), prefix.with_name("program")
    driver.write_text(text)
    subprocess.run([*cc, "-O1", f"-I{prefix.parent}", "-o", program, driver, prefix.with_suffix(".o")], check=True)
    given, found = prefix.with_name("in.bin"), prefix.with_name("out.bin")
    given.write_bytes(b"".join(a.tobytes() for a in arguments))
    subprocess.run([*runner, program, given, found], check=True)
    return found.read_bytes()


def check_in_c(model: Path, folder: Path, cc: list[str], runner: list[str], **options: str) -> None:
    module = hlo.load(str(model))
    arguments = hlo.random_inputs(module, seed=3)
    prefix = build(model, folder, **options)
    data = run_in_c(prefix, arguments, cc, runner)
    at = 0
    for want in hlo.interpret(module, arguments):
        got = np.frombuffer(data, want.dtype, want.size, at).reshape(want.shape)
        at += want.nbytes
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)
    assert at == len(data)


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.stem)
@needs_cc
def test_c_program_agrees_with_the_interpreter(model: Path, tmp_path: Path) -> None:
    check_in_c(model, tmp_path, ["cc"], [])


AARCH64 = shutil.which("aarch64-linux-gnu-gcc")
QEMU = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")


@pytest.mark.parametrize("model", MODELS, ids=lambda p: p.stem)
@pytest.mark.skipif(not (AARCH64 and QEMU), reason="aarch64-linux-gnu-gcc and qemu-user are not installed")
def test_cross_compiled_program_agrees_with_the_interpreter(model: Path, tmp_path: Path) -> None:
    assert AARCH64 and QEMU
    check_in_c(model, tmp_path, [AARCH64, "-static"], [QEMU], target="aarch64-unknown-linux-gnu")


def test_same_bytes_whatever_the_surroundings(tmp_path: Path) -> None:
    model = ROOT / "testdata" / "models" / "transformer.hlo"
    seen: set[tuple[bytes, ...]] = set()
    for seed in ("0", "1", "4711"):
        folder = tmp_path / seed
        folder.mkdir()
        code = f"import hlo_tools as h; h.compile_aot(h.load({str(model)!r}), prefix='t', source='t.hlo')"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, env=environment)
        seen.add(tuple((folder / f"t{s}").read_bytes() for s in (".o", ".h", ".json", ".d")))
    assert len(seen) == 1


@needs_cc
def test_wrong_use_is_an_error_code(tmp_path: Path) -> None:
    prefix = build(ROOT / "testdata" / "models" / "transformer.hlo", tmp_path)
    text = """
#include "transformer.h"
int main(void) {
  transformer_args a = {0};
  if (transformer_run(&a) != TRANSFORMER_E_STRUCT_SIZE) return 1;
  a.struct_size = sizeof a;
  if (transformer_run(&a) != TRANSFORMER_E_NULL_ARGUMENT) return 2;
  return !transformer_cpu_supported();
}
"""
    user, program = tmp_path / "user.c", tmp_path / "user"
    user.write_text(text)
    subprocess.run(["cc", f"-I{tmp_path}", "-o", program, user, prefix.with_suffix(".o")], check=True)
    subprocess.run([program], check=True)


def test_failure_leaves_no_file(tmp_path: Path) -> None:
    module = hlo.parse("HloModule m\n\nENTRY e {\n  ROOT c = f32[8]{0} constant({...})\n}\n")
    with pytest.raises(hlo.UnsupportedError):
        hlo.compile_aot(module, prefix=str(tmp_path / "m"), source="m.hlo")
    assert list(tmp_path.iterdir()) == []
