"""Every type, time in force and class of order through alpaca-py, and what its TradingStream is told."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading import models, requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, TimeInForce

from agenttrader.simulation.inputs import BustAsked, CorrectionAsked, Habits, RejectAsked
from agenttrader.testing.small_venue import CLOSE, COIN, NEXT_OPEN, SECRET, SmallVenue

T = TypeVar("T")
Listening = Callable[..., AbstractAsyncContextManager[list[models.TradeUpdate]]]
Opened = Callable[..., AbstractAsyncContextManager[SmallVenue]]
BUY, SELL, DAY, GTC = OrderSide.BUY, OrderSide.SELL, TimeInForce.DAY, TimeInForce.GTC


async def call(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    return await asyncio.to_thread(function, *arguments, **named)


async def until(updates: list[models.TradeUpdate], count: int) -> list[str]:
    """The events, once so many have come."""
    async with asyncio.timeout(5):
        while len(updates) < count:  # noqa: ASYNC110  the client raises no event
            await asyncio.sleep(0.005)
    return [str(getattr(update.event, "value", update.event)) for update in updates]


async def submit(client: TradingClient, kind: type[requests.OrderRequest], **fields: Any) -> models.Order:
    """An order for ten ALFA to buy for the day, unless told otherwise."""
    given: dict[str, Any] = {"symbol": "ALFA", "qty": 10, "side": BUY, "time_in_force": DAY} | fields
    if "notional" in fields:
        del given["qty"]
    order = await call(client.submit_order, kind(**given))
    assert isinstance(order, models.Order)
    return order


async def market(client: TradingClient, **fields: Any) -> models.Order:
    return await submit(client, requests.MarketOrderRequest, **fields)


async def limit(client: TradingClient, price: float, **fields: Any) -> models.Order:
    return await submit(client, requests.LimitOrderRequest, limit_price=price, **fields)


async def read(client: TradingClient, order: models.Order) -> models.Order:
    found = await call(client.get_order_by_id, order.id)
    assert isinstance(found, models.Order)
    return found


async def hold(client: TradingClient, venue: SmallVenue, **fields: Any) -> None:
    """Buy ten ALFA, and wait until they are there."""
    await market(client, **fields)
    venue.bar(100, symbol=fields.get("symbol", "ALFA"))


async def test_a_stop_limit_order_rests_at_its_limit_once_it_is_triggered(
    venue: SmallVenue, client: TradingClient
) -> None:
    order = await submit(client, requests.StopLimitOrderRequest, stop_price=105, limit_price=106)
    assert (order.type, order.stop_price, order.limit_price) == ("stop_limit", "105.00", "106.00")
    venue.bar(100, 107, 100, 107)
    assert (await read(client, order)).status is OrderStatus.NEW
    venue.bar(107, 107, 104, 104)
    filled = await read(client, order)
    assert (filled.status, filled.filled_avg_price) == (OrderStatus.FILLED, "106.00")


@pytest.mark.parametrize(
    ("trail", "stop"), (({"trail_price": 5}, "115.00"), ({"trail_percent": 10}, "108.00"))
)
async def test_a_trailing_stop_follows_the_high_and_sells_below_it(
    venue: SmallVenue, client: TradingClient, trail: dict[str, float], stop: str
) -> None:
    await hold(client, venue)
    order = await submit(client, requests.TrailingStopOrderRequest, side=SELL, time_in_force=GTC, **trail)
    assert (order.type, order.hwm) == ("trailing_stop", "100.00")
    assert (order.trail_price, order.trail_percent) == (
        ("5.00", None) if "trail_price" in trail else (None, "10.0")
    )
    venue.bar(100, 120, 100, 119)
    followed = await read(client, order)
    assert (followed.hwm, followed.stop_price) == ("120.00", stop)
    venue.bar(119, 119, 100, 101)
    filled = await read(client, order)
    assert (filled.status, filled.filled_avg_price) == (OrderStatus.FILLED, stop)


async def test_a_bracket_with_a_stop_limit_an_oco_and_an_oto_have_their_legs(
    venue: SmallVenue, client: TradingClient
) -> None:
    protected = await market(
        client,
        order_class=OrderClass.BRACKET,
        take_profit=requests.TakeProfitRequest(limit_price=110),
        stop_loss=requests.StopLossRequest(stop_price=95, limit_price=94),
    )
    assert protected.order_class is OrderClass.BRACKET
    assert [(leg.type, leg.status) for leg in protected.legs or ()] == [
        ("limit", OrderStatus.HELD),
        ("stop_limit", OrderStatus.HELD),
    ]
    await call(client.cancel_orders)
    oto = await market(client, order_class=OrderClass.OTO, stop_loss=requests.StopLossRequest(stop_price=95))
    assert [(leg.type, leg.stop_price) for leg in oto.legs or ()] == [("stop", "95.00")]
    venue.bar(100)
    assert (await read(client, oto)).status is OrderStatus.FILLED
    await call(client.cancel_orders)
    oco = await submit(
        client,
        requests.LimitOrderRequest,
        side=SELL,
        time_in_force=GTC,
        order_class=OrderClass.OCO,
        take_profit=requests.TakeProfitRequest(limit_price=110),
        stop_loss=requests.StopLossRequest(stop_price=90),
    )
    assert (oco.type, oco.limit_price, oco.order_class) == ("limit", "110.00", OrderClass.OCO)
    assert oco.legs is not None
    (stop,) = oco.legs
    assert (stop.type, stop.stop_price) == ("stop", "90.00")
    venue.bar(100, 100, 89, 90)
    assert (await read(client, oco)).status is OrderStatus.CANCELED
    assert (await read(client, stop)).status is OrderStatus.FILLED


async def test_an_order_for_now_is_filled_or_canceled_and_never_rests(
    opened: Opened, listening: Listening
) -> None:
    async with opened(volume_percent=10) as venue, listening(venue) as updates:
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        part = await limit(client, 101, time_in_force=TimeInForce.IOC)
        venue.bar(100, volume=40)
        events = await until(updates, 3)
        assert events == ["new", "partial_fill", "canceled"]
        assert (updates[1].qty, updates[1].position_qty) == (4, 4)
        ended = await read(client, part)
        assert (ended.status, ended.filled_qty) == (OrderStatus.CANCELED, "4")
        nothing = await limit(client, 101, time_in_force=TimeInForce.FOK)
        venue.bar(100, volume=40)
        ended = await read(client, nothing)
        assert (ended.status, ended.filled_qty) == (OrderStatus.CANCELED, "0")


async def test_a_fill_in_parts_is_told_in_parts(opened: Opened, listening: Listening) -> None:
    async with opened(volume_percent=10) as venue, listening(venue) as updates:
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        order = await market(client)
        venue.bar(100, volume=60)
        parted = await read(client, order)
        assert (parted.status, parted.filled_qty, parted.filled_at) == (
            OrderStatus.PARTIALLY_FILLED,
            "6",
            None,
        )
        venue.bar(102, volume=60)
        assert await until(updates, 3) == ["new", "partial_fill", "fill"]
        assert [(update.qty, update.price, update.position_qty) for update in updates[1:]] == [
            (6, 100, 6),
            (4, 102, 10),
        ]
        filled = updates[2].order
        assert (filled.filled_qty, filled.filled_avg_price) == ("10", "100.80")
        found = await call(client.get, "/account/activities/FILL", {"direction": "asc"})
        assert [(each["type"], each["qty"], each["leaves_qty"], each["cum_qty"]) for each in found] == [
            ("partial_fill", "6", "4", "6"),
            ("fill", "4", "0", "10"),
        ]


async def test_an_auction_order_trades_at_the_close_alone(venue: SmallVenue, client: TradingClient) -> None:
    order = await market(client, time_in_force=TimeInForce.CLS)
    venue.bar(100)
    assert (await read(client, order)).status in (OrderStatus.NEW, OrderStatus.ACCEPTED)
    with pytest.raises(APIError) as late:
        await market(client, time_in_force=TimeInForce.OPG, client_order_id="too late")
    assert late.value.status_code in (403, 422)


async def test_an_order_for_extended_hours_says_so(client: TradingClient) -> None:
    order = await limit(client, 90, extended_hours=True)
    assert order.extended_hours is True
    with pytest.raises(APIError) as refused:
        await market(client, extended_hours=True)
    assert refused.value.status_code == 422


async def test_cash_buys_a_fraction(venue: SmallVenue, client: TradingClient) -> None:
    venue.bar(40, symbol="BRVO")
    order = await market(client, symbol="BRVO", notional=100)
    assert (order.notional, order.qty) == ("100.00", None)
    venue.bar(30, symbol="BRVO")
    filled = await read(client, order)
    assert (filled.status, filled.filled_qty) == (OrderStatus.FILLED, "3.333333333")
    position = await call(client.get_open_position, "BRVO")
    assert isinstance(position, models.Position)
    assert position.qty == "3.333333333"
    half = await call(client.close_position, "BRVO", requests.ClosePositionRequest(percentage="50"))
    assert isinstance(half, models.Order)
    assert half.qty == "1.666666666"


async def test_a_coin_is_bought_and_closed_by_its_other_name(
    venue: SmallVenue, client: TradingClient
) -> None:
    venue.bar(50_000, symbol=COIN)
    bought = await market(client, symbol=COIN, qty=0.25, time_in_force=GTC)
    assert (bought.symbol, bought.asset_class, bought.qty) == (COIN, "crypto", "0.250000000")
    venue.bar(50_000, symbol=COIN)
    (position,) = await call(client.get_all_positions)
    assert isinstance(position, models.Position)
    assert (position.symbol, position.asset_class, position.exchange.value) == ("BTCUSD", "crypto", "CRYPTO")
    closing = await call(client.close_position, "BTCUSD")
    assert isinstance(closing, models.Order)
    assert (closing.symbol, closing.side, closing.time_in_force) == (COIN, SELL, GTC)
    with pytest.raises(APIError) as raw_slash:
        await call(client.get_open_position, COIN)
    assert raw_slash.value.status_code == 404


async def test_a_replacement_has_an_id_of_its_own(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    async with listening(venue) as updates:
        old = await limit(client, 90, time_in_force=GTC)
        asked = requests.ReplaceOrderRequest(qty=5, limit_price=91, client_order_id="second")
        new = await call(client.replace_order_by_id, old.id, asked)
        assert isinstance(new, models.Order)
        assert (new.replaces, new.qty, new.limit_price) == (old.id, "5", "91.00")
        assert (new.client_order_id, new.status) == ("second", OrderStatus.NEW)
        events = await until(updates, 3)
    assert events[0] == "new"
    assert sorted(events[1:]) == ["new", "replaced"]
    ended = await read(client, old)
    assert (ended.status, ended.replaced_by) == (OrderStatus.REPLACED, new.id)
    assert ended.replaced_at is not None
    with pytest.raises(APIError) as twice:
        await call(client.replace_order_by_id, old.id, requests.ReplaceOrderRequest(limit_price=92))
    assert twice.value.status_code == 422


async def test_a_cancel_that_loses_to_a_fill_is_told(opened: Opened, listening: Listening) -> None:
    async with opened(habits=Habits(pending_seconds=90)) as venue, listening(venue) as updates:
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        order = await limit(client, 99, time_in_force=GTC)
        assert order.status is OrderStatus.PENDING_NEW
        venue.bar(100)
        venue.bar(100)
        await call(client.cancel_order_by_id, order.id)
        assert (await read(client, order)).status is OrderStatus.PENDING_CANCEL
        venue.bar(100, 100, 95, 96)
        venue.bar(96)
        found = await until(updates, 5)
    assert found[0] == "pending_new"
    assert "pending_cancel" in found
    assert found.index("fill") < found.index("order_cancel_rejected")


async def test_what_befalls_executions_and_orders_is_told(
    venue: SmallVenue, client: TradingClient, listening: Listening
) -> None:
    await hold(client, venue)
    (first,) = await call(client.get, "/account/activities/FILL")
    async with listening(venue) as updates:
        resting = await limit(client, 50)
        venue.desk.apply(RejectAsked(order_id=str(resting.id), message="no such thing"))
        venue.desk.apply(CorrectionAsked(execution_id=first["id"].partition("::")[2], price=Decimal("99.50")))
        events = await until(updates, 3)
        assert events == ["new", "rejected", "trade_correct"]
        corrected = str(updates[2].execution_id)
        venue.desk.apply(BustAsked(execution_id=corrected))
        assert (await until(updates, 4))[-1] == "trade_bust"
    ended = await read(client, resting)
    assert (ended.status, ended.failed_at is not None) == (OrderStatus.REJECTED, True)
    assert not await call(client.get_all_positions)


async def test_an_order_rests_over_night_or_expires(opened: Opened, listening: Listening) -> None:
    habits = Habits(done_for_day=True)
    async with opened(habits=habits, volume_percent=10) as venue, listening(venue) as updates:
        client = TradingClient("KEY-1", SECRET, url_override=venue.url)
        day = await limit(client, 50)
        good = await limit(client, 101, time_in_force=GTC)
        venue.bar(100, volume=40)
        venue.pass_to(CLOSE)
        assert await until(updates, 5) == ["new", "new", "partial_fill", "expired", "done_for_day"]
        assert (await read(client, day)).status is OrderStatus.EXPIRED
        assert (await read(client, good)).status is OrderStatus.DONE_FOR_DAY
        venue.pass_to(NEXT_OPEN)
        assert (await read(client, good)).status is OrderStatus.PARTIALLY_FILLED
        venue.bar_at(NEXT_OPEN, 100)
        assert (await read(client, good)).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    (
        ({"symbol": COIN, "qty": 1, "time_in_force": DAY}, 422, 40010001),
        ({"symbol": COIN, "qty": 1, "side": SELL, "time_in_force": GTC}, 403, 40310000),
        ({"symbol": "BRVO", "qty": 1.5, "time_in_force": GTC}, 422, 40010001),
        ({"symbol": "BRVO", "notional": 0.5}, 422, 40010001),
        ({"symbol": "ALFA", "qty": 1.5}, 422, 40010001),
        ({"position_intent": "sell_to_close"}, 422, 42210000),
        ({"position_intent": "buy_to_close"}, 422, 42210000),
    ),
)
async def test_what_an_order_cannot_be_is_refused(
    venue: SmallVenue, client: TradingClient, fields: dict[str, Any], status: int, code: int
) -> None:
    for symbol in ("BRVO", COIN):
        venue.bar(100, symbol=symbol)
    with pytest.raises(APIError) as refused:
        await market(client, **fields)
    assert (refused.value.status_code, refused.value.code) == (status, code), refused.value.message
