"""A bot that is denied all the time is not listened to for a while: not its entries, or not its exits."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from agenttrader.app.gateway import denial_rates
from agenttrader.model.errors import AskedTooOften, BadValue
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import Changes, Effect, OrderState, OrderType, Proposal, Side
from agenttrader.protocols.native import encode, to_body
from agenttrader.testing.builders import AGENT, CHARLY, EXITS, OTHER_AGENT, proposal, rules
from agenttrader.testing.small_gateway import SmallGateway

TOO_MUCH = Decimal(5_000)


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallGateway]:
    monkeypatch.setattr(denial_rates, "DENIALS_PER_MINUTE_MAX", 3)
    made = SmallGateway()
    made.broker.on_submit = made.accept
    await made.trade()
    yield made
    await made.stop()


async def propose(gateway: SmallGateway, wanted: Proposal) -> OrderState:
    await gateway.desk.propose(encode(to_body(wanted)), wanted.agent)
    return gateway.order(wanted.id).state


async def deny(gateway: SmallGateway, first: int, count: int) -> None:
    for number in range(first, first + count):
        assert await propose(gateway, proposal(number, quantity=TOO_MUCH)) is OrderState.DENIED


def decided(gateway: SmallGateway) -> int:
    return sum(isinstance(event, Decided) for event in gateway.events())


async def test_what_would_be_one_denial_too_many_is_not_decided_nor_recorded(gateway: SmallGateway) -> None:
    await deny(gateway, 1, 3)
    for number in (4, 5):
        with pytest.raises(AskedTooOften, match="at most 3 denials of trader in a minute"):
            await propose(gateway, proposal(number))
    assert decided(gateway) == 3
    assert await propose(gateway, proposal(2, quantity=TOO_MUCH)) is OrderState.DENIED
    assert decided(gateway) == 3


async def test_an_agent_that_cancels_too_often_must_wait_and_a_person_need_not() -> None:
    base = rules().limits
    few = {name: replace(each, messages_per_minute_max=3) for name, each in base.agent.items()}
    made = SmallGateway(limits=replace(base, agent=few))
    made.broker.on_submit = made.accept
    await made.trade()
    for number in (1, 2):
        await propose(made, proposal(number, type=OrderType.LIMIT, limit_price=Decimal(99)))
    first, second = proposal(1).id, proposal(2).id
    for _ in range(2):
        await made.desk.cancel(first, AGENT, AGENT, "asked for")
    with pytest.raises(AskedTooOften, match="3 messages of trader left for the broker within a minute"):
        await made.desk.cancel(second, AGENT, AGENT, "asked for")
    with pytest.raises(BadValue, match="no order nobody's of yours is known"):
        await made.desk.cancel(OrderId("nobody's"), AGENT, AGENT, "asked for")
    assert made.broker.canceled == [first]
    await made.desk.cancel(second, None, "ada", "enough")
    assert made.broker.canceled == [first, second]
    await made.stop()


async def test_the_exits_unit_is_always_listened_to(gateway: SmallGateway) -> None:
    for number in range(1, 6):
        exit_ = proposal(number, agent=EXITS, side=Side.SELL, effect=Effect.REDUCE, exit_plan=None)
        assert await propose(gateway, exit_) is OrderState.DENIED
    assert decided(gateway) == 5


async def test_other_agents_and_its_own_exits_are_listened_to(gateway: SmallGateway) -> None:
    await deny(gateway, 1, 3)
    others = proposal(4, agent=OTHER_AGENT, strategy="", quantity=TOO_MUCH)
    assert await propose(gateway, others) is OrderState.DENIED
    exit_ = proposal(5, side=Side.SELL, effect=Effect.REDUCE, exit_plan=None)
    assert await propose(gateway, exit_) is OrderState.DENIED
    assert decided(gateway) == 5


async def test_it_is_listened_to_again_when_the_minute_is_over(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deny(gateway, 1, 3)
    monkeypatch.setattr(denial_rates, "MINUTE_SECONDS", 0.01)
    await asyncio.sleep(0.02)
    assert await propose(gateway, proposal(4)) is OrderState.ACCEPTED


async def test_a_replacement_is_a_new_order_too(gateway: SmallGateway) -> None:
    resting = proposal(1, type=OrderType.LIMIT, limit_price=Decimal(99))
    assert await propose(gateway, resting) is OrderState.ACCEPTED
    await deny(gateway, 2, 3)
    changes = Changes(limit_price=Decimal(98))
    with pytest.raises(AskedTooOften):
        await gateway.desk.replace(resting.id, changes, AGENT, replacement=proposal(9).id, reason="nearer")
    assert decided(gateway) == 4


async def test_nobody_learns_by_the_numbers_of_a_change_that_anothers_order_is_there(
    gateway: SmallGateway,
) -> None:
    mine = proposal(1, type=OrderType.LIMIT, limit_price=Decimal(99))
    await propose(gateway, mine)
    said = []
    for name in (mine.id, proposal(2).id):
        with pytest.raises(BadValue) as refusal:
            await gateway.desk.replace(
                name, Changes(quantity=Decimal("0.5")), OTHER_AGENT, replacement=proposal(9).id, reason="it"
            )
        said.append(str(refusal.value).replace(name, "NAME"))
    assert said[0] == said[1]
    assert CHARLY not in said[0]
