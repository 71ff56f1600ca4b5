"""Alpaca's `/stream` over a web socket, for whoever serves it: authenticate, listen, hear binary frames.

Everything that a connection is told goes through its one queue, so it is told in order: the answer to
`listen`, then updates, then, from a venue, the watermark that ends what a bar did.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol, assert_never, cast

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from agenttrader.api.owners import REVOKED, belongs_to, until_revoked
from agenttrader.api.probes import Scope
from agenttrader.app.trade_listener import TradeListener
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trade_updates import (
    Authenticate,
    Authorization,
    Listen,
    decode_stream_request,
    encode_stream,
)

AUTHENTICATE_SECONDS = 10
"""How long a connection may stay without saying who it is."""
POLICY_VIOLATION = 1008
"""The close code for who does not authenticate, or says what cannot be read."""
TRY_AGAIN_LATER = 1013
"""The close code for who does not keep up, and for all when the state went back to what the disk holds."""
_REASON_BYTES_MAX = 123
"""What a close frame holds."""

Identify = Callable[[str, str], str | None]
"""The account or agent of a key id and its secret; None where they are not known."""


class Updates(Protocol):
    """Who tells the listeners."""

    def add(self, listener: TradeListener) -> None:
        """Begin to tell."""
        ...

    def remove(self, listener: TradeListener) -> None:
        """Stop telling one that has gone."""
        ...

    def listen(self, listener: TradeListener, streams: tuple[str, ...]) -> None:
        """Tell the listener these streams from now on, those that exist."""
        ...


async def serve_trade_updates(socket: WebSocket[Any, Any, Any], updates: Updates, identify: Identify) -> None:
    """Tell one client until it leaves, breaks the protocol or does not keep up."""
    await socket.accept()
    listener = TradeListener()
    updates.add(listener)
    beside = [
        asyncio.create_task(_send_all(socket, listener)),
        asyncio.create_task(_end_with_its_key(socket, updates, listener)),
    ]
    try:
        async with asyncio.timeout(AUTHENTICATE_SECONDS) as patience:
            while (said := await _receive(socket)) is not None:
                _answer(said, listener, updates, identify)
                if listener.owner is not None:
                    belongs_to(cast("Scope", socket.scope), listener.owner)
                    patience.reschedule(None)
    except TimeoutError:
        await _close(
            socket, POLICY_VIOLATION, f"expected to be told within {AUTHENTICATE_SECONDS} s who listens"
        )
    except BadValue as error:
        await _close(socket, POLICY_VIOLATION, str(error))
    finally:
        updates.remove(listener)
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _answer(said: bytes | str, listener: TradeListener, updates: Updates, identify: Identify) -> None:
    """What one message of the client leads to. Raises BadValue where it cannot be read."""
    request = decode_stream_request(said)
    match request:
        case Authenticate():
            listener.enter(lambda: identify(request.key_id, request.secret_key))
            word = "unauthorized" if listener.owner is None else "authorized"
            listener.tell(encode_stream(Authorization(status=word)))
        case Listen():
            if listener.owner is None:
                listener.tell(encode_stream(Authorization(status="unauthorized", action="listen")))
            else:
                updates.listen(listener, request.streams)
        case _:
            assert_never(request)


async def _receive(socket: WebSocket[Any, Any, Any]) -> bytes | str | None:
    """The next message in either kind of frame; None when the client has left."""
    event = await socket.receive()
    if event["type"] != "websocket.receive":
        return None
    text, data = event.get("text"), event.get("bytes")
    return text if text is not None else data or b""


async def _send_all(socket: WebSocket[Any, Any, Any], listener: TradeListener) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionError):  # it left while it was told something
        while (message := await listener.queue.get()) is not None:
            await socket.send_data(message, mode="binary")
    if listener.has_ended:
        await _close(
            socket, TRY_AGAIN_LATER, "expected a client that keeps up; connect again, then ask over REST"
        )


async def _end_with_its_key(
    socket: WebSocket[Any, Any, Any], updates: Updates, listener: TradeListener
) -> None:
    await until_revoked(lambda: listener.is_known)
    updates.remove(listener)
    await _close(socket, POLICY_VIOLATION, REVOKED)


async def _close(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionError, RuntimeError):  # it was closed already
        await socket.close(code, reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore"))
