"""The venue as a process of its own: it finds its market data, is killed in mid-day, and comes back whole."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import ContractType, OrderClass, OrderSide, PositionIntent, TimeInForce

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.demo.setup import Run, Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.testing.option_stage import OPTIONS_TABLE
from agenttrader.testing.sql_oracle import SqlOracle

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
                0, {"T": "b", "S": "ALFA", "t": rfc3339(Instant(end - MINUTE)), "v": "1000", **prices}
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

    async def client(self) -> TradingClient:
        """alpaca-py's own, as it is."""
        address = (await self._announcements.find("venue", 20)).url
        key_id, secret = self._headers.values()
        return TradingClient(key_id, secret, url_override=address)

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


CALL_47, CALL_50, CALL_55 = (f"ALFA261120C000{thousandths}" for thousandths in (47500, 50000, 55000))


def leg(symbol: str, intent: PositionIntent) -> requests.OptionLegRequest:
    return requests.OptionLegRequest(symbol=symbol, ratio_qty=1, position_intent=intent)


def credit_spread(limit: float) -> requests.LimitOrderRequest:
    return requests.LimitOrderRequest(
        qty=2,
        order_class=OrderClass.MLEG,
        time_in_force=TimeInForce.DAY,
        limit_price=limit,
        legs=[leg(CALL_50, PositionIntent.SELL_TO_OPEN), leg(CALL_55, PositionIntent.BUY_TO_OPEN)],
    )


def bought(symbol: str, qty: int) -> requests.MarketOrderRequest:
    return requests.MarketOrderRequest(
        symbol=symbol, qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
    )


async def test_options_of_the_configuration_are_traded_and_expire(run: Run) -> None:
    run.path.write_text(run.path.read_text() + OPTIONS_TABLE)
    async with aiohttp.ClientSession() as session, market(run) as told:
        told.tell(0)
        venue = Venue(run, session)
        try:
            await venue.reach(told.tell(1, "50.00"))
            assert [set(asked["bars"]) for asked in told.asked] == [set(run.configuration.instruments)]
            client = await venue.client()
            order = await asyncio.to_thread(trade_options, client)
            await venue.reach(told.tell(2, "50.00"))
            filled = await asyncio.to_thread(client.get_order_by_id, order)
            client._session.close()
            assert isinstance(filled, models.Order)
            assert (filled.filled_qty, filled.status.value) == ("2", "filled")
            assert Decimal(filled.filled_avg_price or 0) <= Decimal("-0.1")
            held = [(CALL_47, "3"), (CALL_50, "-2"), (CALL_55, "2")]
            assert told_of(await venue.ask("GET", "/v2/positions"), "symbol", "qty") == held
            venue.kill_and_start()
            await venue.reach(told.tell(389, "51.20"))
            assert told_of(await venue.ask("GET", "/v2/positions"), "symbol", "qty") == held
            await venue.reach(told.tell(390, "51.30"))
            activities = await venue.ask("GET", "/v2/account/activities?direction=asc")
            ended = [each for each in activities if each["activity_type"].startswith("OP")]
            assert told_of(ended, "activity_type", "symbol", "qty", "net_amount") == [
                ("OPEXC", CALL_47, "-3", "0.00"),
                ("OPTRD", "ALFA", "300", "-14250.00"),
                ("OPEXP", CALL_55, "-2", "0.00"),
                ("OPASN", CALL_50, "2", "0.00"),
                ("OPTRD", "ALFA", "-200", "10000.00"),
            ]
            fees = [each["activity_sub_type"] for each in activities if each["activity_type"] == "FEE"]
            assert set(fees) == {"ORF", "OCC", "REG", "TAF"}
            assert told_of(await venue.ask("GET", "/v2/positions"), "symbol", "qty") == [("ALFA", "100")]
            oracle = SqlOracle()
            oracle.open_account("it", str(run.configuration.venue.accounts[0].cash))
            oracle.take("it", json.dumps(activities).encode())
            cash = Decimal((await venue.ask("GET", "/v2/account"))["cash"])
            assert Decimal(oracle.cash("it")) == cash
            (shares, *_) = oracle.holdings("it")
            assert shares[:3] == ("ALFA", "100", "4750")  # a third of 300 at 47.50
            oracle.close()
            assert venue.let_go() == 0
        finally:
            if venue.process.poll() is None:
                venue.kill()


def trade_options(client: TradingClient) -> UUID:
    """Find the day's calls, buy one and sell a spread of others; the id of the spread's order."""
    calls = requests.GetOptionContractsRequest(
        underlying_symbols=["ALFA"], type=ContractType.CALL, expiration_date=date(2026, 11, 20)
    )
    page = client.get_option_contracts(calls)
    assert isinstance(page, models.OptionContractsResponse)
    assert [each.strike_price for each in page.option_contracts or ()] == [45, 47.5, 50, 52.5, 55]
    client.submit_order(bought(CALL_47, 3))
    order = client.submit_order(credit_spread(-0.1))
    assert isinstance(order, models.Order)
    return order.id


def told_of(things: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in names) for each in things]
