"""The venue's control port: whoever holds its token plans faults, strikes at once, and asks what has struck.

It listens on a port of its own, so that no fault strikes it. Every answer is JSON; every refusal is
`{code, message}`.
"""

import hashlib
import hmac
from typing import Any, TypeVar, cast

import msgspec
from litestar import Litestar, Request, Response, delete, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from agenttrader.api.probes import Application
from agenttrader.app.fault_kinds import Fault
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.faults import Faults
from agenttrader.model.errors import AgentTraderError, BadValue
from agenttrader.model.values import exact
from agenttrader.protocols.native import ErrorBody

BODY_BYTES_MAX = 65_536

_Body = TypeVar("_Body")
_encoder = msgspec.json.Encoder()
_fault_decoder: msgspec.json.Decoder[Fault] = msgspec.json.Decoder(Fault)
_AnyRequest = Request[Any, Any, Any]


class RejectBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Reject this order, with these words."""

    order_id: str
    message: str


class BustBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Take this execution back."""

    execution_id: str


class CorrectBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Give this execution another price, written as a text."""

    execution_id: str
    price: str


class RestartBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Let the venue's process end now, for a reason that stands in its log."""

    reason: str


_reject_decoder = msgspec.json.Decoder(RejectBody)
_bust_decoder = msgspec.json.Decoder(BustBody)
_correct_decoder = msgspec.json.Decoder(CorrectBody)
_restart_decoder = msgspec.json.Decoder(RestartBody)


class NotPermitted(AgentTraderError):
    """The token is not the control port's."""


class NotPlanned(AgentTraderError):
    """No fault is planned under that number."""


def create_control_app(faults: Faults, books: BookFaults, token_sha256: str) -> Application:
    """The control port's application over a venue's faults, for who shows the token of that SHA-256."""
    app = Litestar(
        [
            *_planning(faults, token_sha256),
            *_happening(faults, token_sha256),
            *_striking(books, token_sha256),
        ],
        exception_handlers={AgentTraderError: _refused, HTTPException: _http_refused},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
    )
    return cast("Application", app)


def _planning(faults: Faults, token_sha256: str) -> list[ControllerRouterHandler]:
    """What shall go wrong."""

    @get("/v1/faults")
    async def planned(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        return _json({"seed": faults.seed, "planned": faults.planned()})

    @post("/v1/faults")
    async def plan(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        return _json(faults.plan(_decode(_fault_decoder, await request.body())), 201)

    @delete("/v1/faults", status_code=200)
    async def withdraw_all(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        return _json({"withdrawn": [faults.withdraw(each.number) for each in faults.planned()]})

    @delete("/v1/faults/{number:int}", status_code=200)
    async def withdraw(request: _AnyRequest, number: FromPath[int]) -> Response[bytes]:
        _permit(request, token_sha256)
        withdrawn = faults.withdraw(number)
        if withdrawn is None:
            raise NotPlanned(f"fault {number}: expected one that is planned; GET /v1/faults names them")
        return _json(withdrawn)

    return [planned, plan, withdraw_all, withdraw]


def _happening(faults: Faults, token_sha256: str) -> list[ControllerRouterHandler]:
    """What has gone wrong, and the process's end."""

    @get("/v1/struck")
    async def struck(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        return _json({"struck": faults.struck(after=_number(request.query_params.get("after", "0")))})

    @post("/v1/restart", status_code=202)
    async def restart(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        asked = _decode(_restart_decoder, await request.body())
        noted = faults.note("restart", asked.reason)
        faults.end()
        return _json(noted, 202)

    return [struck, restart]


def _striking(books: BookFaults, token_sha256: str) -> list[ControllerRouterHandler]:
    """What strikes an order or a fill at once."""

    @post("/v1/reject", status_code=200)
    async def reject(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        asked = _decode(_reject_decoder, await request.body())
        return _json(books.reject(asked.order_id, asked.message))

    @post("/v1/bust", status_code=200)
    async def bust(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        return _json(books.bust(_decode(_bust_decoder, await request.body()).execution_id))

    @post("/v1/correct", status_code=200)
    async def correct(request: _AnyRequest) -> Response[bytes]:
        _permit(request, token_sha256)
        asked = _decode(_correct_decoder, await request.body())
        return _json(books.correct(asked.execution_id, exact(asked.price, "price")))

    return [reject, bust, correct]


def _permit(request: _AnyRequest, token_sha256: str) -> None:
    """Raise NotPermitted for whoever does not hold the token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = hashlib.sha256(token.strip().encode()).hexdigest()
    if scheme.lower() != "bearer" or not hmac.compare_digest(found, token_sha256):
        raise NotPermitted(
            "expected the header `Authorization: Bearer TOKEN` with the token whose SHA-256 stands in "
            "[venue.faults], found another or none"
        )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise BadValue(f"after: expected the number of a strike, found {text!r}")
    return int(text)


def _decode(decoder: msgspec.json.Decoder[_Body], body: bytes) -> _Body:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise BadValue(f"body: {error}") from error


def _json(body: object, status: int = 200) -> Response[bytes]:
    return Response(_encoder.encode(body), status_code=status, media_type="application/json")


def _refused(_: _AnyRequest, error: Exception) -> Response[bytes]:
    match error:
        case NotPermitted():
            status, code = 401, "not_permitted"
        case Refused():
            status, code = error.status, "refused"
        case NotPlanned():
            status, code = 404, "not_planned"
        case BadValue():
            status, code = 422, "bad_value"
        case _:
            status, code = 500, "internal"
    return _json(ErrorBody(code=code, message=str(error)), status)


def _http_refused(_: _AnyRequest, error: HTTPException) -> Response[bytes]:
    """A route, method or body that the framework refused."""
    return _json(ErrorBody(code="http", message=str(error.detail)), error.status_code)
