"""What every broker must do, as tests: subclass, make a world with a broker, and let pytest collect it.

The broker is reached through a proxy that breaks connections on request, and the exchange behind it is asked
directly what it has. So "exactly one order" is counted there, and never by who sent it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any, Protocol

import pytest
from msgspec import structs

from agenttrader.model.activities import ActivityKind
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
from agenttrader.ports.order_route import OrderRoute
from agenttrader.testing.fault_proxy import FaultProxy

ORDERS = b"POST /v2/orders"
WAIT_SECONDS = 10


def nothing_halts() -> str | None:
    """A look that lets everything leave."""
    return None


class Heard:
    """What the broker told."""

    def __init__(self) -> None:
        self.said: list[ExecutionReport | Watermark] = []
        self.links: list[bool] = []

    def emit(self, said: ExecutionReport | Watermark) -> None:
        """Take a report or a watermark."""
        self.said.append(said)

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


class BrokerSuite(ABC):
    """The promises of `ports.order_route` and `ports.broker`, over a network that breaks."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[BrokerWorld]:
        """A world whose link is up, with an account of 100,000 that holds nothing."""

    @pytest.fixture
    async def world(self) -> AsyncIterator[BrokerWorld]:
        """The world of one test."""
        async with self.open() as world:
            await until(lambda: world.heard.links == [True])
            yield world

    async def test_an_order_is_accepted_under_its_own_id(self, world: BrokerWorld) -> None:
        """And known to the exchange by it."""
        order = sending(world)
        world.broker.submit(order, nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        accepted = world.heard.reports(ReportKind.ACCEPTED)[0]
        assert accepted.client_order_id == id_of(order)
        assert accepted.broker_order_id
        assert world.orders_at_exchange() == [id_of(order)]

    async def test_a_fill_is_told_once_and_before_the_watermark_of_its_bar(self, world: BrokerWorld) -> None:
        """And counts in the statement under the same execution id."""
        world.broker.submit(sending(world), nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        world.trade(99, 101)
        await until(lambda: world.heard.reports(ReportKind.FILLED))
        (filled,) = world.heard.reports(ReportKind.FILLED)
        assert filled.execution is not None
        assert (filled.execution.quantity, filled.execution.price) == (Decimal(10), Decimal(100))
        watermark = Watermark(time=filled.time)
        await until(lambda: watermark in world.heard.said)
        assert world.heard.said.index(filled) < world.heard.said.index(watermark)
        statement = await world.broker.statement(world.since)
        assert statement.executions == (filled.execution.id,)
        assert [(held.symbol, held.quantity) for held in statement.positions] == [(world.symbol, Decimal(10))]
        assert statement.cash == Decimal(99_000)
        assert statement.open_orders == ()
        assert not statement.blocked

    async def test_a_bracket_protects_and_its_legs_exclude_each_other(self, world: BrokerWorld) -> None:
        """The stop fills, the target is canceled, and both are known by the ids that the accept told."""
        world.broker.submit(sending(world, stop=Decimal(95), target=Decimal(110)), nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        legs = world.heard.reports(ReportKind.ACCEPTED)[0].legs
        (stop,) = (leg.broker_order_id for leg in legs if leg.stop_price == Decimal(95))
        (target,) = (leg.broker_order_id for leg in legs if leg.limit_price == Decimal(110))
        entry = world.heard.reports(ReportKind.ACCEPTED)[0].broker_order_id
        assert open_at_broker(await world.broker.statement(world.since)) == {entry, stop, target}
        world.trade(99, 101)
        world.trade(94, 101)
        await until(lambda: world.heard.reports(ReportKind.CANCELED))
        _, out = world.heard.reports(ReportKind.FILLED)
        assert (out.broker_order_id, out.execution and out.execution.price) == (stop, Decimal(95))
        assert world.heard.reports(ReportKind.CANCELED)[0].broker_order_id == target
        statement = await world.broker.statement(world.since)
        assert (statement.positions, statement.open_orders) == ((), ())
        assert {activity.kind for activity in statement.activities} == {ActivityKind.FEE}
        fees = -sum(activity.amount for activity in statement.activities)
        assert fees > 0
        assert statement.cash == Decimal(100_000) - 50 - fees

    async def test_what_moved_the_account_without_a_fill_is_stated(self, world: BrokerWorld) -> None:
        """As what it means; told again it is the same, and later too: a broker may have posted it late."""
        world.broker.submit(sending(world), nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        world.trade(99, 101)
        world.pay_dividend(Decimal("0.5"))
        world.split(2)
        statement = await world.broker.statement(world.since)
        assert [(each.kind, each.amount, each.quantity) for each in statement.activities] == [
            (ActivityKind.DIVIDEND, Decimal(5), Decimal(0)),
            (ActivityKind.SPLIT, Decimal(0), Decimal(10)),
        ]
        assert {each.symbol for each in statement.activities} == {world.symbol}
        assert len({each.id for each in statement.activities}) == len(statement.activities)
        assert [(held.symbol, held.quantity) for held in statement.positions] == [(world.symbol, Decimal(20))]
        assert statement.cash == Decimal(99_005)
        later = await world.broker.statement(statement.time)
        assert (later.executions, later.activities) == ((), statement.activities)

    async def test_what_the_exchange_refuses_is_rejected(self, world: BrokerWorld) -> None:
        """With its reason, and without a trace there."""
        world.broker.submit(sending(world, quantity=Decimal(1_000_000)), nothing_halts)
        await until(lambda: world.heard.kinds)
        (rejected,) = world.heard.reports()
        assert rejected.kind is ReportKind.REJECTED
        assert rejected.reason
        assert world.orders_at_exchange() == []

    async def test_a_cancel_is_told_when_it_is_done_and_refused_when_it_is_late(
        self, world: BrokerWorld
    ) -> None:
        """Asking twice does no harm."""
        broker_order_id = await self._resting(world)
        world.broker.cancel(canceling(broker_order_id))
        await until(lambda: world.heard.reports(ReportKind.CANCELED))
        assert world.heard.reports(ReportKind.CANCELED)[0].broker_order_id == broker_order_id
        world.broker.cancel(canceling(broker_order_id))
        await until(lambda: world.heard.reports(ReportKind.CANCEL_REFUSED))
        refused = world.heard.reports(ReportKind.CANCEL_REFUSED)[0]
        assert refused.broker_order_id == broker_order_id
        assert refused.reason

    async def test_a_halt_stops_what_still_waits_for_its_turn(self, world: BrokerWorld) -> None:
        """An order is looked at when its turn comes, not only when it was given."""
        halted: list[str] = []
        orders = [sending(world, number, quantity=Decimal(1)) for number in range(1, 21)]
        for order in orders:
            world.broker.submit(order, lambda: halted[0] if halted else None)
        halted.append("halted meanwhile")
        await until(lambda: len(world.heard.reports(ReportKind.NOT_SENT)) == len(orders))
        assert {report.reason for report in world.heard.reports(ReportKind.NOT_SENT)} == {"halted meanwhile"}
        assert world.orders_at_exchange() == []

    async def test_orders_arrive_in_the_order_in_which_they_were_given(self, world: BrokerWorld) -> None:
        """All of them, once."""
        orders = [sending(world, number, quantity=Decimal(1)) for number in range(1, 41)]
        for order in orders:
            world.broker.submit(order, nothing_halts)
        await until(lambda: len(set(told(world, ReportKind.ACCEPTED))) == len(orders))
        assert world.orders_at_exchange() == [id_of(order) for order in orders]

    @pytest.mark.parametrize(
        "loss",
        (
            lambda faults: faults.cut_after_request(ORDERS),
            lambda faults: faults.cut_before_answer(ORDERS),
            lambda faults: faults.answer_instead(504, ORDERS),
            lambda faults: faults.answer_instead(500, ORDERS),
            lambda faults: faults.delay(1.3, ORDERS),
        ),
        ids=("reset after the request", "reset before the answer", "504", "500", "time-out"),
    )
    async def test_an_answer_that_is_lost_makes_one_order(
        self, loss: Callable[[FaultProxy], None], world: BrokerWorld
    ) -> None:
        """Found by asking, sent once, filled once; the next order shows that nothing waits to be repeated."""
        loss(world.faults)
        order = sending(world)
        world.broker.submit(order, nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ANSWER_LOST))
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        await world.faults.heal()
        following = sending(world, 2)
        world.broker.submit(following, nothing_halts)
        await until(lambda: id_of(following) in told(world, ReportKind.ACCEPTED))
        assert world.orders_at_exchange() == [id_of(order), id_of(following)]
        assert [line for line in world.faults.forwarded if line.startswith(ORDERS)] == [
            b"POST /v2/orders HTTP/1.1"
        ] * 2
        world.trade(99, 101)
        orders = [id_of(order), id_of(following)]
        await until(lambda: sorted(told(world, ReportKind.FILLED)) == sorted(orders))
        fills = {report.execution.id for report in world.heard.reports() if report.execution}
        assert set((await world.broker.statement(world.since)).executions) == fills

    @pytest.mark.parametrize(
        "loss",
        (lambda faults: faults.cut_before_request(ORDERS), lambda faults: faults.black_hole(ORDERS)),
        ids=("reset before the request", "black hole"),
    )
    async def test_a_request_that_is_lost_makes_no_order(
        self, loss: Callable[[FaultProxy], None], world: BrokerWorld
    ) -> None:
        """Nobody can know that at first: it is lost, then not found, and never sent again."""
        loss(world.faults)
        world.broker.submit(sending(world), nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.NOT_FOUND))
        assert world.heard.kinds == [ReportKind.ANSWER_LOST, ReportKind.NOT_FOUND]
        await world.faults.heal()
        world.trade(99, 101)
        assert world.orders_at_exchange() == []
        assert await world.broker.history(world.since) == ()

    async def test_nobody_there_means_not_sent(self, world: BrokerWorld) -> None:
        """Not lost: no connection was made."""
        await world.faults.refuse()
        order = sending(world)
        world.broker.submit(order, nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.NOT_SENT))
        assert told(world, ReportKind.NOT_SENT) == [id_of(order)]
        await world.faults.heal()
        await until(lambda: world.heard.links == [True, False, True])
        assert world.orders_at_exchange() == []

    async def test_what_happened_while_nobody_listened_is_in_the_history(self, world: BrokerWorld) -> None:
        """The stream does not tell it again; told twice, the history is the same."""
        resting = sending(world, stop=Decimal(95), target=Decimal(110))
        world.broker.submit(resting, nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        await world.faults.refuse()
        world.trade(99, 101)
        world.trade(99, 111)
        await world.faults.heal()
        await until(lambda: world.heard.links == [True, False, True])
        assert world.heard.reports(ReportKind.FILLED) == []
        history = await world.broker.history(world.since)
        kinds = [report.kind for report in history]
        assert kinds == [ReportKind.ACCEPTED, ReportKind.FILLED, ReportKind.FILLED, ReportKind.CANCELED]
        assert history[0].legs
        executions = {report.execution.id for report in history if report.execution}
        assert executions == set((await world.broker.statement(world.since)).executions)
        assert await world.broker.history(world.since) == history
        assert [report.kind for report in await world.broker.find(id_of(resting))] == kinds

    async def test_a_cancel_whose_answer_is_lost_is_done_once(self, world: BrokerWorld) -> None:
        """The order's end is told, by the stream or by asking; nothing is refused."""
        broker_order_id = await self._resting(world)
        world.faults.cut_before_answer(b"DELETE")
        world.broker.cancel(canceling(broker_order_id))
        await until(lambda: world.heard.reports(ReportKind.CANCELED))
        assert world.heard.reports(ReportKind.CANCEL_REFUSED) == []

    async def test_a_broker_that_moves_is_found_again(self, world: BrokerWorld) -> None:
        """With all that it knew; orders go on."""
        first = sending(world)
        world.broker.submit(first, nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        await world.move_exchange()
        await until(lambda: world.heard.links == [True, False, True])
        second = sending(world, 2)
        world.broker.submit(second, nothing_halts)
        await until(lambda: id_of(second) in told(world, ReportKind.ACCEPTED))
        assert world.orders_at_exchange() == [id_of(first), id_of(second)]

    async def test_an_id_that_nobody_has_is_not_found(self, world: BrokerWorld) -> None:
        """By one report that says so."""
        (report,) = await world.broker.find(ClientOrderId("at-9-none"))
        assert (report.kind, report.client_order_id) == (ReportKind.NOT_FOUND, "at-9-none")

    async def _resting(self, world: BrokerWorld) -> BrokerOrderId:
        """The exchange's id of an order that rests there."""
        world.broker.submit(sending(world, type=OrderType.LIMIT, limit_price=Decimal(50)), nothing_halts)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        broker_order_id = world.heard.reports(ReportKind.ACCEPTED)[0].broker_order_id
        assert broker_order_id is not None
        assert open_at_broker(await world.broker.statement(world.since)) == {broker_order_id}
        return broker_order_id


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
