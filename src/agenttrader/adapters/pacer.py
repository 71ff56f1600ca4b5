"""A day told minute by minute, never faster than everybody who must act on it can follow.

Whether it was generated or recorded makes no difference here. The first watermark is the session's open. For
each minute come the statuses up to it, the bars that end with it, then its watermark. The next minute is
released when every participant of the barrier has settled this one, and not before the pace allows. What all
participants have settled already is history and is released without pause: so a pacer that starts anew in
mid-day goes on where the slowest of them stands.

A participant that does not settle holds the day. The pacer says so, in its log and to who asks, and waits:
ending a wedged day is the supervisor's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest
from agenttrader.model.market import Told, Watermark
from agenttrader.model.times import SECOND, Duration, Instant, rfc3339
from agenttrader.ports.clock import BootClock
from agenttrader.simulation.days import Day, Moment

PATIENCE_SECONDS = 10
"""After so long without progress the log names whom the day waits for, and again after as long."""

logger = structlog.get_logger()


class Pace(Struct, frozen=True, kw_only=True):
    """Where the day stands, for an operator; times are RFC 3339."""

    feed: str
    notice: str
    session: str
    open: str
    close: str
    origin: str
    """The seed or the file that the day was made from."""
    digest: Digest
    """The whole day's."""
    speed: int | str
    watermark: str | None
    settled: dict[str, str | None]
    waiting_for: tuple[str, ...]
    waiting_seconds: int
    """Since the last minute was released."""
    finished: bool
    """The close has been released, and every participant has settled it."""


class Pacer:
    """Plays `day` for the named `participants`, at most `speed` minutes a second; None is without bound."""

    def __init__(
        self,
        day: Day,
        participants: Iterable[str],
        speed: int | None,
        clock: BootClock,
        *,
        sleep_seconds: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._day = day
        self._speed = speed
        self._clock = clock
        self._sleep = sleep_seconds
        self._patience_seconds = patience_seconds
        self._settled: dict[str, Instant | None] = dict.fromkeys(sorted(participants))
        self._progress = asyncio.Event()
        self._released: Moment | None = None
        self._released_at = clock.elapsed()

    async def follow(self, receive: Callable[[Told], None], link: Callable[[bool, str], None]) -> None:
        """Play the day to its end, as a `Feed` does; returns when every participant has settled the close.

        Where quotes were recorded they are told too, which no `Feed` does.
        """
        reason = f"{self._day.notice}; {self._day.origin}, session {self._day.session.date}"
        link(True, reason)  # noqa: FBT003 - the port's shape
        for moment in self._day.moments:
            if self._released is not None:
                await self._until_settled(self._released.time)
                if not self._is_settled(moment.time):
                    await self._until_due()
            self._release(moment, receive)
        await self._until_settled(self._day.session.close)
        day = self._day
        logger.info("day_finished", session=day.session.date, feed=day.feed, digest=day.digest)

    def settle(self, participant: str, time: Instant) -> None:
        """`participant` has acted on everything up to `time`. An earlier time than before changes nothing.

        Raises BadValue for who is no participant and for a time outside the session.
        """
        if participant not in self._settled:
            expected = ", ".join(self._settled) or "nobody, for no participant is configured"
            raise BadValue(f"participant: expected one of {expected}, found {participant!r}")
        session = self._day.session
        if not session.open <= time <= session.close:
            raise BadValue(
                f"settled: expected a time from {rfc3339(session.open)} to {rfc3339(session.close)}, "
                f"found {rfc3339(time)}"
            )
        before = self._settled[participant]
        if before is None or time > before:
            self._settled[participant] = time
            self._progress.set()

    def pace(self) -> Pace:
        """Where the day stands now."""
        session, released = self._day.session, self._released
        waiting_for = () if released is None else self._behind(released.time)
        waited = self._clock.elapsed() - self._released_at if waiting_for else 0
        return Pace(
            feed=self._day.feed,
            notice=self._day.notice,
            session=session.date,
            open=rfc3339(session.open),
            close=rfc3339(session.close),
            origin=self._day.origin,
            digest=self._day.digest,
            speed="max" if self._speed is None else self._speed,
            watermark=None if released is None else rfc3339(released.time),
            settled={name: None if time is None else rfc3339(time) for name, time in self._settled.items()},
            waiting_for=waiting_for,
            waiting_seconds=waited // SECOND,
            finished=released is not None and released.time == session.close and not waiting_for,
        )

    def _release(self, moment: Moment, receive: Callable[[Told], None]) -> None:
        told: tuple[Told, ...] = (
            *moment.statuses,
            *moment.quotes,
            *moment.bars,
            Watermark(time=moment.time),
        )
        for event in told:
            receive(event)
        self._released = moment
        self._released_at = self._clock.elapsed()

    async def _until_settled(self, time: Instant) -> None:
        while behind := self._behind(time):
            self._progress.clear()
            try:
                async with asyncio.timeout(self._patience_seconds):
                    await self._progress.wait()
            except TimeoutError:
                logger.warning("day_waits", watermark=rfc3339(time), waiting_for=behind)

    async def _until_due(self) -> None:
        if self._speed is None:
            # Others get their turn, even where everybody settles at once.
            await self._sleep(0)
            return
        due = self._released_at + SECOND // self._speed
        while (left := Duration(due - self._clock.elapsed())) > 0:
            await self._sleep(left / SECOND)

    def _behind(self, time: Instant) -> tuple[str, ...]:
        """Who has not settled `time` yet."""
        return tuple(name for name, settled in self._settled.items() if settled is None or settled < time)

    def _is_settled(self, time: Instant) -> bool:
        return bool(self._settled) and not self._behind(time)
