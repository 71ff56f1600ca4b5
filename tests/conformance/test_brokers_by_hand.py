"""The exam against a broker that speaks by the book, and against one that does not.

**Written by hand, recorded nowhere**: the bodies are those of `alpaca_bodies.jsonl`, each after a page of
docs.alpaca.markets, with the ids and words of the moment filled in. What the broker does (a `pending_new`
before a `new`, a refusal in Alpaca's own words, a binary frame, fields that nobody documents) is as those
pages say. It is none of our venue's code, so it judges the adapter where the venue would share its errors. It
knows orders that rest, and nothing of fills.

The hostile ones spoil one thing each. What the adapter can find out by asking, it does, and the exam passes
with each order there once; anything else is no pass, and says so.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.app.brokers.bench import Bench
from agenttrader.app.brokers.exam import CASES, sit
from agenttrader.app.conformance import Sitting, Standing
from agenttrader.model.credentials import Credential, Secret
from agenttrader.model.errors import Unreachable
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.times import from_rfc3339
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.testing import paper_host
from agenttrader.testing.broker_files import PAPER, PAPER_HOST
from agenttrader.testing.broker_world import bench_at

BODIES = {
    body["name"]: body["body"]
    for body in map(json.loads, (Path(__file__).parent / "alpaca_bodies.jsonl").read_text().splitlines())
}
NOW = "2026-11-20T14:31:02.123456Z"
DOCUMENTED_NOWHERE = {"a_field_of_tomorrow": {"deep": [1, "two"]}}
Body = dict[str, Any]
Spoil = Callable[[web.Request, int, str], web.Response | None]


def untouched(_request: web.Request, _status: int, _text: str) -> None:
    """The answer as it is."""


def refused(_request: web.Request, _status: int, _text: str) -> None:
    """The first order meets 429, before anything is done with it."""


class Book:
    """Alpaca's paper host, as far as its pages tell: orders that rest, and what is said of them."""

    def __init__(self, spoil: Spoil = untouched, frames: Callable[[str], str] = str) -> None:
        self.orders: dict[str, Body] = {}
        """Every entry that was taken, in its order, legs nested."""
        self.arrived: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self._spoil = spoil
        self._frames = frames
        self._left = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        self.arrived.append(f"{request.method} {request.path}")
        if self._spoil is refused and self.arrived.count("POST /v2/orders") == 1 and not self.orders:
            return web.json_response({"code": 42910000}, status=429, headers={"Retry-After": "0"})
        status, body = await self._answer(request)
        text = "" if body is None else json.dumps(body)
        self._left -= 1
        headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": str(self._left)}
        spoiled = self._spoil(request, status, text)
        answer = web.Response(status=status, text=text, content_type="application/json")
        answer.headers.update(headers)
        return answer if spoiled is None else spoiled

    async def _answer(self, request: web.Request) -> tuple[int, Any]:
        path = request.path.removeprefix("/v2/")
        match request.method, path.split("/"):
            case "GET", ["account"]:
                return 200, BODIES["account"] | DOCUMENTED_NOWHERE | {"account_number": PAPER.account}
            case "GET", ["clock"]:
                return 200, BODIES["clock"] | {"timestamp": "2026-11-20T09:31:01-05:00"}
            case "GET", ["positions"] | ["account", "activities"]:
                return 200, []
            case "GET", ["orders"]:
                after = request.query.get("after", "")
                asked = request.query["status"] == "all"
                found = [each for each in self.orders.values() if asked or self._works(each)]
                return 200, [each for each in found if each["submitted_at"] > after]
            case "GET", ["orders:by_client_order_id"]:
                return self._found("client_order_id", request.query["client_order_id"])
            case "GET", ["orders", name]:
                return self._found("id", name)
            case "POST", ["orders"]:
                return await self._take(await request.json())
            case "PATCH", ["orders", name]:
                return await self._replace(name, await request.json())
            case "DELETE", ["orders", name]:
                return await self._cancel(name)
            case _:
                return 404, BODIES["error"] | {"code": 40410000, "message": "endpoint not found."}

    @staticmethod
    def _works(order: Body) -> bool:
        return order["status"] in ("new", "accepted", "pending_new", "held")

    def _found(self, key: str, value: str) -> tuple[int, Any]:
        for order in self.orders.values():
            if order[key] == value:
                return 200, order
        return 404, {"code": 40410000, "message": f"order not found for {value}"}

    async def _take(self, asked: Body) -> tuple[int, Any]:
        if len(asked["limit_price"].partition(".")[2].rstrip("0")) > 2:
            said = f"invalid limit_price {asked['limit_price']}. sub-penny increment does not fulfill minimum"
            return 422, {"code": 42210000, "message": f"{said} pricing criteria"}
        if asked["client_order_id"] in [each["client_order_id"] for each in self.orders.values()]:
            return self._again(asked)
        order = self._new(asked)
        if asked.get("order_class") == "bracket":
            common = {"side": "sell", "qty": asked["qty"], "status": "held", "order_class": "bracket"}
            target, stop = asked["take_profit"]["limit_price"], asked["stop_loss"]["stop_price"]
            order["legs"] = [
                self._order(common | {"type": "limit", "order_type": "limit", "limit_price": target}),
                self._order(common | {"type": "stop", "order_type": "stop", "stop_price": stop}),
            ]
        answer = order | {"status": "pending_new"}
        await self._tell("pending_new", order)
        await self._tell("new", order)
        return 200, answer

    def _again(self, asked: Body) -> tuple[int, Any]:
        """The answer to an id that was used: alpaca-py's issue 260 has these words."""
        assert asked["client_order_id"]
        return 422, {"code": 40010001, "message": "client_order_id must be unique"}

    def _new(self, asked: Body, **changes: Any) -> Body:
        known = {name: value for name, value in asked.items() if name in BODIES["order_market"]}
        order = self._order(known | {"order_type": asked["type"], "status": "new"} | changes)
        self.orders[order["id"]] = order
        return order

    def _order(self, values: Body) -> Body:
        number = sum(1 + len(each["legs"] or ()) for each in self.orders.values()) + len(values)
        name = f"61e69015-8549-4bfd-b9c3-{number:012d}-{len(self.arrived)}-{values.get('type')}"
        fresh = {"id": name, "client_order_id": f"broker-{name}", "symbol": "ALFA", "order_class": ""}
        return {**BODIES["order_market"], **DOCUMENTED_NOWHERE, **fresh, **values}

    async def _replace(self, name: str, asked: Body) -> tuple[int, Any]:
        old = self.orders[name]
        changed = {"limit_price": asked["limit_price"], "client_order_id": asked["client_order_id"]}
        kept = {name: old[name] for name in ("type", "side", "qty", "time_in_force", "symbol")}
        order = self._new(kept | changed, replaces=name)
        old |= {"status": "replaced", "replaced_by": order["id"], "replaced_at": NOW}
        await self._tell("replaced", old)
        await self._tell("new", order)
        return 200, order

    async def _cancel(self, name: str) -> tuple[int, Any]:
        order = self.orders.get(name)
        if order is None or not self._works(order):
            status = "unknown" if order is None else order["status"]
            return 422, {"code": 42210000, "message": f'order is already in "{status}" state'}
        for each in (order, *(order["legs"] or ())):
            each |= {"status": "canceled", "canceled_at": NOW}
            await self._tell("canceled", each)
        return 204, None

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            if json.loads(message.data)["action"] == "authenticate":
                await socket.send_bytes(json.dumps(BODIES["stream_authorized"]).encode())
            else:
                await socket.send_bytes(json.dumps(BODIES["stream_listening"]).encode())
                self.sockets.append(socket)
        return socket

    async def _tell(self, event: str, order: Body) -> None:
        """In a binary frame; of a bracket's entry without its legs, as the pages show it."""
        data = {"event": event, "order": order | {"legs": None}, "timestamp": NOW} | DOCUMENTED_NOWHERE
        text = self._frames(json.dumps({"stream": "trade_updates", "data": data}))
        for socket in self.sockets:
            with suppress(ConnectionError):
                await socket.send_bytes(text.encode())
                if not text:
                    await socket.close()


@asynccontextmanager
async def bench_of(
    book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch, wait_seconds: float
) -> AsyncIterator[Bench]:
    """The adapter as the gateway has it for paper, with the book under the paper host's name over TLS."""
    runner = web.AppRunner(book.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    where = runner.addresses[0]
    async with paper_host.hosting(folder, paper_host.PAPER, lambda: (where[0], where[1])) as port:
        monkeypatch.setattr(paper_host.UnsafeConnector, "ports", {paper_host.PAPER: port})
        monkeypatch.setattr(
            paper_host.UnsafeConnector, "trusted", folder / f"{paper_host.PAPER}.pem", raising=False
        )
        monkeypatch.setattr(aiohttp, "TCPConnector", paper_host.UnsafeConnector)
        broker = AlpacaBroker(
            address=lambda: PAPER_HOST,
            credential=Credential(key_id=PAPER.key, secret=Secret("SECRET")),
            account=AccountName(PAPER.account),
            surroundings=Surroundings.PAPER,
            clock=NoClock(),
            emit=lambda said: bench.hear(said),  # noqa: PLW0108 - the bench is made below
            link=lambda up, reason: bench.link(up, reason),  # noqa: PLW0108 - as above
            patience=Patience(answer_seconds=0.5, ask_again_seconds=(0.01, 0.05, 0.2)),
        )
        bench = bench_at(broker, from_rfc3339("2026-11-20T14:31:00Z"), wait_seconds=wait_seconds)
        task = asyncio.create_task(broker.run())
        try:
            yield bench
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await runner.cleanup()


class NoClock:
    """The market's time is not known: a broker must do without."""

    def now(self) -> None:
        return None


async def sitting_at(
    book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch, wait_seconds: float = 5.0
) -> Sitting:
    async with bench_of(book, folder, monkeypatch, wait_seconds) as bench:
        await bench.until("the stream", lambda: bench.links or None)
        return await sit(bench, AccountName(PAPER.account), Symbol("ALFA"))


def unmet(sitting: Sitting) -> dict[str, str]:
    return {each.case: each.found for each in sitting.findings if each.standing is not Standing.PASS}


def entries(book: Book) -> list[str]:
    return [order["client_order_id"] for order in book.orders.values()]


async def test_a_broker_that_speaks_by_the_book_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book()
    sitting = await sitting_at(book, tmp_path, monkeypatch)
    assert (unmet(sitting), sitting.left) == ({}, ())
    assert len(sitting.findings) == 1 + len(CASES)
    assert len(entries(book)) == len(set(entries(book))) == 6


class Forgetful(Book):
    """Takes an id again once its order has ended."""

    def _again(self, asked: Body) -> tuple[int, Any]:
        return 200, self._new(asked) | {"status": "pending_new"}


async def test_a_broker_that_takes_an_id_twice_does_not_pass_and_nothing_of_it_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Forgetful()
    sitting = await sitting_at(book, tmp_path, monkeypatch, wait_seconds=1)
    assert "twice" in unmet(sitting)
    assert "to stay the one order" in unmet(sitting)["twice"]
    assert not any(Book._works(order) for order in book.orders.values())


def instead(method: str, path: str, answer: Callable[[], web.Response], times: int = 1) -> Spoil:
    """The first answers to these requests are other ones; the work is done all the same."""
    left = [times]

    def spoil(request: web.Request, status: int, _: str) -> web.Response | None:
        fits = request.method == method and request.path.startswith(path) and status < 300
        if not fits or left[0] == 0:
            return None
        left[0] -= 1
        return answer()

    return spoil


def html(status: int = 200) -> web.Response:
    return web.Response(status=status, text="<html><h1>Just a moment…</h1></html>", content_type="text/html")


def without(*names: str, **others: Any) -> Callable[[Body], Body]:
    return lambda body: {key: value for key, value in body.items() if key not in names} | others


def changed(method: str, path: str, change: Callable[[Body], Body]) -> Spoil:
    """Each answer to such requests with other fields."""

    def spoil(request: web.Request, status: int, text: str) -> web.Response | None:
        if request.method != method or not request.path.startswith(path) or status != 200:
            return None
        found = json.loads(text)
        return web.json_response(
            [change(each) for each in found] if isinstance(found, list) else change(found)
        )

    return spoil


ORDERS = "/v2/orders"


@pytest.mark.parametrize(
    "spoil",
    (
        instead("POST", ORDERS, html),
        instead("POST", ORDERS, lambda: html(500), times=2),
        instead("POST", ORDERS, lambda: html(504), times=5),
        instead("POST", ORDERS, lambda: web.Response(status=200, text='{"id": "61e69015')),
        instead("POST", ORDERS, lambda: web.Response(status=200, text="")),
        instead("PATCH", ORDERS, lambda: html(502)),
        instead("DELETE", ORDERS, lambda: html(500)),
        changed("GET", f"{ORDERS}/", without(status="half_open")),
        changed("POST", ORDERS, without("client_order_id")),
        changed("POST", ORDERS, without("id")),
        changed("POST", ORDERS, without(client_order_id="somebody-elses")),
    ),
    ids=(
        "HTML instead of an answer",
        "500 after it was taken",
        "504 after each was taken",
        "half an answer",
        "an empty answer",
        "502 to a replacement",
        "500 to a cancel",
        "an unknown status where nobody asks",
        "no client order id",
        "no id",
        "another's order",
    ),
)
async def test_what_can_be_found_out_by_asking_is_and_no_order_leaves_twice(
    spoil: Spoil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(spoil)
    sitting = await sitting_at(book, tmp_path, monkeypatch)
    assert (unmet(sitting), sitting.left) == ({}, ())
    assert len(entries(book)) == len(set(entries(book))) == 6
    posted = sum(line == f"POST {ORDERS}" for line in book.arrived)
    assert posted == 7, "five taken, one refused, and one a second time on purpose"


@pytest.mark.parametrize(
    ("spoil", "frames", "cases"),
    (
        (refused, str, {"accept"}),
        (instead("GET", f"{ORDERS}:by", lambda: html(503)), str, {"accept"}),
        (changed("GET", f"{ORDERS}:by", without(status="half_open")), str, {"accept", "cancel"}),
        (untouched, lambda text: text.replace('"canceled"', '"vanished"'), {"cancel", "stream"}),
        (untouched, lambda text: text[:-9], {"cancel", "replace", "bracket", "stream"}),
        (untouched, lambda text: text.replace('"timestamp": "2026', '"timestamp": "when'), {"stream"}),
        (untouched, lambda text: "" if '"canceled"' in text else text, {"stream"}),
    ),
    ids=(
        "429",
        "503 to a question",
        "an unknown status",
        "an unknown event",
        "half a frame",
        "no time",
        "a stream that ends",
    ),
)
async def test_what_is_not_understood_is_no_pass_and_nothing_is_left(
    spoil: Spoil,
    frames: Callable[[str], str],
    cases: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Book(spoil, frames)
    sitting = await sitting_at(book, tmp_path, monkeypatch, wait_seconds=0.1)
    assert cases <= unmet(sitting).keys()
    assert not sitting.has_passed
    assert not any(Book._works(order) for order in book.orders.values())
    assert len(entries(book)) == len(set(entries(book)))


@pytest.mark.parametrize(
    "spoil",
    (
        instead("GET", "/v2/positions", html, times=-1),
        changed("GET", "/v2/account", without("cash")),
        changed("GET", "/v2/account", without(cash="much")),
        changed("GET", "/v2/clock", without(timestamp="noon")),
    ),
    ids=("HTML for the positions", "an account without cash", "cash that is no number", "no time"),
)
async def test_an_account_that_cannot_be_read_is_sent_nothing(
    spoil: Spoil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(spoil)
    with pytest.raises(Unreachable):
        await sitting_at(book, tmp_path, monkeypatch)
    assert book.orders == {}


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("status", "ACCOUNT_UPDATED"),
        ("trading_blocked", True),
        ("account_blocked", None),
        ("buying_power", "9"),
    ),
)
async def test_an_account_that_may_not_trade_is_sent_nothing(
    name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(changed("GET", "/v2/account", without(**{name: value})))
    sitting = await sitting_at(book, tmp_path, monkeypatch)
    assert len(unmet(sitting)) == 1 + len(CASES)
    assert book.orders == {}
