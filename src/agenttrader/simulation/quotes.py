"""Quotes of options: what the market says, and the same in a listing's integers.

Whole contracts are offered; a side without a price or without a size is empty. A quote whose bid is above its
ask is no quote: it is refused, and the one before it stands. Our own rules.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import Side


class QuoteSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="quote"):
    """At `time` an option could be sold at `bid` and bought at `ask`, so many of it; a side may lack."""

    symbol: str
    time: Instant
    bid: Decimal | None = None
    bid_size: Decimal = Decimal(0)
    ask: Decimal | None = None
    ask_size: Decimal = Decimal(0)


class Offer(Struct, frozen=True, gc=False):
    """One side: a price in units, and how many lots there are at it."""

    price: int
    lots: int


class Quote(Struct, frozen=True, gc=False):
    """Both sides; one that is empty is None."""

    time: Instant
    bid: Offer | None
    ask: Offer | None

    def offer(self, side: Side) -> Offer | None:
        """What an order of this side meets: to buy the ask, to sell the bid."""
        return self.ask if side is Side.BUY else self.bid

    @property
    def mark(self) -> int | None:
        """What a contract is worth: between both sides, where an empty bid is nothing; else the bid."""
        if self.ask is None:
            return None if self.bid is None else self.bid.price
        return ((0 if self.bid is None else self.bid.price) + self.ask.price) // 2


def quote_of(seen: QuoteSeen, listing: Listing) -> Quote:
    """The quote in its listing's integers. Raises BadValue for prices and sizes that cannot be."""
    bid = _offer(listing, seen.bid, seen.bid_size, "bid")
    ask = _offer(listing, seen.ask, seen.ask_size, "ask")
    if bid is not None and ask is not None and bid.price > ask.price:
        raise BadValue(f"{seen.symbol}: expected a bid of at most the ask, found {seen.bid} and {seen.ask}")
    return Quote(seen.time, bid, ask)


def _offer(listing: Listing, price: Decimal | None, size: Decimal, name: str) -> Offer | None:
    if size == 0 or price is None:
        return None
    lots = listing.order_lots(size, f"{listing.symbol}, {name}_size")
    return Offer(listing.units(price, name), lots)
