"""An order leaves once and in order, whatever comes back; what became of it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from msgspec import structs

from agenttrader.adapters.alpaca.broker import CANCEL_TRIES_MAX, OUTBOX_MAX, AlpacaBroker, Patience
from agenttrader.adapters.alpaca.outbox import KEPT_PERCENT
from agenttrader.model.credentials import Credential
from agenttrader.model.errors import AgentTraderError, ConfigurationError, Unreachable
from agenttrader.model.events import CancelRequested, Sending
from agenttrader.model.identifiers import (
    AccountName,
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    Symbol,
    derive_client_order_id,
)
from agenttrader.model.instructions import Instruction, Replacing
from agenttrader.model.orders import Changes, Leg, OrderType, Side, TimeInForce
from agenttrader.model.records import Chain, Recorded
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_surroundings import Surroundings
from agenttrader.testing.broker_world import nothing_halts

RECORD_TIME = Instant(1_795_186_800_000_000_000)
BROKER_ID = BrokerOrderId("61e69015-8549-4bfd-b9c3-01e75843f47d")
PATIENCE = Patience(answer_seconds=0.2, ask_again_seconds=(0.01, 0.01, 0.01), requests_per_minute_max=None)
PATIENT = Patience(answer_seconds=30, ask_again_seconds=(), requests_per_minute_max=None)
FOUND = "/v2/orders:by_client_order_id"
NOT_FOUND = {"code": 40410000, "message": "order not found"}
Body = Callable[..., dict[str, Any]]
Running = Callable[..., AbstractAsyncContextManager[AlpacaBroker]]


def sending(sequence: int = 7, **changes: Any) -> Recorded[Sending]:
    instruction = Instruction(
        legs=(Leg(Symbol("AAPL")),),
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        stop=None,
        target=None,
    )
    changed = structs.replace(instruction, **changes)
    event = Sending(order_id=OrderId(f"order-{sequence}"), instruction=changed)
    return Recorded(Chain(sequence - 1).seal(event, RECORD_TIME))  # type: ignore[arg-type]


def id_of(order: Recorded[Sending]) -> ClientOrderId:
    return derive_client_order_id(order.sealed.sequence, order.sealed.hash)


def canceling(broker_order_id: BrokerOrderId = BROKER_ID) -> Recorded[CancelRequested]:
    event = CancelRequested(
        order_id=OrderId("order-7"), broker_order_id=broker_order_id, by="operator", reason="window closed"
    )
    return Recorded(Chain(20).seal(event, RECORD_TIME))  # type: ignore[arg-type]


@pytest.fixture
def running(server: Any, heard: Any, clock: Any, credential: Credential) -> Running:
    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[AlpacaBroker]:
        values: dict[str, Any] = {
            "address": lambda: server.url,
            "credential": credential,
            "account": AccountName("SIM-1"),
            "surroundings": Surroundings.SIMULATED,
            "clock": clock,
            "emit": heard.emit,
            "link": heard.link,
            "patience": PATIENCE,
        }
        broker = AlpacaBroker(**(values | changes))
        task = asyncio.create_task(broker.run())
        await asyncio.sleep(0)
        yield broker
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return run


def taken(order: Recorded[Sending], body: Body, **changes: Any) -> dict[str, Any]:
    return body(client_order_id=id_of(order), **changes)


async def test_an_order_is_posted_under_the_id_that_its_record_gives(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = sending()
    server.answer("POST", "/v2/orders", taken(order, order_body))
    async with running() as broker:
        broker.submit(order, nothing_halts)
        assert heard.said == []
        await heard.until(lambda: heard.said)
    (posted,) = server.posted()
    assert posted == {
        "client_order_id": f"at-7-{order.sealed.hash[:16]}",
        "symbol": "AAPL",
        "side": "buy",
        "qty": "10",
        "type": "market",
        "time_in_force": "day",
    }
    (report,) = heard.said
    assert (report.kind, report.client_order_id, report.broker_order_id) == (
        ReportKind.ACCEPTED,
        id_of(order),
        BROKER_ID,
    )


async def test_a_bracket_is_accepted_with_its_legs(
    server: Any, heard: Any, running: Running, bracket_body: Body
) -> None:
    order = sending(stop=Decimal("95.5"), target=Decimal(110))
    server.answer("POST", "/v2/orders", taken(order, bracket_body))
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: heard.said)
    assert [leg.broker_order_id for leg in heard.said[0].legs] == ["target-id", "stop-id"]


async def test_a_refusal_is_rejected_in_the_brokers_words(server: Any, heard: Any, running: Running) -> None:
    refusal = {"code": 40310000, "message": "insufficient buying power"}
    server.answer("POST", "/v2/orders", refusal, status=403)
    async with running() as broker:
        broker.submit(sending(), nothing_halts)
        await heard.until(lambda: heard.said)
    (report,) = heard.said
    assert (report.kind, report.reason, report.time) == (
        ReportKind.REJECTED,
        "insufficient buying power",
        RECORD_TIME,
    )


async def lose_by_silence(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError("the client leaves first")


async def lose_by_reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def lose_by_gateway(_: web.Request) -> web.StreamResponse:
    return web.Response(status=504, text="upstream timed out")


async def say_used(_: web.Request) -> web.StreamResponse:
    return web.json_response({"code": 40010001, "message": "client_order_id must be unique"}, status=422)


LOSSES = (lose_by_silence, lose_by_reset, lose_by_gateway, say_used)


def replacing() -> Recorded[Sending]:
    changes = Changes(limit_price=Decimal(99))
    return sending(replacing=Replacing(broker_order_id=BROKER_ID, changes=changes))


async def test_what_comes_in_the_place_of_an_order_leaves_once_as_its_changes(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = replacing()
    server.answer("PATCH", f"/v2/orders/{BROKER_ID}", taken(order, order_body, id="new", replaces=BROKER_ID))
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: heard.said)
    assert server.posted("PATCH") == [{"client_order_id": id_of(order), "limit_price": "99"}]
    (report,) = heard.said
    assert (report.kind, report.broker_order_id) == (ReportKind.ACCEPTED, "new")


async def test_what_halts_meanwhile_stops_a_replacement_too(
    server: Any, heard: Any, running: Running
) -> None:
    async with running() as broker:
        broker.submit(replacing(), lambda: "halted")
        await heard.until(lambda: heard.said)
    assert (heard.said[0].kind, server.posted("PATCH")) == (ReportKind.NOT_SENT, [])


async def test_a_lost_answer_to_a_replacement_is_asked_for_and_tells_of_both(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = replacing()
    server.handle("PATCH", f"/v2/orders/{BROKER_ID}", lose_by_reset)
    server.answer("GET", FOUND, taken(order, order_body, id="new", replaces=BROKER_ID))
    old = order_body(status="replaced", replaced_by="new", replaced_at="2026-11-20T15:00:00Z")
    server.answer("GET", f"/v2/orders/{BROKER_ID}", old)
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: len(heard.said) >= 4)
    told = {(report.kind, report.broker_order_id) for report in heard.said}
    assert {(ReportKind.REPLACED, BROKER_ID), (ReportKind.ACCEPTED, "new")} <= told
    assert len(server.posted("PATCH")) == 1


async def refuse_replaced(_: web.Request) -> web.Response:
    return web.json_response({"code": 42210000, "message": "order is replaced"}, status=422)


@pytest.mark.parametrize(
    ("answers", "kind"),
    (
        ("found", ReportKind.ACCEPTED),
        ("not found", ReportKind.REJECTED),
        ("nothing", ReportKind.ANSWER_LOST),
    ),
)
async def test_a_refused_replacement_is_asked_for_because_it_may_be_its_second_copy(
    answers: str, kind: ReportKind, server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = replacing()
    server.handle("PATCH", f"/v2/orders/{BROKER_ID}", refuse_replaced)
    if answers == "nothing":
        server.handle("GET", FOUND, lose_by_reset)
    elif answers == "found":
        server.answer("GET", FOUND, taken(order, order_body, id="new"))
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: heard.said)
    assert heard.said[0].kind is kind
    assert len(server.posted("PATCH")) == 1


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_answer_is_asked_for_and_the_order_never_sent_again(
    loss: Any, server: Any, heard: Any, running: Running, order_body: Body, fill_body: Body
) -> None:
    order = sending()
    server.handle("POST", "/v2/orders", loss)
    server.answer("GET", FOUND, taken(order, order_body, status="filled", filled_qty="10"))
    server.answer("GET", "/v2/account/activities", [fill_body()])
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: len(heard.said) >= 3)
    assert heard.kinds == ["answer_lost", "accepted", "filled"]
    assert heard.said[0].time == RECORD_TIME
    assert len(server.posted()) == 1


async def test_an_order_that_nobody_has_is_told_as_not_found_after_the_last_question(
    server: Any, heard: Any, running: Running
) -> None:
    server.handle("POST", "/v2/orders", lose_by_gateway)
    server.answer("GET", FOUND, NOT_FOUND, status=404)
    async with running() as broker:
        broker.submit(sending(), nothing_halts)
        await heard.until(lambda: len(heard.said) >= 2)
    assert heard.kinds == ["answer_lost", "not_found"]
    assert len(server.asked("GET", FOUND)) == len(PATIENCE.ask_again_seconds)
    assert len(server.posted()) == 1


async def test_an_order_that_arrives_late_is_still_found(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = sending()
    server.handle("POST", "/v2/orders", lose_by_gateway)

    async def not_yet(_: web.Request) -> web.StreamResponse:
        return web.json_response(NOT_FOUND, status=404)

    async def now(_: web.Request) -> web.StreamResponse:
        return web.json_response(taken(order, order_body))

    server.handle("GET", FOUND, not_yet, not_yet, now)
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: len(heard.said) >= 2)
    assert heard.kinds == ["answer_lost", "accepted"]


async def test_nothing_is_said_to_be_missing_by_a_broker_that_does_not_answer(
    server: Any, heard: Any, running: Running
) -> None:
    server.handle("POST", "/v2/orders", lose_by_gateway)

    async def not_yet(_: web.Request) -> web.StreamResponse:
        return web.json_response(NOT_FOUND, status=404)

    server.handle("GET", FOUND, not_yet, not_yet, lose_by_gateway)
    async with running() as broker:
        broker.submit(sending(), nothing_halts)
        await heard.until(lambda: len(server.asked("GET", FOUND)) == 3)
        await asyncio.sleep(0.05)
    assert heard.kinds == ["answer_lost"]


async def test_an_order_for_nobody_was_not_sent(heard: Any, running: Running) -> None:
    with socket.socket() as taken_port:
        taken_port.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken_port.getsockname()[1]}"
        for address in (lambda: None, lambda: url):
            async with running(address=address) as broker:
                broker.submit(sending(), nothing_halts)
                await heard.until(lambda: heard.said)
            assert heard.kinds == ["not_sent"]
            assert heard.said.pop().time == RECORD_TIME


async def test_an_order_for_another_account_was_not_sent(server: Any, heard: Any, running: Running) -> None:
    async with running(account=AccountName("SIM-2")) as broker:
        broker.submit(sending(), nothing_halts)
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["not_sent"]
    assert "expected account SIM-2" in heard.said[0].reason
    assert server.posted() == []


async def test_what_cannot_be_said_in_alpacas_words_was_not_sent(
    server: Any, heard: Any, running: Running
) -> None:
    async with running() as broker:
        broker.submit(sending(legs=(Leg(Symbol("AAPL"), 3),)), nothing_halts)
        assert heard.said == []
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["not_sent"]
    assert server.posted() == []


async def test_orders_arrive_in_the_order_in_which_they_were_given(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    async def take(request: web.Request) -> web.StreamResponse:
        said = await request.json()
        return web.json_response(order_body(client_order_id=said["client_order_id"]))

    server.handle("POST", "/v2/orders", take)
    orders = [sending(sequence) for sequence in range(1, 31)]
    async with running() as broker:
        for order in orders:
            broker.submit(order, nothing_halts)
        await heard.until(lambda: len(heard.said) == 30)
    assert [posted["client_order_id"] for posted in server.posted()] == [id_of(order) for order in orders]
    assert [report.client_order_id for report in heard.said] == [id_of(order) for order in orders]


async def test_a_cancel_does_not_wait_for_an_order_that_hangs(
    server: Any, heard: Any, running: Running
) -> None:
    hang = asyncio.Event()

    async def slowly(_: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response(status=504)

    server.handle("POST", "/v2/orders", slowly)
    server.answer("DELETE", f"/v2/orders/{BROKER_ID}", NOT_FOUND, status=404)
    async with running(patience=PATIENT) as broker:
        broker.submit(sending(1), nothing_halts)
        await heard.until(server.posted)
        broker.cancel(canceling())
        await heard.until(lambda: heard.said)
        hang.set()
    assert heard.kinds == ["cancel_refused"]


async def test_more_unanswered_orders_than_may_be_are_not_sent(
    server: Any, heard: Any, running: Running
) -> None:
    hang = asyncio.Event()

    async def slowly(_: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response(status=504)

    server.handle("POST", "/v2/orders", slowly)
    async with running(patience=PATIENT) as broker:
        entries = OUTBOX_MAX - OUTBOX_MAX * KEPT_PERCENT // 100
        for sequence in range(1, entries + 2):
            broker.submit(sending(sequence), nothing_halts)
        await heard.until(lambda: heard.said)
        assert [report.client_order_id.split("-")[1] for report in heard.said] == [str(entries + 1)]
        for sequence in range(entries + 2, OUTBOX_MAX + 3):
            broker.submit(sending(sequence), nothing_halts, urgent=True)
        await heard.until(lambda: len(heard.said) > 1)
        assert heard.kinds == ["not_sent", "not_sent"]
        assert heard.said[1].client_order_id.startswith(f"at-{OUTBOX_MAX + 2}-")
        hang.set()


async def test_an_answer_that_is_not_taken_in_is_offered_again(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    order = sending()
    server.answer("POST", "/v2/orders", taken(order, order_body))
    heard.refusals += [AgentTraderError("full"), AgentTraderError("full")]
    async with running() as broker:
        broker.submit(order, nothing_halts)
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["accepted"]


async def test_a_cancel_that_is_taken_says_nothing_the_stream_does(
    server: Any, heard: Any, running: Running
) -> None:
    server.answer("DELETE", f"/v2/orders/{BROKER_ID}", "", status=204)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: server.asked("DELETE", f"/v2/orders/{BROKER_ID}"))
        await asyncio.sleep(0.05)
    assert heard.said == []


@pytest.mark.parametrize(
    ("status", "body"),
    ((404, NOT_FOUND), (422, {"code": 42210000, "message": 'order is already in "filled" state'})),
)
async def test_a_cancel_that_is_refused_says_why(
    status: int, body: dict[str, Any], server: Any, heard: Any, running: Running
) -> None:
    server.answer("DELETE", f"/v2/orders/{BROKER_ID}", body, status=status)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: heard.said)
    (report,) = heard.said
    assert (report.kind, report.broker_order_id, report.reason, report.time) == (
        ReportKind.CANCEL_REFUSED,
        BROKER_ID,
        body["message"],
        RECORD_TIME,
    )


async def test_a_cancel_whose_answer_is_lost_is_told_by_the_orders_end(
    server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    server.handle("DELETE", f"/v2/orders/{BROKER_ID}", lose_by_gateway)
    working = order_body(status="pending_cancel")
    ended = order_body(status="canceled", canceled_at="2026-11-20T15:02:00Z")
    server.answer("GET", f"/v2/orders/{BROKER_ID}", working, ended)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: len(heard.said) == 2)
    assert heard.kinds == ["accepted", "canceled"]


@pytest.mark.parametrize(
    ("order", "reason"),
    (
        ("works", "goes on at the broker: new"),
        ("unknown", "knows no such order"),
        ("mute", "none to the questions"),
    ),
)
async def test_a_lost_cancel_of_an_order_that_goes_on_is_refused(
    order: str, reason: str, server: Any, heard: Any, running: Running, order_body: Body
) -> None:
    server.handle("DELETE", f"/v2/orders/{BROKER_ID}", lose_by_reset)
    answers: dict[str, tuple[int, object]] = {
        "works": (200, order_body()),
        "unknown": (404, NOT_FOUND),
        "mute": (500, ""),
    }
    status, body = answers[order]
    server.answer("GET", f"/v2/orders/{BROKER_ID}", body, status=status)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["cancel_refused"]
    assert reason in heard.said[0].reason


async def test_a_cancel_for_nobody_is_refused(heard: Any, running: Running) -> None:
    async with running(address=lambda: None) as broker:
        broker.cancel(canceling())
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["cancel_refused"]


async def test_the_stream_is_followed_while_it_runs_and_ends_with_it(
    stream: Any, heard: Any, running: Running
) -> None:
    async with running():
        await heard.until(lambda: heard.links)
        await stream.put({"stream": "watermarks", "data": {"time": "2026-11-20T15:01:00Z"}})
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["watermark"]
    await heard.until(lambda: stream.sockets[-1].closed)


async def test_a_broker_finds_by_the_clock_and_probes_the_account(server: Any, running: Running) -> None:
    server.answer("GET", FOUND, NOT_FOUND, status=404)
    async with running() as broker:
        assert await broker.probe() == "SIM-1"
        (report,) = await broker.find(ClientOrderId("x"))
        assert report.time == 1_000
    async with running(account=AccountName("SIM-2")) as broker:
        with pytest.raises(ConfigurationError, match="found SIM-1"):
            await broker.probe()
    async with running(address=lambda: None) as broker:
        with pytest.raises(Unreachable):
            await broker.probe()


async def test_where_the_limit_is_near_an_entry_waits_and_what_reduces_does_not(
    server: Any, stream: Any, heard: Any, running: Running, order_body: Body
) -> None:
    """Of four a minute an entry leaves one to others: the stream and the account took two, the first one."""
    first, entry, leaving = sending(1), sending(2), sending(3)
    server.answer("POST", "/v2/orders", *(taken(order, order_body) for order in (first, leaving)))
    async with running(patience=structs.replace(PATIENCE, requests_per_minute_max=4)) as broker:
        await heard.until(lambda: heard.links)
        assert stream.connections == 1
        broker.submit(first, nothing_halts)
        await heard.until(lambda: heard.said)
        broker.submit(entry, nothing_halts)
        broker.submit(leaving, nothing_halts, urgent=True)
        await heard.until(lambda: len(heard.said) == 2)
    assert [report.client_order_id for report in heard.said] == [id_of(first), id_of(leaving)]
    assert len(server.posted()) == 2


async def test_a_cancel_that_meets_the_rate_limit_is_asked_for_again(
    server: Any, heard: Any, running: Running
) -> None:
    limited = web.Response(status=429, text='{"code": 42910000, "message": "rate limit exceeded"}')
    answers = iter((limited, web.Response(status=204)))

    async def answer(_: web.Request) -> web.StreamResponse:
        return next(answers)

    server.handle("DELETE", f"/v2/orders/{BROKER_ID}", answer)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: sum(method == "DELETE" for method, *_ in server.requests) == 2)
    assert heard.said == []


async def test_a_cancel_that_the_rate_limit_goes_on_refusing_is_told_as_refused(
    server: Any, heard: Any, running: Running
) -> None:
    refusal = {"code": 42910000, "message": "rate limit exceeded"}
    server.answer("DELETE", f"/v2/orders/{BROKER_ID}", refusal, status=429)
    async with running() as broker:
        broker.cancel(canceling())
        await heard.until(lambda: heard.said)
    assert heard.kinds == ["cancel_refused"]
    assert sum(method == "DELETE" for method, *_ in server.requests) == CANCEL_TRIES_MAX
