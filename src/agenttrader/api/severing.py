"""Ending a connection as a broken network does, without the goodbye that its protocol asks for.

ASGI has no word for that. What it hands an application as `send` is a method of uvicorn's own object for the
request or web socket, and that object holds the transport.
"""

import asyncio
import socket
import struct
from typing import cast

from agenttrader.api.probes import Receive, Send

_RESET = struct.pack("ii", 1, 0)
"""Linger, for no time: what was not sent is thrown away, and the peer is told of a reset."""


def sever(send: Send) -> None:
    """Reset the connection that `send` writes to. Raises RuntimeError where it is not uvicorn's own."""
    transport = _transport_of(send)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def hang_up(send: Send) -> None:
    """Close the connection that `send` writes to, after what was sent. Raises as `sever` does."""
    _transport_of(send).close()


async def until_gone(receive: Receive) -> None:
    """Wait until the server knows that a request's connection has gone: before, it would answer itself."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport_of(send: Send) -> asyncio.Transport:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError(f"expected the method `send` of a connection of uvicorn's, found {send!r}")
    return cast("asyncio.Transport", transport)
