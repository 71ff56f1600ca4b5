"""The control port over a real socket: what it lets whom plan, and what it says has happened."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from agenttrader.api.venue_control import create_control_app
from agenttrader.app.fault_kinds import LostAnswer, When
from agenttrader.app.venue.faults import Ended, Faults
from agenttrader.testing.serving import serving

TOKEN = "a token of 256 bits"
LOST = {"fault": "lost_answer", "when": "after", "only": ["POST /v2/orders"], "per_mille": 1000, "times": 2}


class Control:
    """The port, and who holds its token."""

    def __init__(self, address: str, faults: Faults, session: aiohttp.ClientSession) -> None:
        self.faults = faults
        self._url = f"http://{address}"
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    faults = Faults(7, 0, [LostAnswer(only=("DELETE",), per_mille=20, times="always", when=When.BEFORE)])
    app = create_control_app(faults, hashlib.sha256(TOKEN.encode()).hexdigest())
    async with serving(app) as address, aiohttp.ClientSession() as session:
        yield Control(address, faults, session)


async def test_what_is_planned_is_listed_added_to_and_withdrawn(control: Control) -> None:
    status, found = await control.ask("GET", "/v1/faults")
    assert (status, found["seed"], len(found["planned"])) == (200, 7, 1)
    status, planned = await control.ask("POST", "/v1/faults", LOST)
    assert status == 201
    assert planned == {"number": 2, "fault": LOST, "seen": 0, "struck": 0}
    assert [each["number"] for each in (await control.ask("GET", "/v1/faults"))[1]["planned"]] == [1, 2]
    assert await control.ask("DELETE", "/v1/faults/2") == (200, planned)
    status, withdrawn = await control.ask("DELETE", "/v1/faults")
    assert (status, [each["number"] for each in withdrawn["withdrawn"]]) == (200, [1])
    assert control.faults.planned() == []


async def test_what_has_struck_is_told_from_where_one_asks(control: Control) -> None:
    await control.ask("POST", "/v1/faults", LOST)
    for _ in range(3):
        control.faults.of_request("POST /v2/orders", ("KEY",))
    _, found = await control.ask("GET", "/v1/struck")
    assert found["struck"] == [
        {"number": number, "planned": 2, "fault": "lost_answer", "subject": "POST /v2/orders"}
        for number in (1, 2)
    ]
    assert (await control.ask("GET", "/v1/struck?after=1"))[1]["struck"] == found["struck"][1:]


async def test_a_restart_is_noted_and_ends_the_process(control: Control) -> None:
    status, noted = await control.ask("POST", "/v1/restart", {"reason": "a drill at noon"})
    assert (status, noted["fault"], noted["subject"]) == (202, "restart", "a drill at noon")
    with pytest.raises(Ended):
        await control.faults.until_ended()


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("GET", "/v1/faults"),
        ("POST", "/v1/faults"),
        ("DELETE", "/v1/faults"),
        ("DELETE", "/v1/faults/1"),
        ("GET", "/v1/struck"),
        ("POST", "/v1/restart"),
    ),
)
async def test_without_the_token_nothing_is_told_or_done(control: Control, method: str, path: str) -> None:
    for token in ("another", ""):
        status, error = await control.ask(method, path, LOST, token=token)
        assert (status, error["code"]) == (401, "not_permitted")
    assert len(control.faults.planned()) == 1
    assert control.faults.struck() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    (
        ("POST", "/v1/faults", {**LOST, "per_mille": 0}, (422, "bad_value")),
        ("POST", "/v1/faults", {**LOST, "fault": "earthquake"}, (422, "bad_value")),
        ("POST", "/v1/faults", {**LOST, "forever": True}, (422, "bad_value")),
        ("POST", "/v1/restart", {}, (422, "bad_value")),
        ("GET", "/v1/struck?after=soon", None, (422, "bad_value")),
        ("DELETE", "/v1/faults/9", None, (404, "not_planned")),
        ("GET", "/v1/earthquakes", None, (404, "http")),
        ("PUT", "/v1/faults", None, (405, "http")),
    ),
)
async def test_what_cannot_be_is_refused_in_words(
    control: Control, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    status, error = await control.ask(method, path, body)
    assert (status, error["code"]) == expected
    assert error["message"]
    assert len(control.faults.planned()) == 1
