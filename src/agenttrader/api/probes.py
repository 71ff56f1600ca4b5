"""What machines ask of every role: `/livez`, `/readyz`, `/healthz`, `/heartbeat`, `/metrics`.

They stand in front of the role's own routes, need no key and tell no secret. Live means that the process
answers; ready and healthy mean that it can do its work, and when it cannot, the answer is 503 and says what
it waits for. A heartbeat tells how often the role's work has turned: who asks twice sees whether it moves.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Any ASGI application."""

Readiness = Callable[[], str | None]
"""None when the role can do its work; otherwise a sentence: what it waits for."""

Turns = Callable[[], int]
"""How often the role's work has turned; odd while it is at something."""

PATHS = ("/livez", "/readyz", "/healthz", "/heartbeat", "/metrics")

OK = 200
UNAVAILABLE = 503


def with_probes(
    app: Application,
    role: str,
    ready: Readiness,
    metrics: CollectorRegistry,
    own: tuple[str, ...] = (),
    turns: Turns = lambda: 0,
) -> Application:
    """`app` with the probes in front. Paths in `own` stay the app's, such as a richer `/healthz`."""
    probes = frozenset(PATHS) - frozenset(own)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in probes:
            await app(scope, receive, send)
        elif scope["method"] not in {"GET", "HEAD"}:
            allow = (b"allow", b"GET, HEAD")
            message = f"{scope['path']}: expected GET, found {scope['method']}"
            await _answer(send, 405, {"code": "method_not_allowed", "message": message}, allow)
        elif scope["path"] == "/metrics":
            await _send(send, OK, generate_latest(metrics), (b"content-type", CONTENT_TYPE_LATEST.encode()))
        elif scope["path"] == "/heartbeat":
            await _answer(send, OK, {"service": role, "turns": turns(), "at_work": turns() % 2 == 1})
        else:
            waits = None if scope["path"] == "/livez" else ready()
            body = {"service": role, "ok": waits is None, "waits_for": waits}
            await _answer(send, OK if waits is None else UNAVAILABLE, body)

    return route


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a role that serves only probes: every path is 404, and its lifespan is empty."""
    match scope["type"]:
        case "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        case "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        case _:
            message = f"expected one of {', '.join(PATHS)}, found {scope['path']}"
            await _answer(send, 404, {"code": "not_found", "message": message})


async def _answer(send: Send, status: int, body: dict[str, Any], *headers: tuple[bytes, bytes]) -> None:
    await _send(send, status, msgspec.json.encode(body), (b"content-type", b"application/json"), *headers)


async def _send(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
