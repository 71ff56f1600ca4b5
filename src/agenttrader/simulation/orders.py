"""An order as the venue knows it, with the venue's own status machine.

    accepted ──▶ new ──▶ filled
        │         ├────▶ canceled
        │         └────▶ expired
        └──▶ canceled | expired
    held ──▶ new | canceled | expired

`accepted` waits for a session to open; `held` is a leg of a bracket whose entry has not filled. An order
fills whole or not at all: the venue does not model how much there is to buy.
"""

from decimal import Decimal

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


class TimeInForce(Word):
    """How long the order may rest: until its session closes, or until canceled."""

    DAY = "day"
    GTC = "gtc"


class Status(Word):
    """Where an order stands, in the words that its client reads."""

    ACCEPTED = "accepted"
    HELD = "held"
    NEW = "new"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to the order."""
        return self not in ENDS


ENDS = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED})
_NEXT: dict[Status, frozenset[Status]] = {
    Status.ACCEPTED: frozenset({Status.NEW, Status.CANCELED, Status.EXPIRED}),
    Status.HELD: frozenset({Status.NEW, Status.CANCELED, Status.EXPIRED}),
    Status.NEW: ENDS,
} | dict.fromkeys(ENDS, frozenset())


class Execution(Struct, frozen=True, kw_only=True, gc=False):
    """The one fill of an order: at which price, in units, and when it was known."""

    id: str
    price: int
    time: Instant


class VenueOrder(Struct, frozen=True, gc=False):
    """One order. Prices are in units and quantities in lots of its listing.

    A leg of a bracket names its `entry`; an entry names its `legs`, target first. Only bars that start at or
    after `eligible_from` can fill it.
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
    entry: str | None = None
    legs: tuple[str, ...] = ()
    execution: Execution | None = None

    def become(
        self,
        status: Status,
        time: Instant,
        *,
        eligible_from: Instant | None = None,
        execution: Execution | None = None,
    ) -> "VenueOrder":
        """The order in `status`; a step that the machine does not have is our fault, so it is asserted."""
        assert status in _NEXT[self.status], f"{self.id}: {self.status.value} cannot become {status.value}"
        return replace(
            self,
            status=status,
            updated_at=time,
            eligible_from=self.eligible_from if eligible_from is None else eligible_from,
            execution=execution,
        )


class Bracket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a position will be left: a limit order at `target`, a stop order at `stop`, the first of them."""

    target: Decimal
    stop: Decimal


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks for, in words that the venue supports; numbers are as the client wrote them."""

    client_order_id: str | None
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    bracket: Bracket | None = None


class Reason(Word):
    """Why a request is refused: it cannot be, cannot be done now, is not allowed, or finds nothing."""

    INVALID = "invalid"
    UNPROCESSABLE = "unprocessable"
    FORBIDDEN = "forbidden"
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
