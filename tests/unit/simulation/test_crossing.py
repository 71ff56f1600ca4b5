"""What a bar fills of what rests: fills in parts, triggered stops, auctions, hours, immediate orders."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.inputs import Habits
from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce
from agenttrader.testing.venue_stage import CLOSE, VenueStage, at

LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT


def test_an_order_fills_in_parts_by_the_volume_of_bars() -> None:
    stage = VenueStage(volume_percent=10)
    order = stage.order(quantity="10.5")
    assert stage.bar(2, 100, volume=49) == ["order partial_fill 4.9@100.00"]
    assert (stage[order].status, stage[order].leaves) == (Status.PARTIALLY_FILLED, 5_600_000_000)
    assert stage.exchange.books.reserved("a") == 560 * 10**15
    assert stage.bar(3, 102, volume=0) == []
    assert stage.bar(4, 104, volume=1_000) == ["order fill 5.6@104.00"]
    assert stage[order].filled_value == 4_900_000_000 * 100_000_000 + 5_600_000_000 * 104_000_000
    assert stage.quantity() == Decimal("10.5")


def test_orders_of_one_account_share_what_a_bar_has() -> None:
    stage = VenueStage(volume_percent=10)
    stage.order("first")
    stage.order("second")
    assert stage.bar(2, 100, volume=120) == ["first fill 10@100.00", "second partial_fill 2@100.00"]


@pytest.mark.parametrize("symbol", ("WHOLE", "ABC"))
def test_whole_shares_are_filled_whole(symbol: str) -> None:
    stage = VenueStage(volume_percent=10)
    stage.order(symbol=symbol)
    assert stage.bar(2, 100, symbol=symbol, volume=39) == ["order partial_fill 3@100.00"]
    assert stage.bar(3, 100, symbol=symbol, volume=9) == []
    assert stage.bar(4, 100, symbol=symbol, volume=70) == ["order fill 7@100.00"]


def test_a_triggered_stop_is_a_market_order_for_what_is_left() -> None:
    stage = VenueStage(volume_percent=10)
    stage.order(type=STOP, stop_price=105)
    assert stage.bar(2, 100, 106, 100, 106, volume=50) == ["order partial_fill 5@105.00"]
    assert stage.bar(3, 90) == ["order fill 5@90.00"]


def test_a_stop_limit_rests_at_its_limit_once_triggered() -> None:
    stage = VenueStage()
    order = stage.order(type=STOP_LIMIT, stop_price=105, limit_price=104)
    assert stage.bar(2, 100, 106, 100, 106) == []
    assert stage[order].triggered
    assert stage.bar(3, 106, 107, 104, 106) == []
    assert stage.bar(4, 106, 107, 103, 106) == ["order fill 10@104.00"]


def test_a_stop_limit_that_gaps_beyond_its_limit_waits() -> None:
    stage = VenueStage()
    stage.order(type=STOP_LIMIT, stop_price=105, limit_price=106)
    assert stage.bar(2, 110, 110, 107, 108) == []
    assert stage.bar(3, 106) == []
    assert stage.bar(4, "105.99") == ["order fill 10@105.99"]


def test_a_stop_limit_triggered_inside_takes_the_next_open() -> None:
    stage = VenueStage()
    stage.order(type=STOP_LIMIT, stop_price=105, limit_price=106)
    assert stage.bar(2, 100, 106, 100, 106) == []
    assert stage.bar(3, 106) == ["order fill 10@106.00"]


def test_a_limit_that_is_only_touched_stands_last_in_the_queue() -> None:
    stage = VenueStage()
    stage.order(type=LIMIT, limit_price=99)
    assert stage.bar(2, 100, 100, 99, 100) == []
    assert stage.bar(3, 99) == []
    assert stage.bar(4, 100, 100, "98.99", 100) == ["order fill 10@99.00"]


@pytest.mark.parametrize("word", (TimeInForce.IOC, TimeInForce.FOK))
def test_an_immediate_order_never_rests(word: TimeInForce) -> None:
    stage = VenueStage()
    order = stage.order(type=LIMIT, limit_price=99, time_in_force=word)
    assert stage.bar(2, 100, 100, 90, 95) == ["order canceled"]
    assert stage[order].status is Status.CANCELED
    assert stage.bar(3, 90) == []


def test_ioc_takes_what_there_is_and_fok_all_or_nothing() -> None:
    stage = VenueStage(volume_percent=10)
    stage.order("some", time_in_force=TimeInForce.IOC)
    assert stage.bar(2, 100, volume=40) == ["some partial_fill 4@100.00", "some canceled"]
    stage.order("all", time_in_force=TimeInForce.FOK)
    assert stage.bar(3, 100, volume=40) == ["all canceled"]
    stage.order("all", time_in_force=TimeInForce.FOK)
    assert stage.bar(4, 100, volume=100) == ["all fill 10@100.00"]


def test_an_immediate_order_without_a_bar_ends_after_two_minutes() -> None:
    stage = VenueStage()
    stage.order(time_in_force=TimeInForce.IOC)
    assert stage.watermark(2) == []
    assert stage.watermark(3) == ["order canceled"]


@pytest.mark.parametrize("pending_seconds", (0, 30))
def test_what_replaces_an_immediate_order_ends_with_its_two_minutes(pending_seconds: int) -> None:
    stage = VenueStage(habits=Habits(pending_seconds=pending_seconds))
    order = stage.order(type=LIMIT, limit_price=99, time_in_force=TimeInForce.IOC)
    stage.watermark(1, second=45)
    stage.replace(order, limit_price=98)
    stage.watermark(2, second=30)
    (new,) = stage.exchange.books.open_of("a")
    assert (new.replaces, new.status) == (order, Status.NEW)
    assert stage.watermark(3, second=pending_seconds) == ["new canceled"]


def test_opening_orders_see_the_first_open_and_nothing_else() -> None:
    stage = VenueStage()
    stage.bar(CLOSE, 100)
    stage.watermark(CLOSE + 600)
    stage.order("market", time_in_force=TimeInForce.OPG)
    stage.order("limit", type=LIMIT, limit_price=101, time_in_force=TimeInForce.OPG)
    assert stage.bar(-5, 90, day=1) == []
    assert stage.bar(1, 101, 101, 90, 95, day=1) == [
        *("market new", "limit new", "market fill 10@101.00", "limit canceled"),
    ]


def test_closing_orders_see_the_last_close_and_nothing_else() -> None:
    stage = VenueStage()
    stage.order("market", time_in_force=TimeInForce.CLS)
    stage.order("limit", type=LIMIT, limit_price=95, time_in_force=TimeInForce.CLS)
    assert stage.bar(2, 90) == []
    assert stage.bar(CLOSE, 90, 96, 90, 95) == ["market fill 10@95.00", "limit canceled"]


def test_a_closing_order_without_a_last_bar_is_canceled_at_the_close() -> None:
    stage = VenueStage()
    stage.order(time_in_force=TimeInForce.CLS)
    assert stage.watermark(CLOSE) == ["order canceled"]


def test_extended_hours_fill_only_orders_for_them() -> None:
    stage = VenueStage()
    stage.watermark(CLOSE - 1)
    stage.order("late", type=LIMIT, limit_price=101, extended_hours=True)
    stage.order("day", type=LIMIT, limit_price=90)
    assert stage.watermark(CLOSE) == ["day expired"]
    stage.order("next", type=LIMIT, limit_price=101)
    assert stage.bar(CLOSE + 1, 100) == ["late fill 10@100.00"]
    stage.order("later", type=LIMIT, limit_price=101, extended_hours=True)
    assert stage.bar(CLOSE + 2, 100) == ["later fill 10@100.00"]
    last = stage.order("last", type=LIMIT, limit_price=90, extended_hours=True)
    assert stage[last].expires_at == at(CLOSE + 30)
    assert stage.watermark(CLOSE + 30) == ["last expired"]
    stage.order("early", type=LIMIT, limit_price=101, extended_hours=True)
    assert stage.bar(-20, 100, day=1) == ["early new", "early fill 10@100.00"]
    assert stage.bar(1, 100, day=1) == ["next new", "next fill 10@100.00"]


def test_an_order_by_notional_buys_what_its_fill_gives_for_it() -> None:
    stage = VenueStage()
    order = stage.order(notional=1_000)
    assert stage[order].lots == 10 * 10**9
    assert stage.bar(2, 300) == ["order fill 3.333333333@300.00"]
    assert stage.exchange.books.ledger.cash("a") == 9_000_000_000_100_000_000
    stage.order("sale", side=Side.SELL, notional=900)
    assert stage.bar(3, 200) == ["sale fill 3.333333333@200.00"]
    assert stage.quantity() == 0


def test_an_order_by_notional_in_parts_never_costs_more_than_it() -> None:
    stage = VenueStage(volume_percent=10)
    order = stage.order(notional=1_000)
    assert stage.bar(2, 100, volume=35) == ["order partial_fill 3.5@100.00"]
    assert stage.exchange.books.reserved("a") == 650 * 10**15
    assert stage.bar(3, 200, volume=1_000) == ["order fill 3.25@200.00"]
    assert (stage[order].status, stage.exchange.books.ledger.cash("a")) == (Status.FILLED, 9_000 * 10**15)


def test_what_is_left_of_a_notional_for_less_than_a_lot_buys_a_lot() -> None:
    stage = VenueStage(volume_percent=10)
    order = stage.order(notional=1)
    assert stage.bar(2, 100, volume="0.09999999") == ["order partial_fill 0.009999999@100.00"]
    assert stage.bar(3, 101, volume=1_000) == ["order fill 0.000000001@101.00"]
    assert stage[order].status is Status.FILLED


def test_a_coin_trades_when_nothing_else_does() -> None:
    stage = VenueStage()
    stage.watermark(CLOSE + 200)
    coin: dict[str, Any] = {
        "symbol": "COIN/USD",
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal("0.5"),
    }
    order = stage.order(**coin)
    assert stage[order].status is Status.NEW
    assert stage.bar(CLOSE + 201, 100, symbol="COIN/USD") == ["order fill 0.5@100.00"]
    resting = stage.order(**coin, side=Side.SELL, type=LIMIT, limit_price=110)
    stage.watermark(CLOSE, day=1)
    assert stage[resting].status is Status.NEW
    assert stage.bar(CLOSE + 1, 111, symbol="COIN/USD", day=1) == ["order fill 0.5@111.00"]
