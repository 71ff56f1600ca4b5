"""Exits that rest, from a proposal to the venue's book and back: a stop alone, a pair, and what ends them."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.model.orders import Effect, ExitPlan, OrderState, OrderType, Proposal, TimeInForce
from agenttrader.testing.builders import ALFA, closing_proposal, proposal
from agenttrader.testing.venue_world import World, venue_world

S = OrderState


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with venue_world(create_venue_app) as world:
        await world.hold_bare()
        yield world


def resting(number: int, **changes: Any) -> Proposal:
    fields = {"effect": Effect.REDUCE, "time_in_force": TimeInForce.GTC}
    return closing_proposal(number, **(fields | changes))


def pair(number: int = 50) -> Proposal:
    plan = ExitPlan(stop=Decimal(95))
    return resting(number, type=OrderType.LIMIT, limit_price=Decimal(110), exit_plan=plan)


def stop(number: int = 50) -> Proposal:
    return resting(number, type=OrderType.STOP, stop_price=Decimal(95))


@pytest.mark.parametrize(
    ("price", "states"),
    ((111, (S.FILLED, S.CANCELED)), (94, (S.CANCELED, S.FILLED))),
    ids=("target", "stop"),
)
async def test_one_half_of_a_pair_leaves_the_position_and_ends_the_other(
    world: World, price: int, states: tuple[OrderState, ...]
) -> None:
    order = await world.rest(pair())
    world.trade(price)
    await world.ended(order, *states)
    assert world.gateway.position(ALFA) == 0
    await world.agree()


async def test_a_half_that_fills_in_part_leaves_the_other_as_much_as_itself(world: World) -> None:
    order = await world.rest(pair())
    world.trade(111, volume=30)
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 7)
    await world.agree()
    assert [each.remaining for each in order.pair] == [7, 7]
    world.trade(94)
    await world.ended(order, S.CANCELED, S.FILLED)
    assert world.gateway.position(ALFA) == 0
    await world.agree()


@pytest.mark.parametrize("exit_", (pair(), stop()), ids=("pair", "stop"))
async def test_a_close_ends_what_rests_and_takes_all_that_is_held(world: World, exit_: Proposal) -> None:
    order = await world.rest(exit_)
    close = closing_proposal(60)
    await world.gateway.propose(close)
    await world.gateway.until(lambda: world.gateway.state(close.id) is S.ACCEPTED)
    assert {each.state for each in order.pair} == {S.CANCELED}
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 0)
    await world.agree()


STOP_LIMIT: dict[str, Any] = {
    "type": OrderType.STOP_LIMIT,
    "stop_price": Decimal(95),
    "limit_price": Decimal(94),
}
TRAILING: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_price": Decimal(5)}
TRAILING_PER_CENT: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_percent": Decimal(5)}


@pytest.mark.parametrize(
    "exit_",
    (stop(), resting(50, **STOP_LIMIT), resting(50, **TRAILING), resting(50, **TRAILING_PER_CENT)),
    ids=lambda exit_: exit_.type.value,
)
async def test_a_stop_of_any_kind_leaves_the_position(world: World, exit_: Proposal) -> None:
    order = await world.rest(exit_)
    assert world.refusal(order.id) == "it protects a position; replace it, or close the position"
    world.trade(94)
    await world.ended(order, S.FILLED)
    assert world.gateway.position(ALFA) == 0
    await world.agree()


async def test_an_entry_that_no_bracket_goes_with_leaves_alone_and_is_protected_after_its_fill(
    world: World,
) -> None:
    first = await world.rest(pair())
    entry = proposal(2, **TRAILING)
    await world.gateway.propose(entry)
    await world.gateway.until(lambda: world.gateway.state(entry.id) is S.ACCEPTED)
    world.trade(106)
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 20)
    assert world.gateway.order(entry.id).protection == ()
    second = await world.rest(resting(51, **TRAILING))
    await world.agree()
    world.trade(94)
    await world.ended(first, S.CANCELED, S.FILLED)
    await world.ended(second, S.FILLED)
    assert world.gateway.position(ALFA) == 0
    await world.agree()
