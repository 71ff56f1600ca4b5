import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agenttrader.adapters.alpaca import feed as feed_module
from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.api.market_stream import Terms
from agenttrader.api.marketdata import create_marketdata_app
from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import judge_health
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import BadValue, InboxFull, Unreachable
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.alpaca_data import (
    Authenticate,
    Message,
    Refusal,
    Request,
    Subscribe,
    Subscription,
    Success,
    decode_request,
    encode,
)
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
KEY = Credential(key_id="k1", secret=Secret("s1"))


class Place:
    """Where the peer listens; tests move it."""

    url: str | None = None

    async def find(self) -> str:
        if self.url is None:
            raise Unreachable("marketdata: expected a living process, found no file")
        return self.url


class Ear:
    """What was delivered."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.links: list[tuple[bool, str]] = []
        self.changed = asyncio.Event()

    def receive(self, event: MarketEvent) -> None:
        self.events.append(event)
        self.changed.set()

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001
        self.links.append((up, reason))
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def following(feed: AlpacaFeed) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(feed.follow(ear.receive, ear.link))
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def make(place: Place, **fields: Any) -> AlpacaFeed:
    settings: dict[str, Any] = {
        "address": place.find,
        "feed": "generated",
        "credential": KEY,
        "symbols": None,
        "extended": True,
    }
    return AlpacaFeed(**settings | fields)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "RETRY_SECONDS_MIN", 0.005)
    monkeypatch.setattr(feed_module, "CLOSE_SECONDS", 0.05)


def minute(number: int) -> list[MarketEvent]:
    price = Decimal(100 + number)
    start = Instant(OPEN + (number - 1) * MINUTE)
    bar = Bar(
        symbol=Symbol("ALFA"),
        start=start,
        interval=MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
    )
    return [bar, Watermark(time=bar.end)]


HALT = StatusChange(
    symbol=Symbol("ALFA"), time=Instant(OPEN + MINUTE), status=TradingStatus.HALTED, reason="halt"
)


def publish(broadcast: Broadcast, first: int, last: int) -> None:
    for number in range(first, last + 1):
        for event in minute(number):
            broadcast.publish(event)


@asynccontextmanager
async def market(
    place: Place, broadcast: Broadcast, settle: Callable[[str, Instant], None] | None = None, port: int = 0
) -> AsyncIterator[None]:
    terms = Terms(
        feed="generated",
        notice="generated",
        channels=frozenset({"bars", "statuses"}),
        actions=Actions(splits=None, without_dividends=False),
        keys={"k1": Digest(hashlib.sha256(b"s1").hexdigest())},
        settle=settle,
    )
    health = partial(judge_health, None, None, max_age_seconds=60, forced_stale=False)
    app = create_marketdata_app(broadcast, terms, health=health, pace=None)
    async with serving(app, port=port) as address:
        place.url = f"http://{address}"
        yield


async def test_every_event_is_delivered_in_order() -> None:
    place, broadcast = Place(), Broadcast()
    async with market(place, broadcast), following(make(place)) as ear:
        await ear.until(lambda: broadcast.subscribers == 1 or bool(ear.links))
        broadcast.publish(HALT)
        publish(broadcast, 1, 3)
        expected = [HALT, *minute(1), *minute(2), *minute(3)]
        await ear.until(lambda: len(ear.events) == len(expected))
        assert ear.events == expected
        assert ear.links == [(True, "generated: connected")]


async def test_the_past_is_told_to_who_starts_late() -> None:
    place, broadcast = Place(), Broadcast()
    publish(broadcast, 1, 3)
    async with market(place, broadcast), following(make(place, since=Instant(OPEN + MINUTE))) as ear:
        await ear.until(lambda: len(ear.events) == 4)
        assert ear.events == [*minute(2), *minute(3)]


async def test_after_a_restart_at_another_port_nothing_is_missed_or_doubled() -> None:
    place = Place()
    broadcast = Broadcast()
    async with following(make(place)) as ear:
        async with market(place, broadcast):
            await ear.until(lambda: ear.links[-1:] == [(True, "generated: connected")])
            publish(broadcast, 1, 2)
            await ear.until(lambda: len(ear.events) == 4)
        await ear.until(lambda: not ear.links[-1][0])
        again = Broadcast()
        publish(again, 1, 3)
        async with market(place, again):
            await ear.until(lambda: ear.links[-1][0])
            publish(again, 4, 4)
            await ear.until(lambda: len(ear.events) == 8)
            assert ear.events == [*minute(1), *minute(2), *minute(3), *minute(4)]
            assert [up for up, _ in ear.links] == [False, True, False, True]
    assert "expected a living process" in ear.links[0][1]


async def test_settled_is_told_now_and_again_after_each_reconnect() -> None:
    place = Place()
    told: list[tuple[str, Instant]] = []
    feed = make(place, participant="strategy")
    await feed.settled(OPEN)
    async with following(feed) as ear:
        for expected in (OPEN, Instant(OPEN + MINUTE)):
            told.clear()
            async with market(place, Broadcast(), lambda who, time: told.append((who, time))):
                await ear.until(lambda: bool(ear.links) and ear.links[-1][0])
                await until(lambda: bool(told))
                assert told == [("strategy", expected)]
                await feed.settled(Instant(OPEN + MINUTE))
                await until(lambda: len(told) == 2)
                assert told[1] == ("strategy", Instant(OPEN + MINUTE))
            await ear.until(lambda: not ear.links[-1][0])


async def test_a_wrong_key_leaves_the_link_down_and_says_why() -> None:
    place = Place()
    wrong = Credential(key_id="k1", secret=Secret("guess"))
    async with market(place, Broadcast()), following(make(place, credential=wrong)) as ear:
        await ear.until(lambda: bool(ear.links))
        assert ear.links[0][0] is False
        assert "auth failed" in ear.links[0][1]
        assert "guess" not in ear.links[0][1]


async def test_another_feed_leaves_the_link_down_and_names_the_right_one() -> None:
    place = Place()
    async with market(place, Broadcast()), following(make(place, feed="sip")) as ear:
        await ear.until(lambda: bool(ear.links))
        assert "expected /v2/generated" in ear.links[0][1]


class Peer:
    """The other end of one connection."""

    def __init__(self, wire: web.WebSocketResponse, heard: list[Request]) -> None:
        self.wire = wire
        self.heard = heard

    async def say(self, *messages: Message) -> None:
        await self.wire.send_str(encode(messages).decode())

    async def hear(self) -> None:
        self.heard.append(decode_request(await self.wire.receive_str()))

    async def greet(self) -> None:
        await self.say(Success(msg="connected"))
        await self.hear()
        await self.say(Success(msg="authenticated"))
        await self.hear()
        await self.say(Subscription(bars=("*",)))


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def scripted(place: Place, *scripts: Script) -> AsyncIterator[list[Request]]:
    """A peer that plays each script on one connection, then refuses. What it heard is the value."""
    heard: list[Request] = []
    left = list(scripts)

    async def play(request: web.Request) -> web.StreamResponse:
        if not left:
            return web.Response(status=503)
        script = left.pop(0)
        wire = web.WebSocketResponse()
        await wire.prepare(request)
        await script(Peer(wire, heard))
        return wire

    app = web.Application()
    app.router.add_get("/v2/{feed}", play)
    runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    place.url = f"http://{host}:{port}"
    try:
        yield heard
    finally:
        await runner.cleanup()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


async def test_alpaca_is_asked_only_what_it_knows() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(minute(1)[0])
        await peer.hear()

    place = Place()
    feed = make(place, extended=False, symbols=[Symbol("B"), Symbol("A")], feed="iex", participant="strategy")
    await feed.settled(OPEN)
    async with scripted(place, script) as heard, following(feed) as ear:
        await ear.until(lambda: len(ear.events) == 1)
        await feed.settled(Instant(OPEN + MINUTE))
        await asyncio.sleep(0.02)
        assert heard == [
            Authenticate(key="k1", secret="s1"),
            Subscribe(bars=("A", "B"), statuses=("A", "B")),
        ]


async def test_what_came_after_the_last_watermark_is_told_again_after_a_break() -> None:
    async def breaks(peer: Peer) -> None:
        await peer.greet()
        await peer.say(*minute(1), minute(2)[0])
        await peer.wire.close()

    async def goes_on(peer: Peer) -> None:
        await peer.greet()
        await peer.say(*minute(2))
        await asyncio.sleep(5)

    place = Place()
    async with scripted(place, breaks, goes_on) as heard, following(make(place)) as ear:
        await ear.until(lambda: len(ear.events) == 5)
        assert ear.events == [*minute(1), minute(2)[0], *minute(2)]
        assert [up for up, _ in ear.links] == [True, False, True]
    asked = [request.since for request in heard if isinstance(request, Subscribe)]
    assert asked == ["1970-01-01T00:00:00Z", "2026-11-20T14:31:00Z"]


async def silent(_: Peer) -> None:
    await asyncio.sleep(5)


async def hangs_up(peer: Peer) -> None:
    await peer.wire.close()


async def greets_and_falls_silent(peer: Peer) -> None:
    await peer.say(Success(msg="connected"))
    await asyncio.sleep(5)


async def talks_nonsense(peer: Peer) -> None:
    await peer.greet()
    await peer.wire.send_str('[{"T":"b","S":"ALFA","o":"NaN"}]')
    await asyncio.sleep(5)


async def says_slow(peer: Peer) -> None:
    await peer.greet()
    await peer.say(Refusal.SLOW_CLIENT.because())
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("script", "reason"),
    (
        (silent, "expected its greeting within 0.05 s, found silence"),
        (greets_and_falls_silent, "expected to be authenticated within 0.05 s"),
        (hangs_up, "found the connection closed (1000)"),
        (talks_nonsense, "market data: expected Alpaca's messages"),
        (says_slow, "found error 407: slow client"),
    ),
)
async def test_a_peer_that_does_not_behave_is_let_go_and_tried_again(
    script: Script, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "ANSWER_SECONDS", 0.05)

    async def behaves(peer: Peer) -> None:
        await peer.greet()
        await peer.say(*minute(1))
        await asyncio.sleep(5)

    place = Place()
    async with scripted(place, script, behaves), following(make(place)) as ear:
        await ear.until(lambda: len(ear.events) == 2)
    downs = [text for up, text in ear.links if not up]
    assert len(downs) == 1
    assert reason in downs[0]


async def test_the_pauses_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise asyncio.CancelledError

    monkeypatch.setattr(feed_module, "RETRY_SECONDS_MIN", 0.1)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    ear = Ear()
    with pytest.raises(asyncio.CancelledError):
        await make(Place()).follow(ear.receive, ear.link)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [up for up, _ in ear.links] == [False]


@pytest.mark.parametrize("fault", (ZeroDivisionError, Unreachable, BadValue))
async def test_a_fault_of_who_receives_is_not_taken_for_the_links(fault: type[Exception]) -> None:
    place, broadcast = Place(), Broadcast()
    publish(broadcast, 1, 1)

    def fail(event: MarketEvent) -> None:
        raise fault(event)

    async with market(place, broadcast):
        with pytest.raises(fault):
            await make(place, since=OPEN).follow(fail, Ear().link)


async def test_where_there_is_no_room_the_link_starts_anew_and_nothing_is_missed() -> None:
    place, broadcast = Place(), Broadcast()
    publish(broadcast, 1, 3)
    ear, refused = Ear(), {"receive": 2, "up": 1, "down": 2}

    def room(what: str) -> None:
        if refused[what] and (what != "receive" or len(ear.events) >= 2):
            refused[what] -= 1
            raise InboxFull("4 inputs are waiting")

    def receive(event: MarketEvent) -> None:
        room("receive")
        ear.receive(event)

    def link(up: bool, reason: str) -> None:  # noqa: FBT001
        room("up" if up else "down")
        ear.link(up, reason)

    async with market(place, broadcast):
        task = asyncio.create_task(make(place, since=OPEN).follow(receive, link))
        try:
            await ear.until(lambda: len(ear.events) == 6 or task.done())
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert ear.events == [*minute(1), *minute(2), *minute(3)]
    assert refused == {"receive": 0, "up": 0, "down": 0}
    assert [up for up, _ in ear.links] == [False, True, False, True, False, True]
    assert all("4 inputs are waiting" in reason for up, reason in ear.links if not up)


async def test_settled_while_the_connection_breaks_harms_nobody() -> None:
    feed = make(Place(), participant="strategy")

    class Broken:
        async def send_str(self, _: str) -> None:
            raise aiohttp.ClientConnectionResetError("gone")

    feed._socket = Broken()  # type: ignore[assignment]
    await feed.settled(OPEN)
    assert feed._settled == OPEN
