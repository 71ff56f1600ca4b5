"""Every type, time in force and class of order, from alpaca-py and curl through the gateway to the venue.

An exits unit is configured and does not run: what leaves without its protection stays bare until the client
protects it. All of it is one day: each test leaves it flat, with no order that works.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    OrderClass,
    OrderSide,
    OrderStatus,
    PositionIntent,
    QueryOrderStatus,
    TimeInForce,
)

from agenttrader.app.gateway.status import ReconcileBody
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import OrderType
from agenttrader.model.orders import TimeInForce as OurTimeInForce
from agenttrader.protocols.native import Snapshot
from agenttrader.protocols.person_bodies import EmptyBody
from agenttrader.testing.played_day import PATIENCE_SECONDS, PlayedDay, playing, without

BOT = "scripted-bot"

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


def one_bot(tables: dict[str, Any]) -> None:
    """A bot with a symbol that was another's, to which every kind of order is permitted."""
    *_, symbol = tables["instruments"]
    without(tables, Symbol(symbol))
    tables["agents"][BOT] = {
        "symbols": [symbol],
        "strategies": [],
        "mode_ceiling": "paper",
        "approval": "auto",
        "exit_plan": {"stop": "0.03", "target": "0.15"},
    }
    tables["limits"]["agent"][BOT] = tables["limits"]["agent"]["momentum"] | {
        "order_types": [each.value for each in OrderType],
        "times_in_force": [each.value for each in OurTimeInForce],
    }
    tables["exits"] = {
        "listen": "127.0.0.1:0",
        "checkpoints": "exits",
        "partial_fill_seconds": 60,
        "retry_seconds_max": 5,
    }
    tables["credentials"]["exits"] = {
        "marketdata": {"key_id": "demo-show", "secret": {"file": "secrets/exits-marketdata"}},
        "gateway": {"file": "secrets/exits-gateway"},
    }


class Play(PlayedDay):
    """A day with that bot, and its client."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, one_bot)
        *_, self.symbol = self.configuration.instruments

    def client(self) -> TradingClient:
        return TradingClient(BOT, self.key_of(BOT), url_override=self.address("gateway"))

    async def bought(self, client: TradingClient, **words: Any) -> models.Order:
        """Ten, filled."""
        order = await submitted(client, buy(self.symbol, requests.MarketOrderRequest, **words))
        await self.bar()
        return await self.until_status(client, order, OrderStatus.FILLED)

    async def left(self, client: TradingClient) -> None:
        """The position, closed."""
        await asyncio.to_thread(client.close_position, self.symbol)
        for _ in range(2):
            await self.bar()
        assert await asyncio.to_thread(client.get_all_positions) == []

    async def until_status(
        self, client: TradingClient, order: models.Order, status: OrderStatus
    ) -> models.Order:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = await asyncio.to_thread(client.get_order_by_id, order.id)
            assert isinstance(found, models.Order)
            if found.status is status:
                return found
            assert time.monotonic() < deadline, self.logs()
            await asyncio.sleep(0.01)

    async def price(self) -> float:
        """What a unit cost last."""
        url = f"{self.address('marketdata')}/v2/stocks/{self.symbol}/bars/latest"
        headers = {"APCA-API-KEY-ID": "demo-show", "APCA-API-SECRET-KEY": self.secret}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return float((await answer.json())["bar"]["c"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    async with playing(Play(tmp_path_factory.mktemp("orders"))) as made:
        await made.bar()
        await made.open_window()
        yield made


def buy(symbol: str, kind: type[Any], **words: Any) -> Any:
    fields = {"symbol": symbol, "qty": 10, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
    return kind(**(fields | {"client_order_id": f"mine {sorted(map(str, words.items()))}"[:128]} | words))


async def submitted(client: TradingClient, wish: Any) -> models.Order:
    order = await asyncio.to_thread(client.submit_order, wish)
    assert isinstance(order, models.Order)
    return order


async def refused(function: Callable[..., Any], *arguments: Any) -> APIError:
    with pytest.raises(APIError) as found:
        await asyncio.to_thread(function, *arguments)
    return found.value


async def test_an_entry_that_leaves_alone_is_protected_by_its_client(play: Play) -> None:
    client = play.client()
    bought = await play.bought(client, time_in_force=TimeInForce.IOC)
    assert (bought.order_class, bought.legs) == (OrderClass.SIMPLE, None)
    price = await play.price()
    pair = requests.LimitOrderRequest(
        symbol=play.symbol,
        qty=10,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.GTC,
        order_class=OrderClass.OCO,
        client_order_id="pair",
        take_profit=requests.TakeProfitRequest(limit_price=round(price * 1.1, 2)),
        stop_loss=requests.StopLossRequest(stop_price=round(price * 0.9, 2)),
    )
    order = await submitted(client, pair)
    assert (order.order_class, order.status, order.time_in_force) == (
        *(OrderClass.OCO, OrderStatus.NEW, TimeInForce.GTC),
    )
    (stop,) = order.legs or []
    assert (stop.status, stop.side, float(stop.stop_price or 0)) == (
        *(OrderStatus.NEW, OrderSide.SELL, round(price * 0.9, 2)),
    )
    assert await submitted(client, pair) == order

    # It protects, so it stays; it ends with the position.
    lines = await asyncio.to_thread(client.cancel_orders)
    assert [(line.id, line.status) for line in lines] == [(order.id, 422)]  # type: ignore[union-attr]
    (closed,) = await asyncio.to_thread(client.close_all_positions, False)  # noqa: FBT003 - alpaca-py's word
    assert (closed.symbol, closed.status) == (play.symbol, 200)  # type: ignore[union-attr]
    for _ in range(2):
        await play.bar()
    await play.until_status(client, order, OrderStatus.CANCELED)
    assert await asyncio.to_thread(client.get_all_positions) == []
    compared = await play.say("/v1/reconcile", EmptyBody(), ReconcileBody)
    assert (compared.breaks, compared.failure) == ((), "")


async def test_entries_of_every_type_rest_and_are_canceled_at_once(play: Play) -> None:
    client = play.client()
    stop = requests.StopLossRequest(stop_price=round(await play.price() * 0.97, 2))
    bought = await play.bought(client, order_class=OrderClass.OTO, stop_loss=stop)
    assert bought.order_class is OrderClass.OTO
    price = await play.price()
    above, below = round(price * 1.03, 2), round(price * 0.98, 2)
    wishes = [
        buy(play.symbol, requests.LimitOrderRequest, limit_price=below, qty=None, notional=1_000),
        buy(play.symbol, requests.StopOrderRequest, stop_price=above),
        buy(play.symbol, requests.StopLimitOrderRequest, stop_price=above, limit_price=above + 1),
        buy(play.symbol, requests.TrailingStopOrderRequest, trail_percent=2),
        buy(
            play.symbol,
            requests.LimitOrderRequest,
            limit_price=below,
            position_intent=PositionIntent.BUY_TO_OPEN,
        ),
    ]
    orders = [await submitted(client, wish) for wish in wishes]
    assert [(order.type.value, order.order_class.value) for order in orders] == [  # type: ignore[union-attr]
        ("limit", "bracket"),
        ("stop", "bracket"),
        ("stop_limit", "bracket"),
        ("trailing_stop", "simple"),
        ("limit", "bracket"),
    ]
    assert {order.status for order in orders} == {OrderStatus.NEW}
    assert orders[0].qty == str(int(1_000 // price))
    lines = await asyncio.to_thread(client.cancel_orders)
    canceled = {line.id for line in lines if line.status == 200}  # type: ignore[union-attr]
    assert canceled == {order.id for order in orders}
    for order in orders:
        await play.until_status(client, order, OrderStatus.CANCELED)
    await play.left(client)


async def test_an_order_is_replaced_under_another_id(play: Play) -> None:
    client = play.client()
    price = await play.price()
    below = [round(price * fraction, 2) for fraction in (0.97, 0.98)]
    first = await submitted(client, buy(play.symbol, requests.LimitOrderRequest, limit_price=below[0]))

    def replace(order: models.Order, name: str | None, **words: Any) -> models.Order:
        wish = requests.ReplaceOrderRequest(client_order_id=name, **words)
        found = client.replace_order_by_id(order.id, wish)
        assert isinstance(found, models.Order)
        return found

    second = await asyncio.to_thread(partial(replace, limit_price=below[1]), first, "second")
    assert (second.client_order_id, float(second.limit_price or 0), second.replaces) == (
        *("second", below[1], first.id),
    )
    assert second.id != first.id
    old = await play.until_status(client, first, OrderStatus.REPLACED)
    assert old.replaced_by == second.id
    new = await play.until_status(client, second, OrderStatus.NEW)
    assert new.order_class is OrderClass.BRACKET
    again = await asyncio.to_thread(partial(replace, limit_price=below[1]), first, "second")
    assert again.id == second.id

    # What cannot be is refused, and what works stays.
    late = await refused(partial(replace, limit_price=below[0]), first, "late")
    assert (late.code, late.message) == (42210000, "the order is replaced already")
    denied = await refused(partial(replace, limit_price=round(price * 0.92, 2)), second, None)
    assert (denied.code, denied.message[:24]) == (40310000, "denied by price_collar: ")
    kept = await asyncio.to_thread(client.get_order_by_id, second.id)
    assert kept.status is OrderStatus.NEW  # type: ignore[union-attr]
    lines = await asyncio.to_thread(client.cancel_orders)
    assert [(line.id, line.status) for line in lines] == [(second.id, 200)]  # type: ignore[union-attr]
    await play.until_status(client, second, OrderStatus.CANCELED)


async def test_protection_is_replaced_and_never_gone(play: Play) -> None:
    client = play.client()
    await play.bought(client)
    (position,) = (await play.ask("/v1/snapshot", Snapshot)).positions
    everything = requests.GetOrdersRequest(status=QueryOrderStatus.OPEN)
    legs = await asyncio.to_thread(client.get_orders, everything)
    (stop,) = [leg for leg in legs if leg.type.value == "stop"]  # type: ignore[union-attr]
    nearer = round(await play.price() * 0.98, 2)
    wish = requests.ReplaceOrderRequest(stop_price=nearer)
    moved = await asyncio.to_thread(client.replace_order_by_id, stop.id, wish)  # type: ignore[union-attr]
    await play.until_status(client, moved, OrderStatus.NEW)  # type: ignore[arg-type]
    after = await play.ask("/v1/snapshot", Snapshot)
    assert [each.protected_quantity for each in after.positions] == [position.quantity]
    await play.left(client)


DENIED: list[tuple[type[Any], dict[str, Any], int, str]] = [
    (requests.MarketOrderRequest, {"time_in_force": "opg"}, 40310000, "denied by session: "),
    (requests.MarketOrderRequest, {"extended_hours": True}, 42210000, "denied by shape: "),
    (requests.StopOrderRequest, {"stop_price": 300, "time_in_force": "cls"}, 42210000, "denied by shape: "),
    (requests.MarketOrderRequest, {"side": "sell"}, 40310000, "denied by account_permits: "),
    (requests.MarketOrderRequest, {"position_intent": "buy_to_close"}, 40310000, "denied by reduces: "),
    (requests.MarketOrderRequest, {"qty": 0.5}, 40010001, "qty: expected a multiple of 1, found 0.5"),
]


async def test_what_is_not_permitted_is_denied_by_its_code(play: Play) -> None:
    client = play.client()
    for kind, words, code, says in DENIED:
        found = await refused(client.submit_order, buy(play.symbol, kind, **words))
        assert (found.code, found.message[: len(says)]) == (code, says)


async def test_curl_orders_and_asks(play: Play) -> None:
    async def curl(method: str, path: str, *more: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "-X", method, f"{play.address('gateway')}{path}"),
            *("-H", f"APCA-API-KEY-ID: {BOT}", "-H", f"APCA-API-SECRET-KEY: {play.key_of(BOT)}", *more),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return json.loads(out)

    wish = {"symbol": play.symbol, "qty": "3", "side": "buy", "type": "market", "time_in_force": "day"}
    body = ("-H", "content-type: application/json", "-d", json.dumps(wish | {"client_order_id": "curl"}))
    order = await curl("POST", "/v2/orders", *body)
    assert (order["status"], order["order_class"]) == ("new", "bracket")
    assert (await curl("POST", "/v2/orders", *body))["id"] == order["id"]
    await play.bar()
    (held,) = await curl("GET", "/v2/positions")
    assert (held["symbol"], held["qty"]) == (play.symbol, "3")
    fills = await curl("GET", "/v2/account/activities?activity_types=FILL")
    assert [fill["qty"] for fill in fills if fill["order_id"] == order["id"]] == ["3"]
    (closed,) = await curl("DELETE", "/v2/positions?cancel_orders=true")
    assert (closed["status"], closed["body"]["side"]) == (200, "sell")
    for _ in range(2):
        await play.bar()
    assert await curl("GET", "/v2/positions") == []
