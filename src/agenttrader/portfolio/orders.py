"""An order of the book: what it is, where it stands, what of it has filled, and what goes with it."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from agenttrader.model.decisions import Check, Decision
from agenttrader.model.identifiers import (
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    Symbol,
)
from agenttrader.model.orders import TERMINAL, Effect, Leg, OrderState, Proposal, Role, Side
from agenttrader.model.times import Instant
from agenttrader.model.transitions import TRANSITIONS, Trigger
from agenttrader.model.values import ZERO
from agenttrader.portfolio.working import NOTHING, Stop

FILLED_STEP = Decimal("1e-9")
"""Where a leg's ratio does not divide what has filled of it, the order's units are cut here.

So what is reserved for the rest is an exact number, and what was reserved comes back whole.
"""

_NO_VALUES: Mapping[Symbol, Decimal] = {}
_NO_PACKAGE: Mapping[Symbol, BrokerOrderId] = {}
_RESTING = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.REPLACE_REQUESTED})


class Family:
    """Orders that count together: an entry or a pair, its legs, and what comes in the place of any of them.

    An order stays in the family that it came to.
    """

    __slots__ = ("armed", "legs", "orders", "resting", "stops", "working")

    def __init__(self, legs: tuple[Leg, ...]) -> None:
        self.legs = legs
        self.orders: tuple[Order, ...] = ()
        """Those that have not ended."""
        self.armed: tuple[Order, ...] = ()
        """Those of them that protect and can trade, as the totals have them."""
        self.working = [NOTHING] * len(legs)
        """What they may still do, as the totals count it, in each symbol."""
        self.resting: tuple[tuple[bool, Decimal], ...] = ()
        """The prices at which they rest, as the totals have them: whether to buy, and at which limit."""
        self.stops: list[tuple[Stop, ...]] = [()] * len(legs)
        """Those that rest, in the same way."""


class Order:
    """One order, ours or a leg that protects what its parent bought. It changes only by `OrderLedger`."""

    __slots__ = (
        "adds_risk",
        "awaited",
        "broker_id",
        "client_id",
        "decided",
        "decision",
        "denial",
        "denied_by",
        "effect",
        "family",
        "filled",
        "filled_by_leg",
        "filled_value",
        "id",
        "legs",
        "limit_price",
        "multiplier",
        "package",
        "parent",
        "proposal",
        "protection",
        "protects",
        "quantity",
        "replaced_by",
        "replaces",
        "reserve_price",
        "reserved",
        "role",
        "side",
        "state",
        "stop_price",
        "trail_percent",
        "trail_price",
        "type",
        "updated",
        "value_by_leg",
    )

    def __init__(
        self, proposal: Proposal, role: Role, updated: Instant, family: Family | None = None
    ) -> None:
        self.id = proposal.id
        self.proposal = proposal
        self.family = family or Family(proposal.legs)
        self.role = role
        self.protects = role is Role.STOP or role is Role.TARGET
        """Whether it rests to protect a position: a leg of an entry, a stop alone, either half of a pair."""
        self.legs: tuple[Leg, ...] = proposal.legs
        self.side = proposal.side
        self.type = proposal.type
        self.effect = proposal.effect
        self.adds_risk = proposal.effect is Effect.OPEN
        """Whether it makes a position larger."""
        self.quantity = proposal.quantity
        self.limit_price = proposal.limit_price
        self.stop_price = proposal.stop_price
        self.trail_price = proposal.trail_price
        self.trail_percent = proposal.trail_percent
        self.state = OrderState.PROPOSED
        self.awaited = False
        """Whether it waited for a person, or does: its client was told of it before it could be denied."""
        self.decided: Instant | None = None
        """When it was decided, by what the decision knew of the time.

        None for a protective leg, approved with its parent, and for an order that was adopted.
        """
        self.denied_by: str | None = None
        """The code of the check that denied it."""
        self.denial: Check | None = None
        """That check, with what it observed and permitted."""
        self.decision: Decision | None = None
        """The whole decision, with every check: of the last orders that were decided, and no others."""
        self.parent: Order | None = None
        self.protection: tuple[Order, ...] = ()
        self.replaces: Order | None = None
        """The order in whose place it is to come, or has: what that has filled counts as filled of it."""
        self.replaced_by: Order | None = None
        """The order that is to come in its place, or has; None again where that came to nothing."""
        self.filled = ZERO
        self.filled_value = ZERO
        self.filled_by_leg: dict[Symbol, Decimal] | None = None
        self.value_by_leg: Mapping[Symbol, Decimal] = _NO_VALUES
        """Of several legs, for how much each has filled; none of an order of one."""
        self.package: Mapping[Symbol, BrokerOrderId] = _NO_PACKAGE
        """The broker's ids for the legs of an order of several, once it has told them."""
        self.multiplier = Decimal(1)
        """By what a price of it is multiplied: units of the underlying in one unit of its first leg."""
        self.reserve_price = ZERO
        """What one unit may cost at the worst, from the decision, with the multiplier."""
        self.reserved = ZERO
        self.broker_id: BrokerOrderId | None = None
        self.client_id: ClientOrderId | None = None
        self.updated = updated

    @property
    def agent(self) -> AgentName:
        """Who proposed it, or its parent."""
        return self.proposal.agent

    @property
    def remaining(self) -> Decimal:
        """Units that may still fill; none of an order that was filled too far."""
        return max(ZERO, self.quantity - self.filled)

    @property
    def is_armed(self) -> bool:
        """Whether a protective leg can trade: brokers hold it until its entry has filled whole.

        Always true of other orders, and of the stop of a pair.
        """
        entry = self.parent
        return entry is None or not entry.adds_risk or entry.state is OrderState.FILLED

    @property
    def is_leg(self) -> bool:
        """Whether the broker made it with its entry or pair: it leaves and is answered for with that."""
        return self.parent is not None and self.client_id is None

    @property
    def is_adopted(self) -> bool:
        """Whether it was made at the broker by kill: nobody decided it here, and it never left here."""
        return self.decided is None and self.parent is None

    @property
    def is_replacing(self) -> bool:
        """Whether the order in whose place it is to come has not ended: of the two the larger counts."""
        old = self.replaces
        return old is not None and old.state not in TERMINAL and self.state not in TERMINAL

    @property
    def replacement(self) -> "Order | None":
        """The order that is about to come in its place."""
        new = self.replaced_by
        return new if new is not None and new.is_replacing else None

    @property
    def rests(self) -> bool:
        """Whether the broker has it, and nobody has asked for its end.

        Of an order and the one that is to come in its place the first says so: one of them is there.
        """
        return self.state in _RESTING and not self.is_replacing

    @property
    def beyond(self) -> Decimal:
        """What remains of it, beyond what remains of an order in whose place it is to come."""
        old = self.replaces
        if old is None or old.state in TERMINAL:
            return self.remaining
        return max(ZERO, self.remaining - old.remaining)

    @property
    def surely(self) -> Decimal:
        """What remains of it, or of the one that has come in its place perhaps: the smaller."""
        new = self.replacement
        return self.remaining if new is None else min(self.remaining, new.remaining)

    @property
    def owner(self) -> "Order":
        """The order that it is a leg of, itself where it is of none; as long as it replaces, that one's."""
        standing = self.replaces if self.is_replacing and self.replaces is not None else self
        return standing.parent or standing

    @property
    def pair(self) -> "tuple[Order, ...]":
        """Itself with the exits of which a fill takes as much from it: they count once, for the largest."""
        owner = self.owner
        if owner.adds_risk:
            return (self,) if owner is self else owner.protection
        return (owner, *owner.protection)

    def decide(self, decision: Decision, time: Instant) -> None:
        """Keep what was decided about it, at `time` where the decision knew no time."""
        now = decision.inputs.now
        self.decided = time if now is None else now
        self.decision, self.denied_by = decision, decision.denied_by
        if decision.denied_by is not None:
            self.denial = next((check for check in decision.checks if not check.passed), None)

    def ratio_in(self, symbol: Symbol) -> int:
        """Units of `symbol` in one unit of the order, signed; 0 where it has no such leg."""
        if len(self.legs) == 1:
            return self.legs[0].ratio if self.legs[0].symbol == symbol else 0
        return next((leg.ratio for leg in self.legs if leg.symbol == symbol), 0)

    def goes(self, side: Side) -> bool:
        """Whether it buys, or sells, in one of its legs."""
        return any((leg.ratio > 0) is (self.side is side) for leg in self.legs)

    def average_price(self) -> Decimal | None:
        """The mean price of its fills."""
        return self.filled_value / self.filled if self.filled else None

    def advance(self, trigger: Trigger, time: Instant) -> None:
        """Take `trigger` by the transition table.

        What cannot be leaves the state as it is (its break is another record).
        """
        state = TRANSITIONS[trigger].get(self.state)
        if state is not None:
            is_partial = state is OrderState.ACCEPTED and self.filled
            self.state = OrderState.PARTIALLY_FILLED if is_partial else state
        self.updated = max(self.updated, time)

    def fill_trigger(self, symbol: Symbol, quantity: Decimal) -> Trigger | None:
        """What a fill of `quantity` more in `symbol` would be: a part, or the whole.

        None where it is more than was ordered.
        """
        ordered = self.quantity * abs(self.ratio_in(symbol))
        filled = self.filled_in(symbol) + quantity
        if filled > ordered:
            return None
        if filled < ordered:
            return Trigger.PARTIAL_FILL
        if len(self.legs) == 1:
            return Trigger.FILL
        rest = (leg for leg in self.legs if leg.symbol != symbol)
        whole = all(self.filled_in(leg.symbol) == self.quantity * abs(leg.ratio) for leg in rest)
        return Trigger.FILL if whole else Trigger.PARTIAL_FILL

    def take_fill(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        """Count a fill; a quantity below 0 takes one back.

        Of several legs the order is filled as far as its least filled leg; the value is the net over legs. A
        fill in a symbol that the order has no leg in fills nothing of it.
        """
        ratio = self.ratio_in(symbol)
        if not ratio:
            return
        self.filled_value += quantity * price * (-1 if ratio < 0 and len(self.legs) > 1 else 1)
        if len(self.legs) == 1 and abs(ratio) == 1:
            self.filled += quantity
            return
        by_leg = self.filled_by_leg = self.filled_by_leg or {leg.symbol: ZERO for leg in self.legs}
        by_leg[symbol] += quantity
        value = self.value_by_leg.get(symbol, ZERO) + quantity * price
        self.value_by_leg = {**self.value_by_leg, symbol: value}
        self.filled = min(
            (by_leg[leg.symbol] / abs(leg.ratio)).quantize(FILLED_STEP, ROUND_DOWN) for leg in self.legs
        )

    def filled_in(self, symbol: Symbol) -> Decimal:
        """Units of one leg that have filled."""
        return self.filled if self.filled_by_leg is None else self.filled_by_leg.get(symbol, ZERO)


_SUFFIXES = {role: role.value for role in Role}


def protective_id(parent: OrderId, role: Role) -> OrderId:
    """Our id for a protective leg: the same after a restart, and none that a proposal can have."""
    return OrderId(f"{parent}/{_SUFFIXES[role]}")
