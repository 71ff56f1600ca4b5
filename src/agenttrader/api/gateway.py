"""The gateway's face towards clients and persons: `/v1` over HTTP and a web socket.

An agent's key lets it propose, cancel its own orders and see them. A person's token lets it look, halt, close
and compare; what loosens comes in an envelope that the person signed, whoever carries it. Every refusal is
`{code, message}`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

import structlog
from litestar import Litestar, Request, Response, WebSocket, delete, get, patch, post, put, websocket
from litestar.exceptions import HTTPException, WebSocketDisconnect
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from agenttrader.api.approvals import approvals_routes
from agenttrader.api.callers import (
    Caller,
    Forbidden,
    Keys,
    NotPermitted,
    agent_of,
    answer,
    body_of,
    caller_of,
    decode,
    operator_of,
    person_of,
)
from agenttrader.api.limits import limits_routes
from agenttrader.api.owners import REVOKED, belongs_to, until_revoked
from agenttrader.api.probes import Application, Scope
from agenttrader.app.gateway import hand
from agenttrader.app.gateway.desk import Desk
from agenttrader.model.authority import Act
from agenttrader.model.errors import (
    AgentTraderError,
    AskedTooOften,
    BadValue,
    InboxFull,
    NotReady,
    StatementRefused,
    StoreError,
    Unreachable,
)
from agenttrader.protocols.native import ErrorBody
from agenttrader.protocols.person_bodies import (
    CancelAskedBody,
    CancelBody,
    CloseBody,
    EnvelopeBody,
    HaltBody,
    ReasonBody,
)

BODY_BYTES_MAX = 65_536
CLOSE_REASON_MAX = 120
"""A close frame has room for 123 bytes of reason."""
UNAUTHORIZED = 4401
"""The web socket's close code for a key that is not known."""

logger = structlog.get_logger()
_STATUS_OF_ERROR: tuple[tuple[type[AgentTraderError], int, str], ...] = (
    (BadValue, 422, "bad_value"),
    (StatementRefused, 403, "statement_refused"),
    (StoreError, 503, "store_unavailable"),
    (NotReady, 503, "starting"),
    (InboxFull, 429, "too_many_waiting"),
    (AskedTooOften, 429, "asked_too_often"),
    (Unreachable, 502, "broker_unreachable"),
)
"""What each of our errors is over HTTP; the first that fits."""


def create_gateway_app(desk: Desk, keys: Keys) -> Application:
    """The gateway's application over `desk`."""
    app = Litestar(
        [
            *_orders_routes(desk, keys),
            *_agents_routes(desk, keys),
            *_windows_routes(desk, keys),
            *_persons_routes(desk, keys),
            *_hands_routes(desk, keys),
            *approvals_routes(desk, keys),
            *_exits_routes(desk, keys),
            *limits_routes(desk, keys),
        ],
        exception_handlers={AgentTraderError: _refused, HTTPException: _http_refused, Exception: _crashed},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
    )
    return cast("Application", app)


def _orders_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What agents alone may ask: each answers with orders, decided."""

    @post("/v1/proposals", status_code=200)
    async def propose(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer(await desk.propose(await body_of(request), agent_of(request, keys)))

    @post("/v1/groups", status_code=200)
    async def propose_group(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer(await desk.propose_group(await body_of(request), agent_of(request, keys)))

    @patch("/v1/orders/{order_id:str}", status_code=200)
    async def change(request: Request[Any, Any, Any], order_id: FromPath[str]) -> Response[bytes]:
        return answer(await desk.change(order_id, await body_of(request), agent_of(request, keys)))

    return [propose, propose_group, change]


def _agents_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What agents and persons may ask."""

    @delete("/v1/orders/{order_id:str}", status_code=202)
    async def cancel(request: Request[Any, Any, Any], order_id: FromPath[str]) -> Response[bytes]:
        caller = caller_of(request, keys)
        if caller.agent is None:
            operator_of(request, desk, keys)
        found = await desk.cancel(order_id, caller.agent, caller.name, "asked for")
        return answer(CancelAskedBody(found, asked=True), status=202)

    @get("/v1/status")
    async def status(request: Request[Any, Any, Any]) -> Response[bytes]:
        caller_of(request, keys)
        return answer(desk.status())

    @get("/v1/snapshot")
    async def snapshot(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer(desk.snapshot(caller_of(request, keys).agent))

    @websocket("/v1/stream")
    async def stream(socket: WebSocket[Any, Any, Any]) -> None:
        await _serve_stream(socket, desk, keys)

    return [cancel, status, snapshot, stream]


def _windows_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What loosens, in signed envelopes; and closing, which anybody with a token may."""

    @post("/v1/windows", status_code=200)
    async def open_window(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.OPEN_WINDOW)

    @post("/v1/windows/extend", status_code=200)
    async def extend_window(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.EXTEND_WINDOW)

    @post("/v1/windows/resume", status_code=200)
    async def resume_window(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.RESUME_WINDOW)

    @post("/v1/resume", status_code=200)
    async def resume(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.RESUME)

    @post("/v1/windows/close", status_code=200)
    async def close_window(request: Request[Any, Any, Any]) -> Response[bytes]:
        person = person_of(request, keys)
        return answer(await desk.close_window(person, decode(await body_of(request), ReasonBody).reason))

    async def give(request: Request[Any, Any, Any], act: Act) -> Response[bytes]:
        person_of(request, keys)
        return answer(await desk.give(decode(await body_of(request), EnvelopeBody).envelope, act))

    return [open_window, extend_window, resume_window, resume, close_window]


def _persons_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What tightens, and what compares."""

    @post("/v1/halt", status_code=200)
    async def halt(request: Request[Any, Any, Any]) -> Response[bytes]:
        person = person_of(request, keys)
        asked = decode(await body_of(request), HaltBody)
        return answer(await desk.halt(asked.scope, asked.state, person, asked.reason))

    @post("/v1/reconcile", status_code=200)
    async def reconcile(request: Request[Any, Any, Any]) -> Response[bytes]:
        person_of(request, keys)
        return answer(await desk.reconcile())

    return [halt, reconcile]


def _hands_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What a person does by hand: only accepting a break takes a signature, for it alone loosens."""

    @get("/v1/breaks")
    async def breaks(request: Request[Any, Any, Any]) -> Response[bytes]:
        person_of(request, keys)
        return answer(hand.breaks_of(desk.session.engine))

    @post("/v1/breaks/accept", status_code=200)
    async def accept_break(request: Request[Any, Any, Any]) -> Response[bytes]:
        person_of(request, keys)
        envelope = decode(await body_of(request), EnvelopeBody).envelope
        return answer(await desk.give(envelope, Act.ACCEPT_BREAK))

    @post("/v1/orders/cancel", status_code=200)
    async def cancel_order(request: Request[Any, Any, Any]) -> Response[bytes]:
        person, asked = operator_of(request, desk, keys), decode(await body_of(request), CancelBody)
        found = await hand.cancel_order(desk, asked.order_id, person, asked.reason)
        return answer(CancelAskedBody(found, asked=True))

    @post("/v1/positions/close", status_code=200)
    async def close_position(request: Request[Any, Any, Any]) -> Response[bytes]:
        person, asked = operator_of(request, desk, keys), decode(await body_of(request), CloseBody)
        return answer(await hand.close_position(desk, asked.symbol, person, asked.reason))

    return [breaks, accept_break, cancel_order, close_position]


def _exits_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What the exits unit tells."""

    @put("/v1/doubts", status_code=200)
    async def doubt(request: Request[Any, Any, Any]) -> Response[bytes]:
        caller = caller_of(request, keys)
        if caller.agent is None or not desk.may_doubt(caller.agent):
            raise Forbidden(f"{caller.name} is not the exits unit: only its key says what it cannot judge")
        return answer(await desk.doubt(await body_of(request), caller.agent))

    return [doubt]


async def _serve_stream(socket: WebSocket[Any, Any, Any], desk: Desk, keys: Keys) -> None:
    """Send what the caller may see until it leaves or does not keep up."""
    await socket.accept()
    try:
        caller = caller_of(socket, keys)
    except NotPermitted as error:
        await socket.close(UNAUTHORIZED, str(error)[:CLOSE_REASON_MAX])
        return
    belongs_to(cast("Scope", socket.scope), caller.name)
    subscriber = desk.stream.subscribe(caller.agent)
    gone = asyncio.create_task(_until_gone(socket, lambda said: desk.stream.hear(subscriber, said)))
    revoked = asyncio.create_task(until_revoked(lambda: _is_known(socket, keys, caller)))
    try:
        while (message := await _next(subscriber.queue, gone, revoked)) is not None:
            await socket.send_data(message, mode="text")
        if revoked.done():
            await socket.close(UNAUTHORIZED, REVOKED)
    except (WebSocketDisconnect, ConnectionError):
        pass  # It left while we were sending; there is nobody to tell.
    finally:
        desk.stream.unsubscribe(subscriber)
        gone.cancel()
        revoked.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
            await gone
            await socket.close()


async def _until_gone(socket: WebSocket[Any, Any, Any], hear: Callable[[str], None]) -> None:
    """Return when the client has closed, or says what cannot be read: that ends it, too."""
    with contextlib.suppress(WebSocketDisconnect, BadValue):
        while True:
            hear(await socket.receive_data(mode="text"))


def _is_known(socket: WebSocket[Any, Any, Any], keys: Keys, caller: Caller) -> bool:
    """Whether the key that opened the stream is still its caller's."""
    try:
        return caller_of(socket, keys) == caller
    except NotPermitted:
        return False


async def _next(queue: asyncio.Queue[bytes | None], *ends: asyncio.Task[None]) -> bytes | None:
    """The next message, or None when the client has left, may hear no more, or the stream ended it."""
    if any(end.done() for end in ends):
        return None
    if not queue.empty():
        return queue.get_nowait()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.wait((waiting, *ends), return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    return None


def _refused(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if isinstance(error, Forbidden):
        return answer(ErrorBody(code="forbidden", message=str(error)), 403)
    if isinstance(error, NotPermitted):
        return answer(ErrorBody(code="not_permitted", message=str(error)), 401)
    for kind, status, code in _STATUS_OF_ERROR:
        if isinstance(error, kind):
            return answer(ErrorBody(code=code, message=str(error)), status)
    return answer(ErrorBody(code="internal", message=str(error)), 500)


def _http_refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """A route, method or body that the framework refused."""
    return answer(ErrorBody(code="http", message=str(error.detail)), error.status_code)


def _crashed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: the trace is for the log, the client learns that it was not its own."""
    logger.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    message = "the gateway failed; its log says how. Ask what became of the request before sending it again"
    return answer(ErrorBody(code="internal", message=message), 500)
