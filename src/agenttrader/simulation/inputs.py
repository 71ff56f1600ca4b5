"""All that can happen to the venue, and all that it says: a closed union each way.

The inputs in their order are the whole truth: the same settings and inputs give the same answers, identifiers
included, so a log of the inputs is the venue.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.words import Word
from agenttrader.simulation.contracts import CONTRACT_SIZE
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.listings import AssetClass, Listing, femtos_of
from agenttrader.simulation.option_events import OptionPosted
from agenttrader.simulation.orders import (
    Event,
    Execution,
    PackageSubmission,
    Refusal,
    Replacement,
    Submission,
    VenueOrder,
)
from agenttrader.simulation.quotes import QuoteRule, QuoteSeen, expect_quotable

_PERCENT_MAX = 100
OPTIONS_LEVEL_MAX = 3
"""With it, spreads may be traded (docs.alpaca.markets, "Options Trading", Trading Levels)."""


class Session(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trading day: the venue matches bars that start from `open` to before `close`; then the day ends.

    Orders for extended hours are matched from `early_open` to `late_close` too, where the day has them.
    """

    date: str
    open: Instant
    close: Instant
    early_open: Instant | None = None
    late_close: Instant | None = None

    @property
    def edges(self) -> tuple[Instant, ...]:
        """When its hours begin and end, in the order in which they must."""
        edges = (self.early_open, self.open, self.close, self.late_close)
        return tuple(edge for edge in edges if edge is not None)


class AccountOpening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as it begins: its cash, and whether it may sell what it does not hold.

    `multiplier` is 1 without leverage, 2 with Regulation T margin, 4 for as much within a day. Under the
    `day_trade_rule` a fourth day trade in five days needs 25,000 of equity; with `settled_cash` an account
    without leverage spends what it sold for only when that has settled; under the `wash_trade_rule` no order
    may be able to trade with another of the account.
    """

    name: str
    cash: Decimal
    shorting: bool
    multiplier: int = 1
    day_trade_rule: bool = False
    settled_cash: bool = False
    wash_trade_rule: bool = False
    options_level: int = 0


class Habits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What brokers do that is awkward for clients, each off unless it is asked for.

    `pending_seconds` is how long a new order, a cancel and a replacement are pending, in the data's time: a
    fill in between wins. `late_fees` posts the day's fees after the close, as one sum. `done_for_day` says so
    of what rests when its session closes, until the next opens.
    """

    pending_seconds: int = 0
    late_fees: bool = False
    done_for_day: bool = False


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue is made of. `start` is its time before the first watermark.

    `market_reserve_percent` is added to the last price when cash is set aside for an order without a price;
    `volume_percent` is what one account may take of a bar's volume, 0 for any amount. `quoting` is how
    options are quoted where nobody else does.
    """

    start: Instant
    listings: tuple[Listing, ...]
    accounts: tuple[AccountOpening, ...]
    sessions: tuple[Session, ...]
    fees: FeeSchedule
    market_reserve_percent: int
    volume_percent: int = 0
    habits: Habits = Habits()
    quoting: tuple[QuoteRule, ...] = ()

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
        _expect_in_order(self.sessions)
        _expect_underlyings(self.listings)
        expect_quotable(self.listings, self.quoting, {session.date for session in self.sessions})
        for account in self.accounts:
            _expect_possible(account)
        for name, number in (
            ("market_reserve_percent", self.market_reserve_percent),
            ("volume_percent", self.volume_percent),
            ("habits.pending_seconds", self.habits.pending_seconds),
        ):
            if number < 0:
                raise BadValue(f"venue, {name}: expected at least 0, found {number}")
        if self.volume_percent > _PERCENT_MAX:
            raise BadValue(f"venue, volume_percent: expected at most 100, found {self.volume_percent}")


def _expect_in_order(sessions: tuple[Session, ...]) -> None:
    dates = [session.date for session in sessions]
    if len(set(dates)) != len(dates):
        raise BadValue(f"venue, sessions: expected a date of its own for each, found {', '.join(dates)}")
    edges = [edge for session in sessions for edge in session.edges]
    if not edges or any(later <= earlier for earlier, later in pairwise(edges)):
        times = ", ".join(map(rfc3339, edges))
        raise BadValue(f"venue, sessions: expected one or more in order, without overlap, found {times}")


def _expect_underlyings(listings: tuple[Listing, ...]) -> None:
    """Raises BadValue for an option whose shares cannot be delivered: not listed, or not at its strike."""
    shares = {each.symbol: each for each in listings if each.asset_class is AssetClass.US_EQUITY}
    for contract in [listing.contract for listing in listings if listing.contract is not None]:
        share = shares.get(contract.underlying)
        if share is None:
            raise BadValue(
                f"venue, listings: expected the shares {contract.underlying}, on which {contract.symbol} is "
                f"an option, found {', '.join(sorted(shares)) or 'no shares'}"
            )
        share.units(contract.strike, "strike")
        share.order_lots(Decimal(CONTRACT_SIZE), f"{contract.symbol}, shares of a contract")


def _expect_possible(account: AccountOpening) -> None:
    if femtos_of(account.cash, f"{account.name}.cash") < 0:
        raise BadValue(f"{account.name}.cash: expected at least 0, found {account.cash}")
    if account.multiplier not in (1, 2, 4):
        raise BadValue(f"{account.name}.multiplier: expected 1, 2 or 4, found {account.multiplier}")
    if account.options_level not in range(OPTIONS_LEVEL_MAX + 1):
        raise BadValue(f"{account.name}.options_level: expected 0 to 3, found {account.options_level}")
    if account.settled_cash and account.multiplier != 1:
        raise BadValue(f"{account.name}.settled_cash: expected a multiplier of 1, found {account.multiplier}")


class OrderSubmitted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="order"):
    """A client asks for an order."""

    account: str
    submission: Submission


class PackageSubmitted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="package"):
    """A client asks for several options at once."""

    account: str
    submission: PackageSubmission


class CancelAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cancel"):
    """A client asks that an order of its own be canceled."""

    account: str
    order_id: str


class ReplaceAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="replace"):
    """A client asks that an order of its own be replaced by one with other values."""

    account: str
    order_id: str
    replacement: Replacement


class ExerciseAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exercise"):
    """A client asks that what it holds of an option, and no order holds, be exercised."""

    account: str
    symbol: str


class BustAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bust"):
    """The exchange takes an execution back."""

    execution_id: str


class CorrectionAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="correction"):
    """The exchange gives an execution another price."""

    execution_id: str
    price: Decimal


class RejectAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="reject"):
    """The exchange rejects an order that it had accepted."""

    order_id: str
    message: str


class BarSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bar"):
    """The market traded so from `start` to `end`."""

    symbol: str
    start: Instant
    end: Instant
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class HaltSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="halt"):
    """The exchange halted a symbol, or let it trade again."""

    symbol: str
    time: Instant
    halted: bool


class WatermarkSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="watermark"):
    """The market has said everything up to `time`: this is the venue's clock."""

    time: Instant


class CorporateActionKind(Word):
    """What a company does to its shares."""

    SPLIT = "split"
    CASH_DIVIDEND = "cash_dividend"


class CorporateActionSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="action"):
    """From `time` on, `new_rate` shares stand for `old_rate` old ones, or each share pays `cash`."""

    symbol: str
    time: Instant
    kind: CorporateActionKind
    new_rate: Decimal = Decimal(1)
    old_rate: Decimal = Decimal(1)
    cash: Decimal = Decimal(0)


Request = OrderSubmitted | PackageSubmitted | ReplaceAsked | CancelAsked
Mishap = BustAsked | CorrectionAsked | RejectAsked
Seen = BarSeen | QuoteSeen | HaltSeen | CorporateActionSeen | WatermarkSeen
Input = Request | ExerciseAsked | Mishap | Seen


class OrderChanged(Struct, frozen=True, kw_only=True, gc=False):
    """Something happened to an order, which stands as told, with its legs.

    `position` is what the account then holds of the symbol, in signed lots. `execution` is what a fill, a
    bust or a correction is about; a correction also names the execution that it is instead of.
    """

    event: Event
    order: VenueOrder
    legs: tuple[VenueOrder, ...]
    position: int
    execution: Execution | None = None
    previous_execution_id: str | None = None


class WatermarkPassed(Struct, frozen=True, kw_only=True):
    """The venue has said everything up to `time`."""

    time: Instant


Update = OrderChanged | WatermarkPassed


class FillPosted(Struct, frozen=True, kw_only=True, gc=False):
    """An execution moved the account's position and cash; the order as it then stood."""

    id: str
    sequence: int
    time: Instant
    order: VenueOrder
    execution: Execution


class FeePosted(Struct, frozen=True, kw_only=True, gc=False):
    """A fee was taken from the account's cash: for one execution, or for a day, where it names no order."""

    id: str
    sequence: int
    time: Instant
    account: str
    name: str
    femtos: int
    order: VenueOrder | None = None
    execution: Execution | None = None


class CoinFeePosted(Struct, frozen=True, kw_only=True, gc=False):
    """The venue kept some lots of the coins that an execution bought."""

    id: str
    sequence: int
    time: Instant
    account: str
    lots: int
    order: VenueOrder
    execution: Execution


class InterestKind(Word):
    """What was borrowed."""

    MARGIN = "margin"
    BORROW = "borrow"


class InterestPosted(Struct, frozen=True, kw_only=True, gc=False):
    """Interest was taken for `nights`: on borrowed cash, or for borrowed shares of a symbol."""

    id: str
    sequence: int
    time: Instant
    account: str
    kind: InterestKind
    femtos: int
    nights: int
    symbol: str | None = None


class DividendPosted(Struct, frozen=True, kw_only=True, gc=False):
    """A dividend on so many signed lots: `femtos` came in, or went out where they are short."""

    id: str
    sequence: int
    time: Instant
    account: str
    symbol: str
    lots: int
    per_share: Decimal
    femtos: int


class SplitPosted(Struct, frozen=True, kw_only=True, gc=False):
    """A holding became another number of lots; `femtos` came in for the fraction of a lot that was left."""

    id: str
    sequence: int
    time: Instant
    account: str
    symbol: str
    lots_before: int
    lots_after: int
    new_rate: Decimal
    old_rate: Decimal
    femtos: int


Activity = (
    FillPosted | FeePosted | CoinFeePosted | InterestPosted | DividendPosted | SplitPosted | OptionPosted
)


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """What came of an input. One that is not `applied` changed nothing: it was refused, or told twice."""

    applied: bool
    updates: tuple[Update, ...] = ()
    order: VenueOrder | None = None
    refusal: Refusal | None = None
