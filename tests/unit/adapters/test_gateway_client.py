"""The client against a gateway over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from agenttrader.adapters import gateway_client as module
from agenttrader.adapters.gateway_client import UNAUTHORIZED, GatewayClient
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError, Unreachable, Unsent
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol, derive_proposed_id
from agenttrader.model.orders import Effect, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    AnswerBody,
    DecisionBody,
    ErrorBody,
    OrderBody,
    Snapshot,
    StreamMessage,
    TradingBody,
    WatermarkReached,
    decode_proposal,
    encode,
)
from agenttrader.protocols.native_doubts import DoubtBody, DoubtsBody, decode_doubts

D = Decimal
KEY = "a-secret-key"
NAME = "7d9f2d0e-0000-0000-0000-000000000001"
PROPOSAL = Proposal(
    id=derive_proposed_id(AgentName("mo"), NAME),
    agent=AgentName("mo"),
    strategy=StrategyName("momentum"),
    legs=(Leg(Symbol("ALFA")),),
    side=Side.BUY,
    quantity=D(100),
    type=OrderType.MARKET,
    time_in_force=TimeInForce.DAY,
    effect=Effect.OPEN,
    reason="strong",
    decision_price=D("48.20"),
    decision_time=Instant(1_795_186_800_000_000_000),
    correlation_id="momentum-ALFA",
    client_order_id=NAME,
)
ANSWER = AnswerBody(
    order=OrderBody(
        id=PROPOSAL.id,
        agent=PROPOSAL.agent,
        strategy=PROPOSAL.strategy,
        symbol=PROPOSAL.symbol,
        side=Side.BUY,
        type=OrderType.MARKET,
        effect=Effect.OPEN,
        role="entry",
        quantity=D(100),
        filled_quantity=D(0),
        state="denied",
        reason="strong",
        time="2026-11-20T15:00:00Z",
        denied_by="trading_state",
    ),
    state="denied",
    decision=DecisionBody(code="trading_state", sentence="Trading is halted.", checks=()),
)
SNAPSHOT = Snapshot(
    watermark="2026-11-20T15:00:00Z",
    orders=(ANSWER.order,),
    positions=(),
    account=AccountBody(
        equity=D(1),
        cash=D(1),
        realised=D(0),
        unrealised=D(0),
        fees=D(0),
        gross_exposure=D(0),
        dead_machine_loss=D(0),
    ),
    trading=TradingBody(state="halted", reasons=("no window is open",), mode="off"),
)

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway(answering: Answering, port: int = 0) -> AsyncIterator[str]:
    """A gateway that answers everything with `answering`; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answering)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(
    address: Callable[[], str | None], answer_seconds: float = 5
) -> AsyncIterator[GatewayClient]:
    made = GatewayClient(address, Secret(KEY), answer_seconds=answer_seconds)
    try:
        yield made
    finally:
        await made.close()


def answers(body: bytes, status: int = 200) -> Answering:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    return answer


class TestCalls:
    async def test_a_proposal_arrives_whole_under_the_key_and_a_denial_is_an_answer(self) -> None:
        seen: list[tuple[str, str, str, bytes]] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append(
                (request.method, request.path, request.headers["Authorization"], await request.read())
            )
            return web.Response(body=encode(ANSWER))

        async with gateway(answer) as address, client(lambda: address) as reached:
            assert await reached.propose(PROPOSAL) == ANSWER
        ((method, path, authorization, body),) = seen
        assert (method, path, authorization) == ("POST", "/v1/proposals", f"Bearer {KEY}")
        assert decode_proposal(body, AgentName("mo")) == PROPOSAL

    async def test_a_cancel_that_was_asked_for_is_no_refusal(self) -> None:
        seen: list[tuple[str, str]] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append((request.method, request.path))
            return web.Response(body=b"{}", status=202)

        async with gateway(answer) as address, client(lambda: address) as reached:
            await reached.cancel(PROPOSAL.id)
        assert seen == [("DELETE", f"/v1/orders/{PROPOSAL.id}")]

    async def test_doubts_arrive_whole(self) -> None:
        seen: list[tuple[str, str, bytes]] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append((request.method, request.path, await request.read()))
            return web.Response(body=b"{}")

        told = DoubtBody(symbol="ALFA", about=DoubtKind.PLAN, sentence="none")
        async with gateway(answer) as address, client(lambda: address) as reached:
            await reached.doubt(DoubtsBody(doubts=(told,)))
        ((method, path, body),) = seen
        assert (method, path, decode_doubts(body)) == ("PUT", "/v1/doubts", (told,))

    async def test_a_snapshot_is_read(self) -> None:
        async with gateway(answers(encode(SNAPSHOT))) as address, client(lambda: address) as reached:
            assert await reached.snapshot() == SNAPSHOT

    @pytest.mark.parametrize(
        ("status", "kind"),
        (
            (400, BadValue),
            (422, BadValue),
            (413, BadValue),
            (401, ConfigurationError),
            (403, ConfigurationError),
            (404, Unreachable),
            (429, Unreachable),
            (500, Unreachable),
            (503, Unreachable),
            (307, Unreachable),
        ),
    )
    async def test_a_refusal_keeps_the_gateways_words(self, status: int, kind: type[Exception]) -> None:
        body = encode(ErrorBody(code="some", message="expected this, found that"))
        async with gateway(answers(body, status)) as address, client(lambda: address) as reached:
            with pytest.raises(kind, match="expected this, found that") as raised:
                await reached.propose(PROPOSAL)
        assert type(raised.value) is kind

    @pytest.mark.parametrize("body", (b"", b"<html>", b"{}", b'{"order":null}', b"\xff\xfe"))
    async def test_an_answer_that_is_none_is_no_answer(self, body: bytes) -> None:
        async with gateway(answers(body)) as address, client(lambda: address) as reached:
            with pytest.raises(Unreachable, match="expected an answer to a proposal"):
                await reached.propose(PROPOSAL)
            with pytest.raises(Unreachable, match="expected a snapshot"):
                await reached.snapshot()
        async with gateway(answers(body, 500)) as address, client(lambda: address) as reached:
            with pytest.raises(Unreachable, match="expected status 200, found 500"):
                await reached.propose(PROPOSAL)

    async def test_what_cannot_have_arrived_is_told_apart_from_silence(self) -> None:
        async with client(lambda: None) as reached:
            with pytest.raises(Unsent, match="is it running"):
                await reached.propose(PROPOSAL)
        async with gateway(answers(b"")) as gone:
            pass
        async with client(lambda: gone) as reached:
            with pytest.raises(Unsent, match="no connection"):
                await reached.propose(PROPOSAL)

    async def test_silence_ends_after_a_while(self) -> None:
        async def silent(_: web.Request) -> web.Response:
            await asyncio.sleep(5)
            return web.Response()

        async with gateway(silent) as address, client(lambda: address, 0.1) as reached:
            with pytest.raises(Unreachable, match=r"within 0\.1 s") as raised:
                await reached.propose(PROPOSAL)
        assert not isinstance(raised.value, Unsent)

    async def test_half_an_answer_is_no_answer(self) -> None:
        async def cut(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"order":')
            assert request.transport is not None
            request.transport.close()
            return response

        async with gateway(cut) as address, client(lambda: address) as reached:
            with pytest.raises(Unreachable) as raised:
                await reached.propose(PROPOSAL)
        assert not isinstance(raised.value, Unsent)


class Heard:
    """What a follower heard, and a wait for more of it."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self._news = asyncio.Event()

    def receive(self, message: StreamMessage) -> None:
        self.said.append(message)
        self._news.set()

    def link(self, up: bool, reason: str) -> None:  # noqa: FBT001  the feed's port has this form too
        self.said.append("up" if up else f"down: {reason}")
        self._news.set()

    async def until(self, count: int) -> list[Any]:
        async with asyncio.timeout(10):
            while len(self.said) < count:
                self._news.clear()
                await self._news.wait()
        return self.said


@asynccontextmanager
async def following(reached: GatewayClient) -> AsyncIterator[tuple[Heard, asyncio.Task[None]]]:
    heard = Heard()
    task = asyncio.create_task(reached.follow(heard.receive, heard.link))
    try:
        yield heard, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ConfigurationError):
            await task


def streams(*frames: Any, close: int = 1000) -> Answering:
    """A stream that says `frames` and closes; the key must be right."""

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if request.headers.get("Authorization") == f"Bearer {KEY}" and request.path == "/v1/stream":
            for frame in frames:
                await (socket.send_bytes if isinstance(frame, bytes) else socket.send_str)(frame)
        await socket.close(code=close)
        return socket

    return stream


def said(message: StreamMessage) -> str:
    return encode(message).decode()


WATERMARK = WatermarkReached(time="2026-11-20T15:01:00Z")


class TestStream:
    @pytest.fixture(autouse=True)
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "RETRY_SECONDS_MIN", 0.01)
        monkeypatch.setattr(module, "RETRY_SECONDS_MAX", 0.02)

    async def test_each_connection_is_told_then_its_messages_then_its_end(self) -> None:
        async with (
            gateway(streams(said(SNAPSHOT), said(WATERMARK))) as address,
            client(lambda: address) as reached,
            following(reached) as (heard, _),
        ):
            found = await heard.until(8)
        assert found[:4] == ["up", SNAPSHOT, WATERMARK, "down: the gateway closed the stream"]
        assert found[4:8] == found[:4]

    async def test_that_a_time_is_done_with_is_said_on_the_stream_and_without_one_to_nobody(self) -> None:
        said_back: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def stream(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str(said(WATERMARK))
            said_back.set_result(await socket.receive_str())
            return socket

        async with gateway(stream) as address, client(lambda: address) as reached:
            await reached.settled(from_rfc3339(WATERMARK.time))
            async with following(reached) as (heard, _):
                await heard.until(2)
                await reached.settled(from_rfc3339(WATERMARK.time))
                assert await asyncio.wait_for(said_back, 5) == said(WATERMARK)

    async def test_a_gateway_that_comes_back_elsewhere_is_found(self) -> None:
        addresses: list[str | None] = [None]
        async with client(lambda: addresses[-1]) as reached, following(reached) as (heard, _):
            await asyncio.sleep(0.05)
            assert heard.said == []
            async with gateway(streams(said(SNAPSHOT))) as first:
                addresses.append(first)
                await heard.until(3)
            async with gateway(streams(said(SNAPSHOT))) as second:
                assert second != first
                addresses.append(second)
                count = len(heard.said)
                found = await heard.until(count + 3)
        assert found[:2] == ["up", SNAPSHOT]
        assert found[-1] in ("up", SNAPSHOT, "down: the gateway closed the stream")

    @pytest.mark.parametrize(
        ("frame", "reason"),
        (("{}", "expected a /v1/stream message"), (b"\x00", "expected text on the stream")),
    )
    async def test_what_cannot_be_read_ends_the_connection_and_says_so(self, frame: Any, reason: str) -> None:
        async with (
            gateway(streams(said(SNAPSHOT), frame, said(WATERMARK))) as address,
            client(lambda: address) as reached,
            following(reached) as (heard, _),
        ):
            found = await heard.until(3)
        assert found[:2] == ["up", SNAPSHOT]
        assert reason in found[2]
        assert WATERMARK not in found

    async def test_a_key_that_is_refused_ends_it(self) -> None:
        async with (
            gateway(streams(close=UNAUTHORIZED)) as address,
            client(lambda: address) as reached,
            following(reached) as (heard, task),
        ):
            with pytest.raises(ConfigurationError, match="expected it to know our key"):
                await asyncio.wait_for(asyncio.shield(task), 5)
        assert heard.said == []

    async def test_an_error_of_the_receiver_is_not_swallowed(self) -> None:
        def refuse(_: StreamMessage) -> None:
            raise Unreachable("too many wait")

        async with gateway(streams(said(SNAPSHOT))) as address, client(lambda: address) as reached:
            with pytest.raises(Unreachable, match="too many wait"):
                await asyncio.wait_for(reached.follow(refuse, lambda _, __: None), 5)
