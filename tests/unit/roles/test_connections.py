"""What strangers may do to a role's server: over real sockets, and it answers who comes after them."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.api.owners import belongs_to
from agenttrader.api.probes import Receive, Send
from agenttrader.roles import connections
from agenttrader.roles.connections import (
    AHEAD_MAX,
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    PIECES_MAX,
    BoundedHttp,
    HeadWithBody,
    raise_file_limit,
)
from agenttrader.roles.process import serve_beside
from agenttrader.roles.sockets import MESSAGE_BYTES_MAX

HEAD = b"GET /livez HTTP/1.1\r\nhost: x\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
ONE_READ_BYTES_MAX = 256_000
"""What the loop takes from a socket in one go."""


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """200 to every request, after its body where that is not too long, and an echo for who has a path."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        if scope["path"] != "/":
            belongs_to(scope, scope["path"])
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": str(len(message["text"]))})
    else:
        status, left = 200, BODY_BYTES_MAX
        while scope["path"] != "/early" and (message := await receive()).get("more_body"):
            left -= len(message["body"])
            if left < 0:
                status = 413
                break
        if scope["path"] == "/slow":
            await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


class Stranger:
    """One connection, spoken to by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, data: bytes) -> None:
        """Send it, as far as anybody reads it."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), 5)

    async def hears(self) -> bytes:
        """The first line of the answer; nothing where the connection was ended."""
        with contextlib.suppress(ConnectionError):
            return (await asyncio.wait_for(self.reader.readline(), 5)).strip()
        return b""

    async def is_let_go(self) -> bool:
        """Whether the other end closes within a moment."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), 5) == b""
        return True


def answer_to(url: str, said: bytes, then: bytes = b"") -> bytes:
    """What is answered to somebody who says it all, as far as it is let, before it reads.

    What it says `then` follows the first word of the answer.
    """
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(said)
            if then:
                answer = connection.recv(4_096)
                connection.sendall(then)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(4_096):
                answer += more
        return answer


class Server:
    """The role's server, and everybody who came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.strangers: list[Stranger] = []

    async def stranger(self) -> Stranger:
        host, port = self.url.removeprefix("http://").split(":")
        self.strangers.append(Stranger(*await asyncio.open_connection(host, int(port))))
        return self.strangers[-1]

    async def answers(self) -> bool:
        async with aiohttp.ClientSession() as session, session.get(self.url) as answer:
            return answer.status == 200


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    announcements = Announcements(tmp_path)
    serving = asyncio.create_task(serve_beside("beside", application, "127.0.0.1:0", announcements))
    made = Server((await announcements.find("beside", 5)).url)
    yield made
    for each in made.strangers:
        each.writer.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.mark.parametrize(
    ("begin", "more"),
    (
        (b"GET /livez?", b"a" * 65_536),
        (HEAD + b"x: ", b"a" * 65_536),
        (HEAD, b"x: y\r\n" * 10_000),
        (HEAD + b"x: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n", b""),
    ),
    ids=["target", "header", "headers", "whole"],
)
async def test_a_head_too_long_is_refused_however_it_comes(server: Server, begin: bytes, more: bytes) -> None:
    stranger = await server.stranger()
    await stranger.says(begin)
    for _ in range(64 if more else 0):
        await stranger.says(more)
    assert await stranger.hears() in (b"HTTP/1.1 400 Bad Request", b"")
    assert await server.answers()


async def test_a_head_of_many_pieces_and_a_long_body_are_read(server: Server) -> None:
    stranger = await server.stranger()
    request = HEAD + b"content-length: 65000\r\nx: " + b"a" * 60_000 + b"\r\n\r\n" + b"b" * 65_000
    for _ in range(2):
        for start in range(0, len(request), 9_000):
            await stranger.says(request[start : start + 9_000])
            await asyncio.sleep(0.001)
        assert await stranger.hears() == b"HTTP/1.1 200 OK"
        assert (await stranger.reader.readuntil(b"ok")).endswith(b"ok")
    for _ in range(80):
        await stranger.says((HEAD + b"x: " + b"a" * 1_000 + b"\r\n\r\n") * AHEAD_MAX)
        for _ in range(AHEAD_MAX):
            assert await stranger.hears() == b"HTTP/1.1 200 OK"
            await stranger.reader.readuntil(b"ok")


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much the server took at each time."""
    taken: list[int] = []
    data_received = BoundedHttp.data_received

    def counted(self: BoundedHttp, data: bytes) -> None:
        taken.append(len(data))
        data_received(self, data)

    monkeypatch.setattr(BoundedHttp, "data_received", counted)
    return taken


@pytest.mark.parametrize(
    ("begin", "more"),
    (
        (HEAD + b"content-length: 100000000\r\n\r\n", b"b" * 50_000),
        (CHUNKED, b"c350\r\n" + b"b" * 50_000 + b"\r\n"),
    ),
    ids=["announced", "chunked"],
)
async def test_of_a_body_too_long_no_more_is_read_than_shows_it(
    server: Server, read_bytes: list[int], begin: bytes, more: bytes
) -> None:
    answer = await asyncio.to_thread(answer_to, server.url, begin + more * 400)
    assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large")
    assert b"connection: close" in answer
    assert sum(read_bytes) <= BODY_BYTES_MAX + 2 * ONE_READ_BYTES_MAX
    assert await server.answers()


async def test_a_body_too_long_ends_its_connection_though_it_was_answered_before(
    server: Server, read_bytes: list[int]
) -> None:
    stranger = await server.stranger()
    await stranger.says(CHUNKED.replace(b"/livez", b"/early"))
    assert await stranger.hears() == b"HTTP/1.1 200 OK"
    await stranger.reader.readuntil(b"ok")
    await stranger.says((b"c350\r\n" + b"b" * 50_000 + b"\r\n") * 400)
    assert await stranger.is_let_go()
    assert sum(read_bytes) <= BODY_BYTES_MAX + 2 * ONE_READ_BYTES_MAX


@pytest.mark.parametrize(
    "said",
    (
        b"1;" + b"a" * 10_000_000,
        b"1\r\nb\r\n0\r\nx: " + b"a" * 10_000_000,
        b"1\r\nb\r\n" * (PIECES_MAX + 1),
    ),
    ids=["beside a piece", "behind the last", "pieces"],
)
async def test_what_stands_around_a_body_is_refused_where_it_is_long(
    server: Server, read_bytes: list[int], said: bytes
) -> None:
    answer = await asyncio.to_thread(answer_to, server.url, CHUNKED + said)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert sum(read_bytes) <= 3 * ONE_READ_BYTES_MAX
    assert await server.answers()


async def test_a_handshake_with_a_body_is_refused(server: Server, read_bytes: list[int]) -> None:
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\n"
    for length in (b"content-length: 100000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"):
        said = HEAD + upgrade + length + b"5\r\nhello\r\n" * 100_000
        assert (await asyncio.to_thread(answer_to, server.url, said)).startswith(b"HTTP/1.1 400 Bad Request")
    assert sum(read_bytes) <= 4 * ONE_READ_BYTES_MAX


async def test_a_head_of_too_many_headers_is_refused(server: Server) -> None:
    for headers, answer in (
        (HEADERS_MAX - 1, b"HTTP/1.1 200 OK"),
        (HEADERS_MAX, b"HTTP/1.1 400 Bad Request"),
    ):
        stranger = await server.stranger()
        await stranger.says(HEAD + b"x: y\r\n" * headers + b"\r\n")
        assert await stranger.hears() == answer


async def test_who_sends_far_ahead_of_the_answers_is_refused(server: Server) -> None:
    stranger = await server.stranger()
    await stranger.says((HEAD + b"\r\n") * (AHEAD_MAX + 2))
    assert await stranger.hears() == b"HTTP/1.1 400 Bad Request"
    await asyncio.wait_for(stranger.reader.read(), 5)  # It ends.
    assert await server.answers()


@pytest.mark.parametrize(
    ("is_first", "said"),
    (
        (True, b""),
        (True, b"\r\n"),
        (True, HEAD),
        (True, HEAD + b"content-length: 9\r\n\r\nhalf"),
        (False, b"\r\n"),
        (False, HEAD),
    ),
    ids=["nothing", "a blank line", "half a head", "half a body", "a line after one", "half a second head"],
)
async def test_who_does_not_finish_a_request_is_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch, said: bytes, *, is_first: bool
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS_MAX", 0.2)
    stranger = await server.stranger()
    if not is_first:
        await stranger.says(HEAD + b"\r\n")
        assert await stranger.hears() == b"HTTP/1.1 200 OK"
        await stranger.reader.readuntil(b"ok")
    await stranger.says(said)
    assert await stranger.is_let_go()


async def test_a_request_that_takes_long_is_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS_MAX", 0.2)
    stranger = await server.stranger()
    await stranger.says(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await stranger.hears() == b"HTTP/1.1 200 OK"


async def test_the_quietest_makes_room_and_who_is_at_work_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 4)
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/own") as listener:
        at_work = await server.stranger()
        await at_work.says(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        idle = [await server.stranger() for _ in range(20)]
        assert await server.answers()
        assert all([await each.is_let_go() for each in idle[:18]])
        assert await at_work.hears() == b"HTTP/1.1 200 OK"
        await listener.send_str("hello")
        assert await listener.receive_str() == "5"


async def test_web_sockets_of_strangers_make_room(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 8)
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/own") as listener:
        strangers = [await session.ws_connect(server.url) for _ in range(20)]
        assert await server.answers()
        await listener.send_str("hello")
        assert await listener.receive_str() == "5"
        assert (await strangers[0].receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        for each in strangers:
            await each.close()
    assert await server.answers()


async def test_who_leaves_web_sockets_behind_makes_room_with_its_own(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 8)
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/own") as listener:
        idle = await server.stranger()
        left = [await session.ws_connect(server.url + "/left") for _ in range(20)]
        assert await server.answers()
        await idle.says(HEAD + b"\r\n")
        assert await idle.hears() == b"HTTP/1.1 200 OK"
        for each, said in ((listener, "own"), (left[-1], "newest")):
            await each.send_str(said)
            assert await each.receive_str() == str(len(said))
        for each in left:
            await each.close()


@pytest.mark.parametrize(
    ("begin", "frame", "code"),
    (
        (b"", b"\x89\x80\0\0\0\0", 1008),
        (b"\x01\x81\0\0\0\0a", b"\x00\x80\0\0\0\0", 1009),
        (b"", b"\x81\x81\0\0\0\0a", 1008),
    ),
    ids=["pings", "parts of a message", "messages"],
)
async def test_who_says_too_much_on_a_web_socket_is_let_go_and_holds_nobody(
    server: Server, read_bytes: list[int], begin: bytes, frame: bytes, code: int
) -> None:
    handshake = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    said = HEAD + handshake + b"sec-websocket-key: " + b"a" * 22 + b"==\r\n\r\n"
    answer = await asyncio.to_thread(answer_to, server.url, said, begin + frame * 200_000)
    _, is_told, why = answer.rpartition(b"\x88")
    # What was not read any more may have the system throw the server's last word away.
    assert not is_told or code.to_bytes(2) in why
    assert len(read_bytes) <= 3
    assert await server.answers()


async def test_a_long_message_in_many_parts_is_heard_whole(server: Server) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url) as client:
        for _ in range(3):
            await client.send_str("a" * MESSAGE_BYTES_MAX)
            await client.send_str("b")
        heard = [await client.receive_str() for _ in range(6)]
        assert heard == [str(MESSAGE_BYTES_MAX), "1"] * 3


async def test_a_message_too_long_ends_its_socket(server: Server) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url) as client:
        await client.send_str("a" * MESSAGE_BYTES_MAX)
        assert await client.receive_str() == str(MESSAGE_BYTES_MAX)
        await client.send_str("a" * (MESSAGE_BYTES_MAX + 1))
        assert (await client.receive()).type is aiohttp.WSMsgType.CLOSE
        assert client.close_code == 1009


async def test_a_socket_that_listens_is_not_let_go(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS_MAX", 0.1)
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url) as client:
        await asyncio.sleep(0.3)
        await client.send_str("hello")
        assert await client.receive_str() == "5"


class Packets(asyncio.Transport):
    """What was written, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


async def test_a_head_leaves_with_the_first_of_its_body() -> None:
    packets = Packets()
    together = HeadWithBody(packets, asyncio.get_running_loop())
    for data in (b"head ", b"body ", b"more"):
        together.write(data)
    await asyncio.sleep(0)
    assert packets.sent == [b"head body ", b"more"]


async def test_a_head_without_a_body_leaves_at_once_or_with_the_end() -> None:
    alone, closed = Packets(), Packets()
    HeadWithBody(alone, asyncio.get_running_loop()).write(b"head")
    await asyncio.sleep(0)
    assert alone.sent == [b"head"]
    together = HeadWithBody(closed, asyncio.get_running_loop())
    together.write(b"head")
    together.close()
    gone = Packets()
    together_gone = HeadWithBody(gone, asyncio.get_running_loop())
    together_gone.write(b"head")
    together_gone.abort()
    await asyncio.sleep(0)
    assert (gone.sent, gone.is_closed) == ([], True)
    assert (closed.sent, together.is_closing()) == ([b"head"], True)


async def test_an_answer_to_a_question_after_its_head_is_whole(server: Server) -> None:
    stranger = await server.stranger()
    await stranger.says(b"HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await stranger.hears() == b"HTTP/1.1 200 OK"


def test_as_many_files_may_be_opened_as_the_system_grants() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
