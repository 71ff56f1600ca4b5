"""The venue that fails on purpose, met by alpaca-py's own clients, and as a process with its control port."""

import asyncio
import contextlib
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
import requests as http
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.stream import TradingStream

from agenttrader.adapters.announcements import Announcements
from agenttrader.api.venue import create_venue_app
from agenttrader.api.venue_control import create_control_app
from agenttrader.api.venue_faults import with_faults
from agenttrader.app.demo.setup import Run, Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.faults import Faults
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SETTINGS = Settings(
    start=OPEN,
    listings=(Listing(symbol="ALFA", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="DEMO-1", cash=Decimal(100_000), shorting=False),),
    sessions=(
        Session(date="2026-11-20", open=OPEN, close=from_rfc3339("2026-11-20T21:00:00Z")),
        Session(
            date="2026-11-23",
            open=from_rfc3339("2026-11-23T14:30:00Z"),
            close=from_rfc3339("2026-11-23T21:00:00Z"),
        ),
    ),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")),
    market_reserve_percent=3,
)
SECRET, TOKEN = "a secret of 256 bits", "a token of 256 bits"
TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(), account="DEMO-1")}
WAIT_SECONDS = 20

T = TypeVar("T")


class MemoryLog:
    """A log of one test."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        yield from list(self.entries)

    def append(self, entry: bytes) -> None:
        self.entries.append(entry)


class Control:
    """Whoever holds the control port's token."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def plan(self, fault: str, *only: str, times: int = 1, **fields: Any) -> None:
        body = {"fault": fault, "only": only, "per_mille": 1_000, "times": times, **fields}
        await self.ask("POST", "/v1/faults", body)

    async def struck(self) -> list[str]:
        """The words of the faults that have struck."""
        return [struck["fault"] for struck in (await self.ask("GET", "/v1/struck"))["struck"]]


class Venue:
    """A served venue with its control port, its market in our hand."""

    def __init__(self, desk: Desk, address: str, control: Control) -> None:
        self.desk = desk
        self.address = address
        self.control = control
        self.minute = 0

    def client(self) -> TradingClient:
        client = TradingClient("KEY", SECRET, url_override=f"http://{self.address}")
        client._retry_wait = 0
        return client

    def bar(self, price: int = 100) -> None:
        start = Instant(OPEN + self.minute * MINUTE)
        self.minute += 1
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
        self.desk.hear(
            Bar(symbol=Symbol("ALFA"), start=start, interval=MINUTE, volume=Decimal(100_000), **prices)
        )
        self.desk.hear(Watermark(time=Instant(start + MINUTE)))

    @property
    def orders(self) -> int:
        return len(self.desk.exchange.books.orders)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    desk, faults = Desk(SETTINGS, MemoryLog()), Faults(7, 0)
    async with (
        serving(with_faults(create_venue_app(desk, KEYS), faults)) as address,
        serving(create_control_app(faults, BookFaults(desk, faults), TOKEN_SHA256)) as control,
        aiohttp.ClientSession() as session,
    ):
        venue = Venue(desk, address, Control(f"http://{control}", session))
        venue.bar()
        yield venue


@asynccontextmanager
async def told(venue: Venue) -> AsyncIterator[list[str]]:
    """The events that alpaca-py's TradingStream is told from now on."""
    events: list[str] = []

    async def take(update: models.TradeUpdate) -> None:
        events.append(update.event)

    stream = TradingStream("KEY", SECRET, url_override=f"ws://{venue.address}/stream")
    stream.subscribe_trade_updates(take)
    running = asyncio.create_task(stream._run_forever())  # type: ignore[no-untyped-call]
    await until(lambda: listeners(venue) == 1)
    yield events
    await stream.stop_ws()
    await stream.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def listeners(venue: Venue) -> int:
    return sum(bool(listener.streams) for listener in venue.desk.updates._listeners)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the clients raise no event
            await asyncio.sleep(0.005)


async def call(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    return await asyncio.to_thread(function, *arguments, **named)


def market(**more: Any) -> requests.MarketOrderRequest:
    return requests.MarketOrderRequest(
        symbol="ALFA", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, **more
    )


@pytest.mark.parametrize(("when", "orders"), (("before", 0), ("after", 1)))
async def test_a_lost_answer_is_an_error_to_the_client_and_the_order_there_or_not(
    venue: Venue, when: str, orders: int
) -> None:
    await venue.control.plan("lost_answer", "POST /v2/orders", when=when)
    client = venue.client()
    with pytest.raises(http.exceptions.ConnectionError):
        await call(client.submit_order, market(client_order_id="mine"))
    assert await venue.control.struck() == ["lost_answer"]
    assert venue.orders == orders
    if orders:
        found = await call(client.get_order_by_client_id, "mine")
        assert isinstance(found, models.Order)
    else:
        with pytest.raises(APIError, match="not found"):
            await call(client.get_order_by_client_id, "mine")


async def test_a_504_after_the_act_makes_alpaca_py_send_the_order_again(venue: Venue) -> None:
    """Without an id of its own there are two orders; with one, the second is refused."""
    client = venue.client()
    await venue.control.plan("error_answer", "POST /v2/orders", when="after", status=504)
    await call(client.submit_order, market())
    assert venue.orders == 2
    await venue.control.plan("error_answer", "POST /v2/orders", when="after", status=504)
    with pytest.raises(APIError, match="client_order_id must be unique"):
        await call(client.submit_order, market(client_order_id="mine"))
    assert venue.orders == 3
    assert await venue.control.struck() == ["error_answer"] * 2


async def test_a_429_before_the_act_is_waited_out_by_alpaca_py(venue: Venue) -> None:
    await venue.control.plan("error_answer", "POST /v2/orders", times=2, when="before", status=429)
    order = await call(venue.client().submit_order, market())
    assert isinstance(order, models.Order)
    assert venue.orders == 1
    assert len(await venue.control.struck()) == 2


async def test_half_an_answer_and_a_500_are_errors_of_what_was_done(venue: Venue) -> None:
    client = venue.client()
    await venue.control.plan("half_answer", "POST /v2/orders")
    with pytest.raises(http.exceptions.RequestException):
        await call(client.submit_order, market())
    await venue.control.plan("error_answer", "POST /v2/orders", when="after", status=500)
    with pytest.raises(APIError):
        await call(client.submit_order, market())
    assert venue.orders == 2


async def test_alpaca_pys_stream_hears_double_and_misses_what_is_lost(venue: Venue) -> None:
    await venue.control.plan("doubled_message", "fill")
    await venue.control.plan("lost_message", "new")
    async with told(venue) as events:
        await call(venue.client().submit_order, market())
        venue.bar()
        await until(lambda: len(events) == 2)
    assert events == ["fill", "fill"]
    assert await venue.control.struck() == ["lost_message", "doubled_message"]


async def test_alpaca_pys_stream_comes_back_after_a_cut_and_is_not_told_what_it_missed(venue: Venue) -> None:
    await venue.control.plan("cut_stream", "fill")
    client = venue.client()
    async with told(venue) as events:
        await call(client.submit_order, market())
        venue.bar()
        await until(lambda: listeners(venue) == 0)
        await until(lambda: listeners(venue) == 1)
        await call(client.submit_order, market())
        await until(lambda: len(events) == 2)
    assert events == ["new", "new"]


FAULTS = f"""
[venue.faults]
listen = "127.0.0.1:0"
token_sha256 = "{TOKEN_SHA256}"
seed = 7

[[venue.faults.planned]]
fault = "lost_answer"
only = ["DELETE /v2/orders"]
per_mille = 1000
times = 1
when = "after"
"""
RESTING = {
    "symbol": "ALFA",
    "qty": "1",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "limit_price": "10",
}


class Process:
    """The venue as a role of its own."""

    def __init__(self, run: Run, faults: str, session: aiohttp.ClientSession) -> None:
        run.path.write_text(run.path.read_text() + faults)
        configuration = run.configuration
        key = configuration.credential(configuration.credentials.gateway.broker)
        self._path = run.path
        self._session = session
        self._headers = {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": key.secret.reveal()}
        self.announcements = Announcements(configuration.path(configuration.peers.announcements))
        self.start()

    def start(self) -> None:
        program = "from agenttrader.cli.main import main; main()"
        words = ["run", "venue", "--lifeline", "--config", str(self._path)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def stop(self) -> int:
        """Close the pipe that a parent holds; the exit code."""
        self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        address = (await self.announcements.find("venue", WAIT_SECONDS)).url
        async with self._session.request(method, address + path, json=body, headers=self._headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json() if answer.content_length else None

    async def control(self) -> Control:
        return Control((await self.announcements.find("venue_control", WAIT_SECONDS)).url, self._session)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return prepare(tmp_path, Wish(), maker(), Instant(0))


async def test_a_venue_that_is_told_to_end_in_mid_day_comes_back_from_its_log(run: Run) -> None:
    async with aiohttp.ClientSession() as session:
        venue = Process(run, FAULTS, session)
        try:
            order = await venue.ask("POST", "/v2/orders", RESTING)
            control = await venue.control()
            (planned,) = (await control.ask("GET", "/v1/faults"))["planned"]
            assert (planned["fault"]["fault"], planned["struck"]) == ("lost_answer", 0)
            await control.plan("restart", "POST /v2/orders", when="after")
            with pytest.raises(aiohttp.ClientError):
                await venue.ask("POST", "/v2/orders", RESTING)
            assert await asyncio.to_thread(venue.process.wait, WAIT_SECONDS) == 1
            venue.stop()
            assert venue.announcements.get("venue_control") is None
            venue.start()
            orders = await venue.ask("GET", "/v2/orders")
            assert len(orders) == 2
            assert order["id"] in {found["id"] for found in orders}
            assert await (await venue.control()).struck() == []
            assert venue.stop() == 0
        finally:
            if venue.process.poll() is None:
                venue.process.kill()
                venue.stop()


async def test_without_the_table_there_is_no_control_port(run: Run) -> None:
    async with aiohttp.ClientSession() as session:
        venue = Process(run, "", session)
        try:
            await venue.ask("GET", "/v2/orders")
            assert venue.announcements.get("venue_control") is None
            assert venue.stop() == 0
        finally:
            if venue.process.poll() is None:
                venue.process.kill()
                venue.stop()
