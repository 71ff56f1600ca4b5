"""The approvals of `/v1` over a real socket: what waits, who may look, whose word counts."""

import hashlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.model.authority import Act
from agenttrader.model.identifiers import PersonName
from agenttrader.protocols.native import encode, to_body
from agenttrader.protocols.person_bodies import ApprovalsBody
from agenttrader.testing.approving import ANN, EVE, VIC, manual
from agenttrader.testing.builders import AGENT, proposal, signed
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway

AGENTS, PERSONS, VIEWERS = ({"Authorization": f"Bearer {name}"} for name in (AGENT, ANN, VIC))


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Client:
    def __init__(self, http: aiohttp.ClientSession, gateway: SmallGateway) -> None:
        self.http, self.gateway = http, gateway

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        data = None if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def propose(self, number: int = 1) -> tuple[int, Any]:
        return await self.ask("POST", "/v1/proposals", AGENTS, encode(to_body(proposal(number))))

    async def waiting(self, headers: dict[str, str] = PERSONS) -> ApprovalsBody:
        status, answer = await self.ask("GET", "/v1/approvals", headers)
        assert status == 200
        return msgspec.convert(answer, ApprovalsBody, strict=False)

    async def say(self, act: Act, person: PersonName = ANN, order_id: str = "") -> tuple[int, Any]:
        """The person's word on the first that waits."""
        (found, *_) = (await self.waiting()).approvals
        name = f"{act.value} {person}"
        self.gateway.envelopes[name] = signed(act, person=person, about=found.shown.digest, nonce=name)
        path = {Act.APPROVE_ORDER: "approve", Act.DENY_ORDER: "deny"}.get(act, "approve")
        body = {"order_id": order_id or found.order_id, "envelope": name}
        return await self.ask("POST", f"/v1/approvals/{path}", PERSONS, body)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    gateway = SmallGateway(answer_wait_seconds=0.2, **manual())
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    keys = Keys(agents={sha256(AGENT): AGENT}, people={sha256(name): name for name in (ANN, EVE, VIC)})
    async with (
        serving(create_gateway_app(gateway.desk, keys)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Client(http, gateway)
    await gateway.stop()


async def test_an_entry_waits_is_shown_whole_and_leaves_with_a_persons_word(client: Client) -> None:
    status, answer = await client.propose()
    assert (status, answer["state"], answer["decision"]["code"]) == (200, *("pending_approval",) * 2)
    assert "A person has to approve each entry" in answer["decision"]["sentence"]
    assert client.gateway.broker.sent == []
    assert await client.propose() == (status, answer)

    (found,) = (await client.waiting(VIEWERS)).approvals
    assert found.digest == found.shown.digest
    assert (found.order_id, found.shown.proposal, found.requester) == (proposal().id, proposal(), EVE)
    (leg,) = found.legs
    assert (leg.price_shown, leg.price_now) == (Decimal(100), Decimal(100))
    assert (leg.position, leg.position_after) == (Decimal(0), Decimal(10))

    status, answer = await client.say(Act.APPROVE_ORDER)
    assert (status, answer["state"], answer["decision"]["code"]) == (200, "accepted", "approved")
    assert len(client.gateway.broker.sent) == 1
    assert (await client.waiting()).approvals == ()


async def test_a_no_ends_it(client: Client) -> None:
    await client.propose()
    status, answer = await client.say(Act.DENY_ORDER)
    assert (status, answer["state"]) == (200, "withheld")
    assert client.gateway.broker.sent == []


async def test_a_word_that_does_not_hold_is_refused_and_the_entry_waits_on(client: Client) -> None:
    await client.propose()
    for act, person, status, says in (
        (Act.APPROVE_ORDER, EVE, 403, "nobody approves their own request"),
        (Act.APPROVE_ORDER, VIC, 403, "vic has the role viewer"),
        (Act.RESUME, ANN, 403, "expected a statement to approve_order, found one to resume"),
    ):
        found, answer = await client.say(act, person)
        assert (found, says in answer["message"]) == (status, True), answer
    found, answer = await client.say(Act.APPROVE_ORDER, order_id="another")
    assert (found, answer["code"]) == (422, "bad_value")
    body = {"order_id": proposal().id, "envelope": "forged"}
    assert (await client.ask("POST", "/v1/approvals/approve", PERSONS, body))[0] == 403
    assert client.gateway.broker.sent == []
    assert len((await client.waiting()).approvals) == 1


async def test_no_agent_looks_or_says_anything(client: Client) -> None:
    await client.propose()
    body = {"order_id": proposal().id, "envelope": "any"}
    for method, path, sent in (
        ("GET", "/v1/approvals", None),
        ("POST", "/v1/approvals/approve", body),
        ("POST", "/v1/approvals/deny", body),
    ):
        assert (await client.ask(method, path, AGENTS, sent))[0] == 403
        assert (await client.ask(method, path, {}, sent))[0] == 401


async def test_its_agent_cancels_it(client: Client) -> None:
    await client.propose()
    assert (await client.ask("DELETE", f"/v1/orders/{proposal().id}", AGENTS))[0] == 202
    assert (await client.waiting()).approvals == ()
    status, answer = await client.propose()
    assert (status, answer["state"]) == (200, "withheld")
