"""Alpaca's orders as the venue takes them; whatever it does not take is named."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.requests import Unsupported, closing_order, to_submission
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import NewOrder, decode_new_order
from agenttrader.simulation.orders import OrderClass, OrderType, Side, StopLoss, Submission, TimeInForce

MARKET = {"symbol": "ABC", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
LEGS = {"take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "90"}}


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


def test_a_bracket_is_taken() -> None:
    asked = order(type="limit", limit_price="100", time_in_force="gtc", order_class="bracket", **LEGS)
    submission = to_submission(asked)
    assert submission.order_class is OrderClass.BRACKET
    assert (submission.target, submission.stop_loss) == (Decimal(110), StopLoss(stop=Decimal(90)))
    assert (submission.limit_price, submission.time_in_force) == (Decimal(100), TimeInForce.GTC)


@pytest.mark.parametrize(
    ("changes", "what"),
    (
        ({"type": "stop_limit"}, "type stop_limit"),
        ({"type": "trailing_stop"}, "type trailing_stop"),
        ({"time_in_force": "opg"}, "time_in_force opg"),
        ({"time_in_force": "fok"}, "time_in_force fok"),
        ({"order_class": "oco"}, "order_class oco"),
        ({"order_class": "mleg"}, "order_class mleg"),
        ({"notional": "100"}, "notional"),
        ({"trail_percent": "1"}, "trail_percent"),
        ({"extended_hours": True}, "extended_hours"),
        ({"position_intent": "buy_to_open"}, "position_intent"),
        ({"advanced_instructions": {"algorithm": "VWAP"}}, "advanced_instructions"),
        ({"legs": [{"symbol": "ABC", "ratio_qty": "1"}]}, "legs"),
        (
            {"order_class": "bracket", **LEGS, "stop_loss": {"stop_price": "90", "limit_price": "89"}},
            "stop_loss.limit_price",
        ),
    ),
)
def test_what_the_venue_has_not_is_named(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(Unsupported, match=f"^not supported by this venue yet: {what}$"):
        to_submission(order(**changes))


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"symbol": None}, "symbol: expected it in this order"),
        ({"qty": None}, "qty: expected it in this order"),
        ({"side": None}, "side: expected it in this order"),
        ({"order_class": "bracket"}, "take_profit: expected it in this order"),
        (LEGS, "take_profit: expected order_class bracket with it, found ''"),
        ({"order_class": "bracket", "take_profit": LEGS["take_profit"]}, "stop_loss: expected it"),
    ),
)
def test_what_is_missing_is_named(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=found):
        to_submission(order(**changes))


def test_a_holding_is_closed_by_the_other_side() -> None:
    assert (closing_order("ABC", Decimal(5), None).side, closing_order("ABC", Decimal(5), None).quantity) == (
        Side.SELL,
        Decimal(5),
    )
    short = closing_order("ABC", Decimal(-5), Decimal(2))
    assert (short.side, short.quantity) == (Side.BUY, Decimal(2))
