"""The gateway's face over a real socket: who may ask what, what is malformed, and what the stream tells."""

import hashlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, NoReturn, cast

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from agenttrader.api import owners
from agenttrader.api.callers import Keys
from agenttrader.api.gateway import BODY_BYTES_MAX, UNAUTHORIZED, create_gateway_app
from agenttrader.app.gateway import denial_rates
from agenttrader.model.authority import Act, PersonRole
from agenttrader.model.events import BreakFound
from agenttrader.model.identifiers import AgentName, PersonName
from agenttrader.model.market import Watermark
from agenttrader.protocols.native import (
    OrderChanged,
    Snapshot,
    WatermarkReached,
    decode_stream,
    encode,
    to_body,
)
from agenttrader.testing.builders import AGENT, ALFA, EXITS, OTHER_AGENT, at, proposal, signed
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


KEYS = Keys(
    agents={
        sha256("agents-key"): AGENT,
        sha256("others-key"): OTHER_AGENT,
        sha256("exits-key"): EXITS,
    },
    people={sha256("persons-token"): PersonName("ada")},
)
AGENTS, OTHERS, PERSONS = (
    {"Authorization": f"Bearer {key}"} for key in ("agents-key", "others-key", "persons-token")
)


class Client:
    """A caller: status and body of each answer."""

    def __init__(self, http: aiohttp.ClientSession, gateway: SmallGateway) -> None:
        self.http = http
        self.gateway = gateway

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    gateway = SmallGateway(answer_wait_seconds=0.2)
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    async with (
        serving(create_gateway_app(gateway.desk, KEYS)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Client(http, gateway)
    await gateway.stop()


def asked(**changes: Any) -> bytes:
    return encode(to_body(proposal(**changes)))


def altered(**changes: Any) -> bytes:
    """A body of which some fields stand as given, whatever they are; `...` leaves one out."""
    body = msgspec.json.decode(asked()) | changes
    return msgspec.json.encode({name: value for name, value in body.items() if value is not ...})


async def test_a_proposal_is_answered_with_order_state_and_decision(client: Client) -> None:
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, asked())
    assert (status, answer["state"], answer["decision"]["code"]) == (200, "accepted", "approved")
    assert answer["order"]["id"] == proposal().id


async def test_a_denial_is_200_with_its_code_and_sentence_and_nothing_is_sent(client: Client) -> None:
    status, answer = await client.ask("POST", "/v1/proposals", OTHERS, asked())
    assert (status, answer["state"], answer["decision"]["code"]) == (200, "denied", "strategy")
    assert answer["decision"]["sentence"]
    assert client.gateway.broker.sent == []


async def test_the_same_proposal_again_is_the_same_order(client: Client) -> None:
    first = await client.ask("POST", "/v1/proposals", AGENTS, asked())
    assert await client.ask("POST", "/v1/proposals", AGENTS, asked()) == first
    assert len(client.gateway.broker.sent) == 1


async def test_a_group_is_answered_for_each_of_its_proposals(client: Client) -> None:
    members = [msgspec.json.decode(encode(to_body(proposal(number)))) for number in (1, 2)]
    status, answer = await client.ask("POST", "/v1/groups", AGENTS, {"group": "two", "proposals": members})
    assert (status, answer["group"], answer["approved"]) == (200, "two", True)
    assert [each["state"] for each in answer["proposals"]] == ["accepted", "accepted"]
    assert (await client.ask("POST", "/v1/groups", PERSONS, {}))[0] == 403
    assert (await client.ask("POST", "/v1/groups", AGENTS, {"group": "one"}))[0] == 422


@pytest.mark.parametrize(
    ("body", "says"),
    (
        (b"{", "proposal: "),
        (b"\xff\xfe", "proposal: "),
        (b"", "expected JSON, found nothing"),
        (altered(quantity="NaN"), "quantity: expected a finite number"),
        (altered(quantity="Infinity"), "quantity: expected a finite number"),
        (altered(quantity=-1), "quantity: expected a number above 0"),
        (altered(quantity="10.004"), "quantity: expected a multiple of 1"),
        (altered(limit="100"), "unknown field"),
        (altered(side="up"), "Invalid enum value"),
        (altered(reason=...), "missing required field"),
        (altered(proposal_id="mine"), "proposal_id: expected a UUID"),
        (altered(decision_time="yesterday"), "expected RFC 3339"),
        (altered(legs=[]), "legs: expected one or more"),
    ),
)
async def test_what_is_malformed_is_422_by_name_and_not_on_record(
    client: Client, body: bytes, says: str
) -> None:
    before = len(client.gateway.events())
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, body)
    assert (status, answer["code"]) == (422, "bad_value")
    assert says in answer["message"]
    assert len(client.gateway.events()) == before


async def test_a_floats_noise_is_what_was_meant(client: Client) -> None:
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, altered(quantity=10.0000000001))
    assert (status, answer["order"]["quantity"]) == (200, "10")
    told = client.gateway.broker.sent[0].event.instruction
    assert told is not None
    assert told.quantity == Decimal(10)


async def test_an_unknown_symbol_is_denied_on_record(client: Client) -> None:
    _, answer = await client.ask("POST", "/v1/proposals", AGENTS, altered(legs=[{"symbol": "NOPE"}]))
    assert (answer["state"], answer["decision"]["code"]) == ("denied", "ownership")


async def test_an_id_of_another_order_is_refused(client: Client) -> None:
    await client.ask("POST", "/v1/proposals", AGENTS, asked())
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, altered(quantity=9))
    assert status == 422
    assert "was used for another order" in answer["message"]


async def test_a_body_too_large_is_refused(client: Client) -> None:
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, altered(reason="x" * BODY_BYTES_MAX))
    assert (status, answer["code"]) == (413, "http")


ROUTES = (
    ("POST", "/v1/proposals"),
    ("POST", "/v1/groups"),
    ("DELETE", "/v1/orders/1"),
    ("PATCH", "/v1/orders/1"),
    ("GET", "/v1/status"),
    ("GET", "/v1/snapshot"),
    ("PUT", "/v1/doubts"),
    ("POST", "/v1/windows"),
    ("POST", "/v1/windows/resume"),
    ("POST", "/v1/windows/close"),
    ("POST", "/v1/resume"),
    ("POST", "/v1/halt"),
    ("POST", "/v1/reconcile"),
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "agents-key"}))
async def test_no_route_is_open_without_a_key(
    client: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    before = len(client.gateway.events())
    status, answer = await client.ask(method, path, headers, b"{}")
    assert (status, answer["code"]) == (401, "not_permitted")
    assert len(client.gateway.events()) == before


@pytest.mark.parametrize("path", [path for method, path in ROUTES[7:]])
async def test_an_agents_key_does_nothing_of_a_persons(client: Client, path: str) -> None:
    before = len(client.gateway.events())
    status, answer = await client.ask("POST", path, AGENTS, b"{}")
    assert (status, answer["code"]) == (403, "forbidden")
    assert len(client.gateway.events()) == before


@pytest.mark.parametrize("headers", (AGENTS, PERSONS), ids=("an agent", "a person"))
async def test_the_exits_unit_alone_says_what_it_doubts(client: Client, headers: dict[str, str]) -> None:
    before = len(client.gateway.events())
    status, answer = await client.ask("PUT", "/v1/doubts", headers, b'{"doubts": []}')
    assert (status, answer["code"]) == (403, "forbidden")
    assert len(client.gateway.events()) == before
    unit = {"Authorization": "Bearer exits-key"}
    doubts = {"doubts": [{"symbol": ALFA, "about": "price", "sentence": "no price"}]}
    status, trading = await client.ask("PUT", "/v1/doubts", unit, doubts)
    assert (status, trading["reasons"]) == (200, ["only symbol ALFA is halted by break doubt: no price"])
    assert isinstance(client.gateway.events()[-1], BreakFound)


async def test_a_persons_token_proposes_nothing(client: Client) -> None:
    assert (await client.ask("POST", "/v1/proposals", PERSONS, asked()))[0] == 403


async def test_a_person_halts_and_a_signed_statement_lifts_it(client: Client) -> None:
    halt = {"scope": ["everything", ""], "state": "halted", "reason": "lunch"}
    status, trading = await client.ask("POST", "/v1/halt", PERSONS, halt)
    assert (status, trading["state"]) == (200, "halted")
    status, answer = await client.ask("POST", "/v1/resume", PERSONS, {"envelope": "forged"})
    assert (status, answer["code"]) == (403, "statement_refused")
    client.gateway.envelopes["signed"] = signed(Act.RESUME)
    status, trading = await client.ask("POST", "/v1/resume", PERSONS, {"envelope": "signed"})
    assert (status, trading["state"]) == (200, "active")


async def test_a_halt_of_one_symbol_is_shown(client: Client) -> None:
    halt = {"scope": ["symbol", "ALFA"], "state": "halted", "reason": "news"}
    _, trading = await client.ask("POST", "/v1/halt", PERSONS, halt)
    assert trading["state"] == "active"
    assert any("only symbol ALFA is halted" in reason for reason in trading["reasons"])


async def test_an_agent_cancels_its_own_orders_and_nobody_elses(client: Client) -> None:
    await client.ask("POST", "/v1/proposals", AGENTS, asked())
    assert (await client.ask("DELETE", f"/v1/orders/{proposal().id}", OTHERS))[0] == 422
    assert client.gateway.broker.canceled == []
    assert (await client.ask("DELETE", f"/v1/orders/{proposal().id}", AGENTS))[0] == 202
    assert client.gateway.broker.canceled == [proposal().id]


async def test_an_agent_replaces_its_own_orders_and_a_person_none(client: Client) -> None:
    await client.ask("POST", "/v1/proposals", AGENTS, altered(type="limit", limit_price="100"))
    path, nearer = f"/v1/orders/{proposal().id}", {"reason": "nearer", "limit_price": "99"}
    assert (await client.ask("PATCH", path, PERSONS, nearer))[0] == 403
    status, answer = await client.ask("PATCH", path, OTHERS, nearer)
    assert (status, answer.get("code")) == (422, "bad_value"), answer
    status, answer = await client.ask("PATCH", path, AGENTS, nearer)
    assert (status, answer["state"], answer["decision"]["code"]) == (200, "accepted", "approved")
    assert (answer["order"]["replaces"], answer["order"]["limit_price"]) == (proposal().id, "99.00")
    assert await client.ask("PATCH", path, AGENTS, nearer) == (status, answer)
    assert len(client.gateway.broker.sent) == 2


async def test_an_agent_that_is_denied_all_the_time_is_told_to_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denial_rates, "DENIALS_PER_MINUTE_MAX", 1)
    bodies = [encode(to_body(proposal(number, quantity=Decimal(5_000)))) for number in (1, 2)]
    answers = [await client.ask("POST", "/v1/proposals", AGENTS, body) for body in bodies]
    assert [status for status, _ in answers] == [200, 429]
    assert answers[1][1]["code"] == "asked_too_often"


async def test_a_fault_of_ours_is_in_the_log_and_says_to_ask_first(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("of ours")

    monkeypatch.setattr(client.gateway.desk, "propose", fail)
    with capture_logs() as logs:
        status, answer = await client.ask("POST", "/v1/proposals", AGENTS, asked())
    assert (status, answer["code"]) == (500, "internal")
    assert "Ask what became of the request" in answer["message"]
    assert "of ours" not in answer["message"]
    assert [(entry["event"], entry["path"]) for entry in logs] == [("request_failed", "/v1/proposals")]


async def test_the_stream_begins_with_a_snapshot_and_tells_each_its_own(client: Client) -> None:
    async with (
        client.http.ws_connect("/v1/stream", headers=AGENTS) as own,
        client.http.ws_connect("/v1/stream", headers=OTHERS) as others,
    ):
        assert isinstance(decode_stream(await own.receive_str()), Snapshot)
        assert isinstance(decode_stream(await others.receive_str()), Snapshot)
        await client.ask("POST", "/v1/proposals", AGENTS, asked())
        changed = decode_stream(await own.receive_str())
        assert isinstance(changed, OrderChanged)
        assert changed.order.id == proposal().id
        client.gateway.session.market(Watermark(time=at(1)))
        heard = [decode_stream(await others.receive_str())]
        while not isinstance(heard[-1], WatermarkReached):
            heard.append(decode_stream(await others.receive_str()))
        assert not any(isinstance(message, OrderChanged) for message in heard)


async def test_the_stream_is_closed_to_whoever_has_no_key(client: Client) -> None:
    async with client.http.ws_connect("/v1/stream") as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == UNAUTHORIZED


async def test_a_key_that_is_revoked_ends_its_stream_and_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "LOOK_SECONDS", 0.01)
    async with (
        client.http.ws_connect("/v1/stream", headers=AGENTS) as own,
        client.http.ws_connect("/v1/stream", headers=OTHERS) as others,
    ):
        assert isinstance(decode_stream(await own.receive_str()), Snapshot)
        assert isinstance(decode_stream(await others.receive_str()), Snapshot)
        monkeypatch.delitem(cast("dict[str, AgentName]", KEYS.agents), sha256("agents-key"))
        assert (await own.receive()).type is aiohttp.WSMsgType.CLOSE
        assert own.close_code == UNAUTHORIZED
        client.gateway.session.market(Watermark(time=at(1)))
        assert (await others.receive()).type is aiohttp.WSMsgType.TEXT


async def test_a_route_that_is_not_there_says_so_in_our_shape(client: Client) -> None:
    status, answer = await client.ask("GET", "/v1/nothing", AGENTS)
    assert (status, set(answer)) == (404, {"code", "message"})


async def test_a_viewer_looks_and_halts_and_moves_no_order(client: Client) -> None:
    _, order = await client.ask("POST", "/v1/proposals", AGENTS, asked())
    order_id = order["order"]["id"]
    client.gateway.session.engine.rules.authority.people[PersonName("ada")] = PersonRole.VIEWER
    for method, path, body in (
        ("DELETE", f"/v1/orders/{order_id}", None),
        ("POST", "/v1/orders/cancel", {"order_id": order_id, "reason": "enough"}),
        ("POST", "/v1/positions/close", {"symbol": ALFA, "reason": "enough"}),
    ):
        status, answer = await client.ask(method, path, PERSONS, body)
        assert (status, answer["code"]) == (403, "forbidden"), path
        assert "operator" in answer["message"]
    assert client.gateway.broker.canceled == []
    halt = {"scope": ["everything", ""], "state": "halted", "reason": "enough"}
    assert (await client.ask("POST", "/v1/halt", PERSONS, halt))[0] == 200


async def test_a_persons_hand_is_no_agents(client: Client) -> None:
    close, cancel = {"symbol": ALFA, "reason": "enough"}, {"order_id": "any", "reason": "enough"}
    for method, path, body in (
        ("GET", "/v1/breaks", None),
        ("POST", "/v1/breaks/accept", {"envelope": "signed"}),
        ("POST", "/v1/positions/close", close),
        ("POST", "/v1/orders/cancel", cancel),
    ):
        assert (await client.ask(method, path, AGENTS, body))[0] == 403
    assert await client.ask("GET", "/v1/breaks", PERSONS) == (200, {"breaks": []})
    status, answer = await client.ask("POST", "/v1/positions/close", PERSONS, close)
    assert (status, answer["code"]) == (422, "bad_value")
    status, answer = await client.ask("POST", "/v1/orders/cancel", PERSONS, cancel)
    assert (status, answer["message"]) == (422, "no order any of yours is known")
    _, order = await client.ask("POST", "/v1/proposals", AGENTS, asked())
    named = {"order_id": order["order"]["id"], "reason": "enough"}
    status, answer = await client.ask("POST", "/v1/orders/cancel", PERSONS, named)
    assert (status, answer) == (200, {"order_id": named["order_id"], "asked": True})
    client.gateway.envelopes["accepting"] = signed(Act.ACCEPT_BREAK, nonce="n", about="none")
    status, answer = await client.ask("POST", "/v1/breaks/accept", PERSONS, {"envelope": "accepting"})
    assert (status, answer["code"]) == (403, "statement_refused")
    assert "no break 'none' stands" in answer["message"]
