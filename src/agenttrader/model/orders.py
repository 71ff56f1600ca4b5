"""Proposals and orders: what may be asked for, and the one table of what may happen to it.

A **proposal** is what a strategy or a client would like; an **order** is a proposal from its decision on.
Denied is by us, rejected is by the broker, canceled was asked for, expired is by time: four different words,
never mixed.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol
from agenttrader.model.times import Instant
from agenttrader.model.values import exact
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


WITH_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
"""The types that name a limit price."""
WITH_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
"""The types that name a stop price."""
STOPS = WITH_STOP | {OrderType.TRAILING_STOP}
"""The types that wait until the price has gone against who holds."""


class TimeInForce(Word):
    """How long the order may rest."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    """What does not fill at once is canceled."""
    FOK = "fok"
    """All of it at once, or nothing."""
    OPG = "opg"
    """In the opening auction alone."""
    CLS = "cls"
    """In the closing auction alone."""

    @property
    def rests(self) -> bool:
        """Whether the order waits in the book, as what protects has to."""
        return self in _RESTING


_RESTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})


class Effect(Word):
    """What the order does to the position: adds to it, makes it smaller, or closes it by procedure."""

    OPEN = "open"
    REDUCE = "reduce"
    CLOSE = "close"


class Role(Word):
    """What an order is for: the agent's own entry or exit, or what rests to protect what is held."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"


_PER_CENT = Decimal(100)
# Bound once: on Python 3.11 reading a member from its enumeration costs as much as what is asked of it.
_BUY, _OPEN, _REDUCE = Side.BUY, Effect.OPEN, Effect.REDUCE


class Leg(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """One instrument of a proposal: `ratio` units per unit of the proposal; below 0: the opposite side."""

    symbol: Symbol
    ratio: int = 1


class ExitPlan(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """How the position that an entry makes will be left. It is approved with the entry and outlives a halt.

    Prices are absolute; `trail` is a distance below the highest price seen since entry (above the lowest, for
    a short).
    """

    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Decimal | None = None
    until: Instant | None = None
    before_close_seconds: int | None = None
    """It is left so long before the close of the session that trades, and never held over it."""

    def __post_init__(self) -> None:
        for name, price in (("stop", self.stop), ("target", self.target), ("trail", self.trail)):
            if price is not None:
                exact(price, f"exit_plan.{name}")


class Changes(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of an order is to be another; what is None stays as it is.

    `quantity` is the whole order's, with what has filled of it; `trail` is a price or per cent, as the order
    has.
    """

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce | None = None

    def __post_init__(self) -> None:
        for name in ("quantity", "limit_price", "stop_price", "trail"):
            value = getattr(self, name)
            if value is not None:
                exact(value, name)


class Proposal(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What an agent would like to do. Nothing is promised.

    `quantity` counts units of the whole proposal; a leg trades `quantity * abs(ratio)`. `limit_price` and
    `stop_price` are net prices over the legs. `decision_price` and `decision_time` are what the agent saw,
    for judging slippage later.
    """

    id: OrderId
    agent: AgentName
    strategy: StrategyName
    legs: tuple[Leg, ...]
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    effect: Effect
    reason: str
    decision_price: Decimal
    decision_time: Instant
    correlation_id: str
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    """How far behind the best price a trailing stop follows; one of this and `trail_percent`."""
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    """Whether it may trade in the hours before and after the session, too."""
    exit_plan: ExitPlan | None = None
    group: str | None = None
    valid_until: Instant | None = None
    client_order_id: str | None = None
    """The client's own id, kept and mapped, never passed on."""
    replaces: OrderId | None = None
    """The order that works and in whose place this one is to come; `quantity` counts what that has filled."""

    def __post_init__(self) -> None:
        if (
            not self.legs
            or len({leg.symbol for leg in self.legs}) != len(self.legs)
            or any(leg.ratio == 0 for leg in self.legs)
        ):
            raise BadValue(
                f"legs: expected one or more different symbols with ratios other than 0, found {self.legs}"
            )
        if exact(self.quantity, "quantity") <= 0:
            raise BadValue(f"quantity: expected a number above 0, found {self.quantity}")
        exact(self.decision_price, "decision_price")
        if self.effect is not Effect.OPEN and self.exit_plan is not None:
            self._require_pair(self.exit_plan)
        _require(self.limit_price, "limit_price", self.type, wanted=self.type in WITH_LIMIT)
        _require(self.stop_price, "stop_price", self.type, wanted=self.type in WITH_STOP)
        if self.type is OrderType.TRAILING_STOP or self.trail_price or self.trail_percent:
            self._require_trail()

    def is_over(self, now: Instant | None) -> bool:
        """Whether its own time has passed; where it has one and nobody knows what time it is, it has."""
        return self.valid_until is not None and (now is None or now > self.valid_until)

    @property
    def role(self) -> Role:
        """What the order is for: an exit protects where it rests at a stop, or is the target of a pair."""
        if self.effect is _OPEN:
            return Role.ENTRY
        if self.is_pair:
            return Role.TARGET
        return Role.STOP if self.effect is Effect.REDUCE and self.type in STOPS else Role.EXIT

    @property
    def is_pair(self) -> bool:
        """Whether it is two exits, target and stop, of which a fill of one takes from the other."""
        return self.effect is _REDUCE and self.exit_plan is not None

    def _require_trail(self) -> None:
        trails = [trail for trail in (self.trail_price, self.trail_percent) if trail is not None]
        wanted = 1 if self.type is OrderType.TRAILING_STOP else 0
        if len(trails) != wanted:
            raise BadValue(
                f"trail: a {self.type.value} order has {'one' if wanted else 'none'} of trail_price and "
                f"trail_percent, found {len(trails)}"
            )
        if exact(trails[0], "trail") <= 0 or (self.trail_percent is not None and trails[0] >= _PER_CENT):
            raise BadValue(f"trail: expected above 0, and less than 100 per cent, found {trails[0]}")

    def trigger(self, mark: Decimal) -> Decimal | None:
        """Where a trailing stop that comes now is triggered; None of other orders."""
        trail = self.trail_price
        if self.trail_percent is not None:
            trail = abs(mark) * self.trail_percent / _PER_CENT
        return None if trail is None else mark + self.side.sign * trail

    def _require_pair(self, plan: ExitPlan) -> None:
        is_pair = self.effect is Effect.REDUCE and self.type is OrderType.LIMIT and len(self.legs) == 1
        if not is_pair or plan != ExitPlan(stop=plan.stop) or plan.stop is None:
            raise BadValue(
                "exit_plan: expected none but that of an entry, or the stop alone of a pair, which is a "
                f"limit order of one leg that reduces; found {plan}"
            )

    @property
    def symbol(self) -> Symbol:
        """The symbol of a one-leg proposal; of several, the first leg's."""
        return self.legs[0].symbol

    def signed_quantity(self, leg: Leg) -> Decimal:
        """What the whole proposal would add to the position in `leg.symbol`; negative when it sells."""
        quantity = self.quantity if leg.ratio == 1 else self.quantity * leg.ratio
        return quantity if self.side is _BUY else -quantity


def _require(price: Decimal | None, name: str, order_type: OrderType, *, wanted: bool) -> None:
    if wanted != (price is not None):
        raise BadValue(
            f"{name}: a {order_type.value} order {'needs' if wanted else 'has no'} {name}, found {price}"
        )
    if price is not None:
        exact(price, name)


class OrderState(Word):
    """Where an order stands. The seven below `terminal` release its reservation."""

    PROPOSED = "proposed"
    DENIED = "denied"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    WITHHELD = "withheld"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_REQUESTED = "cancel_requested"
    REPLACE_REQUESTED = "replace_requested"
    SUSPENDED = "suspended"
    DONE_FOR_DAY = "done_for_day"
    REJECTED = "rejected"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected, so that nothing more is reserved for it."""
        return self in TERMINAL

    @property
    def is_working(self) -> bool:
        """Whether the broker has it, or may have it: it counts as exposure at its worst."""
        return self in _WORKING


TERMINAL = frozenset(
    {
        OrderState.DENIED,
        OrderState.WITHHELD,
        OrderState.REJECTED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REPLACED,
    }
)
_WORKING = (
    frozenset(OrderState) - TERMINAL - {OrderState.PROPOSED, OrderState.PENDING_APPROVAL, OrderState.APPROVED}
)
