"""One account's trading day: what of it has not settled, and which of its trades were day trades.

A *day trade* is an opening followed by a closing of the same symbol on the same day, however many orders each
took: so it is counted where the direction turns from opening to closing. They are counted over five days,
today included. Source: docs.alpaca.markets, "User Protection", with FINRA's examples, as it stood until June
2026; coins are not counted and settle at once.

A day lasts from the end of one trading day's last hours to the end of the next one's. What is traded on it
settles as it ends: no share trades between then and the next day, when it would (T+1).
"""

from collections import deque

from msgspec import Struct

from agenttrader.simulation.listings import Listing

DAYS_COUNTED = 5
DAY_TRADES_MAX = 3
"""The fourth makes a pattern day trader."""


class _Traded(Struct, gc=False):
    """What happened in one symbol today. What is opened today and still held has a number and a cost."""

    lots: int = 0
    opened_lots: int = 0
    opened_femtos: int = 0
    may_close: bool = False
    day_trades: int = 0


class TradingDay:
    """Today, and what the days before leave to it: equity and requirement at their end, day trades."""

    def __init__(self, equity: int) -> None:
        self.last_equity = equity
        self.last_maintenance = 0
        self.proceeds = 0
        """Femtos of today's sales, which have not settled."""
        self.paid = 0
        """Femtos of today's purchases less sales."""
        self._symbols: dict[str, _Traded] = {}
        self._days: deque[int] = deque(maxlen=DAYS_COUNTED - 1)

    def trade(self, listing: Listing, held: int, lots: int, price: int) -> None:
        """An execution of so many signed lots, where so many were held before it."""
        if listing.is_coin:
            return
        paid = listing.notional(price, lots)
        self.paid += paid
        self.proceeds += max(-paid, 0)
        traded = self._symbols.setdefault(listing.symbol, _Traded())
        traded.lots += lots
        closing = min(abs(lots), abs(held)) if held * lots < 0 else 0
        if closing:
            self._close(traded, closing)
        opening = abs(lots) - closing
        if opening:
            traded.may_close = True
            traded.opened_lots += opening
            traded.opened_femtos += listing.notional(price, opening)

    def correct(self, listing: Listing, lots: int, femtos: int, *, is_sale: bool) -> None:
        """An execution was busted or has another price: by so many lots more, and so much cash more paid.

        It settles like a trade of the day on which it is told; a day trade that was counted stays one.
        """
        if not listing.is_coin:
            self.paid += femtos
            self.proceeds -= femtos if is_sale else 0
            self._symbols.setdefault(listing.symbol, _Traded()).lots += lots

    def lots(self, symbol: str) -> int:
        """Signed lots of the symbol that were traded today: what of a holding has not settled."""
        traded = self._symbols.get(symbol)
        return traded.lots if traded else 0

    @property
    def symbols(self) -> set[str]:
        """What was traded today."""
        return set(self._symbols)

    def may_close(self, symbol: str) -> bool:
        """Whether closing now would be another day trade."""
        traded = self._symbols.get(symbol)
        return traded is not None and traded.may_close

    @property
    def opened(self) -> int:
        """Femtos that were paid for what was opened today and is still held."""
        return sum(traded.opened_femtos for traded in self._symbols.values())

    @property
    def day_trades(self) -> int:
        """Those of the last five days, today included."""
        return sum(self._days) + sum(traded.day_trades for traded in self._symbols.values())

    def end(self, equity: int, maintenance: int) -> None:
        """Turn to the next day: all has settled, and nothing of it was traded yet."""
        self._days.append(sum(traded.day_trades for traded in self._symbols.values()))
        self._symbols.clear()
        self.last_equity, self.last_maintenance = equity, maintenance
        self.proceeds = self.paid = 0

    @staticmethod
    def _close(traded: _Traded, lots: int) -> None:
        """What was opened today is closed first, and gives back what it cost."""
        if traded.may_close:
            traded.day_trades += 1
            traded.may_close = False
        of_today = min(lots, traded.opened_lots)
        if of_today:
            traded.opened_femtos -= traded.opened_femtos * of_today // traded.opened_lots
            traded.opened_lots -= of_today
