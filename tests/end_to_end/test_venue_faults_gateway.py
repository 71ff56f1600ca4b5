"""A whole gateway at a venue that fails on purpose: what it must survive, counted at the venue itself."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal

import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.api.venue_faults import with_faults
from agenttrader.app.fault_kinds import (
    BustedFill,
    CorrectedFill,
    CutStream,
    DoubledMessage,
    ErrorAnswer,
    Fault,
    HalfAnswer,
    LateMessage,
    Latency,
    LostAnswer,
    LostMessage,
    RejectedOrder,
    ReorderedMessage,
    SilentStream,
    When,
)
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.authority import Act
from agenttrader.model.breaks import BreakKind
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.events import AnswerLost, BreakFound, Busted, Event, Filled
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import OrderState, Role
from agenttrader.model.times import MINUTE, Instant
from agenttrader.reconciliation.unknown import NOTHING
from agenttrader.runtime.acceptance import break_id
from agenttrader.runtime.inputs import StatementGiven
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import ACCOUNT, ALFA, CASH, CLOSE, DAY, FEES, OPEN, at, proposal, signed
from agenttrader.testing.gateway_at_venue import GatewayAtVenue
from agenttrader.testing.serving import serving

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
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=ACCOUNT)}
ORDERS = ("POST /v2/orders",)


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class World:
    """A gateway, the venue that it trades at, and what goes wrong between them."""

    def __init__(self, desk: Desk, faults: Faults, gateway: GatewayAtVenue) -> None:
        self.desk = desk
        self.faults = faults
        self.books = BookFaults(desk, faults)
        self.gateway = gateway
        self._minute = 0

    def trade(self, price: int = 100) -> None:
        """A minute of the market, heard by both."""
        start = Instant(OPEN + self._minute * MINUTE)
        self._minute += 1
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
        bar = Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(100_000), **prices)
        for said in (bar, Watermark(time=bar.end)):
            self.gateway.hear(said)
            self.desk.hear(said)

    def plan(self, kind: Any, only: tuple[str, ...] = (), **fields: Any) -> None:
        """Let it strike once."""
        fault: Fault = kind(only=only, per_mille=1_000, times=1, **fields)
        self.faults.plan(fault)

    def recorded(self, kind: type[Event]) -> list[Event]:
        """The gateway's records of one kind."""
        return [event for event in self.gateway.events() if isinstance(event, kind)]

    @property
    def entries(self) -> int:
        """How many orders the venue ever took, legs apart."""
        return sum(order.entry is None for order in self.desk.exchange.books.orders.values())

    async def agree(self) -> None:
        """Nothing is left between the book and the venue, and each fill was counted once."""
        compared = await self.gateway.compare()
        assert (compared.breaks, compared.failure) == ((), "")
        fills = [event for event in self.gateway.events() if isinstance(event, Filled)]
        assert len({fill.execution_id for fill in fills}) == len(fills)

    async def settled(self, order_id: OrderId) -> None:
        """It is known what became of the order's sending."""
        unsettled = (OrderState.SENDING, OrderState.UNKNOWN)
        await self.gateway.until(lambda: self.gateway.state(order_id) not in unsettled)

    def struck(self) -> list[str]:
        return [struck.fault for struck in self.faults.struck()]


@asynccontextmanager
async def opened() -> AsyncIterator[World]:
    desk, faults = Desk(SETTINGS, MemoryLog()), Faults(7, 0)
    async with serving(with_faults(create_venue_app(desk, KEYS), faults)) as address:
        gateway = GatewayAtVenue(
            lambda: f"http://{address}", Credential(key_id="KEY", secret=Secret("SECRET"))
        )
        world = World(desk, faults, gateway)
        following = asyncio.create_task(world.books.follow())
        try:
            await gateway.open()
            world.trade()
            yield world
        finally:
            await gateway.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened() as world:
        yield world


ENTRY = proposal(1)


async def test_without_a_fault_an_order_fills_once(world: World) -> None:
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert (world.entries, world.struck()) == (1, [])


@pytest.mark.parametrize(
    ("kind", "fields"),
    (
        (LostAnswer, {"when": When.AFTER}),
        (HalfAnswer, {}),
        (ErrorAnswer, {"when": When.AFTER, "status": 500}),
        (ErrorAnswer, {"when": When.AFTER, "status": 504}),
        (Latency, {"when": When.AFTER, "milliseconds": 1_300}),
        (Latency, {"when": When.BEFORE, "milliseconds": 1_300}),
    ),
)
async def test_silence_is_unknown_and_then_one_order(world: World, kind: Any, fields: Any) -> None:
    """Neither the answer nor the stream says a word; what became of it is found by asking, once."""
    world.plan(kind, ORDERS, **fields)
    world.plan(LostMessage, ("new",))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: any(isinstance(it, AnswerLost) for it in world.gateway.events()))
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert (world.entries, len(world.struck())) == (1, 2)


async def test_a_lost_answer_matters_not_where_the_stream_has_told_the_order(world: World) -> None:
    world.plan(LostAnswer, ORDERS, when=When.AFTER)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert (world.entries, len(world.struck())) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "fields"),
    (
        (LostAnswer, {"when": When.BEFORE}),
        (ErrorAnswer, {"when": When.BEFORE, "status": 500}),
        (ErrorAnswer, {"when": When.BEFORE, "status": 504}),
    ),
)
async def test_what_never_arrived_stays_unknown_is_told_and_is_not_sent_again(
    world: World, kind: Any, fields: Any
) -> None:
    """It counts as if it may fill, and its symbol is closed to entries, until somebody settles it."""
    world.plan(kind, ORDERS, **fields)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.UNKNOWN)
    world.trade()
    compared = await world.gateway.compare()
    assert [found.kind for found in compared.breaks] == [BreakKind.ORDER_UNKNOWN]
    following = proposal(2)
    await world.gateway.propose(following)
    assert world.gateway.state(following.id) is OrderState.DENIED
    assert world.gateway.state(ENTRY.id) is OrderState.UNKNOWN
    assert world.entries == world.gateway.position(ALFA) == 0
    (found,) = compared.breaks
    assert found.theirs == NOTHING
    word = signed(Act.ACCEPT_BREAK, start=OPEN, end=at(60), nonce="n", about=break_id(found))
    assert (await world.gateway.session.ask(StatementGiven(word))).refusal == ""
    assert world.gateway.state(ENTRY.id) is OrderState.CANCELED
    assert (await world.gateway.compare()).breaks == ()
    await world.gateway.propose(proposal(3))
    assert world.gateway.state(proposal(3).id) is not OrderState.DENIED


@pytest.mark.parametrize("only", (("new",), ("fill",), ()))
async def test_what_is_told_twice_counts_once(world: World, only: tuple[str, ...]) -> None:
    world.faults.plan(DoubledMessage(only=only, per_mille=1_000, times="always"))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert world.gateway.position(ALFA) == 10
    assert world.struck()


@pytest.mark.parametrize(
    ("kind", "fields"), ((ReorderedMessage, {"milliseconds": 2_000}), (LateMessage, {"milliseconds": 30}))
)
async def test_a_fill_that_comes_late_or_after_its_watermark_is_counted(
    world: World, kind: Any, fields: Any
) -> None:
    world.plan(kind, ("fill",), **fields)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert len(world.struck()) == 1


async def test_a_fill_that_is_told_before_its_accept_is_counted(world: World) -> None:
    """The answer to the order is late, the stream is not."""
    world.plan(Latency, ORDERS, when=When.AFTER, milliseconds=300)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.entries == 1)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.gateway.until(lambda: world.gateway.order(ENTRY.id).protection[0].broker_id)
    await world.agree()


async def test_a_fill_that_is_lost_is_found_by_the_next_comparison(world: World) -> None:
    world.plan(LostMessage, ("fill",))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.struck() == ["lost_message"])
    await asyncio.sleep(0.05)
    assert world.gateway.position(ALFA) == 0
    await world.agree()
    assert world.gateway.position(ALFA) == 10


async def test_a_stream_that_is_cut_at_a_fill_comes_up_again_and_tells_it(world: World) -> None:
    world.plan(CutStream, ("fill",))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.links == [True, False, True])
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()


@pytest.mark.parametrize(
    ("status", "becomes"),
    (
        pytest.param(500, OrderState.ACCEPTED, id="one that failed leaves the order as it is at the venue"),
        pytest.param(429, OrderState.CANCELED, id="one that came too soon is asked for again, and holds"),
    ),
)
async def test_a_refused_cancel_is_not_taken_for_a_cancel(
    world: World, status: Literal[429, 500], becomes: OrderState
) -> None:
    """The order is told as what it is at the venue."""
    world.plan(ErrorAnswer, ("DELETE /v2/orders",), when=When.BEFORE, status=status)
    resting = proposal(1, type=ENTRY.type.LIMIT, limit_price=Decimal(98))
    await world.gateway.propose(resting)
    await world.gateway.until(lambda: world.gateway.state(resting.id) is OrderState.ACCEPTED)
    await world.gateway.cancel(resting.id)
    await world.gateway.until(lambda: len(world.struck()) == 1)
    await world.gateway.until(lambda: world.gateway.state(resting.id) is becomes)
    await world.agree()
    assert not any(isinstance(event, BreakFound) for event in world.gateway.events())


async def test_an_order_that_is_refused_for_its_rate_is_rejected_and_did_not_arrive(world: World) -> None:
    world.plan(ErrorAnswer, ORDERS, when=When.BEFORE, status=429)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.REJECTED)
    await world.agree()
    assert world.entries == 0


async def test_an_order_that_arrived_and_was_answered_429_is_a_break_when_it_fills(world: World) -> None:
    """A broker that does so lies, and is believed until then; the fill counts, once, and trading halts."""
    world.plan(ErrorAnswer, ORDERS, when=When.AFTER, status=429)
    world.plan(LostMessage, ("new",))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.REJECTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    found = [event.found.kind for event in world.gateway.events() if isinstance(event, BreakFound)]
    assert BreakKind.IMPOSSIBLE_TRANSITION in found
    following = proposal(2)
    await world.gateway.propose(following)
    assert world.gateway.state(following.id) is OrderState.DENIED
    assert world.entries == 1


async def test_a_silent_stream_is_no_link_that_broke_and_a_comparison_hears_through_it(
    world: World,
) -> None:
    world.plan(SilentStream, ("new",), milliseconds=600_000)
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await asyncio.sleep(0.05)
    assert world.gateway.links == [True]
    assert world.gateway.position(ALFA) == 0
    await world.agree()
    assert world.gateway.position(ALFA) == 10


async def test_a_bust_is_told_and_what_it_took_back_is_not_held(world: World) -> None:
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.faults.plan(BustedFill(only=(), per_mille=1_000, times=1))
    world.trade()
    await world.gateway.until(lambda: world.recorded(Busted))
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 0)
    await world.agree()
    assert world.struck() == ["busted_fill"]


async def test_an_order_that_is_accepted_and_then_rejected_is_not_waited_for(world: World) -> None:
    world.faults.plan(RejectedOrder(only=(), per_mille=1_000, times=1, message="not today"))
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.REJECTED)
    world.trade()
    await world.agree()
    assert (world.entries, world.gateway.position(ALFA)) == (1, Decimal(0))


async def test_a_protective_leg_that_is_rejected_is_a_break(world: World) -> None:
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    stop = next(leg for leg in world.gateway.order(ENTRY.id).protection if leg.role is Role.STOP)
    assert stop.broker_id is not None
    world.books.reject(stop.broker_id, "not today")
    await world.gateway.until(lambda: world.gateway.state(stop.id) is OrderState.REJECTED)
    broken = [event.found.kind for event in world.gateway.events() if isinstance(event, BreakFound)]
    assert broken == [BreakKind.UNPROTECTED]


async def test_a_correction_counts_once_at_its_new_price(world: World) -> None:
    await world.gateway.propose(ENTRY)
    await world.gateway.until(lambda: world.gateway.state(ENTRY.id) is OrderState.ACCEPTED)
    world.faults.plan(CorrectedFill(only=(), per_mille=1_000, times=1, ticks=-100))
    world.trade()
    await world.gateway.until(lambda: world.recorded(Busted))
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 10)
    await world.agree()
    assert world.struck() == ["corrected_fill"]


@pytest.mark.parametrize("seed", range(4))
async def test_a_day_of_faults_by_seed_ends_in_agreement(seed: int) -> None:
    async with opened() as world:
        world.faults.seed = seed
        for fault in (
            LostAnswer(only=ORDERS, per_mille=150, times="always", when=When.AFTER),
            ErrorAnswer(only=ORDERS, per_mille=150, times="always", when=When.AFTER, status=504),
            HalfAnswer(only=ORDERS, per_mille=100, times="always"),
            DoubledMessage(only=(), per_mille=200, times="always"),
            ReorderedMessage(only=(), per_mille=200, times="always", milliseconds=20),
            LostMessage(only=(), per_mille=50, times="always"),
        ):
            world.faults.plan(fault)
        orders = [proposal(number, quantity=Decimal(number)) for number in range(1, 9)]
        for order in orders:
            await world.gateway.propose(order)
            await world.settled(order.id)
            world.trade()
        assert world.struck()
        await world.agree()
        filled = [order for order in orders if world.gateway.state(order.id) is OrderState.FILLED]
        assert world.entries == len(filled)
        assert world.gateway.position(ALFA) == sum(order.quantity for order in filled)
