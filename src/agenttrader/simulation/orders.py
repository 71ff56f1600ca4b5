"""An order as the venue knows it, with the venue's own status machine.

    pending_new ──▶ accepted ──▶ new ──▶ partially_filled ──▶ filled
                        held ──▶ new      and from any open one: canceled, expired, replaced, rejected
    pending_cancel, pending_replace, done_for_day ──▶ back to what it was, or one of the ends

`accepted` waits for a session to open; `held` is a leg whose entry has not filled whole. An order that was
filled never becomes unfilled: a busted execution is taken out of its amounts, not out of its status.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.model.words import Word


class Side(Word):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for buy, -1 for sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(Word):
    """How the price is found."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(Word):
    """How long the order may rest: its session, until canceled, not at all, or for one auction."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class OrderClass(Word):
    """What stands together: nothing, an entry with both exits, two exits, an entry with one exit, options."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"
    MLEG = "mleg"


class Intent(Word):
    """What an order in options is to do with the holding."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return Side.BUY if self in {Intent.BUY_TO_OPEN, Intent.BUY_TO_CLOSE} else Side.SELL

    @property
    def opens(self) -> bool:
        """Whether it adds to the holding, or starts one."""
        return self in {Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN}


class Status(Word):
    """Where an order stands, in the words that its client reads."""

    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    HELD = "held"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    DONE_FOR_DAY = "done_for_day"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to the order."""
        return self not in ENDS


ENDS = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REPLACED, Status.REJECTED})
PENDING = frozenset({Status.PENDING_CANCEL, Status.PENDING_REPLACE})
WORKING = frozenset({Status.NEW, Status.PARTIALLY_FILLED}) | PENDING
"""What can fill: a cancel or a replacement that is pending has not reached the market yet."""
_LIVE = WORKING | {Status.DONE_FOR_DAY}
_NEXT: dict[Status, frozenset[Status]] = {
    Status.PENDING_NEW: frozenset({Status.ACCEPTED, Status.HELD, Status.NEW, Status.PARTIALLY_FILLED})
    | ENDS - {Status.FILLED},
    Status.ACCEPTED: frozenset({Status.NEW}) | PENDING | ENDS - {Status.FILLED},
    Status.HELD: frozenset({Status.NEW}) | PENDING | ENDS - {Status.FILLED},
    Status.PENDING_CANCEL: frozenset({Status.ACCEPTED, Status.HELD}) | _LIVE | ENDS,
    Status.PENDING_REPLACE: frozenset({Status.ACCEPTED, Status.HELD}) | _LIVE | ENDS,
    Status.NEW: _LIVE - {Status.NEW} | ENDS,
    Status.PARTIALLY_FILLED: _LIVE | ENDS,
    Status.DONE_FOR_DAY: _LIVE - {Status.DONE_FOR_DAY} | ENDS,
} | dict.fromkeys(ENDS, frozenset())


class Event(Word):
    """What happened to an order, in the words of the stream of updates."""

    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    NEW = "new"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    DONE_FOR_DAY = "done_for_day"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    ORDER_CANCEL_REJECTED = "order_cancel_rejected"
    ORDER_REPLACE_REJECTED = "order_replace_rejected"
    RESTATED = "restated"
    TRADE_BUST = "trade_bust"
    TRADE_CORRECT = "trade_correct"


class Execution(Struct, frozen=True, kw_only=True, gc=False):
    """One fill of an order: how many lots at which price, in units, and when it was known."""

    id: str
    lots: int
    price: int
    time: Instant


class VenueOrder(Struct, frozen=True, gc=False):
    """One order. Prices are in units and quantities in lots of its listing.

    A leg names its `entry`; an entry names its `legs`, target first. Of two exits alone (OCO) the target is
    the entry and the stop its leg. Only bars that start at or after `eligible_from` can fill it. `stop` of a
    trailing stop follows `high_water`; once `triggered`, a stop is the market or limit order that it becomes:
    a buy stop is then limited by `cap`.
    An order by `notional` has so many `lots` as what is left of that would buy at the last price known.
    An order of several options (`is_package`) has no symbol, its side says nothing, and its prices are net:
    below 0 where cash is received. Its legs have a `ratio` of contracts to one of its units, and an `intent`.
    """

    id: str
    sequence: int
    account: str
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    lots: int
    limit: int | None
    stop: int | None
    status: Status
    accepted_at: Instant
    updated_at: Instant
    eligible_from: Instant
    expires_at: Instant | None
    order_class: OrderClass = OrderClass.SIMPLE
    entry: str | None = None
    legs: tuple[str, ...] = ()
    trail: int | None = None
    trail_percent: Decimal | None = None
    high_water: int | None = None
    triggered: bool = False
    cap: int | None = None
    notional: int | None = None
    extended_hours: bool = False
    replaces: str | None = None
    replaced_by: str | None = None
    rejection: str | None = None
    filled_lots: int = 0
    filled_value: int = 0
    execution: Execution | None = None
    is_unwanted: bool = False
    """Whether this leg, held, was to be canceled with its entry, whose own cancel is pending."""
    ratio: int | None = None
    intent: Intent | None = None

    @property
    def is_package(self) -> bool:
        """Whether it is the whole of several options, which has legs and trades through them."""
        return self.order_class is OrderClass.MLEG and self.entry is None

    @property
    def is_option(self) -> bool:
        """Whether it trades in options: all of these say what they are to do with the holding."""
        return self.intent is not None or self.is_package

    @property
    def leaves(self) -> int:
        """Lots that are asked for and not filled yet."""
        return self.lots - self.filled_lots

    @property
    def is_replacing(self) -> bool:
        """Whether the order waits to stand in another's place."""
        return self.status is Status.PENDING_NEW and self.replaces is not None

    @property
    def group(self) -> str:
        """What a leg shares with its sibling, which hold the same lots; for another order its own id."""
        return self.entry or self.id

    def become(self, status: Status, time: Instant, **changes: Any) -> "VenueOrder":
        """The order in `status`; a step that the machine does not have is our fault, so it is asserted."""
        assert status in _NEXT[self.status], f"{self.id}: {self.status.value} cannot become {status.value}"
        return replace(self, status=status, updated_at=time, **changes)

    def fill(self, execution: Execution) -> "VenueOrder":
        """The order after an execution; what is pending stays so until it is whole."""
        filled_lots = self.filled_lots + execution.lots
        whole = filled_lots == self.lots
        stays = self.status if self.status in PENDING else Status.PARTIALLY_FILLED
        return self.become(
            Status.FILLED if whole else stays,
            execution.time,
            filled_lots=filled_lots,
            filled_value=self.filled_value + execution.lots * execution.price,
            execution=execution,
            replaced_by=None if whole else self.replaced_by,
        )


class StopLoss(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The protecting exit: a stop order, or a stop-limit order where it has a `limit`."""

    stop: Decimal
    limit: Decimal | None = None


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks for; numbers are as the client wrote them. Exactly one of quantity and notional.

    `target` is the limit of the exit with a profit. OCO needs both exits and no other price, a bracket both,
    OTO one of them.
    """

    client_order_id: str | None
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    target: Decimal | None = None
    stop_loss: StopLoss | None = None


class OptionLeg(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One leg as a client asks for it; without an intent, it is what the holding makes of its side."""

    symbol: str
    side: Side
    ratio: Decimal
    intent: Intent | None = None


class PackageSubmission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several options at once, as a client asks for them: so many units, at most at this net price."""

    client_order_id: str | None
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    legs: tuple[OptionLeg, ...]
    limit_price: Decimal | None = None


class Replacement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client wants changed of an order: at least one. `trail` is a price or per cent, as it was."""

    client_order_id: str | None = None
    quantity: Decimal | None = None
    time_in_force: TimeInForce | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None


class Reason(Word):
    """Why a request is refused: it cannot be, cannot be done now, is not allowed, or finds nothing."""

    INVALID = "invalid"
    UNPROCESSABLE = "unprocessable"
    FORBIDDEN = "forbidden"
    DAY_TRADE = "day_trade"
    """Not allowed for the day trades that it could make."""
    SHORT_POSITION = "short_position"
    """Not to be had of an option that the account is short of."""
    NOT_FOUND = "not_found"


class Shortage(Struct, frozen=True, kw_only=True):
    """How much of a holding there is and how much of it open orders hold, as quantities."""

    symbol: str
    existing: Decimal
    held: Decimal
    orders: tuple[str, ...]

    @property
    def available(self) -> Decimal:
        """What a new order may still close."""
        return self.existing - self.held


class Refusal(Struct, frozen=True, kw_only=True):
    """A request that changed nothing, and why, for a person to read."""

    reason: Reason
    message: str
    shortage: Shortage | None = None
