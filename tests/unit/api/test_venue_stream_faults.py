"""Messages of a stream, with faults in it, over real sockets."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.api import venue_stream_faults
from agenttrader.api.probes import Receive, Scope, Send
from agenttrader.api.venue_faults import with_faults
from agenttrader.app.fault_kinds import (
    CutStream,
    DoubledMessage,
    LateMessage,
    LostMessage,
    ReorderedMessage,
    SilentStream,
)
from agenttrader.app.venue.faults import Faults
from agenttrader.testing.serving import serving

ORDER = {
    "id": "1",
    "client_order_id": "mine",
    "created_at": "2026-11-20T14:31:00Z",
    "updated_at": "2026-11-20T14:31:00Z",
    "submitted_at": "2026-11-20T14:31:00Z",
    "status": "new",
}
AUTHENTICATE = {"action": "authenticate", "data": {"key_id": "KEY", "secret_key": "SECRET"}}
WAIT_SECONDS = 5


class Telling:
    """A stream that authorizes everybody and tells what it is told to."""

    def __init__(self) -> None:
        self.sends: list[Send] = []
        self.left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (message := await receive())["type"] != "websocket.disconnect":
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            else:
                await send(envelope("authorization", {"status": "authorized", "action": "authenticate"}))
                self.sends.append(send)
        self.left += 1

    async def tell(self, *events: str) -> None:
        for event in events:
            said = (
                envelope("watermarks", {"time": "2026-11-20T14:31:00Z"})
                if event == "watermark"
                else envelope("trade_updates", {"event": event, "order": ORDER})
            )
            await self.sends[-1](said)


def envelope(stream: str, data: Any) -> dict[str, Any]:
    return {"type": "websocket.send", "bytes": json.dumps({"stream": stream, "data": data}).encode()}


class Listening:
    """One client's connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def hear(self, count: int) -> list[str]:
        """The words of the next messages."""
        return [await self._next() for _ in range(count)]

    async def _next(self) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            message = json.loads(await self.socket.receive_bytes())
        return str(message["data"].get("event") or message["stream"])

    async def ends(self) -> bool:
        """Whether the connection ends without a goodbye."""
        async with asyncio.timeout(WAIT_SECONDS):
            message = await self.socket.receive()
        return message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class World:
    def __init__(self, address: str, app: Telling, session: aiohttp.ClientSession) -> None:
        self.app = app
        self._url = f"ws://{address}/stream"
        self._session = session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Listening]:
        async with self._session.ws_connect(self._url) as socket:
            await socket.send_json(AUTHENTICATE)
            listening = Listening(socket)
            assert await listening.hear(1) == ["authorization"]
            yield listening


@asynccontextmanager
async def world(faults: Faults) -> AsyncIterator[World]:
    app = Telling()
    async with serving(with_faults(app, faults)) as address, aiohttp.ClientSession() as session:
        yield World(address, app, session)


async def heard(fault: Any, events: Sequence[str], count: int) -> list[str]:
    """What a client hears of `events`, of which `fault` strikes one."""
    faults = Faults(7, 0, [fault])
    async with world(faults) as it, it.connect() as client:
        await it.app.tell(*events)
        found = await client.hear(count)
        assert len(faults.struck()) == 1
        return found


async def test_a_message_is_told_twice() -> None:
    fault = DoubledMessage(only=("fill",), per_mille=1_000, times=1)
    assert await heard(fault, ["new", "fill", "canceled"], 4) == ["new", "fill", "fill", "canceled"]


async def test_a_message_is_lost() -> None:
    fault = LostMessage(only=("fill",), per_mille=1_000, times=1)
    assert await heard(fault, ["new", "fill", "fill", "canceled"], 3) == ["new", "fill", "canceled"]


async def test_a_message_changes_places_with_the_next() -> None:
    fault = ReorderedMessage(only=("new",), per_mille=1_000, times=1, milliseconds=5_000)
    assert await heard(fault, ["new", "fill", "watermark"], 3) == ["fill", "new", "watermarks"]


async def test_a_message_that_nothing_follows_is_told_by_itself() -> None:
    fault = ReorderedMessage(only=("new",), per_mille=1_000, times=1, milliseconds=5)
    assert await heard(fault, ["new"], 1) == ["new"]


async def test_a_message_is_late_and_what_follows_with_it() -> None:
    fault = LateMessage(only=("fill",), per_mille=1_000, times=1, milliseconds=20)
    assert await heard(fault, ["new", "fill", "canceled"], 3) == ["new", "fill", "canceled"]


async def test_the_stream_is_cut_in_the_place_of_a_message() -> None:
    faults = Faults(7, 0, [CutStream(only=("fill",), per_mille=1_000, times=1)])
    async with world(faults) as it, it.connect() as client:
        await it.app.tell("new", "fill", "canceled")
        assert await client.hear(1) == ["new"]
        assert await client.ends()
        async with it.connect() as again:
            await it.app.tell("fill")
            assert await again.hear(1) == ["fill"]


async def test_a_silent_stream_is_connected_and_tells_nothing_until_it_is_healed() -> None:
    silence = SilentStream(only=(), per_mille=1_000, times=1, milliseconds=600_000)
    faults = Faults(7, 0, [silence])
    async with world(faults) as it, it.connect() as client:
        await it.app.tell("new", "watermark", "fill")
        await client.socket.ping()
        async with it.connect() as other:
            await it.app.tell("replaced")
            assert await other.hear(1) == ["replaced"], "another connection is not silent"
        faults.withdraw(1)
        await it.app.sends[0](envelope("trade_updates", {"event": "canceled", "order": ORDER}))
        assert await client.hear(1) == ["canceled"]
    assert [struck.subject for struck in faults.struck()] == ["new"]


async def test_a_silence_passes() -> None:
    silence = SilentStream(only=(), per_mille=1_000, times=1, milliseconds=30)
    async with world(Faults(7, 0, [silence])) as it, it.connect() as client:
        await it.app.tell("new", "fill")
        await asyncio.sleep(0.05)
        await it.app.tell("canceled")
        assert await client.hear(1) == ["canceled"]


async def test_what_a_connection_begins_with_is_never_struck() -> None:
    faults = Faults(7, 0, [LostMessage(only=(), per_mille=1_000, times="always")])
    async with world(faults) as it, it.connect():
        assert faults.struck() == []


async def test_a_seed_replays_on_the_same_connection() -> None:
    async def lost() -> list[str]:
        faults = Faults(7, 0, [LostMessage(only=(), per_mille=400, times="always")])
        async with world(faults) as it, it.connect() as client:
            await it.app.tell(*["new", "fill"] * 10, "watermark")
            told = []
            while (word := (await client.hear(1))[0]) != "watermarks":
                told.append(word)
            return told

    first = await lost()
    assert 0 < len(first) < 20
    assert await lost() == first


async def test_who_leaves_while_something_is_held_for_him_is_forgotten() -> None:
    fault = ReorderedMessage(only=(), per_mille=1_000, times="always", milliseconds=10)
    async with world(Faults(7, 0, [fault])) as it:
        async with it.connect():
            await it.app.tell("new")
        async with asyncio.timeout(WAIT_SECONDS):
            while it.app.left == 0:  # noqa: ASYNC110 - nothing raises an event
                await asyncio.sleep(0.002)
        await asyncio.sleep(0.03)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1_000_000),
    doubled=st.integers(1, 1_000),
    reordered=st.integers(1, 1_000),
    count=st.integers(1, 30),
)
def test_what_is_doubled_and_reordered_is_all_told(
    seed: int, doubled: int, reordered: int, count: int
) -> None:
    """Nothing is lost, and nothing is told more often than each fault makes it."""
    told: list[str] = []

    async def send(message: Any) -> None:
        told.append(json.loads(message["bytes"])["data"]["order"]["id"])

    async def tell() -> None:
        faults = Faults(
            seed,
            0,
            [
                DoubledMessage(only=(), per_mille=doubled, times="always"),
                ReorderedMessage(only=(), per_mille=reordered, times="always", milliseconds=1),
            ],
        )
        connection = venue_stream_faults._Connection(faults, send)
        for number in range(count):
            order = ORDER | {"id": str(number)}
            await connection.tell(envelope("trade_updates", {"event": "new", "order": order}))
        while connection._held:  # noqa: ASYNC110 - nothing raises an event
            await asyncio.sleep(0.001)
        connection.end()

    asyncio.run(tell())
    assert set(told) == {str(number) for number in range(count)}
    assert max(Counter(told).values()) <= 2
