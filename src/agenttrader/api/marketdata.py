"""The market data's face: Alpaca's stream and stock data, its health, and where a paced day stands.

Everything under `/v2/stocks` and the web socket `/v2/{feed}` speak Alpaca's protocol, and take a key and its
secret as Alpaca does: bars, quotes and trades of the past and the latest, for one symbol or many, and
snapshots. What Alpaca has besides is refused by name. `GET /healthz` says how old the last bar is, by the
clock that the market goes by. `GET /v1/pacer` says what a paced day waits for.
"""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import structlog
from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from agenttrader.api.market_stream import (
    KEY_HEADER,
    NOTICE_HEADER,
    SECRET_HEADER,
    Terms,
    serve_market_stream,
)
from agenttrader.api.probes import Application
from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.health import Health
from agenttrader.app.marketdata.questions import KINDS, Questions
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.protocols.native import ErrorBody

AnyRequest = Request[Any, Any, Any]
Handler = HTTPRouteHandler | WebsocketRouteHandler

KNOWN_ROUTES = (
    "/v1/corporate-actions",
    "/v1beta1/corporate-actions",
    "/v1beta1/forex",
    "/v1beta1/logos",
    "/v1beta1/news",
    "/v1beta1/options",
    "/v1beta1/screener",
    "/v1beta3/crypto",
    "/v2/stocks",
)
"""Beginnings of what Alpaca serves and this server does not, or not by that method."""
ALPACAS_ROUTES = ("/v2/", *KNOWN_ROUTES)
"""Where refusals are written as Alpaca writes them."""
_encoder = msgspec.json.Encoder()
logger = structlog.get_logger()


class NotFound(AgentTraderError):
    """There is no such thing, or not yet."""


class Forbidden(AgentTraderError):
    """The key or its secret is not known here."""


def create_marketdata_app(
    broadcast: Broadcast, terms: Terms, *, health: Callable[[], Health], pace: Callable[[], Struct] | None
) -> Application:
    """The application over `broadcast`. `pace` tells where a paced source stands; None where it has none."""
    questions = Questions(broadcast.history, feed=terms.feed, channels=terms.channels, actions=terms.actions)

    @get("/healthz")
    async def healthz() -> Response[bytes]:
        found = health()
        return _body(_encoder.encode(found), 200 if found.ok else 503)

    @get("/v1/pacer")
    async def pacer(request: AnyRequest) -> Response[bytes]:
        _authorize(request, terms)
        if pace is None:
            raise NotFound("pacer: expected a paced source, found one that tells as it comes")
        return _body(_encoder.encode(pace()))

    def refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refusal = _refusal(request.url.path, error)
        refusal.headers[NOTICE_HEADER] = terms.notice
        return refusal

    app = Litestar(
        [*_stock_routes(questions, terms), _stream(broadcast, terms), healthz, pacer],
        exception_handlers={Exception: refused},
        response_headers={NOTICE_HEADER: terms.notice},
        openapi_config=None,
    )
    # Litestar names the messages of ASGI more narrowly than ASGI does.
    return cast("Application", app)


def _stock_routes(questions: Questions, terms: Terms) -> list[Handler]:
    """Alpaca's stock data. One handler serves bars, quotes and trades: the path says which."""

    @get([f"/v2/stocks/{kind}" for kind in KINDS])
    async def past(request: AnyRequest) -> Response[bytes]:
        _authorize(request, terms)
        return _body(questions.past(_part(request, -1), _query(request)))

    @get([f"/v2/stocks/{{symbol:str}}/{kind}" for kind in KINDS])
    async def past_of(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
        _authorize(request, terms)
        return _body(questions.past_of(_part(request, -1), symbol, _query(request)))

    @get([f"/v2/stocks/{kind}/latest" for kind in KINDS])
    async def latest(request: AnyRequest) -> Response[bytes]:
        _authorize(request, terms)
        return _body(questions.latest(_part(request, -2), _query(request)))

    @get([f"/v2/stocks/{{symbol:str}}/{kind}/latest" for kind in KINDS])
    async def latest_of(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
        _authorize(request, terms)
        kind = _part(request, -2)
        return _found(questions.latest_of(kind, symbol, _query(request)), symbol, kind.removesuffix("s"))

    @get("/v2/stocks/snapshots")
    async def snapshots(request: AnyRequest) -> Response[bytes]:
        _authorize(request, terms)
        return _body(questions.snapshots(_query(request)))

    @get("/v2/stocks/{symbol:str}/snapshot")
    async def snapshot_of(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
        _authorize(request, terms)
        return _found(questions.snapshot_of(symbol, _query(request)), symbol, "bar")

    return [past, past_of, latest, latest_of, snapshots, snapshot_of]


def _stream(broadcast: Broadcast, terms: Terms) -> Handler:
    """Every stream that Alpaca has is answered; all but the one that is served here are told so."""
    open_streams: set[object] = set()

    @websocket(["/v2/{feed:str}", "/v1beta1/{feed:str}", "/v1beta3/crypto/{feed:str}"])
    async def stream(socket: WebSocket[Any, Any, Any]) -> None:
        mine = object()
        open_streams.add(mine)
        try:
            await serve_market_stream(socket, broadcast, terms, len(open_streams) - 1)
        finally:
            open_streams.discard(mine)

    return stream


def _authorize(request: AnyRequest, terms: Terms) -> None:
    headers = request.headers
    if not terms.accept(headers.get(KEY_HEADER, ""), headers.get(SECRET_HEADER, "")):
        raise Forbidden(
            f"expected the headers {KEY_HEADER} and {SECRET_HEADER} with a key of [[marketdata.keys]] in the "
            "run's configuration"
        )


def _part(request: AnyRequest, position: int) -> str:
    """What stands at a position of the path."""
    return request.url.path.rstrip("/").split("/")[position]


def _query(request: AnyRequest) -> dict[str, str]:
    """The query's parameters. Raises BadValue for one that is there twice."""
    pairs = list(request.query_params.multi_items())
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadValue("query: expected each parameter once, found one of them again")
    return found


def _found(body: bytes | None, symbol: str, what: str) -> Response[bytes]:
    if body is None:
        raise NotFound(f"{symbol[:20]}: expected a symbol that has had a {what}, found none")
    return _body(body)


def _body(body: bytes, status: int = 200) -> Response[bytes]:
    return Response(body, status_code=status, media_type="application/json")


def _refusal(path: str, error: Exception) -> Response[bytes]:
    """What was refused: with Alpaca's integer codes on its paths, with words on ours."""
    text = str(error)
    if isinstance(error, (NotFoundException, MethodNotAllowedException)) and path.startswith(KNOWN_ROUTES):
        error = BadValue(f"not supported by this server yet: {path[:100]}")
        text = str(error)
    match error:
        case Forbidden():
            status, number, word = 403, 40310000, "forbidden"
        case NotFound():
            status, number, word = 404, 40410000, "not_found"
        case BadValue():
            status, number, word = 422, 42210000, "bad_value"
        case HTTPException():
            status, number, word = error.status_code, error.status_code * 100_000, "http"
            text = error.detail
        case _:  # a boundary: what nobody expected is told in the log, not to the client
            logger.error("request_failed", path=path, exc_info=error)
            status, number, word = 500, 50010000, "internal"
            text = "expected an answer, found an error in this server; its log has it"
    if path.startswith(ALPACAS_ROUTES):
        return _body(_encoder.encode({"code": number, "message": text}), status)
    return _body(_encoder.encode(ErrorBody(code=word, message=text)), status)
