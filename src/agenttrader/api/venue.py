"""The simulated exchange's face: Alpaca's trading API over HTTP, as far as this venue goes.

Whatever Alpaca has and this venue does not, a field, a word or a whole route, is answered with 422 and its
name; nothing is dropped in silence. Every refusal is `{code, message}` with Alpaca's codes. A POSTed order
is answered as `new` in a session and as `accepted` outside of one; what becomes of it is told on the
stream.
"""

from collections.abc import Mapping
from typing import Any, cast

import structlog
from litestar import Litestar, Request, Response, WebSocket, delete, get, post, websocket
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from agenttrader.api.probes import Application
from agenttrader.api.venue_stream import serve_stream
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import Keys, VenueKey
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.requests import Unsupported
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.model.values import exact
from agenttrader.protocols.alpaca_trading import (
    INVALID,
    NOT_FOUND,
    UNAUTHORIZED,
    UNPROCESSABLE,
    ApiError,
    decode_new_order,
    encode,
)

BODY_BYTES_MAX = 65_536
OK, NO_CONTENT, MULTI_STATUS = 200, 204, 207
logger = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]
FAILED = 50010000
"""Alpaca's code for a fault of its own."""
KNOWN_ROUTES = (
    "/v2/account/configurations",
    "/v2/account/portfolio",
    "/v2/assets",
    "/v2/calendar",
    "/v2/corporate_actions",
    "/v2/options",
    "/v2/orders",
    "/v2/positions",
    "/v2/wallets",
    "/v2/watchlists",
)
"""Beginnings of what Alpaca serves and this venue does not, or not by that method."""


class Face(Struct, frozen=True, eq=False):
    """What every handler works on."""

    desk: Desk
    keys: Keys


def create_venue_app(desk: Desk, keys: Mapping[str, VenueKey]) -> Application:
    """The venue's application over `desk`; `keys` by their ids."""
    app = Litestar(
        [
            account,
            activities,
            activities_of_type,
            clock,
            submit,
            orders,
            cancel_all,
            order,
            order_by_client_order_id,
            cancel,
            positions,
            close_all,
            position,
            close,
            stream,
        ],
        state=State({"face": Face(desk, Keys(keys))}, deep_copy=False),
        exception_handlers={
            NotFoundException: _no_such_route,
            MethodNotAllowedException: _no_such_route,
            HTTPException: _framework_failed,
            AgentTraderError: _failed,
            Exception: _crashed,
        },
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
    )
    return cast("Application", app)


@get("/v2/account")
async def account(request: AnyRequest) -> Response[bytes]:
    """The account's numbers."""
    desk, name = _enter(request)
    return _json(desk.account(name))


@get("/v2/account/activities")
async def activities(request: AnyRequest) -> Response[bytes]:
    """A page of fills and fees."""
    desk, name = _enter(request)
    return _json(desk.activities(name, _parameters(request), None))


@get("/v2/account/activities/{activity_type:str}")
async def activities_of_type(request: AnyRequest, activity_type: FromPath[str]) -> Response[bytes]:
    """A page of activities of one type."""
    desk, name = _enter(request)
    return _json(desk.activities(name, _parameters(request), activity_type))


@get("/v2/clock")
async def clock(request: AnyRequest) -> Response[bytes]:
    """The market's clock."""
    desk, _ = _enter(request)
    return _json(desk.clock())


@post("/v2/orders", status_code=OK)
async def submit(request: AnyRequest) -> Response[bytes]:
    """A new order."""
    desk, name = _enter(request)
    return _json(desk.submit(name, decode_new_order(await request.body())))


@get("/v2/orders")
async def orders(request: AnyRequest) -> Response[bytes]:
    """A list of orders."""
    desk, name = _enter(request)
    return _json(desk.orders(name, _parameters(request)))


@delete("/v2/orders", status_code=MULTI_STATUS)
async def cancel_all(request: AnyRequest) -> Response[bytes]:
    """Cancel every open order."""
    desk, name = _enter(request)
    _parameters(request).finish()
    return _json(desk.cancel_all(name), MULTI_STATUS)


@get("/v2/orders/{order_id:str}")
async def order(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
    """One order."""
    desk, name = _enter(request)
    parameters = _parameters(request)
    nested = parameters.flag("nested")
    parameters.finish()
    return _json(desk.order(name, order_id, nested=nested))


@get("/v2/orders:by_client_order_id")
async def order_by_client_order_id(request: AnyRequest) -> Response[bytes]:
    """One order, by its client's id for it."""
    desk, name = _enter(request)
    parameters = _parameters(request)
    client_order_id = parameters.text("client_order_id")
    parameters.finish()
    if client_order_id is None:
        raise BadValue("client_order_id: expected it as a parameter, found none")
    return _json(desk.order_by_client_order_id(name, client_order_id))


@delete("/v2/orders/{order_id:str}", status_code=NO_CONTENT)
async def cancel(request: AnyRequest, order_id: FromPath[str]) -> None:
    """Cancel one order."""
    desk, name = _enter(request)
    desk.cancel(name, order_id)


@get("/v2/positions")
async def positions(request: AnyRequest) -> Response[bytes]:
    """Every holding."""
    desk, name = _enter(request)
    return _json(desk.positions(name))


@delete("/v2/positions", status_code=MULTI_STATUS)
async def close_all(request: AnyRequest) -> Response[bytes]:
    """Close every holding."""
    desk, name = _enter(request)
    parameters = _parameters(request)
    cancel_orders = parameters.flag("cancel_orders")
    parameters.finish()
    return _json(desk.close_all(name, cancel_orders=cancel_orders), MULTI_STATUS)


@get("/v2/positions/{symbol:str}")
async def position(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
    """One holding."""
    desk, name = _enter(request)
    return _json(desk.position(name, symbol))


@delete("/v2/positions/{symbol:str}", status_code=OK)
async def close(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
    """Close one holding, or a part of it."""
    desk, name = _enter(request)
    parameters = _parameters(request, unsupported=("percentage",))
    quantity = parameters.text("qty")
    parameters.finish()
    return _json(desk.close(name, symbol, None if quantity is None else exact(quantity, "qty")))


@websocket("/stream")
async def stream(socket: WebSocket[Any, Any, Any]) -> None:
    """What becomes of orders."""
    face = _face(socket)
    await serve_stream(socket, face.desk, face.keys.identify)


class _NotAuthorized(AgentTraderError):
    """The key is not known, or the secret is not its own."""


def _face(connection: AnyRequest | WebSocket[Any, Any, Any]) -> Face:
    face = connection.app.state["face"]
    assert isinstance(face, Face)
    return face


def _enter(request: AnyRequest) -> tuple[Desk, str]:
    """The desk, and the account of who asks. Raises _NotAuthorized."""
    face, headers = _face(request), request.headers
    name = face.keys.identify(headers.get("apca-api-key-id", ""), headers.get("apca-api-secret-key", ""))
    if name is None:
        raise _NotAuthorized("request is not authorized")
    return face.desk, name


def _parameters(request: AnyRequest, unsupported: tuple[str, ...] = ()) -> Parameters:
    return Parameters(request.query_params.multi_items(), unsupported)


def _json(body: Struct | list[Any], status: int = OK) -> Response[bytes]:
    return Response(encode(body), status_code=status, media_type="application/json")


def _failed(_: AnyRequest, error: AgentTraderError) -> Response[bytes]:
    match error:
        case Refused():
            return _json(error.error, error.status)
        case Unsupported():
            return _json(ApiError(code=UNPROCESSABLE, message=str(error)), 422)
        case BadValue():
            return _json(ApiError(code=INVALID, message=str(error)), 422)
        case _NotAuthorized():
            return _json(ApiError(code=UNAUTHORIZED, message=str(error)), 401)
        case _:
            return _json(ApiError(code=FAILED, message=str(error)), 500)


def _no_such_route(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What is Alpaca's and not ours is named; the rest is not there. Strangers are told neither."""
    try:
        _enter(request)
    except _NotAuthorized as refused:
        return _failed(request, refused)
    asked = f"{request.method} {request.url.path}"
    if request.url.path.startswith(KNOWN_ROUTES):
        return _failed(request, Unsupported(asked))
    return _json(ApiError(code=NOT_FOUND, message=f"endpoint not found: {asked}"), error.status_code)


def _framework_failed(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    """A request that the framework refused, such as one whose body is too long."""
    return _json(ApiError(code=error.status_code * 100_000, message=str(error.detail)), error.status_code)


def _crashed(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A fault of ours: the trace is for the log, the client learns that it was not its own."""
    logger.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    message = "the venue failed; its log says how. Ask what became of the order before sending it again"
    return _json(ApiError(code=FAILED, message=message), 500)
