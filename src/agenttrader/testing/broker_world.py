"""A broker adapter with an exchange behind it and a network between them, as the suite drives it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import structs

from agenttrader.app.brokers.bench import Bench
from agenttrader.model.events import CancelRequested, Sending
from agenttrader.model.identifiers import (
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    Symbol,
    derive_client_order_id,
)
from agenttrader.model.instructions import Instruction
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Leg, OrderType, Side, TimeInForce
from agenttrader.model.records import Chain, Recorded
from agenttrader.model.reports import BrokerStatement, ExecutionReport, ReportKind
from agenttrader.model.times import Instant
from agenttrader.ports.broker import Broker
from agenttrader.ports.order_route import Look, OrderRoute
from agenttrader.testing.fault_proxy import FaultProxy

WAIT_SECONDS = 10


def nothing_halts() -> str | None:
    """A look that lets everything leave."""
    return None


class Heard:
    """What the broker told."""

    def __init__(self) -> None:
        self.said: list[ExecutionReport | Watermark] = []
        self.links: list[bool] = []
        self.listener: Callable[[ExecutionReport | Watermark], None] = lambda _: None
        """Who hears it, too."""

    def emit(self, said: ExecutionReport | Watermark) -> None:
        """Take a report or a watermark."""
        self.said.append(said)
        self.listener(said)

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001 - the broker's callback
        """Take a change of the link; that it is down for another reason is none."""
        assert reason
        if self.links[-1:] != [up]:
            self.links.append(up)

    def reports(self, kind: ReportKind | None = None) -> list[ExecutionReport]:
        """The reports so far, or those of one kind."""
        reports = [said for said in self.said if isinstance(said, ExecutionReport)]
        return [report for report in reports if kind in (None, report.kind)]

    @property
    def kinds(self) -> list[ReportKind]:
        """The kinds of the reports so far."""
        return [report.kind for report in self.reports()]


class Route(OrderRoute, Broker, Protocol):
    """A broker as the gateway has it."""

    async def run(self) -> None:
        """Carry orders and tell what becomes of them, until canceled."""
        ...


class BrokerWorld(ABC):
    """A running broker adapter, the exchange behind it, and the network between them. One symbol, at 100."""

    broker: Route
    heard: Heard
    faults: FaultProxy
    symbol: Symbol
    since: Instant
    """The session's open."""

    def submit(self, order: Recorded[Sending], look: Look = nothing_halts) -> None:
        """Let an entry leave."""
        self.broker.submit(order, look, urgent=False)

    @abstractmethod
    def trade(self, low: int, high: int) -> None:
        """A minute in which the symbol opens at 100 and trades between `low` and `high`."""

    @abstractmethod
    def pay_dividend(self, cash: Decimal) -> None:
        """Each share of the symbol pays so much."""

    @abstractmethod
    def split(self, new: int) -> None:
        """Each share of the symbol becomes so many."""

    @abstractmethod
    def orders_at_exchange(self) -> Sequence[str]:
        """The client order ids of all entries that the exchange ever took, in the order in which it did."""

    @abstractmethod
    async def move_exchange(self) -> None:
        """End the exchange and start it again, with all that it knew, on another port."""


def sending(world: BrokerWorld, number: int = 1, **changes: Any) -> Recorded[Sending]:
    """The record of an order about to leave: buy 10 at the market, for the day, with changes."""
    instruction = Instruction(
        legs=(Leg(world.symbol),),
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        stop=None,
        target=None,
    )
    event = Sending(order_id=OrderId(f"order-{number}"), instruction=structs.replace(instruction, **changes))
    return Recorded(Chain(number - 1).seal(event, world.since))  # type: ignore[arg-type]


def bench_of(world: BrokerWorld) -> Bench:
    """The world's broker as the exam holds it, from now on."""
    bench = bench_at(world.broker, world.since, WAIT_SECONDS)
    bench.link(up=True, reason="it stood before")
    world.heard.listener = bench.hear
    return bench


def bench_at(broker: Route, since: Instant, wait_seconds: float) -> Bench:
    """A broker as the exam holds it; whoever makes it lets the bench hear what it tells."""
    chain = Chain()

    sent: list[Recorded[Any]] = []

    def send(instruction: Instruction) -> ClientOrderId:
        event = Sending(order_id=OrderId(f"exam-{chain.sequence}"), instruction=instruction)
        sent.append(Recorded(chain.seal(event, since)))
        again()
        return id_of(sent[-1])

    def again() -> None:
        broker.submit(sent[-1], nothing_halts, urgent=False)

    return Bench(
        broker=broker,
        send=send,
        again=again,
        cancel=lambda order: broker.cancel(canceling(order)),
        wait_seconds=wait_seconds,
        now=since,
    )


def canceling(broker_order_id: BrokerOrderId) -> Recorded[CancelRequested]:
    """The record of a cancel about to leave."""
    event = CancelRequested(
        order_id=OrderId("order-1"), broker_order_id=broker_order_id, by="suite", reason="it must end"
    )
    return Recorded(Chain(1_000).seal(event, Instant(0)))  # type: ignore[arg-type]


def open_at_broker(statement: BrokerStatement) -> set[BrokerOrderId]:
    """The broker's ids of what it says is open."""
    return {order.broker_order_id for order in statement.open_orders}


def id_of(order: Recorded[Sending]) -> ClientOrderId:
    """The id under which the order must arrive."""
    return derive_client_order_id(order.sealed.sequence, order.sealed.hash)


def told(world: BrokerWorld, kind: ReportKind) -> list[ClientOrderId]:
    """The client order ids of the reports of one kind."""
    return [report.client_order_id for report in world.heard.reports(kind)]


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds; a test that waits in vain fails."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition raises no event
            await asyncio.sleep(0.002)
