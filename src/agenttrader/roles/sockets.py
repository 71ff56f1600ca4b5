"""What a web socket may cost, once its handshake is done: the bounds of every role's server.

To read a frame costs much more than to send one, and one read holds tens of thousands of the shortest. So
what came is read in small pieces, others' turns in between, and who says too much in a second is let go.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from agenttrader.api.owners import owner_of

MESSAGE_BYTES_MAX = 65_536
"""Of what a client says in one message."""
PIECE_BYTES = 256
"""Read in one go: at most 42 frames, some 0.3 ms, for many may be at it at once."""
FRAMES_PER_SECOND_MAX = 1_000
"""Pings and the parts of messages are frames, too."""
PARTS_MAX = 512
"""Of one message: each is kept until the last has come, and an empty one does not make it longer."""
_TOO_MANY_FRAMES = f"expected at most {FRAMES_PER_SECOND_MAX} frames a second, found more"
_TOO_MANY_PARTS = f"expected a message of at most {PARTS_MAX} parts, found more"


class BoundedSocket(WebSocketsSansIOProtocol):
    """uvicorn's web socket, within the bounds above."""

    heard_seconds = 0.0
    """When it last said anything, by the loop's clock."""
    _unread = b""
    """What came and is not read yet; while there is any, no more is taken from the transport."""
    _is_reading_on = False
    """Whether the next piece has its turn already."""
    _frames = 0
    _second = 0.0
    """When the second began in which so many frames came."""

    @property
    def owner(self) -> str | None:
        """Whose it is; None while it has not said so."""
        return owner_of(self.scope) if self.handshake_complete else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended; where it made room for another it is not among the others any more."""
        self.connections.add(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read the first piece of it now and the others later."""
        self.heard_seconds = self.loop.time()
        self._unread += data
        self.transport.pause_reading()  # The loop would hand over all that the socket has, in one go.
        if not self._is_reading_on:
            self._read_on()

    def _read_on(self) -> None:
        self._is_reading_on = False
        piece, self._unread = self._unread[:PIECE_BYTES], self._unread[PIECE_BYTES:]
        super().data_received(piece)
        if self.transport.is_closing():
            self._unread = b""
        elif not self._unread:
            if not self.read_paused:
                self.transport.resume_reading()
        elif not self.read_paused:
            self._read_on_soon()

    def _read_on_soon(self) -> None:
        self._is_reading_on = True
        self.loop.call_soon(self._read_on)

    async def receive(self) -> Any:
        """What the client said; what came behind it is read when the application has taken this."""
        message = await super().receive()
        if self._unread and not self.read_paused:
            self.transport.pause_reading()
            if not self._is_reading_on:
                self._read_on_soon()
        return message

    def handle_events(self) -> None:
        """Act on the frames that were read, unless they are too many."""
        now = self.loop.time()
        if now >= self._second + 1:
            self._second, self._frames = now, 0
        self._frames += len(self.conn.events)
        if self._frames > FRAMES_PER_SECOND_MAX:
            self._end(CloseCode.POLICY_VIOLATION, _TOO_MANY_FRAMES)
        else:
            super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        """One more part of a message."""
        if len(self.frames) >= PARTS_MAX:
            self._end(CloseCode.MESSAGE_TOO_BIG, _TOO_MANY_PARTS)
        else:
            super().handle_cont(event)

    def _end(self, code: CloseCode, reason: str) -> None:
        """Say why, and close without waiting for the client to agree."""
        if not self.transport.is_closing():
            self.conn.fail(code, reason)
            self.handle_parser_exception()
