"""A fall through the ladder at a venue over real sockets: all is closed once, and the books agree."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from agenttrader.api.venue import create_venue_app
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Decided, Halted
from agenttrader.model.orders import ExitPlan, OrderState, OrderType
from agenttrader.runtime.breakers import DRAWDOWN, FLATTENER
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import ALFA, proposal, rules
from agenttrader.testing.venue_world import World, venue_world

S = OrderState
D = Decimal
LADDER = replace(
    BREAKERS, soft_fraction=D("0.1"), medium_fraction=D("0.2"), hard_fraction=D("0.3"), flatten=True
)
FAR = ExitPlan(stop=D(10), target=D(300))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with venue_world(create_venue_app, rules(breakers=LADDER)) as world:
        yield world


async def test_a_fall_closes_what_is_held_and_what_fills_meanwhile(world: World) -> None:
    gateway = world.gateway

    def closes() -> list[Decided]:
        decided = [each for each in gateway.events() if isinstance(each, Decided)]
        return [each for each in decided if each.proposal.agent == FLATTENER]

    bought = proposal(1, quantity=D(900), exit_plan=FAR)
    resting = proposal(
        2, quantity=D(1), type=OrderType.LIMIT, limit_price=D(85), exit_plan=replace(FAR, target=D(110))
    )
    await gateway.propose(bought)
    await gateway.until(lambda: gateway.state(bought.id) is S.ACCEPTED)
    world.trade()
    await gateway.until(lambda: gateway.position(ALFA) == 900)
    await gateway.propose(resting)
    await gateway.until(lambda: gateway.state(resting.id) is S.ACCEPTED)
    world.trade()
    for _ in range(3):
        world.trade(60)
    await gateway.until(closes)
    (close,) = closes()
    await gateway.until(lambda: gateway.state(close.proposal.id) is S.ACCEPTED)
    for _ in range(3):
        world.trade(60)
    await gateway.until(lambda: gateway.state(close.proposal.id) is S.FILLED)
    await world.agree()
    assert gateway.position(ALFA) == 0
    # The other entry had filled in the fall before its cancel came; what it bought left with the rest.
    assert gateway.state(resting.id) is S.FILLED
    assert [each.decision.denied_by for each in closes()] == [None]
    events = gateway.events()
    hard = [each for each in events if isinstance(each, Halted) and each.state is TradingState.HALTED]
    assert [each.by for each in hard] == [DRAWDOWN]
    assert not list(gateway.session.engine.state.book.orders.open_orders())
