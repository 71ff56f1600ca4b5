"""A proxy that breaks connections on purpose: HTTP and web sockets through it arrive, or fail as told.

It stands between a client and a server that are both real, reads whole requests, and does to each what the
fault of the moment says. One method sets one fault; `heal` takes it away. A fault can be limited to requests
that begin with certain bytes (`b"POST /v2/orders"`), so that the rest goes on. A storm is many kinds of fault
at once, by chance: with the same seed, the n-th try of the same bytes always meets the same.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from typing import Self

from msgspec import Struct

HEAD_BYTES_MAX = 65_536
_CHUNK_BYTES = 65_536
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade: *websocket\r\n", re.IGNORECASE)


class Kind(Enum):
    """What may befall a request or its answer."""

    NONE = "none"
    DELAY = "delay"
    CUT_BEFORE_REQUEST = "cut before request"
    CUT_AFTER_REQUEST = "cut after request"
    CUT_BEFORE_ANSWER = "cut before answer"
    ANSWER_INSTEAD = "answer instead"
    REFUSE = "refuse"
    DELAY_ANSWER = "delay answer"
    DOUBLE_REQUEST = "double request"
    DOUBLE_ANSWER = "double answer"
    BLACK_HOLE = "black hole"


class _Fault(Struct, frozen=True):
    kind: Kind
    beginning: bytes = b""
    seconds: float = 0
    status: int = 0

    def strikes(self, head: bytes) -> bool:
        """Whether it hits this request."""
        return head.startswith(self.beginning)


_NO_FAULT = _Fault(Kind.NONE)


class _Storm(Struct, frozen=True):
    seed: int
    per_mille: int
    faults: tuple[_Fault, ...]
    beginning: bytes

    def fault_of(self, request: bytes, number: int) -> _Fault:
        """What befalls the request's try of that number."""
        if not request.startswith(self.beginning):
            return _NO_FAULT
        drawn = hashlib.sha256(b"%d %d " % (self.seed, number) + request).digest()
        if int.from_bytes(drawn[:4]) % 1_000 >= self.per_mille:
            return _NO_FAULT
        return self.faults[int.from_bytes(drawn[4:8]) % len(self.faults)]


STORM_DELAY_SECONDS = 0.05
LOST = (
    _Fault(Kind.CUT_BEFORE_REQUEST),
    _Fault(Kind.REFUSE, status=HTTPStatus.TOO_MANY_REQUESTS),
)
"""The request does not arrive."""
UNANSWERED = (
    _Fault(Kind.CUT_AFTER_REQUEST),
    _Fault(Kind.CUT_BEFORE_ANSWER),
    _Fault(Kind.ANSWER_INSTEAD, status=HTTPStatus.GATEWAY_TIMEOUT),
    _Fault(Kind.DELAY, seconds=STORM_DELAY_SECONDS),
    _Fault(Kind.DELAY_ANSWER, seconds=STORM_DELAY_SECONDS),
    _Fault(Kind.DOUBLE_REQUEST),
    _Fault(Kind.DOUBLE_ANSWER),
)
"""The request arrives, at once, late or twice; what is heard of it is another matter."""


class FaultProxy:
    """Listens on a port of its own and forwards to wherever `target` says the server listens."""

    def __init__(self, target: Callable[[], tuple[str, int]]) -> None:
        self.forwarded: list[bytes] = []
        """The first line of every request that went on to the server."""
        self.struck: Counter[Kind] = Counter()
        """How often a storm struck, by kind."""
        self.port = 0
        self._target = target
        self._fault = _NO_FAULT
        self._storm: _Storm | None = None
        self._tries: Counter[bytes] = Counter()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    async def heal(self) -> None:
        """Forward everything, and listen again after `refuse`."""
        self._fault, self._storm = _NO_FAULT, None
        if self._server is None:
            await self._listen()

    def delay(self, seconds: float, beginning: bytes = b"") -> None:
        """Hold each request for a while before it goes on."""
        self._fault = _Fault(Kind.DELAY, beginning, seconds=seconds)

    def cut_before_request(self, beginning: bytes = b"") -> None:
        """Take the request, reset the connection, and forward nothing."""
        self._fault = _Fault(Kind.CUT_BEFORE_REQUEST, beginning)

    def cut_after_request(self, beginning: bytes = b"") -> None:
        """Forward the request and reset the client's connection at once."""
        self._fault = _Fault(Kind.CUT_AFTER_REQUEST, beginning)

    def cut_before_answer(self, beginning: bytes = b"") -> None:
        """Forward the request, and reset the connection when the server answers."""
        self._fault = _Fault(Kind.CUT_BEFORE_ANSWER, beginning)

    def answer_instead(self, status: int, beginning: bytes = b"") -> None:
        """Forward the request, swallow the answer and give `status`: a 504 after the work was done."""
        self._fault = _Fault(Kind.ANSWER_INSTEAD, beginning, status=status)

    def black_hole(self, beginning: bytes = b"") -> None:
        """Take requests and say nothing, ever; what is open goes silent."""
        self._fault = _Fault(Kind.BLACK_HOLE, beginning)

    def storm(self, seed: int, per_mille: int, faults: Sequence[_Fault], beginning: bytes = b"") -> None:
        """Let so many of a thousand requests meet one of `faults`, such as `LOST` and `UNANSWERED`."""
        self._storm = _Storm(seed, per_mille, tuple(faults), beginning)

    async def refuse(self) -> None:
        """Stop listening and reset what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=HEAD_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._serve(reader, writer))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, with a connection to the server of its own."""
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(*self._target())
            connection = _Connection(reader, writer, answers, upstream, self._is_silent)
            async with asyncio.TaskGroup() as group:
                back = group.create_task(connection.carry_answers())
                await self._carry_requests(connection)
                back.cancel()
        except* (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one of the two has gone, and so has the connection
        finally:
            # A reset and not a goodbye: that is what a broken network looks like.
            writer.transport.abort()
            if upstream is not None:
                upstream.transport.abort()

    async def _carry_requests(self, connection: "_Connection") -> None:
        while True:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            length = _CONTENT_LENGTH.search(head)
            body = await connection.reader.readexactly(int(length[1])) if length else b""
            fault = self._fault_of(head, body)
            connection.fault = fault
            if fault.kind is Kind.BLACK_HOLE:
                continue
            if fault.kind is Kind.CUT_BEFORE_REQUEST:
                return
            if fault.kind is Kind.REFUSE:
                await connection.say(_answer(fault.status))
                return
            if fault.kind is Kind.DELAY:
                await asyncio.sleep(fault.seconds)
            if fault.kind is Kind.DOUBLE_REQUEST:
                self._begin(self._send_beside(head + body))
            self.forwarded.append(head.partition(b"\r\n")[0])
            connection.upstream.write(head + body)
            await connection.upstream.drain()
            if fault.kind is Kind.CUT_AFTER_REQUEST:
                connection.writer.transport.abort()
                await connection.answered.wait()
                return
            if _UPGRADE.search(head):
                await self._carry_frames(connection)

    def _fault_of(self, head: bytes, body: bytes) -> _Fault:
        if self._storm is None:
            return self._fault if self._fault.strikes(head) else _NO_FAULT
        # What a client says of itself, such as its own port, is no part of what is tried again.
        request = head.partition(b"\r\n")[0] + body
        self._tries[request] += 1
        fault = self._storm.fault_of(request, self._tries[request])
        self.struck[fault.kind] += 1
        return fault

    async def _send_beside(self, request: bytes) -> None:
        """The same bytes over another connection, at the same time; nobody hears the answer."""
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*self._target())
            try:
                writer.write(request)
                await reader.read(_CHUNK_BYTES)
            finally:
                writer.transport.abort()

    async def _carry_frames(self, connection: "_Connection") -> None:
        """After the upgrade nothing has a beginning: a black hole for everything swallows frames too."""
        while chunk := await connection.reader.read(_CHUNK_BYTES):
            if not self._is_silent():
                connection.upstream.write(chunk)
                await connection.upstream.drain()
        raise ConnectionResetError

    def _is_silent(self) -> bool:
        return self._fault.kind is Kind.BLACK_HOLE and not self._fault.beginning


class _Connection:
    """The two halves of one client's way to the server, and what befalls the request under way."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        is_silent: Callable[[], bool],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.upstream = upstream
        self.fault = _NO_FAULT
        self.answered = asyncio.Event()
        self._answers = answers
        self._is_silent = is_silent

    async def carry_answers(self) -> None:
        answer = b""
        while chunk := await self._answers.read(_CHUNK_BYTES):
            self.answered.set()
            if self.fault.kind is Kind.CUT_BEFORE_ANSWER:
                break
            if self.fault.kind is Kind.ANSWER_INSTEAD:
                await self.say(_answer(self.fault.status))
                break
            if self.fault.kind is Kind.DELAY_ANSWER:
                await asyncio.sleep(self.fault.seconds)
            if self.fault.kind is Kind.DOUBLE_ANSWER:
                answer += chunk
                if _is_whole(answer):
                    await self.say(answer + answer)
                    answer = b""
                continue
            if self.fault.kind is not Kind.CUT_AFTER_REQUEST and not self._is_silent():
                await self.say(chunk)
        raise ConnectionResetError

    async def say(self, data: bytes) -> None:
        """Tell the client, if it is still there."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head + b"\r\n")
    return length is not None and len(body) >= int(length[1])


def _answer(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
