"""Small HLO programs for tests: one instruction on arrays, in the interpreter and (where jaxlib is) in XLA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import hlo_tools as hlo
from hlo_tools.ir.element import element_of

Array = np.ndarray[Any, np.dtype[Any]]


def shape_text(x: Array) -> str:
    """The HLO shape of an array."""
    dims = ",".join(map(str, x.shape))
    order = ",".join(map(str, range(x.ndim - 1, -1, -1)))
    return f"{element_of(x.dtype).name}[{dims}]" + (f"{{{order}}}" if x.ndim else "")


def program(instruction: str, args: Sequence[Array], computations: str = "") -> str:
    """A module whose root is `instruction`, with the arguments named a, b, c, ..."""
    lines = [f"  {chr(97 + i)} = {shape_text(x)} parameter({i})" for i, x in enumerate(args)]
    return "\n".join(["HloModule m", computations, "ENTRY main {", *lines, f"  ROOT r = {instruction}", "}", ""])


def run(text: str, *args: Array) -> list[Array]:
    """The results of a whole module in the interpreter, after verifying it."""
    module = hlo.parse(text)
    hlo.verify(module)
    return hlo.interpret(module, args)


def evaluate(instruction: str, *args: Array, computations: str = "") -> Any:
    """The value of one instruction on arrays named a, b, c, ...; a list when it is a tuple."""
    results = run(program(instruction, args, computations), *args)
    return results[0] if len(results) == 1 and not instruction.startswith("(") else results


def refusal(instruction: str, *shapes: str, computations: str = "") -> str:
    """What the verifier says about an instruction on parameters a, b, c, ... of these shapes."""
    lines = [f"  {chr(97 + i)} = {s} parameter({i})" for i, s in enumerate(shapes)]
    text = "\n".join(["HloModule m", computations, "ENTRY main {", *lines, f"  ROOT r = {instruction}", "}", ""])
    module = hlo.parse(text)
    with pytest.raises(hlo.VerifyError) as caught:
        hlo.verify(module)
    return str(caught.value)


def xla(text: str, *args: Array) -> list[Array]:
    """The results of a module in XLA:CPU; skips the test where jaxlib is missing."""
    jax = pytest.importorskip("jax")
    _hlo = pytest.importorskip("jaxlib._hlo")
    _jax = pytest.importorskip("jaxlib._jax")
    xla_client = pytest.importorskip("jaxlib.xla_client")
    with jax.enable_x64(True):
        device = jax.devices("cpu")[0]
        code = _jax.mlir.hlo_to_stablehlo(_hlo.hlo_module_from_text(text).as_serialized_hlo_module_proto())
        program = device.client.compile_and_load(code, _jax.DeviceList((device,)), xla_client.CompileOptions())
        out = program.execute_sharded([jax.device_put(x, device) for x in args])
        return [np.asarray(shards[0]) for shards in out.disassemble_into_single_device_arrays()]
