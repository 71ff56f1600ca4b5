"""ccxt's own class for Alpaca, pointed at the venue by its `urls` alone: coins, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import ccxt  # type: ignore[import-untyped]
import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.rate_limit import RateLimit
from agenttrader.model.times import SECOND, from_rfc3339
from agenttrader.testing.small_venue import COIN, KEYS, OPEN, SECRET, SmallVenue


def client(venue: SmallVenue, secret: str = SECRET) -> Any:
    urls = {"api": dict.fromkeys(("broker", "trader", "market"), venue.url)}
    return ccxt.alpaca({"apiKey": "KEY-1", "secret": secret, "urls": urls, "enableRateLimit": False})


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.to_thread(function, *arguments)


@pytest.fixture
async def venue() -> AsyncIterator[SmallVenue]:
    venue = SmallVenue()
    async with venue.served(create_venue_app(venue.desk, KEYS)):
        venue.bar(50_000, symbol=COIN)
        yield venue


async def test_markets_and_the_time_are_read(venue: SmallVenue) -> None:
    exchange = client(venue)
    markets = await call(exchange.load_markets)
    assert list(markets) == [COIN]
    market = markets[COIN]
    assert (market["base"], market["quote"], market["active"], market["spot"]) == ("BTC", "USD", True, True)
    assert market["precision"] == {"amount": 1e-9, "price": 0.01}
    assert market["limits"]["amount"]["min"] == 1e-9
    assert await call(exchange.fetch_time) == (OPEN + 60 * SECOND) // 1_000_000


async def test_an_order_is_placed_read_and_canceled(venue: SmallVenue) -> None:
    exchange = client(venue)
    placed = await call(exchange.create_order, COIN, "limit", "buy", 0.01, 40_000)
    assert (placed["symbol"], placed["status"], placed["side"]) == (COIN, "open", "buy")
    assert (placed["price"], placed["amount"], placed["filled"], placed["timeInForce"]) == (
        40_000,
        0.01,
        0,
        "gtc",
    )
    assert placed["clientOrderId"].startswith("ccxt_")
    (found,) = await call(exchange.fetch_open_orders, COIN)
    again = await call(exchange.fetch_order, placed["id"])
    assert found["id"] == again["id"] == placed["id"]
    await call(exchange.cancel_order, placed["id"], COIN)
    assert await call(exchange.fetch_open_orders) == []
    (closed,) = await call(exchange.fetch_closed_orders, COIN)
    assert (closed["id"], closed["status"]) == (placed["id"], "canceled")


async def test_an_order_is_replaced_under_another_id(venue: SmallVenue) -> None:
    exchange = client(venue)
    placed = await call(exchange.create_order, COIN, "limit", "buy", 0.01, 40_000)
    other = await call(exchange.edit_order, placed["id"], COIN, "limit", "buy", None, 41_000)
    assert other["id"] != placed["id"]
    assert other["price"] == 41_000
    (found,) = await call(exchange.fetch_open_orders, COIN)
    assert found["id"] == other["id"]


async def test_what_is_bought_is_seen_as_a_trade_and_in_the_balance(venue: SmallVenue) -> None:
    exchange = client(venue)
    before = await call(exchange.fetch_balance)
    assert (before["USD"]["free"], before["USD"]["total"]) == (100_000, 100_000)
    placed = await call(exchange.create_order, COIN, "limit", "buy", 0.5, 51_000)
    venue.bar(50_000, symbol=COIN)
    filled = await call(exchange.fetch_order, placed["id"])
    assert (filled["status"], filled["filled"], filled["average"]) == ("closed", 0.5, 50_000)
    (trade,) = await call(exchange.fetch_my_trades, COIN)
    assert (trade["order"], trade["price"], trade["amount"]) == (placed["id"], 50_000, 0.5)
    after = await call(exchange.fetch_balance)
    assert (after["USD"]["free"], after["USD"]["total"]) == (75_000, 100_000)


async def test_an_amount_of_cash_is_spent(venue: SmallVenue) -> None:
    exchange = client(venue)
    await call(exchange.create_market_buy_order_with_cost, COIN, 1_000)
    venue.bar(50_000, symbol=COIN)
    (order,) = await call(exchange.fetch_closed_orders)
    assert (order["filled"], order["cost"]) == (0.02, 1_000)


async def test_all_orders_are_canceled(venue: SmallVenue) -> None:
    exchange = client(venue)
    for price in (40_000, 41_000):
        await call(exchange.create_order, COIN, "limit", "buy", 0.01, price)
    assert len(await call(exchange.cancel_all_orders)) == 2
    assert await call(exchange.fetch_open_orders) == []


async def test_refusals_are_ccxts_own_errors(venue: SmallVenue) -> None:
    exchange = client(venue)
    with pytest.raises(ccxt.InsufficientFunds, match="insufficient buying power"):
        await call(exchange.create_order, COIN, "limit", "buy", 10, 40_000)
    with pytest.raises(ccxt.InvalidOrder, match="order not found"):
        await call(exchange.fetch_order, "61e69015-8549-4bfd-b9c3-01e75843f47d")
    with pytest.raises(ccxt.BadRequest, match="stop"):
        await call(exchange.create_order, COIN, "stop", "buy", 0.01, 40_000)
    with pytest.raises(ccxt.PermissionDenied, match="request is not authorized"):
        await call(client(venue, secret="guessed").fetch_balance)


async def test_too_many_requests_are_a_rate_limit() -> None:
    venue = SmallVenue()
    limit = RateLimit(1, lambda: from_rfc3339("2026-11-20T14:30:10Z"))
    async with venue.served(create_venue_app(venue.desk, KEYS, limit)):
        exchange = client(venue)
        await call(exchange.load_markets)
        with pytest.raises(ccxt.RateLimitExceeded):
            await call(exchange.fetch_balance)
