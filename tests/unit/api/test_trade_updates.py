"""The stream in Alpaca's words over a real socket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from agenttrader.api import owners, trade_updates
from agenttrader.api.alpaca import create_alpaca_app
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.runtime.inputs import Proposed
from agenttrader.testing.builders import AGENT, OTHER_AGENT, proposal
from agenttrader.testing.serving import serving
from agenttrader.testing.small_gateway import SmallGateway

AGENTS = {hashlib.sha256(f"{name}-key".encode()).hexdigest(): name for name in (AGENT, OTHER_AGENT)}


class Wire:
    """One connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, action: str, **data: Any) -> None:
        await self.socket.send_str(msgspec.json.encode({"action": action, "data": data}).decode())

    async def hear(self) -> Any:
        async with asyncio.timeout(5):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return msgspec.json.decode(message.data)

    async def closed(self) -> int | None:
        async with asyncio.timeout(5):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return self.socket.close_code

    async def enter(self, agent: str = AGENT) -> None:
        await self.say("authenticate", key_id=agent, secret_key=f"{agent}-key")
        assert (await self.hear())["data"]["status"] == "authorized"
        await self.say("listen", streams=["trade_updates"])
        assert (await self.hear())["data"] == {"streams": ["trade_updates"]}


class Served:
    """A gateway whose stream is served."""

    def __init__(self, gateway: SmallGateway, updates: AlpacaUpdates, http: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.updates = updates
        self.http = http

    async def wire(self) -> Wire:
        return Wire(await self.http.ws_connect("/stream"))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    gateway = SmallGateway()
    updates = AlpacaUpdates(gateway.session)
    gateway.broker.on_submit = gateway.accept
    await gateway.trade()
    async with (
        serving(create_alpaca_app(AlpacaDesk(gateway.desk, updates, {}), AGENTS)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Served(gateway, updates, http)
    await gateway.stop()


async def test_an_agent_is_told_of_its_own_orders_in_binary_frames(served: Served) -> None:
    mine, others = await served.wire(), await served.wire()
    await mine.enter()
    await others.enter(OTHER_AGENT)
    await served.gateway.session.ask(Proposed(proposal()))
    told = await mine.hear()
    assert (told["stream"], told["data"]["event"]) == ("trade_updates", "new")
    assert told["data"]["order"]["id"] == proposal().id
    await served.gateway.settle()
    await others.say("listen", streams=[])
    assert (await others.hear())["stream"] == "listening"


@pytest.mark.parametrize(
    ("name", "key"), ((AGENT, "guessed"), (AGENT, f"{OTHER_AGENT}-key"), ("nobody", f"{AGENT}-key"))
)
async def test_a_stranger_is_not_let_in_and_may_try_again(served: Served, name: str, key: str) -> None:
    wire = await served.wire()
    await wire.say("listen", streams=["trade_updates"])
    assert (await wire.hear())["data"] == {"status": "unauthorized", "action": "listen"}
    await wire.say("authenticate", key_id=name, secret_key=key)
    assert (await wire.hear())["data"] == {"status": "unauthorized", "action": "authenticate"}
    await wire.say("listen", streams=["trade_updates"])
    assert (await wire.hear())["data"]["status"] == "unauthorized"
    await wire.enter()


async def test_who_says_what_cannot_be_read_is_closed(served: Served) -> None:
    wire = await served.wire()
    await wire.socket.send_bytes(b"{")
    assert await wire.closed() == 1008


async def test_who_says_nothing_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_updates, "AUTHENTICATE_SECONDS", 0.05)
    wire = await served.wire()
    assert await wire.closed() == 1008


async def test_one_that_does_not_keep_up_is_closed_after_what_waits(served: Served) -> None:
    wire = await served.wire()
    await wire.enter()
    (listener,) = served.updates._listeners
    for _ in range(listener.queue.maxsize + 10):
        listener.tell(b"{}")
    for _ in range(listener.queue.maxsize - 1):
        assert await wire.hear() == {}
    assert await wire.closed() == 1013


async def test_a_key_that_is_revoked_ends_its_stream_and_no_other(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "LOOK_SECONDS", 0.01)
    mine, others = await served.wire(), await served.wire()
    await mine.enter()
    await others.enter(OTHER_AGENT)
    monkeypatch.delitem(AGENTS, hashlib.sha256(f"{AGENT}-key".encode()).hexdigest())
    assert await mine.closed() == 1008
    assert [listener.owner for listener in served.updates._listeners] == [OTHER_AGENT]
    assert not others.socket.closed


async def test_one_that_has_left_is_forgotten(served: Served) -> None:
    wire = await served.wire()
    await wire.enter()
    await wire.socket.close()
    async with asyncio.timeout(5):
        while served.updates._listeners:  # noqa: ASYNC110  the server raises no event
            await asyncio.sleep(0.005)
