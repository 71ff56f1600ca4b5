"""The venue's face over real sockets: refusals, parameters, and the stream, by hand-written messages."""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agenttrader.adapters.venue_log import VenueLog
from agenttrader.api import trade_updates
from agenttrader.api.venue import create_venue_app
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.serving import serving

SETTINGS = Settings(
    start=Instant(0),
    listings=(Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="DEMO-1", cash=Decimal(100_000), shorting=False),),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")),
    market_reserve_percent=3,
)
KEYS = {"KEY": VenueKey(secret_sha256=hashlib.sha256(b"SECRET").hexdigest(), account="DEMO-1")}
HEADERS = {"APCA-API-KEY-ID": "KEY", "APCA-API-SECRET-KEY": "SECRET"}
MARKET = {"symbol": "ABC", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
AUTHENTICATE = '{"action": "authenticate", "data": {"key_id": "KEY", "secret_key": "SECRET"}}'
LISTEN = '{"action": "listen", "data": {"streams": ["trade_updates", "watermarks"]}}'


class Venue:
    """A served venue and a session towards it."""

    def __init__(self, desk: Desk, session: aiohttp.ClientSession) -> None:
        self.desk = desk
        self.session = session
        self.minute = 0

    def bar(self, *prices: int) -> None:
        values = [Decimal(price) for price in (prices * 4 if len(prices) == 1 else prices)]
        self.minute += 1
        self.desk.hear(
            Bar(
                symbol=Symbol("ABC"),
                start=Instant((self.minute - 1) * MINUTE),
                interval=MINUTE,
                open=values[0],
                high=values[1],
                low=values[2],
                close=values[3],
                volume=Decimal(1),
            )
        )
        self.desk.hear(Watermark(time=Instant(self.minute * MINUTE)))

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] = HEADERS
    ) -> tuple[int, Any]:
        """The status and the decoded body, which is `{code, message}` wherever the status is an error."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.session.request(method, path, data=data, headers=headers) as response:
            text = await response.read()
            answer: Any = json.loads(text) if text else None
            if response.status >= 400:
                assert {"code", "message"} <= answer.keys()
                assert isinstance(answer["code"], int)
            return response.status, answer

    async def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, int, str]:
        status, answer = await self.ask(method, path, body)
        return status, answer["code"], answer["message"]


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Venue]:
    log = VenueLog(folder / "venue.log")
    desk = Desk(SETTINGS, log)
    async with (
        serving(create_venue_app(desk, KEYS)) as address,
        aiohttp.ClientSession(f"http://{address}") as session,
    ):
        yield Venue(desk, session)
    log.close()


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    async with opened(tmp_path) as venue:
        venue.bar(100)
        yield venue


@contextlib.asynccontextmanager
async def connected(venue: Venue) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with venue.session.ws_connect("/stream") as stream:
        yield stream


async def said(stream: aiohttp.ClientWebSocketResponse) -> Any:
    """The next message, which came in a binary frame."""
    message = await stream.receive(timeout=5)
    assert message.type is aiohttp.WSMsgType.BINARY, message
    return json.loads(message.data)


async def test_strangers_are_told_nothing(venue: Venue) -> None:
    for headers in ({}, HEADERS | {"APCA-API-SECRET-KEY": "x"}, {"APCA-API-KEY-ID": "KEY"}):
        for asked in (
            "GET /v2/account",
            "POST /v2/orders",
            "DELETE /v2/positions",
            "GET /v2/assets",
            "GET /x",
        ):
            method, path = asked.split()
            status, answer = await venue.ask(method, path, headers=headers)
            assert (status, answer["code"]) == (401, 40110000), asked


IMPOSSIBLE: tuple[tuple[Any, int, str], ...] = (
    (b"", 40010001, "order: Input data was truncated"),
    (b"{", 40010001, "order: Input data was truncated"),
    (b"[1]", 40010001, "order: Expected `object`, got `array`"),
    (b'{"symbol": "\xff"}', 40010001, "order: 'utf-8' codec"),
    (json.dumps(MARKET).encode().replace(b'"10"', b"NaN"), 40010001, "order: JSON is malformed"),
    (MARKET | {"qty": "NaN"}, 40010001, "qty: expected a finite number"),
    (MARKET | {"qty": "Infinity"}, 40010001, "qty: expected a finite number"),
    (MARKET | {"qty": "0.1"}, 40010001, "qty: expected a multiple of 1, found 0.1"),
    (MARKET | {"qty": -10}, 40010001, "qty: expected above 0"),
    (MARKET | {"quantity": 10}, 40010001, "order: Object contains unknown field `quantity`"),
    (MARKET | {"symbol": "ZZZ"}, 40010001, "asset 'ZZZ' not found; listed are ABC"),
    (MARKET | {"order_class": "mleg"}, 40010001, "symbol: an mleg order has none, found ABC"),
    (
        {"order_class": "mleg", "qty": 1, "type": "market", "time_in_force": "day"},
        40010001,
        "legs: expected it in this order, found none",
    ),
    (MARKET | {"notional": 100}, 40010001, "qty: expected either qty or notional in this order, found both"),
    (MARKET | {"side": "hold"}, 40010001, "side: expected one of buy, sell, found 'hold'"),
)


async def test_an_order_that_cannot_be_is_refused_with_what_was_found(venue: Venue) -> None:
    for body, code, message in IMPOSSIBLE:
        status, found, text = await venue.refusal("POST", "/v2/orders", body)
        assert (status, found) == (422, code), text
        assert text.startswith(message)


async def test_a_floats_noise_is_taken_as_meant(venue: Venue) -> None:
    body = MARKET | {"qty": 10.000000000000002, "type": "limit", "limit_price": 0.1 + 0.2}
    status, order = await venue.ask("POST", "/v2/orders", body)
    assert (status, order["qty"], order["limit_price"]) == (200, "10", "0.30")


async def test_a_used_client_order_id_is_refused_even_after_a_cancel(venue: Venue) -> None:
    body = MARKET | {"client_order_id": "mine"}
    _, order = await venue.ask("POST", "/v2/orders", body)
    assert await venue.ask("DELETE", f"/v2/orders/{order['id']}") == (204, None)
    assert await venue.refusal("POST", "/v2/orders", body) == (
        422,
        40010001,
        "client_order_id must be unique",
    )


async def test_shares_that_are_held_are_told_with_their_numbers(venue: Venue) -> None:
    legs = {"take_profit": {"limit_price": 110}, "stop_loss": {"stop_price": 90}}
    _, order = await venue.ask("POST", "/v2/orders", MARKET | {"order_class": "bracket"} | legs)
    venue.bar(100)
    status, answer = await venue.ask("DELETE", "/v2/positions/ABC")
    assert status == 403
    assert answer == {
        "code": 40310000,
        "message": "insufficient qty available for order (requested: 10, available: 0)",
        "symbol": "ABC",
        "available": "0",
        "existing_qty": "10",
        "held_for_orders": "10",
        "related_orders": [leg["id"] for leg in order["legs"]],
    }
    status, answer = await venue.ask("GET", "/v2/positions")
    assert (status, answer[0]["qty"], answer[0]["qty_available"]) == (200, "10", "0")


ABSENT = (
    ("GET", "/v2/assets/ZZZ", 404, "asset not found for ZZZ"),
    ("GET", "/v2/assets/BTC/USD", 404, "endpoint not found: GET /v2/assets/BTC/USD; write a slash as %2F"),
    ("GET", "/v2/assets/BTC%2FUSD", 404, "asset not found for BTC/USD"),
    ("POST", "/v2/assets", 422, "not supported by this venue yet: POST /v2/assets"),
    ("GET", "/v2/wallets", 422, "not supported by this venue yet: GET /v2/wallets"),
    ("POST", "/v2/options/contracts", 422, "not supported by this venue yet: POST /v2/options/contracts"),
    ("GET", "/v2/options/contracts/ABC", 404, "option contract not found for ABC"),
    ("GET", "/v2/options/contracts?limit=0", 422, "limit: expected a whole number from 1 to 10000"),
    (
        "POST",
        "/v2/positions/ABC/do-not-exercise",
        422,
        "not supported by this venue yet: POST /v2/positions/",
    ),
    ("DELETE", "/v2/positions/ABC?percentage=50", 404, "position does not exist: ABC"),
    ("DELETE", "/v2/positions/ABC?percentage=50&qty=1", 422, "qty: expected either qty or percentage"),
    ("DELETE", "/v2/positions/ABC?qty=x", 422, "qty: expected a decimal number"),
    ("GET", "/v2/orders?colour=blue", 422, "expected only parameters of this request, found colour"),
    ("GET", "/v2/orders:by_client_order_id", 422, "client_order_id: expected it as a parameter"),
    ("GET", "/v2/orders:by_client_order_id?client_order_id=x", 404, "order not found for x"),
    ("GET", "/v2/orders/x", 404, "order not found for x"),
    ("DELETE", "/v2/orders/x", 404, "order not found for x"),
    ("GET", "/v2/positions/ABC", 404, "position does not exist: ABC"),
    ("GET", "/v2/account/activities/FFFFF", 422, "activity_types: expected types of Alpaca's"),
    ("GET", "/v2/account/portfolio/history?period=1", 422, "period: expected a number and D, W, M or A"),
    ("PATCH", "/v2/account/configurations", 422, "configurations: Input data was truncated"),
    ("GET", "/v2/watchlists/x", 404, "watchlist not found for x"),
    ("GET", "/v2/watchlists:by_name?name=x", 422, "not supported by this venue yet: GET /v2/watchlists:"),
    ("GET", "/v2/clock", 422, "clock: expected a session after"),
    ("GET", "/v1/nothing", 404, "endpoint not found: GET /v1/nothing"),
    ("PUT", "/v2/clock", 405, "endpoint not found: PUT /v2/clock"),
)


async def test_what_is_not_there_is_named(venue: Venue) -> None:
    for method, path, status, message in ABSENT:
        found, _, text = await venue.refusal(method, path)
        assert found == status, text
        assert text.startswith(message)


async def test_a_body_without_end_is_not_read(venue: Venue) -> None:
    status, _, _ = await venue.refusal("POST", "/v2/orders", b" " * 100_000)
    assert status == 413


async def test_a_venue_that_comes_back_answers_as_before(tmp_path: Path) -> None:
    paths = ("/v2/account", "/v2/orders?status=all&nested=true", "/v2/positions", "/v2/account/activities")
    async with opened(tmp_path) as venue:
        venue.bar(100)
        await venue.ask("POST", "/v2/orders", MARKET)
        venue.bar(101)
        await venue.ask("POST", "/v2/orders", MARKET | {"side": "sell", "qty": 4})
        venue.bar(102)
        before = [await venue.ask("GET", path) for path in paths]
    async with opened(tmp_path) as venue:
        assert [await venue.ask("GET", path) for path in paths] == before


async def test_the_stream_tells_a_bars_changes_and_then_its_watermark(venue: Venue) -> None:
    async with connected(venue) as stream:
        await stream.send_bytes(AUTHENTICATE.encode())
        await stream.send_str(LISTEN)
        authorized = {"status": "authorized", "action": "authenticate"}
        assert await said(stream) == {"stream": "authorization", "data": authorized}
        assert await said(stream) == {
            "stream": "listening",
            "data": {"streams": ["trade_updates", "watermarks"]},
        }
        assert await said(stream) == {"stream": "watermarks", "data": {"time": "1970-01-01T00:01:00Z"}}
        _, order = await venue.ask("POST", "/v2/orders", MARKET)
        venue.bar(101)
        new, fill, watermark = [await said(stream) for _ in range(3)]
    assert new["data"]["event"] == "new"
    assert new["data"]["order"] == order
    assert "price" not in new["data"]
    told = fill["data"]
    assert (told["event"], told["price"], told["qty"], told["position_qty"]) == ("fill", "101.00", "10", "10")
    assert (told["timestamp"], told["order"]["status"]) == ("1970-01-01T00:02:00Z", "filled")
    assert watermark == {"stream": "watermarks", "data": {"time": "1970-01-01T00:02:00Z"}}
    _, (activity,) = await venue.ask("GET", "/v2/account/activities/FILL")
    assert activity["id"] == f"19700101000200000::{told['execution_id']}"


async def test_a_stranger_hears_nothing_on_the_stream(venue: Venue) -> None:
    async with connected(venue) as stream:
        await stream.send_str(LISTEN)
        refused = {"status": "unauthorized", "action": "listen"}
        assert await said(stream) == {"stream": "authorization", "data": refused}
        await stream.send_str(AUTHENTICATE.replace("SECRET", "guess"))
        refused = {"status": "unauthorized", "action": "authenticate"}
        assert await said(stream) == {"stream": "authorization", "data": refused}
        await venue.ask("POST", "/v2/orders", MARKET)
        await stream.send_str(LISTEN)
        assert (await said(stream))["data"]["status"] == "unauthorized"


async def test_a_client_that_cannot_be_read_is_closed_with_the_reason(venue: Venue) -> None:
    for message in ("nonsense", '{"action": "dance"}', '{"action": "listen"}', ""):
        async with connected(venue) as stream:
            await stream.send_str(message)
            closed = await stream.receive(timeout=5)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        assert str(closed.extra).startswith("stream:")


async def test_a_client_that_never_says_who_it_is_is_closed(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_updates, "AUTHENTICATE_SECONDS", 0.01)
    async with connected(venue) as stream:
        closed = await stream.receive(timeout=5)
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_a_client_that_does_not_keep_up_is_closed(venue: Venue) -> None:
    async with connected(venue) as stream:
        await stream.send_str(AUTHENTICATE)
        await stream.send_str(LISTEN)
        for _ in range(3):
            await said(stream)
        (listener,) = venue.desk.updates._listeners
        for _ in range(listener.queue.maxsize + 1):  # all at once: nothing can be sent between
            venue.bar(100)
        closed = None
        while closed is None or closed.type is aiohttp.WSMsgType.BINARY:
            closed = await stream.receive(timeout=5)
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1013)
    assert venue.desk.updates._listeners == set()
