"""The venue as a process of its own: it finds its market data, is killed in mid-day, and comes back whole."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.api.broadcast import Broadcast
from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.demo.setup import Run, Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.simulation.market import FEED, NOTICE
from agenttrader.testing.serving import serving

ALFA = Symbol("ALFA")
BUY = {"symbol": "ALFA", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return prepare(tmp_path, Wish(), maker(), Instant(0))


@asynccontextmanager
async def market(run: Run) -> AsyncIterator[Broadcast]:
    """Market data that the venue finds by their announcement; what is told is in our hand."""
    configuration, broadcast = run.configuration, Broadcast()
    terms = Terms(
        feed=FEED,
        notice=NOTICE,
        keys={key.key_id: Digest(key.secret_sha256) for key in configuration.marketdata.keys},
        settle=lambda _participant, _time: None,
    )
    app = create_marketdata_app(
        broadcast, WatermarkClock(), terms, max_age_seconds=60, forced_stale=False, pace=None
    )
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    async with serving(app) as address:
        announcements.announce("marketdata", address)
        yield broadcast


class Venue:
    """The process, and questions to it."""

    def __init__(self, run: Run, session: aiohttp.ClientSession) -> None:
        configuration = run.configuration
        key = configuration.credential(configuration.credentials.gateway.broker)
        self._run = run
        self._session = session
        self._headers = {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": key.secret.reveal()}
        self._announcements = Announcements(configuration.path(configuration.peers.announcements))
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        program = "from agenttrader.cli.main import main; main()"
        words = ["run", "venue", "--lifeline", "--config", str(self._run.path)]
        return subprocess.Popen([sys.executable, "-c", program, *words], stdin=subprocess.PIPE)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def kill_and_start(self) -> None:
        self.kill()
        self.process = self._start()

    def let_go(self) -> int:
        """Close the pipe that a parent holds; the exit code."""
        self.process.communicate(timeout=10)
        return self.process.returncode

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        address = (await self._announcements.find("venue", 20)).url
        async with self._session.request(method, address + path, json=body, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def reach(self, time: Instant) -> None:
        """Wait until the venue has acted on everything up to `time`."""
        async with asyncio.timeout(20):
            while (await self.ask("GET", "/v2/clock"))["timestamp"] < rfc3339(time):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_a_venue_that_is_killed_in_mid_day_has_lost_nothing(run: Run) -> None:
    start = run.session.open

    def tell(minute: int, price: int) -> Instant:
        """The minute's bar and watermark."""
        value, end = Decimal(price), Instant(start + minute * MINUTE)
        prices = dict.fromkeys(("open", "high", "low", "close"), value)
        broadcast.publish(
            Bar(symbol=ALFA, start=Instant(end - MINUTE), interval=MINUTE, volume=Decimal(1), **prices)
        )
        broadcast.publish(Watermark(time=end))
        return end

    async with aiohttp.ClientSession() as session, market(run) as broadcast:
        broadcast.publish(Watermark(time=start))
        venue = Venue(run, session)
        try:
            await venue.reach(tell(1, 48))
            filled = await venue.ask("POST", "/v2/orders", BUY)
            await venue.reach(tell(2, 49))
            waiting = await venue.ask("POST", "/v2/orders", BUY)
            before = await venue.ask("GET", "/v2/account"), await venue.ask("GET", "/v2/orders?status=all")
            venue.kill_and_start()
            tell(3, 50)
            last = tell(4, 51)
            orders = {order["id"]: order for order in before[1]}
            assert orders[filled["id"]]["filled_avg_price"] == "49.00"
            await venue.reach(last)
            (position,) = await venue.ask("GET", "/v2/positions")
            assert (position["qty"], position["avg_entry_price"]) == ("20", "49.50")
            again = await venue.ask("GET", f"/v2/orders/{waiting['id']}")
            assert (again["filled_avg_price"], again["filled_at"]) == (
                "50.00",
                rfc3339(Instant(start + 3 * MINUTE)),
            )
            assert (
                Decimal((await venue.ask("GET", "/v2/account"))["cash"]) == Decimal(before[0]["cash"]) - 500
            )
            assert venue.let_go() == 0
        finally:
            if venue.process.poll() is None:
                venue.kill()
