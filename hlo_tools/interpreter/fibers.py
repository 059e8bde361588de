"""Computations that take turns: one runs until it has to wait for another, then the next one goes on.

They live in threads of their own, but only ever one of them runs, and which one follows which is always the same: so
they may share data without locks, a run can be repeated, and when all of them wait that is known at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class AllWait(Exception):
    """Nobody can go on: every fiber waits for another."""


class _Ended(BaseException):
    """Unwinds a fiber whose run has been given up."""


class Promise:
    """A value that some fiber will provide."""

    __slots__ = ("done", "value", "waiting")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.waiting: list[_Fiber] = []


class _Fiber:
    """The right to run is handed on by releasing the semaphore of the next one."""

    __slots__ = ("turn", "waits_for")

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.waits_for: Any = None


class Fibers:
    """A set of fibers; the thread that calls `run` is the first one."""

    def __init__(self) -> None:
        self._current = self._first = _Fiber()
        self._alive: dict[_Fiber, None] = {}
        self._ready: deque[_Fiber] = deque()
        self._failure: BaseException | None = None
        self._over = False

    def run(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """The results of all tasks. Raises what the first task to fail raises, AllWait when none can go on."""
        self._alive[self._first] = None
        try:
            others = [self.start(task) for task in tasks[1:]]
            return [tasks[0](), *map(self.wait, others)]
        finally:
            self._over = True
            for fiber in tuple(self._alive):
                fiber.turn.release()

    def start(self, task: Callable[[], Any]) -> Promise:
        """Another fiber, which gets its turn when one waits."""
        fiber, promise = _Fiber(), Promise()
        self._alive[fiber] = None
        self._ready.append(fiber)
        threading.Thread(target=self._live, args=(fiber, task, promise), daemon=True).start()
        return promise

    def wait(self, promise: Promise, about: Any = None) -> Any:
        """The value of `promise`; others run until it is there. `about` says why, should nothing go on any more."""
        fiber = self._current
        while not promise.done:
            promise.waiting.append(fiber)
            fiber.waits_for = about
            self._hand_on()
            self._sleep(fiber)
            fiber.waits_for = None
        return promise.value

    def keep(self, promise: Promise, value: Any) -> None:
        """Give a promise its value; who waits for it may go on."""
        promise.done, promise.value = True, value
        self._ready.extend(promise.waiting)
        promise.waiting.clear()

    def standing(self) -> list[Any]:
        """What the fibers wait for that have said so, in the order of their start."""
        return [fiber.waits_for for fiber in self._alive if fiber.waits_for is not None]

    def _live(self, fiber: _Fiber, task: Callable[[], Any], promise: Promise) -> None:
        try:
            self._sleep(fiber)
            with np.errstate(all="ignore"):
                value = task()
        except _Ended:
            return
        except BaseException as failure:
            self._fail(failure)
            return
        del self._alive[fiber]
        self.keep(promise, value)
        self._hand_on()

    def _sleep(self, fiber: _Fiber) -> None:
        fiber.turn.acquire()
        if fiber is self._first and self._failure is not None:
            raise self._failure
        if self._over:
            raise _Ended

    def _hand_on(self) -> None:
        if self._ready:
            self._current = self._ready.popleft()
            self._current.turn.release()
        else:
            self._fail(AllWait())

    def _fail(self, failure: BaseException) -> None:
        """Let the first fiber raise `failure`."""
        if not self._over:
            self._failure = failure
            self._current = self._first
            self._first.turn.release()
