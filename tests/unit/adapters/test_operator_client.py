from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from msgspec import Struct

from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError, StatementRefused, Unreachable, Unsent
from agenttrader.protocols.native import ErrorBody, encode


class Question(Struct):
    """What is asked."""

    reason: str


class Answer(Struct):
    """What is answered."""

    said: str


class Place:
    """Where the gateway listens; tests move it."""

    url: str | None = None

    def find(self) -> str | None:
        return self.url


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway(place: Place, **routes: Handler) -> AsyncIterator[None]:
    app = web.Application()
    for name, handler in routes.items():
        app.router.add_route("*", f"/v1/{name}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    place.url = f"http://{host}:{port}"
    try:
        yield
    finally:
        await runner.cleanup()


async def echo(request: web.Request) -> web.Response:
    body = await request.json()
    said = f"{request.method} {request.headers['authorization']} {body['reason']}"
    return web.json_response({"said": said})


def refusing(status: int, body: bytes) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    return answer


async def test_a_question_carries_the_key_and_brings_the_answer() -> None:
    place = Place()
    async with gateway(place, echo=echo), OperatorClient(place.find, Secret("token")) as client:
        answer = await client.post("/v1/echo", Question("why"), Answer)
        assert answer.said == "POST Bearer token why"


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    (
        (401, ConfigurationError, "no such key"),
        (403, StatementRefused, "no such key"),
        (422, BadValue, "no such key"),
        (503, Unreachable, "GET /v1/x was answered 503: no such key"),
    ),
)
async def test_a_refusal_is_an_error_with_the_gateways_sentence(
    status: int, kind: type[Exception], text: str
) -> None:
    place = Place()
    body = encode(ErrorBody(code="c", message="no such key"))
    async with gateway(place, x=refusing(status, body)), OperatorClient(place.find, Secret("t")) as client:
        with pytest.raises(kind) as refused:
            await client.get("/v1/x", Answer)
        assert str(refused.value).endswith(text)


async def test_an_answer_that_is_none_is_unreachable() -> None:
    place = Place()
    async with gateway(place, x=refusing(200, b"[]")), OperatorClient(place.find, Secret("t")) as client:
        with pytest.raises(Unreachable, match="expected Answer from /v1/x"):
            await client.get("/v1/x", Answer)


async def test_a_gateway_that_does_not_listen_cannot_have_been_asked() -> None:
    place = Place()
    async with gateway(place):
        pass
    async with OperatorClient(place.find, Secret("t")) as client:
        with pytest.raises(Unsent, match="expected it to listen at"):
            await client.get("/v1/x", Answer)


async def test_a_gateway_that_nobody_has_heard_of_cannot_have_been_asked() -> None:
    async with OperatorClient(lambda: None, Secret("t")) as client:
        with pytest.raises(Unsent, match="is it running"):
            await client.get("/v1/x", Answer)


async def test_a_connection_that_breaks_off_leaves_open_what_happened() -> None:
    async def break_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    place = Place()
    async with gateway(place, x=break_off), OperatorClient(place.find, Secret("t")) as client:
        with pytest.raises(Unreachable) as refused:
            await client.get("/v1/x", Answer)
        assert not isinstance(refused.value, Unsent)
