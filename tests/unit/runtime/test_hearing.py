"""What is heard of both sources, in one inbox with a limit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import structlog

from agenttrader.model.errors import Unreachable
from agenttrader.model.orders import Proposal
from agenttrader.model.times import Instant
from agenttrader.protocols.native import AnswerBody, WatermarkReached
from agenttrader.runtime import hearing as module
from agenttrader.runtime.hearing import GatewayLost, Hearing
from agenttrader.testing.exits_facts import bar, snapshot, watermark

Receive = Callable[[Any], None]
Link = Callable[[bool, str], None]


class Source:
    """A feed and a gateway: whoever follows it is told what a test says."""

    def __init__(self) -> None:
        self.say: Receive
        self.link: Link
        self.followed = asyncio.Event()

    async def follow(self, receive: Receive, link: Link) -> None:
        self.say, self.link = receive, link
        self.followed.set()
        await asyncio.Event().wait()

    async def settled(self, time: Instant) -> None:
        raise AssertionError(f"nothing settles here, found {time}")

    async def propose(self, proposal: Proposal) -> AnswerBody:
        raise AssertionError(f"nothing is proposed here, found {proposal}")


@asynccontextmanager
async def heard() -> AsyncIterator[tuple[Hearing, Source, Source]]:
    market, gateway = Source(), Source()
    made = Hearing("a unit", market, gateway)
    tasks = [asyncio.create_task(work()) for work in (made.follow_market, made.follow_gateway)]
    await market.followed.wait()
    await gateway.followed.wait()
    try:
        yield made, market, gateway
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_both_sources_are_heard_in_the_order_in_which_they_spoke() -> None:
    async with heard() as (made, market, gateway):
        assert made.is_empty
        said = (bar(1, 100), snapshot(), watermark(1), WatermarkReached(time="1970-01-01T00:01:00Z"))
        for source, each in zip((market, gateway, market, gateway), said, strict=True):
            source.say(each)
        assert tuple([await made.next() for _ in said]) == said
        assert made.is_empty


async def test_that_the_gateway_is_lost_is_heard_and_both_links_are_logged() -> None:
    with structlog.testing.capture_logs() as logs:
        async with heard() as (made, market, gateway):
            market.link(True, "open")  # noqa: FBT003
            market.link(False, "closed")  # noqa: FBT003
            gateway.link(True, "open")  # noqa: FBT003
            assert made.is_empty
            gateway.link(False, "closed")  # noqa: FBT003
            assert await made.next() == GatewayLost()
    assert [(each["link"], each["up"]) for each in logs] == [
        ("marketdata", True),
        ("marketdata", False),
        ("gateway", True),
        ("gateway", False),
    ]


async def test_more_than_can_wait_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOX_MAX", 2)
    async with heard() as (_, market, gateway):
        market.say(watermark(1))
        gateway.say(snapshot())
        with pytest.raises(Unreachable, match="a unit: expected to keep up, found 2 messages waiting"):
            market.say(watermark(2))
