"""An engine with a hand on its inputs: what a test says in a word, the engine hears in full."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event
from agenttrader.model.identifiers import BrokerOrderId, OrderId
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    AccountStated,
    Input,
    LinkSeen,
    MarketSeen,
    Proposed,
    Reported,
    StatementGiven,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    BRAVO,
    CHARLY,
    MULTIPLIERS,
    OPEN,
    at,
    bar,
    broker_statement,
    compared,
    execution,
    proposal,
    report,
    reported_legs,
    rules,
    segment,
    signed,
    switch,
)

READY: Sequence[Input] = (
    LinkSeen("broker", up=True, reason="connected"),
    LinkSeen("marketdata", up=True, reason="connected"),
    AccountStated(broker_statement()),
    compared(),
    TimeReached(OPEN),
    StatementGiven(signed()),
    SwitchSeen(switch(TradingState.ACTIVE)),
    MarketSeen(bar(1, 100, ALFA)),
    MarketSeen(bar(1, 100, BRAVO)),
    MarketSeen(bar(1, 100, CHARLY)),
    TimeReached(at(1)),
)
"""What a gateway hears until it may trade."""


class Driver:
    """One engine, all that it recorded, and the time that it is told."""

    def __init__(self, engine: Engine, now: Instant = OPEN) -> None:
        self.engine = engine
        self.now = now
        self.records: list[Sealed[Event]] = []

    def start(self, epoch: int = 1) -> list[Event]:
        """Open the process's segment; the events that it made."""
        return self._took(self.engine.start(segment(epoch), self.now))

    def forget_prices(self) -> None:
        """As if no price had been seen yet."""
        for symbol in tuple(self.engine.market.prices):
            del self.engine.market.prices[symbol]
            self.engine.valued.see(symbol)

    def hear(self, received: Input) -> Step:
        """Hand in one input."""
        if isinstance(received, TimeReached):
            self.now = max(self.now, received.time)
        step = self.engine.handle(received, self.now)
        self._took(step)
        return step

    def give(self, *inputs: Input) -> list[Event]:
        """Hand in inputs, in order; the events that they made."""
        return [record.event for each in inputs for record in self.hear(each).records]

    def order(self, order_id: OrderId) -> Order:
        """The order as the book has it."""
        return self.engine.state.book.orders.by_id[order_id]

    def propose(self, *proposals: Proposal) -> list[Event]:
        """The agent proposes."""
        return self.give(*(Proposed(each) for each in proposals))

    def report(self, kind: ReportKind, order_id: OrderId, **changes: Any) -> list[Event]:
        """The broker says something of an order that left, or of a leg, which only it has a name for."""
        order = self.order(order_id)
        fields: dict[str, Any] = {
            "broker_order_id": order.broker_id or BrokerOrderId(f"broker-{order.client_id}"),
            "time": self.now,
        }
        return self.give(Reported(report(kind, order.client_id or "theirs", **(fields | changes))))

    def accept(self, order_id: OrderId) -> list[Event]:
        """The broker takes an order, with every leg that we expect."""
        order = self.order(order_id)
        prices = {leg.role.value: leg.stop_price or leg.limit_price for leg in order.protection}
        legs = reported_legs(f"broker-{order.client_id}", prices.get("stop"), prices.get("target"))
        return self.report(ReportKind.ACCEPTED, order_id, legs=legs)

    def fill(self, order_id: OrderId, name: str, quantity: int, price: int = 100) -> list[Event]:
        """The broker fills some of an order."""
        order = self.order(order_id)
        made = execution(
            name,
            symbol=order.legs[0].symbol,
            side=order.side,
            quantity=Decimal(quantity),
            price=Decimal(price),
        )
        return self.report(ReportKind.FILLED, order_id, execution=made)

    def enter(self, number: int = 1, **changes: Any) -> Order:
        """An entry that is decided, taken and filled whole, with its protection resting."""
        entry = proposal(number, **changes)
        self.propose(entry)
        self.accept(entry.id)
        self.fill(entry.id, f"entry-{number}", int(entry.quantity))
        return self.order(entry.id)

    def _took(self, step: Step) -> list[Event]:
        self.records += step.records
        return [record.event for record in step.records]


def at_rest(now: Instant = OPEN, **changes: Any) -> Driver:
    """A started engine that may do nothing yet."""
    driver = Driver(Engine(rules(**changes), State(MULTIPLIERS), Chain()), now)
    driver.start()
    return driver


def trading(**changes: Any) -> Driver:
    """An engine one minute into the day, with everything that it needs to trade."""
    driver = at_rest(**changes)
    driver.give(*READY)
    return driver
