"""Replacing an order: what may change, what the new order keeps, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.orders import OrderClass, OrderType, Side, Status, StopLoss, TimeInForce
from agenttrader.testing.venue_stage import CLOSE, VenueStage, at

LIMIT, TRAILING = OrderType.LIMIT, OrderType.TRAILING_STOP
LOSS = StopLoss(stop=Decimal(90))


def refused(stage: VenueStage, order: str, **changes: Any) -> str:
    assert stage.replace(order, **changes) == []
    assert stage.outcome.refusal is not None
    return stage.outcome.refusal.message


def replaced(stage: VenueStage, order: str, name: str = "new", **changes: Any) -> str:
    stage.replace(order, name, **changes)
    assert stage.outcome.order is not None, stage.outcome.refusal
    return stage.outcome.order.id


def test_a_replacement_is_a_new_order_and_the_old_one_is_replaced() -> None:
    stage = VenueStage()
    old = stage.order(type=LIMIT, limit_price=90, client_order_id="mine")
    assert stage.replace(old, limit_price=95, quantity=20, client_order_id="other") == [
        *("order replaced", "new new"),
    ]
    new = stage.outcome.order
    assert new is not None
    assert new.id != old
    assert (new.limit, new.lots, new.replaces, new.status) == (95 * 10**6, 20 * 10**9, old, Status.NEW)
    assert (stage[old].status, stage[old].replaced_by) == (Status.REPLACED, new.id)
    assert stage.exchange.books.reserved("a") == 1_900 * 10**15
    assert stage.bar(2, 94) == ["new fill 20@94.00"]
    assert stage.refusal(client_order_id="mine") == "client_order_id must be unique"
    assert stage.refusal(client_order_id="other") == "client_order_id must be unique"


def test_a_replacement_counts_what_was_filled() -> None:
    stage = VenueStage(volume_percent=10)
    old = stage.order(type=LIMIT, limit_price=101)
    stage.bar(2, 100, volume=40)
    assert "qty: expected more than is filled, 4" in refused(stage, old, quantity=4)
    new = replaced(stage, old, quantity=6)
    assert (stage[new].status, stage[new].leaves) == (Status.PARTIALLY_FILLED, 2 * 10**9)
    assert stage.bar(3, 100) == ["new fill 2@100.00"]
    assert (stage[old].filled_lots, stage[new].filled_lots) == (4 * 10**9, 6 * 10**9)
    assert stage.quantity() == 6


def test_a_leg_is_replaced_in_its_bracket() -> None:
    stage = VenueStage()
    entry = stage.order("entry", order_class=OrderClass.BRACKET, target=110, stop_loss=LOSS)
    held = replaced(stage, stage[entry].legs[0], "target", limit_price=115)
    assert (stage[held].status, stage[held].entry) == (Status.HELD, entry)
    stage.bar(2, 100)
    assert stage[held].status is Status.NEW
    armed = replaced(stage, stage[entry].legs[1], "stop", stop_price=95)
    assert stage[entry].legs == (held, armed)
    assert "insufficient qty" in stage.refusal(side=Side.SELL, quantity=1)
    assert stage.bar(3, 94) == ["stop fill 10@94.00", "target canceled"]


def test_an_entry_keeps_its_legs() -> None:
    stage = VenueStage()
    old = stage.order("entry", type=LIMIT, limit_price=95, order_class=OrderClass.OTO, stop_loss=LOSS)
    new = replaced(stage, old, "entry", limit_price=96)
    (leg,) = stage[new].legs
    assert (stage[leg].entry, stage[old].legs) == (new, ())
    assert stage.bar(2, "95.5") == ["entry fill 10@95.50", "stop new"]


def test_both_exits_of_two_can_be_replaced() -> None:
    stage = VenueStage()
    stage.order("entry")
    stage.bar(2, 100)
    asked: dict[str, Any] = {"order_class": OrderClass.OCO, "target": 110, "stop_loss": LOSS}
    target = stage.order("target", side=Side.SELL, type=LIMIT, **asked)
    new = replaced(stage, target, "target", limit_price=105)
    (stop,) = stage[new].legs
    assert stage[stop].entry == new
    assert "must lie in this order" in refused(stage, stop, stop_price=106)
    assert stage.bar(3, 106) == ["target fill 10@106.00", "stop canceled"]


def test_a_trail_is_replaced_from_where_the_market_was() -> None:
    stage = VenueStage()
    order = stage.order(type=TRAILING, trail_price=5)
    stage.bar(2, 90)
    new = replaced(stage, order, trail=8)
    assert (stage[new].stop, stage[new].high_water) == (98 * 10**6, 90 * 10**6)
    percent = stage.order(type=TRAILING, trail_percent=5)
    assert stage[replaced(stage, percent, trail=10)].stop == 99 * 10**6


def test_a_day_order_becomes_good_till_canceled() -> None:
    stage = VenueStage()
    order = stage.order(type=LIMIT, limit_price=90)
    new = replaced(stage, order, time_in_force=TimeInForce.GTC)
    stage.watermark(CLOSE)
    assert stage[new].status is Status.NEW


@pytest.mark.parametrize(
    ("placed", "changes", "found"),
    (
        ({}, {}, "at least one value"),
        ({}, {"client_order_id": "used"}, "client_order_id must be unique"),
        ({}, {"stop_price": 90}, "a limit order has no stop_price"),
        ({}, {"trail": 1}, "a limit order has no trail"),
        ({}, {"limit_price": "90.001"}, "limit_price: expected a multiple"),
        ({}, {"quantity": "1.5"}, "whole shares"),
        ({}, {"quantity": 1_000}, "insufficient buying power"),
        ({}, {"time_in_force": TimeInForce.IOC}, "time_in_force: expected day or gtc"),
        ({"notional": 500}, {"limit_price": 91}, "orders by notional"),
        (
            {"type": TRAILING, "trail_percent": 5, "limit_price": None},
            {"trail": 100},
            "above 0 and below 100",
        ),
        ({"quantity": "0.5"}, {"time_in_force": TimeInForce.GTC}, "fractional orders must be DAY"),
        (
            {"symbol": "COIN/USD", "time_in_force": TimeInForce.GTC},
            {"time_in_force": TimeInForce.DAY},
            "crypto orders must be gtc",
        ),
        (
            {"order_class": OrderClass.BRACKET, "target": 110, "stop_loss": StopLoss(stop=Decimal(80))},
            {"limit_price": 110},
            "must lie in this order",
        ),
        (
            {"order_class": OrderClass.OTO, "stop_loss": StopLoss(stop=Decimal(80))},
            {"quantity": 11},
            "only limit_price and stop_price",
        ),
    ),
)
def test_a_replacement_that_cannot_be_is_refused(
    placed: dict[str, Any], changes: dict[str, Any], found: str
) -> None:
    stage = VenueStage()
    stage.cancel(stage.order(client_order_id="used"))
    asked: dict[str, Any] = {"type": LIMIT, "limit_price": 90} | placed
    order = stage.order(**asked)
    assert found in refused(stage, order, **changes)
    assert stage[order].status is Status.NEW


def test_what_has_ended_or_not_begun_cannot_be_replaced() -> None:
    stage = VenueStage()
    order = stage.order()
    stage.bar(2, 100)
    assert refused(stage, order, quantity=5) == "order cannot be replaced: it is filled"
    stage.watermark(CLOSE + 200)
    waiting = stage.order(type=LIMIT, limit_price=90)
    assert refused(stage, waiting, limit_price=91) == "order cannot be replaced: it is accepted"
    assert "order not found" in refused(stage, "nobody's", limit_price=91)
    assert stage[waiting].expires_at == at(CLOSE, day=1)


def test_a_larger_sale_needs_more_to_sell() -> None:
    stage = VenueStage()
    stage.order()
    stage.bar(2, 100)
    sale = stage.order(side=Side.SELL, quantity=6, type=LIMIT, limit_price=110)
    assert "(requested: 11, available: 10)" in refused(stage, sale, quantity=11)
    assert stage[replaced(stage, sale, quantity=10)].lots == 10 * 10**9


def test_a_short_sale_is_asked_for_equity_again() -> None:
    account = AccountOpening(name="a", cash=Decimal(2_500), shorting=True, multiplier=2)
    stage = VenueStage(accounts=(account,))
    sale = stage.order(side=Side.SELL, type=LIMIT, limit_price=110, quantity=1)
    stage.order("held", symbol="WHOLE", quantity=20)
    stage.bar(2, 100, symbol="WHOLE")
    stage.bar(3, 70, symbol="WHOLE")
    assert "needs an equity of 2000.00 to sell short" in refused(stage, sale, limit_price=109)
    stage.bar(4, 100, symbol="WHOLE")
    assert stage[replaced(stage, sale, limit_price=109)].limit == 109 * 10**6


def test_a_closing_order_is_replaced_only_while_one_could_be_sent() -> None:
    stage = VenueStage()
    order = stage.order(type=LIMIT, limit_price=99, time_in_force=TimeInForce.CLS)
    stage.watermark(CLOSE - 11)
    new = replaced(stage, order, limit_price=98)
    assert (stage[new].time_in_force, stage[new].expires_at) == (TimeInForce.CLS, at(CLOSE))
    stage.watermark(CLOSE - 10)
    assert "cls orders are not accepted" in refused(stage, new, limit_price=97)
