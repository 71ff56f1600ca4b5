"""The sentinel: when the gateway has been silent for too long, it is fenced off and its entries are canceled.

Silence is a heartbeat that nobody answers, or one that tells of work that does not move. The fence comes
first, so that a gateway that wakes up sends nothing. Protection is left where it rests. Whatever could not be
done is done again, until it is; a gateway that answers again is watched as before.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct

from agenttrader.app.kill.report import KillReport
from agenttrader.app.kill.wish import Wish
from agenttrader.model.times import SECOND, Duration

POLL_SECONDS = 0.25
AGAIN_SECONDS = 5.0
"""How long one attempt to cancel goes on, and the pause before the next."""
ENTRIES = Wish(cancel_orders=True)

logger = structlog.get_logger()


class Beat(Struct, frozen=True):
    """An answer to /heartbeat."""

    turns: int
    at_work: bool


class Silence:
    """For how long the gateway has shown no life. Pure but for what it remembers."""

    def __init__(self, now: Duration) -> None:
        self._alive = now
        self._turns = -1

    def after(self, beat: Beat | None, now: Duration) -> Duration:
        """The silence at `now`, when `beat` was the answer, or None came."""
        if beat is not None and not (beat.at_work and beat.turns == self._turns):
            self._alive = now
        self._turns = -1 if beat is None else beat.turns
        return Duration(now - self._alive)


class Sentinel:
    """Watches one gateway."""

    def __init__(
        self,
        *,
        ask: Callable[[], Awaitable[Beat | None]],
        stop: Callable[[Wish, int], Awaitable[KillReport]],
        elapsed: Callable[[], Duration],
        silence_seconds_max: int,
    ) -> None:
        """`stop` fences the gateway off and does what a wish says, for so many seconds."""
        self._ask = ask
        self._stop = stop
        self._elapsed = elapsed
        self._max = Duration(silence_seconds_max * SECOND)
        self.acted: KillReport | None = None
        """What was done in the silence that lasts; None while the gateway lives."""

    async def watch(self) -> None:
        """Watch until canceled."""
        silence = Silence(self._elapsed())
        while True:
            silent = silence.after(await self._ask(), self._elapsed())
            if silent < POLL_SECONDS * SECOND:
                self.acted = None
            elif silent >= self._max and not (self.acted and self.acted.is_done):
                await self._act(silent)
            await asyncio.sleep(POLL_SECONDS)

    async def _act(self, silent: Duration) -> None:
        logger.error("gateway_silent", seconds=silent // SECOND)
        self.acted = await self._stop(ENTRIES, int(AGAIN_SECONDS))
        for line in self.acted.lines():
            logger.error("sentinel_acted", said=line)
        if not self.acted.is_done:
            await asyncio.sleep(AGAIN_SECONDS)
