"""Who may do what, walked over HTTP: every act that is signed and every act of a token, in every role.

But for the answers to an entry that waits for a person, which need one: `test_approvals.py` of the runtime.
"""

import hashlib
from typing import Any

import aiohttp
import msgspec

from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.app.operators.acts import PATHS
from agenttrader.model.authority import MAY_MAKE_SMALLER, MAY_SIGN, Act, PersonRole
from agenttrader.testing.builders import AGENT, PERSON, signed
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway

AGENTS, PERSONS = {"Authorization": "Bearer agents-key"}, {"Authorization": "Bearer persons-token"}
KEYS = Keys(
    agents={hashlib.sha256(b"agents-key").hexdigest(): AGENT},
    people={hashlib.sha256(b"persons-token").hexdigest(): PERSON},
)
OF_ENTRIES = (Act.APPROVE_ORDER, Act.DENY_ORDER)
SIGNED = tuple(act for act in Act if act not in OF_ENTRIES)
WITH_SUBJECT = (Act.ACCEPT_BREAK, Act.LOOSEN_LIMITS)
MAKES_SMALLER: dict[str, dict[str, str]] = {
    "/v1/limits/tighten": {"name": "no.such.limit", "value": "1", "reason": "why"},
    "/v1/orders/cancel": {"order_id": "no such order", "reason": "why"},
    "/v1/positions/close": {"symbol": "NONE", "reason": "why"},
}
ANYBODYS: dict[str, dict[str, Any]] = {
    "/v1/halt": {"scope": ["everything", ""], "state": "halted", "reason": "why"},
    "/v1/reconcile": {},
    "/v1/windows/close": {"reason": "why"},
}


async def test_every_act_takes_who_may_and_nobody_else() -> None:
    gateway = SmallGateway(answer_wait_seconds=0.05)
    await gateway.trade()
    people = gateway.session.engine.rules.authority.people
    async with (
        serving(create_gateway_app(gateway.desk, KEYS)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):

        async def post(path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
            async with http.post(path, data=msgspec.json.encode(body), headers=headers) as answer:
                return answer.status, await answer.json()

        for role in PersonRole:
            people[PERSON] = role
            for act in SIGNED:
                about = "something" if act in WITH_SUBJECT else ""
                gateway.envelopes["signed"] = signed(act, about=about, nonce=f"{role} {act}")
                body = {"envelope": "signed"}
                assert (await post(PATHS[act], AGENTS, body))[0] == 403, act
                status, answer = await post(PATHS[act], PERSONS, body)
                is_refused = status == 403 and f"ada has the role {role.value}" in answer["message"]
                assert is_refused is (role not in MAY_SIGN[act]), (act, role, answer)
            for path, body in MAKES_SMALLER.items():
                assert (await post(path, AGENTS, body))[0] == 403, path
                status, answer = await post(path, PERSONS, body)
                assert status == (422 if role in MAY_MAKE_SMALLER else 403), (path, role, answer)
            for path, given in ANYBODYS.items():
                assert (await post(path, AGENTS, given))[0] == 403, path
                status, answer = await post(path, PERSONS, given)
                assert status in {200, 422}, (path, role, answer)
    await gateway.stop()
