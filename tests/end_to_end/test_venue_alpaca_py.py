"""The venue, driven by alpaca-py's own clients over real sockets, exactly as they come."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce

from agenttrader.testing.small_venue import SECRET, SmallVenue

T = TypeVar("T")
Listening = Callable[..., AbstractAsyncContextManager[list[models.TradeUpdate]]]


def other_client(venue: SmallVenue, key: str = "KEY-2", secret: str = SECRET) -> TradingClient:
    return TradingClient(key, secret, url_override=venue.url)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the clients raise no event
            await asyncio.sleep(0.005)


async def call(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    return await asyncio.to_thread(function, *arguments, **named)


def market(side: OrderSide = OrderSide.BUY, qty: int = 10, **more: Any) -> requests.MarketOrderRequest:
    return requests.MarketOrderRequest(
        symbol="ALFA", qty=qty, side=side, time_in_force=TimeInForce.DAY, **more
    )


def limit(price: float, **more: Any) -> requests.LimitOrderRequest:
    return requests.LimitOrderRequest(
        symbol="ALFA", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=price, **more
    )


async def test_account_clock_and_an_empty_book(client: TradingClient) -> None:
    account = await call(client.get_account)
    assert isinstance(account, models.TradeAccount)
    assert (account.account_number, account.cash, account.buying_power) == (
        "DEMO-1",
        "100000.00",
        "100000.00",
    )
    assert (account.status.value, account.trading_blocked, account.multiplier) == ("ACTIVE", False, "1")
    clock = await call(client.get_clock)
    assert isinstance(clock, models.Clock)
    assert (clock.is_open, clock.timestamp.isoformat()) == (True, "2026-11-20T09:31:00-05:00")
    assert clock.next_open.isoformat() == "2026-11-23T09:30:00-05:00"
    assert await call(client.get_all_positions) == []
    assert await call(client.get_orders) == []


async def test_a_market_order_from_submission_to_position(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    async with listening(venue) as updates:
        order = await call(client.submit_order, market(client_order_id="mine"))
        assert isinstance(order, models.Order)
        assert (order.status, order.qty, order.client_order_id) == (OrderStatus.NEW, "10", "mine")
        venue.bar("101.50", 103, 99, 102)
        await until(lambda: len(updates) == 2)
    new, fill = updates
    assert [(update.event, update.order.status) for update in updates] == [
        ("new", OrderStatus.NEW),
        ("fill", OrderStatus.FILLED),
    ]
    assert new.order.id == fill.order.id == order.id
    assert (fill.price, fill.qty, fill.position_qty) == (101.5, 10, 10)
    assert fill.execution_id is not None
    assert fill.timestamp.isoformat() == "2026-11-20T14:32:00+00:00"
    position = await call(client.get_open_position, "ALFA")
    assert isinstance(position, models.Position)
    assert (position.qty, position.avg_entry_price, position.current_price) == ("10", "101.50", "102.00")
    assert (position.market_value, position.unrealized_pl, position.qty_available) == (
        "1020.00",
        "5.00",
        "10",
    )
    by_asset = await call(client.get_open_position, position.asset_id)
    assert by_asset == position
    again = await call(client.get_order_by_client_id, "mine")
    assert isinstance(again, models.Order)
    assert (again.filled_avg_price, again.filled_qty) == ("101.50", "10")


async def test_a_bracket_protects_what_its_entry_bought(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    bracket = market(
        order_class=OrderClass.BRACKET,
        take_profit=requests.TakeProfitRequest(limit_price=110),
        stop_loss=requests.StopLossRequest(stop_price=95),
    )
    async with listening(venue) as updates:
        entry = await call(client.submit_order, bracket)
        assert isinstance(entry, models.Order)
        assert entry.legs is not None
        target, stop = entry.legs
        assert [(leg.type, leg.status, leg.side) for leg in entry.legs] == [
            ("limit", OrderStatus.HELD, "sell"),
            ("stop", OrderStatus.HELD, "sell"),
        ]
        venue.bar(100)
        with pytest.raises(APIError) as refused:
            await call(client.close_position, "ALFA")
        listed = await call(
            client.get_orders, requests.GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True)
        )
        venue.bar(100, 101, 94, 96)
        await until(lambda: len(updates) == 6)
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)
    assert refused.value.message == "insufficient qty available for order (requested: 10, available: 0)"
    assert {order.id for order in listed if isinstance(order, models.Order)} == {target.id, stop.id}
    assert [(update.event, update.order.id) for update in updates] == [
        ("new", entry.id),
        ("fill", entry.id),
        ("new", target.id),
        ("new", stop.id),
        ("fill", stop.id),
        ("canceled", target.id),
    ]
    assert (updates[4].price, updates[4].position_qty) == (95, 0)


async def test_limit_and_stop_orders_rest_and_are_canceled(client: TradingClient) -> None:
    resting = await call(client.submit_order, limit(90))
    stop = await call(
        client.submit_order,
        requests.StopOrderRequest(
            symbol="ALFA", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, stop_price=120
        ),
    )
    other = await call(client.submit_order, limit(80))
    assert isinstance(resting, models.Order)
    assert isinstance(stop, models.Order)
    assert isinstance(other, models.Order)
    await call(client.cancel_order_by_id, resting.id)
    with pytest.raises(APIError) as twice:
        await call(client.cancel_order_by_id, resting.id)
    assert (twice.value.status_code, twice.value.code) == (422, 42210000)
    canceled = await call(client.cancel_orders)
    assert [(line.id, line.status) for line in canceled] == [(stop.id, 200), (other.id, 200)]  # type: ignore[union-attr]
    everything = await call(client.get_orders, requests.GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert [(order.id, order.status.value) for order in everything] == [  # type: ignore[union-attr]
        (other.id, "canceled"),
        (stop.id, "canceled"),
        (resting.id, "canceled"),
    ]


async def test_a_position_is_closed_and_its_sale_charged(venue: SmallVenue, client: TradingClient) -> None:
    await call(client.submit_order, market())
    venue.bar(100)
    closing = await call(client.close_position, "ALFA")
    assert isinstance(closing, models.Order)
    assert (closing.side, closing.type, closing.qty) == (OrderSide.SELL, "market", "10")
    venue.bar(110)
    with pytest.raises(APIError) as gone:
        await call(client.get_open_position, "ALFA")
    assert (gone.value.status_code, gone.value.code) == (404, 40410000)
    # 1,100 × 0.0000278 = 0.03058 and 10 × 0.000166 = 0.00166, each up to the cent: 0.05
    account = await call(client.get_account)
    assert isinstance(account, models.TradeAccount)
    assert account.cash == "100099.95"
    found = await call(client.get, "/account/activities")
    assert [each["activity_type"] for each in found] == ["FEE", "FEE", "FILL", "FILL"]
    assert sum(Decimal(each["net_amount"]) for each in found[:2]) == Decimal("-0.05")
    fills = [models.TradeActivity(**each) for each in found[2:]]
    assert [(fill.side, fill.price, fill.order_status) for fill in fills] == [
        (OrderSide.SELL, 110, OrderStatus.FILLED),
        (OrderSide.BUY, 100, OrderStatus.FILLED),
    ]


async def test_everything_is_closed_at_once(venue: SmallVenue, client: TradingClient) -> None:
    await call(client.submit_order, market())
    venue.bar(100)
    sale = requests.LimitOrderRequest(
        symbol="ALFA", qty=4, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, limit_price=150
    )
    await call(client.submit_order, sale)
    (held,) = await call(client.close_all_positions)
    assert isinstance(held, models.ClosePositionResponse)
    assert (held.symbol, held.status) == ("ALFA", 403)
    (closed,) = await call(client.close_all_positions, cancel_orders=True)
    assert isinstance(closed, models.ClosePositionResponse)
    assert isinstance(closed.body, models.Order)
    assert (closed.status, closed.body.qty) == (200, "10")


REFUSED: tuple[tuple[requests.OrderRequest, int, int, str], ...] = (
    (market(qty=0), 422, 40010001, "qty: expected above 0"),
    (limit(90, client_order_id="used"), 422, 40010001, "client_order_id must be unique"),
    (limit(90.001), 422, 40010001, "limit_price: expected a multiple of 0.01, found 90.001"),
    (market(qty=1_000_000), 403, 40310000, "insufficient buying power"),
    (market(OrderSide.SELL), 403, 40310000, "account is not allowed to short"),
    (
        requests.MarketOrderRequest(
            symbol="ALFA", notional=100, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
        ),
        422,
        40010001,
        "requested asset is not fractionable",
    ),
)


async def test_a_refusal_is_read_as_alpacas(client: TradingClient) -> None:
    await call(client.submit_order, limit(50, client_order_id="used"))
    for request_, status, code, message in REFUSED:
        with pytest.raises(APIError) as refused:
            await call(client.submit_order, request_)
        assert (refused.value.status_code, refused.value.code) == (status, code)
        assert refused.value.message.startswith(message)


async def test_what_alpaca_has_and_this_venue_has_not_is_named(client: TradingClient) -> None:
    for method, path in (
        (client.post, "/positions/ALFA261218C00050000/do-not-exercise"),
        (client.get, "/wallets"),
    ):
        with pytest.raises(APIError) as refused:
            await call(method, path)
        assert refused.value.status_code == 422
        assert refused.value.message.startswith("not supported by this venue yet: ")
        assert refused.value.message.endswith(f"/v2{path}")


async def test_accounts_are_apart_and_strangers_outside(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    first, second = client, other_client(venue)
    async with listening(venue, "KEY-2") as updates:
        order = await call(first.submit_order, limit(90))
        await call(second.submit_order, limit(10, client_order_id="second"))
        await until(lambda: len(updates) == 1)
    assert updates[0].order.client_order_id == "second"
    assert isinstance(order, models.Order)
    with pytest.raises(APIError) as hidden:
        await call(second.get_order_by_id, order.id)
    assert hidden.value.status_code == 404
    for stranger in (other_client(venue, "KEY-1", "guessed"), other_client(venue, "KEY-9")):
        with pytest.raises(APIError) as refused:
            await call(stranger.get_account)
        assert (refused.value.status_code, refused.value.code) == (401, 40110000)
