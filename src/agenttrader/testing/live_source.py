"""What a real market would tell now of one symbol, for a server that stands in for Alpaca's stream."""

from collections.abc import Callable
from decimal import Decimal

from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus
from agenttrader.model.times import MINUTE, SECOND, Instant


class LiveSource:
    """Says what a test has it say, as of `now`, to whoever hears its broadcast."""

    def __init__(self, now: Callable[[], Instant], symbol: Symbol) -> None:
        self.broadcast = Broadcast()
        self._now = now
        self._symbol = symbol

    def bar(self, close: int, *, ended_seconds_ago: int = 0) -> None:
        """A minute that has just ended."""
        start = Instant(self._now() - MINUTE - ended_seconds_ago * SECOND)
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(close))
        self.broadcast.publish(
            Bar(symbol=self._symbol, start=start, interval=MINUTE, volume=Decimal(7), **prices)
        )

    def status(self, status: TradingStatus) -> None:
        """The exchange halts the symbol, or lets it trade."""
        told = StatusChange(symbol=self._symbol, time=self._now(), status=status, reason="so it is said")
        self.broadcast.publish(told)
