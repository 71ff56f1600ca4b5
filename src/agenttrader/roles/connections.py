"""What a connection may cost before anybody knows who it is: the bounds of every role's server.

A request's head is at most 64 KiB, because the parser below has no bound of its own, and one endless line
would hold the loop for many seconds. Of a body above 64 KiB no more is read, and its connection ends with
the answer, which the application gives. A whole request comes within 10 s, and a connection that says nothing
is let go. Where there are too many, the one that has been quiet longest makes room for the new one, so that
strangers keep nobody out by holding connections open; nor does a client that leaves web sockets behind.
"""

import asyncio
import contextlib
import resource
from collections import Counter
from collections.abc import Collection
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from agenttrader.roles.sockets import BoundedSocket

HEAD_BYTES_MAX = 65_536
"""Of a request's target and headers."""
HEADERS_MAX = 100
"""Of a request: each costs, and what is short can be many."""
AHEAD_MAX = 4
"""Requests that may be sent before the one in work is answered: all that came are read in one go."""
BODY_BYTES_MAX = 65_536
"""Of a request; the application is given what came until it was more, so that it can refuse it."""
PIECES_MAX = 4_096
"""Of a body, for the same reason as the headers."""
REST_BYTES_MAX = 2 * BODY_BYTES_MAX
"""Of a body with all that stands around its pieces and behind the last of them."""
REQUEST_SECONDS_MAX = 10.0
"""From the connection, or from a request's first byte, to that request's last."""
CONNECTIONS_MAX = 512
"""At once, or half of the files that the process may open, where that is less."""
OWNERS_SHARE = 4
"""Who has more than one in so many of them, as web sockets that are known to be its own, makes room first."""
_TOO_FAR_AHEAD = f"expected at most {AHEAD_MAX} requests ahead of their answers, found more"
_TOO_MANY = f"expected a request of at most {HEADERS_MAX} headers, found more"
_TOO_LONG = f"expected a request's head of at most {HEAD_BYTES_MAX} bytes, found more"
_TOO_MANY_PIECES = f"expected a body of at most {PIECES_MAX} pieces, found more"
_TOO_MUCH_AROUND = f"expected at most {REST_BYTES_MAX} bytes behind a request's head, found more"
_BODY_OF_HANDSHAKE = "expected the handshake of a web socket to have no body, found one"


def raise_file_limit() -> None:
    """Let this process open as many files as it may be allowed to; each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # Some systems name a hard limit that they do not grant.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP, within the bounds above."""

    heard_seconds = 0.0
    """When it last said anything, by the loop's clock."""
    _deadline: asyncio.TimerHandle | None = None
    """Set while a request is awaited or has come in part."""
    _head_bytes: int | None = None
    """What came of an unfinished head after the data that it began in; None where no head is unfinished."""
    _rest_bytes: int | None = None
    """The same of what follows a head."""
    _is_new_part = False
    """Whether a head, or what follows one, began in the data that are read."""
    _body_bytes = 0
    """What came of the body of the request that is read."""
    _pieces = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """A new connection: its first request is awaited."""
        super().connection_made(transport)
        self.heard_seconds = self.loop.time()
        self._await_request()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._request_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless what is not finished is too long by now."""
        self.heard_seconds = self.loop.time()
        self._is_new_part = False
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._head_bytes is not None and not self._is_new_part:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(_TOO_LONG)
        elif self._rest_bytes is not None and not self._is_new_part:
            self._rest_bytes += len(data)
            if self._rest_bytes > REST_BYTES_MAX and self._body_bytes <= BODY_BYTES_MAX:
                self.send_400_response(_TOO_MUCH_AROUND)
        elif self._deadline is None and not self.is_at_work:
            self._await_request()  # What came began nothing, and has ended uvicorn's own wait.

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; who speaks there is the application's to wait for."""
        self._request_came()
        super().handle_websocket_upgrade()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins. To raise here answers 400 and closes."""
        if len(self.pipeline) >= AHEAD_MAX:
            raise ValueError(_TOO_FAR_AHEAD)
        super().on_message_begin()
        self._head_bytes, self._rest_bytes, self._is_new_part = 0, None, True
        self._body_bytes = self._pieces = 0
        self._await_request()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. To raise here answers 400 and closes."""
        if len(self.headers) >= HEADERS_MAX:
            raise ValueError(_TOO_MANY)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole. To raise here answers 400 and closes."""
        self._head_bytes, self._rest_bytes, self._is_new_part = None, 0, True
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            raise ValueError(_TOO_LONG)
        lengths = [int(value) for name, value in self.headers if name == b"content-length"]
        is_handshake = self.parser.should_upgrade() and self._should_upgrade()
        if is_handshake and (any(lengths) or b"transfer-encoding" in dict(self.headers)):
            raise ValueError(_BODY_OF_HANDSHAKE)
        super().on_headers_complete()
        if not is_handshake:
            self.cycle.transport = cast("asyncio.Transport", HeadWithBody(self.transport, self.loop))
        if any(length > BODY_BYTES_MAX for length in lengths):
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body. More than is taken is not waited for, whoever answers, and whenever."""
        self._pieces += 1
        if self._pieces > PIECES_MAX:
            raise ValueError(_TOO_MANY_PIECES)
        is_first_too_much = self._body_bytes <= BODY_BYTES_MAX
        self._body_bytes += len(body)
        if is_first_too_much:
            super().on_body(body)
        if self._body_bytes > BODY_BYTES_MAX:
            self.cycle.keep_alive = False
            self.flow.read_paused = False  # So that nobody reads on when the application asks for more.
            self.transport.pause_reading()
            if self.cycle.response_complete:
                self.transport.close()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._rest_bytes = None
        self._request_came()
        super().on_message_complete()

    @property
    def is_at_work(self) -> bool:
        """Whether a whole request waits for its answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return self._deadline is None and cycle is not None and not cycle.response_complete

    def _await_request(self) -> None:
        self._request_came()
        self._deadline = self.loop.call_later(REQUEST_SECONDS_MAX, self.transport.abort)

    def _request_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _make_room(self) -> None:
        """Let another connection go where there are too many; this one, where all others are at work."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(CONNECTIONS_MAX, soft // 2)
        if len(self.connections) <= most:
            return
        known = [each for each in self.connections if isinstance(each, (BoundedHttp, BoundedSocket))]
        dispensable = _dispensable(known, most // OWNERS_SHARE)
        longest = min(dispensable, key=lambda each: each.heard_seconds, default=self)
        self.connections.discard(longest)
        longest.transport.abort()


class HeadWithBody:
    """A transport on which an answer's head leaves with the first of its body, in one packet.

    uvicorn writes them one by one, and each wakes the client.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._is_first = True

    def write(self, data: bytes) -> None:
        """Send `data`; what comes first waits for what comes next, but not beyond this turn of the loop."""
        if self._is_first:
            self._is_first, self._head = False, data
            self._loop.call_soon(self._flush)
        elif self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """End the connection; what waits is not sent."""
        self._head = None
        self._transport.abort()

    def is_closing(self) -> bool:
        """As the transport's own."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the transport's own."""
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)


def _dispensable(
    connections: Collection[BoundedHttp | BoundedSocket], share: int
) -> list[BoundedHttp | BoundedSocket]:
    """Those of whom one makes room: the web sockets of who has too many, else what nobody is known to use."""
    owners = Counter(
        each.owner for each in connections if isinstance(each, BoundedSocket) and each.owner is not None
    )
    for owner, count in owners.most_common(1):
        if count > share:
            return [each for each in connections if isinstance(each, BoundedSocket) and each.owner == owner]
    return [
        each
        for each in connections
        if (each.owner is None if isinstance(each, BoundedSocket) else not each.is_at_work)
    ]
