"""The gateway as ccxt's own class for Alpaca meets it: unmodified but for its `urls`, in real processes.

ccxt makes a new client_order_id for each call, and its orders are good till canceled unless told otherwise,
so the bot's ids are `per_try` and it may let orders rest. All of it is one day: each test leaves no order
behind, and asks for another quantity, because the same words in the same minute are the same order.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import ccxt  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.protocols.native import TradingBody
from agenttrader.protocols.person_bodies import ReasonBody
from agenttrader.testing.played_day import PATIENCE_SECONDS, PlayedDay, playing, without

BOT, COIN = "ccxt-bot", "BTC/USD"
DAY, MLEG = {"timeInForce": "day"}, {"order_class": "mleg"}

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


def one_bot(tables: dict[str, Any]) -> None:
    """A bot with a share that was another's, and a coin; what it buys of coins the exits unit protects."""
    *_, share = tables["instruments"]
    without(tables, Symbol(share))
    tables["agents"][BOT] = {
        "symbols": [share, COIN],
        "strategies": [],
        "mode_ceiling": "paper",
        "approval": "auto",
        "exit_plan": {"stop": "0.05", "target": "0.08"},
        "client_ids": "per_try",
        "dedupe_window_seconds": 60,
    }
    tables["limits"]["agent"][BOT] = tables["limits"]["agent"]["momentum"] | {
        "times_in_force": ["day", "gtc", "ioc"]
    }
    tables["instruments"][COIN] = {"type": "crypto_pair", "tick": "0.01", "lot": "0.0001"}
    tables["limits"]["symbol"][COIN] = tables["limits"]["symbol"][share]
    tables["marketdata"]["prices"]["symbols"][COIN] = "40000.00"
    tables["exits"] = {
        "listen": "127.0.0.1:0",
        "checkpoints": "exits",
        "partial_fill_seconds": 60,
        "retry_seconds_max": 5,
    }
    tables["credentials"]["exits"] = {
        "marketdata": {"key_id": "demo-show", "secret": {"file": "secrets/exits-marketdata"}},
        "gateway": {"file": "secrets/exits-gateway"},
    }


class Play(PlayedDay):
    """A day with that bot."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, one_bot)
        share, _ = self.configuration.agents[AgentName(BOT)].symbols
        self.share = f"{share}/USD"
        self.symbol = share

    async def price(self) -> float:
        """What the share cost last, on the tick."""
        url = f"{self.address('marketdata')}/v2/stocks/{self.symbol}/bars/latest"
        headers = {"APCA-API-KEY-ID": "demo-show", "APCA-API-SECRET-KEY": self.secret}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return float((await answer.json())["bar"]["c"])

    def client(self, key: str | None = None) -> Any:
        urls = {"api": dict.fromkeys(("broker", "trader", "market"), self.address("gateway"))}
        secret = self.key_of(BOT) if key is None else key
        return ccxt.alpaca({"apiKey": BOT, "secret": secret, "urls": urls, "enableRateLimit": False})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    async with playing(Play(tmp_path_factory.mktemp("ccxt"))) as made:
        await made.bar()
        await made.open_window()
        yield made


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.to_thread(function, *arguments)


async def shares(play: Play) -> Any:
    """A client that knows the bot's share, as ccxt spells it."""
    exchange = play.client()
    markets = await call(partial(exchange.load_markets, params={"asset_class": "us_equity"}))
    assert list(markets) == [play.share]
    assert markets[play.share]["precision"] == {"amount": 1, "price": 0.01}
    return exchange


async def until(play: Play, exchange: Any, order_id: str, status: str) -> Any:
    """The order, once it has that status."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := await call(exchange.fetch_order, order_id))["status"] != status:
        assert time.monotonic() < deadline, play.logs()
        await asyncio.sleep(0.01)
    return found


async def test_shares_are_ordered_read_and_canceled(play: Play) -> None:
    exchange = await shares(play)
    clock = await call(exchange.fetch_time)
    assert clock == (play.market or 0) // 1_000_000
    price = await play.price() * 0.97
    placed = await call(exchange.create_order, play.share, "limit", "buy", 3, price, DAY)
    assert (placed["symbol"], placed["status"], placed["side"], placed["amount"]) == (
        *(play.share, "open", "buy", 3),
    )
    assert (placed["timeInForce"], placed["info"]["order_class"]) == ("Day", "bracket")
    assert placed["clientOrderId"].startswith("ccxt_")
    entries = [each for each in await call(exchange.fetch_open_orders, play.share) if each["side"] == "buy"]
    assert [each["id"] for each in entries] == [placed["id"]]
    await call(exchange.cancel_order, placed["id"], play.share)
    await until(play, exchange, placed["id"], "canceled")
    assert await call(exchange.fetch_open_orders) == []


async def test_an_order_is_edited(play: Play) -> None:
    exchange = await shares(play)
    price = await play.price()
    placed = await call(exchange.create_order, play.share, "limit", "buy", 4, price * 0.97, DAY)
    edit = placed["id"], play.share, "limit", "buy", None, price * 0.98, DAY
    edited = await call(exchange.edit_order, *edit)
    assert edited["id"] != placed["id"]
    assert (edited["price"], edited["amount"]) == (pytest.approx(price * 0.98, abs=0.01), 4)
    assert (await call(exchange.edit_order, *edit))["id"] == edited["id"]
    await until(play, exchange, edited["id"], "open")
    await call(exchange.cancel_order, edited["id"], play.share)
    await until(play, exchange, edited["id"], "canceled")


async def test_a_new_id_for_each_try_is_one_order(play: Play) -> None:
    exchange = await shares(play)
    price = await play.price() * 0.97
    limit = play.share, "limit", "buy", 5, price, DAY
    placed = [await call(exchange.create_order, *limit)]
    placed += await asyncio.gather(*(call(exchange.create_order, *limit) for _ in range(4)))
    assert len({each["id"] for each in placed}) == len({each["clientOrderId"] for each in placed}) == 1
    other = await call(exchange.create_order, play.share, "limit", "buy", 2, price, DAY)
    assert other["id"] != placed[0]["id"]
    lines = await call(exchange.cancel_all_orders)
    assert {each["id"] for each in lines} == {placed[0]["id"], other["id"]}
    for each in lines:
        await until(play, exchange, each["id"], "canceled")


async def test_what_is_bought_is_a_trade_and_is_sold_again(play: Play) -> None:
    exchange = await shares(play)
    before = await call(exchange.fetch_balance)
    placed = await call(exchange.create_order, play.share, "market", "buy", 3, None, DAY)
    await play.bar()
    filled = await until(play, exchange, placed["id"], "closed")
    (trade,) = await call(exchange.fetch_my_trades, play.share)
    assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], 3, filled["average"])
    after = await call(exchange.fetch_balance)
    assert after["USD"]["total"] < before["USD"]["total"]
    sold = await call(exchange.create_order, play.share, "market", "sell", 3)
    for _ in range(2):
        await play.bar()
    await until(play, exchange, sold["id"], "closed")
    sale, purchase = reversed(await call(exchange.fetch_my_trades, play.share))
    assert (sale["side"], purchase["side"]) == ("sell", "buy")


async def test_coins_are_ordered_by_amount_and_by_cost(play: Play) -> None:
    exchange = play.client()
    assert list(await call(exchange.load_markets)) == [COIN]
    resting = await call(exchange.create_order, COIN, "limit", "buy", 0.01, 38_200)
    assert (resting["status"], resting["timeInForce"], resting["info"]["order_class"]) == (
        *("open", "gtc", "simple"),
    )
    bought = await call(exchange.create_market_buy_order_with_cost, COIN, 1_000)
    await play.bar()
    filled = await until(play, exchange, bought["id"], "closed")
    assert filled["filled"] == filled["amount"] == bought["amount"]
    assert 950 < filled["filled"] * filled["average"] < 1_050
    trades = [each for each in await call(exchange.fetch_my_trades, COIN) if each["order"] == bought["id"]]
    assert {each["symbol"] for each in trades} == {COIN}
    assert sum(each["amount"] for each in trades) == pytest.approx(filled["filled"])
    (canceled,) = await call(exchange.cancel_all_orders)
    assert canceled["id"] == resting["id"]
    await until(play, exchange, resting["id"], "canceled")


async def test_refusals_are_final_to_ccxt(play: Play) -> None:
    exchange = await shares(play)
    price = await play.price()
    refusals: list[tuple[type[Exception], str, tuple[Any, ...]]] = [
        (ccxt.ExchangeError, "denied by order_quantity", ("limit", "buy", 5_000, price, DAY)),
        (ccxt.InsufficientFunds, "denied by price_collar", ("limit", "buy", 1, price * 0.92, DAY)),
        (ccxt.ExchangeError, "denied by time_in_force", ("limit", "buy", 1, price, {"timeInForce": "fok"})),
        (ccxt.BadRequest, "unknown field", ("limit", "buy", 1, price, DAY | {"postOnly": True})),
        (ccxt.BadRequest, "an mleg order has none", ("market", "buy", 1, None, DAY | MLEG)),
    ]
    for kind, says, words in refusals:
        with pytest.raises(kind, match=says) as found:
            await call(exchange.create_order, play.share, *words)
        assert not isinstance(found.value, ccxt.NetworkError)
    with pytest.raises(ccxt.InvalidOrder, match="order not found"):
        await call(exchange.fetch_order, "61e69015-8549-4bfd-b9c3-01e75843f47d")
    with pytest.raises(ccxt.PermissionDenied, match="request is not authorized"):
        await call(play.client("guessed").fetch_balance)
    await play.say("/v1/windows/close", ReasonBody("enough"), TradingBody)
    with pytest.raises(ccxt.InsufficientFunds, match="denied by trading_state: Trading is halted"):
        await call(exchange.create_order, play.share, "market", "buy", 1, None, DAY)
    await play.open_window()
