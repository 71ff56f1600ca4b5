"""The gateway's `/stream` in Alpaca's words: authenticate, listen, and be told in binary frames.

Everything that a connection is told goes through its one queue, so it is told in order.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, assert_never

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates, Listener
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
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

Identify = Callable[[str, str], AgentName | None]
"""The agent of a key id and its secret; None where they are not known."""


async def serve_alpaca_stream(
    socket: WebSocket[Any, Any, Any], updates: AlpacaUpdates, identify: Identify
) -> None:
    """Tell one client until it leaves, breaks the protocol or does not keep up."""
    await socket.accept()
    listener = Listener()
    updates.add(listener)
    sender = asyncio.create_task(_send_all(socket, listener))
    try:
        async with asyncio.timeout(AUTHENTICATE_SECONDS) as patience:
            while (said := await _receive(socket)) is not None:
                _answer(said, listener, updates, identify)
                if listener.agent is not None:
                    patience.reschedule(None)
    except TimeoutError:
        await _close(
            socket, POLICY_VIOLATION, f"expected to be told within {AUTHENTICATE_SECONDS} s who listens"
        )
    except BadValue as error:
        await _close(socket, POLICY_VIOLATION, str(error))
    finally:
        updates.remove(listener)
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


def _answer(said: bytes | str, listener: Listener, updates: AlpacaUpdates, identify: Identify) -> None:
    """What one message of the client leads to. Raises BadValue where it cannot be read."""
    request = decode_stream_request(said)
    match request:
        case Authenticate():
            listener.agent = identify(request.key_id, request.secret_key)
            listener.is_listening = False
            word = "unauthorized" if listener.agent is None else "authorized"
            listener.tell(encode_stream(Authorization(status=word)))
        case Listen():
            if listener.agent is None:
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


async def _send_all(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionError):  # it left while it was told something
        while (message := await listener.queue.get()) is not None:
            await socket.send_data(message, mode="binary")
    if listener.has_ended:
        await _close(
            socket, TRY_AGAIN_LATER, "expected a client that keeps up; connect again, then ask over REST"
        )


async def _close(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionError, RuntimeError):  # it was closed already
        await socket.close(code, reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore"))
