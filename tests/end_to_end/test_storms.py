"""Clients that send again and again, through networks that lose, delay and double what they say.

Venue, market data and gateway are processes of their own. One proxy stands between the clients and the
gateway, another between the gateway and the venue, and the venue tells its stream late, twice and out of
order. What counts is what the venue holds at the end: each wanted order, once.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import ccxt  # type: ignore[import-untyped]
import pytest
import requests as http
from alpaca.common.exceptions import APIError
from alpaca.trading import requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce

from agenttrader.model.identifiers import Symbol
from agenttrader.protocols.native import Snapshot
from agenttrader.testing.fault_proxy import LOST, UNANSWERED, FaultProxy, Kind
from agenttrader.testing.permissive_day import BELOW, BOT, OTHER_BOT, PermissiveDay, Tables
from agenttrader.testing.played_day import playing, sha256

COINS = OTHER_BOT
"""Whose client is ccxt."""
ORDERS = b"POST /v2/orders"
WAVE = 240
"""Orders within one minute of the market: the broker's list of orders is read in pages, by their times. What
a wave has left is canceled, because a decision looks at each order that works."""
THREADS = 16
TRIES_MAX = 60
PER_MILLE = 400

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(120)


def stormy(tables: Tables) -> None:
    """The venue's own stream is doubled, late and out of order."""
    kinds = ("doubled_message", "reordered_message", "late_message")
    tables["venue"]["faults"] = {
        "listen": "127.0.0.1:0",
        "token_sha256": sha256("of nobody"),
        "seed": 7,
        "planned": [
            {"fault": kind, "only": [], "per_mille": 50, "times": "always"}
            | ({} if kind == "doubled_message" else {"milliseconds": 20})
            for kind in kinds
        ],
    }


class Storm(PermissiveDay):
    """A day whose clients and whose gateway meet their peers through proxies."""

    def __init__(self, folder: Path, change: Callable[[Tables], None]) -> None:
        super().__init__(folder, change)
        self.venue_url = ""
        self.to_gateway = FaultProxy(lambda: split(self.address("gateway") or ""))
        self.to_venue = FaultProxy(lambda: split(self.venue_url))

    def interpose(self) -> None:
        """From now on the gateway finds the proxy where it looks for the venue."""
        self.venue_url = self.address("venue") or ""
        self.announcements.announce("venue", f"127.0.0.1:{self.to_venue.port}")

    def client(self, agent: str = BOT) -> TradingClient:
        client = TradingClient(agent, self.key_of(agent), url_override=self.to_gateway.url)
        client._retry_wait = 0  # It tries again as it always does, and does not sleep 3 s before.
        return client

    def coins(self) -> Any:
        """ccxt's client, which is told the one market by hand, and tries each request again by itself."""
        symbol, url = self.symbols[COINS], self.to_gateway.url
        exchange = ccxt.alpaca(
            {
                "apiKey": COINS,
                "secret": self.key_of(COINS),
                "urls": {"api": dict.fromkeys(("broker", "trader", "market"), url)},
                "enableRateLimit": False,
                "options": {"maxRetriesOnFailure": 2},
            }
        )
        market = exchange.safe_market_structure(
            {
                "id": symbol,
                "symbol": f"{symbol}/USD",
                "base": symbol,
                "quote": "USD",
                "type": "spot",
                "spot": True,
                "active": True,
                "precision": {"amount": 1.0, "price": 0.01},
            }
        )
        exchange.set_markets([market])
        return exchange

    async def held(self) -> Counter[str]:
        """How many orders of each symbol the venue took, legs apart."""
        return await self.held_by_the_venue(self.venue_url, self.configuration.venue.accounts[0].key_id)


def sum_of(submit: Callable[[str], int], names: list[str]) -> int:
    return sum(map(submit, names))


def split(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


@asynccontextmanager
async def trading(folder: Path, change: Callable[[Tables], None]) -> AsyncIterator[Storm]:
    """The day with a window open, its proxies in place and without a fault yet."""
    storm = Storm(folder, change)
    async with playing(storm), storm.to_gateway, storm.to_venue:
        await storm.bar()
        await storm.open_window()
        storm.interpose()
        yield storm


def submit_by_alpaca_py(client: TradingClient, symbol: str, price: Decimal, name: str) -> int:
    """Blindly send it until it is answered; how many times it was sent."""
    order = requests.LimitOrderRequest(
        symbol=symbol,
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=float(price),
        client_order_id=name,
    )
    for number in range(1, TRIES_MAX):
        try:
            answer = client.submit_order(order)
        except (APIError, http.RequestException):
            continue
        assert (answer.client_order_id, answer.symbol) == (name, symbol)  # type: ignore[union-attr]
        return number
    raise AssertionError(f"{name}: expected an answer within {TRIES_MAX} tries, found none")


def submit_by_ccxt(exchange: Any, symbol: str, price: Decimal, name: str) -> int:
    """The same, by a client that names its errors otherwise."""
    for number in range(1, TRIES_MAX):
        try:
            answer = exchange.create_order(
                f"{symbol}/USD",
                "limit",
                "buy",
                1,
                float(price),
                {"clientOrderId": name, "timeInForce": "day"},
            )
        except ccxt.OperationFailed:
            continue
        assert answer["clientOrderId"] == name
        return number
    raise AssertionError(f"{name}: expected an answer within {TRIES_MAX} tries, found none")


async def ride_out(storm: Storm, wanted: int) -> None:
    """Every wanted order is sent through the storm, by both clients, until it is answered."""
    bot, other = storm.symbols[BOT], storm.symbols[COINS]
    prices = {symbol: await storm.price_below(symbol) for symbol in (bot, other)}
    storm.to_gateway.storm(7, PER_MILLE, (*LOST, *UNANSWERED), ORDERS)
    storm.to_venue.storm(8, PER_MILLE // 10, UNANSWERED, ORDERS)
    # A client of each thread's own, for neither library says that it may be shared.
    lanes = [partial(submit_by_alpaca_py, storm.client(), bot, prices[bot]) for _ in range(THREADS // 2)]
    lanes += [partial(submit_by_ccxt, storm.coins(), other, prices[other]) for _ in range(THREADS // 2)]
    loop, start, tries = asyncio.get_running_loop(), time.monotonic(), 0
    pool = ThreadPoolExecutor(THREADS)
    try:
        for wave in range(0, wanted, WAVE):
            names = [f"wanted {number}" for number in range(wave, min(wave + WAVE, wanted))]
            sent = [
                loop.run_in_executor(pool, sum_of, submit, names[number::THREADS])
                for number, submit in enumerate(lanes)
            ]
            tries += sum(await asyncio.gather(*sent))
            for agent in (BOT, COINS):
                await storm.cancel_all(storm.address("gateway") or "", storm.headers(agent))
            await storm.bar()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    seconds = time.monotonic() - start
    for proxy in (storm.to_gateway, storm.to_venue):
        await proxy.heal()
    struck = storm.to_gateway.struck
    logger.info(
        "%d orders, %d tries, %d requests, %.0f orders/s; %s; at the venue %s",
        *(wanted, tries, struck.total(), wanted / seconds, dict(struck), dict(storm.to_venue.struck)),
    )
    kinds = {fault.kind for fault in (*LOST, *UNANSWERED)}
    assert kinds < set(struck), "expected every kind of fault to strike"
    assert struck[Kind.NONE] < struck.total()
    assert await storm.held() == {bot: wanted // 2, other: wanted // 2}
    await storm.agree()
    book = await storm.ask("/v1/snapshot", Snapshot)
    entries = Counter(order.symbol for order in book.orders if order.parent is None)
    assert (entries[Symbol(bot)], entries[Symbol(other)]) == (wanted // 2, wanted // 2)


async def test_a_storm_of_retries_leaves_each_wanted_order_once(tmp_path: Path) -> None:
    async with trading(tmp_path, stormy) as storm:
        await ride_out(storm, 208)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
async def test_ten_thousand_wanted_orders_are_ten_thousand_at_the_venue(tmp_path: Path) -> None:
    async with trading(tmp_path, stormy) as storm:
        await ride_out(storm, 10_000)


# Many at once against a limit: real processes, a connection of its own for each order.


async def answers_to(storm: Storm, bodies: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """All of them sent at once; status and body of each answer."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=storm.headers()) as session:

        async def one(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            url = f"{storm.address('gateway')}/v2/orders"
            async with session.post(url, json=body) as answer:
                return answer.status, await answer.json()

        return await asyncio.gather(*map(one, bodies))


def of_three_orders(tables: Tables) -> None:
    tables["limits"]["agent"][BOT] = tables["limits"]["agent"][BOT] | {"open_orders_max": 3}


def of_three_brackets(tables: Tables) -> None:
    """What they would be worth together lets three in: one counts at the market, if that is dearer."""
    tables["limits"]["agent"][BOT] = tables["limits"]["agent"][BOT] | {"gross_exposure_max": "5700"}


@pytest.mark.parametrize(
    ("limit", "check"), ((of_three_orders, "open_orders_agent"), (of_three_brackets, "gross_exposure_agent"))
)
async def test_a_hundred_at_once_against_a_limit_of_three_leave_three(
    tmp_path: Path, limit: Callable[[Tables], None], check: str
) -> None:
    """Each is a bracket: its three legs are reserved together, or none is."""
    async with trading(tmp_path, limit) as storm:
        symbol = storm.symbols[BOT]
        price = await storm.price_below(symbol)
        shares = int(1_000 / price)
        worth = shares * price / BELOW
        assert 3 * worth <= 5_700 < 4 * worth
        order = await storm.resting() | {"qty": str(shares)}
        answers = await answers_to(
            storm, [order | {"client_order_id": f"one of a hundred {number}"} for number in range(100)]
        )
        permitted = [body for status, body in answers if status == 200]
        denied = [body["message"] for status, body in answers if status == 403]
        assert (len(permitted), len(denied)) == (3, 97)
        assert [len(body["legs"]) for body in permitted] == [2, 2, 2]
        assert {message.partition(": ")[0] for message in denied} == {f"denied by {check}"}, denied[0]
        assert await storm.held() == {symbol: 3}
        await storm.agree()


async def test_the_same_words_from_a_hundred_at_once_are_one_order(tmp_path: Path) -> None:
    """With an id and without one; each answer is the same order."""
    async with trading(tmp_path, lambda _: None) as storm:
        symbol = storm.symbols[BOT]
        order = await storm.resting()
        for body in (order, order | {"client_order_id": "the one"}):
            answers = await answers_to(storm, [body] * 100)
            assert {status for status, _ in answers} == {200}
            assert len({answer["id"] for _, answer in answers}) == 1
        assert await storm.held() == {symbol: 2}
        await storm.agree()
