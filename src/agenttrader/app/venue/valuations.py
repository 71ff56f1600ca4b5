"""What each account was worth as time went by: at every watermark of late, and at every session's close.

Read off the exchange after each input, so a venue that reads its log again has the same past. Amounts are
femtos, the exchange's own.
"""

from bisect import bisect_right
from itertools import islice

from msgspec import Struct

from agenttrader.model.times import Instant
from agenttrader.simulation.corporate_actions import ratio_of
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen, Session
from agenttrader.simulation.listings import round_half_even

POINTS_MAX = 30 * 24 * 60
"""Minutes of the thirty days for which Alpaca tells a history finer than by days."""


class Close(Struct, frozen=True, kw_only=True):
    """How a session ended for an account: its worth, the last price of each symbol in units, its holdings.

    Prices and holdings are those of today's shares, the worth is what it was.
    """

    date: str
    equity: int
    marks: dict[str, int]
    lots: dict[str, int]


class Valuations:
    """The past of every account of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        accounts = exchange.accounts
        self.first = {name: exchange.books.equity(name) for name in accounts}
        """What each began with."""
        self.closes: dict[str, list[Close]] = {name: [] for name in accounts}
        self._times: list[Instant] = []
        self._equities: dict[str, list[int]] = {name: [] for name in accounts}
        self._closed = 0

    def observe(self, exchange: Exchange) -> None:
        """Write down how things stand, if a watermark has passed since it was last done."""
        watermark = exchange.watermark
        if watermark is None or (self._times and watermark <= self._times[-1]):
            return
        self._times.append(watermark)
        for name, equities in self._equities.items():
            equities.append(exchange.books.equity(name))
        if len(self._times) > 2 * POINTS_MAX:
            del self._times[:POINTS_MAX]
            for equities in self._equities.values():
                del equities[:POINTS_MAX]
        for session in islice(exchange.settings.sessions, self._closed, None):
            if session.close > watermark:
                break
            self._closed += 1
            for name in self.closes:
                self.closes[name].append(_close(exchange, name, session))

    def restate(self, action: CorporateActionSeen) -> None:
        """After a split, what was held at the closes before, and at which price, is told in new shares."""
        if action.kind is not CorporateActionKind.SPLIT:
            return
        new, old = ratio_of(action.new_rate, action.old_rate)
        for closes in self.closes.values():
            for close in closes:
                if action.symbol in close.marks:
                    close.marks[action.symbol] = round_half_even(close.marks[action.symbol] * old, new)
                if action.symbol in close.lots:
                    close.lots[action.symbol] = close.lots[action.symbol] * new // old

    def equity_at(self, account: str, time: Instant) -> int:
        """What the account was worth when the last watermark up to `time` had passed."""
        place = bisect_right(self._times, time)
        return self._equities[account][place - 1] if place else self.first[account]

    def close_before(self, account: str, date: str) -> Close | None:
        """How the last session before a date ended; None where the venue knew none."""
        return next((close for close in reversed(self.closes[account]) if close.date < date), None)


def _close(exchange: Exchange, account: str, session: Session) -> Close:
    ledger = exchange.books.ledger
    return Close(
        date=session.date,
        equity=exchange.equity_at_close[account],
        marks=dict(exchange.books.marks),
        lots={symbol: ledger.lots(account, symbol) for symbol in ledger.symbols(account)},
    )
