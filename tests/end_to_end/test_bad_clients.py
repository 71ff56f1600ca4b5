"""Clients that cannot be helped, beside good ones that trade: nothing of the good ones' is lost or late.

Everything is real: the processes, the sockets, and what is said on them. The gateway is watched from outside:
its memory, its open files, and how long it takes to answer a good client.
"""

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from agenttrader.testing.permissive_day import BOT, PermissiveDay
from agenttrader.testing.played_day import PATIENCE_SECONDS, playing

ANSWER_SECONDS_MAX = 1.0
RSS_GROWTH_MAX = 48 * 1024 * 1024
"""The good orders' own records, and what an allocator keeps; a thousand times 64 KiB would be more."""
GOOD_PAUSE_SECONDS = 0.02
STAY_SECONDS = 1.0

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(120)


class Bad:
    """One way after the other of being a bad client, each over a connection of its own."""

    def __init__(self, port: int, key: str, seed: int) -> None:
        self._port = port
        self._key = key
        self._chance = random.Random(seed)
        self.ways: tuple[Callable[[], Awaitable[None]], ...] = (
            self.says_garbage,
            self.says_too_much,
            self.says_an_endless_head,
            self.says_json_that_is_none,
            self.says_what_nobody_understands,
            self.never_ends_its_sentence,
            self.hangs_up_in_the_middle,
            self.closes_its_half,
            self.says_many_things_at_once,
            self.never_listens,
            self.uses_another_method,
            self.says_garbage_on_the_stream,
            self.never_says_who_it_is,
        )

    async def says_garbage(self) -> None:
        """Bytes that are no request."""
        await self._say(self._chance.randbytes(2_000))

    async def says_too_much(self) -> None:
        """A body far beyond what is taken."""
        await self._say(self._head("POST /v2/orders", 2_000_000) + b"{" + b" " * 1_999_999)

    async def says_an_endless_head(self) -> None:
        """A head that goes on and on."""
        await self._say(b"GET /v2/orders HTTP/1.1\r\n" + b"x-more: and more\r\n" * 10_000)

    async def says_json_that_is_none(self) -> None:
        """A body that is deep, cut off, or of another kind."""
        body = self._chance.choice(
            (b"[" * 50_000, b'{"symbol": "', b"\xff\xfe{}", b"null", b'{"qty": 1e999999}')
        )
        await self._say(self._head("POST /v2/orders", len(body)) + body)

    async def says_what_nobody_understands(self) -> None:
        """Lengths that contradict each other."""
        await self._say(
            b"POST /v2/orders HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 50\r\n"
            b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n"
        )

    async def never_ends_its_sentence(self) -> None:
        """A request byte by byte, which never becomes whole."""
        _, writer = await self._connect()
        for byte in self._head("POST /v2/orders", 100)[:40]:
            writer.write(bytes([byte]))
            await asyncio.sleep(STAY_SECONDS / 40)
        writer.close()

    async def hangs_up_in_the_middle(self) -> None:
        """A connection that is reset within a body."""
        _, writer = await self._connect()
        writer.write(self._head("POST /v2/orders", 1_000) + b"{")
        await writer.drain()
        writer.transport.abort()

    async def closes_its_half(self) -> None:
        """A client that says all and then that it will say no more, before it reads."""
        reader, writer = await self._connect()
        writer.write(self._head("GET /v2/account", 0))
        writer.write_eof()
        async with asyncio.timeout(STAY_SECONDS):
            await reader.read()
        writer.close()

    async def says_many_things_at_once(self) -> None:
        """Requests in one go, without waiting for an answer."""
        await self._say(self._head("GET /v2/orders", 0) * 50)

    async def never_listens(self) -> None:
        """Questions whose answers are not read."""
        _, writer = await self._connect()
        writer.write(self._head("GET /v2/orders?status=all&limit=500", 0) * 20)
        await asyncio.sleep(STAY_SECONDS)
        writer.transport.abort()

    async def uses_another_method(self) -> None:
        """Methods that no route has."""
        method = self._chance.choice(("TRACE", "PATCH", "PUT", "OPTIONS", "CONNECT"))
        await self._say(self._head(f"{method} /v2/orders", 0))

    async def says_garbage_on_the_stream(self) -> None:
        """A web socket, and no word of its protocol."""
        url = f"http://127.0.0.1:{self._port}/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_bytes(self._chance.randbytes(1_000))
            await socket.receive(timeout=STAY_SECONDS)

    async def never_says_who_it_is(self) -> None:
        """A web socket that only stays."""
        url = f"http://127.0.0.1:{self._port}/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url):
            await asyncio.sleep(STAY_SECONDS)

    def _head(self, line: str, length: int) -> bytes:
        """A head with the good client's own key: what is said with a key may do the most harm."""
        return (
            f"{line} HTTP/1.1\r\nhost: 127.0.0.1\r\napca-api-key-id: {BOT}\r\n"
            f"apca-api-secret-key: {self._key}\r\ncontent-length: {length}\r\n\r\n"
        ).encode()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _say(self, data: bytes) -> None:
        reader, writer = await self._connect()
        writer.write(data)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STAY_SECONDS):
                await writer.drain()
                await reader.read()
        writer.transport.abort()


class Good:
    """A client that sends orders one after the other, each until it is answered, and asks for each."""

    def __init__(self, day: PermissiveDay, body: dict[str, object]) -> None:
        self.accepted: list[str] = []
        self.slowest = 0.0
        self.cut = 0
        """How often its connection was taken from it."""
        self._day = day
        self._body = body

    async def trade(self, enough: asyncio.Event) -> None:
        async with aiohttp.ClientSession(
            self._day.address("gateway"), headers=self._day.headers()
        ) as session:
            while not enough.is_set():
                name = f"good {len(self.accepted)}"
                order = self._body | {"client_order_id": name}
                while await self._post(session, order) != 200:
                    pass
                self.accepted.append(name)
                await asyncio.sleep(GOOD_PAUSE_SECONDS)

    async def _post(self, session: aiohttp.ClientSession, order: dict[str, object]) -> int:
        start = time.monotonic()
        try:
            async with session.post("/v2/orders", json=order) as answer:
                assert answer.status == 200, await answer.text()
                assert (await answer.json())["client_order_id"] == order["client_order_id"]
                return answer.status
        except aiohttp.ClientConnectionError:
            self.cut += 1
            return 0
        finally:
            self.slowest = max(self.slowest, time.monotonic() - start)


def rss_of(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def files_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def files_back(pid: int, before: int) -> None:
    """No more files are open than before; a connection that ended is let go of in its own time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while files_of(pid) > before:
        assert time.monotonic() < deadline, f"expected {before} open files, found {files_of(pid)}"
        await asyncio.sleep(0.05)


async def misbehave(day: PermissiveDay, clients: int, at_once: int) -> None:
    """So many bad clients, so many of them at a time."""
    port = int((day.address("gateway") or "").rpartition(":")[2])
    bad, turns = Bad(port, day.key_of(BOT), seed=7), asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        # What becomes of a bad client is its own affair; what must not happen is looked at elsewhere.
        async with turns:
            with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
                await bad.ways[number % len(bad.ways)]()

    await asyncio.gather(*map(one, range(clients)))


async def endure(tmp_path: Path, clients: int, at_once: int) -> None:
    day = PermissiveDay(tmp_path)
    async with playing(day):
        await day.bar()
        await day.open_window()
        pid = day.processes["gateway"].pid
        files = files_of(pid)
        await misbehave(day, 26, 26)  # What is made once is made before it is measured.
        await files_back(pid, files)
        memory, enough = rss_of(pid), asyncio.Event()
        good = Good(day, await day.resting())
        trading = asyncio.create_task(good.trade(enough))
        start = time.monotonic()
        await misbehave(day, clients, at_once)
        seconds = time.monotonic() - start
        enough.set()
        await trading
        await files_back(pid, files)
        grown = rss_of(pid) - memory
        logger.info(
            "%d bad clients in %.1f s, %d orders meanwhile, slowest %.3f s, %d cut, memory +%.1f MiB",
            *(clients, seconds, len(good.accepted), good.slowest, good.cut, grown / 2**20),
        )
        assert good.slowest <= ANSWER_SECONDS_MAX
        assert grown <= RSS_GROWTH_MAX
        url, account = day.address("venue") or "", day.configuration.venue.accounts[0]
        assert await day.held_by_the_venue(url, account.key_id) == {day.symbols[BOT]: len(good.accepted)}
        await day.agree()
        assert "request_failed" not in (day.folder / "gateway.log").read_text()


async def test_bad_clients_cost_good_ones_nothing(tmp_path: Path) -> None:
    await endure(tmp_path, clients=156, at_once=52)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_bad_clients_cost_good_ones_nothing(tmp_path: Path) -> None:
    await endure(tmp_path, clients=5_200, at_once=1_000)
