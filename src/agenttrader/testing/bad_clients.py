"""Clients that cannot be helped: malformed, oversized, slow, half-closed, pipelined, silent.

A program of its own, so that what it costs to misbehave is not in the way of whoever is watched meanwhile:
`python -m agenttrader.testing.bad_clients PORT NAME CLIENTS AT_ONCE`, the key of the client NAME on stdin.
"""

import asyncio
import contextlib
import hashlib
import itertools
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp

STAY_SECONDS = 1.0

T = TypeVar("T")


class BadClients:
    """One way after the other of being a bad client, each over a connection of its own."""

    def __init__(self, port: int, name: str, key: str) -> None:
        self._port = port
        self._name = name
        self._key = key
        self._turns = itertools.count()
        self.ways: tuple[Callable[[], Awaitable[None]], ...] = (
            self.says_garbage,
            self.says_too_much,
            self.says_too_much_in_pieces,
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
            self.pings_without_end,
            self.never_says_who_it_is,
        )

    async def says_garbage(self) -> None:
        """Bytes that are no request."""
        await self._say(self._garbage(2_000))

    async def says_too_much(self) -> None:
        """A body far beyond what is taken."""
        await self._say(self._head("POST /v2/orders", 2_000_000) + b"{" + b" " * 1_999_999)

    async def says_too_much_in_pieces(self) -> None:
        """The same without saying how much it will be."""
        head = self._head("POST /v2/orders", 0).replace(b"content-length: 0", b"transfer-encoding: chunked")
        await self._say(head + (b"c350\r\n" + b" " * 50_000 + b"\r\n") * 40)

    async def says_an_endless_head(self) -> None:
        """A head that goes on and on."""
        await self._say(b"GET /v2/orders HTTP/1.1\r\n" + b"x-more: and more\r\n" * 10_000)

    async def says_json_that_is_none(self) -> None:
        """A body that is deep, cut off, or of another kind."""
        body = self._one_of((b"[" * 50_000, b'{"symbol": "', b"\xff\xfe{}", b"null", b'{"qty": 1e999999}'))
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
        method = self._one_of(("TRACE", "PATCH", "PUT", "OPTIONS", "CONNECT"))
        await self._say(self._head(f"{method} /v2/orders", 0))

    async def says_garbage_on_the_stream(self) -> None:
        """A web socket, and no word of its protocol."""
        url = f"http://127.0.0.1:{self._port}/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_bytes(self._garbage(1_000))
            await socket.receive(timeout=STAY_SECONDS)

    async def pings_without_end(self) -> None:
        """A web socket, and the shortest frames that there are."""
        url = f"http://127.0.0.1:{self._port}/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            for _ in range(20_000):
                await socket.ping()

    async def never_says_who_it_is(self) -> None:
        """A web socket that only stays."""
        url = f"http://127.0.0.1:{self._port}/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url):
            await asyncio.sleep(STAY_SECONDS)

    def _one_of(self, things: Sequence[T]) -> T:
        """Each in its turn."""
        return things[next(self._turns) % len(things)]

    def _garbage(self, length: int) -> bytes:
        return hashlib.shake_256(b"%d" % next(self._turns)).digest(length)

    def _head(self, line: str, length: int) -> bytes:
        """A head with the good client's own key: what is said with a key may do the most harm."""
        return (
            f"{line} HTTP/1.1\r\nhost: 127.0.0.1\r\napca-api-key-id: {self._name}\r\n"
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


async def misbehave(port: int, name: str, key: str, clients: int, at_once: int) -> None:
    """So many bad clients, so many of them at a time."""
    bad, turns = BadClients(port, name, key), asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        # What becomes of a bad client is its own affair; what must not happen is looked at elsewhere.
        async with turns:
            with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
                await bad.ways[number % len(bad.ways)]()

    await asyncio.gather(*map(one, range(clients)))


def main(words: list[str]) -> int:
    """Misbehave as told."""
    port, name, clients, at_once = words
    asyncio.run(misbehave(int(port), name, sys.stdin.read(), int(clients), int(at_once)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
