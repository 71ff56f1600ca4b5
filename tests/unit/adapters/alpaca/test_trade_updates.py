"""The stream is told word for word, its link is up only while the broker tells, and it comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from agenttrader.adapters.alpaca import trade_updates
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.alpaca.trade_updates import TradeUpdates
from agenttrader.model.errors import AgentTraderError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.market import Watermark
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant, from_rfc3339

Connect = Callable[..., Connection]
Body = Callable[..., dict[str, Any]]
Following = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def following(connect: Connect, heard: Any) -> Following:
    @asynccontextmanager
    async def follow(*, watermarks: bool = True, **changes: Any) -> AsyncIterator[None]:
        updates = TradeUpdates(
            connection=connect(**changes),
            emit=heard.emit,
            link=heard.link,
            now=lambda: Instant(77),
            watermarks=watermarks,
        )
        before = asyncio.all_tasks()
        task = asyncio.create_task(updates.follow())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert {left for left in asyncio.all_tasks() - before if "updates" in repr(left)} == set()

    return follow


def event(order: dict[str, Any], word: str = "new", **fields: Any) -> dict[str, Any]:
    data = {"event": word, "timestamp": "2026-11-20T15:01:00Z", "order": order} | fields
    return {"stream": "trade_updates", "data": data}


def watermark(time: str) -> dict[str, Any]:
    return {"stream": "watermarks", "data": {"time": time}}


async def test_it_says_who_it_is_then_what_it_wants_and_the_link_is_up(
    stream: Any, following: Following, heard: Any
) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        assert stream.said == [
            {"action": "authenticate", "data": {"key_id": "KEY", "secret_key": "SECRET"}},
            {"action": "listen", "data": {"streams": ["trade_updates", "watermarks"]}},
        ]
        assert heard.links == [(True, "the broker tells what happens to orders")]


async def test_a_real_broker_is_not_asked_for_watermarks(
    stream: Any, following: Following, heard: Any
) -> None:
    async with following(watermarks=False):
        await heard.until(lambda: heard.links)
        assert stream.said[-1]["data"] == {"streams": ["trade_updates"]}


async def test_events_and_watermarks_are_told_in_order(
    stream: Any, following: Following, heard: Any, order_body: Body
) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        fill = event(order_body(), "fill", execution_id="e", price="100", qty="10")
        for message in (
            event(order_body()),
            fill,
            watermark("2026-11-20T15:01:00Z"),
            event(order_body(), "canceled"),
        ):
            await stream.put(message)
        await heard.until(lambda: len(heard.said) == 4)
        assert heard.kinds == ["accepted", "filled", "watermark", "canceled"]
        assert heard.said[2] == Watermark(time=from_rfc3339("2026-11-20T15:01:00Z"))


@pytest.mark.parametrize(
    "message",
    (
        "not json",
        '{"stream":"trade_updates","data":{"event":"fill"}}',
        '{"stream":"gossip","data":{}}',
        '{"stream":"watermarks","data":{"time":"noon"}}',
        "[]",
    ),
)
async def test_what_cannot_be_read_is_a_report_and_ends_nothing(
    message: str, stream: Any, following: Following, heard: Any
) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        await stream.put(message)
        await stream.put(watermark("2026-11-20T15:01:00Z"))
        await heard.until(lambda: len(heard.said) == 2)
        assert heard.said[0].kind is ReportKind.UNRECOGNISED
        assert heard.said[0].raw == message
        assert heard.said[0].reason
        assert heard.kinds[1] == "watermark"


async def test_it_comes_back_and_says_that_it_was_away(stream: Any, following: Following, heard: Any) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        await stream.sockets[-1].close(code=1012)
        await heard.until(lambda: len(heard.links) == 3)
        assert [up for up, _ in heard.links] == [True, False, True]
        assert "1012" in heard.links[1][1]


async def test_a_connection_that_is_reset_is_found(stream: Any, following: Following, heard: Any) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        stream.sockets[-1]._req.transport.abort()
        await heard.until(lambda: len(heard.links) == 3)
        assert [up for up, _ in heard.links] == [True, False, True]


async def test_an_open_connection_that_is_dead_is_found(
    stream: Any, following: Following, heard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agenttrader.adapters.alpaca.connection.HEARTBEAT_SECONDS", 0.1)
    async with following():
        await heard.until(lambda: heard.links)
        # It reads no more, so it answers no ping; the kernel keeps the connection open.
        stream.sockets[-1]._req.transport.pause_reading()
        await heard.until(lambda: len(heard.links) >= 2)
        assert not heard.links[1][0]


async def test_a_broker_without_a_stream_says_so_once(server: Any, following: Following, heard: Any) -> None:
    async with following():
        await heard.until(lambda: len(server.asked("GET", "/stream")) >= 3)
        assert [up for up, _ in heard.links] == [False]


async def test_credentials_that_do_not_hold_leave_the_link_down(
    stream: Any, following: Following, heard: Any
) -> None:
    stream.status = "unauthorized"
    async with following():
        await heard.until(lambda: stream.connections >= 2)
        assert heard.links == [
            (False, "stream: expected to be authorized, found unauthorized: check the credentials")
        ]


async def test_a_broker_that_does_not_tell_what_was_asked_leaves_the_link_down(
    stream: Any, following: Following, heard: Any
) -> None:
    stream.streams = ["trade_updates"]
    async with following():
        await heard.until(lambda: heard.links)
        assert heard.links == [
            (False, "stream: expected to be told trade_updates, watermarks, found trade_updates")
        ]


async def test_a_broker_that_does_not_confirm_is_left(
    following: Following, heard: Any, monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    monkeypatch.setattr(trade_updates, "HANDSHAKE_SECONDS", 0.05)

    async def silent(_: object) -> None:
        return None

    stream.put = silent
    async with following():
        await heard.until(lambda: heard.links)
        assert heard.links[0][0] is False
        assert "found silence" in heard.links[0][1]


async def test_another_account_is_never_listened_to(stream: Any, following: Following, heard: Any) -> None:
    async with following(account=AccountName("SIM-2")):
        await heard.until(lambda: heard.links)
        assert heard.links[0][0] is False
        assert "expected account SIM-2" in heard.links[0][1]
        assert stream.connections == 0


async def test_whoever_answers_after_a_break_is_looked_at_again(
    stream: Any, server: Any, following: Following, heard: Any
) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        await stream.sockets[-1].close()
        await heard.until(lambda: len(heard.links) == 3)
        assert len(server.asked("GET", "/v2/account")) == 2


async def test_what_is_not_taken_in_starts_the_stream_anew(
    stream: Any, following: Following, heard: Any, order_body: Body
) -> None:
    async with following():
        await heard.until(lambda: heard.links)
        heard.refusals.append(AgentTraderError("the inbox is full"))
        await stream.put(event(order_body()))
        await heard.until(lambda: len(heard.links) == 3)
        assert heard.links[1] == (False, "the inbox is full")
        assert heard.said == []
