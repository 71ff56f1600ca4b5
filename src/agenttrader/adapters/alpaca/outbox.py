"""A lane of requests that leave in the order in which they were put, without waiting for ever on one another.

Each request leaves after the bytes of the one before it have left. As long as answers come within
`patience_seconds`, it also waits for that answer, so that the broker sees the orders in our order. One answer
that is slower stops nobody: from then on, until it has come, the others leave as they are put. So an order
that reduces risk waits at most once for an order that hangs, and requests of another kind (cancels) have a
lane of their own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 0.5

Job = Callable[[asyncio.Event], Awaitable[None]]
"""Sends one request; sets the event when its bytes leave. It answers for its own errors."""


class Outbox:
    """One lane, of at most `capacity` requests that wait or whose answer is awaited."""

    def __init__(self, capacity: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._capacity = capacity
        self._patience_seconds = patience_seconds
        self._waiting: deque[Job] = deque()
        self._arrived = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def put(self, job: Job) -> bool:
        """Take the request, or say False where the lane is full: the request has not left and will not."""
        if len(self) >= self._capacity:
            return False
        self._waiting.append(job)
        self._arrived.set()
        return True

    async def run(self) -> None:
        """Carry requests until canceled. What was under way is then abandoned: nobody knows its outcome."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._arrived.wait()
                while self._waiting:
                    await self._carry(self._waiting.popleft(), group)
                self._arrived.clear()

    async def _carry(self, job: Job, group: asyncio.TaskGroup) -> None:
        departed = asyncio.Event()
        task = group.create_task(_run(job, departed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await departed.wait()
        if self._under_way == {task}:
            await asyncio.wait({task}, timeout=self._patience_seconds)


async def _run(job: Job, departed: asyncio.Event) -> None:
    try:
        await job(departed)
    finally:
        departed.set()
