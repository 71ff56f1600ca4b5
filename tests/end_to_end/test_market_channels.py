"""Alpaca's own stream client hears every channel over a real socket: every public method that it has."""

import asyncio
import json
import re
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from alpaca.data.models import Bar as AlpacaBar
from alpaca.data.models import Quote as AlpacaQuote
from alpaca.data.models import Trade as AlpacaTrade
from alpaca.data.models import TradingStatus as AlpacaStatus

from agenttrader.app.marketdata.broadcast import Wanted
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Told, Watermark, symbol_of
from agenttrader.model.times import from_rfc3339
from agenttrader.protocols.alpaca_data import channel_of, encode
from agenttrader.testing.market_day import MarketDay

with warnings.catch_warnings():
    # alpaca-py uses the part of websockets that websockets calls legacy.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.data.live import CryptoDataStream, StockDataStream

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:websockets", "ignore::DeprecationWarning:alpaca"
)

OPEN = from_rfc3339("2026-11-27T14:30:00Z")
ALFA, BRVO = Symbol("ALFA"), Symbol("BRVO")
KEY, SECRET = "k1", "s1"
Serve = Callable[[MarketDay], AbstractAsyncContextManager[str]]
SEED = 26
"""Of a day in which both symbols have a bar corrected, and ALFA is halted."""
CHANNELS = {
    "subscribe_bars": ("bars", AlpacaBar),
    "subscribe_updated_bars": ("updatedBars", AlpacaBar),
    "subscribe_daily_bars": ("dailyBars", AlpacaBar),
    "subscribe_quotes": ("quotes", AlpacaQuote),
    "subscribe_trades": ("trades", AlpacaTrade),
    "subscribe_trading_statuses": ("statuses", AlpacaStatus),
    # alpaca-py knows the kind and has no method to subscribe to it.
    "lulds": ("lulds", dict),
}
UNSUBSCRIBES = {name.replace("subscribe_", "unsubscribe_", 1): name for name in CHANNELS if name != "lulds"}
REGISTERS = ("register_trade_corrections", "register_trade_cancels")
ENDS = ("run", "stop", "stop_ws", "close")


@pytest.fixture
def day() -> MarketDay:
    return MarketDay(OPEN, 120, {ALFA: Decimal(50), BRVO: Decimal(70)}, SEED)


@pytest.fixture
async def address(day: MarketDay, serve_market_data: Serve) -> AsyncIterator[str]:
    async with serve_market_data(day) as found:
        yield f"ws://{found}"


@pytest.fixture
def stream(address: str) -> StockDataStream:
    return StockDataStream(KEY, SECRET, url_override=f"{address}/v2/generated")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.002)


def wanted(day: MarketDay) -> Wanted:
    """What the one subscriber wants now, as the server knows it."""
    [subscriber] = day.broadcast._subscribers
    return subscriber.wanted


class Ear:
    """Remembers what a handler was given."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def hear(self, message: Any) -> None:
        self.heard.append(message)

    async def until(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)


def subscribe(stream: StockDataStream, method: str, ear: Ear, *symbols: str) -> None:
    if method == "lulds":
        for symbol in symbols:
            stream._handlers["lulds"][symbol] = ear.hear
    else:
        getattr(stream, method)(ear.hear, *symbols)


@asynccontextmanager
async def listening(day: MarketDay, stream: StockDataStream) -> AsyncIterator[None]:
    """The stream at work, once the server knows what it wants."""
    task = asyncio.create_task(stream._run_forever())
    try:
        await until(lambda: day.broadcast.subscribers == 1)
        yield
    finally:
        await stream.stop_ws()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.close()


def told_on(day: MarketDay, channel: str, symbol: Symbol | None = None) -> list[Told]:
    return [
        told
        for told in day.told
        if channel_of(told) == channel and (symbol is None or symbol_of(told) == symbol)
    ]


def as_read(told: Told, kind: type) -> Any:
    """What alpaca-py makes of it; of a band it makes nothing but the time."""
    [message] = json.loads(encode([told]))
    if kind is dict:
        return message | {"t": datetime.fromisoformat(message["t"])}
    return kind(message["S"], message)


def plain(read: Any) -> dict[str, Any]:
    found: dict[str, Any] = read if isinstance(read, dict) else {"of": type(read), **read.model_dump()}
    return found


@pytest.mark.parametrize("method", CHANNELS)
async def test_alpacas_client_hears_each_channel(
    method: str, day: MarketDay, stream: StockDataStream
) -> None:
    channel, kind = CHANNELS[method]
    ear = Ear()
    subscribe(stream, method, ear, "*")
    async with listening(day, stream):
        day.play()
        told = told_on(day, channel)
        assert told
        await ear.until(len(told))
    assert [plain(it) for it in ear.heard] == [plain(as_read(it, kind)) for it in told]


@pytest.mark.parametrize("method", UNSUBSCRIBES)
async def test_alpacas_client_takes_a_symbol_off_again(
    method: str, day: MarketDay, stream: StockDataStream
) -> None:
    subscribes = UNSUBSCRIBES[method]
    channel, _ = CHANNELS[subscribes]
    gone, kept, minutes = Ear(), Ear(), Ear()
    subscribe(stream, subscribes, gone, "ALFA")
    subscribe(stream, subscribes, kept, "BRVO")
    if channel != "bars":
        subscribe(stream, "subscribe_bars", minutes, "*")
    async with listening(day, stream):
        day.play(2)
        early = len(told_on(day, channel, ALFA))
        await kept.until(len(told_on(day, channel, BRVO)))
        # In a thread of its own: it waits for the stream's loop, which is this one.
        await asyncio.to_thread(getattr(stream, method), "ALFA")
        await until(lambda: "ALFA" not in wanted(day).channels[channel])
        day.play()
        assert len(told_on(day, channel, ALFA)) > early
        await kept.until(len(told_on(day, channel, BRVO)))
        if channel != "bars":
            await minutes.until(len(told_on(day, "bars")))
        await gone.until(early)
    assert len(gone.heard) == early


@pytest.mark.parametrize("method", REGISTERS)
async def test_corrections_and_cancels_may_be_registered_and_none_occur(
    method: str, day: MarketDay, stream: StockDataStream
) -> None:
    ear, trades = Ear(), Ear()
    getattr(stream, method)(ear.hear)
    stream.subscribe_trades(trades.hear, "ALFA")
    async with listening(day, stream):
        day.play()
        await trades.until(len(told_on(day, "trades", ALFA)))
    assert ear.heard == []


async def test_alpacas_client_runs_and_stops_in_a_thread_of_its_own(
    day: MarketDay, stream: StockDataStream
) -> None:
    ear = Ear()
    stream.subscribe_bars(ear.hear, "*")
    running = asyncio.create_task(asyncio.to_thread(stream.run))
    await until(lambda: day.broadcast.subscribers == 1)
    day.play(2)
    await ear.until(2)
    await asyncio.to_thread(stream.stop)
    # It looks whether it was stopped after each message.
    day.play(1)
    async with asyncio.timeout(10):
        await running


async def test_json_holds_every_channel_in_the_order_in_which_it_was_told(
    day: MarketDay, address: str
) -> None:
    channels = sorted(day.offer.channels)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}/v2/generated") as wire,
    ):
        await wire.receive_json()
        await wire.send_json({"action": "auth", "key": KEY, "secret": SECRET})
        await wire.receive_json()
        await wire.send_json({"action": "subscribe", **{name: ["*"] for name in channels}})
        [answer] = await wire.receive_json()
        assert {name for name, symbols in answer.items() if symbols == ["*"]} == set(channels)
        day.play(5)
        expected = [it for it in day.told if not isinstance(it, Watermark)]
        heard: list[Any] = []
        while len(heard) < len(expected):
            heard += await wire.receive_json(timeout=10)
    assert heard == json.loads(encode(expected))


async def test_crypto_is_refused_by_name(address: str) -> None:
    stream = CryptoDataStream(KEY, SECRET, url_override=f"{address}/v1beta3/crypto/us")
    words = "insufficient subscription: expected /v2/generated, all that is served here, found /v1beta3"
    with pytest.raises(ValueError, match=words):
        await stream._start_ws()
    await stream.close()


def test_the_table_has_every_public_method() -> None:
    page = (Path(__file__).parents[2] / "docs" / "market-data.md").read_text(encoding="utf-8")
    table = page.partition("### StockDataStream")[2].partition("\n#")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (works|denied)", table, re.MULTILINE))
    public = {name for name in dir(StockDataStream) if not name.startswith("_")}
    tried: set[str] = {*CHANNELS, *UNSUBSCRIBES, *REGISTERS, *ENDS} - {"lulds"}
    assert rows.keys() == public == tried
    assert set(rows.values()) == {"works"}
