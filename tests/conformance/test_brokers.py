"""The suites run against every broker: the Alpaca adapter, over real sockets, against the real venue."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from decimal import Decimal

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    CorporateActionKind,
    CorporateActionSeen,
    Session,
    Settings,
)
from agenttrader.simulation.listings import Listing
from agenttrader.testing.broker_suite import BrokerSuite
from agenttrader.testing.broker_world import BrokerWorld, Heard, sending, until
from agenttrader.testing.fault_proxy import FaultProxy
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
ALFA = Symbol("ALFA")
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="SIM-1", cash=Decimal(100_000), shorting=False),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=from_rfc3339("2026-11-20T21:00:00Z")),
        Session(
            date="2026-11-21",
            open=from_rfc3339("2026-11-23T14:30:00Z"),
            close=from_rfc3339("2026-11-23T21:00:00Z"),
        ),
    ),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")),
    market_reserve_percent=3,
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account="SIM-1")}


class MemoryLog:
    """A log that outlives its venue, within one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class NoClock:
    """The market's time is not known: a broker must do without."""

    def now(self) -> None:
        return None


class VenueWorld(BrokerWorld):
    """Adapter → proxy → venue."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.symbol = ALFA
        self.since = OPEN
        self.faults = FaultProxy(lambda: self._address)
        self._address = ("", 0)
        self._log = MemoryLog()
        self._desk = Desk(SETTINGS, self._log)
        self._serving = AsyncExitStack()
        self._minute = 0
        self._actions = 0
        self.broker = AlpacaBroker(
            address=lambda: self.faults.url,
            credential=Credential(key_id="KEY", secret=Secret("SECRET")),
            account=AccountName("SIM-1"),
            surroundings=Surroundings.SIMULATED,
            clock=NoClock(),
            emit=self.heard.emit,
            link=self.heard.link,
            patience=Patience(
                answer_seconds=1, ask_again_seconds=(0.02, 0.1, 0.3, 1), requests_per_minute_max=None
            ),
        )

    async def start_exchange(self) -> None:
        address = await self._serving.enter_async_context(serving(create_venue_app(self._desk, KEYS)))
        host, port = address.split(":")
        self._address = (host, int(port))

    async def stop_exchange(self) -> None:
        await self._serving.aclose()

    async def move_exchange(self) -> None:
        await self.stop_exchange()
        self._desk = Desk(SETTINGS, self._log)
        await self.start_exchange()

    def trade(self, low: int, high: int) -> None:
        start = Instant(OPEN + self._minute * MINUTE)
        self._minute += 1
        prices = {"open": Decimal(100), "low": Decimal(low), "high": Decimal(high), "close": Decimal(100)}
        self._desk.hear(Bar(symbol=ALFA, start=start, interval=MINUTE, volume=Decimal(100), **prices))
        self._desk.hear(Watermark(time=Instant(start + MINUTE)))

    def pay_dividend(self, cash: Decimal) -> None:
        self._act(CorporateActionKind.CASH_DIVIDEND, cash=cash)

    def split(self, new: int) -> None:
        self._act(CorporateActionKind.SPLIT, new_rate=Decimal(new))

    def _act(self, kind: CorporateActionKind, **values: Decimal) -> None:
        """An instant after all that the market has told."""
        self._actions += 1
        time = Instant(OPEN + self._minute * MINUTE + self._actions)
        assert self._desk.apply(CorporateActionSeen(symbol=ALFA, time=time, kind=kind, **values)).applied

    def orders_at_exchange(self) -> Sequence[str]:
        orders = sorted(self._desk.exchange.books.orders.values(), key=lambda order: order.sequence)
        return [order.client_order_id for order in orders if order.entry is None]


class TestAlpacaBrokerAtTheVenue(BrokerSuite):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BrokerWorld]:
        world = VenueWorld()
        await world.start_exchange()
        world.trade(99, 101)
        async with world.faults:
            task = asyncio.create_task(world.broker.run())
            yield world
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await world.stop_exchange()

    async def test_a_stop_alone_goes_out_as_oto_and_protects(self, world: BrokerWorld) -> None:
        world.submit(sending(world, stop=Decimal(95)))
        await until(lambda: world.heard.reports(ReportKind.ACCEPTED))
        (stop,) = world.heard.reports(ReportKind.ACCEPTED)[0].legs
        assert (stop.stop_price, stop.limit_price) == (Decimal(95), None)
        world.trade(99, 101)
        world.trade(94, 101)
        await until(lambda: len(world.heard.reports(ReportKind.FILLED)) == 2)
        out = world.heard.reports(ReportKind.FILLED)[1]
        assert (out.broker_order_id, out.execution and out.execution.price) == (
            stop.broker_order_id,
            Decimal(95),
        )
        statement = await world.broker.statement(world.since)
        assert (statement.positions, statement.open_orders) == ((), ())
