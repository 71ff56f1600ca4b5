"""The face in Alpaca's words over a real socket: who is let in, and that every refusal is Alpaca's."""

import hashlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from agenttrader.api.alpaca import BODY_BYTES_MAX, REPEATED, create_alpaca_app, with_alpaca
from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.app.gateway import alpaca_reads, denial_rates
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import PersonName
from agenttrader.testing.builders import AGENT, CHARLY, OTHER_AGENT
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway, bot

BOT = {"APCA-API-KEY-ID": OTHER_AGENT, "APCA-API-SECRET-KEY": "bots-key"}
TRADER = {"APCA-API-KEY-ID": AGENT, "APCA-API-SECRET-KEY": "traders-key"}
ORDER = {
    "symbol": "CHARLY",
    "qty": 10,
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
    "client_order_id": "mine",
}


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


AGENTS = {sha256("bots-key"): OTHER_AGENT, sha256("traders-key"): AGENT}
PEOPLE = {sha256("persons-token"): PersonName("ada")}


class Client:
    """A caller: status and body of each answer."""

    def __init__(self, http: aiohttp.ClientSession, gateway: SmallGateway) -> None:
        self.http = http
        self.gateway = gateway

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] = BOT
    ) -> tuple[int, Any]:
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            text = await answer.text()
            return answer.status, msgspec.json.decode(text) if text else None


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    gateway = SmallGateway(answer_wait_seconds=0.25)
    plan = ExitFractions(stop=Decimal("0.03"), target=Decimal("0.05"))
    agent = bot(CHARLY, exit_plan=plan)
    desk = AlpacaDesk(gateway.desk, AlpacaUpdates(gateway.session), {OTHER_AGENT: agent})
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    face = create_gateway_app(gateway.desk, Keys(AGENTS, PEOPLE))
    async with (
        serving(with_alpaca(face, create_alpaca_app(desk, AGENTS))) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Client(http, gateway)
    await gateway.stop()


async def test_an_order_is_answered_and_found_and_canceled(client: Client) -> None:
    limit = ORDER | {"type": "limit", "limit_price": 99.1}
    status, order = await client.ask("POST", "/v2/orders", limit)
    assert (status, order["status"], order["client_order_id"]) == (200, "new", "mine")
    assert await client.ask("POST", "/v2/orders", limit) == (status, order)
    assert await client.ask("GET", f"/v2/orders/{order['id']}?nested=true") == (200, order)
    by_name = "/v2/orders:by_client_order_id?client_order_id=mine"
    assert await client.ask("GET", by_name) == (200, order)
    assert (await client.ask("GET", "/v2/orders?nested=true"))[1] == [order]
    assert await client.ask("DELETE", f"/v2/orders/{order['id']}") == (204, None)
    assert len(client.gateway.broker.sent) == len(client.gateway.broker.canceled) == 1


async def test_an_order_is_replaced(client: Client) -> None:
    _, old = await client.ask("POST", "/v2/orders", ORDER | {"type": "limit", "limit_price": 99.1})
    path = f"/v2/orders/{old['id']}"
    status, new = await client.ask("PATCH", path, {"limit_price": "98.5", "client_order_id": "other"})
    assert (status, new["limit_price"], new["replaces"]) == (200, "98.50", old["id"])
    for wrong in (b"{", b"", {"price": 1}, {"limit_price": "NaN"}, {"time_in_force": "forever"}):
        status, refusal = await client.ask("PATCH", path, wrong)
        assert (status, refusal["code"]) == (422, 40010001)
    status, refusal = await client.ask("PATCH", f"{path}?qty=1", {"limit_price": 98})
    assert (status, refusal["code"]) == (422, 40010001)
    assert len(client.gateway.broker.sent) == 2


async def test_an_order_that_is_sent_again_says_so_in_a_header(client: Client) -> None:
    for repeated in (None, "true"):
        async with client.http.post("/v2/orders", json=ORDER, headers=BOT) as answer:
            assert (answer.status, answer.headers.get(REPEATED)) == (200, repeated)


async def test_an_agent_that_is_denied_all_the_time_is_told_to_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denial_rates, "DENIALS_PER_MINUTE_MAX", 1)
    assert (await client.ask("POST", "/v2/orders", ORDER | {"qty": "5000"}))[0] in (403, 422)
    status, refusal = await client.ask("POST", "/v2/orders", ORDER)
    assert (status, refusal["code"]) == (429, 42910000)


async def test_account_clock_and_positions_are_answered(client: Client) -> None:
    status, account = await client.ask("GET", "/v2/account")
    assert (status, account["cash"], account["status"]) == (200, "100000", "ACTIVE")
    status, clock = await client.ask("GET", "/v2/clock")
    assert (status, clock["is_open"]) == (200, True)
    assert await client.ask("GET", "/v2/positions") == (200, [])
    for method in ("GET", "DELETE"):
        status, refusal = await client.ask(method, "/v2/positions/CHARLY")
        assert (status, refusal["code"]) == (404, 40410000)


async def test_a_position_is_closed(client: Client) -> None:
    await client.ask("POST", "/v2/orders", ORDER)
    client.gateway.fill(client.gateway.broker.sent[0])
    await client.gateway.settle()
    (held,) = (await client.ask("GET", "/v2/positions"))[1]
    assert await client.ask("GET", "/v2/positions/CHARLY") == (200, held)
    status, close = await client.ask("DELETE", f"/v2/positions/{held['asset_id']}")
    assert (status, close["side"], close["qty"], close["status"]) == (200, "sell", "10", "pending_new")
    async with client.http.delete("/v2/positions/CHARLY", headers=BOT) as again:
        assert (again.status, again.headers.get(REPEATED)) == (200, "true")
        assert (await again.json())["id"] == close["id"]


async def test_a_denial_is_alpacas_error_with_our_word(client: Client) -> None:
    status, refusal = await client.ask("POST", "/v2/orders", ORDER | {"qty": 5_000})
    assert (status, refusal["code"]) == (422, 42210000)
    assert refusal["message"].startswith("denied by order_quantity: The order is for 5000 units")
    assert client.gateway.broker.sent == []


@pytest.mark.parametrize(
    "headers",
    (
        {},
        {"APCA-API-KEY-ID": OTHER_AGENT},
        {"APCA-API-KEY-ID": OTHER_AGENT, "APCA-API-SECRET-KEY": "guessed"},
        {"APCA-API-KEY-ID": AGENT, "APCA-API-SECRET-KEY": "bots-key"},
        {"APCA-API-KEY-ID": "ada", "APCA-API-SECRET-KEY": "persons-token"},
        {"Authorization": "Bearer bots-key"},
    ),
)
@pytest.mark.parametrize(
    ("method", "path"),
    (("GET", "/v2/account"), ("POST", "/v2/orders"), ("GET", "/v2/none"), ("DELETE", "/v2/orders")),
)
async def test_a_stranger_is_told_nothing(
    client: Client, headers: dict[str, str], method: str, path: str
) -> None:
    status, refusal = await client.ask(method, path, ORDER, headers)
    assert (status, refusal["code"]) == (401, 40110000)
    assert client.gateway.broker.sent == []


@pytest.mark.parametrize(
    ("body", "code", "says"),
    (
        (b"{", 40010001, "order: "),
        (b"", 40010001, "order: "),
        (b"\xff\xfe", 40010001, "order: "),
        (b"[" * 10_000, 40010001, "order: "),
        (ORDER | {"quantity": 1}, 40010001, "unknown field `quantity`"),
        (ORDER | {"qty": "NaN"}, 40010001, "qty: expected a finite number"),
        (ORDER | {"qty": 0}, 40010001, "quantity: expected a number above 0"),
        (ORDER | {"qty": -1}, 40010001, "quantity: expected a number above 0"),
        (ORDER | {"side": "up"}, 40010001, "side: expected one of buy, sell"),
        (ORDER | {"client_order_id": "x" * 129}, 40010001, "client_order_id: expected at most 128"),
        (ORDER | {"symbol": "X" * 33}, 40010001, "symbol: expected at most 32 characters, found 33"),
        (b'{"qty": 1.0e99999999999999999999}', 40010001, "order: "),
        (b'{"limit_price": 1e-99999999999999999999}', 40010001, "order: "),
        (msgspec.json.encode(ORDER)[:-1] + b', "qty": 1}', 40010001, "order: expected 'qty' once"),
        (ORDER | {"notional": 100}, 40010001, "qty: expected it or notional, found both"),
        (ORDER | {"order_class": "mleg"}, 40010001, "symbol: an mleg order has none"),
        (ORDER | {"advanced_instructions": {"algorithm": "VWAP"}}, 42210000, "advanced_instructions"),
        (ORDER | {"client_order_id": None}, 42210000, "client_order_id: expected one"),
    ),
)
async def test_what_cannot_be_is_422_by_name_and_not_on_record(
    client: Client, body: Any, code: int, says: str
) -> None:
    before = len(client.gateway.events())
    status, refusal = await client.ask("POST", "/v2/orders", body)
    assert (status, refusal["code"]) == (422, code)
    assert says in refusal["message"]
    assert len(client.gateway.events()) == before


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("PATCH", "/v2/account/configurations"),
        ("GET", "/v2/account/portfolio/history"),
        ("GET", "/v2/watchlists"),
        ("POST", "/v2/positions/CHARLY/exercise"),
        ("GET", "/v2/orders/609f36a2-7b8e-9aa9-8384-ed96d3651d7c/more"),
    ),
)
async def test_what_alpaca_has_and_this_face_has_not_is_named(client: Client, method: str, path: str) -> None:
    status, refusal = await client.ask(method, path)
    assert (status, refusal["code"]) == (422, 42210000)
    assert refusal["message"] == f"not supported by this gateway yet: {method} {path}"


@pytest.mark.parametrize(
    ("path", "says"),
    (
        ("/v2/orders?page=2", "page"),
        ("/v2/orders?limit=501", "limit"),
        ("/v2/orders?side=buy&side=sell", "side: expected it once"),
        ("/v2/account?x=1", "unknown field `x`"),
        ("/v2/positions?x=1", "unknown field `x`"),
        ("/v2/clock?x=1", "unknown field `x`"),
        ("/v2/orders:by_client_order_id", "client_order_id"),
    ),
)
async def test_a_parameter_that_is_not_known_is_refused(client: Client, path: str, says: str) -> None:
    status, refusal = await client.ask("GET", path)
    assert (status, refusal["code"]) == (422, 40010001)
    assert says in refusal["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("GET", "/v2/account"),
        ("GET", "/v2/clock"),
        ("GET", "/v2/positions"),
        ("GET", "/v2/positions/CHARLY"),
        ("GET", "/v2/orders"),
        ("GET", "/v2/orders/609f36a2-7b8e-9aa9-8384-ed96d3651d7c"),
        ("GET", "/v2/orders:by_client_order_id"),
        ("GET", "/v2/assets"),
        ("GET", "/v2/account/activities/FILL"),
        ("DELETE", "/v2/orders"),
        ("DELETE", "/v2/positions"),
        ("DELETE", "/v2/positions/CHARLY"),
        ("DELETE", "/v2/orders/609f36a2-7b8e-9aa9-8384-ed96d3651d7c"),
    ),
)
async def test_a_body_is_refused_where_none_is_read(client: Client, method: str, path: str) -> None:
    status, refusal = await client.ask(method, path, {"qty": "1"})
    assert (status, refusal["code"]) == (422, 42210000)
    assert f'a body of {method} {path}: b\'{{"qty":"1"}}\'' in refusal["message"]


async def test_a_parameter_is_refused_where_none_is_read(client: Client) -> None:
    _, order = await client.ask("POST", "/v2/orders", ORDER | {"type": "limit", "limit_price": 99})
    for method, path in (("POST", "/v2/orders"), ("DELETE", f"/v2/orders/{order['id']}")):
        status, refusal = await client.ask(method, f"{path}?qty=1", ORDER if method == "POST" else None)
        assert (status, refusal["code"]) == (422, 40010001)
        assert "unknown field `qty`" in refusal["message"]
    assert (len(client.gateway.broker.sent), client.gateway.broker.canceled) == (1, [])


async def test_what_is_too_long_is_refused_and_a_body_of_the_right_length_read(client: Client) -> None:
    status, refusal = await client.ask("POST", "/v2/orders", b" " * (BODY_BYTES_MAX + 1))
    assert (status, refusal["code"]) == (413, 41300000)


async def test_a_store_that_cannot_be_written_is_503_and_nothing_leaves(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(client.gateway.journal, "append", refuse)
    status, refusal = await client.ask("POST", "/v2/orders", ORDER)
    assert (status, refusal["code"]) == (503, 50310000)
    assert "the disk is full" in refusal["message"]
    assert client.gateway.broker.sent == []


async def test_a_fault_of_ours_is_500_without_its_trace(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(alpaca_reads, "account_answer", crash)
    status, refusal = await client.ask("GET", "/v2/account")
    assert (status, refusal["code"]) == (500, 50010000)
    assert "secret" not in refusal["message"]


async def test_our_own_routes_are_answered_as_before(client: Client) -> None:
    for path in ("/v1/status", "/v2", "/v2x"):
        async with client.http.get(path) as answer:
            assert answer.status == (401 if path == "/v1/status" else 404)
            assert (await answer.json())["code"] in {"not_permitted", "http"}
