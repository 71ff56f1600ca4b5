"""Time, threads and processes of a world: an event loop that leaps, and processes that can be killed in it.

Nothing waits here: where everybody waits, time goes on to whoever is due next, so that a day takes as long as
its work. A thread's work is done in the loop, after as long as it would take. A process is a set of tasks;
when it is killed nothing of it goes on: its tasks are gone, and what its threads had not begun is never done.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar, copy_context
from typing import Any, TypeAlias, TypeVar

THREAD_SECONDS = 0.001
"""How long work in a thread takes where nothing slows it."""
TURNS_MAX = 500_000
"""More turns than any world takes: what turns more often will not end."""
_RESOLUTION_SECONDS = 1e-9

Seconds: TypeAlias = "float"
"""Of the time of a world, since it began."""
_T = TypeVar("_T")


class PowerCut(BaseException):
    """The process ends here and now. Nobody may take this, and nobody is left to."""


class Process:
    """Whatever runs in one process of the world."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.failures: list[BaseException] = []
        """What its tasks ended with that nobody took."""
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task of this process, and of whatever that begins."""
        context = copy_context()
        context.run(CURRENT.set, self)
        task = asyncio.get_running_loop().create_task(work, context=context)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        if self.is_dead:
            task.cancel()
        return task

    def kill(self) -> None:
        """End without a word: from now on nothing of it reaches disk or network."""
        self.is_dead = True
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.is_dead:
            self.failures.append(error)


CURRENT: ContextVar[Process | None] = ContextVar("process", default=None)
"""Whose task is running; None of who belongs to no process, as the market and the script."""


class _Leaps:
    """What the loop believes to be a selector: it waits by moving the time."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        self._turns = 0

    def select(self, timeout_seconds: float | None) -> Sequence[object]:
        assert timeout_seconds is not None, "everybody waits, and for nothing that will come"
        self._turns += 1
        assert self._turns < TURNS_MAX, f"something goes round and round, at {self.now_seconds:.3f} s"
        self.now_seconds += max(timeout_seconds, 0.0)
        return ()


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop whose time stands still while anything runs, and leaps where nothing does."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Leaps()
        self._clock_resolution = _RESOLUTION_SECONDS
        self.set_exception_handler(_report)
        self.slowness_seconds = 0.0
        """What work in a thread takes longer; the journal is written in one."""

    def time(self) -> Seconds:
        """Seconds since the world began."""
        return self._selector.now_seconds

    def hurry(self) -> None:
        """Threads are as fast as ever."""
        self.slowness_seconds = 0.0

    def run_in_executor(  # type: ignore[override]  # the library's own takes any types at all
        self, _: object, func: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        """Do it when a thread would have, whoever still waits for it: unless its process is dead by then."""
        process, seconds = CURRENT.get(), THREAD_SECONDS + self.slowness_seconds

        async def work() -> _T:
            await asyncio.sleep(seconds)
            if process is not None and process.is_dead:
                raise PowerCut
            return func(*args)

        task = self.create_task(work())
        task.add_done_callback(_taken)
        return asyncio.shield(task)

    def _process_events(self, events: Sequence[object]) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to wake a loop that never sleeps."""


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody took is told, but for a power cut."""
    if not isinstance(context.get("exception"), PowerCut):
        loop.default_exception_handler(context)


def _taken(task: asyncio.Task[Any]) -> None:
    """What a thread ended with is heard here: nobody may be left to."""
    if not task.cancelled():
        task.exception()
