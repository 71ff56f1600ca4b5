"""Which orders there are at all: one repaired or broken field a row."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.simulation.orders import OrderClass, OrderType, Side, StopLoss, TimeInForce
from agenttrader.testing.venue_stage import CLOSE, VenueStage

LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
TRAILING = OrderType.TRAILING_STOP
GTC, IOC, OPG = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.OPG
BRACKET, OCO, OTO = OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO
EXITS: dict[str, Any] = {"target": 110, "stop_loss": StopLoss(stop=Decimal(90))}
COIN: dict[str, Any] = {"symbol": "COIN/USD", "time_in_force": GTC}


@pytest.mark.parametrize(
    "asked",
    (
        {"type": LIMIT, "limit_price": 99},
        {"type": STOP_LIMIT, "limit_price": 99, "stop_price": 98},
        {"type": TRAILING, "trail_price": 1},
        {"type": TRAILING, "trail_percent": "0.5", "time_in_force": GTC},
        {"type": LIMIT, "limit_price": 99, "extended_hours": True, "time_in_force": GTC},
        {"time_in_force": TimeInForce.FOK},
        {"order_class": BRACKET, **EXITS},
        {"order_class": OTO, "target": 110},
        {"quantity": "0.5"},
        {"notional": 1},
        {"notional": "12.34", "type": STOP, "stop_price": 101},
        {**COIN, "quantity": "0.0001"},
        {**COIN, "type": STOP_LIMIT, "limit_price": 99, "stop_price": 98},
        {**COIN, "time_in_force": IOC},
        {**COIN, "notional": 10},
    ),
)
def test_an_order_that_can_be_is_taken(asked: dict[str, Any]) -> None:
    assert VenueStage().ask(**asked).applied


@pytest.mark.parametrize(
    ("asked", "found"),
    (
        ({"quantity": None}, "qty or notional: expected one of them, found neither"),
        ({"quantity": 1, "notional": 1}, "qty or notional: expected one of them, found both"),
        ({"type": STOP_LIMIT, "stop_price": 98}, "limit_price: a stop_limit order needs"),
        ({"type": TRAILING}, "trail_price or trail_percent: expected one of them, found 0"),
        ({"type": TRAILING, "trail_price": 1, "trail_percent": 1}, "expected one of them, found 2"),
        ({"type": TRAILING, "trail_percent": 100}, "trail_percent: expected above 0 and below 100"),
        ({"trail_price": 1}, "trail: a market order has no trail"),
        ({"type": STOP, "stop_price": 101, "time_in_force": IOC}, "ioc orders must be market or limit"),
        ({"type": STOP, "stop_price": 101, "time_in_force": OPG}, "opg orders must be market or limit"),
        ({"extended_hours": True}, "extended hours order must be DAY or GTC limit"),
        (
            {"extended_hours": True, "type": LIMIT, "limit_price": 99, "time_in_force": IOC},
            "extended hours order must be DAY or GTC limit",
        ),
        ({"target": 110}, "simple orders: expected 0 of"),
        ({"order_class": BRACKET, "target": 110}, "bracket orders: expected 2 of"),
        ({"order_class": OTO, **EXITS}, "oto orders: expected 1 of"),
        ({"order_class": OCO, **EXITS}, "oco orders must be limit orders"),
        ({"order_class": OCO, "type": LIMIT, "limit_price": 109, **EXITS}, "limit_price: expected that of"),
        ({"order_class": BRACKET, "time_in_force": IOC, **EXITS}, "bracket orders must be day or gtc"),
        (
            {"order_class": BRACKET, "type": LIMIT, "limit_price": 99, "extended_hours": True, **EXITS},
            "bracket orders are not supported in extended hours",
        ),
        ({"order_class": BRACKET, "type": TRAILING, "trail_price": 1, **EXITS}, "trailing_stop orders must"),
        ({"symbol": "WHOLE", "notional": 10}, "requested asset is not fractionable"),
        ({"symbol": "WHOLE", "quantity": "0.5"}, "qty: expected a multiple of 1"),
        ({"quantity": "0.5", "time_in_force": GTC}, "fractional orders must be DAY orders"),
        ({"quantity": "0.5", "order_class": BRACKET, **EXITS}, "fractional orders must be simple"),
        ({"notional": "0.99"}, "notional: expected at least 1.00"),
        ({"notional": "1.001"}, "notional: expected at least 1.00, to the cent"),
        ({**COIN, "time_in_force": TimeInForce.DAY}, "crypto orders must be gtc or ioc"),
        ({**COIN, "type": STOP, "stop_price": 101}, "crypto orders must be market, limit or stop_limit"),
        ({**COIN, "order_class": BRACKET, **EXITS}, "crypto orders must be simple"),
        (
            {**COIN, "type": LIMIT, "limit_price": 99, "extended_hours": True},
            "extended hours are not for crypto",
        ),
    ),
)
def test_an_order_that_cannot_be_is_refused(asked: dict[str, Any], found: str) -> None:
    assert found in VenueStage().refusal(**asked)


def test_nothing_fractional_and_no_coin_is_sold_short() -> None:
    stage = VenueStage()
    short: dict[str, Any] = {"side": Side.SELL}
    assert "fractional orders cannot be sold short" in stage.refusal(**short, quantity="0.5")
    assert "cannot be sold short" in stage.refusal(**short, **COIN, quantity=1)
    stage.watermark(CLOSE)
    assert stage.ask(**COIN, quantity=1).applied
