"""All that can happen to the venue, and all that it says: a closed union each way.

The inputs in their order are the whole truth: the same settings and inputs give the same answers, identifiers
included, so a log of the inputs is the venue.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, rfc3339
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.listings import Listing, nanos_of
from agenttrader.simulation.orders import Refusal, Submission, VenueOrder


class Session(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The venue matches bars that start from `open` to before `close`; then what is for the day ends."""

    open: Instant
    close: Instant


class AccountOpening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as it begins: cash without leverage, and whether it may sell what it does not hold."""

    name: str
    cash: Decimal
    shorting: bool


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue is made of. `start` is its time before the first watermark.

    `market_reserve_percent` is added to the last price when cash is set aside for an order without a price.
    """

    start: Instant
    listings: tuple[Listing, ...]
    accounts: tuple[AccountOpening, ...]
    sessions: tuple[Session, ...]
    fees: FeeSchedule
    market_reserve_percent: int

    def __post_init__(self) -> None:
        for name, found in (
            ("listings", [listing.symbol for listing in self.listings]),
            ("accounts", [account.name for account in self.accounts]),
        ):
            if (
                not found
                or len(set(found)) != len(found)
                or any(not word or word[0] == "=" for word in found)
            ):
                raise BadValue(f"venue, {name}: expected one or more different names, found {found}")
        edges = [edge for session in self.sessions for edge in (session.open, session.close)]
        if not edges or any(later <= earlier for earlier, later in pairwise(edges)):
            times = ", ".join(map(rfc3339, edges))
            raise BadValue(f"venue, sessions: expected one or more in order, without overlap, found {times}")
        for account in self.accounts:
            if nanos_of(account.cash, f"{account.name}.cash") < 0:
                raise BadValue(f"{account.name}.cash: expected at least 0, found {account.cash}")
        if self.market_reserve_percent < 0:
            raise BadValue(
                f"venue, market_reserve_percent: expected at least 0, found {self.market_reserve_percent}"
            )


class OrderSubmitted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="order"):
    """A client asks for an order."""

    account: str
    submission: Submission


class CancelAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cancel"):
    """A client asks that an order of its own be canceled."""

    account: str
    order_id: str


class BarSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bar"):
    """The market traded so from `start` to `end`."""

    symbol: str
    start: Instant
    end: Instant
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class HaltSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="halt"):
    """The exchange halted a symbol, or let it trade again."""

    symbol: str
    time: Instant
    halted: bool


class WatermarkSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="watermark"):
    """The market has said everything up to `time`: this is the venue's clock."""

    time: Instant


Input = OrderSubmitted | CancelAsked | BarSeen | HaltSeen | WatermarkSeen


class OrderChanged(Struct, frozen=True, kw_only=True, gc=False):
    """An order has a new status. `position` is what the account then holds of the symbol, in signed lots."""

    order: VenueOrder
    legs: tuple[VenueOrder, ...]
    position: int


class WatermarkPassed(Struct, frozen=True, kw_only=True):
    """The venue has said everything up to `time`."""

    time: Instant


Update = OrderChanged | WatermarkPassed


class FillPosted(Struct, frozen=True, kw_only=True, gc=False):
    """An execution moved the account's position and cash."""

    id: str
    sequence: int
    time: Instant
    order: VenueOrder


class FeePosted(Struct, frozen=True, kw_only=True, gc=False):
    """A fee was taken from the account's cash, for one execution."""

    id: str
    sequence: int
    time: Instant
    name: str
    nanos: int
    order: VenueOrder


Activity = FillPosted | FeePosted


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """What came of an input. One that is not `applied` changed nothing: it was refused, or told twice."""

    applied: bool
    updates: tuple[Update, ...] = ()
    order: VenueOrder | None = None
    refusal: Refusal | None = None
