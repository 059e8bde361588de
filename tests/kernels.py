"""Runs the common kernels of instructions on numpy and compares them with `Op.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from hlo_tools.codegen.emitters import LOOPS, UPDATES
from hlo_tools.codegen.evaluate import run_kernel
from hlo_tools.codegen.kernel import Buffer
from hlo_tools.codegen.launch import Arg, Data, Operand, Result, Scratch
from hlo_tools.interpreter.run import Limits, Machine
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.shape import Shape
from hlo_tools.text.reader import parse_hlo

Array = np.ndarray[Any, np.dtype[Any]]


def leaf(value: Any, path: tuple[int, ...]) -> Any:
    for i in path:
        value = value[i]
    return value


def packed(value: Any, shape: Shape) -> Array:
    """The buffer of an array: physical order, complex numbers as pairs."""
    array = np.ascontiguousarray(np.transpose(np.asarray(value), shape.order)).reshape(-1)
    return array.view(array.real.dtype) if shape.element.is_complex else array


def unpacked(buffer: Array, shape: Shape) -> Array:
    """The inverse of `packed`."""
    whole = buffer.view(shape.element.dtype) if shape.element.is_complex else buffer
    return np.transpose(whole.reshape([shape.dims[d] for d in shape.order]), np.argsort(shape.order))


def run_instruction(inst: Instruction, operands: Sequence[Any]) -> Any:
    """The value of an instruction by its common kernels: an array, or a tuple of the leaves."""
    emitter = LOOPS.find(inst.op)
    assert emitter is not None, f"no loops for {inst.op.name}"
    rng = np.random.default_rng(1)
    buffers: dict[Any, Array] = {}
    updates = UPDATES.find(inst.op)
    for update in updates(inst) if updates else ():
        shape = inst.operands[update.operand].shape.at(update.path)
        buffers[Result(update.result)] = packed(leaf(operands[update.operand], update.path), shape).copy()

    def bind(arg: Arg, param: Buffer) -> Array:
        if isinstance(arg, Operand):
            return packed(leaf(operands[arg.number], arg.path), inst.operands[arg.number].shape.at(arg.path))
        if isinstance(arg, Data):
            flat = np.ascontiguousarray(arg.array).reshape(-1)
            return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat
        key = ("scratch", arg.key) if isinstance(arg, Scratch) else arg
        if key not in buffers:  # garbage: nothing may rely on what is there before
            size = arg.bytes if isinstance(arg, Scratch) else param.size * param.element.bytes
            buffers[key] = (
                rng.integers(0, 2, size, np.uint8)
                if param.element.name == "pred"
                else rng.integers(0, 250, size, np.uint8)
            )
        if isinstance(arg, Scratch):
            return buffers[key].view(param.element.dtype)[: param.size]
        buffers[key] = buffers[key].view(param.element.dtype)
        return buffers[key]

    for launch in emitter(inst):
        run_kernel(launch.kernel, [bind(a, p) for a, p in zip(launch.args, launch.kernel.params, strict=True)])
    results = []
    for path, shape in inst.shape.leaves():
        buffer = buffers.get(Result(path), np.zeros(0, shape.element.dtype))
        results.append(unpacked(buffer.view(real_dtype(shape)), shape))
    return tuple(results) if inst.shape.is_tuple else results[0]


def real_dtype(shape: Shape) -> Any:
    return np.zeros((), shape.element.dtype).real.dtype


def sample(shape: Shape, rng: np.random.Generator) -> Any:
    """Random values of a shape: floats around 0, small integers."""
    if shape.is_tuple:
        return tuple(sample(s, rng) for s in shape.elements)
    element, dims = shape.element, shape.dims
    if element.name == "pred":
        return np.asarray(rng.random(dims) < 0.5)
    if element.is_complex:
        return np.asarray(rng.standard_normal(dims) + 1j * rng.standard_normal(dims)).astype(element.dtype)
    if element.is_float:
        return np.asarray(rng.standard_normal(dims) * 2).astype(element.dtype)
    low = -5 if element.is_signed else 0
    return np.asarray(rng.integers(max(low, -(1 << (element.bits - 1))), min(9, 1 << (element.bits - 1)), dims)).astype(
        element.dtype
    )


def check(
    text: str,
    inputs: Sequence[Any] | None = None,
    rtol: float = 2e-6,
    atol: float = 1e-6,
    scaled: bool = True,
) -> int:
    """Compare every instruction of the entry of a module that has kernels; returns how many there were.

    atol counts in units of the largest result where `scaled`. Floats below 32 bits may be one unit in the last
    place off, unless rtol is 0.
    """
    module = parse_hlo(text)
    rng = np.random.default_rng(0)
    machine = Machine(module, Limits())
    values: dict[Instruction, Any] = {}
    count = 0
    parameters = module.main.parameters
    given = list(inputs) if inputs is not None else [sample(p.shape, rng) for p in parameters]
    with np.errstate(all="ignore"):
        for inst in module.main.order():
            if inst.op.inline == "number":
                values[inst] = given[inst.attrs.number]
                continue
            operands = [values[x] for x in inst.operands]
            values[inst] = inst.op.evaluate(machine, inst, *operands)
            if LOOPS.find(inst.op) is not None:
                compare(inst.shape, run_instruction(inst, operands), values[inst], rtol, atol, scaled, str(inst))
                count += 1
    return count


def compare(whole: Shape, got: Any, want: Any, rtol: float, atol: float, scaled: bool = True, what: str = "") -> None:
    for path, shape in whole.leaves():
        g, w = np.asarray(leaf(got, path)), np.asarray(leaf(want, path))
        element = shape.element
        assert (g.shape, g.dtype) == (w.shape, w.dtype), (what, path)
        if not (element.is_float or element.is_complex):
            np.testing.assert_array_equal(g.astype(np.int64), w.astype(np.int64), err_msg=what)
            continue
        wide = np.complex128 if element.is_complex else np.float64
        if element.is_float and element.bits <= 16 and rtol:
            info: Any = ml_dtypes.finfo(element.dtype)
            rtol, atol = max(rtol, 1.01 * 2.0**-info.nmant), max(atol, float(info.smallest_subnormal))
        size = np.abs(w.astype(wide))
        largest = float(np.max(np.where(np.isfinite(size), size, 0), initial=0))
        slack = atol * max(1.0, largest) if scaled else atol
        np.testing.assert_allclose(g.astype(wide), w.astype(wide), rtol=rtol, atol=slack, err_msg=what)
