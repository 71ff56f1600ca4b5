"""What subscribers are told: their own, in order, once it is on record; who does not keep up starts anew."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from agenttrader.app.gateway import stream as stream_module
from agenttrader.app.gateway.stream import Stream, Subscriber
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, ExecutionId
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Role
from agenttrader.model.times import rfc3339
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.native import (
    AccountMarked,
    FillMade,
    OrderChanged,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingChanged,
    WatermarkReached,
    decode_stream,
    encode,
)
from agenttrader.runtime.inputs import HaltAsked, Proposed
from agenttrader.testing.builders import AGENT, ALFA, OTHER_AGENT, at, proposal
from agenttrader.testing.small_gateway import SmallGateway

D = Decimal


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    made = SmallGateway()
    await made.trade()
    yield made
    await made.stop()


def heard(subscriber: Subscriber) -> list[StreamMessage]:
    """What waits to be sent."""
    messages = []
    while not subscriber.queue.empty():
        message = subscriber.queue.get_nowait()
        assert message is not None, "the subscriber was ended"
        messages.append(decode_stream(message))
    return messages


def names(messages: list[StreamMessage]) -> list[str]:
    return [type(message).__name__ for message in messages]


def subscribed(gateway: SmallGateway, agent: AgentName | None = AGENT) -> Subscriber:
    """A subscriber that has read its snapshot."""
    subscriber = gateway.stream.subscribe(agent)
    assert names(heard(subscriber)) == ["Snapshot"]
    return subscriber


async def test_the_first_message_is_everything_as_it_stands(gateway: SmallGateway) -> None:
    await gateway.session.ask(Proposed(proposal()))
    subscriber = gateway.stream.subscribe(AGENT)
    (snapshot,) = heard(subscriber)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.watermark == gateway.stream.watermark == "2026-11-20T14:31:00Z"
    assert [order.role for order in snapshot.orders] == ["entry", "stop", "target"]
    assert snapshot.trading.state == "active"


async def test_an_order_is_told_with_its_legs_positions_and_account(gateway: SmallGateway) -> None:
    subscriber = subscribed(gateway)
    await gateway.session.ask(Proposed(proposal()))
    messages = heard(subscriber)
    assert names(messages) == ["OrderChanged"] * 3 + ["PositionsChanged", "AccountMarked", "TradingChanged"]
    changed = [message.order for message in messages if isinstance(message, OrderChanged)]
    assert [(order.id, order.state) for order in changed] == [
        (proposal().id, "sending"),
        (protective_id(proposal().id, Role.STOP), "sending"),
        (protective_id(proposal().id, Role.TARGET), "sending"),
    ]


async def test_a_fill_is_told_before_what_it_changes(gateway: SmallGateway) -> None:
    await gateway.session.ask(Proposed(proposal()))
    (sent,) = gateway.broker.sent
    gateway.accept(sent)
    await gateway.settle()
    subscriber = subscribed(gateway)
    gateway.fill(sent)
    await gateway.settle()
    messages = heard(subscriber)
    assert names(messages)[:2] == ["FillMade", "OrderChanged"]
    assert messages[0] == FillMade(
        order_id=proposal().id,
        symbol=ALFA,
        side=proposal().side,
        quantity=D(10),
        price=D(100),
        fee=D(0),
        time="2026-11-20T14:31:00Z",
        execution_id=ExecutionId("e-1"),
    )
    (positions,) = [message for message in messages if isinstance(message, PositionsChanged)]
    assert [(each.symbol, each.protected_quantity) for each in positions.positions] == [(ALFA, D(10))]
    (account,) = [message for message in messages if isinstance(message, AccountMarked)]
    assert account.account.cash == 99_000
    assert gateway.stream.snapshot(AGENT).fills == (messages[0],), "who was away learns it from the snapshot"
    assert gateway.stream.snapshot(None).fills == (messages[0],)
    assert gateway.stream.snapshot(OTHER_AGENT).fills == ()


async def test_a_denial_is_told_to_its_agent(gateway: SmallGateway) -> None:
    subscriber = subscribed(gateway)
    await gateway.session.ask(Proposed(proposal(quantity=D(5_000))))
    (changed,) = [message for message in heard(subscriber) if isinstance(message, OrderChanged)]
    assert (changed.order.state, changed.order.denied_by) == ("denied", "order_quantity")


async def test_an_agent_hears_nothing_of_anothers_orders_and_an_operator_everything(
    gateway: SmallGateway,
) -> None:
    other, operator = subscribed(gateway, OTHER_AGENT), subscribed(gateway, None)
    await gateway.session.ask(Proposed(proposal()))
    gateway.accept(gateway.broker.sent[0])
    gateway.fill(gateway.broker.sent[0])
    await gateway.settle()
    assert {"OrderChanged", "FillMade"}.isdisjoint(names(heard(other)))
    assert {"OrderChanged", "FillMade"} <= set(names(heard(operator)))


async def test_each_watermark_follows_what_was_recorded_up_to_it(gateway: SmallGateway) -> None:
    subscriber = subscribed(gateway)
    gateway.session.market(Watermark(time=at(2)))
    await gateway.settle()
    messages = heard(subscriber)
    assert names(messages)[:2] == ["PositionsChanged", "AccountMarked"]
    assert messages[-1] == WatermarkReached(time="2026-11-20T14:32:00Z")
    assert gateway.stream.watermark == "2026-11-20T14:32:00Z"


class InTurn:
    """Subscribers of a session of which one agent comes first at each watermark."""

    def __init__(self, gateway: SmallGateway) -> None:
        self.gateway = gateway
        self.stream = Stream(gateway.session, first=OTHER_AGENT)
        self.first, self.others, self.person = map(self.stream.subscribe, (OTHER_AGENT, AGENT, None))
        for each in (self.first, self.others, self.person):
            heard(each)

    async def reach(self, minutes: int) -> None:
        self.gateway.session.market(Watermark(time=at(minutes)))
        await self.gateway.settle()

    def settle(self, minutes: int, subscriber: Subscriber | None = None) -> None:
        said = encode(WatermarkReached(time=rfc3339(at(minutes)))).decode()
        self.stream.hear(subscriber or self.first, said)

    def told(self, subscriber: Subscriber) -> list[str]:
        return [each.time for each in heard(subscriber) if isinstance(each, WatermarkReached)]


async def test_the_others_are_told_a_watermark_when_the_first_is_done_with_it(gateway: SmallGateway) -> None:
    turns = InTurn(gateway)
    await turns.reach(2)
    assert turns.told(turns.first) == ["2026-11-20T14:32:00Z"]
    assert turns.told(turns.others) == turns.told(turns.person) == []
    turns.settle(2)
    assert turns.told(turns.others) == turns.told(turns.person) == ["2026-11-20T14:32:00Z"]
    assert turns.told(turns.first) == []


async def test_what_the_first_did_is_told_before_the_watermark_that_it_did_it_at(
    gateway: SmallGateway,
) -> None:
    turns = InTurn(gateway)
    await turns.reach(2)
    await gateway.session.ask(Proposed(proposal()))
    turns.settle(2)
    told = names(heard(turns.others))
    assert told.index("OrderChanged") < told.index("WatermarkReached")


async def test_only_the_first_lets_time_go_on_and_to_no_time_that_has_not_come(gateway: SmallGateway) -> None:
    turns = InTurn(gateway)
    await turns.reach(2)
    turns.settle(2, turns.others)
    turns.settle(2, turns.person)
    turns.stream.hear(turns.others, "no message at all")
    turns.settle(3)
    assert turns.told(turns.others) == []
    turns.settle(2)
    turns.settle(2)
    turns.settle(1)
    assert turns.told(turns.others) == ["2026-11-20T14:32:00Z"]
    with pytest.raises(BadValue, match="stream: expected a /v1/stream message"):
        turns.stream.hear(turns.first, "no message at all")


async def test_a_snapshot_says_how_far_its_reader_has_been_told(gateway: SmallGateway) -> None:
    turns = InTurn(gateway)
    await turns.reach(2)
    turns.settle(2)
    await turns.reach(3)
    assert turns.stream.snapshot(OTHER_AGENT).watermark == turns.stream.watermark == "2026-11-20T14:33:00Z"
    for agent in (AGENT, None):
        assert turns.stream.snapshot(agent).watermark == "2026-11-20T14:32:00Z"
        (snapshot,) = heard(turns.stream.subscribe(agent))
        assert isinstance(snapshot, Snapshot)
        assert snapshot.watermark == "2026-11-20T14:32:00Z"


async def test_where_nobody_comes_first_what_subscribers_say_is_not_listened_to(
    gateway: SmallGateway,
) -> None:
    gateway.stream.hear(subscribed(gateway), "no message at all")


async def test_what_may_leave_is_told_when_it_changes_and_not_before(gateway: SmallGateway) -> None:
    subscriber = subscribed(gateway)
    gateway.session.market(Watermark(time=at(2)))
    await gateway.settle()
    heard(subscriber)
    gateway.session.market(Watermark(time=at(3)))
    await gateway.settle()
    assert "TradingChanged" not in names(heard(subscriber))
    await gateway.session.ask(HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "lunch"))
    (changed,) = heard(subscriber)
    assert isinstance(changed, TradingChanged)
    assert changed.trading.reasons == ("everything was halted by ada: lunch",)


async def test_a_switch_that_halts_at_rest_is_told_though_it_is_no_record() -> None:
    gateway = SmallGateway()
    await gateway.trade()
    await gateway.desk.close_window("ada", "enough")
    subscriber = subscribed(gateway)
    gateway.session.market(Watermark(time=at(2)))
    await gateway.settle()
    heard(subscriber)
    gateway.switch.state = TradingState.FROZEN
    await gateway.desk.read_switches()
    gateway.session.market(Watermark(time=at(3)))
    await gateway.settle()
    (changed,) = [message for message in heard(subscriber) if isinstance(message, TradingChanged)]
    assert changed.trading.state == "frozen"
    await gateway.stop()


async def test_who_does_not_keep_up_is_ended_and_slows_nobody(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "QUEUE_MAX", 4)
    slow = gateway.stream.subscribe(AGENT)
    monkeypatch.setattr(stream_module, "QUEUE_MAX", 1_000)
    quick = gateway.stream.subscribe(AGENT)
    await gateway.session.ask(Proposed(proposal()))
    assert [slow.queue.get_nowait(), slow.queue.empty()] == [None, True]
    told = len(heard(quick))
    assert told > 4
    gateway.accept(gateway.broker.sent[0])
    await gateway.settle()
    assert slow.queue.empty()
    assert heard(quick)


async def test_positions_are_told_to_their_agent_and_to_persons(gateway: SmallGateway) -> None:
    told = {agent: subscribed(gateway, agent) for agent in (AGENT, OTHER_AGENT, None)}
    await gateway.session.ask(Proposed(proposal()))
    gateway.accept(gateway.broker.sent[0])
    gateway.fill(gateway.broker.sent[0])
    await gateway.settle()
    for agent, held in ((AGENT, [ALFA]), (OTHER_AGENT, []), (None, [ALFA])):
        positions = [each for each in heard(told[agent]) if isinstance(each, PositionsChanged)]
        assert [position.symbol for position in positions[-1].positions] == held


async def test_who_left_is_told_nothing_more(gateway: SmallGateway) -> None:
    subscriber = subscribed(gateway)
    gateway.stream.unsubscribe(subscriber)
    gateway.stream.unsubscribe(subscriber)
    await gateway.session.ask(Proposed(proposal()))
    assert subscriber.queue.empty()


async def test_when_the_state_goes_back_everybody_starts_anew(gateway: SmallGateway) -> None:
    one, other = subscribed(gateway, AGENT), subscribed(gateway, None)
    for refolded in gateway.session.refolded_listeners:
        refolded()
    assert (one.queue.get_nowait(), other.queue.get_nowait()) == (None, None)
    await gateway.session.ask(Proposed(proposal()))
    await asyncio.sleep(0)
    assert one.queue.empty()
