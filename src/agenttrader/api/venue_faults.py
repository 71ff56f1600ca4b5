"""The venue's application with faults around it: what a network, a proxy or a failing broker does to clients.

It stands in front of everything that the venue answers, its refusals included. A request meets one fault at
most: the first of those planned that strikes.
"""

import asyncio
from typing import assert_never

from agenttrader.api.probes import Application, Message, Receive, Scope, Send
from agenttrader.api.severing import hang_up, sever, until_gone
from agenttrader.api.venue_stream_faults import MILLISECONDS, FaultyStreams
from agenttrader.app.fault_kinds import ErrorAnswer, HalfAnswer, Latency, LostAnswer, Restart, When
from agenttrader.app.venue.faults import Faults, Lane
from agenttrader.protocols.alpaca_trading import UNAUTHORIZED, ApiError, encode

_SEGMENTS = 3
"""`/v2/orders/…` are requests of one kind: nothing, `v2` and `orders`."""
_JSON, _HTML = b"application/json", b"text/html"
_BODIES = {
    401: (_JSON, encode(ApiError(code=UNAUTHORIZED, message="request is not authorized"))),
    429: (_JSON, encode(ApiError(code=42910000, message="rate limit exceeded"))),
    500: (_JSON, encode(ApiError(code=50010000, message="internal server error occurred"))),
    # It comes from a proxy in front of the broker, which speaks no JSON.
    504: (_HTML, b"<html><head><title>504 Gateway Time-out</title></head></html>"),
}


def with_faults(app: Application, faults: Faults) -> Application:
    """`app`, served to clients whom `faults` befall."""
    streams = FaultyStreams(faults)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await _serve(app, faults, scope, receive, send)
            case "websocket":
                await streams.serve(app, scope, receive, send)
            case _:
                await app(scope, receive, send)

    return route


async def _serve(app: Application, faults: Faults, scope: Scope, receive: Receive, send: Send) -> None:
    """One request, and what befalls it."""
    fault = faults.of_request(f"{scope['method']} {scope['path']}", _lane_of(scope))
    match fault:
        case None:
            await app(scope, receive, send)
        case Latency(when=When.BEFORE):
            arrived = await _Arrived.whole(receive)
            await asyncio.sleep(fault.milliseconds / MILLISECONDS)
            await app(scope, arrived.receive, send)
        case Latency():
            await app(scope, receive, _Kept(send, fault.milliseconds / MILLISECONDS).send)
        case LostAnswer() | Restart():
            if fault.when is When.AFTER:
                await app(scope, receive, _unheard)
            if isinstance(fault, Restart):
                faults.end()
            sever(send)
            await until_gone(receive)
        case HalfAnswer():
            await app(scope, receive, _Half(send).send)
            await until_gone(receive)
        case ErrorAnswer():
            if fault.when is When.AFTER:
                await app(scope, receive, _unheard)
            await _answer(send, fault.status)
        case _:
            assert_never(fault)


def _lane_of(scope: Scope) -> Lane:
    """One client's requests of one kind are counted together; who does not say who he is, is nobody."""
    key_id = dict(scope["headers"]).get(b"apca-api-key-id", b"").decode(errors="replace")
    return (key_id, scope["method"], "/".join(scope["path"].split("/")[:_SEGMENTS]))


async def _unheard(_: Message) -> None:
    """An answer that nobody is told."""


class _Arrived:
    """A request that has arrived whole: it is acted on, whether or not its client still waits."""

    def __init__(self, parts: list[Message], receive: Receive) -> None:
        self._parts = parts
        self._receive = receive

    @classmethod
    async def whole(cls, receive: Receive) -> "_Arrived":
        """Wait for all of it."""
        parts = [await receive()]
        while parts[-1].get("more_body", False):
            parts.append(await receive())
        return cls(parts, receive)

    async def receive(self) -> Message:
        """Its next part."""
        return self._parts.pop(0) if self._parts else await self._receive()


class _Kept:
    """An answer that is kept for a while."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(self._seconds)
        await self._send(message)


class _Half:
    """An answer of which the head and half the body arrive; of one without a body, nothing."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        if self._body and self._head is not None:
            await self._send(self._head)
            half = self._body[: len(self._body) // 2]
            await self._send({"type": "http.response.body", "body": half, "more_body": True})
        hang_up(self._send)


async def _answer(send: Send, status: int) -> None:
    kind, body = _BODIES[status]
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
