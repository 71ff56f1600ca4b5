"""What a connection may cost before anybody knows who it is: the bounds of every role's server.

A request's head is at most 64 KiB, because the parser below has no bound of its own, and one endless line
would hold the loop for many seconds. A whole request comes within 10 s, and a connection that says nothing
is let go. Where there are too many, the one that has been quiet longest makes room for the new one, so that
strangers keep nobody out by holding connections open.
"""

import asyncio
import contextlib
import resource
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX = 65_536
"""Of a request's target and headers."""
HEADERS_MAX = 100
"""Of a request: each costs, and what is short can be many."""
AHEAD_MAX = 4
"""Requests that may be sent before the one in work is answered: all that came are read in one go."""
MESSAGE_BYTES_MAX = 65_536
"""Of what a client says in one message of a web socket."""
REQUEST_SECONDS_MAX = 10.0
"""From the connection, or from a request's first byte, to that request's last."""
CONNECTIONS_MAX = 512
"""At once, or half of the files that the process may open, where that is less."""
_TOO_FAR_AHEAD = f"expected at most {AHEAD_MAX} requests ahead of their answers, found more"
_TOO_MANY = f"expected a request of at most {HEADERS_MAX} headers, found more"
_TOO_LONG = f"expected a request's head of at most {HEAD_BYTES_MAX} bytes, found more"


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
    _is_new_head = False

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
        """Read on, unless the head is too long by now."""
        self.heard_seconds = self.loop.time()
        self._is_new_head = False
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._head_bytes is not None and not self._is_new_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(_TOO_LONG)
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
        self._head_bytes, self._is_new_head = 0, True
        self._await_request()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. To raise here answers 400 and closes."""
        if len(self.headers) >= HEADERS_MAX:
            raise ValueError(_TOO_MANY)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole. To raise here answers 400 and closes."""
        self._head_bytes = None
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            raise ValueError(_TOO_LONG)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
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
        """Let the connection go that has been quiet longest; this one, where all others are at work."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if len(self.connections) <= min(CONNECTIONS_MAX, soft // 2):
            return
        quiet = [each for each in self.connections if isinstance(each, BoundedHttp) and not each.is_at_work]
        longest = min(quiet, key=lambda each: each.heard_seconds)
        self.connections.discard(longest)
        longest.transport.abort()
