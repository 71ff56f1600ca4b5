"""The orders of the book: each order's life as the journal tells it, and what is still reserved for it."""

from collections.abc import Collection, Iterator
from decimal import ROUND_DOWN, Decimal

from agenttrader.model.decisions import Decision
from agenttrader.model.events import Accepted, Decided, Filled, Leaving, Sending
from agenttrader.model.identifiers import (
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    Symbol,
    derive_client_order_id,
)
from agenttrader.model.instructions import Instruction
from agenttrader.model.orders import TERMINAL, Effect, Leg, OrderState, OrderType, Proposal, Role
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.transitions import TRANSITIONS, Trigger
from agenttrader.model.values import ZERO

FILLED_STEP = Decimal("1e-9")
"""Where a leg's ratio does not divide what has filled of it, the order's units are cut here.

So what is reserved for the rest is an exact number, and what was reserved comes back whole.
"""


class Order:
    """One order, ours or a leg that protects what its parent bought. It changes only by `OrderLedger`."""

    __slots__ = (
        "adds_risk",
        "broker_id",
        "client_id",
        "decision",
        "effect",
        "filled",
        "filled_by_leg",
        "filled_value",
        "id",
        "legs",
        "limit_price",
        "parent",
        "proposal",
        "protection",
        "protects",
        "quantity",
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
    )

    def __init__(self, proposal: Proposal, role: Role, updated: Instant) -> None:
        self.id = proposal.id
        self.proposal = proposal
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
        self.decision: Decision | None = None
        """None for a protective leg: it was approved with its parent."""
        self.parent: Order | None = None
        self.protection: tuple[Order, ...] = ()
        self.filled = ZERO
        self.filled_value = ZERO
        self.filled_by_leg: dict[Symbol, Decimal] | None = None
        self.reserve_price = ZERO
        """What one unit may cost at the worst, from the decision."""
        self.reserved = ZERO
        self.broker_id: BrokerOrderId | None = None
        self.client_id: ClientOrderId | None = None
        self.updated = updated

    @property
    def agent(self) -> AgentName:
        """Who proposed it, or its parent."""
        return self.proposal.agent

    @property
    def denied_by(self) -> str | None:
        """The code of the check that denied it."""
        return self.decision.denied_by if self.decision is not None else None

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
    def pair(self) -> "tuple[Order, ...]":
        """Itself with the exits of which a fill takes as much from it: they count once, for the largest."""
        owner = self.parent or self
        if owner.adds_risk:
            return (self,) if owner is self else owner.protection
        return (owner, *owner.protection)

    def ratio_in(self, symbol: Symbol) -> int:
        """Units of `symbol` in one unit of the order, signed; 0 where it has no such leg."""
        if len(self.legs) == 1:
            return self.legs[0].ratio if self.legs[0].symbol == symbol else 0
        return next((leg.ratio for leg in self.legs if leg.symbol == symbol), 0)

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
        filled = self._filled_in(symbol) + quantity
        if filled > ordered:
            return None
        if filled < ordered:
            return Trigger.PARTIAL_FILL
        if len(self.legs) == 1:
            return Trigger.FILL
        rest = (leg for leg in self.legs if leg.symbol != symbol)
        whole = all(self._filled_in(leg.symbol) == self.quantity * abs(leg.ratio) for leg in rest)
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
        self.filled = min(
            (by_leg[leg.symbol] / abs(leg.ratio)).quantize(FILLED_STEP, ROUND_DOWN) for leg in self.legs
        )

    def _filled_in(self, symbol: Symbol) -> Decimal:
        return self.filled if self.filled_by_leg is None else self.filled_by_leg.get(symbol, ZERO)


class OrderLedger:
    """Every order of the account, found by our id, by the id towards the broker and by the broker's own.

    The totals over open orders are kept as orders open, fill and end, so reading them does not depend on how
    many there were.
    """

    def __init__(self) -> None:
        self.by_id: dict[OrderId, Order] = {}
        self.by_client_id: dict[ClientOrderId, Order] = {}
        self.by_broker_id: dict[BrokerOrderId, Order] = {}
        self.open_by_symbol: dict[Symbol, dict[OrderId, Order]] = {}
        self.open_count: dict[AgentName, int] = {}
        self.open_count_total = 0
        self.open_notional: dict[AgentName, Decimal] = {}
        self.open_notional_total = ZERO

    def open_in(self, symbol: Symbol) -> Collection[Order]:
        """The orders in `symbol` that have not ended."""
        return self.open_by_symbol.get(symbol, {}).values()

    def open_orders(self) -> Iterator[Order]:
        """Every order that has not ended."""
        seen: dict[OrderId, Order] = {}
        for orders in self.open_by_symbol.values():
            seen.update(orders)
        return iter(seen.values())

    def decide(self, sealed: Sealed[Decided]) -> Order:
        """A proposal became an order, denied or approved; an approval reserves, and may leave at once."""
        event, time = sealed.event, sealed.time
        proposal = event.proposal
        order = Order(proposal, proposal.role, time)
        self.by_id[order.id] = order
        order.decision = event.decision
        if event.decision.denied_by is not None:
            order.advance(Trigger.DENY, time)
            return order
        order.advance(Trigger.APPROVE, time)
        if order.adds_risk:
            order.reserve_price = _worst_price(proposal, event)
        self._open(order)
        if event.instruction is not None:
            self._leave(order, event.instruction, sealed)
        return order

    def send(self, sealed: Sealed[Sending]) -> Order:
        """Let an order that waited leave."""
        order = self.by_id[sealed.event.order_id]
        self._leave(order, sealed.event.instruction, sealed)
        return order

    def accept(self, event: Accepted) -> None:
        """The broker has the order; its legs now have the broker's ids."""
        order = self.by_id[event.order_id]
        order.broker_id = event.broker_order_id
        self.by_broker_id[event.broker_order_id] = order
        order.advance(Trigger.ACCEPT, event.time)
        for leg in (event.stop, event.target):
            if leg is not None:
                child = self.by_id[leg.order_id]
                child.broker_id = leg.broker_order_id
                self.by_broker_id[leg.broker_order_id] = child
                child.advance(Trigger.ACCEPT, event.time)

    def fill(self, event: Filled) -> Order:
        """One execution."""
        order = self.by_id[event.order_id]
        trigger = order.fill_trigger(event.symbol, event.quantity)
        order.take_fill(event.symbol, event.quantity, event.price)
        self._move(order, trigger, event.time)
        if order.protects and order.remaining:
            # Brokers leave the other exit as much as this one has left; one that filled whole ends it.
            for other in order.pair:
                if other is not order and other.state not in TERMINAL:
                    other.quantity = other.filled + order.remaining
        return order

    def bust(self, fill: Filled, time: Instant) -> Order:
        """The exchange took `fill` back: that much may fill again, or was never filled."""
        order = self.by_id[fill.order_id]
        order.take_fill(fill.symbol, -fill.quantity, fill.price)
        self._move(order, Trigger.BUST, time)
        return order

    def advance(self, order_id: OrderId, trigger: Trigger, time: Instant) -> None:
        """Anything else that happens to an order.

        What ends an entry before the broker took it ends its legs with it.
        """
        order = self.by_id[order_id]
        self._move(order, trigger, time)
        if trigger in (Trigger.WITHHOLD, Trigger.REJECT, Trigger.LOSE):
            for leg in order.protection:
                self._move(leg, trigger, time)

    def _move(self, order: Order, trigger: Trigger | None, time: Instant) -> None:
        was_open = order.state not in TERMINAL
        if trigger is not None:
            order.advance(trigger, time)
        if order.adds_risk:
            self._reserve(order)
        if was_open and order.state in TERMINAL:
            self._close(order)

    def _leave(self, order: Order, instruction: Instruction, sealed: Sealed[Leaving]) -> None:
        """Let the order go with its protective legs. Its id towards the broker follows from the record."""
        if order.quantity != instruction.quantity:
            order.quantity = instruction.quantity
            self._reserve(order)
        order.client_id = derive_client_order_id(sealed.sequence, sealed.hash)
        self.by_client_id[order.client_id] = order
        order.advance(Trigger.SEND, sealed.time)
        legs = []
        if instruction.stop is not None:
            leg = self._protect(order, Role.STOP, OrderType.STOP, sealed.time)
            leg.stop_price = instruction.stop
            if instruction.pair:
                leg.side = order.side
            legs.append(leg)
        if instruction.target is not None:
            leg = self._protect(order, Role.TARGET, OrderType.LIMIT, sealed.time)
            leg.limit_price = instruction.target
            legs.append(leg)
        order.protection = tuple(legs)

    def _protect(self, order: Order, role: Role, kind: OrderType, time: Instant) -> Order:
        """A leg of a bracket or a pair, as an order of its own."""
        leg = Order(order.proposal, role, time)
        # Its entry's prices are not its own.
        leg.limit_price = leg.stop_price = leg.trail_price = leg.trail_percent = None
        leg.id = protective_id(order.id, role)
        leg.parent = order
        leg.side = order.side.opposite
        leg.effect, leg.adds_risk = Effect.REDUCE, False
        leg.type = kind
        leg.quantity = order.quantity
        leg.state = OrderState.SENDING
        self.by_id[leg.id] = leg
        self._open(leg)
        return leg

    def _open(self, order: Order) -> None:
        for leg in order.legs:
            self.open_by_symbol.setdefault(leg.symbol, {})[order.id] = order
        self._count(order, 1)
        if order.adds_risk:
            self._reserve(order)

    def _close(self, order: Order) -> None:
        for leg in order.legs:
            self.open_by_symbol[leg.symbol].pop(order.id, None)
        self._count(order, -1)

    def _count(self, order: Order, change: int) -> None:
        """What protects is not counted: it only reduces, and must keep no entry out."""
        if not order.protects:
            self.open_count[order.agent] = self.open_count.get(order.agent, 0) + change
            self.open_count_total += change

    def _reserve(self, order: Order) -> None:
        """Bring what is reserved for `order` to what it may still cost.

        That is nothing once it has ended, and nothing if it reduces.
        """
        is_open = order.adds_risk and order.state not in TERMINAL
        needed = order.remaining * order.reserve_price if is_open else ZERO
        change = needed - order.reserved
        if change:
            order.reserved = needed
            self.open_notional[order.agent] = self.open_notional.get(order.agent, ZERO) + change
            self.open_notional_total += change


_SUFFIXES = {role: role.value for role in Role}


def protective_id(parent: OrderId, role: Role) -> OrderId:
    """Our id for a protective leg: the same after a restart, and none that a proposal can have."""
    return OrderId(f"{parent}/{_SUFFIXES[role]}")


def _worst_price(proposal: Proposal, event: Decided) -> Decimal:
    """What one unit may cost at the worst price that the decision knew.

    That is the marks of all legs, or a dearer price that the order names.
    """
    marks = {mark.symbol: mark.price or ZERO for mark in event.decision.inputs.marks}
    gross = sum((abs(leg.ratio) * marks.get(leg.symbol, ZERO) for leg in proposal.legs), ZERO)
    stated = (proposal.limit_price, proposal.stop_price, proposal.trigger(gross))
    return max(gross, *(price for price in stated if price is not None), ZERO)
