"""Where quotes meet orders in options: a buy takes the ask, a sale the bid, up to what is offered there.

- Only a quote that comes after an order, in its session, can fill it: what stood before was known to it.
- Each account takes of a quote as if it were alone, and what it has taken is gone until the next quote.
- Several options at once need a quote of each since the order came. They fill by whole units, all legs in the
  same step, where the net of asks and bids is within the limit; as far as the least of the sizes reaches.
- What is halted, or whose shares are, fills nothing.

All of these are our own rules; that a multi-leg order fills as a whole is Alpaca's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from agenttrader.model.times import Instant
from agenttrader.simulation.floor import Floor
from agenttrader.simulation.orders import WORKING, Side, VenueOrder
from agenttrader.simulation.quotes import Offer, Quote
from agenttrader.simulation.sessions import Sessions


class OptionCrossing:
    """The quotes so far, and what each account has taken of them."""

    def __init__(self, floor: Floor, sessions: Sessions, is_halted: Callable[[str], bool]) -> None:
        self.floor = floor
        self.sessions = sessions
        self._is_halted = is_halted
        self._quotes = floor.books.options.quotes
        self._taken: defaultdict[str, defaultdict[tuple[str, Side], int]] = defaultdict(
            lambda: defaultdict(int)
        )

    def is_new(self, symbol: str, time: Instant) -> bool:
        """Whether a quote of this time comes after every quote of its symbol so far."""
        known = self._quotes.get(symbol)
        return known is None or time > known.time

    def see(self, symbol: str, quote: Quote, accounts: Iterable[str]) -> None:
        """Let a quote stand, and fill what it fills, for each account; the oldest order is tried first."""
        books = self.floor.books
        self._quotes[symbol] = quote
        self._taken.pop(symbol, None)
        if quote.mark is not None:
            books.marks[symbol] = quote.mark
        if not self.sessions.is_open(quote.time):
            return
        for account in accounts:
            for order in books.open_of(account, symbol):
                whole = books.orders[order.entry or order.id]
                if whole.status in WORKING and whole.eligible_from <= quote.time:
                    self._match(whole, quote.time)

    def _match(self, order: VenueOrder, time: Instant) -> None:
        legs = self.floor.books.legs_of(order) if order.is_package else (order,)
        offers = [self._offer(leg, order) for leg in legs]
        met = [offer for offer in offers if offer is not None]
        if len(met) < len(legs):
            return
        ratios = [leg.ratio or 1 for leg in legs]
        net = sum(
            offer.price * ratio * leg.side.sign for leg, offer, ratio in zip(legs, met, ratios, strict=True)
        )
        if order.limit is not None and net > order.limit * (1 if order.is_package else order.side.sign):
            return
        units = min(order.leaves, *(offer.lots // ratio for offer, ratio in zip(met, ratios, strict=True)))
        if units <= 0:
            return
        for leg, offer, ratio in zip(legs, met, ratios, strict=True):
            self._taken[leg.symbol][leg.account, leg.side] += units * ratio
            self.floor.fill(leg, units * ratio, offer.price, time, time)
        if order.is_package:
            self.floor.fill_package(order, units, net, time)

    def _offer(self, leg: VenueOrder, order: VenueOrder) -> Offer | None:
        """What is left for the account of the side that a leg meets, if quoted since the order came."""
        quote = self._quotes.get(leg.symbol)
        if quote is None or self._rests(leg.symbol):
            return None
        if quote.time <= order.accepted_at or quote.time < order.eligible_from:
            return None
        offer = quote.offer(leg.side)
        if offer is None:
            return None
        return Offer(offer.price, offer.lots - self._taken[leg.symbol][leg.account, leg.side])

    def _rests(self, symbol: str) -> bool:
        contract = self.floor.books.listings[symbol].contract
        assert contract is not None
        return self._is_halted(symbol) or self._is_halted(contract.underlying)
