"""The market data's face: Alpaca's stream and latest bars, its health, and where a paced day stands.

`GET /v2/stocks/bars/latest?symbols=A,B`, `GET /v2/stocks/{symbol}/bars/latest` and the web socket
`/v2/{feed}` speak Alpaca's protocol, and take a key and its secret as Alpaca does. `GET /healthz` says how
old the last bar is, by the clock that the market goes by. `GET /v1/pacer` says what a paced day waits for.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import structlog
from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.exceptions import HTTPException
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
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.protocols.alpaca_data import encode_latest_bar, encode_latest_bars
from agenttrader.protocols.native import ErrorBody

_PARAMETERS = frozenset({"symbols", "feed", "currency"})
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
    open_streams: set[object] = set()

    @get("/v2/stocks/bars/latest")
    async def latest_bars(request: Request[Any, Any, Any]) -> Response[bytes]:
        _authorize(request, terms)
        query = _query(request, terms)
        if not query.get("symbols"):
            raise BadValue("symbols: expected one or more, separated by commas, found none")
        symbols = {Symbol(name.strip()) for name in query["symbols"].split(",")}
        return _body(
            encode_latest_bars({s: broadcast.latest[s] for s in sorted(symbols & set(broadcast.latest))})
        )

    @get("/v2/stocks/{symbol:str}/bars/latest")
    async def latest_bar(request: Request[Any, Any, Any], symbol: FromPath[str]) -> Response[bytes]:
        _authorize(request, terms)
        _query(request, terms)
        bar = broadcast.latest.get(Symbol(symbol))
        if bar is None:
            raise NotFound(f"{symbol}: expected a symbol that has had a bar, found none")
        return _body(encode_latest_bar(bar))

    @get("/healthz")
    async def healthz() -> Response[bytes]:
        found = health()
        return _body(_encoder.encode(found), 200 if found.ok else 503)

    @get("/v1/pacer")
    async def pacer(request: Request[Any, Any, Any]) -> Response[bytes]:
        _authorize(request, terms)
        if pace is None:
            raise NotFound("pacer: expected a paced source, found one that tells as it comes")
        return _body(_encoder.encode(pace()))

    @websocket("/v2/{feed:str}")
    async def stream(socket: WebSocket[Any, Any, Any], feed: FromPath[str]) -> None:
        mine = object()
        open_streams.add(mine)
        try:
            await serve_market_stream(socket, feed, broadcast, terms, len(open_streams) - 1)
        finally:
            open_streams.discard(mine)

    def refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refusal = _refusal(request.url.path, error)
        refusal.headers[NOTICE_HEADER] = terms.notice
        return refusal

    app = Litestar(
        [latest_bars, latest_bar, healthz, pacer, stream],
        exception_handlers={Exception: refused},
        response_headers={NOTICE_HEADER: terms.notice},
        openapi_config=None,
    )
    # Litestar names the messages of ASGI more narrowly than ASGI does.
    return cast("Application", app)


def _authorize(request: Request[Any, Any, Any], terms: Terms) -> None:
    headers = request.headers
    if not terms.accept(headers.get(KEY_HEADER, ""), headers.get(SECRET_HEADER, "")):
        raise Forbidden(
            f"expected the headers {KEY_HEADER} and {SECRET_HEADER} with a key that is known here"
        )


def _query(request: Request[Any, Any, Any], terms: Terms) -> Mapping[str, str]:
    """The query's parameters, all of them known. Raises BadValue for others and for another feed."""
    found = dict(request.query_params.items())
    unknown = sorted(set(found) - _PARAMETERS)
    if unknown:
        raise BadValue(f"query: expected only {', '.join(sorted(_PARAMETERS))}, found {', '.join(unknown)}")
    if found.get("feed", terms.feed) != terms.feed:
        raise BadValue(f"feed: expected {terms.feed}, all that is served here, found {found['feed']}")
    return found


def _body(body: bytes, status: int = 200) -> Response[bytes]:
    return Response(body, status_code=status, media_type="application/json")


def _refusal(path: str, error: Exception) -> Response[bytes]:
    """What was refused: with Alpaca's integer codes on its paths, with words on ours."""
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
    if path.startswith("/v2/"):
        return _body(_encoder.encode({"code": number, "message": text}), status)
    return _body(_encoder.encode(ErrorBody(code=word, message=text)), status)
