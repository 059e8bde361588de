"""Matrix instructions of a warp: ldmatrix, stmatrix, movmatrix and mma (PTX ISA: warp-level matrix instructions).

Fragment layouts: with g = lane / 4 and t = lane % 4, a 32-bit register of an operand holds consecutive elements of row
g (or g + 8) starting at column t times the number of elements in it; accumulators hold columns 2t and 2t + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hlo_backends.gpu.simulate.assemble import Assembler, Builder, Read, Run
from hlo_backends.gpu.simulate.errors import DivergenceError, SimulationError
from hlo_backends.gpu.simulate.floats import FORMATS
from hlo_backends.gpu.simulate.lanes import WARP, Lanes
from hlo_backends.gpu.simulate.memory import check_alignment
from hlo_backends.gpu.simulate.scalars import Array
from hlo_backends.gpu.simulate.syntax import Instruction

_ROW_BYTES = 16


def _need_whole_warps(lanes: Lanes) -> None:
    if not lanes.warps.full_rows():
        whole = lanes.warps.active.all(axis=1, keepdims=True)
        lane = lanes.warps.lane_at(lanes.warps.active & ~whole)
        raise DivergenceError("matrix instruction without all 32 threads of the warp", lane=lane)


# ---- ldmatrix, stmatrix


def _matrix_count(assembler: Assembler, instruction: Instruction) -> int:
    modifiers = instruction.modifiers
    if "m8n8" not in modifiers or instruction.type != "b16":
        raise assembler.unsupported("only m8n8 .b16")
    return next((int(one[1]) for one in modifiers if one in ("x1", "x2", "x4")), 0)


def _locate_rows(lanes: Lanes, address: Array, count: int, check: Callable[[Array, Array, int], None]) -> Array:
    """Positions in shared memory of the rows: lanes 0 to 8 * count - 1 of each warp give the address of one each."""
    giving = np.flatnonzero(np.arange(lanes.count) % WARP < 8 * count)
    threads, rows = lanes.threads[giving], lanes.spread(address)[giving]
    try:
        check_alignment(rows, _ROW_BYTES)
        position = lanes.batch.shared.locate(threads, rows, _ROW_BYTES)
        check(threads, position, _ROW_BYTES)
    except SimulationError as error:
        raise error.among(giving) from None
    return position


def build_ldmatrix(assembler: Assembler, instruction: Instruction) -> Run:
    """ldmatrix: 8x8 matrices of 16-bit elements from shared memory, a row of 16 bytes per address."""
    count, transposes = _matrix_count(assembler, instruction), "trans" in instruction.modifiers
    target, source = assembler.expect_operands(2)
    puts = [assembler.destination(item, "b32") for item in assembler.items(target)]
    address = assembler.address(source)
    if len(puts) != count:
        raise assembler.unsupported()

    def run(lanes: Lanes) -> None:
        _need_whole_warps(lanes)
        shared = lanes.batch.shared
        position = _locate_rows(lanes, address(lanes), count, shared.check_read)
        elements = shared.storage.view(np.uint16)[(position[:, None] >> 1) + np.arange(8)]
        matrices = elements.reshape(-1, count, 8, 8)
        if transposes:
            matrices = matrices.transpose(0, 1, 3, 2)
        for number, put in enumerate(puts):
            put(lanes, np.ascontiguousarray(matrices[:, number]).view(np.uint32).reshape(-1))

    return run


def build_stmatrix(assembler: Assembler, instruction: Instruction) -> Run:
    """stmatrix: the reverse of ldmatrix."""
    count, transposes = _matrix_count(assembler, instruction), "trans" in instruction.modifiers
    target, source = assembler.expect_operands(2)
    reads = [assembler.bits(item, 4) for item in assembler.items(source)]
    address = assembler.address(target)
    if len(reads) != count:
        raise assembler.unsupported()

    def run(lanes: Lanes) -> None:
        _need_whole_warps(lanes)
        shared = lanes.batch.shared
        position = _locate_rows(lanes, address(lanes), count, shared.check_write)
        parts = [np.ascontiguousarray(lanes.spread(read(lanes))).view(np.uint16).reshape(-1, 8, 8) for read in reads]
        matrices = np.stack(parts, axis=1)
        if transposes:
            matrices = matrices.transpose(0, 1, 3, 2)
        shared.storage.view(np.uint16)[(position[:, None] >> 1) + np.arange(8)] = matrices.reshape(-1, 8)

    return run


def build_movmatrix(assembler: Assembler, instruction: Instruction) -> Run:
    """movmatrix.trans: transposes an 8x8 matrix held in one register of the warp."""
    target, source = assembler.expect_operands(2)
    if "trans" not in instruction.modifiers:
        raise assembler.unsupported()
    read, put = assembler.bits(source, 4), assembler.destination(target, "b32")

    def run(lanes: Lanes) -> None:
        _need_whole_warps(lanes)
        matrix = np.ascontiguousarray(lanes.spread(read(lanes))).view(np.uint16).reshape(-1, 8, 8)
        put(lanes, np.ascontiguousarray(matrix.transpose(0, 2, 1)).view(np.uint32).reshape(-1))

    return run


# ---- mma


@dataclass(frozen=True, slots=True)
class _Element:
    """How operand elements are held: `per_register` of them, decoded for the product."""

    per_register: int
    decode: Callable[[Array], Array]


def _halves(kind: str) -> Callable[[Array], Array]:
    decode = FORMATS[kind].decode
    return lambda raw: decode(raw.view(np.uint16)).reshape(-1, 2)


def _bytes(dtype: str) -> Callable[[Array], Array]:
    return lambda raw: raw.view(dtype).astype(np.float32).reshape(-1, 4)


def _float8(kind: str) -> Callable[[Array], Array]:
    decode = FORMATS[kind].decode
    return lambda raw: decode(raw.view(np.uint8)).reshape(-1, 4)


_ELEMENTS: dict[str, _Element] = {
    "bf16": _Element(2, _halves("bf16")),
    "f16": _Element(2, _halves("f16")),
    "tf32": _Element(1, lambda raw: FORMATS["tf32"].decode(raw).reshape(-1, 1)),
    "s8": _Element(4, _bytes("i1")),
    "u8": _Element(4, _bytes("u1")),
    "e4m3": _Element(4, _float8("e4m3")),
    "e5m2": _Element(4, _float8("e5m2")),
}


def _operand_a(elements: list[Array], per_register: int) -> Array:
    """(warps, 16, k) from registers that hold, by halves of k, rows g and g + 8."""
    width = 4 * per_register
    warps = len(elements[0]) // WARP
    matrix = np.empty((warps, 16, width * (len(elements) // 2)), elements[0].dtype)
    for number, element in enumerate(elements):
        row, column = number % 2 * 8, number // 2 * width
        matrix[:, row : row + 8, column : column + width] = element.reshape(warps, 8, width)
    return matrix


def _operand_b(elements: list[Array], per_register: int) -> Array:
    """(warps, k, 8): column g of the matrix lies in the lanes of row g."""
    width = 4 * per_register
    warps = len(elements[0]) // WARP
    parts = [element.reshape(warps, 8, width) for element in elements]
    return np.concatenate(parts, axis=2).transpose(0, 2, 1)


def _shape(assembler: Assembler, instruction: Instruction) -> tuple[str, str, str, str, int]:
    """Types of D, A, B, C and the depth k; only row.col with 16 rows and 8 columns."""
    modifiers = [one for one in instruction.modifiers if one not in ("sync", "aligned", "satfinite", "kind::f8f6f4")]
    if len(modifiers) != 7 or modifiers[1:3] != ["row", "col"] or not modifiers[0].startswith("m16n8k"):
        raise assembler.unsupported()
    result, a, b, c = modifiers[3:]
    if a not in _ELEMENTS or b not in _ELEMENTS or c != result or result not in ("f32", "s32", "f16"):
        raise assembler.unsupported()
    return result, a, b, c, int(modifiers[0].removeprefix("m16n8k"))


def build_mma(assembler: Assembler, instruction: Instruction) -> Run:
    """mma.sync m16n8kK: D = A * B + C in every warp.

    Products are summed in float32 by numpy (exact for 8-bit integers); the hardware's order of summation is its own.
    """
    result, a_kind, b_kind, _, depth = _shape(assembler, instruction)
    target, *sources = assembler.expect_operands(4)
    a_element, b_element = _ELEMENTS[a_kind], _ELEMENTS[b_kind]
    a_reads, b_reads, c_reads = ([assembler.bits(item, 4) for item in assembler.items(operand)] for operand in sources)
    if len(a_reads) * 2 * a_element.per_register != depth or len(b_reads) * 4 * b_element.per_register != depth:
        raise assembler.unsupported("registers do not fit the shape")
    puts = [assembler.destination(item, "b32") for item in assembler.items(target)]
    saturates = "satfinite" in instruction.modifiers and result == "s32"

    def gather(lanes: Lanes, reads: list[Read], element: _Element) -> list[Array]:
        return [element.decode(np.ascontiguousarray(lanes.spread(read(lanes)))) for read in reads]

    def run(lanes: Lanes) -> None:
        _need_whole_warps(lanes)
        a = _operand_a(gather(lanes, a_reads, a_element), a_element.per_register)
        b = _operand_b(gather(lanes, b_reads, b_element), b_element.per_register)
        product = np.matmul(a, b)
        addends = [np.ascontiguousarray(lanes.spread(read(lanes))) for read in c_reads]
        if result == "f16":
            _store_halves(lanes, puts, product, addends)
            return
        for number, (put, addend) in enumerate(zip(puts, addends, strict=True)):
            row, column = number // 2 * 8, number % 2
            part = np.ascontiguousarray(product[:, row : row + 8, column::2]).reshape(-1)
            if result == "f32":
                put(lanes, (part + addend.view(np.float32)).view(np.uint32))
            else:
                total = part.astype(np.int64) + addend.view(np.int32)
                if saturates:
                    total = np.clip(total, np.iinfo(np.int32).min, np.iinfo(np.int32).max)
                put(lanes, total.astype(np.int32).view(np.uint32))

    return run


def _store_halves(
    lanes: Lanes, puts: list[Callable[[Lanes, Array], None]], product: Array, addends: list[Array]
) -> None:
    """f16 accumulators: two columns in each register."""
    form = FORMATS["f16"]
    for number, (put, addend) in enumerate(zip(puts, addends, strict=True)):
        part = np.ascontiguousarray(product[:, number * 8 : number * 8 + 8]).reshape(-1, 2)
        total = np.ascontiguousarray(form.encode(part + form.decode(addend.view(np.uint16)).reshape(-1, 2)))
        put(lanes, total.view(np.uint32).reshape(-1))


BUILDERS: dict[str, Builder] = {
    "ldmatrix": build_ldmatrix,
    "stmatrix": build_stmatrix,
    "movmatrix": build_movmatrix,
    "mma": build_mma,
}
