"""Who comes to the venue, and how everybody is answered: keys, the rate limit, bodies, errors.

Whatever Alpaca has and this venue does not, a field, a word or a whole route, is answered with 422 and its
name; nothing is dropped in silence. Every refusal is `{code, message}` with Alpaca's codes.
"""

from typing import Any

import structlog
from litestar import Request, Response, WebSocket
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope
from msgspec import Struct

from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import Keys
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.rate_limit import Allowance, RateExceeded, RateLimit
from agenttrader.app.venue.requests import Unsupported
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.protocols.alpaca_trading import (
    INVALID,
    NOT_FOUND,
    RATE_LIMITED,
    UNAUTHORIZED,
    UNPROCESSABLE,
    ApiError,
    encode,
)

OK, NO_CONTENT, MULTI_STATUS = 200, 204, 207
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
    "/v2/perpetuals",
    "/v2/positions",
    "/v2/tokenization",
    "/v2/wallets",
    "/v2/watchlists",
)
"""Beginnings of what Alpaca serves: what of it this venue does not, or not by that method, it names."""
_ALLOWANCE = "allowance"

AnyRequest = Request[Any, Any, Any]
logger = structlog.get_logger()


class Face(Struct, frozen=True, eq=False):
    """What every handler works on."""

    desk: Desk
    keys: Keys
    limit: RateLimit


class NotAuthorized(AgentTraderError):
    """The key is not known, or the secret is not its own."""


def face_of(connection: AnyRequest | WebSocket[Any, Any, Any]) -> Face:
    """What the handlers of this application work on."""
    face = connection.app.state["face"]
    assert isinstance(face, Face)
    return face


def enter(request: AnyRequest) -> tuple[Desk, str]:
    """The desk, and the account of who asks. Raises NotAuthorized, and RateExceeded."""
    face, headers = face_of(request), request.headers
    key_id = headers.get("apca-api-key-id", "")
    name = face.keys.identify(key_id, headers.get("apca-api-secret-key", ""))
    if name is None:
        raise NotAuthorized("request is not authorized")
    if _ALLOWANCE not in request.state:
        try:
            request.state[_ALLOWANCE] = face.limit.take(key_id)
        except RateExceeded as error:
            request.state[_ALLOWANCE] = error.allowance
            raise
    return face.desk, name


async def tell_allowance(message: Message, scope: Scope) -> None:
    """Put what the key may still do into the headers of an answer, whatever the answer is."""
    allowance = scope["state"].get(_ALLOWANCE)
    if message["type"] == "http.response.start" and isinstance(allowance, Allowance):
        told = [(name.encode(), value.encode()) for name, value in allowance.headers]
        message["headers"] = [*message["headers"], *told]


def parameters_of(request: AnyRequest) -> Parameters:
    """The parameters of a request."""
    return Parameters(request.query_params.multi_items())


def name_in_path(request: AnyRequest, name: str) -> str:
    """A symbol or id that the path names. A pair's slash must be written %2F, as Alpaca wants it.

    Raises NotFoundHere for a raw slash: to Alpaca that is another address (alpaca-py issue 537).
    """
    wanted = name.removeprefix("/")
    raw = bytes(request.scope.get("raw_path", b"")).lower()
    if wanted.count("/") != raw.count(b"%2f"):
        raise NotFoundHere(f"endpoint not found: {request.method} {request.url.path}; write a slash as %2F")
    return wanted


class NotFoundHere(AgentTraderError):
    """There is no such address."""


def json_answer(body: Struct | list[Any], status: int = OK) -> Response[bytes]:
    """A body as JSON."""
    return Response(encode(body), status_code=status, media_type="application/json")


def failed(_: AnyRequest, error: AgentTraderError) -> Response[bytes]:
    """Any of our errors, as Alpaca would say it."""
    match error:
        case Refused():
            return json_answer(error.error, error.status)
        case Unsupported():
            return json_answer(ApiError(code=UNPROCESSABLE, message=str(error)), 422)
        case BadValue():
            return json_answer(ApiError(code=INVALID, message=str(error)), 422)
        case NotAuthorized():
            return json_answer(ApiError(code=UNAUTHORIZED, message=str(error)), 401)
        case NotFoundHere():
            return json_answer(ApiError(code=NOT_FOUND, message=str(error)), 404)
        case RateExceeded():
            return json_answer(ApiError(code=RATE_LIMITED, message=str(error)), 429)
        case _:
            return json_answer(ApiError(code=FAILED, message=str(error)), 500)


def no_such_route(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What is Alpaca's and not ours is named; the rest is not there. Strangers are told neither."""
    try:
        enter(request)
    except (NotAuthorized, RateExceeded) as refused:
        return failed(request, refused)
    asked = f"{request.method} {request.url.path}"
    if request.url.path.startswith(KNOWN_ROUTES):
        return failed(request, Unsupported(asked))
    return json_answer(ApiError(code=NOT_FOUND, message=f"endpoint not found: {asked}"), error.status_code)


def framework_failed(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    """A request that the framework refused, such as one whose body is too long."""
    return json_answer(
        ApiError(code=error.status_code * 100_000, message=str(error.detail)), error.status_code
    )


def crashed(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A fault of ours: the trace is for the log, the client learns that it was not its own."""
    logger.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    message = "the venue failed; its log says how. Ask what became of the order before sending it again"
    return json_answer(ApiError(code=FAILED, message=message), 500)
