"""What is looked at every minute of a world: what was executed, what is bare, and what was lost."""

from collections.abc import Callable
from decimal import Decimal

from agenttrader.model.times import Instant
from agenttrader.testing.builders import ACCOUNT
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.ear import Ear, Heard
from agenttrader.testing.worlds.exchange_book import RESTING, ExchangeBook, book_of, equity_at
from agenttrader.testing.worlds.gateway import Gateway
from agenttrader.testing.worlds.stage import LIMITS
from agenttrader.testing.worlds.watch import Watch

_BEYOND = Decimal("1.2")
"""How far beyond its limit a loss must be to be beyond doubt: prices are told at different times."""
_STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
_HELD = frozenset({"held", *RESTING})
_BARE_LOOKS = LIMITS.account.unprotected_seconds_max // 60 + 6
"""How often something may be seen bare before somebody must say so: the limit, and a comparison more."""


class Vigil:
    """Looks once a minute."""

    def __init__(self, watch: Watch, ear: Ear, venue: Callable[[], VenueCalls]) -> None:
        self._watch, self._ear, self._venue = watch, ear, venue
        self._bare: dict[str, tuple[int, Instant]] = {}
        """How often each symbol was seen bare in a row, while a gateway was told the time; since when."""
        self._gateway: Gateway | None = None
        self._told = Instant(0)
        self._day, self._opening = "", Decimal(0)
        self._lost: Instant | None = None

    def look(self, gateway: Gateway | None) -> None:
        """A minute is over."""
        self._watch.read_news()
        for heard in self._ear.news():
            self._judge(heard)
        if gateway is not self._gateway:
            self._gateway = gateway
            self._bare.clear()
        if gateway is not None and self._watch.told_time != self._told:
            before, self._told = self._told, self._watch.told_time
            self._judge_loss()
            self._judge_bare(book_of(self._venue(), ACCOUNT), before)

    def _judge_loss(self) -> None:
        """What the day has lost by the exchange's own word; it counts when it has stood for a minute."""
        self._watch.looked["the day's loss"] += 1
        equity = equity_at(self._venue(), ACCOUNT)
        if self._day != self._watch.day:
            self._day, self._opening, self._lost = self._watch.day, equity, None
            self._watch.lost_since = None
        is_lost = equity < self._opening - LIMITS.account.daily_loss_max * _BEYOND
        self._watch.lost_since = self._lost if is_lost and not self._watch.is_disturbed else None
        self._lost = self._told if is_lost else None

    def _judge(self, heard: Heard) -> None:
        """Only an order that opens makes a position larger, or turns it round."""
        self._watch.looked["exits only reduce"] += 1
        sent = self._watch.sent.get(heard.client_order_id)
        opens = sent is not None and sent.opens
        if heard.grows and not opens and not self._watch.is_disturbed:
            what = "a protective leg" if sent is None else "an order that was to reduce"
            self._watch.find(
                f"{heard.symbol}: {what} made {heard.after} of a position of {heard.before}, which only an "
                "entry may"
            )

    def _judge_bare(self, book: ExchangeBook, before: Instant) -> None:
        """What no stop protects for long is told as a break, by whoever has been there to see it.

        `before` is the time of the last look: since then, or earlier, it is bare.
        """
        self._watch.looked["bare is told"] += 1
        for symbol in self._watch.prices:
            held = book.positions.get(symbol, Decimal(0))
            stops = sum(
                (
                    each.remaining
                    for each in book.orders
                    if each.symbol == symbol
                    and each.type in _STOPS
                    and each.sign * held < 0
                    and each.status in _HELD
                ),
                Decimal(0),
            )
            if stops >= abs(held):
                self._bare.pop(symbol, None)
                continue
            looks, since = self._bare.get(symbol, (0, before))
            self._bare[symbol] = (looks + 1, since)
            if looks > _BARE_LOOKS and not self._is_told(since):
                self._watch.find(f"{symbol}: {held} held and {stops} protected, and nobody says so")

    def _is_told(self, since: Instant) -> bool:
        """Whether a break or a halt is on record since then."""
        return any(
            row.kind.startswith(("break_found.", "halted.", "reconciled."))
            and row.time >= since
            and (not row.kind.startswith("reconciled.") or row.said["breaks"])
            for row in self._watch.witness.rows()
        )
