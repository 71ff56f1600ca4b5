"""The venue as a process of its own: it finds its market data, is killed in mid-day, and comes back whole."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.demo.setup import Run, Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339

BUY = {"symbol": "ALFA", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return prepare(tmp_path, Wish(), maker(), Instant(0))


class Market:
    """Market data as Alpaca's stream tells them, by hand; who asks anew is told all of it again."""

    def __init__(self, run: Run) -> None:
        self.asked: list[dict[str, Any]] = []
        """What each connection subscribed to."""
        self._start = run.session.open
        self._told: list[list[dict[str, Any]]] = []
        self._news = asyncio.Event()

    def tell(self, minute: int, price: str | None = None) -> Instant:
        """The bar of ALFA that ends at `minute`, and the watermark after it; the time of that."""
        end = Instant(self._start + minute * MINUTE)
        messages: list[dict[str, Any]] = [{"T": "w", "t": rfc3339(end)}]
        if price is not None:
            prices = dict.fromkeys("ohlc", price)
            messages.insert(
                0, {"T": "b", "S": "ALFA", "t": rfc3339(Instant(end - MINUTE)), "v": "1", **prices}
            )
        self._told.append(messages)
        self._news.set()
        return end

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        stream = web.WebSocketResponse()
        await stream.prepare(request)
        await stream.send_json([{"T": "success", "msg": "connected"}])
        assert (await stream.receive_json())["action"] == "auth"
        await stream.send_json([{"T": "success", "msg": "authenticated"}])
        self.asked.append(await stream.receive_json())
        await stream.send_json([{"T": "subscription", "bars": self.asked[-1]["bars"]}])
        sent = 0
        with contextlib.suppress(ConnectionError):
            while True:
                for messages in self._told[sent:]:
                    await stream.send_json(messages)
                    sent += 1
                self._news.clear()
                await self._news.wait()
        return stream


@asynccontextmanager
async def market(run: Run) -> AsyncIterator[Market]:
    """Market data that the venue finds by their announcement."""
    told = Market(run)
    app = web.Application()
    app.router.add_get("/v2/generated", told.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    configuration = run.configuration
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    announcements.announce("marketdata", f"{host}:{port}")
    yield told
    await runner.cleanup()


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
            while from_rfc3339((await self.ask("GET", "/v2/clock"))["timestamp"]) < time:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_a_venue_that_is_killed_in_mid_day_has_lost_nothing(run: Run) -> None:
    async with aiohttp.ClientSession() as session, market(run) as told:
        told.tell(0)
        venue = Venue(run, session)
        try:
            await venue.reach(told.tell(1, "48.00"))
            filled = await venue.ask("POST", "/v2/orders", BUY)
            at_kill = told.tell(2, "49.00")
            await venue.reach(at_kill)
            waiting = await venue.ask("POST", "/v2/orders", BUY)
            before = await venue.ask("GET", "/v2/account")
            venue.kill_and_start()
            told.tell(3, "50.00")
            await venue.reach(told.tell(4, "51.00"))
            orders = {order["id"]: order for order in await venue.ask("GET", "/v2/orders?status=all")}
            assert orders[filled["id"]]["filled_avg_price"] == "49.00"
            assert orders[waiting["id"]]["filled_avg_price"] == "50.00"
            (position,) = await venue.ask("GET", "/v2/positions")
            assert (position["qty"], position["avg_entry_price"]) == ("20", "49.50")
            cash = Decimal((await venue.ask("GET", "/v2/account"))["cash"])
            assert cash == Decimal(before["cash"]) - 500
            assert [asked["since"] for asked in told.asked] == ["1970-01-01T00:00:00Z", rfc3339(at_kill)]
            assert venue.let_go() == 0
        finally:
            if venue.process.poll() is None:
                venue.kill()
