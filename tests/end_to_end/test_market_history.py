"""Alpaca's own client asks for stock data over a real socket: every public method that it has."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import (
    CryptoHistoricalDataClient,
    NewsClient,
    OptionHistoricalDataClient,
    ScreenerClient,
    StockHistoricalDataClient,
)
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.models import Bar as AlpacaBar
from alpaca.data.models import Quote as AlpacaQuote
from alpaca.data.models import Trade as AlpacaTrade
from alpaca.data.requests import (
    CorporateActionsRequest,
    CryptoBarsRequest,
    MarketMoversRequest,
    NewsRequest,
    OptionBarsRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote, Trade, UpdatedBar
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, to_datetime
from agenttrader.testing.market_day import MarketDay

OPEN = from_rfc3339("2026-11-27T14:30:00Z")
ALFA, BRVO = Symbol("ALFA"), Symbol("BRVO")
KEY, SECRET = "k1", "s1"
Serve = Callable[[MarketDay], AbstractAsyncContextManager[str]]
BOTH = ["BRVO", "ALFA"]
MINUTES = 61
"""Told of ninety: the open and an hour."""


@pytest.fixture
def day() -> MarketDay:
    found = MarketDay(OPEN, 90, {ALFA: Decimal(50), BRVO: Decimal(70)}, 7)
    found.play(MINUTES)
    return found


@pytest.fixture
async def address(day: MarketDay, serve_market_data: Serve) -> AsyncIterator[str]:
    async with serve_market_data(day) as found:
        yield f"http://{found}"


@pytest.fixture
def client(address: str) -> StockHistoricalDataClient:
    return StockHistoricalDataClient(KEY, SECRET, url_override=address)


async def ask(client: Any, method: str, *arguments: Any) -> Any:
    """The method's answer; the client waits in a thread of its own, and is closed there."""

    def call() -> Any:
        try:
            return getattr(client, method)(*arguments)
        finally:
            client._session.close()

    return await asyncio.to_thread(call)


def known_bars(day: MarketDay, symbol: Symbol) -> list[Bar]:
    """The symbol's minutes as they were told and corrected."""
    bars = {told.start: told for told in day.told if isinstance(told, Bar) and told.symbol == symbol}
    bars |= {
        told.bar.start: told.bar
        for told in day.told
        if isinstance(told, UpdatedBar) and told.bar.symbol == symbol
    }
    return [bars[start] for start in sorted(bars)]


def read(bar: Bar) -> AlpacaBar:
    fields = {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close, "v": bar.volume}
    floats = {name: float(value) for name, value in fields.items()}
    return AlpacaBar(bar.symbol, {"t": to_datetime(bar.start), "n": None, "vw": None, **floats})


async def bars(day: MarketDay, client: StockHistoricalDataClient) -> None:
    asked = StockBarsRequest(
        symbol_or_symbols=BOTH, timeframe=TimeFrame.Minute, start=datetime(2026, 11, 27, tzinfo=UTC)
    )
    found = (await ask(client, "get_stock_bars", asked)).data
    assert found == {symbol: [read(bar) for bar in known_bars(day, symbol)] for symbol in (ALFA, BRVO)}


async def quotes(day: MarketDay, client: StockHistoricalDataClient) -> None:
    found = (await ask(client, "get_stock_quotes", StockQuotesRequest(symbol_or_symbols="ALFA"))).data
    told = [told for told in day.told if isinstance(told, Quote) and told.symbol == ALFA]
    assert [(it.timestamp, it.bid_price, it.ask_size) for it in found["ALFA"]] == [
        (to_datetime(it.time), float(it.bid_price), float(it.ask_size)) for it in told
    ]


async def trades(day: MarketDay, client: StockHistoricalDataClient) -> None:
    asked = StockTradesRequest(symbol_or_symbols=BOTH, start=to_datetime(OPEN))
    found = (await ask(client, "get_stock_trades", asked)).data
    for symbol in (ALFA, BRVO):
        told = [told for told in day.told if isinstance(told, Trade) and told.symbol == symbol]
        assert [(it.id, it.price, it.conditions) for it in found[symbol]] == [
            (it.trade_id, float(it.price), list(it.conditions)) for it in told
        ]


async def latest_bar(day: MarketDay, client: StockHistoricalDataClient) -> None:
    asked = StockLatestBarRequest(symbol_or_symbols=[*BOTH, "NONE"])
    found = await ask(client, "get_stock_latest_bar", asked)
    assert found == {symbol: read(known_bars(day, symbol)[-1]) for symbol in (ALFA, BRVO)}


async def latest_quote(day: MarketDay, client: StockHistoricalDataClient) -> None:
    found = await ask(client, "get_stock_latest_quote", StockLatestQuoteRequest(symbol_or_symbols="ALFA"))
    [last] = [told for told in day.told if isinstance(told, Quote) and told.symbol == ALFA][-1:]
    assert isinstance(found["ALFA"], AlpacaQuote)
    assert (found["ALFA"].ask_price, found["ALFA"].timestamp) == (
        float(last.ask_price),
        to_datetime(last.time),
    )


async def latest_trade(day: MarketDay, client: StockHistoricalDataClient) -> None:
    found = await ask(client, "get_stock_latest_trade", StockLatestTradeRequest(symbol_or_symbols="ALFA"))
    [last] = [told for told in day.told if isinstance(told, Trade) and told.symbol == ALFA][-1:]
    assert isinstance(found["ALFA"], AlpacaTrade)
    assert (found["ALFA"].price, found["ALFA"].id) == (float(last.price), last.trade_id)


async def snapshot(day: MarketDay, client: StockHistoricalDataClient) -> None:
    found = await ask(client, "get_stock_snapshot", StockSnapshotRequest(symbol_or_symbols=BOTH))
    minutes = known_bars(day, BRVO)
    brvo = found["BRVO"]
    assert (brvo.minute_bar, brvo.previous_daily_bar) == (read(minutes[-1]), None)
    assert (brvo.daily_bar.open, brvo.daily_bar.close) == (float(minutes[0].open), float(minutes[-1].close))
    assert brvo.daily_bar.volume == float(sum(bar.volume for bar in minutes))
    assert brvo.latest_trade.price == brvo.minute_bar.close
    assert found["ALFA"].latest_quote.ask_price > found["ALFA"].latest_quote.bid_price


async def by_hand(day: MarketDay, client: StockHistoricalDataClient) -> None:
    found = await ask(client, "get", "/stocks/ALFA/bars", {"timeframe": "1Day"})
    assert found["bars"][0]["c"] == float(known_bars(day, ALFA)[-1].close)


async def wrapped(_: MarketDay, client: StockHistoricalDataClient) -> None:
    quote = {"t": to_datetime(OPEN), "bp": 1, "bs": 1, "ap": 2, "as": 1}
    found = await ask(client, "response_wrapper", lambda raw_data: AlpacaQuote("ALFA", raw_data), quote)
    assert found.ask_price == 2


def refused(method: str) -> Callable[[MarketDay, StockHistoricalDataClient], Any]:
    async def trial(_: MarketDay, client: StockHistoricalDataClient) -> None:
        with pytest.raises(APIError) as raised:
            await ask(client, method, "/stocks/bars", {})
        assert raised.value.status_code == 422
        assert json.loads(str(raised.value)) == {
            "code": 42210000,
            "message": "not supported by this server yet: /v2/stocks/bars",
        }

    return trial


WORKS = {
    "get_stock_bars": bars,
    "get_stock_quotes": quotes,
    "get_stock_trades": trades,
    "get_stock_latest_bar": latest_bar,
    "get_stock_latest_quote": latest_quote,
    "get_stock_latest_trade": latest_trade,
    "get_stock_snapshot": snapshot,
    "get": by_hand,
    "response_wrapper": wrapped,
}
DENIED = {method: refused(method) for method in ("post", "put", "patch", "delete")}


@pytest.mark.parametrize("method", (*WORKS, *DENIED))
async def test_each_method_does_what_the_table_says(
    method: str, day: MarketDay, client: StockHistoricalDataClient
) -> None:
    await (WORKS | DENIED)[method](day, client)


def test_the_table_has_every_public_method() -> None:
    page = (Path(__file__).parents[2] / "docs" / "market-data.md").read_text(encoding="utf-8")
    table = page.partition("### StockHistoricalDataClient")[2].partition("\n### ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (works|denied with \d+)", table, re.MULTILINE))
    public = {name for name in dir(StockHistoricalDataClient) if not name.startswith("_")}
    assert rows.keys() == public == WORKS.keys() | DENIED.keys()
    assert {name for name, word in rows.items() if word == "works"} == WORKS.keys()
    assert {word for word in rows.values() if word != "works"} == {"denied with 42210000"}


async def test_a_client_pages_through_more_than_one_answer_holds(
    day: MarketDay, client: StockHistoricalDataClient
) -> None:
    told: list[str] = []
    answers = client.get

    def get(path: str, data: Any = None, **kwargs: Any) -> Any:
        told.append(str(data["page_token"]))
        # The server's pages are made small; the client asks for the next until there is none.
        return answers(path, {**data, "limit": 50}, **kwargs)

    client.get = get  # type: ignore[method-assign]
    asked = StockBarsRequest(symbol_or_symbols=BOTH, timeframe=TimeFrame.Minute)
    found = (await ask(client, "get_stock_bars", asked)).data
    assert found == {symbol: [read(bar) for bar in known_bars(day, symbol)] for symbol in (ALFA, BRVO)}
    assert len(set(told)) == len(told) == 3


async def test_limit_sort_interval_and_timeframe_are_as_asked(
    day: MarketDay, client: StockHistoricalDataClient
) -> None:
    asked = StockBarsRequest(
        symbol_or_symbols="ALFA",
        timeframe=TimeFrame(5, TimeFrameUnit.Minute),
        start=to_datetime(OPEN),
        end=to_datetime(Instant(OPEN + 20 * MINUTE)),
        limit=2,
        sort=Sort.DESC,
        adjustment=Adjustment.ALL,
    )
    found = (await ask(client, "get_stock_bars", asked)).data["ALFA"]
    assert [bar.timestamp for bar in found] == [
        to_datetime(Instant(OPEN + minute * MINUTE)) for minute in (20, 15)
    ]
    five = known_bars(day, ALFA)[15:20]
    assert (found[1].open, found[1].close) == (float(five[0].open), float(five[-1].close))


@pytest.mark.parametrize(
    ("change", "words"),
    (
        ({"feed": DataFeed.IEX}, "feed: expected generated, all that is served here, found iex"),
        ({"asof": "2026-11-20"}, "asof: expected none"),
        ({"currency": "EUR"}, "currency: expected USD"),
    ),
)
async def test_what_cannot_be_had_is_refused_by_name(
    client: StockHistoricalDataClient, change: dict[str, Any], words: str
) -> None:
    asked = StockBarsRequest(symbol_or_symbols="ALFA", timeframe=TimeFrame.Minute, **change)
    with pytest.raises(APIError) as raised:
        await ask(client, "get_stock_bars", asked)
    assert (raised.value.code, raised.value.status_code) == (42210000, 422)
    assert words in raised.value.message


@pytest.mark.parametrize(
    ("kind", "method", "request_", "path"),
    (
        (
            CryptoHistoricalDataClient,
            "get_crypto_bars",
            CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Minute),
            "/v1beta3/crypto/us/bars",
        ),
        (
            OptionHistoricalDataClient,
            "get_option_bars",
            OptionBarsRequest(symbol_or_symbols="ALFA261218C00050000", timeframe=TimeFrame.Minute),
            "/v1beta1/options/bars",
        ),
        (NewsClient, "get_news", NewsRequest(symbols="ALFA"), "/v1beta1/news"),
        (ScreenerClient, "get_market_movers", MarketMoversRequest(), "/v1beta1/screener/stocks/movers"),
        (
            CorporateActionsClient,
            "get_corporate_actions",
            CorporateActionsRequest(symbols=["ALFA"]),
            "/v1/corporate-actions",
        ),
    ),
)
async def test_alpacas_other_data_are_refused_by_name(
    address: str, kind: Any, method: str, request_: Any, path: str
) -> None:
    with pytest.raises(APIError) as raised:
        await ask(kind(KEY, SECRET, url_override=address), method, request_)
    assert raised.value.code == 42210000
    assert raised.value.message == f"not supported by this server yet: {path}"


async def test_a_minute_later_there_is_more_and_never_before(day: MarketDay, address: str) -> None:
    async def count() -> int:
        url = f"{address}/v2/stocks/ALFA/trades?end=2027-01-01"
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            assert response.headers["X-Market-Data"].startswith("generated")
            return len((await response.json())["trades"])

    before = await count()
    day.play(1)
    assert await count() == before + 4
