"""What every broker must do, as tests: subclass, make a world with a broker, and let pytest collect it.

The broker is reached through a proxy that breaks connections on request, and the exchange behind it is asked
directly what it has. So "exactly one order" is counted there, and never by who sent it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal

import pytest

from agenttrader.app.brokers.exam import CASES, sit
from agenttrader.app.conformance import Standing
from agenttrader.model.activities import ActivityKind
from agenttrader.model.identifiers import AccountName, BrokerOrderId, ClientOrderId
from agenttrader.model.market import Watermark
from agenttrader.model.orders import OrderType
from agenttrader.model.reports import ReportKind
from agenttrader.testing.broker_world import (
    BrokerWorld,
    bench_of,
    canceling,
    id_of,
    open_at_broker,
    sending,
    told,
    until,
)
from agenttrader.testing.fault_proxy import FaultProxy

ORDERS = b"POST /v2/orders"


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

    async def test_the_exam_is_passed_and_the_account_as_it_was(self, world: BrokerWorld) -> None:
        """What a person's own account is asked for before it is relied on."""
        statement = await world.broker.statement(world.since)
        sitting = await sit(bench_of(world), AccountName(statement.account), world.symbol)
        unmet = [finding for finding in sitting.findings if finding.standing is not Standing.PASS]
        assert (unmet, sitting.left) == ([], ())
        assert sitting.has_passed
        assert len(sitting.findings) == 1 + len(CASES)

    async def test_an_order_is_accepted_under_its_own_id(self, world: BrokerWorld) -> None:
        """And known to the exchange by it."""
        order = sending(world)
        world.submit(order)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        accepted = world.heard.reports(ReportKind.ACCEPTED)[0]
        assert accepted.client_order_id == id_of(order)
        assert accepted.broker_order_id
        assert world.orders_at_exchange() == [id_of(order)]

    async def test_a_fill_is_told_once_and_before_the_watermark_of_its_bar(self, world: BrokerWorld) -> None:
        """And counts in the statement under the same execution id."""
        world.submit(sending(world))
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
        assert not statement.permits.is_blocked

    async def test_a_bracket_protects_and_its_legs_exclude_each_other(self, world: BrokerWorld) -> None:
        """The stop fills, the target is canceled, and both are known by the ids that the accept told."""
        world.submit(sending(world, stop=Decimal(95), target=Decimal(110)))
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
        world.submit(sending(world))
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
        world.submit(sending(world, quantity=Decimal(1_000_000)))
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
            world.submit(order, lambda: halted[0] if halted else None)
        halted.append("halted meanwhile")
        await until(lambda: len(world.heard.reports(ReportKind.NOT_SENT)) == len(orders))
        assert {report.reason for report in world.heard.reports(ReportKind.NOT_SENT)} == {"halted meanwhile"}
        assert world.orders_at_exchange() == []

    async def test_orders_arrive_in_the_order_in_which_they_were_given(self, world: BrokerWorld) -> None:
        """All of them, once."""
        orders = [sending(world, number, quantity=Decimal(1)) for number in range(1, 41)]
        for order in orders:
            world.submit(order)
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
        world.submit(order)
        await until(lambda: world.heard.reports(ReportKind.ANSWER_LOST))
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        await world.faults.heal()
        following = sending(world, 2)
        world.submit(following)
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
        world.submit(sending(world))
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
        world.submit(order)
        await until(lambda: world.heard.reports(ReportKind.NOT_SENT))
        assert told(world, ReportKind.NOT_SENT) == [id_of(order)]
        await world.faults.heal()
        await until(lambda: world.heard.links == [True, False, True])
        assert world.orders_at_exchange() == []

    async def test_what_happened_while_nobody_listened_is_in_the_history(self, world: BrokerWorld) -> None:
        """The stream does not tell it again; told twice, the history is the same."""
        resting = sending(world, stop=Decimal(95), target=Decimal(110))
        world.submit(resting)
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
        world.submit(first)
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        await world.move_exchange()
        await until(lambda: world.heard.links == [True, False, True])
        second = sending(world, 2)
        world.submit(second)
        await until(lambda: id_of(second) in told(world, ReportKind.ACCEPTED))
        assert world.orders_at_exchange() == [id_of(first), id_of(second)]

    async def test_an_id_that_nobody_has_is_not_found(self, world: BrokerWorld) -> None:
        """By one report that says so."""
        (report,) = await world.broker.find(ClientOrderId("at-9-none"))
        assert (report.kind, report.client_order_id) == (ReportKind.NOT_FOUND, "at-9-none")

    async def _resting(self, world: BrokerWorld) -> BrokerOrderId:
        """The exchange's id of an order that rests there."""
        world.submit(sending(world, type=OrderType.LIMIT, limit_price=Decimal(50)))
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        broker_order_id = world.heard.reports(ReportKind.ACCEPTED)[0].broker_order_id
        assert broker_order_id is not None
        assert open_at_broker(await world.broker.statement(world.since)) == {broker_order_id}
        return broker_order_id
