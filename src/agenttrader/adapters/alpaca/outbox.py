"""A lane of requests that leave in the order in which they were put, without waiting for ever on one another.

Each request leaves after the bytes of the one before it have left. As long as answers come within
`patience_seconds`, it also waits for that answer, so that the broker sees the orders in our order. One answer
that is slower stops nobody: from then on, until it has come, the others leave as they are put. So an order
that reduces risk waits at most once for an order that hangs, and requests of another kind (cancels) have a
lane of their own.

While the broker's rate limit leaves no room for an entry, what is urgent goes before it (`allowance`). A part
of the lane is kept for what is urgent, too: entries that wait never fill it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from agenttrader.adapters.alpaca.allowance import Allowance, Urgency

PATIENCE_SECONDS = 0.5
LOOK_AGAIN_SECONDS = 0.25
"""How long to wait at most before the allowance is asked again: an answer may have moved it."""
KEPT_PERCENT = 25
"""How much of a lane is for what is urgent alone."""

Job = Callable[[asyncio.Event], Awaitable[None]]
"""Sends one request; sets the event when its bytes leave. It answers for its own errors."""


class Outbox:
    """One lane, of at most `capacity` requests that wait or whose answer is awaited."""

    def __init__(
        self, capacity: int, allowance: Allowance, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._capacity = capacity
        self._allowance = allowance
        self._patience_seconds = patience_seconds
        self._waiting: deque[tuple[Urgency, Job]] = deque()
        self._arrived = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def put(self, job: Job, urgency: Urgency = Urgency.URGENT) -> bool:
        """Take the request, or say False where the lane is full: the request has not left and will not."""
        kept = 0 if urgency is Urgency.URGENT else self._capacity * KEPT_PERCENT // 100
        if len(self) >= self._capacity - kept:
            return False
        self._waiting.append((urgency, job))
        self._arrived.set()
        return True

    async def run(self) -> None:
        """Carry requests until canceled. What was under way is then abandoned: nobody knows its outcome."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._carry(await self._next(), group)

    async def _next(self) -> Job:
        """The first in line that may leave, counted as leaving."""
        while True:
            self._arrived.clear()
            waits = {urgency: self._allowance.wait_seconds(urgency) for urgency, _ in self._waiting}
            for place, (urgency, job) in enumerate(self._waiting):
                if waits[urgency] == 0:
                    del self._waiting[place]
                    self._allowance.take()
                    return job
            soon = min((LOOK_AGAIN_SECONDS, *waits.values())) if waits else None
            with suppress(TimeoutError):
                async with asyncio.timeout(soon):
                    await self._arrived.wait()

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
