"""The last word of the market data on each symbol.

It is not journalled: decisions embed what they used of it.
"""

from decimal import Decimal

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Mark, StatusChange, TradingStatus
from agenttrader.model.times import Instant
from agenttrader.runtime.price_moves import PriceMoves


class MarketView:
    """Marks and exchange statuses by symbol. What has not been seen is absent, never assumed."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.marks: dict[Symbol, Mark] = {}
        self.prices: dict[Symbol, Decimal] = {}
        self.statuses: dict[Symbol, TradingStatus] = {}
        self.began: dict[Symbol, Decimal] = {}
        """Where each symbol's day began: at the last price before it, else at the first that was seen."""
        self.moves = PriceMoves()
        self.heard: dict[Symbol, Instant] = {}
        """When anything was told of each symbol last, by the data's time."""

    def see(self, event: Bar | StatusChange) -> None:
        """Take a bar's close as the mark, or a symbol's new status.

        An older bar than the mark changes nothing.
        """
        time = event.time if isinstance(event, StatusChange) else event.end
        self.heard[event.symbol] = max(time, self.heard.get(event.symbol, time))
        if isinstance(event, StatusChange):
            self.statuses[event.symbol] = event.status
            return
        mark = self.marks.get(event.symbol)
        if mark is None or event.end > mark.time:
            mark = Mark(price=event.close, time=event.end, source=self._source)
            self.marks[event.symbol] = mark
            self.moves.see(event.symbol, mark)
            self.prices[event.symbol] = event.close
            self.began.setdefault(event.symbol, event.close)
            # A symbol that prints a bar trades, unless the exchange said otherwise.
            self.statuses.setdefault(event.symbol, TradingStatus.TRADING)

    def begin_day(self) -> None:
        """Let the day of every symbol begin at its last price."""
        self.began.update(self.prices)

    def forget(self, symbol: Symbol) -> None:
        """Drop the mark: after a split it is the price of another share. None is known until the next bar."""
        self.marks.pop(symbol, None)
        self.prices.pop(symbol, None)
        self.moves.forget(symbol)
        self.began.pop(symbol, None)
