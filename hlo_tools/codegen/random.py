"""rng-bit-generator: a loop over blocks of Threefry or Philox; where each word goes is said in `ops/random.py`."""

from __future__ import annotations

from math import prod

from hlo_tools.codegen import kernel as k
from hlo_tools.codegen.builder import Builder, Ref, within
from hlo_tools.codegen.index import Index, constant, delinearize, linear
from hlo_tools.codegen.kernel import Expr, Role
from hlo_tools.codegen.launch import LOOPS, Launch, Operand, Result
from hlo_tools.codegen.value import UNSIGNED_OF, Num, real
from hlo_tools.ir.attributes import RandomAlgorithm
from hlo_tools.ir.element import U32, U64, ElementType
from hlo_tools.ir.instruction import Instruction
from hlo_tools.ir.op import NotYet
from hlo_tools.ops import OPS

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_LOW = 0xFFFFFFFF


def threefry(key: Num, counter: Num) -> tuple[Num, Num]:
    """Threefry-2x32 with 20 rounds: two u32 from a key and a counter, both u64."""
    k0, k1 = key.to(U32), (key >> 32).to(U32)
    keys = (k0, k1, k0 ^ k1 ^ 0x1BD11BDA)
    x0, x1 = counter.to(U32) + keys[0], (counter >> 32).to(U32) + keys[1]
    for turn in range(5):
        for r in _ROTATIONS[turn % 2]:
            x0 = x0 + x1
            x1 = ((x1 << r) | (x1 >> (32 - r))) ^ x0
        x0 = x0 + keys[(turn + 1) % 3]
        x1 = x1 + keys[(turn + 2) % 3] + (turn + 1)
    return x0, x1


def philox(key: Num, low: Num, high: Num) -> tuple[Num, Num, Num, Num]:
    """Philox-4x32 with 10 rounds: four numbers of 32 bits, as u64, from a key and a counter of two u64."""
    x = [low & _LOW, low >> 32, high & _LOW, high >> 32]
    k0, k1 = key & _LOW, key >> 32
    for _ in range(10):
        p, q = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [(q >> 32) ^ x[1] ^ k0, q & _LOW, (p >> 32) ^ x[3] ^ k1, p & _LOW]
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    return x[0], x[1], x[2], x[3]


def emit_rng(inst: Instruction) -> tuple[Launch, ...]:
    """A kernel for the bits, and one for the next state where it is asked for."""
    path = (1,) if inst.shape.is_tuple else ()
    shape = inst.shape.at(path)
    if shape.element.bits < 8:
        raise NotYet(f"random bits of type {shape.element}")
    launches: list[Launch] = []
    blocks = _blocks(inst, shape.dims, shape.element)
    if shape.size:
        generator = _Generator(inst, path)
        if inst.attrs.algorithm is not RandomAlgorithm.THREE_FRY:
            generator.philox(blocks)
        elif shape.element.bits == 64:
            generator.threefry_wide(blocks)
        else:
            generator.threefry_narrow()
        launches.append(generator.builder.launch(inst.op.name, 80 * shape.size))
    if inst.shape.is_tuple:
        launches.append(_next_state(inst, blocks))
    return tuple(launches)


def _halved(dims: tuple[int, ...]) -> tuple[list[int], int]:
    """The dimensions of Threefry's blocks of two words, and the dimension in which these are neighbours."""
    sizes = list(dims) or [1]
    split = next((i for i, n in enumerate(sizes) if n % 2 == 0), 0)
    sizes[split] = -(-sizes[split] // 2)
    return sizes, split


def _blocks(inst: Instruction, dims: tuple[int, ...], element: ElementType) -> int:
    """How many counters the array takes."""
    size = prod(dims)
    if inst.attrs.algorithm is RandomAlgorithm.THREE_FRY:
        return size if element.bits == 64 else prod(_halved(dims)[0])
    return -(-size // (2 if element.bits == 64 else 4))


class _Generator:
    """The kernel of the bits."""

    def __init__(self, inst: Instruction, path: tuple[int, ...]) -> None:
        self.builder = Builder()
        self.ref: Ref = self.builder.param(Result(path), inst.shape.at(path), Role.OUTPUT)
        state = self.builder.param(Operand(0), inst.operands[0].shape)
        self.state = [Num(real(state.load((constant(i),)))) for i in range(inst.operands[0].shape.dims[0])]

    def _put(self, at: tuple[Index, ...], bits: Num) -> None:
        element = self.ref.shape.element
        value = k.bitcast(bits.to(UNSIGNED_OF[element.bits]).e, element)
        self.builder.emit(*self.ref.store(at, value))

    def _counter(self, block: Index) -> Num:
        return self.state[1] + Num(_unsigned(block))

    def threefry_wide(self, blocks: int) -> None:
        with self.builder.loop(blocks) as block:
            x0, x1 = threefry(self.state[0], self._counter(block))
            self._put(delinearize(block, self.ref.shape.dims), x0.to(U64) | (x1.to(U64) << 32))

    def threefry_narrow(self) -> None:
        dims = self.ref.shape.dims
        half, split = _halved(dims)
        steps = tuple(prod(half[d + 1 :]) for d in range(len(half)))
        with self.builder.nest(half, range(len(half))) as at:
            words = threefry(self.state[0], self._counter(linear(at, steps)))
            for which, word in enumerate(words):
                place = (*at[:split], at[split] * 2 + which, *at[split + 1 :])
                with self.builder.when(within(place[split], 0, (dims or (1,))[split])):
                    self._put(place if dims else (), word)

    def philox(self, blocks: int) -> None:
        shape = self.ref.shape
        per_block = 2 if shape.element.bits == 64 else 4
        whole = shape.size // per_block
        with self.builder.loop(whole) as block:
            self._philox_block(block, per_block, per_block)
        if whole < blocks:
            self._philox_block(constant(whole), per_block, shape.size % per_block)

    def _philox_block(self, block: Index, per_block: int, count: int) -> None:
        low = self._counter(block)
        start = self.state[2] if len(self.state) > 2 else self.state[0]
        carry = (low < self.state[1]).where(low.like(1), 0)
        words = philox(self.state[0], low, start + carry)
        if per_block == 2:
            words = (words[0] | (words[1] << 32), words[2] | (words[3] << 32), words[2], words[3])
        for which in range(count):
            self._put(delinearize(block * per_block + which, self.ref.shape.dims), words[which])


def _unsigned(index: Index) -> Expr:
    return k.convert(k.index(index), U64)


def _next_state(inst: Instruction, blocks: int) -> Launch:
    """The key stays, the counter moves on by the number of blocks."""
    builder = Builder()
    shape = inst.operands[0].shape
    ref = builder.param(Result((0,)), shape, Role.OUTPUT)
    state = builder.param(Operand(0), shape)
    words = [Num(real(state.load((constant(i),)))) for i in range(shape.dims[0])]
    low = words[1] + blocks
    following = [words[0], low]
    if len(words) > 2:
        following.append(words[2] + (low < words[1]).where(low.like(1), 0))
    for i, word in enumerate(following):
        builder.emit(*ref.store((constant(i),), word.e))
    return builder.launch("next-state", 4)


LOOPS.set(OPS["rng-bit-generator"], emit_rng)
