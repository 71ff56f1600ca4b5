"""Kill at a gateway's venue at any moment of a day: the next start knows what it closed, and trades again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agenttrader.adapters.alpaca.allowance import Allowance
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.alpaca.second_door import SecondDoor
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.adapters.side_journal import SideJournal, read_side_journals
from agenttrader.api.venue import create_venue_app
from agenttrader.api.venue_faults import with_faults
from agenttrader.app.fault_kinds import ErrorAnswer, Fault, HalfAnswer, LostAnswer, When
from agenttrader.app.kill import act
from agenttrader.app.kill.act import Kill
from agenttrader.app.kill.wish import Wish
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.authority import Act
from agenttrader.model.breaks import BreakKind
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound, BreakSettled, Event
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import Effect, ExitPlan, OrderState, OrderType, Proposal, Side
from agenttrader.model.outside import OrderAdopted
from agenttrader.model.times import MINUTE, Instant
from agenttrader.ports.fence import Fence
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.runtime.inputs import LinkSeen, StatementGiven, SwitchSeen
from agenttrader.runtime.meanwhile import meanwhile
from agenttrader.runtime.recovery import fold
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
    MULTIPLIERS,
    OPEN,
    proposal,
    signed,
)
from agenttrader.testing.gateway_at_venue import GatewayAtVenue
from agenttrader.testing.serving import serving
from agenttrader.testing.state_dump import dump_state

SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name=ACCOUNT, cash=CASH, shorting=True),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=CLOSE),
        Session(date="2026-11-23", open=Instant(OPEN + 3 * DAY), close=Instant(CLOSE + 3 * DAY)),
    ),
    fees=FeeSchedule(sec_rate=FEES.sec_rate, taf_rate=FEES.taf_rate, taf_cap=FEES.taf_cap),
    market_reserve_percent=3,
    volume_percent=10,
)
KEY = Credential(key_id="KEY", secret=Secret("SECRET"))
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=ACCOUNT)}
CLOSES = ("DELETE /v2/positions",)
LEAVING = frozenset({OrderState.SENDING, OrderState.UNKNOWN})
LIQUIDATE = Wish(cancel_orders=True, liquidate=True)
LOST: tuple[tuple[Any, dict[str, Any]], ...] = (
    (LostAnswer, {"when": When.AFTER}),
    (HalfAnswer, {}),
    (ErrorAnswer, {"when": When.AFTER, "status": 504}),
)


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class World:
    """A venue, one gateway after the other on one journal, and kill beside them."""

    def __init__(self, folder: Path, address: str, desk: Desk, faults: Faults) -> None:
        self.address, self.desk, self.faults = f"http://{address}", desk, faults
        self.heads = folder / "heads"
        self.journal = MemoryJournal()
        self.fence: Fence | None = None
        self.minute = 0
        self.gateway = self._gateway()

    def _gateway(self) -> GatewayAtVenue:
        acted, fence = read_side_journals(self.heads, ACCOUNT), self.fence
        return GatewayAtVenue(
            lambda: self.address,
            KEY,
            journal=self.journal,
            meanwhile=lambda state: meanwhile(state, fence, acted),
            unprotected_seconds_max=60,
        )

    @property
    def now(self) -> Instant:
        return Instant(OPEN + self.minute * MINUTE)

    def trade(self, price: int = 100, *, volume: int = 100_000) -> None:
        """A minute of the market, heard by both."""
        start, self.minute = self.now, self.minute + 1
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
        bar = Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(volume), **prices)
        for said in (bar, Watermark(time=bar.end)):
            self.gateway.hear(said)
            self.desk.hear(said)

    def plan(self, kind: Any, **fields: Any) -> None:
        """Let it strike the next closing call."""
        fault: Fault = kind(only=CLOSES, per_mille=1_000, times=1, **fields)
        self.faults.plan(fault)

    async def enter(self, entry: Proposal) -> None:
        """It is decided, and the venue has it."""
        await self.gateway.propose(entry)
        await self.gateway.until(lambda: self.gateway.state(entry.id) not in LEAVING)

    async def hold(self, **changes: Any) -> None:
        """Ten of ALFA with their stop and target."""
        entry = proposal(**changes)
        await self.enter(entry)
        self.trade()
        held = 10 * entry.side.sign
        await self.gateway.until(lambda: self.gateway.position(ALFA) == held)

    async def kill(self, seconds: float = 5, *, is_heard: bool = False, volume: int = 100_000) -> bool:
        """Kill, as minutes of so much volume go by; whether it is done.

        The gateway, where it runs, sends nothing any more. Without volume time stands still.
        """
        self.fence = Fence(epoch=self.epoch + 1, by="kill by ann", reason="enough", time=self.now)
        if is_heard:
            self.gateway.switch.state = TradingState.FROZEN
            await self.gateway.session.ask(SwitchSeen(self.gateway.switch.read()))
        door = SecondDoor(
            Connection(
                address=lambda: self.address,
                credential=KEY,
                account=ACCOUNT,
                surroundings=Surroundings.SIMULATED,
                answer_seconds=1,
                allowance=Allowance(None, lambda: 0.0),
            )
        )
        log = SideJournal(self.heads, ACCOUNT, "kill", "kill by ann", lambda: self.now)
        killing = asyncio.create_task(
            Kill(begun=(), tell=None, door=lambda: door, log=log).run(LIQUIDATE, seconds)
        )
        try:
            while not killing.done():
                await asyncio.sleep(0.02)
                if volume and any(order.type == "market" for order in await door.orders()):
                    self.trade(volume=volume)
            return (await killing).is_done
        finally:
            await door.shut()

    @property
    def epoch(self) -> int:
        segment = self.gateway.session.engine.state.segment
        return 1 if segment is None else segment.epoch

    async def restart(self) -> None:
        """Another process on the journal, that has compared its book."""
        await self.gateway.crash()
        self.gateway = self._gateway()
        await self.gateway.start(self.now)

    async def trades_again(self) -> None:
        """A person lifts the latch and opens a window; an entry fills, and the books agree."""
        epoch, gateway, start = self.epoch, self.gateway, Instant(self.now + 1)
        gateway.switch.state = TradingState.ACTIVE
        for received in (
            LinkSeen("marketdata", up=True, reason="by hand"),
            SwitchSeen(gateway.switch.read()),
            StatementGiven(signed(Act.RESUME, epoch=epoch, nonce=f"resume {epoch}", start=start)),
            StatementGiven(signed(Act.RESUME_WINDOW, epoch=epoch, nonce=f"window {epoch}")),
            SwitchSeen(gateway.switch.read()),
        ):
            assert (await gateway.session.ask(received)).refusal == ""
        self.trade()
        before = gateway.position(ALFA)
        entry = proposal(1_000 + epoch)
        await self.enter(entry)
        assert gateway.state(entry.id) is OrderState.ACCEPTED, gateway.order(entry.id).decision
        self.trade()
        await gateway.until(lambda: gateway.position(ALFA) == before + 10)
        await self.agree()

    async def agree(self) -> None:
        """Nothing is between book and venue, nothing that was found stands, and a fold says the same."""
        compared = await self.gateway.compare()
        assert (compared.breaks, compared.failure) == ((), "")
        assert self.gateway.session.engine.state.breaks == ()
        held = sum((each.signed_qty for each in self.desk.positions(ACCOUNT)), Decimal(0))
        assert self.gateway.position(ALFA) == held
        folded, _ = fold(self.journal, MULTIPLIERS)
        assert dump_state(folded) == dump_state(self.gateway.session.engine.state)

    def recorded(self, kind: type[Event]) -> list[Any]:
        """The records of one kind."""
        return [event for event in self.gateway.events() if isinstance(event, kind)]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    desk, faults = Desk(SETTINGS, MemoryLog()), Faults(7, 0)
    async with serving(with_faults(create_venue_app(desk, KEYS), faults)) as address:
        world = World(folder, address, desk, faults)
        try:
            await world.gateway.open()
            world.trade()
            yield world
        finally:
            await world.gateway.crash()
            await world.gateway.session.stop("the test is over")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as world:
        yield world


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act, "LOOK_AGAIN_SECONDS", 0.02)


SHORT = {"side": Side.SELL, "exit_plan": ExitPlan(stop=Decimal(105), target=Decimal(90))}


@pytest.mark.parametrize("is_up", (True, False))
@pytest.mark.parametrize("changes", ({}, SHORT))
async def test_what_kill_closed_is_ours_after_the_next_start(
    world: World, changes: dict[str, Any], *, is_up: bool
) -> None:
    await world.hold(**changes)
    if not is_up:
        await world.gateway.crash()
    assert await world.kill(is_heard=is_up)
    if is_up:
        world.trade()
        world.trade()
        # It heard of a stranger's order and fill, and that its own protection is gone.
        kinds = [BreakKind.ORDER_MISSING_HERE, BreakKind.ORDER_MISSING_HERE, BreakKind.UNPROTECTED]
        await world.gateway.until(lambda: len(world.recorded(BreakFound)) == len(kinds))
        assert sorted(each.found.kind.value for each in world.recorded(BreakFound)) == [
            kind.value for kind in kinds
        ]
    await world.restart()
    await world.agree()
    assert world.gateway.position(ALFA) == 0
    assert len(world.recorded(OrderAdopted)) == 1
    assert len(world.recorded(BreakSettled)) == (3 if is_up else 0)
    assert world.gateway.session.engine.standing().state is TradingState.HALTED
    await world.trades_again()


@pytest.mark.parametrize(("kind", "fields"), LOST)
async def test_of_an_answer_that_was_lost_the_history_leaves_no_doubt(
    world: World, kind: Any, fields: dict[str, Any]
) -> None:
    await world.hold()
    await world.gateway.crash()
    world.plan(kind, **fields)
    assert await world.kill()
    await world.restart()
    await world.agree()
    (adopted,) = world.recorded(OrderAdopted)
    assert "the answer was lost" in adopted.reason
    await world.trades_again()


@pytest.mark.parametrize("left", ("all", "a part"))
async def test_a_close_that_still_works_after_the_next_start_is_followed_to_its_end(
    world: World, left: str
) -> None:
    await world.hold()
    await world.gateway.crash()
    assert not await world.kill(0.3, volume=0)
    if left == "a part":
        world.trade(volume=40)
    await world.restart()
    held = world.gateway.position(ALFA)
    assert held == 10 if left == "all" else 0 < held < 10
    await world.agree()
    close = proposal(50, side=Side.SELL, effect=Effect.CLOSE, exit_plan=None, decision_price=Decimal(100))
    await world.gateway.propose(close)
    assert world.gateway.state(close.id) is OrderState.DENIED
    world.trade()
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 0)
    await world.trades_again()


async def test_what_somebody_did_by_hand_meanwhile_stays_a_break(world: World) -> None:
    """Two orders can have come of the call whose answer was lost; so neither is taken for ours."""
    await world.hold()
    await world.gateway.crash()
    world.plan(ErrorAnswer, when=When.BEFORE, status=504)
    assert not await world.kill(0.2, volume=0)
    world.desk.cancel(ACCOUNT, world.desk.close(ACCOUNT, ALFA, None).id)
    world.desk.close(ACCOUNT, ALFA, None)
    world.trade()
    await world.restart()
    kinds = {found.kind for found in world.gateway.session.engine.state.breaks}
    assert BreakKind.ORDER_MISSING_HERE in kinds
    assert BreakKind.POSITION in kinds
    assert world.recorded(OrderAdopted) == []


async def played(world: World, chance: Random) -> None:
    """Some of an agent's day."""
    for number in range(1, chance.randrange(2, 8)):
        side = chance.choice((Side.BUY, Side.BUY, Side.SELL))
        held = world.gateway.position(ALFA)
        changes: dict[str, Any] = {
            "side": side,
            "exit_plan": ExitPlan(stop=Decimal(100 - 8 * side.sign), target=Decimal(100 + 8 * side.sign)),
            "quantity": Decimal(chance.randrange(1, 20)),
        }
        match chance.randrange(5):
            case 0:
                away = Decimal(100 - chance.randrange(0, 6) * side.sign)
                changes |= {"type": OrderType.LIMIT, "limit_price": away}
            case 1 if held:
                side = Side.SELL if held > 0 else Side.BUY
                changes = {"side": side, "exit_plan": None, "effect": Effect.CLOSE, "quantity": abs(held)}
            case _:
                pass
        await world.gateway.propose(proposal(number, **changes))
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0.01 * chance.randrange(3))
            world.trade(chance.randrange(94, 107), volume=chance.choice((20, 60, 100_000)))
    # One that was leaving when its gateway died is unknown for good, kill or not.
    orders = world.gateway.session.engine.state.book.orders
    await world.gateway.until(lambda: all(each.state not in LEAVING for each in orders.open_orders()))


async def killed_at_any_point(folder: Path, seed: int) -> None:
    """A day, one kill or two, whose answers may be lost or that end early, the next start, and kill again."""
    chance = Random(seed)
    async with opened(folder) as world:
        await played(world, chance)
        is_up = chance.random() < 0.5
        if not is_up:
            await world.gateway.crash()
        for _ in range(chance.choice((0, 0, 1, 2))):
            kind, fields = chance.choice(LOST)
            world.plan(kind, **fields)
        seconds, volume = chance.choice(((0.05, 0), (0.3, 0), (0.3, 50), (5, 100_000)))
        for _ in range(chance.choice((1, 1, 2))):
            await world.kill(seconds, is_heard=is_up, volume=volume)
        await world.restart()
        for _ in range(3):
            world.trade()
            assert (await world.gateway.compare()).breaks == ()
        held = world.gateway.position(ALFA)
        # What a kill that was cut short left without protection is rightly told.
        told = {found.kind for found in world.gateway.session.engine.state.breaks}
        assert told <= ({BreakKind.UNPROTECTED} if held else set())
        await world.gateway.crash()
        assert await world.kill()
        await world.restart()
        await world.agree()
        assert world.gateway.position(ALFA) == 0
        await world.trades_again()


@pytest.mark.parametrize("seed", range(5))
async def test_wherever_kill_strikes_the_book_is_the_venues_after_the_next_start(
    tmp_path: Path, seed: int
) -> None:
    await killed_at_any_point(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
async def test_wherever_kill_strikes_the_book_is_the_venues_wide(tmp_path: Path, seed: int) -> None:
    await killed_at_any_point(tmp_path, seed)
