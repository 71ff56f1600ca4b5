"""Exits that rest, from a proposal to the venue's book and back: a stop alone, a pair, and what ends them."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import Effect, ExitPlan, OrderState, OrderType, Proposal, TimeInForce
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import CancelAsked
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    CASH,
    CLOSE,
    DAY,
    FEES,
    OPEN,
    closing_proposal,
    proposal,
)
from agenttrader.testing.gateway_at_venue import GatewayAtVenue
from agenttrader.testing.serving import serving

S = OrderState
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name=ACCOUNT, cash=CASH, shorting=False),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=CLOSE),
        Session(date="2026-11-23", open=Instant(OPEN + 3 * DAY), close=Instant(CLOSE + 3 * DAY)),
    ),
    fees=FeeSchedule(sec_rate=FEES.sec_rate, taf_rate=FEES.taf_rate, taf_cap=FEES.taf_cap),
    market_reserve_percent=3,
    volume_percent=10,
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=ACCOUNT)}


class NoLog:
    """A log that nobody reads again."""

    def read(self) -> Iterator[bytes]:
        return iter(())

    def append(self, entry: bytes) -> None:
        pass


class World:
    """A gateway at a venue, and the one market that both hear."""

    def __init__(self, desk: Desk, gateway: GatewayAtVenue) -> None:
        self.desk = desk
        self.gateway = gateway
        self._minute = 0

    def trade(self, price: int = 100, volume: int = 100_000) -> None:
        """A minute of the market at one price."""
        start = Instant(OPEN + self._minute * MINUTE)
        self._minute += 1
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
        bar = Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(volume), **prices)
        for said in (bar, Watermark(time=bar.end)):
            self.gateway.hear(said)
            self.desk.hear(said)

    async def hold_bare(self) -> None:
        """10 ALFA, bought at 100, whose bracket a person has ended."""
        entry = proposal(1)
        await self.gateway.propose(entry)
        await self.gateway.until(lambda: self.gateway.state(entry.id) is S.ACCEPTED)
        self.trade()
        await self.gateway.until(lambda: self.gateway.position(ALFA) == 10)
        order = self.gateway.order(entry.id)
        await self.gateway.session.ask(CancelAsked(order.protection[0].id, by="ada", reason="test"))
        await self.gateway.until(lambda: all(leg.state is S.CANCELED for leg in order.protection))

    async def rest(self, exit_: Proposal) -> Order:
        """The exit rests at the venue."""
        await self.gateway.propose(exit_)
        order = self.gateway.order(exit_.id)
        assert order.denied_by is None
        await self.gateway.until(lambda: all(each.state is S.ACCEPTED for each in order.pair))
        await self.agree()
        return order

    async def ended(self, order: Order, *states: OrderState) -> None:
        """Its pair has ended so, the order first."""
        await self.gateway.until(lambda: tuple(each.state for each in order.pair) == states)

    async def agree(self) -> None:
        """Nothing is left between the book and the venue."""
        compared = await self.gateway.compare()
        assert (compared.breaks, compared.failure) == ((), "")

    def refusal(self, order_id: OrderId) -> str:
        """Why the agent may not cancel it."""
        step = self.gateway.session.engine.handle(
            CancelAsked(order_id, "agent", "enough", self.gateway.order(order_id).agent), OPEN
        )
        return step.refusal


@pytest.fixture
async def world() -> AsyncIterator[World]:
    desk = Desk(SETTINGS, NoLog())
    async with serving(create_venue_app(desk, KEYS)) as address:
        gateway = GatewayAtVenue(
            lambda: f"http://{address}", Credential(key_id="KEY", secret=Secret("SECRET"))
        )
        world = World(desk, gateway)
        try:
            await gateway.open()
            world.trade()
            await world.hold_bare()
            yield world
        finally:
            await gateway.close()


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
