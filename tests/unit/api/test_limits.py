"""`/v1/limits` over a real socket: who is shown what, who may tighten, and what a signature needs."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.model.authority import Act, PersonRole
from agenttrader.model.identifiers import PersonName
from agenttrader.protocols.native import encode, to_body
from agenttrader.testing.builders import AGENT, PERSON, proposal, signed
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway

AGENTS, PERSONS = {"Authorization": "Bearer agents-key"}, {"Authorization": "Bearer persons-token"}
KEYS = Keys(
    agents={hashlib.sha256(b"agents-key").hexdigest(): AGENT},
    people={hashlib.sha256(b"persons-token").hexdigest(): PERSON},
)
TIGHTER = {"name": "symbol.ALFA.order_quantity_max", "value": "9", "reason": "a rough day"}


class Client:
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


async def test_a_person_tightens_and_the_next_order_is_held_to_it(client: Client) -> None:
    status, made = await client.ask("POST", "/v1/limits/tighten", PERSONS, TIGHTER)
    assert (status, made["value"], made["tightened"]) == (200, "9", "by ada from 1000: a rough day")
    status, answer = await client.ask("POST", "/v1/proposals", AGENTS, encode(to_body(proposal())))
    assert (status, answer["decision"]["code"]) == (200, "order_quantity")
    status, shown = await client.ask("GET", "/v1/limits", AGENTS)
    assert status == 200
    assert {each["name"]: each["value"] for each in shown["limits"]}[TIGHTER["name"]] == "9"


async def test_an_agent_and_a_viewer_tighten_nothing(client: Client) -> None:
    assert (await client.ask("POST", "/v1/limits/tighten", AGENTS, TIGHTER))[0] == 403
    assert (await client.ask("POST", "/v1/limits/loosen", AGENTS, {"envelope": "signed"}))[0] == 403
    client.gateway.session.engine.rules.authority.people[PersonName("ada")] = PersonRole.VIEWER
    status, answer = await client.ask("POST", "/v1/limits/tighten", PERSONS, TIGHTER)
    assert (status, answer["code"]) == (403, "forbidden")
    assert (await client.ask("GET", "/v1/limits", PERSONS))[0] == 200


async def test_a_looser_value_and_an_unknown_name_are_refused_with_a_sentence(client: Client) -> None:
    looser = {**TIGHTER, "value": "2000"}
    status, answer = await client.ask("POST", "/v1/limits/tighten", PERSONS, looser)
    assert (status, answer["code"]) == (422, "bad_value")
    assert "loosening is a file, a restart and signatures" in answer["message"]
    unknown = {**TIGHTER, "name": "symbol.ALFA.order_quantity"}
    status, answer = await client.ask("POST", "/v1/limits/tighten", PERSONS, unknown)
    assert (status, "such as symbol.ALFA.order_quantity_max" in answer["message"]) == (422, True)
    assert (await client.ask("POST", "/v1/limits/tighten", PERSONS, {"name": "x"}))[0] == 422


async def test_nothing_is_loosened_by_a_token_alone_nor_where_nothing_waits(client: Client) -> None:
    status, answer = await client.ask("POST", "/v1/limits/loosen", PERSONS, {"envelope": "mine"})
    assert (status, answer["code"]) == (403, "statement_refused")
    client.gateway.envelopes["signed"] = signed(Act.LOOSEN_LIMITS, about="0" * 16)
    status, answer = await client.ask("POST", "/v1/limits/loosen", PERSONS, {"envelope": "signed"})
    assert (status, answer["code"]) == (403, "statement_refused")
    assert "this needs an approver or admin" in answer["message"]
    client.gateway.session.engine.rules.authority.people[PersonName("ada")] = PersonRole.ADMIN
    status, answer = await client.ask("POST", "/v1/limits/loosen", PERSONS, {"envelope": "signed"})
    assert (status, answer["code"]) == (403, "statement_refused")
    assert "nothing looser than what rules" in answer["message"]
