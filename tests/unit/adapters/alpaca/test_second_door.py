"""The second door asks, cancels and closes; a server that says what it is told to sees what comes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from agenttrader.adapters.alpaca import second_door
from agenttrader.adapters.alpaca.connection import Connection
from agenttrader.adapters.alpaca.second_door import SecondDoor
from agenttrader.model.errors import Unreachable, Unsent
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import StatedOrder
from agenttrader.model.times import from_rfc3339
from agenttrader.ports.kill_door import Closing

STAMP = "2026-11-20T14:30:00Z"


def told(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "client_order_id": f"c-{name}",
        "created_at": STAMP,
        "updated_at": STAMP,
        "submitted_at": STAMP,
        "symbol": "ALFA",
        "qty": "100",
        "filled_qty": "40",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "status": "partially_filled",
    } | changes


POSITION = {
    "asset_id": "a",
    "symbol": "ALFA",
    "exchange": "NYSE",
    "asset_class": "us_equity",
    "avg_entry_price": "10",
    "qty": "40",
    "side": "short",
    "cost_basis": "400",
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_door, "ASK_AGAIN_SECONDS", (0.0, 0.0))


@pytest.fixture
def door(connect: Callable[..., Connection]) -> SecondDoor:
    return SecondDoor(connect())


async def test_it_tells_every_order_that_is_not_over_with_what_it_hangs_on(
    server: Any, door: SecondDoor
) -> None:
    stop = told("stop", side="sell", type="stop", filled_qty="0", status="held")
    gone = told("gone", side="sell", status="canceled")
    left = told("left", side="sell", type="stop", filled_qty="0", status="new")
    server.answer(
        "GET", "/v2/orders", [told("entry", legs=[stop, gone]), told("over", status="filled", legs=[left])]
    )
    found = {order.broker_order_id: order for order in await door.orders()}
    assert {name: order.parent for name, order in found.items()} == {
        "entry": None,
        "stop": "entry",
        "left": None,
    }
    assert (found[BrokerOrderId("entry")].quantity, found[BrokerOrderId("stop")].type) == (
        Decimal(60),
        "stop",
    )
    assert server.asked("GET", "/v2/orders")[0]["status"] == "open"


async def test_entries_behind_many_orders_that_protect_are_told(
    server: Any, door: SecondDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What protects is left to rest, so it never makes room on the first page."""
    monkeypatch.setattr(second_door, "ORDERS_PER_PAGE", 2)
    pages = [[told("stop 1"), told("stop 2")], [told("stop 2"), told("stop 3")], [told("entry")]]
    server.answer("GET", "/v2/orders", *pages)
    names = [order.broker_order_id for order in await door.orders()]
    assert names == ["stop 1", "stop 2", "stop 3", "entry"]
    before = "2026-11-20T14:29:59.999Z"
    assert [query.get("after") for query in server.asked("GET", "/v2/orders")] == [None, before, before]


async def test_a_page_that_says_nothing_new_is_the_last(
    server: Any, door: SecondDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_door, "ORDERS_PER_PAGE", 2)
    server.answer("GET", "/v2/orders", [told("stop 1"), told("stop 2")])
    assert len(await door.orders()) == 2
    assert len(server.asked("GET", "/v2/orders")) == 2


async def test_it_tells_positions_with_their_sign(server: Any, door: SecondDoor) -> None:
    server.answer("GET", "/v2/positions", [POSITION])
    (found,) = await door.positions()
    assert (found.symbol, found.quantity) == ("ALFA", Decimal(-40))


@pytest.mark.parametrize("status", (200, 204, 404))
async def test_an_order_that_is_gone_has_ended(server: Any, door: SecondDoor, status: int) -> None:
    server.answer("DELETE", "/v2/orders/o-1", "", status=status)
    assert await door.cancel(BrokerOrderId("o-1")) == ""


async def test_a_close_tells_the_order_that_the_broker_made_of_it(server: Any, door: SecondDoor) -> None:
    made = told(
        "close", symbol="BTC/USD", qty="0.5", filled_qty="0", side="sell", type="market", status="new"
    )
    server.answer("DELETE", "/v2/positions/BTCUSD", made)
    closing = await door.close(Symbol("BTC/USD"))
    assert closing.refusal == ""
    assert closing.order == StatedOrder(
        broker_order_id=BrokerOrderId("close"),
        client_order_id=ClientOrderId("c-close"),
        symbol=Symbol("BTC/USD"),
        side=Side.SELL,
        type="market",
        quantity=Decimal("0.5"),
        time=from_rfc3339(STAMP),
    )


async def test_where_nothing_is_held_any_more_no_order_is_made(server: Any, door: SecondDoor) -> None:
    server.answer("DELETE", "/v2/positions/ALFA", {"code": 40410000, "message": "no position"}, status=404)
    assert await door.close(Symbol("ALFA")) == Closing()


@pytest.mark.parametrize("body", ("", "{}", {"order_class": "bracket"}))
async def test_a_close_that_was_taken_and_whose_order_cannot_be_read_is_lost(
    server: Any, door: SecondDoor, body: Any
) -> None:
    server.answer("DELETE", "/v2/positions/ALFA", told("close", **body) if isinstance(body, dict) else body)
    with pytest.raises(Unreachable, match="order that closes ALFA"):
        await door.close(Symbol("ALFA"))


async def test_it_tells_the_brokers_time(server: Any, door: SecondDoor) -> None:
    clock = {"timestamp": STAMP, "is_open": True, "next_open": STAMP, "next_close": STAMP}
    server.answer("GET", "/v2/clock", clock)
    assert await door.time() == from_rfc3339(STAMP)
    server.answer("GET", "/v2/clock", clock | {"timestamp": "noon"})
    with pytest.raises(Unreachable, match="expected its time"):
        await door.time()


async def test_a_refusal_is_told_in_the_brokers_words(server: Any, door: SecondDoor) -> None:
    refusal = {"code": 42210000, "message": "order is not cancelable"}
    server.answer("DELETE", "/v2/orders/o-1", refusal, status=422)
    server.answer("DELETE", "/v2/positions/ALFA", "down with it", status=403)
    assert await door.cancel(BrokerOrderId("o-1")) == "order is not cancelable"
    assert await door.close(Symbol("ALFA")) == Closing(refusal="status 403: down with it")


async def test_questions_and_cancels_are_asked_again_and_a_close_is_not(
    server: Any, door: SecondDoor
) -> None:
    calls: list[str] = []

    async def lost(request: web.Request) -> web.StreamResponse:
        calls.append(f"{request.method} {request.path}")
        return web.Response(status=502, text="bad gateway")

    for method, path in (
        ("GET", "/v2/positions"),
        ("DELETE", "/v2/orders/o-1"),
        ("DELETE", "/v2/positions/ALFA"),
    ):
        server.handle(method, path, lost)
    for call in (door.positions(), door.cancel(BrokerOrderId("o-1")), door.close(Symbol("ALFA"))):
        with pytest.raises(Unreachable):
            await call
    assert [calls.count(each) for each in dict.fromkeys(calls)] == [3, 3, 1]


async def test_a_close_whose_connection_breaks_does_not_arrive_twice(server: Any, door: SecondDoor) -> None:
    """The client repeats any other DELETE by itself."""
    calls: list[str] = []

    async def broken(request: web.Request) -> web.StreamResponse:
        calls.append(request.path)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handle("DELETE", "/v2/positions/ALFA", broken)
    with pytest.raises(Unreachable, match="broke before the answer"):
        await door.close(Symbol("ALFA"))
    assert calls == ["/v2/positions/ALFA"]


async def test_another_account_is_not_touched(server: Any, door: SecondDoor) -> None:
    server.answer("GET", "/v2/account", {**server_account(), "account_number": "SIM-2"})
    with pytest.raises(Unreachable, match="expected account SIM-1"):
        await door.orders()
    with pytest.raises(Unsent, match="expected account SIM-1"):
        await door.cancel(BrokerOrderId("o-1"))
    assert {method for method, *_ in server.requests} == {"GET"}


async def test_nothing_that_it_can_do_is_anything_but_a_question_or_a_delete(
    server: Any, door: SecondDoor
) -> None:
    server.answer("GET", "/v2/orders", [])
    server.answer("GET", "/v2/positions", [])
    server.answer("DELETE", "/v2/orders/o-1", "", status=204)
    server.answer("DELETE", "/v2/positions/ALFA", told("close"))
    clock = {"timestamp": STAMP, "is_open": True, "next_open": STAMP, "next_close": STAMP}
    server.answer("GET", "/v2/clock", clock)
    calls = {"orders": (), "positions": (), "cancel": ("o-1",), "close": ("ALFA",), "time": (), "shut": ()}
    assert set(calls) == {name for name in dir(door) if not name.startswith("_")}
    for name, words in calls.items():
        await getattr(door, name)(*words)
    assert {method for method, *_ in server.requests} == {"GET", "DELETE"}


def server_account() -> dict[str, Any]:
    return {"id": "e6fe16f3-64a4-4921-8928-cadf02f92f98", "status": "ACTIVE", "currency": "USD", "cash": "1"}
