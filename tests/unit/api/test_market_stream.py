import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import msgpack  # type: ignore[import-untyped]
import msgspec
import pytest
from structlog.testing import capture_logs

from agenttrader.api import market_stream
from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.alpaca_data import decode
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
AUTH = {"action": "auth", "key": "k1", "secret": "s1"}
EVERYTHING = {"action": "subscribe", "bars": ["*"], "statuses": ["*"], "watermarks": True}


class Barrier:
    """Remembers what was settled; knows one participant."""

    def __init__(self) -> None:
        self.settled: list[tuple[str, Instant]] = []

    def settle(self, participant: str, time: Instant) -> None:
        if participant != "strategy":
            raise BadValue(f"participant: expected one of strategy, found {participant!r}")
        self.settled.append((participant, time))


def terms(barrier: Barrier | None = None) -> Terms:
    return Terms(
        feed="generated",
        notice="generated market data",
        channels=frozenset({"bars", "statuses"}),
        actions=Actions(splits=None, without_dividends=False),
        keys={"k1": Digest(hashlib.sha256(b"s1").hexdigest())},
        settle=None if barrier is None else barrier.settle,
    )


@asynccontextmanager
async def market(
    broadcast: Broadcast, barrier: Barrier | None = None, send_buffer_bytes: int | None = None
) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    health = partial(judge_health, None, None, max_age_seconds=60, forced_stale=False)
    app = create_marketdata_app(broadcast, terms(barrier), health=health, pace=None)
    async with (
        serving(app, send_buffer_bytes=send_buffer_bytes) as address,
        aiohttp.ClientSession() as session,
    ):
        yield f"ws://{address}/v2/generated", session


class Client:
    """One connection that speaks JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        await self.socket.send_str(msgspec.json.encode(request).decode())
        return await self.next()

    async def next(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = msgspec.json.decode(await self.socket.receive_str(timeout=5))
        return found

    async def events(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            found += decode(await self.socket.receive_str(timeout=5))
        return found

    async def ended(self) -> bool:
        return (await self.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


@asynccontextmanager
async def connected(address: tuple[str, aiohttp.ClientSession], **headers: str) -> AsyncIterator[Client]:
    url, session = address
    async with session.ws_connect(url, headers=headers) as wire:
        client = Client(wire)
        assert await client.next() == [{"T": "success", "msg": "connected"}]
        yield client


@asynccontextmanager
async def authenticated(address: tuple[str, aiohttp.ClientSession]) -> AsyncIterator[Client]:
    async with connected(address) as client:
        assert await client.ask(AUTH) == [{"T": "success", "msg": "authenticated"}]
        yield client


@asynccontextmanager
async def deaf_subscriber(url: str) -> AsyncIterator[None]:
    """A client that subscribes to everything and never reads a byte of it; the kernel buffers little."""
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wire.setblocking(False)  # noqa: FBT003
        loop = asyncio.get_running_loop()
        await loop.sock_connect(wire, (host, int(port)))
        headers = (
            f"GET /v2/generated HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "APCA-API-KEY-ID: k1\r\nAPCA-API-SECRET-KEY: s1\r\n\r\n"
        )
        await loop.sock_sendall(wire, headers.encode())
        heard = b""
        while b"authenticated" not in heard:
            heard += await loop.sock_recv(wire, 1_000)
        request = msgspec.json.encode(EVERYTHING)
        # One final text frame, masked with zeros.
        frame = bytes([0x81, 0x80 | len(request)]) + bytes(4) + request
        await loop.sock_sendall(wire, frame)
        yield


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


def minute(number: int) -> list[MarketEvent]:
    price = Decimal(100 + number)
    bars = [
        Bar(
            symbol=Symbol(symbol),
            start=Instant(OPEN + (number - 1) * MINUTE),
            interval=MINUTE,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=Decimal(1),
        )
        for symbol in ("ALFA", "BRVO")
    ]
    return [*bars, Watermark(time=Instant(OPEN + number * MINUTE))]


def publish(broadcast: Broadcast, first: int, last: int) -> None:
    for number in range(first, last + 1):
        for event in minute(number):
            broadcast.publish(event)


async def test_a_subscriber_hears_what_it_asked_for_after_the_answer() -> None:
    broadcast = Broadcast()
    async with market(broadcast) as address, authenticated(address) as client:
        [answer] = await client.ask({"action": "subscribe", "bars": ["ALFA"], "statuses": ["*"]})
        assert (answer["T"], answer["bars"], answer["statuses"]) == ("subscription", ["ALFA"], ["*"])
        publish(broadcast, 1, 1)
        halt = StatusChange(symbol=Symbol("BRVO"), time=OPEN, status=TradingStatus.HALTED, reason="halt")
        broadcast.publish(halt)
        assert await client.events(2) == [minute(1)[0], halt]


async def test_watermarks_and_the_past_are_told_to_who_asks() -> None:
    broadcast = Broadcast()
    publish(broadcast, 1, 3)
    async with market(broadcast) as address, authenticated(address) as client:
        since = rfc3339(Instant(OPEN + MINUTE))
        assert (await client.ask(EVERYTHING | {"since": since}))[0]["T"] == "subscription"
        publish(broadcast, 4, 4)
        assert await client.events(9) == [*minute(2), *minute(3), *minute(4)]


async def test_more_is_added_and_taken_off() -> None:
    broadcast = Broadcast()
    async with market(broadcast) as address, authenticated(address) as client:
        await client.ask({"action": "subscribe", "bars": ["ALFA"]})
        [answer] = await client.ask({"action": "subscribe", "bars": ["BRVO"]})
        assert answer["bars"] == ["ALFA", "BRVO"]
        [answer] = await client.ask({"action": "unsubscribe", "bars": ["ALFA"]})
        assert answer["bars"] == ["BRVO"]
        publish(broadcast, 1, 1)
        assert await client.events(1) == [minute(1)[1]]


async def test_msgpack_is_spoken_to_who_asks_for_it() -> None:
    broadcast = Broadcast()
    async with market(broadcast) as (url, session):
        headers = {"Content-Type": "application/msgpack"}
        async with session.ws_connect(url, headers=headers) as wire:
            assert msgpack.unpackb(await wire.receive_bytes()) == [{"T": "success", "msg": "connected"}]
            await wire.send_bytes(msgpack.packb(AUTH))
            assert msgpack.unpackb(await wire.receive_bytes())[0]["msg"] == "authenticated"
            await wire.send_bytes(msgpack.packb({"bars": ["ALFA"], "action": "subscribe"}))
            assert msgpack.unpackb(await wire.receive_bytes())[0]["bars"] == ["ALFA"]
            publish(broadcast, 1, 1)
            [bar] = msgpack.unpackb(await wire.receive_bytes())
            assert (bar["S"], bar["c"], bar["t"].to_unix_nano()) == ("ALFA", 101.0, OPEN)


async def test_the_handshake_says_that_the_data_are_generated() -> None:
    async with market(Broadcast()) as (url, session), session.ws_connect(url) as wire:
        assert wire._response.headers["X-Market-Data"] == "generated market data"


@pytest.mark.parametrize(
    "wrong", ({"key": "k2", "secret": "s1"}, {"key": "k1", "secret": "s2"}, {"key": "k1", "secret": ""})
)
async def test_a_wrong_key_is_refused_and_hung_up_on(wrong: dict[str, str]) -> None:
    async with market(Broadcast()) as address, connected(address) as client:
        [answer] = await client.ask({"action": "auth", **wrong})
        assert answer == {"T": "error", "code": 402, "msg": "auth failed"}
        assert await client.ended()


async def test_a_key_in_the_headers_authenticates_as_alpacas_does() -> None:
    headers = {"APCA-API-KEY-ID": "k1", "APCA-API-SECRET-KEY": "s1"}
    async with market(Broadcast()) as address, connected(address, **headers) as client:
        assert await client.next() == [{"T": "success", "msg": "authenticated"}]
        assert (await client.ask(AUTH))[0]["code"] == 403


async def test_nothing_is_told_before_authentication() -> None:
    async with market(Broadcast()) as address, connected(address) as client:
        [answer] = await client.ask(EVERYTHING)
        assert (answer["code"], answer["msg"]) == (401, "not authenticated: say auth first")
        assert (await client.ask(AUTH))[0]["msg"] == "authenticated"


async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_stream, "AUTHENTICATION_SECONDS", 0.05)
    async with market(Broadcast()) as address, connected(address) as client:
        [answer] = await client.next()
        assert (answer["code"], answer["msg"].split(":")[0]) == (404, "auth timeout")
        assert await client.ended()


async def test_another_feed_is_refused_and_the_right_one_named() -> None:
    async with market(Broadcast()) as (url, session):
        other = (url.replace("generated", "iex"), session)
        async with connected(other) as client:
            [answer] = await client.ask(AUTH)
            assert answer["code"] == 409
            assert answer["msg"].startswith("insufficient subscription: expected /v2/generated")
            assert await client.ended()


@pytest.mark.parametrize(
    ("request_text", "code", "reason"),
    (
        ("nonsense", 400, "invalid syntax: request: "),
        ('{"action":"subscribe","bar":["*"]}', 400, "unknown field `bar`"),
        ('{"action":"subscribe","bars":["*"],"since":"noon"}', 400, "expected RFC 3339"),
        ('{"action":"subscribe","trades":["*"]}', 410, "no trades here"),
        ('{"action":"auth","key":"k1","secret":"s1"}', 403, "already authenticated"),
        ('{"action":"settled","participant":"venue","t":"2026-11-20T14:30:00Z"}', 400, "found 'venue'"),
        ('{"action":"settled","participant":"strategy","t":"14:30"}', 400, "expected RFC 3339"),
        ('{"action":"auth","key":"' + "k" * 70_000 + '","secret":""}', 400, "at most 65536 bytes"),
    ),
)
async def test_a_bad_request_is_answered_and_the_connection_goes_on(
    request_text: str, code: int, reason: str
) -> None:
    async with market(Broadcast(), Barrier()) as address, authenticated(address) as client:
        await client.socket.send_str(request_text)
        [answer] = await client.next()
        assert answer["T"] == "error"
        assert answer["code"] == code
        assert reason in answer["msg"]
        assert (await client.ask(EVERYTHING))[0]["T"] == "subscription"


async def test_the_past_can_be_asked_for_only_at_first() -> None:
    async with market(Broadcast()) as address, authenticated(address) as client:
        await client.ask(EVERYTHING)
        [answer] = await client.ask(EVERYTHING | {"since": rfc3339(OPEN)})
        assert "in the first subscribe" in answer["msg"]


async def test_too_many_symbols_are_refused() -> None:
    async with market(Broadcast()) as address, authenticated(address) as client:
        [answer] = await client.ask({"action": "subscribe", "bars": [f"S{n}" for n in range(2_001)]})
        assert answer["code"] == 405


async def test_settled_is_handed_on_without_an_answer() -> None:
    barrier = Barrier()
    async with market(Broadcast(), barrier) as address, authenticated(address) as client:
        said = {"action": "settled", "participant": "strategy", "t": rfc3339(OPEN)}
        await client.socket.send_str(msgspec.json.encode(said).decode())
        assert (await client.ask(EVERYTHING))[0]["T"] == "subscription"
        assert barrier.settled == [("strategy", OPEN)]


async def test_settled_means_nothing_to_a_source_without_a_pace() -> None:
    async with market(Broadcast()) as address, authenticated(address) as client:
        said = {"action": "settled", "participant": "strategy", "t": rfc3339(OPEN)}
        assert "not paced" in (await client.ask(said))[0]["msg"]


async def test_a_client_that_does_not_read_is_cut_off_and_the_others_go_on() -> None:
    broadcast = Broadcast(lag_max=300)
    async with (
        market(broadcast, send_buffer_bytes=4_096) as address,
        deaf_subscriber(address[0]),
        authenticated(address) as quick,
    ):
        await quick.ask(EVERYTHING)
        await until(lambda: broadcast.subscribers == 2)
        number = 0
        while broadcast.subscribers == 2:
            publish(broadcast, number + 1, number + 50)
            expected = [event for at in range(number + 1, number + 51) for event in minute(at)]
            assert await quick.events(150) == expected
            number += 50
            assert number < 20_000
        publish(broadcast, number + 1, number + 1)
        assert await quick.events(3) == minute(number + 1)


async def test_a_client_that_reads_too_slowly_is_told_so() -> None:
    broadcast = Broadcast(lag_max=2)
    async with market(broadcast) as address, authenticated(address) as client:
        await client.ask(EVERYTHING)
        publish(broadcast, 1, 1)
        [answer] = await client.next()
        assert (answer["code"], answer["msg"]) == (407, "slow client: come back with since")
        assert await client.ended()


async def test_a_client_that_comes_back_misses_nothing() -> None:
    broadcast = Broadcast()
    async with market(broadcast) as address:
        async with authenticated(address) as client:
            await client.ask(EVERYTHING)
            publish(broadcast, 1, 2)
            assert await client.events(6) == [*minute(1), *minute(2)]
        publish(broadcast, 3, 4)
        async with authenticated(address) as client:
            await client.ask(EVERYTHING | {"since": rfc3339(Instant(OPEN + 2 * MINUTE))})
            assert await client.events(6) == [*minute(3), *minute(4)]


async def test_a_client_that_leaves_is_forgotten() -> None:
    broadcast = Broadcast()
    async with market(broadcast) as address:
        async with authenticated(address) as client:
            await client.ask(EVERYTHING)
            assert broadcast.subscribers == 1
        await until(lambda: broadcast.subscribers == 0)


async def test_too_many_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_stream, "CONNECTIONS_MAX", 1)
    async with market(Broadcast()) as address:
        async with authenticated(address):
            url, session = address
            async with session.ws_connect(url) as wire:
                [answer] = msgspec.json.decode(await wire.receive_str(timeout=5))
                assert answer["code"] == 406
        async with asyncio.timeout(5):
            while True:
                async with address[1].ws_connect(address[0]) as wire:
                    if "connected" in await wire.receive_str(timeout=5):
                        break


async def test_what_nobody_expected_ends_the_connection_and_stands_in_the_log() -> None:
    class Faulty(Barrier):
        def settle(self, participant: str, time: Instant) -> None:
            raise ZeroDivisionError(participant, time)

    with capture_logs() as logs:
        async with market(Broadcast(), Faulty()) as address, authenticated(address) as client:
            said = {"action": "settled", "participant": "strategy", "t": rfc3339(OPEN)}
            await client.socket.send_str(msgspec.json.encode(said).decode())
            assert await client.ended()
    assert [entry["event"] for entry in logs] == ["market_stream_failed"]
