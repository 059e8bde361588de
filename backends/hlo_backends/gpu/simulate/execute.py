"""Runs a compiled kernel: which threads execute which block next, barriers, and where an error happened."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hlo_backends.gpu.simulate.compile import Barrier, Code, CompiledKernel
from hlo_backends.gpu.simulate.control import END
from hlo_backends.gpu.simulate.errors import DivergenceError, SimulationError, StepLimitError
from hlo_backends.gpu.simulate.lanes import Batch, Lanes
from hlo_backends.gpu.simulate.scalars import Array
from hlo_backends.gpu.simulate.syntax import Instruction

Ready = dict[int, list[Array]]
"""For each block of code the threads that are to run it next."""


@dataclass(slots=True)
class Waiting:
    """Threads that wait at a barrier."""

    threads: Array
    instruction: Instruction
    target: int
    barrier: Barrier


@dataclass(slots=True)
class Arrivals:
    """What has arrived at one barrier number: the threads that wait; per block how many came, must, and voted yes."""

    waiting: list[Waiting]
    count: Array
    expected: Array
    votes: Array


class Scheduler:
    """Runs one batch to its end.

    Without a seed, always the threads that are furthest behind run, all warps and blocks together. With one, a warp
    chosen at random (the same in all blocks) runs a random number of blocks of code at a time.
    """

    def __init__(self, kernel: CompiledKernel, batch: Batch, max_steps: int, rng: np.random.Generator | None) -> None:
        self.kernel = kernel
        self.batch = batch
        self.max_steps = max_steps
        self.rng = rng
        self.barriers: dict[int, Arrivals] = {}
        self.living = np.full(batch.blocks, batch.per_block)
        groups = 1 if rng is None else batch.warps_per_block
        self.ready: list[Ready] = [{} for _ in range(groups)]
        self.enter(0, batch.all_threads)

    def enter(self, target: int, threads: Array) -> None:
        """Makes threads ready to run a block of code."""
        if len(self.ready) == 1:
            self.ready[0].setdefault(target, []).append(threads)
            return
        warps = self.batch.thread_of[threads] // 32
        for warp in np.unique(warps):
            self.ready[warp].setdefault(target, []).append(threads[warps == warp])

    def run(self) -> None:
        """Raises whatever SimulationError the code deserves, located."""
        while True:
            candidates = [ready for ready in self.ready if ready]
            if not candidates:
                if self.barriers:
                    raise self.deadlock()
                return
            if self.rng is None:
                self.step(candidates[0])
                continue
            chosen = candidates[int(self.rng.integers(len(candidates)))]
            for _ in range(int(self.rng.geometric(0.3))):
                if chosen:
                    self.step(chosen)

    def step(self, ready: Ready) -> None:
        """Runs the first block of code that any of the threads is at, for all that are."""
        batch = self.batch
        batch.steps += 1
        number = min(ready)
        parts = ready.pop(number)
        threads = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
        code = self.kernel.blocks[number]
        lanes = Lanes(batch, threads, threads)
        if batch.steps > self.max_steps:
            raise self.located(
                StepLimitError(
                    f"still running after {self.max_steps} steps: an endless loop, or a wait for other threads",
                    lane=0,
                ),
                lanes,
                code,
            )
        for step in code.steps:
            try:
                step.run(lanes)
            except SimulationError as error:
                error.at(step.instruction.line, step.instruction.text)
                raise self.located(error, lanes, code) from None
        if not lanes.full:
            lanes.store(code.stores)
        self.leave(code, lanes)

    def located(self, error: SimulationError, lanes: Lanes, code: Code) -> SimulationError:
        """The error with its thread and block, and a PTX line if it has none yet."""
        instruction = code.last or (code.steps[0].instruction if code.steps else None)
        if instruction:
            error.at(instruction.line, instruction.text)
        thread = lanes.threads[min(error.lane or 0, lanes.count - 1)]
        return error.by(*self.batch.thread_index(int(thread)))

    # ---- what happens at the end of a block
    def leave(self, code: Code, lanes: Lanes) -> None:
        """Sends the lanes on to the block's successors."""
        if code.barrier:
            self.arrive(code, code.barrier, lanes)
        elif code.selector:
            self.select(code, lanes)
        elif code.predicate:
            chosen = code.predicate(lanes)
            if len(chosen) == 1 or chosen.all() or not chosen.any():
                self.go(code.targets[0 if chosen[0] else 1], lanes.threads)
            else:
                self.go(code.targets[0], lanes.threads[chosen])
                self.go(code.targets[1], lanes.threads[~chosen])
        else:
            self.go(code.targets[0], lanes.threads)

    def go(self, target: int, threads: Array) -> None:
        """Sends threads to one block of code, or to their end."""
        if target != END:
            self.enter(target, threads)
            return
        batch = self.batch
        batch.live[threads] = False
        self.living -= np.bincount(batch.block_of[threads], minlength=batch.blocks)
        for number in list(self.barriers):
            self.release(number)

    def select(self, code: Code, lanes: Lanes) -> None:
        """brx.idx: an index into the branch table."""
        assert code.selector is not None
        chosen = lanes.spread(code.selector(lanes))
        outside = np.flatnonzero(chosen >= len(code.targets))
        if len(outside):
            error = SimulationError(f"branch table index {chosen[outside[0]]} out of range", lane=int(outside[0]))
            raise self.located(error, lanes, code)
        for index in np.unique(chosen):
            self.go(code.targets[int(index)], lanes.threads[chosen == index])

    # ---- barriers
    def arrive(self, code: Code, barrier: Barrier, lanes: Lanes) -> None:
        """The lanes have reached a barrier."""
        assert code.last is not None
        if barrier.aligned:
            self.check_alignment(lanes, code)
        numbers = lanes.spread(barrier.number(lanes))
        expected = lanes.spread(barrier.expected(lanes)).astype(np.int64) if barrier.expected else None
        for number in np.unique(numbers):
            select = numbers == number
            threads = lanes.threads[select]
            arrivals = self.barriers.get(int(number))
            if arrivals is None:
                blocks = self.batch.blocks
                arrivals = Arrivals([], *np.zeros((3, blocks), np.int64))
                self.barriers[int(number)] = arrivals
            arrivals.count += np.bincount(self.batch.block_of[threads], minlength=self.batch.blocks)
            if expected is not None:
                arrivals.expected[self.batch.block_of[threads]] = expected[select]
            if barrier.vote:
                yes = threads[lanes.spread(barrier.vote(lanes))[select]]
                arrivals.votes += np.bincount(self.batch.block_of[yes], minlength=self.batch.blocks)
            if barrier.waits:
                arrivals.waiting.append(Waiting(threads, code.last, code.targets[0], barrier))
            else:
                self.enter(code.targets[0], threads)
            self.release(int(number))

    def check_alignment(self, lanes: Lanes, code: Code) -> None:
        """An aligned barrier is executed by all living threads of a warp together."""
        batch = self.batch
        if lanes.full:
            return
        total = batch.blocks * batch.warps_per_block
        here = np.bincount(batch.warp_of[lanes.threads], minlength=total)
        living = np.bincount(batch.warp_of[batch.live], minlength=total)
        wrong = np.flatnonzero((here > 0) & (here != living))
        if len(wrong):
            lane = int(np.flatnonzero(batch.warp_of[lanes.threads] == wrong[0])[0])
            message = (
                f"barrier in divergent code: {here[wrong[0]]} of the {living[wrong[0]]} threads of the warp are here"
            )
            raise self.located(DivergenceError(message, lane=lane), lanes, code)

    def release(self, number: int) -> None:
        """Lets the threads go of all blocks where everybody has arrived."""
        arrivals = self.barriers[number]
        needed = np.where(arrivals.expected > 0, arrivals.expected, self.living)
        full = (arrivals.count >= needed) & (arrivals.count > 0)
        if not full.any():
            return
        batch = self.batch
        batch.shared.pass_barrier(batch.all_threads if full.all() else np.flatnonzero(full[batch.block_of]))
        kept: list[Waiting] = []
        places: dict[int, Waiting] = {}
        mixed = any(waiting.instruction is not arrivals.waiting[0].instruction for waiting in arrivals.waiting)
        for waiting in arrivals.waiting:
            goes = full[batch.block_of[waiting.threads]]
            threads = waiting.threads if goes.all() else waiting.threads[goes]
            if len(threads):
                if mixed:
                    self.check_same_place(places, waiting, threads)
                if waiting.barrier.vote:
                    self.answer(waiting.barrier, arrivals, threads)
                self.enter(waiting.target, threads)
            if len(threads) < len(waiting.threads):
                kept.append(replace(waiting, threads=waiting.threads[~goes]))
        arrivals.waiting = kept
        arrivals.count[full] = 0
        arrivals.expected[full] = 0
        arrivals.votes[full] = 0
        if not kept and not arrivals.count.any():
            del self.barriers[number]

    def answer(self, barrier: Barrier, arrivals: Arrivals, threads: Array) -> None:
        """Gives threads that leave a bar.red the result of their block's vote."""
        counts = {"popc": arrivals.votes, "and": arrivals.votes == arrivals.count, "or": arrivals.votes > 0}
        result = counts[barrier.reduction][self.batch.block_of[threads]]
        self.batch.set_register(barrier.slot, threads, result.astype(self.batch.empty[barrier.slot].dtype))

    def check_same_place(self, places: dict[int, Waiting], waiting: Waiting, threads: Array) -> None:
        """The threads of a block must have met at one barrier instruction."""
        for block in np.unique(self.batch.block_of[threads]):
            other = places.setdefault(int(block), waiting)
            if other.instruction is not waiting.instruction:
                message = (
                    f"threads of a block met at different barriers, the other at PTX line {other.instruction.line}"
                )
                error = DivergenceError(message, line=waiting.instruction.line, text=waiting.instruction.text)
                raise error.by(*self.batch.thread_index(int(threads[0])))

    def deadlock(self) -> SimulationError:
        """Nobody can run: some threads wait at a barrier that the others will not reach."""
        batch = self.batch
        waiting = next(waiting for arrivals in self.barriers.values() for waiting in arrivals.waiting)
        block = batch.block_of[waiting.threads[0]]
        here = int((batch.block_of[waiting.threads] == block).sum())
        message = f"barrier that is never complete: {here} of {self.living[block]} threads of the block wait here"
        error = DivergenceError(message, line=waiting.instruction.line, text=waiting.instruction.text)
        return error.by(*batch.thread_index(int(waiting.threads[0])))
