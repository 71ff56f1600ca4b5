"""One order in the place of another, from a request to the venue's book and back, with its awkward habits."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.model.events import Accepted, Event, Replaced
from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import (
    Changes,
    Effect,
    ExitPlan,
    OrderState,
    OrderType,
    Proposal,
    TimeInForce,
)
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import ReplaceAsked, Reported
from agenttrader.simulation.inputs import Habits
from agenttrader.testing.builders import AGENT, ALFA, OPEN, closing_proposal, proposal, segment
from agenttrader.testing.hostile_day import folded
from agenttrader.testing.venue_world import World, venue_world

S = OrderState
D = Decimal


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with venue_world(create_venue_app) as world:
        yield world


@pytest.fixture
async def slow_world() -> AsyncIterator[World]:
    """Its requests take a minute of the data's time."""
    async with venue_world(create_venue_app, habits=Habits(pending_seconds=60)) as world:
        yield world


def limited(price: int, **changes: Any) -> Proposal:
    return proposal(1, type=OrderType.LIMIT, limit_price=D(price), **changes)


async def working(world: World, asked: Proposal) -> Order:
    await world.gateway.propose(asked)
    order = world.gateway.order(asked.id)
    assert order.denied_by is None
    await world.gateway.until(lambda: all(each.state is S.ACCEPTED for each in (order, *order.protection)))
    return order


async def ask(world: World, old: Order, name: str = "new", **changes: Any) -> Order:
    replacement = OrderId(name)
    outcome = await world.gateway.session.ask(
        ReplaceAsked(old.id, replacement, Changes(**changes), AGENT, "nearer")
    )
    assert outcome.refusal == ""
    order = world.gateway.order(replacement)
    assert order.denied_by is None
    return order


async def replaced(world: World, old: Order, name: str = "new", **changes: Any) -> Order:
    """The venue has put another order in its place."""
    new = await ask(world, old, name, **changes)
    await world.gateway.until(lambda: old.state is S.REPLACED and new.broker_id is not None)
    await world.agree()
    return new


async def test_an_entry_is_replaced_twice_and_its_legs_protect_what_the_last_one_fills(world: World) -> None:
    first = await working(world, limited(98))
    legs = first.protection
    second = await replaced(world, first, limit_price=D(99))
    third = await replaced(world, second, "newer", limit_price=D("99.5"))
    assert (third.protection, third.state) == (legs, S.ACCEPTED)
    world.trade(99)
    await world.gateway.until(lambda: third.state is S.FILLED)
    await world.gateway.until(lambda: world.gateway.session.engine.state.book.covered(ALFA) == 10)
    world.trade(94)
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 0)
    await world.agree()


async def test_a_part_that_has_filled_counts_for_the_order_in_its_place(world: World) -> None:
    plan = ExitPlan(stop=D(95), target=D(130))
    old = await working(world, proposal(1, type=OrderType.TRAILING_STOP, trail_price=D(5), exit_plan=plan))
    world.trade(106, volume=40)
    await world.gateway.until(lambda: old.filled > 0)
    filled = old.filled
    new = await replaced(world, old, quantity=D(12))
    assert (old.filled, new.filled, new.state) == (filled, filled, S.PARTIALLY_FILLED)
    world.trade(106)
    await world.gateway.until(lambda: new.state is S.FILLED)
    assert world.gateway.position(ALFA) == 12
    await world.agree()


async def test_a_stop_and_a_target_are_moved_and_the_position_is_covered_throughout(world: World) -> None:
    entry = await working(world, proposal(1))
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    book = world.gateway.session.engine.state.book
    stop, target = entry.protection
    new_stop = await replaced(world, stop, "stop", stop_price=D(97))
    new_target = await replaced(world, target, "target", limit_price=D(105))
    assert (entry.protection, book.covered(ALFA)) == ((new_stop, new_target), D(10))
    assert world.gateway.session.engine.state.bare == {}
    world.trade(106)
    await world.gateway.until(lambda: new_target.state is S.FILLED and new_stop.state is S.CANCELED)
    assert world.gateway.position(ALFA) == 0
    await world.agree()


async def test_both_halves_of_a_pair_are_moved(world: World) -> None:
    await world.hold_bare()
    fields: dict[str, Any] = {"effect": Effect.REDUCE, "time_in_force": TimeInForce.GTC}
    plan = ExitPlan(stop=D(95))
    old = closing_proposal(50, type=OrderType.LIMIT, limit_price=D(110), exit_plan=plan, **fields)
    pair = await world.rest(old)
    stop = pair.protection[0]
    target = await replaced(world, pair, "target", limit_price=D(112))
    nearer = await replaced(world, stop, "stop", stop_price=D(96))
    assert target.pair == (target, nearer)
    world.trade(95)
    await world.gateway.until(lambda: nearer.state is S.FILLED and target.state is S.CANCELED)
    assert world.gateway.position(ALFA) == 0
    await world.agree()


async def test_what_the_venue_refuses_leaves_the_order_as_it_was(world: World) -> None:
    """A stop beyond the entry's price would trade at once when that fills."""
    old = (await working(world, limited(98))).protection[0]
    new = await ask(world, old, stop_price=D(99))
    await world.gateway.until(lambda: new.state is S.REJECTED)
    assert old.state is S.ACCEPTED
    await world.agree()
    await replaced(world, old, "better", stop_price=D(96))


async def test_a_replacement_that_loses_to_a_fill(slow_world: World) -> None:
    world = slow_world
    await world.gateway.propose(proposal(1, type=OrderType.LIMIT, limit_price=D(99)))
    old = world.gateway.order(proposal(1).id)
    await world.gateway.until(lambda: old.broker_id is not None)
    world.trade()
    world.trade()
    new = await ask(world, old, limit_price=D(98))
    await world.gateway.until(lambda: new.broker_id is not None)
    assert (old.state, new.state) == (S.REPLACE_REQUESTED, S.ACCEPTED)
    world.trade(97)
    await world.gateway.until(lambda: (old.state, new.state) == (S.FILLED, S.REJECTED))
    assert world.gateway.position(ALFA) == 10
    await world.agree()


async def test_all_that_happened_is_told_again_and_nothing_is_new(world: World) -> None:
    """As after a reconnect: the history holds orders in the place of others, legs among them."""
    entry = await working(world, proposal(1))
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await replaced(world, entry.protection[0], "stop", stop_price=D(97))
    before = len(world.gateway.events())
    await world.agree()
    news = world.gateway.events()[before:]
    assert {type(event).__name__ for event in news} == {"Reconciled"}


async def test_an_answer_that_was_lost_is_found_again_and_nothing_left_twice(world: World) -> None:
    """The venue has put the new order in its place, and nobody of ours has heard of it."""
    entry = await working(world, proposal(1))
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    stop = entry.protection[0]
    new = await replaced(world, stop, "stop", stop_price=D(97))
    # As a start finds it whose process died between record and answer.
    records = [record for record in world.gateway.journal.read() if not is_of_the_answer(record.event, new)]
    after = folded(records)
    after.start(segment(2), world.gateway.session.now or OPEN)
    lost_old, lost_new = (after.state.book.orders.by_id[each.id] for each in (stop, new))
    assert (lost_old.state, lost_new.state) == (S.REPLACE_REQUESTED, S.UNKNOWN)
    for report in await world.gateway.told_again():
        after.handle(Reported(report), world.gateway.session.now or OPEN)
    assert (lost_old.state, lost_new.state) == (S.REPLACED, S.ACCEPTED)
    assert (lost_new.broker_id, after.state.breaks) == (new.broker_id, ())


def is_of_the_answer(event: Event, new: Order) -> bool:
    """Whether it is what the broker said of the order, and of the one in whose place it came."""
    match event:
        case Accepted():
            return event.order_id == new.id
        case Replaced():
            return event.order_id == new.proposal.replaces
        case _:
            return False
