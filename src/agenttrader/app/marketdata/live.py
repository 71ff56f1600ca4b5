"""What is told of a real market as it happens, made into what a day is told as: statuses, bars, watermarks.

A source such as Alpaca's stream says no watermarks, and what happens while it is not heard it does not tell
later. So time is this machine's, some seconds behind, in which a minute's bar must have come; and of a symbol
nobody knows whether it trades until a whole minute of it has been heard: a bar of a minute that began after
the stream stood, with no halt told since, says that it does. What comes later than its time, or from the
future, is no price of now and is passed over, and counted.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec import Struct, structs

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, Told, TradingStatus, Watermark
from agenttrader.model.times import SECOND, Duration, Instant

BEHIND = Duration(2 * SECOND)
"""How far the watermark lies behind this machine's clock: so late may a bar come."""
AHEAD_MAX = Duration(SECOND)
"""A bar that ends further ahead of this machine's clock is bad data, or the clock is wrong."""
SEEN = "a whole minute of it was heard, and no halt"
"""Why a symbol is said to trade of which no status was told."""


class PassedOver(Struct):
    """How many bars were no prices of now."""

    late: int = 0
    ahead: int = 0


class LiveMarket:
    """Makes what the source tells into what is told here; `tell` takes it, in order."""

    def __init__(self, tell: Callable[[Told], None]) -> None:
        self.passed_over = PassedOver()
        self._tell = tell
        self._known: set[Symbol] = set()
        """Of which it is known, since the stream stands, whether they trade."""
        self._stands_since: Instant | None = None
        self._reached: Instant | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the source is heard."""
        return self._stands_since is not None

    def link(self, *, up: bool, now: Instant) -> None:
        """The source is heard from now on, or no more: what was known of halts may not be so."""
        self._stands_since = now if up else None
        self._known.clear()

    def receive(self, event: MarketEvent, now: Instant) -> None:
        """The source said this."""
        match event:
            case Bar():
                self._receive_bar(event, now)
            case StatusChange():
                self._known.add(event.symbol)
                self._tell(structs.replace(event, time=self._news_time(event.time, now)))
            case Watermark():
                pass  # Time is this machine's.
            case _:
                assert_never(event)

    def tick(self, now: Instant) -> None:
        """Time goes on; where the clock was put back, it stands."""
        reached = Instant(now - BEHIND)
        if self._reached is None or reached > self._reached:
            self._reached = reached
            self._tell(Watermark(time=reached))

    def _receive_bar(self, bar: Bar, now: Instant) -> None:
        if self._reached is not None and bar.end <= self._reached:
            self.passed_over.late += 1
            return
        if bar.end > now + AHEAD_MAX:
            self.passed_over.ahead += 1
            return
        stands = self._stands_since
        if bar.symbol not in self._known and stands is not None and bar.start >= stands:
            self._known.add(bar.symbol)
            time = self._news_time(bar.end, now)
            status = TradingStatus.TRADING
            self._tell(StatusChange(symbol=bar.symbol, time=time, status=status, reason=SEEN))
        self._tell(bar)

    def _news_time(self, said: Instant, now: Instant) -> Instant:
        """Its own time, but never one that was told whole already, nor one to come: no halt is missed."""
        earliest = said if self._reached is None else max(said, Instant(self._reached + 1))
        return min(earliest, max(now, Instant((self._reached or 0) + 1)))
