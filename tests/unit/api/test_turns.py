"""Who is refused for asking too much at once, over real sockets; and who never is."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import aiohttp
import pytest

from agenttrader.api.probes import Receive, Send, nothing_else
from agenttrader.api.turns import QUESTIONS_MAX, with_turns
from agenttrader.model.identifiers import AgentName
from agenttrader.testing.serving import serving

AGENTS = {hashlib.sha256(name.encode()).hexdigest(): AgentName(name) for name in ("bot", "other")}
MANY = 10


class Face:
    """What is behind: it answers when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await nothing_else(scope, receive, send)
            return
        self.asked += 1
        await self.may_answer.wait()
        if scope["path"] == "/v1/crash":
            raise ZeroDivisionError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Gateway:
    """The face behind its bound, and its callers."""

    def __init__(self, http: aiohttp.ClientSession, face: Face) -> None:
        self.http, self.face = http, face

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, str | None]:
        words = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, path, headers=words) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers.get("retry-after")

    async def ask_many(self, path: str, method: str = "GET", **headers: str) -> list[int]:
        """The statuses of so many at once."""
        self.face.asked = 0
        asked = [asyncio.create_task(self.ask(path, method, **headers)) for _ in range(MANY)]
        async with asyncio.timeout(5):
            while self.face.asked + sum(each.done() for each in asked) < MANY:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
        self.face.may_answer.set()
        statuses = [status for status, _, _ in await asyncio.gather(*asked)]
        self.face.may_answer.clear()
        return sorted(statuses)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    face = Face()
    async with (
        serving(with_turns(face, AGENTS)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Gateway(http, face)


REFUSED = [200] * QUESTIONS_MAX + [429] * (MANY - QUESTIONS_MAX)


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    (
        ("/v1/snapshot", {"authorization": "Bearer bot"}, "too_many_waiting"),
        ("/v2/orders", {"apca_api_key_id": "bot", "apca_api_secret_key": "bot"}, 42910000),
    ),
)
async def test_an_agents_questions_beyond_two_are_refused_and_others_are_answered(
    gateway: Gateway, path: str, headers: dict[str, str], code: object
) -> None:
    assert await gateway.ask_many(path, **headers) == REFUSED
    held = [asyncio.create_task(gateway.ask(path, **headers)) for _ in range(QUESTIONS_MAX)]
    await asyncio.sleep(0.05)
    status, body, retry_after = await gateway.ask(path, **headers)
    assert (status, body["code"], retry_after) == (429, code, "1")
    assert "ask again in a moment" in body["message"]
    other = asyncio.create_task(gateway.ask(path, authorization="Bearer other"))
    gateway.face.may_answer.set()
    assert [each[0] for each in await asyncio.gather(*held, other)] == [200] * (QUESTIONS_MAX + 1)
    assert (await gateway.ask(path, **headers))[0] == 200


@pytest.mark.parametrize(
    ("method", "key"),
    (("GET", "persons-token"), ("GET", "nobodys"), ("POST", "bot"), ("DELETE", "bot")),
    ids=["a person", "a stranger", "an order", "a cancel"],
)
async def test_persons_orders_and_cancels_are_not_counted(gateway: Gateway, method: str, key: str) -> None:
    assert await gateway.ask_many("/v1/x", method, authorization=f"Bearer {key}") == [200] * MANY


async def test_what_is_answered_at_once_is_counted_too() -> None:
    async def at_once(scope: MutableMapping[str, Any], *_: object) -> None:
        answers.append(scope["path"])

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(message.get("status"))

    async def receive() -> dict[str, Any]:
        return {}

    answers: list[Any] = []
    app = with_turns(at_once, AGENTS)
    keys = [(b"authorization", f"Bearer {key}".encode()) for key in ("bot", "another word")]
    scope = {"type": "http", "method": "GET", "path": "/v1/x", "headers": keys}
    await asyncio.gather(*(app(scope, receive, send) for _ in range(MANY)))
    assert answers.count("/v1/x") == QUESTIONS_MAX
    assert answers.count(429) == MANY - QUESTIONS_MAX


async def test_a_question_that_fails_gives_its_turn_back(gateway: Gateway) -> None:
    gateway.face.may_answer.set()
    for _ in range(QUESTIONS_MAX + 1):
        assert (await gateway.http.get("/v1/crash", headers={"authorization": "Bearer bot"})).status == 500
    assert (await gateway.ask("/v1/x", authorization="Bearer bot"))[0] == 200
