"""In which order the engine sees what several sources say: as it arrives, or by the data's own time.

Live runs by `arrival`. A paced replay against the simulated venue runs by `watermark`, so that the same day
gives the same orders however fast the processes are: any interleaving of the sources with the same watermarks
is released in one order.
"""

from collections.abc import Iterator
from enum import Enum
from heapq import heappop, heappush
from typing import Generic, TypeVar

from agenttrader.model.times import Instant

T = TypeVar("T")


class Source(Enum):
    """Who speaks; at equal data times the lower rank is heard first."""

    MARKET_DATA = "market_data"
    BROKER = "broker"

    @property
    def rank(self) -> int:
        """0 for market data, 1 for the broker."""
        return 0 if self is Source.MARKET_DATA else 1


class ArrivalInbox(Generic[T]):
    """Releases everything at once. Time goes by the market data, as the wall clock would go by itself."""

    held = 0
    """Nothing waits here."""

    def __init__(self) -> None:
        self.reached: Instant | None = None

    def offer(self, source: Source, item: T, time: Instant) -> Iterator[T]:  # noqa: ARG002 - the policies share one shape
        """`item`, at once."""
        yield item

    def watermark(self, source: Source, time: Instant) -> Iterator[T | Instant]:
        """The market data's time, if it moved."""
        if source is Source.MARKET_DATA and (self.reached is None or time > self.reached):
            self.reached = time
            yield time

    def is_behind(self, time: Instant) -> bool:  # noqa: ARG002 - the policies share one shape
        """Whether what is told of `time` waits here: it never does."""
        return False


class WatermarkInbox(Generic[T]):
    """Holds what is ahead of the slowest source, and releases it in one order.

    That is by data time, rank of the source, and order of arrival in its source. What lies at or before the
    time already reached is an answer to something done at that time; it is released at once.
    """

    def __init__(self) -> None:
        self._marks: dict[Source, Instant] = {}
        self._held: list[tuple[Instant, int, int, T]] = []
        self._sequence = 0
        self.reached: Instant | None = None

    @property
    def held(self) -> int:
        """How many items wait for their time."""
        return len(self._held)

    def offer(self, source: Source, item: T, time: Instant) -> Iterator[T]:
        """`item` if its time has been reached; otherwise nothing yet."""
        if self.reached is not None and time <= self.reached:
            yield item
            return
        self._sequence += 1
        heappush(self._held, (time, source.rank, self._sequence, item))

    def watermark(self, source: Source, time: Instant) -> Iterator[T | Instant]:
        """What is let go by `source` having told all up to `time`, then the time that all sources reached."""
        self._marks[source] = max(time, self._marks.get(source, time))
        reached = min(self._marks.values())
        if len(self._marks) == len(Source) and (self.reached is None or reached > self.reached):
            self.reached = reached
            while self._held and self._held[0][0] <= reached:
                yield heappop(self._held)[3]
            yield reached

    def is_behind(self, time: Instant) -> bool:
        """Whether what is told of `time` waits here until that time is reached."""
        return self.reached is None or self.reached < time


Inbox = ArrivalInbox[T] | WatermarkInbox[T]
