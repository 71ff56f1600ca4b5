"""A storm is chance, and chance is a seed: what a proxy does to a request is known beforehand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agenttrader.testing.fault_proxy import LOST, UNANSWERED, FaultProxy, Kind

BEGINNING = b"POST /orders"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers every request, and counts them by their bodies."""

    def __init__(self) -> None:
        self.taken: Counter[bytes] = Counter()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.taken[await reader.readexactly(4)] += 1
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, FaultProxy]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        async with FaultProxy(lambda: ("127.0.0.1", server.port)) as proxy:
            yield server, proxy


async def ask(proxy: FaultProxy, body: bytes, path: bytes = b"/orders") -> bytes:
    """All that is heard over a connection that says it once; the reset that ends it counts as its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"POST " + path + b" HTTP/1.1\r\ncontent-length: 4\r\n\r\n" + body)
    heard = b""
    try:
        async with asyncio.timeout(0.15):
            while chunk := await reader.read(1_000):
                heard += chunk
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return heard


async def struck(seed: int) -> Counter[Kind]:
    async with serving() as (_, proxy):
        proxy.storm(seed, 700, (*LOST, *UNANSWERED), BEGINNING)
        await asyncio.gather(*(ask(proxy, b"%04d" % (number % 20)) for number in range(40)))
        return proxy.struck


async def test_the_same_seed_is_the_same_storm_in_whatever_order() -> None:
    first, again, other = await asyncio.gather(struck(1), struck(1), struck(2))
    assert first == again != other
    assert first.total() == 40


@pytest.mark.parametrize(
    ("kind", "taken", "heard"),
    (
        (Kind.CUT_BEFORE_REQUEST, 0, b""),
        (Kind.REFUSE, 0, b"HTTP/1.1 429 Too Many Requests"),
        (Kind.CUT_AFTER_REQUEST, 1, b""),
        (Kind.CUT_BEFORE_ANSWER, 1, b""),
        (Kind.ANSWER_INSTEAD, 1, b"HTTP/1.1 504 Gateway Timeout"),
        (Kind.DELAY, 1, ANSWER),
        (Kind.DELAY_ANSWER, 1, ANSWER),
        (Kind.DOUBLE_REQUEST, 2, ANSWER),
        (Kind.DOUBLE_ANSWER, 1, ANSWER + ANSWER),
    ),
)
async def test_each_kind_does_what_it_says(kind: Kind, taken: int, heard: bytes) -> None:
    (fault,) = [fault for fault in (*LOST, *UNANSWERED) if fault.kind is kind]
    async with serving() as (server, proxy):
        proxy.storm(1, 1_000, [fault], BEGINNING)
        said = await ask(proxy, b"0001")
        assert (server.taken[b"0001"], said.partition(b"\r\n")[0]) == (taken, heard.partition(b"\r\n")[0])
        assert said == heard or heard.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
        assert await ask(proxy, b"0002", path=b"/other") == ANSWER
        await proxy.heal()
        assert await ask(proxy, b"0003") == ANSWER
