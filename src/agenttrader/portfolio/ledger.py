"""The orders of the book, each by its ids, and the totals of what is still reserved for them.

An order that replaces another counts beside it for what it is larger, until one of the two has ended; what
the one has filled, the other begins with. When the broker has put it in its place, it takes over its legs.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from operator import mul

from agenttrader.model.approvals import ApprovalAsked
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
from agenttrader.model.orders import TERMINAL, Effect, OrderState, OrderType, Proposal, Role, Side
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant
from agenttrader.model.transitions import Trigger
from agenttrader.model.values import ZERO
from agenttrader.portfolio.adopted import adopted_order
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.portfolio.reserves import Reserves, Sums
from agenttrader.portfolio.totals import OrderTotals

DECISIONS_KEPT = 1_024
"""How many of the last decisions are kept with every check: more are asked for at a time by nobody.

Each takes some ten kilobytes.
"""
_ONE = Decimal(1)
# Bound once: on Python 3.11 reading a member from its enumeration costs more than what is done with it.
_BUY, _SELL = Side.BUY, Side.SELL


class OrderLedger:
    """Every order of the account, found by our id, by the id towards the broker and by the broker's own.

    The totals over open orders are kept as orders open, fill and end, so reading them does not depend on how
    many there are or were.
    """

    def __init__(
        self, multipliers: Mapping[Symbol, Decimal], touch: Callable[[Symbol], None] = lambda _: None
    ) -> None:
        """`touch` is told each symbol in which what the stops cover, or where they lie, changed."""
        self._multipliers = multipliers
        self.by_id: dict[OrderId, Order] = {}
        self.by_client_id: dict[ClientOrderId, Order] = {}
        self.by_broker_id: dict[BrokerOrderId, Order] = {}
        self.open_by_symbol: dict[Symbol, dict[OrderId, Order]] = {}
        self.open_count: dict[AgentName, int] = {}
        self.open_count_total = 0
        self.open_notional: dict[AgentName, Decimal] = {}
        self.open_notional_total = ZERO
        self.open_longs, self.open_shorts = Reserves(), Reserves()
        """By where they go; what goes both ways, for it has legs that do, counts whole in each."""
        self.open_by_table = Sums(ZERO)
        """What is reserved, by the tables of limits that count it."""
        self.totals = OrderTotals(touch)
        self._lately: deque[Order] = deque()
        """Those that were decided last, oldest first."""

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
        """A proposal became an order, denied or approved; an approval reserves, and may leave at once.

        One that waited for a person is decided anew: nothing of how it waited is left.
        """
        event, time = sealed.event, sealed.time
        proposal = event.proposal
        waited = self.by_id.get(proposal.id)
        if waited is not None:
            self.set_aside(waited.id)
            self._lately = deque([each for each in self._lately if each is not waited])
        old = None if proposal.replaces is None else self.by_id[proposal.replaces]
        order = Order(proposal, proposal.role, time, None if old is None else old.family)
        order.awaited = waited is not None and waited.awaited
        self.by_id[order.id] = order
        self._keep(order, event.decision, time)
        if event.decision.denied_by is not None:
            order.advance(Trigger.DENY, time)
            return order
        order.advance(Trigger.APPROVE, time)
        if old is not None:
            _link(order, old)
        self._admit(order, event.decision)
        if event.instruction is not None:
            self._leave(order, event.instruction, sealed)
        self.totals.recount(order.family)
        return order

    def hold(self, sealed: Sealed[ApprovalAsked]) -> Order:
        """An entry waits for a person: it reserves as if it were working, and nothing of it leaves."""
        shown = sealed.event.shown
        order = Order(shown.proposal, shown.proposal.role, sealed.time)
        order.awaited = True
        self.by_id[order.id] = order
        self._keep(order, shown.decision, sealed.time)
        order.advance(Trigger.HOLD, sealed.time)
        self._admit(order, shown.decision)
        self.totals.recount(order.family)
        return order

    def set_aside(self, order_id: OrderId) -> None:
        """Reserve nothing more for one that waited for a person: it is about to be decided again."""
        order = self.by_id[order_id]
        if order.state is OrderState.PENDING_APPROVAL:
            self.advance(order_id, Trigger.WITHHOLD, order.updated)

    def forget(self, order_id: OrderId) -> Order:
        """Take back an approval that was only tried: nothing is reserved for it, and nobody knows it."""
        order = self.by_id[order_id]
        self._lately.pop()
        self.advance(order_id, Trigger.WITHHOLD, order.updated)
        for each in (order, *order.protection):
            del self.by_id[each.id]
            if each.client_id is not None:
                del self.by_client_id[each.client_id]
        return order

    def send(self, sealed: Sealed[Sending]) -> Order:
        """Let an order that waited leave."""
        order = self.by_id[sealed.event.order_id]
        self._leave(order, sealed.event.instruction, sealed)
        self.totals.recount(order.family)
        return order

    def adopt(self, event: OrderAdopted) -> None:
        """Take in an order that the broker has and that did not leave here."""
        order = adopted_order(event)
        self.by_id[order.id] = order
        self.by_client_id[event.order.client_order_id] = order
        self.by_broker_id[event.order.broker_order_id] = order
        self._open(order)
        self.totals.recount(order.family)

    def accept(self, event: Accepted) -> None:
        """The broker has the order; its legs now have the broker's ids."""
        order = self.by_id[event.order_id]
        order.broker_id = event.broker_order_id
        self.by_broker_id[event.broker_order_id] = order
        if event.package:
            order.package = {part.symbol: part.broker_order_id for part in event.package}
            self.by_broker_id |= dict.fromkeys(order.package.values(), order)
        order.advance(Trigger.ACCEPT, event.time)
        for leg in (event.stop, event.target):
            if leg is not None:
                child = self.by_id[leg.order_id]
                child.broker_id = leg.broker_order_id
                self.by_broker_id[leg.broker_order_id] = child
                child.advance(Trigger.ACCEPT, event.time)
        self.totals.restate(order.family)

    def fill(self, event: Filled) -> Order:
        """One execution."""
        order = self.by_id[event.order_id]
        trigger = order.fill_trigger(event.symbol, event.quantity)
        order.take_fill(event.symbol, event.quantity, event.price)
        self._move(order, trigger, event.time)
        self._carry(order, event.symbol, event.quantity, event.price, event.time)
        if order.protects and order.remaining:
            # Brokers leave the other exit as much as this one has left; one that filled whole ends it.
            for other in order.pair:
                if other is not order and other.state not in TERMINAL:
                    other.quantity = other.filled + order.remaining
                    if other.replacement is not None:
                        other.replacement.quantity = other.quantity
        self.totals.recount(order.family)
        return order

    def bust(self, fill: Filled, time: Instant) -> Order:
        """The exchange took `fill` back: that much may fill again, or was never filled."""
        order = self.by_id[fill.order_id]
        order.take_fill(fill.symbol, -fill.quantity, fill.price)
        self._move(order, Trigger.BUST, time)
        self._carry(order, fill.symbol, -fill.quantity, fill.price, time)
        self.totals.recount(order.family)
        return order

    def advance(self, order_id: OrderId, trigger: Trigger, time: Instant) -> None:
        """Anything else that happens to an order.

        What ends an entry before the broker took it ends its legs with it.
        """
        order = self.by_id[order_id]
        were_open = order.family.orders
        self._move(order, trigger, time)
        if trigger in (Trigger.WITHHOLD, Trigger.REJECT, Trigger.LOSE):
            for leg in order.protection:
                self._move(leg, trigger, time)
        if trigger is Trigger.REPLACE and order.state is OrderState.REPLACED:
            _take_over(order)
        if order.family.orders is were_open:
            self.totals.restate(order.family)
        else:
            self.totals.recount(order.family)

    def _keep(self, order: Order, decision: Decision, time: Instant) -> None:
        """Keep the decision whole as long as somebody may ask for all of its checks; the journal has it."""
        order.decide(decision, time)
        self._lately.append(order)
        if len(self._lately) > DECISIONS_KEPT:
            self._lately.popleft().decision = None

    def _move(self, order: Order, trigger: Trigger | None, time: Instant) -> None:
        was_open = order.state not in TERMINAL
        if trigger is not None:
            order.advance(trigger, time)
        if order.adds_risk:
            self._reserve(order)
        if was_open and order.state in TERMINAL:
            self._close(order)
            old = order.replaces
            if old is not None and old.state is not OrderState.REPLACED:
                # It never came in the place of that one, and never filled.
                old.replaced_by = None
                order.filled = order.filled_value = ZERO

    def _carry(self, order: Order, symbol: Symbol, quantity: Decimal, price: Decimal, time: Instant) -> None:
        """What an order fills, even late, whatever comes in its place counts as filled, too."""
        new = order.replaced_by
        if new is None:
            return
        trigger = Trigger.BUST if quantity < 0 else new.fill_trigger(symbol, quantity)
        new.take_fill(symbol, quantity, price)
        self._move(new, trigger if order.state is OrderState.REPLACED else None, time)
        self._carry(new, symbol, quantity, price, time)

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
        leg = Order(order.proposal, role, time, order.family)
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

    def _admit(self, order: Order, decision: Decision) -> None:
        """Count an order that may come to fill, and reserve for it."""
        if order.adds_risk:
            order.multiplier = self._multiplier(order.proposal.symbol)
            order.reserve_price = self._worst_price(order.proposal, decision)
        self._open(order)

    def _open(self, order: Order) -> None:
        for leg in order.legs:
            self.open_by_symbol.setdefault(leg.symbol, {})[order.id] = order
        order.family.orders += (order,)
        if not order.is_replacing:
            self._count(order, 1)
        if order.adds_risk:
            self._reserve(order)

    def _close(self, order: Order) -> None:
        for leg in order.legs:
            others = self.open_by_symbol.get(leg.symbol, {})
            others.pop(order.id, None)
            if not others:
                self.open_by_symbol.pop(leg.symbol, None)
        order.family.orders = tuple([each for each in order.family.orders if each is not order])
        stood_beside = order.replaces is not None and order.replaces.state not in TERMINAL
        is_followed = order.replaced_by is not None and order.replaced_by.state not in TERMINAL
        if not stood_beside and not is_followed:
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
        needed = _worst_cost(order)
        if order.is_replacing and order.replaces is not None:
            needed = max(ZERO, needed - _worst_cost(order.replaces))
        change = needed - order.reserved
        if change:
            order.reserved = needed
            self.open_notional[order.agent] = self.open_notional.get(order.agent, ZERO) + change
            self.open_notional_total += change
            about = order.proposal.strategy, order.legs
            self.open_by_table.change(about, change)
            if order.goes(_BUY):
                self.open_longs.change(order.agent, change, about)
            if order.goes(_SELL):
                self.open_shorts.change(order.agent, change, about)
        if order.replaced_by is not None and order.replaced_by.state not in TERMINAL:
            self._reserve(order.replaced_by)

    def _worst_price(self, proposal: Proposal, decision: Decision) -> Decimal:
        """What one unit may cost at the worst price that the decision knew.

        That is the marks of all legs, or a dearer price that the order names.
        """
        marks = {mark.symbol: mark.price or ZERO for mark in decision.inputs.marks}
        prices = [abs(leg.ratio) * marks.get(leg.symbol, ZERO) for leg in proposal.legs]
        multipliers = [self._multiplier(leg.symbol) for leg in proposal.legs]
        stated = (proposal.limit_price, proposal.stop_price, proposal.trigger(sum(prices, ZERO)))
        worst = max([price for price in stated if price is not None], default=ZERO)
        return max(sum(map(mul, prices, multipliers), ZERO), worst * max(multipliers), ZERO)

    def _multiplier(self, symbol: Symbol) -> Decimal:
        return self._multipliers.get(symbol, _ONE)


def _link(new: Order, old: Order) -> None:
    """Let `new` stand beside the order that it is to replace, a leg of the same, with what that filled."""
    new.replaces, old.replaced_by = old, new
    new.parent = old.parent
    new.filled, new.filled_value = old.filled, old.filled_value


def _take_over(old: Order) -> None:
    """The broker has put another order in the place of `old`: it has its legs now.

    Where there are any it has its quantity, too, which their fills may have changed.
    """
    new = old.replaced_by
    if new is None:
        return  # Somebody replaced it at the broker: what by is a stranger's.
    if old.protection or old.parent is not None:
        new.quantity = old.quantity
    new.protection, old.protection = old.protection, ()
    for leg in new.protection:
        leg.parent = new
    if old.parent is not None:
        old.parent.protection = tuple([new if leg is old else leg for leg in old.parent.protection])
    # That it has the one's place says that the broker has it; by which id, its own report does.
    new.advance(Trigger.ACCEPT, old.updated)


def _worst_cost(order: Order) -> Decimal:
    """What the rest of an entry may still cost; nothing once it has ended."""
    is_open = order.adds_risk and order.state not in TERMINAL
    return order.remaining * order.reserve_price if is_open else ZERO
