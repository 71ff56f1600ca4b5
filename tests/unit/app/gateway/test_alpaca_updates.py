"""The stream in Alpaca's words: what each record tells, to whom, in which order, and who is ended."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from alpaca.trading import models

from agenttrader.app.gateway.alpaca_updates import _WORDS, AlpacaUpdates, updates_of
from agenttrader.app.trade_listener import TradeListener
from agenttrader.model.events import Busted, CancelRefused, Event, Restated, Suspended
from agenttrader.model.identifiers import (
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    StrategyName,
    derive_order_id,
)
from agenttrader.model.orders import Effect, ExitPlan, OrderType, Role, Side
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.records import Chain, Recorded, Sealed
from agenttrader.model.reports import ReportKind, StatedOrder
from agenttrader.model.times import rfc3339
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.alpaca_trade_updates import EVENTS, TradeUpdate, encode_stream
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import Proposed
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    MULTIPLIERS,
    OTHER_AGENT,
    at,
    client_id_of,
    closing_proposal,
    execution,
    proposal,
    report,
    reported_legs,
    rules,
    segment,
)
from agenttrader.testing.driver import READY, Driver
from agenttrader.testing.small_gateway import SmallGateway

D = Decimal
ENTRY = proposal().id
STOP, TARGET = protective_id(ENTRY, Role.STOP), protective_id(ENTRY, Role.TARGET)


class Told:
    """A driver that notes what each of its steps would tell."""

    def __init__(self) -> None:
        self.driver = Driver(Engine(rules(), State(MULTIPLIERS), Chain()))
        self.driver.start()
        self.driver.give(*READY)

    def since(self, count: int) -> list[TradeUpdate]:
        """What is told of the records after the first `count`, as of one batch."""
        recorded = [Recorded(each) for each in self.driver.records[count:]]
        return [update for _, update in updates_of(recorded, self.driver.engine)]

    @property
    def count(self) -> int:
        return len(self.driver.records)

    def enter(self) -> list[TradeUpdate]:
        count = self.count
        self.driver.propose(proposal())
        self.driver.report(ReportKind.ACCEPTED, ENTRY, legs=reported_legs("broker-1", D(95), D(110)))
        return self.since(count)

    def hear(self, kind: ReportKind, order_id: OrderId = ENTRY, **changes: Any) -> list[TradeUpdate]:
        count = self.count
        self.driver.report(kind, order_id, **changes)
        return self.since(count)


@pytest.fixture
def told() -> Told:
    return Told()


def words(updates: Sequence[TradeUpdate]) -> list[tuple[str, str, str]]:
    return [(each.event, each.order.type or "", each.order.status) for each in updates]


def test_every_event_is_one_that_alpaca_documents() -> None:
    assert {word for word, _ in _WORDS.values()} < EVENTS


def test_an_order_is_new_when_the_broker_has_it_and_not_before(told: Told) -> None:
    assert words(told.enter()) == [("new", "market", "new")]


def test_a_denial_is_told_nowhere(told: Told) -> None:
    count = told.count
    told.driver.propose(proposal(quantity=D(5_000)))
    assert told.count > count
    assert told.since(count) == []


def test_fills_say_what_filled_and_what_is_held_then(told: Told) -> None:
    told.enter()
    part = told.hear(ReportKind.FILLED, execution=execution("e-1", quantity=D(4), price=D("100.50")))
    assert words(part) == [("partial_fill", "market", "partially_filled")]
    assert (part[0].price, part[0].qty, part[0].position_qty) == (D("100.50"), D(4), D(4))
    whole = told.hear(ReportKind.FILLED, execution=execution("e-2", quantity=D(6)))
    assert words(whole) == [
        ("fill", "market", "filled"),
        ("new", "stop", "new"),
        ("new", "limit", "new"),
    ]
    assert (whole[0].qty, whole[0].position_qty, whole[0].order.filled_qty) == (D(6), D(10), D(10))
    assert whole[0].execution_id != part[0].execution_id


def test_of_several_records_at_once_each_is_told_as_it_was_then(told: Told) -> None:
    """They are folded together before any of them is told."""
    count = told.count
    told.enter()
    told.hear(ReportKind.FILLED, execution=execution("e-1", quantity=D(4), price=D(101)))
    told.hear(ReportKind.FILLED, execution=execution("e-2", quantity=D(6)))
    sale = execution("e-3", side=Side.SELL, price=D(95))
    told.hear(ReportKind.FILLED, STOP, execution=sale)
    told.hear(ReportKind.CANCELED, TARGET)
    updates = told.since(count)
    assert words(updates) == [
        ("new", "market", "new"),
        ("partial_fill", "market", "partially_filled"),
        ("fill", "market", "filled"),
        ("new", "stop", "new"),
        ("new", "limit", "new"),
        ("fill", "stop", "filled"),
        ("canceled", "limit", "canceled"),
    ]
    assert [each.order.filled_qty for each in updates] == [D(0), D(4), D(10), D(0), D(0), D(10), D(0)]
    assert [each.position_qty for each in updates if each.position_qty is not None] == [D(4), D(10), D(0)]
    assert updates[1].order.filled_avg_price == D(101)
    assert updates[2].order.filled_avg_price == D("100.4")


def test_what_is_told_is_read_by_alpaca_py(told: Told) -> None:
    told.enter()
    (fill, *_) = told.hear(ReportKind.FILLED, execution=execution("not a uuid"))
    body = msgspec.json.decode(encode_stream(fill))
    assert body["stream"] == "trade_updates"
    read = models.TradeUpdate(**body["data"])
    assert (read.event, read.qty, read.price, read.position_qty) == ("fill", 10, 100, 10)
    assert read.execution_id is not None


def test_the_brokers_own_execution_id_is_kept_where_it_is_a_uuid(told: Told) -> None:
    told.enter()
    name = "609f36a2-7b8e-9aa9-8384-ed96d3651d7c"
    assert told.hear(ReportKind.FILLED, execution=execution(name))[0].execution_id == name


@pytest.mark.parametrize(
    ("kind", "word", "status"),
    (
        (ReportKind.REJECTED, "rejected", "rejected"),
        (ReportKind.CANCELED, "canceled", "canceled"),
        (ReportKind.EXPIRED, "expired", "expired"),
        (ReportKind.REPLACED, "replaced", "replaced"),
        (ReportKind.SUSPENDED, "suspended", "suspended"),
        (ReportKind.DONE_FOR_DAY, "done_for_day", "done_for_day"),
    ),
)
def test_the_brokers_word_is_told(told: Told, kind: ReportKind, word: str, status: str) -> None:
    told.enter()
    assert words(told.hear(kind)) == [(word, "market", status)]


def test_what_never_left_is_rejected_there(told: Told) -> None:
    told.driver.propose(proposal())
    lost = told.hear(ReportKind.NOT_SENT, reason="no connection")
    assert words(lost) == [("rejected", "market", "rejected")]
    assert lost[0].order.failed_at is not None


def test_a_close_tells_first_of_the_protection_that_ends_for_it(told: Told) -> None:
    told.enter()
    told.hear(ReportKind.FILLED, execution=execution("e-1"))
    count = told.count
    told.driver.propose(closing_proposal())
    assert words(told.since(count)) == [
        ("pending_cancel", "stop", "pending_cancel"),
        ("pending_cancel", "limit", "pending_cancel"),
    ]


def test_records_without_a_status_of_their_own_keep_the_orders(told: Told) -> None:
    told.enter()
    chain = told.driver.engine.chain
    time = at(3)
    events: list[Event] = [
        Restated(order_id=ENTRY, time=time, raw="{}"),
        CancelRefused(order_id=ENTRY, time=time, reason="too late"),
        Suspended(order_id=ENTRY, time=time),
    ]
    sealed: list[Sealed[Event]] = []
    for event in events:
        sealed.append(chain.seal(event, time))
        told.driver.engine.state.apply(sealed[-1])
    updates = [each for _, each in updates_of([Recorded(each) for each in sealed], told.driver.engine)]
    assert words(updates) == [
        ("restated", "market", "new"),
        ("order_cancel_rejected", "market", "new"),
        ("suspended", "market", "suspended"),
    ]


def test_a_fill_that_was_taken_back_is_told(told: Told) -> None:
    told.enter()
    told.hear(ReportKind.FILLED, execution=execution("e-1"))
    bust = told.hear(ReportKind.BUSTED, execution=execution("e-1"))
    assert words(bust) == [("trade_bust", "market", "filled")]
    assert bust[0].order.filled_qty == 0
    assert _WORDS[Busted] == ("trade_bust", None)


# Listeners.


async def test_a_listener_hears_of_its_own_agent_once_it_listens() -> None:
    gateway = SmallGateway()
    updates = AlpacaUpdates(gateway.session)
    gateway.broker.on_submit = gateway.accept
    await gateway.trade()
    mine, others, deaf = TradeListener(), TradeListener(), TradeListener()
    for listener, agent in ((mine, AGENT), (others, OTHER_AGENT), (deaf, AGENT)):
        updates.add(listener)
        listener.enter(lambda agent=agent: AgentName(agent))  # type: ignore[misc] # its turn's own
    updates.listen(mine, ("trade_updates", "account_updates"))
    updates.listen(others, ("trade_updates",))
    assert said(mine) == [{"stream": "listening", "data": {"streams": ["trade_updates"]}}]
    said(others)
    await gateway.session.ask(Proposed(proposal()))
    await gateway.settle()
    assert [each["data"]["event"] for each in said(mine)] == ["new"]
    assert said(others) == said(deaf) == []
    updates.listen(mine, ())
    assert said(mine) == [{"stream": "listening", "data": {"streams": []}}]
    updates.remove(others)
    await gateway.session.ask(Proposed(proposal(2)))
    await gateway.settle()
    assert said(mine) == said(others) == []
    await gateway.stop()


async def test_when_the_state_goes_back_to_the_disks_every_listener_is_ended() -> None:
    gateway = SmallGateway()
    updates = AlpacaUpdates(gateway.session)
    listener = TradeListener()
    updates.add(listener)
    for refolded in gateway.session.refolded_listeners:
        refolded()
    assert listener.has_ended
    assert listener.queue.get_nowait() is None
    await gateway.stop()


def test_one_that_does_not_keep_up_is_ended_after_what_waits() -> None:
    slow = TradeListener(queue_max=2)
    for number in range(5):
        slow.tell(b"%d" % number)
    assert [slow.queue.get_nowait() for _ in range(slow.queue.qsize())] == [b"0", b"1", None]
    slow.tell(b"late")
    assert slow.queue.empty()


async def test_the_reason_of_an_end_is_kept_for_the_answer_that_waits_for_it() -> None:
    gateway = SmallGateway()
    updates = AlpacaUpdates(gateway.session)
    await gateway.trade()
    await gateway.session.ask(Proposed(proposal()))
    assert updates.reason_of(ENTRY) == "the reason stands in the journal"
    name = client_id_of(gateway.broker.sent[0].sealed)
    gateway.session.broker(report(ReportKind.REJECTED, name, reason="not today"))
    await gateway.settle()
    assert updates.reason_of(ENTRY) == "not today"
    await gateway.stop()


def said(listener: TradeListener) -> list[Any]:
    """What waits for it, taken."""
    return [
        msgspec.json.decode(message)
        for _ in range(listener.queue.qsize())
        if (message := listener.queue.get_nowait()) is not None
    ]


def test_a_close_that_kill_made_is_told_as_nobodys_when_it_fills(told: Told) -> None:
    told.enter()
    told.driver.fill(ENTRY, "e-1", 10)
    made = StatedOrder(
        broker_order_id=BrokerOrderId("b-9"),
        client_order_id=ClientOrderId("theirs"),
        symbol=ALFA,
        side=Side.SELL,
        type="market",
        quantity=D(10),
        time=at(1),
    )
    adopted = OrderAdopted(
        order_id=derive_order_id("adopted", "b-9"),
        order=made,
        strategy=StrategyName(""),
        by="kill by ann",
        reason="a side journal names it",
    )
    engine = told.driver.engine
    told.driver.records += engine.start(segment(2), told.driver.now, (adopted,)).records
    count = told.count
    told.driver.fill(adopted.order_id, "e-2", 10)
    recorded = [Recorded(each) for each in told.driver.records[count:]]
    assert [agent for agent, _ in updates_of(recorded, engine)] == ["kill by ann"]
    (update,) = told.since(count)
    assert (update.event, update.order.status, update.order.created_at) == ("fill", "filled", rfc3339(at(1)))


def test_a_pair_is_told_with_its_stop_which_can_trade_at_once(told: Told) -> None:
    told.enter()
    told.hear(ReportKind.FILLED, execution=execution("e-1", quantity=D(10)))
    for role in (Role.STOP, Role.TARGET):
        told.driver.report(ReportKind.CANCELED, protective_id(ENTRY, role))
    count = told.count
    pair = proposal(
        2,
        side=Side.SELL,
        effect=Effect.REDUCE,
        type=OrderType.LIMIT,
        limit_price=D(110),
        exit_plan=ExitPlan(stop=D(95)),
    )
    told.driver.propose(pair)
    told.driver.accept(pair.id)
    updates = told.since(count)
    assert words(updates) == [("new", "limit", "new"), ("new", "stop", "new")]
    assert {each.order.order_class for each in updates} == {"oco"}
    count = told.count
    told.driver.fill(pair.id, "e-2", 10, price=110)
    assert words(told.since(count)) == [("fill", "limit", "filled")]
