"""The gateway's face towards clients that speak Alpaca's trading protocol: `/v2` over HTTP, and `/stream`.

A client names its agent as the key's id and gives that agent's key as the secret; nobody else is let in,
and a person's token is none of these. Every refusal is Alpaca's `{code, message}`. What Alpaca has and
this face has not, a field, a word, a parameter or a whole route, is answered with 422 and its name.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import structlog
from litestar import Litestar, Request, Response, WebSocket, delete, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from agenttrader.api.probes import Application, Receive, Scope, Send
from agenttrader.api.trade_updates import serve_trade_updates
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk, Submitted
from agenttrader.app.gateway.alpaca_questions import Nothing, read
from agenttrader.app.gateway.alpaca_refusals import Refused, Unsupported
from agenttrader.model.errors import AgentTraderError, BadValue, InboxFull, NotReady, StoreError
from agenttrader.model.identifiers import AgentName
from agenttrader.protocols.alpaca_trading import (
    INVALID,
    UNAUTHORIZED,
    UNPROCESSABLE,
    ApiError,
    decode_new_order,
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
TOO_MANY = 42910000

AnyRequest = Request[Any, Any, Any]
logger = structlog.get_logger()


class NotAuthorized(AgentTraderError):
    """The agent is not known, or the key is not its own."""


_ANSWERS: tuple[tuple[type[AgentTraderError], HTTPStatus, int], ...] = (
    (NotAuthorized, HTTPStatus.UNAUTHORIZED, UNAUTHORIZED),
    (Unsupported, HTTPStatus.UNPROCESSABLE_ENTITY, UNPROCESSABLE),
    (BadValue, HTTPStatus.UNPROCESSABLE_ENTITY, INVALID),
    (InboxFull, HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY),
    (NotReady, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE),
)
"""What each of our errors is over HTTP; the first that fits."""


def create_alpaca_app(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> Application:
    """The application over `desk`; `agents` by the SHA-256 of their keys."""
    app = Litestar(
        [*_account_routes(desk, agents), *_orders_routes(desk, agents), *_positions_routes(desk, agents)],
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


def with_alpaca(app: Application, alpaca: Application) -> Application:
    """`app`, with what belongs to Alpaca's protocol answered by `alpaca`."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = alpaca if path.startswith(PREFIX) or path == STREAM else app
        await chosen(scope, receive, send)

    return route


def _account_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    @get("/v2/account")
    async def account(request: AnyRequest) -> Response[bytes]:
        return _json(desk.account(_agent(request, agents), await _parameters(request)))

    @get("/v2/clock")
    async def clock(request: AnyRequest) -> Response[bytes]:
        _agent(request, agents)
        return _json(desk.clock(await _parameters(request)))

    @websocket(STREAM)
    async def stream(socket: WebSocket[Any, Any, Any]) -> None:
        await serve_trade_updates(socket, desk.updates, lambda name, key: _identify(name, key, agents))

    return [account, clock, stream]


def _orders_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    @post("/v2/orders", status_code=HTTPStatus.OK)
    async def submit(request: AnyRequest) -> Response[bytes]:
        agent = _agent(request, agents)
        read(_pairs(request), Nothing)
        return _submitted(await desk.submit(agent, decode_new_order(await request.body())))

    @get("/v2/orders")
    async def orders(request: AnyRequest) -> Response[bytes]:
        return _json(desk.orders(_agent(request, agents), await _parameters(request)))

    @get("/v2/orders/{order_id:str}")
    async def order(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
        return _json(desk.order(_agent(request, agents), order_id, await _parameters(request)))

    @get("/v2/orders:by_client_order_id")
    async def order_by_client_order_id(request: AnyRequest) -> Response[bytes]:
        return _json(desk.order_by_client_order_id(_agent(request, agents), await _parameters(request)))

    @delete("/v2/orders/{order_id:str}", status_code=HTTPStatus.NO_CONTENT)
    async def cancel(request: AnyRequest, order_id: FromPath[str]) -> None:
        agent = _agent(request, agents)
        read(await _parameters(request), Nothing)
        await desk.cancel(agent, order_id)

    return [submit, orders, order, order_by_client_order_id, cancel]


def _positions_routes(desk: AlpacaDesk, agents: Mapping[str, AgentName]) -> list[ControllerRouterHandler]:
    @get("/v2/positions")
    async def positions(request: AnyRequest) -> Response[bytes]:
        return _json(desk.positions(_agent(request, agents), await _parameters(request)))

    @get("/v2/positions/{symbol:str}")
    async def position(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
        return _json(desk.position(_agent(request, agents), symbol, await _parameters(request)))

    @delete("/v2/positions/{symbol:str}", status_code=HTTPStatus.OK)
    async def close(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
        return _submitted(await desk.close(_agent(request, agents), symbol, await _parameters(request)))

    return [positions, position, close]


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


def _json(body: Struct | list[Any], status: int = HTTPStatus.OK) -> Response[bytes]:
    return Response(encode(body), status_code=status, media_type="application/json")


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
