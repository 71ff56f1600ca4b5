"""Alpaca's orders as the venue takes them; whatever it does not take is named."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.requests import (
    Unsupported,
    closing_order,
    part_of,
    to_package,
    to_replacement,
    to_submission,
)
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import NewOrder, decode_new_order, decode_replacement
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import (
    Intent,
    OrderClass,
    OrderType,
    Replacement,
    Side,
    StopLoss,
    Submission,
    TimeInForce,
)
from agenttrader.testing.small_venue import COIN, small_settings

MARKET = {"symbol": "ABC", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
TARGET = {"take_profit": {"limit_price": "110"}}
STOP = {"stop_loss": {"stop_price": "90"}}
LISTINGS: dict[str, Listing] = {each.symbol: each for each in small_settings().listings}


def order(**changes: Any) -> NewOrder:
    return decode_new_order(msgspec.json.encode(MARKET | changes))


def test_a_market_order_is_taken() -> None:
    assert to_submission(order(client_order_id="mine")) == Submission(
        client_order_id="mine",
        symbol="ABC",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(10),
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    (
        ({"type": "stop", "stop_price": 90}, {"type": OrderType.STOP, "stop_price": Decimal(90)}),
        (
            {"type": "stop_limit", "stop_price": 90, "limit_price": 89},
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(90), "limit_price": Decimal(89)},
        ),
        (
            {"type": "trailing_stop", "trail_price": "1.5"},
            {"type": OrderType.TRAILING_STOP, "trail_price": Decimal("1.5")},
        ),
        (
            {"type": "trailing_stop", "trail_percent": "2"},
            {"type": OrderType.TRAILING_STOP, "trail_percent": Decimal(2)},
        ),
        ({"qty": None, "notional": "500.25"}, {"quantity": None, "notional": Decimal("500.25")}),
        ({"extended_hours": True}, {"extended_hours": True}),
        *(
            ({"time_in_force": word}, {"time_in_force": TimeInForce(word)})
            for word in ("gtc", "ioc", "fok", "opg", "cls")
        ),
    ),
)
def test_every_type_and_time_in_force_is_taken(changes: dict[str, Any], fields: dict[str, object]) -> None:
    taken = to_submission(order(**changes))
    assert {name: getattr(taken, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("changes", "order_class", "target", "stop_loss"),
    (
        ({"order_class": "simple"}, OrderClass.SIMPLE, None, None),
        (
            {"order_class": "bracket", **TARGET, **STOP},
            OrderClass.BRACKET,
            Decimal(110),
            StopLoss(stop=Decimal(90)),
        ),
        (
            {"order_class": "bracket", **TARGET, "stop_loss": {"stop_price": 90, "limit_price": 89}},
            OrderClass.BRACKET,
            Decimal(110),
            StopLoss(stop=Decimal(90), limit=Decimal(89)),
        ),
        ({"order_class": "oto", **STOP}, OrderClass.OTO, None, StopLoss(stop=Decimal(90))),
        ({"order_class": "oto", **TARGET}, OrderClass.OTO, Decimal(110), None),
        (
            {"order_class": "oco", "type": "limit", **TARGET, **STOP},
            OrderClass.OCO,
            Decimal(110),
            StopLoss(stop=Decimal(90)),
        ),
        (
            {"order_class": "oco", "type": "limit", "limit_price": 110, **STOP},
            OrderClass.OCO,
            Decimal(110),
            StopLoss(stop=Decimal(90)),
        ),
    ),
)
def test_every_class_is_taken_with_its_exits(
    changes: dict[str, Any], order_class: OrderClass, target: Decimal | None, stop_loss: StopLoss | None
) -> None:
    taken = to_submission(order(**changes))
    assert (taken.order_class, taken.target, taken.stop_loss) == (order_class, target, stop_loss)
    assert order_class is not OrderClass.OCO or taken.limit_price is None


def test_what_the_venue_has_not_is_named() -> None:
    with pytest.raises(Unsupported, match="yet: advanced_instructions"):
        to_submission(order(advanced_instructions={"algorithm": "VWAP"}))


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"symbol": None}, "symbol: expected it in this order"),
        ({"qty": None}, "qty: expected either qty or notional in this order, found neither"),
        ({"notional": 5}, "qty: expected either qty or notional in this order, found both"),
        ({"side": None}, "side: expected it in this order"),
        ({"order_class": "bracket"}, "take_profit: expected it in this order"),
        ({"order_class": "bracket", **TARGET}, "stop_loss: expected it in this order"),
        (TARGET, "take_profit: expected a class of order with it, found ''"),
        (STOP, "stop_loss: expected a class of order with it, found ''"),
        (
            {"order_class": "oto"},
            "oto: expected either take_profit or stop_loss in this order, found neither",
        ),
        ({"order_class": "oto", **TARGET, **STOP}, "oto: expected either .* found both"),
        ({"order_class": "oco", **TARGET}, "stop_loss: expected it in this order"),
        ({"order_class": "oco", **STOP}, "take_profit: expected it in this order"),
        (
            {"order_class": "oco", "limit_price": 111, **TARGET, **STOP},
            "limit_price: expected it to be take_profit.limit_price, 110, found 111",
        ),
    ),
)
def test_what_is_missing_or_contradicts_itself_is_named(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        to_submission(order(**changes))


def test_a_replacement_says_what_is_to_change() -> None:
    body = b'{"qty": 5, "limit_price": 10.5, "time_in_force": "gtc", "trail": null, "client_order_id": "b"}'
    assert to_replacement(decode_replacement(body)) == Replacement(
        client_order_id="b",
        quantity=Decimal(5),
        time_in_force=TimeInForce.GTC,
        limit_price=Decimal("10.5"),
    )
    with pytest.raises(Unsupported, match="notional"):
        to_replacement(decode_replacement(b'{"notional": 5}'))
    with pytest.raises(BadValue, match="replacement: Object contains unknown field `side`"):
        decode_replacement(b'{"side": "buy"}')
    with pytest.raises(BadValue, match="time_in_force: expected one of"):
        decode_replacement(b'{"time_in_force": "soon"}')


def test_a_holding_is_closed_by_the_other_side() -> None:
    closing = closing_order(LISTINGS["ALFA"], Decimal(5), None)
    assert (closing.side, closing.quantity, closing.time_in_force) == (Side.SELL, Decimal(5), TimeInForce.DAY)
    short = closing_order(LISTINGS["ALFA"], Decimal(-5), Decimal(2))
    assert (short.side, short.quantity) == (Side.BUY, Decimal(2))
    assert closing_order(LISTINGS[COIN], Decimal("0.1"), None).time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(
    ("symbol", "held", "percentage", "part"),
    (
        ("ALFA", "10", "50", "5"),
        ("ALFA", "-10", "100", "10"),
        ("ALFA", "5", "50", "2"),
        ("BRVO", "5", "50", "2"),
        ("BRVO", "2.5", "50", "1.25"),
        (COIN, "0.000000003", "50", "0.000000001"),
    ),
)
def test_a_percentage_of_a_holding_is_whole_where_that_is(
    symbol: str, held: str, percentage: str, part: str
) -> None:
    assert part_of(LISTINGS[symbol], Decimal(held), Decimal(percentage)) == Decimal(part)


@pytest.mark.parametrize("percentage", ("0", "-1", "100.1", "1"))
def test_a_percentage_that_is_none_or_leaves_nothing_is_refused(percentage: str) -> None:
    with pytest.raises(BadValue, match="percentage: expected"):
        part_of(LISTINGS["ALFA"], Decimal(10), Decimal(percentage))


LEG = {"symbol": "A", "ratio_qty": 1}
SPREAD: dict[str, Any] = {
    "order_class": "mleg",
    "type": "limit",
    "time_in_force": "day",
    "qty": 2,
    "limit_price": "-1.35",
    "legs": [
        {"symbol": "ABC261120C00100000", "ratio_qty": 1, "position_intent": "sell_to_open"},
        {"symbol": "ABC261120C00105000", "ratio_qty": "3", "side": "buy"},
    ],
}


def spread(**changes: Any) -> NewOrder:
    return decode_new_order(msgspec.json.encode(SPREAD | changes))


def test_several_options_are_taken_with_their_sides_ratios_and_intents() -> None:
    taken = to_package(spread())
    assert (taken.quantity, taken.limit_price, taken.type) == (
        Decimal(2),
        Decimal("-1.35"),
        OrderType.LIMIT,
    )
    assert [(leg.side, leg.ratio, leg.intent) for leg in taken.legs] == [
        (Side.SELL, Decimal(1), Intent.SELL_TO_OPEN),
        (Side.BUY, Decimal(3), None),
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"legs": None}, "legs: expected it in this order"),
        ({"qty": None}, "qty: expected it in this order"),
        ({"symbol": "ABC"}, "symbol: an mleg order has none"),
        ({"side": "buy"}, "side: an mleg order has none"),
        ({"notional": 5}, "notional: an mleg order has none"),
        ({"stop_price": 5}, "stop_price: an mleg order has none"),
        ({"extended_hours": True}, "extended_hours: options orders"),
        ({"legs": [LEG]}, "legs, side: expected it in this order"),
        (
            {"legs": [{"symbol": "A", "ratio_qty": 1, "side": "short"}]},
            "legs, side: expected one of buy, sell",
        ),
        (
            {"legs": [{"symbol": "A", "ratio_qty": 1, "position_intent": "x"}]},
            "legs, position_intent: expected",
        ),
        ({"advanced_instructions": {"algorithm": "VWAP"}}, "not supported by this venue yet"),
    ),
)
def test_what_no_order_of_several_options_has_is_refused(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=f"^{found}"):
        to_package(spread(**changes))


@pytest.mark.parametrize("changes", ({"order_class": "mleg"}, {"legs": [LEG]}))
def test_other_orders_have_no_legs(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="legs: expected them in orders of class mleg alone"):
        to_submission(order(**changes))
