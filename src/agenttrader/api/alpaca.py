"""The gateway's face towards clients that speak Alpaca's trading protocol: `/v2` over HTTP, and `/stream`.

A client names its agent as the key's id and gives that agent's key as the secret; nobody else is let in,
and a person's token is none of these. Every refusal is Alpaca's `{code, message}`. What Alpaca has and
this face has not, a field, a word, a parameter or a whole route, is answered with 422 and its name.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from litestar import Litestar, Request, Response, WebSocket, delete, get, patch, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from agenttrader.api.probes import Application, Receive, Scope, Send
from agenttrader.api.trade_updates import serve_trade_updates
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk, Submitted
from agenttrader.app.gateway.alpaca_questions import Nothing, Pairs, read
from agenttrader.app.gateway.alpaca_refusals import TOO_MANY, Refused, Unsupported
from agenttrader.model.errors import (
    AgentTraderError,
    AskedTooOften,
    BadValue,
    InboxFull,
    NotReady,
    StoreError,
)
from agenttrader.model.identifiers import AgentName
from agenttrader.protocols.alpaca_trading import (
    INVALID,
    UNAUTHORIZED,
    UNPROCESSABLE,
    ApiError,
    decode_new_order,
    decode_replacement,
    encode,
)

BODY_BYTES_MAX = 65_536
BODY_SHOWN_BYTES = 60
"""How much of a body that is refused its message repeats."""
PREFIX, STREAM = "/v2/", "/stream"
REPEATED = "X-Order-Repeated"
"""Stands in the answer to an order that is one which there was before this request."""
FAILED = 50010000
"""Alpaca's code for a fault of its own."""
UNAVAILABLE = 50310000

AnyRequest = Request[Any, Any, Any]
Body = Struct | Sequence[Struct]
logger = structlog.get_logger()


class NotAuthorized(AgentTraderError):
    """The agent is not known, or the key is not its own."""


_ANSWERS: tuple[tuple[type[AgentTraderError], HTTPStatus, int], ...] = (
    (NotAuthorized, HTTPStatus.UNAUTHORIZED, UNAUTHORIZED),
    (Unsupported, HTTPStatus.UNPROCESSABLE_ENTITY, UNPROCESSABLE),
    (BadValue, HTTPStatus.UNPROCESSABLE_ENTITY, INVALID),
    (InboxFull, HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY),
    (AskedTooOften, HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY),
    (NotReady, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE),
)
"""What each of our errors is over HTTP; the first that fits."""


def create_alpaca_app(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> Application:
    """The application over `desk`; `agents` by the SHA-256 of their keys."""
    app = Litestar(
        alpaca_routes(desk, agents),
        exception_handlers={
            NotFoundException: lambda request, error: _no_such_route(request, error, agents),
            MethodNotAllowedException: lambda request, error: _no_such_route(request, error, agents),
            HTTPException: _framework_failed,
            AgentTraderError: _failed,
            Exception: _crashed,
        },
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
    )
    return cast("Application", app)


def alpaca_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    """Everything of Alpaca's trading protocol that is answered here."""
    return [
        *_reading_routes(desk, agents),
        *_orders_routes(desk, agents),
        *_positions_routes(desk, agents),
        _stream_route(desk, agents),
    ]


def with_alpaca(app: Application, alpaca: Application) -> Application:
    """`app`, with what belongs to Alpaca's protocol answered by `alpaca`."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = alpaca if path.startswith(PREFIX) or path == STREAM else app
        await chosen(scope, receive, send)

    return route


def _reading_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    """What only asks: of everything, then of what the address names."""
    reads = desk.reads
    of_all: dict[str, Callable[[AgentName, Pairs], Body]] = {
        "account": reads.account,
        "account/activities": reads.activities,
        "account/configurations": reads.configurations,
        "assets": reads.assets,
        "calendar": lambda _, pairs: reads.calendar(pairs),
        "clock": lambda _, pairs: reads.clock(pairs),
        "orders": reads.orders,
        "orders:by_client_order_id": reads.order_by_client_order_id,
        "positions": reads.positions,
    }
    of_one: dict[str, Callable[[AgentName, str, Pairs], Body]] = {
        "account/activities/{name:str}": lambda agent, name, pairs: reads.activities(
            agent, [*pairs, ("activity_types", name)]
        ),
        "assets/{name:path}": reads.asset,
        "orders/{name:str}": reads.order,
        "positions/{name:path}": reads.position,
    }
    return [
        *(_told_of_all(PREFIX + path, answer, agents) for path, answer in of_all.items()),
        *(_told_of_one(PREFIX + path, answer, agents) for path, answer in of_one.items()),
    ]


def _told_of_all(
    path: str, answer: Callable[[AgentName, Pairs], Body], agents: Mapping[str, AgentName]
) -> ControllerRouterHandler:
    @get(path)
    async def told(request: AnyRequest) -> Response[bytes]:
        return _json(answer(_agent(request, agents), await _parameters(request)))

    return told


def _told_of_one(
    path: str, answer: Callable[[AgentName, str, Pairs], Body], agents: Mapping[str, AgentName]
) -> ControllerRouterHandler:
    @get(path)
    async def told(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        agent = _agent(request, agents)
        return _json(answer(agent, name.removeprefix("/"), await _parameters(request)))

    return told


def _stream_route(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> ControllerRouterHandler:
    @websocket(STREAM)
    async def stream(socket: WebSocket[Any, Any, Any]) -> None:
        await serve_trade_updates(socket, desk.updates, lambda name, key: _identify(name, key, agents))

    return stream


def _orders_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    @post("/v2/orders", status_code=HTTPStatus.OK)
    async def submit(request: AnyRequest) -> Response[bytes]:
        agent = _agent(request, agents)
        read(_pairs(request), Nothing)
        return _submitted(await desk.submit(agent, decode_new_order(await request.body())))

    @patch("/v2/orders/{name:str}")
    async def replace(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        agent = _agent(request, agents)
        read(_pairs(request), Nothing)
        return _submitted(await desk.replace(agent, name, decode_replacement(await request.body())))

    @delete("/v2/orders", status_code=HTTPStatus.MULTI_STATUS)
    async def cancel_all(request: AnyRequest) -> Response[bytes]:
        agent = _agent(request, agents)
        return _json(await desk.cancel_all(agent, await _parameters(request)), HTTPStatus.MULTI_STATUS)

    @delete("/v2/orders/{name:str}", status_code=HTTPStatus.NO_CONTENT)
    async def cancel(request: AnyRequest, name: FromPath[str]) -> None:
        await desk.cancel(_agent(request, agents), name, await _parameters(request))

    return [submit, replace, cancel_all, cancel]


def _positions_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    @delete("/v2/positions", status_code=HTTPStatus.MULTI_STATUS)
    async def close_all(request: AnyRequest) -> Response[bytes]:
        agent = _agent(request, agents)
        return _json(await desk.close_all(agent, await _parameters(request)), HTTPStatus.MULTI_STATUS)

    @delete("/v2/positions/{name:path}", status_code=HTTPStatus.OK)
    async def close(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        agent = _agent(request, agents)
        return _submitted(await desk.close(agent, name.removeprefix("/"), await _parameters(request)))

    return [close_all, close]


def _identify(name: str, key: str, agents: Mapping[str, AgentName]) -> AgentName | None:
    """The agent of that name, where the key is its own."""
    found = agents.get(hashlib.sha256(key.encode()).hexdigest())
    return found if found == name else None


def _agent(connection: ASGIConnection[Any, Any, Any, Any], agents: Mapping[str, AgentName]) -> AgentName:
    """Whose key the headers show. Raises NotAuthorized."""
    name, key = (connection.headers.get(f"apca-api-{each}", "") for each in ("key-id", "secret-key"))
    agent = _identify(name, key, agents)
    if agent is None:
        raise NotAuthorized(
            "request is not authorized: expected an agent's name as APCA-API-KEY-ID and its key as "
            "APCA-API-SECRET-KEY, found none that this gateway knows"
        )
    return agent


def _pairs(request: AnyRequest) -> list[tuple[str, str]]:
    return list(request.query_params.multi_items())


async def _parameters(request: AnyRequest) -> list[tuple[str, str]]:
    """The parameters of what is asked in the address alone. Raises Unsupported for a body."""
    if body := await request.body():
        raise Unsupported(f"a body of {request.method} {request.url.path}: {body[:BODY_SHOWN_BYTES]!r}")
    return _pairs(request)


def _json(body: Body, status: int = HTTPStatus.OK) -> Response[bytes]:
    return Response(
        encode(body if isinstance(body, Struct) else list(body)),
        status_code=status,
        media_type="application/json",
    )


def _submitted(submitted: Submitted) -> Response[bytes]:
    return Response(
        encode(submitted.order),
        media_type="application/json",
        headers={REPEATED: "true"} if submitted.is_repeated else {},
    )


def _failed(_: AnyRequest, error: Exception) -> Response[bytes]:
    if isinstance(error, Refused):
        return _json(error.error, error.status)
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            return _json(ApiError(code=code, message=str(error)), status)
    return _json(ApiError(code=FAILED, message=str(error)), HTTPStatus.INTERNAL_SERVER_ERROR)


def _no_such_route(request: AnyRequest, _: HTTPException, agents: Mapping[str, AgentName]) -> Response[bytes]:
    """Whatever else is asked under `/v2` is named as not known; strangers are told nothing."""
    try:
        _agent(request, agents)
    except NotAuthorized as refused:
        return _failed(request, refused)
    return _failed(request, Unsupported(f"{request.method} {request.url.path}"))


def _framework_failed(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    """A request that the framework refused, such as one whose body is too long."""
    return _json(ApiError(code=error.status_code * 100_000, message=str(error.detail)), error.status_code)


def _crashed(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A fault of ours: the trace is for the log, the client learns that it was not its own."""
    logger.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    message = "the gateway failed; its log says how. Ask what became of the order before sending it again"
    return _json(ApiError(code=FAILED, message=message), HTTPStatus.INTERNAL_SERVER_ERROR)
