"""Quotes of options: what the market says, the same in a listing's integers, and what rule may make them.

Whole contracts are offered; a side without a price or without a size is empty. A quote whose bid is above its
ask is no quote: it is refused, and the one before it stands. Our own rules.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import cached_property

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.model.values import exact
from agenttrader.simulation.listings import BILLION, Listing
from agenttrader.simulation.orders import Side


class QuoteSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="quote"):
    """At `time` an option could be sold at `bid` and bought at `ask`, so many of it; a side may lack."""

    symbol: str
    time: Instant
    bid: Decimal | None = None
    bid_size: Decimal = Decimal(0)
    ask: Decimal | None = None
    ask_size: Decimal = Decimal(0)


VOLATILITY_MAX = 10
"""A thousand per cent a year."""


class QuoteRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """How every option on `underlying` is quoted (`option_book`); what has no rule waits for quotes.

    `volatility` is of a year and `spread` a part of the value, both as parts of one; `size` in contracts.
    """

    underlying: str
    volatility: Decimal
    spread: Decimal
    size: int

    def __post_init__(self) -> None:
        if not 0 < exact(self.volatility, "volatility") <= VOLATILITY_MAX:
            raise BadValue(
                f"volatility: expected above 0 and at most {VOLATILITY_MAX}, found {self.volatility}"
            )
        if not 0 <= exact(self.spread, "spread") <= 1:
            raise BadValue(f"spread: expected a part of the value from 0 to 1, found {self.spread}")
        if self.size < 1:
            raise BadValue(f"size: expected at least one contract, found {self.size}")

    @cached_property
    def volatility_billionths(self) -> int:
        """The volatility in whole numbers."""
        return int(self.volatility * BILLION)

    @cached_property
    def spread_billionths(self) -> int:
        """The spread in whole numbers."""
        return int(self.spread * BILLION)


def expect_quotable(listings: Iterable[Listing], rules: Sequence[QuoteRule], dates: AbstractSet[str]) -> None:
    """Raises BadValue for shares with two rules, and for options by a rule that end on none of the dates."""
    quoted = [rule.underlying for rule in rules]
    if len(set(quoted)) != len(quoted):
        raise BadValue(f"venue, quoting: expected one rule for each share, found {', '.join(quoted)}")
    for contract in [listing.contract for listing in listings if listing.contract is not None]:
        if contract.underlying in quoted and contract.expiration not in dates:
            raise BadValue(
                f"venue, {contract.symbol}: expected it to expire on the day of a session that the venue "
                f"knows, from {min(dates)} to {max(dates)}, found {contract.expiration}"
            )


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
