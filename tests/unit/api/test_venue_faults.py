"""Requests to an application that counts its acts, with faults around it, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import aiohttp
import pytest

from agenttrader.api.probes import Receive, Scope, Send
from agenttrader.api.severing import sever
from agenttrader.api.venue_faults import with_faults
from agenttrader.app.fault_kinds import ErrorAnswer, Fault, HalfAnswer, Latency, LostAnswer, Restart, When
from agenttrader.app.venue.faults import Ended, Faults
from agenttrader.testing.serving import serving

BODY = b'{"status":"done, and this is the whole answer"}'


class Counting:
    """An application that acts on every request, and knows how often it did."""

    def __init__(self) -> None:
        self.acts = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert (await receive())["type"] == "http.request"
        self.acts += 1
        empty = scope["method"] == "DELETE"
        headers = [] if empty else [(b"content-length", str(len(BODY)).encode())]
        await send({"type": "http.response.start", "status": 204 if empty else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if empty else BODY})


class World:
    """The application, its faults, and a client that asks once and never again."""

    def __init__(self, address: str, app: Counting, faults: Faults, session: aiohttp.ClientSession) -> None:
        self.app = app
        self.faults = faults
        self._url = f"http://{address}/v2/orders"
        self._session = session

    async def ask(self, method: str = "POST", key_id: str = "KEY") -> tuple[int, bytes]:
        headers = {"APCA-API-KEY-ID": key_id}
        async with self._session.request(method, self._url, data=b"{}", headers=headers) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    app, faults = Counting(), Faults(7, 0)
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        serving(with_faults(app, faults)) as address,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        yield World(address, app, faults, session)


def always(kind: Any, **fields: Any) -> Fault:
    fault: Fault = kind(only=("POST /v2/orders",), per_mille=1_000, times=1, **fields)
    return fault


async def test_without_a_fault_everything_is_as_it_was(world: World) -> None:
    assert await world.ask() == (200, BODY)
    assert await world.ask("DELETE") == (204, b"")


@pytest.mark.parametrize(("when", "acts"), ((When.BEFORE, 0), (When.AFTER, 1)))
async def test_an_answer_is_lost_and_the_act_is_done_or_not(world: World, when: When, acts: int) -> None:
    world.faults.plan(always(LostAnswer, when=when))
    with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)):
        await world.ask()
    assert world.app.acts == acts
    assert await world.ask() == (200, BODY)
    assert [struck.subject for struck in world.faults.struck()] == ["POST /v2/orders"]


async def test_half_an_answer_arrives_of_what_was_done(world: World) -> None:
    world.faults.plan(always(HalfAnswer))
    with pytest.raises(aiohttp.ClientPayloadError):
        await world.ask()
    assert world.app.acts == 1


async def test_of_an_answer_without_a_body_half_is_nothing(world: World) -> None:
    world.faults.plan(HalfAnswer(only=("DELETE",), per_mille=1_000, times="always"))
    with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)):
        await world.ask("DELETE")
    assert world.app.acts > 0


@pytest.mark.parametrize("status", (401, 429, 500, 504))
@pytest.mark.parametrize(("when", "acts"), ((When.BEFORE, 0), (When.AFTER, 1)))
async def test_an_error_is_answered_and_the_act_is_done_or_not(
    world: World, status: Literal[401, 429, 500, 504], when: When, acts: int
) -> None:
    world.faults.plan(always(ErrorAnswer, when=when, status=status))
    found, body = await world.ask()
    assert (found, world.app.acts) == (status, acts)
    assert (b'"code"' in body) is (status != 504)


async def test_latency_lies_before_the_act_or_after_it(world: World) -> None:
    """What lay somewhere for a while is acted on, even where nobody waits for it any more."""
    number = world.faults.plan(always(Latency, when=When.BEFORE, milliseconds=600_000)).number
    waiting = asyncio.create_task(world.ask())
    await until(lambda: len(world.faults.struck()) == 1)
    assert world.app.acts == 0
    waiting.cancel()
    world.faults.withdraw(number)
    world.faults.plan(always(Latency, when=When.BEFORE, milliseconds=30))
    impatient = asyncio.create_task(world.ask())
    await until(lambda: len(world.faults.struck()) == 2)
    impatient.cancel()
    await until(lambda: world.app.acts == 1)
    world.app.acts = 0
    world.faults.plan(always(Latency, when=When.AFTER, milliseconds=30))
    asked = asyncio.create_task(world.ask())
    await until(lambda: world.app.acts == 1)
    assert not asked.done()
    assert await asked == (200, BODY)


@pytest.mark.parametrize(("when", "acts"), ((When.BEFORE, 0), (When.AFTER, 1)))
async def test_a_restart_answers_nobody_and_lets_the_process_end(world: World, when: When, acts: int) -> None:
    world.faults.plan(always(Restart, when=when))
    with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)):
        await world.ask()
    assert world.app.acts == acts
    with pytest.raises(Ended):
        await world.faults.until_ended()


async def test_each_client_has_a_fate_of_its_own(world: World) -> None:
    world.faults.plan(ErrorAnswer(only=(), per_mille=400, times="always", when=When.BEFORE, status=500))
    mine = [(await world.ask())[0] for _ in range(20)]
    again = Faults(7, 0, [planned.fault for planned in world.faults.planned()])
    lane = ("KEY", "POST", "/v2/orders")
    told = [again.of_request("POST /v2/orders", lane) is not None for _ in range(20)]
    assert [status == 500 for status in mine] == told
    assert {200, 500} == set(mine)
    others = [(await world.ask(key_id="ANOTHER"))[0] for _ in range(20)]
    assert others != mine


async def test_what_is_no_connection_cannot_be_severed() -> None:
    async def send(_: Any) -> None:
        """Nobody's method."""

    with pytest.raises(RuntimeError, match="uvicorn"):
        sever(send)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing raises an event
            await asyncio.sleep(0.002)
