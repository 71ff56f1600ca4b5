"""A server that says what a test tells it to, in bodies written by hand after Alpaca's reference."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from agenttrader.adapters.alpaca.allowance import Allowance
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings

ACCOUNT: dict[str, Any] = {
    "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
    "account_number": "SIM-1",
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "currency": "USD",
    "buying_power": "262113.632",
    "cash": "-23140.2",
    "portfolio_value": "103820.56",
    "equity": "103820.56",
    "last_equity": "103529.24",
    "pattern_day_trader": False,
    "trading_blocked": False,
    "transfers_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
    "created_at": "2019-06-12T22:47:07.99658Z",
    "shorting_enabled": True,
    "long_market_value": "126960.76",
    "short_market_value": "0",
    "multiplier": "4",
    "daytrade_count": 0,
}
CLOCK: dict[str, Any] = {
    "timestamp": "2026-11-20T10:30:00-05:00",
    "is_open": True,
    "next_open": "2026-11-23T09:30:00-05:00",
    "next_close": "2026-11-20T16:00:00-05:00",
}

UNLIMITED = Allowance(None, lambda: 0.0)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedServer:
    """Answers each path as told; of several answers each once, and the last for ever."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.headers: list[dict[str, str]] = []
        self._answers: dict[tuple[str, str], list[tuple[int, str] | Handler]] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.answer("GET", "/v2/account", ACCOUNT)
        self.answer("GET", "/v2/clock", CLOCK)

    def answer(self, method: str, path: str, *bodies: object, status: int = 200) -> None:
        """Answer with `bodies`, as JSON or, where they are texts, as they are."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        self._answers[method, path] = [(status, text) for text in texts]

    def handle(self, method: str, path: str, *handlers: Handler) -> None:
        """Answer by a function."""
        self._answers[method, path] = list(handlers)

    def asked(self, method: str, path: str) -> list[dict[str, str]]:
        """The queries with which a path was asked."""
        return [query for verb, found, query, _ in self.requests if (verb, found) == (method, path)]

    def posted(self, method: str = "POST") -> list[dict[str, Any]]:
        """The orders that arrived; with `PATCH`, the changes of orders."""
        return [json.loads(body) for verb, _, _, body in self.requests if verb == method]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path, dict(request.query), await request.read()))
        self.headers.append(dict(request.headers))
        answers = self._answers.get((request.method, request.path))
        if not answers:
            return web.json_response({"code": 40410000, "message": "endpoint not found."}, status=404)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], text=answer[1], content_type="application/json")
        return await answer(request)


class ScriptedStream:
    """Alpaca's `/stream`: shakes hands, then sends what is put and notes what was said."""

    def __init__(self, server: ScriptedServer) -> None:
        self.said: list[dict[str, Any]] = []
        self.streams: list[str] | None = None
        """What is confirmed; None for all that was asked."""
        self.status = "authorized"
        self.connections = 0
        self.sockets: list[web.WebSocketResponse] = []
        server.handle("GET", "/stream", self._serve)

    async def put(self, message: object) -> None:
        """Say something on the newest connection, in a binary frame as Alpaca does, or a text as it is."""
        socket = self.sockets[-1]
        if isinstance(message, str):
            await socket.send_str(message)
        else:
            await socket.send_bytes(json.dumps(message).encode())

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self.sockets.append(socket)
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            said = json.loads(message.data)
            self.said.append(said)
            if said["action"] == "authenticate":
                data = {"status": self.status, "action": "authenticate"}
                await self.put({"stream": "authorization", "data": data})
            else:
                streams = said["data"]["streams"] if self.streams is None else self.streams
                await self.put({"stream": "listening", "data": {"streams": streams}})
        return socket


class FixedClock:
    """A market clock that stands."""

    def __init__(self, now: int | None = 1_000) -> None:
        self._now = now

    def now(self) -> Any:
        return self._now


class Heard:
    """What was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.links: list[tuple[bool, str]] = []
        self.refusals: list[Exception] = []
        """Raised, one for each call, instead of taking anything in."""

    def emit(self, said: Any) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.said.append(said)

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
        self.links.append((up, reason))

    @property
    def kinds(self) -> list[str]:
        """What was told, in words."""
        return [said.kind.value if hasattr(said, "kind") else "watermark" for said in self.said]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait, a few seconds at most, until it holds."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - the condition raises no event
                await asyncio.sleep(0.002)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest.fixture
def stream(server: ScriptedServer) -> ScriptedStream:
    return ScriptedStream(server)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def credential() -> Credential:
    return Credential(key_id="KEY", secret=Secret("SECRET"))


Connect = Callable[..., Connection]


@pytest.fixture
async def connect(server: ScriptedServer, credential: Credential) -> AsyncIterator[Connect]:
    made: list[Connection] = []

    def make(**changes: Any) -> Connection:
        values: dict[str, Any] = {
            "address": lambda: server.url,
            "credential": credential,
            "account": AccountName("SIM-1"),
            "surroundings": Surroundings.SIMULATED,
            "answer_seconds": 0.5,
            "allowance": UNLIMITED,
        }
        connection = Connection(**(values | changes))
        made.append(connection)
        return connection

    yield make
    for connection in made:
        await connection.close()


Body = dict[str, Any]


@pytest.fixture
def order_body() -> Callable[..., Body]:
    """An order as Alpaca writes it, with changes."""

    def make(**changes: Any) -> Body:
        body: Body = {
            "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
            "client_order_id": "at-7-0123456789abcdef",
            "created_at": "2026-11-20T15:00:00.060472Z",
            "updated_at": "2026-11-20T15:00:00.060472Z",
            "submitted_at": "2026-11-20T15:00:00.058433Z",
            "filled_at": None,
            "expired_at": None,
            "canceled_at": None,
            "failed_at": None,
            "replaced_at": None,
            "replaced_by": None,
            "replaces": None,
            "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
            "symbol": "AAPL",
            "asset_class": "us_equity",
            "notional": None,
            "qty": "10",
            "filled_qty": "0",
            "filled_avg_price": None,
            "order_class": "",
            "order_type": "market",
            "type": "market",
            "side": "buy",
            "time_in_force": "day",
            "limit_price": None,
            "stop_price": None,
            "status": "new",
            "extended_hours": False,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
            "source": "access_key",
        }
        return body | changes

    return make


@pytest.fixture
def bracket_body(order_body: Callable[..., Body]) -> Callable[..., Body]:
    """A bracket: an entry with its target and its stop nested in it."""

    def make(**changes: Any) -> Body:
        leg = {"order_class": "bracket", "side": "sell", "status": "held"}
        target = order_body(
            id="target-id", client_order_id="target-cid", type="limit", limit_price="110", **leg
        )
        stop = order_body(id="stop-id", client_order_id="stop-cid", type="stop", stop_price="95.5", **leg)
        return order_body(**({"order_class": "bracket", "legs": [target, stop]} | changes))

    return make


@pytest.fixture
def fill_body() -> Callable[..., Body]:
    """A fill among the activities, as Alpaca writes it, with changes."""

    def make(**changes: Any) -> Body:
        body: Body = {
            "activity_type": "FILL",
            "id": "20261120150102977::8efc7b9a-8b2b-4000-9955-d36e7db0df74",
            "cum_qty": "10",
            "leaves_qty": "0",
            "price": "100.25",
            "qty": "10",
            "side": "buy",
            "symbol": "AAPL",
            "transaction_time": "2026-11-20T15:01:02.977Z",
            "order_id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
            "type": "fill",
            "order_status": "filled",
        }
        return body | changes

    return make
