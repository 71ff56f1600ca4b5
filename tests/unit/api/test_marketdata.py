import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestBarRequest
from msgspec import Struct
from structlog.testing import capture_logs

from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, SECOND, Instant, from_rfc3339
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
KEYS = {"APCA-API-KEY-ID": "k1", "APCA-API-SECRET-KEY": "s1"}
TERMS = Terms(
    feed="generated",
    notice="generated market data",
    channels=frozenset({"bars", "statuses"}),
    actions=Actions(splits=None, without_dividends=False),
    keys={"k1": Digest(hashlib.sha256(b"s1").hexdigest())},
    settle=None,
)


class Where(Struct):
    """Where a day stands."""

    watermark: str


def bar(symbol: str, close: str, minute: int = 1) -> Bar:
    return Bar(
        symbol=Symbol(symbol),
        start=Instant(OPEN + (minute - 1) * MINUTE),
        interval=MINUTE,
        open=Decimal(close),
        high=Decimal(close),
        low=Decimal(close),
        close=Decimal(close),
        volume=Decimal(10),
    )


def told() -> Broadcast:
    broadcast = Broadcast()
    for event in (bar("ALFA", "50.10"), bar("BRVO", "70"), bar("ALFA", "50.20", 2)):
        broadcast.publish(event)
    broadcast.publish(Watermark(time=Instant(OPEN + 2 * MINUTE)))
    return broadcast


@asynccontextmanager
async def market(
    *, seconds: int = 120, forced_stale: bool = False, pace: Callable[[], Struct] | None = None
) -> AsyncIterator[str]:
    """The market data, `seconds` after the open."""
    broadcast, now = told(), Instant(OPEN + seconds * SECOND)
    health = partial(judge_health, now, broadcast.last_tick, max_age_seconds=60, forced_stale=forced_stale)
    app = create_marketdata_app(broadcast, TERMS, health=health, pace=pace)
    async with serving(app) as address:
        yield f"http://{address}"


async def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, Any, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.json(), response.headers["X-Market-Data"]


async def test_alpacas_own_client_reads_the_latest_bars() -> None:
    async with market() as url:
        client = StockHistoricalDataClient("k1", "s1", url_override=url)
        asked = StockLatestBarRequest(symbol_or_symbols=["ALFA", "BRVO", "NONE"])
        found = await asyncio.to_thread(client.get_stock_latest_bar, asked)
        client._session.close()
    assert isinstance(found, dict)
    assert {symbol: latest.close for symbol, latest in found.items()} == {"ALFA": 50.2, "BRVO": 70.0}


async def test_latest_bars_by_hand() -> None:
    async with market() as url:
        status, body, notice = await get(f"{url}/v2/stocks/bars/latest?symbols=BRVO&feed=generated", KEYS)
        assert (status, list(body["bars"]), notice) == (200, ["BRVO"], "generated market data")
        status, body, _ = await get(f"{url}/v2/stocks/ALFA/bars/latest", KEYS)
        assert (status, body["symbol"], body["bar"]["c"]) == (200, "ALFA", 50.2)
        assert body["bar"]["t"] == "2026-11-20T14:31:00Z"


@pytest.mark.parametrize(
    ("path", "headers", "status", "code", "words"),
    (
        ("/v2/stocks/bars/latest?symbols=ALFA", {}, 403, 40310000, "expected the headers apca-api-key-id"),
        (
            "/v2/stocks/bars/latest?symbols=ALFA",
            KEYS | {"APCA-API-SECRET-KEY": "x"},
            403,
            40310000,
            "marketdata.keys",
        ),
        ("/v2/stocks/ALFA/bars/latest", {}, 403, 40310000, "with a key of"),
        ("/v1/pacer", {}, 403, "forbidden", "with a key of"),
        ("/v2/stocks/bars/latest", KEYS, 422, 42210000, "symbols: expected one or more"),
        ("/v2/stocks/bars/latest?symbols=A&feed=sip", KEYS, 422, 42210000, "feed: expected generated"),
        ("/v2/stocks/bars/latest?symbols=A&depth=3", KEYS, 422, 42210000, "query: expected only"),
        ("/v2/stocks/ALFA/bars/latest?feed=iex", KEYS, 422, 42210000, "feed: expected generated"),
        ("/v2/stocks/NONE/bars/latest", KEYS, 404, 40410000, "NONE: expected a symbol that has had a bar"),
        ("/v2/stocks/trades/latest?symbols=A", KEYS, 422, 42210000, "trades: expected one of bars, all that"),
        (
            "/v2/stocks/auctions?symbols=A",
            KEYS,
            422,
            42210000,
            "not supported by this server yet: /v2/stocks/a",
        ),
        (
            "/v1beta3/crypto/us/bars?symbols=A",
            KEYS,
            422,
            42210000,
            "not supported by this server yet: /v1beta3",
        ),
        ("/v2/stocks/bars/latest?symbols=A&symbols=B", KEYS, 422, 42210000, "each parameter once"),
        ("/v2/stocks/bars/latest?symbols=A&currency=EUR", KEYS, 422, 42210000, "currency: expected USD"),
        ("/v2/other/thing", KEYS, 404, 40400000, "Not Found"),
        ("/v1/pacer", KEYS, 404, "not_found", "expected a paced source"),
        ("/v1/other", KEYS, 404, "http", "Not Found"),
    ),
)
async def test_refusals_have_a_code_and_a_sentence(
    path: str, headers: dict[str, str], status: int, code: int | str, words: str
) -> None:
    async with market() as url:
        found, body, notice = await get(url + path, headers)
    assert (found, body["code"], notice) == (status, code, "generated market data")
    assert words in body["message"]


async def test_health_over_http_is_exactly_the_six_fields() -> None:
    async with market(seconds=180) as url:
        status, body, _ = await get(f"{url}/healthz")
    assert status == 200
    assert body == {
        "service": "marketdata",
        "last_tick_epoch_seconds": (OPEN + 2 * MINUTE) // SECOND,
        "age_seconds": 60,
        "max_age_seconds": 60,
        "ok": True,
        "forced_stale": False,
    }


async def test_stale_data_answer_503() -> None:
    async with market(seconds=181) as url:
        status, body, _ = await get(f"{url}/healthz")
    assert (status, body["ok"], body["age_seconds"]) == (503, False, 61)


async def test_the_drill_makes_fresh_data_stale() -> None:
    async with market(forced_stale=True) as url:
        status, body, _ = await get(f"{url}/healthz")
    assert (status, body["ok"], body["forced_stale"], body["age_seconds"]) == (503, False, True, 0)


async def test_the_pacer_can_be_looked_at() -> None:
    async with market(pace=lambda: Where(watermark="2026-11-20T14:31:00Z")) as url:
        status, body, _ = await get(f"{url}/v1/pacer", KEYS)
    assert (status, body) == (200, {"watermark": "2026-11-20T14:31:00Z"})


async def test_what_nobody_expected_is_in_the_log_and_not_in_the_answer() -> None:
    def fail() -> Struct:
        raise ZeroDivisionError("secret")

    with capture_logs() as logs:
        async with market(pace=fail) as url:
            status, body, _ = await get(f"{url}/v1/pacer", KEYS)
    assert (status, body["code"]) == (500, "internal")
    assert "secret" not in body["message"]
    assert [entry["event"] for entry in logs] == ["request_failed"]
