"""A whole gateway at a venue over a socket, through a night with late fees, a dividend and a split."""

import hashlib
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest
from msgspec.structs import replace

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.activities import ActivityKind
from agenttrader.model.breaks import BreakKind
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import CashPosted, Event, FeesPosted, Filled, PositionAdjusted
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import ExitPlan, OrderState, Proposal, Side
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.runtime.inputs import StatementGiven, SwitchSeen, WindowCloseAsked
from agenttrader.runtime.recovery import fold
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    CorporateActionKind,
    CorporateActionSeen,
    Habits,
    Session,
    Settings,
)
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import (
    ACCOUNT,
    ALFA,
    BRAVO,
    CASH,
    CLOSE,
    DAY,
    FEES,
    MULTIPLIERS,
    OPEN,
    closing_proposal,
    proposal,
    signed,
)
from agenttrader.testing.gateway_at_venue import GatewayAtVenue
from agenttrader.testing.serving import serving
from agenttrader.testing.small_venue import COIN, FIRST, SECRET, NoLog, SmallVenue, small_settings
from agenttrader.testing.small_venue import KEYS as SMALL_KEYS
from agenttrader.testing.state_dump import dump_state

NEXT_OPEN, NEXT_CLOSE = Instant(OPEN + 3 * DAY), Instant(CLOSE + 3 * DAY)
NIGHT = Instant(NEXT_OPEN - 600 * MINUTE)
SETTINGS = Settings(
    start=OPEN,
    listings=tuple(Listing(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1)) for symbol in (ALFA, BRAVO)),
    accounts=(AccountOpening(name=ACCOUNT, cash=CASH, shorting=True),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=CLOSE),
        Session(date="2026-11-23", open=NEXT_OPEN, close=NEXT_CLOSE),
        Session(date="2026-11-24", open=Instant(OPEN + 4 * DAY), close=Instant(CLOSE + 4 * DAY)),
    ),
    fees=FeeSchedule(
        sec_rate=FEES.sec_rate,
        taf_rate=FEES.taf_rate,
        taf_cap=FEES.taf_cap,
        cat_rate=Decimal("0.0000035"),
        easy_borrow_rate=Decimal("0.05"),
    ),
    market_reserve_percent=3,
    habits=Habits(late_fees=True),
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account=ACCOUNT)}
LONG = proposal(1)
SHORTS = [
    proposal(
        number,
        legs=(replace(LONG.legs[0], symbol=BRAVO),),
        side=Side.SELL,
        quantity=Decimal(30),
        exit_plan=ExitPlan(stop=Decimal(105), target=Decimal(90)),
    )
    for number in (2, 3)
]


class World:
    """A gateway, and the venue that it trades at."""

    def __init__(self, desk: Desk, gateway: GatewayAtVenue) -> None:
        self.desk = desk
        self.gateway = gateway
        self.book = gateway.session.engine.state.book
        self._time = OPEN

    def trade(self, prices: dict[Symbol, Decimal]) -> None:
        """A minute of the market, heard by both."""
        start = self._time
        for symbol, price in prices.items():
            four = dict.fromkeys(("open", "high", "low", "close"), price)
            bar = Bar(symbol=symbol, start=start, interval=MINUTE, volume=Decimal(100_000), **four)
            self.gateway.hear(bar)
            self.desk.hear(bar)
        self.pass_to(Instant(start + MINUTE))

    def pass_to(self, time: Instant) -> None:
        """Nothing happens until then."""
        self._time = time
        self.gateway.hear(Watermark(time=time))
        self.desk.hear(Watermark(time=time))

    def act(self, symbol: Symbol, kind: CorporateActionKind, **values: Decimal) -> None:
        """What a company does in the night between the two sessions."""
        seen = CorporateActionSeen(symbol=symbol, time=NIGHT, kind=kind, **values)
        assert self.desk.apply(seen).applied

    async def enter(self, *proposals: Proposal) -> None:
        """Each is taken and filled whole at 100."""
        for each in proposals:
            await self.gateway.propose(each)
            await self.gateway.until(lambda: self.gateway.state(each.id) is OrderState.ACCEPTED)  # noqa: B023
        self.trade({ALFA: Decimal(100), BRAVO: Decimal(100)})
        for each in proposals:
            await self.gateway.until(lambda: self.gateway.state(each.id) is OrderState.FILLED)  # noqa: B023

    async def agree(self) -> None:
        """Nothing is left between book and venue, to the last digit, and the journal says the same."""
        compared = await self.gateway.compare()
        assert (compared.breaks, compared.failure) == ((), "")
        again, _ = fold(self.gateway.journal, MULTIPLIERS)
        assert dump_state(again) == dump_state(self.gateway.session.engine.state)

    def recorded(self, kind: type[Event]) -> list[Event]:
        """The gateway's records of one kind."""
        return [event for event in self.gateway.events() if isinstance(event, kind)]

    def moved(self) -> list[tuple[ActivityKind, Symbol | None, Decimal]]:
        """What came or went in cash without a fill or a fee."""
        posted = [event.activity for event in self.gateway.events() if isinstance(event, CashPosted)]
        return [(each.kind, each.symbol, each.amount) for each in posted]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    desk = Desk(SETTINGS, NoLog())
    async with serving(create_venue_app(desk, KEYS)) as address:
        gateway = GatewayAtVenue(
            lambda: f"http://{address}",
            Credential(key_id="KEY", secret=Secret("SECRET")),
            unprotected_seconds_max=4 * 24 * 3600,  # what is held is bare over the nights
        )
        try:
            await gateway.open()
            world = World(desk, gateway)
            world.trade({ALFA: Decimal(100), BRAVO: Decimal(100)})
            yield world
        finally:
            await gateway.close()


async def through_the_night(world: World, close: Instant = CLOSE) -> None:
    """Into the night after a session, with every order of the day over."""
    world.pass_to(close)
    await world.gateway.until(lambda: not list(world.book.orders.open_orders()))


async def test_fees_that_come_after_the_close_take_the_place_of_what_was_reckoned(world: World) -> None:
    await world.enter(*SHORTS)
    await world.agree()
    reckoned = sum(fill.fee for fill in world.recorded(Filled) if isinstance(fill, Filled))
    assert world.book.estimates.total == world.book.fees == reckoned > 0
    assert world.recorded(FeesPosted) == []
    await through_the_night(world)
    await world.agree()
    (posted,) = world.recorded(FeesPosted)
    assert isinstance(posted, FeesPosted)
    assert {activity.date for activity in posted.activities} == {"2026-11-20"}
    assert world.book.estimates.total == 0
    assert world.book.fees == -sum(activity.amount for activity in posted.activities) != reckoned
    await world.agree()
    assert world.recorded(FeesPosted) == [posted]


async def test_a_night_with_a_split_a_dividend_and_interest_ends_in_agreement_and_trade_goes_on(
    world: World,
) -> None:
    await world.enter(LONG, *SHORTS)
    await through_the_night(world)
    await world.agree()
    world.act(ALFA, CorporateActionKind.SPLIT, new_rate=Decimal(7))
    world.act(BRAVO, CorporateActionKind.CASH_DIVIDEND, cash=Decimal("0.25"))
    await world.agree()
    holding = world.book.holdings[ALFA]
    assert (holding.quantity, holding.cost) == (Decimal(70), Decimal(1_000))
    assert len(world.recorded(PositionAdjusted)) == 1
    assert world.moved() == [(ActivityKind.DIVIDEND, BRAVO, Decimal(-15))]

    world.pass_to(NEXT_OPEN)
    await world.gateway.session.ask(WindowCloseAsked(by="ada", reason="the day is over"))
    world.gateway.switch.state = TradingState.ACTIVE
    window = signed(start=NEXT_OPEN, end=NEXT_CLOSE, nonce="the next day", issued_at=NEXT_OPEN)
    for received in (StatementGiven(window), SwitchSeen(world.gateway.switch.read())):
        assert (await world.gateway.session.ask(received)).refusal == ""
    world.trade({ALFA: Decimal("14.29"), BRAVO: Decimal(100)})
    close = closing_proposal(quantity=Decimal(70), decision_price=Decimal("14.29"), decision_time=NEXT_OPEN)
    await world.gateway.propose(close)
    await world.gateway.until(lambda: world.gateway.state(close.id) is OrderState.ACCEPTED)
    world.trade({ALFA: Decimal("14.30")})
    await world.gateway.until(lambda: world.gateway.position(ALFA) == 0)
    assert world.book.holdings[ALFA].realised == 1
    await world.agree()
    await through_the_night(world, NEXT_CLOSE)
    await world.agree()
    *_, interest = world.moved()
    assert interest == (ActivityKind.INTEREST, BRAVO, world.book.income + 15)
    assert world.book.income < -15


async def test_a_split_that_our_position_does_not_lead_through_halts_its_symbol(world: World) -> None:
    """Shares went without a word to us: what split was not what we hold."""
    await world.enter(LONG)
    await through_the_night(world)
    world.desk.exchange.books.ledger.split(ACCOUNT, world.desk.exchange.books.listings[ALFA], (1, 2))
    world.act(ALFA, CorporateActionKind.SPLIT, new_rate=Decimal(7))
    compared = await world.gateway.compare()
    assert [(found.kind, found.symbol) for found in compared.breaks] == [
        (BreakKind.POSITION, ALFA),
        (BreakKind.ACTIVITY, ALFA),
    ]
    assert "does not lead from our position to the broker's" in compared.breaks[1].sentence
    assert world.book.position(ALFA) == 10
    assert world.recorded(PositionAdjusted) == []


async def test_coins_are_one_symbol_and_what_the_venue_keeps_of_them_is_stated() -> None:
    """The venue tells the position as BTCUSD, the order and its fill as BTC/USD."""
    fees = FeeSchedule(sec_rate=ZERO, taf_rate=ZERO, taf_cap=ZERO, crypto_taker_rate=Decimal("0.0025"))
    venue = SmallVenue(small_settings(fees=fees))
    async with venue.served(create_venue_app(venue.desk, SMALL_KEYS)), aiohttp.ClientSession() as session:
        venue.bar(50_000, symbol=COIN)
        order = {"symbol": COIN, "qty": "0.4", "side": "buy", "type": "market", "time_in_force": "gtc"}
        keys = {"APCA-API-KEY-ID": "KEY-1", "APCA-API-SECRET-KEY": SECRET}
        async with session.post(f"{venue.url}/v2/orders", json=order, headers=keys) as answer:
            assert answer.status == 200
        venue.bar(50_000, symbol=COIN)
        broker = AlpacaBroker(
            address=lambda: venue.url,
            credential=Credential(key_id="KEY-1", secret=Secret(SECRET)),
            account=AccountName(FIRST),
            surroundings=Surroundings.SIMULATED,
            clock=WatermarkClock(),
            emit=lambda _: None,
            link=lambda *_: None,
            patience=Patience(requests_per_minute_max=None),
        )
        statement, history = await broker.statement(OPEN), await broker.history(OPEN)
        await broker.close()
    (held,), (kept,) = statement.positions, statement.activities
    assert (held.symbol, held.quantity) == (COIN, Decimal("0.399"))
    assert (kept.kind, kept.symbol, kept.quantity) == (ActivityKind.COIN_FEE, COIN, Decimal("-0.001"))
    assert [report.execution.symbol for report in history if report.execution] == [COIN]
