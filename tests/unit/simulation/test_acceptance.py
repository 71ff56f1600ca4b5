"""Orders the other way: what would turn a holding around is refused before it can."""

from decimal import Decimal

import pytest

from agenttrader.simulation.orders import OrderClass, OrderType, Reason, Side, StopLoss
from agenttrader.testing.venue_stage import VenueStage

LIMIT = OrderType.LIMIT


@pytest.mark.parametrize(
    ("first", "price", "second", "found"),
    (
        (Side.BUY, 90, Side.SELL, "cannot open a short sell while a long buy order is open"),
        (Side.SELL, 110, Side.BUY, "cannot open a long buy while a short sell order is open"),
    ),
)
def test_from_nothing_an_account_can_go_one_way_at_a_time(
    first: Side, price: int, second: Side, found: str
) -> None:
    stage = VenueStage()
    order = stage.order(side=first, type=LIMIT, limit_price=price)
    refusal = stage.ask(side=second).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.message) == (Reason.FORBIDDEN, found)
    assert stage.order(side=second, symbol="WHOLE")
    stage.cancel(order)
    assert stage.order(side=second)


def test_what_is_held_may_be_added_to_and_closed_at_once() -> None:
    stage = VenueStage()
    stage.order()
    stage.bar(2, 100)
    stage.order("more", type=LIMIT, limit_price=90)
    stage.order("exit", side=Side.SELL, type=LIMIT, limit_price=110)
    stage.order("again", type=LIMIT, limit_price=80, quantity=1)
    assert stage.bar(3, 111) == ["exit fill 10@111.00"]
    assert stage.refusal(side=Side.SELL).startswith("cannot open a short sell")


def test_the_legs_of_an_entry_are_no_orders_the_other_way() -> None:
    stage = VenueStage()
    stop_loss = StopLoss(stop=Decimal(80))
    stage.order(order_class=OrderClass.BRACKET, target=120, stop_loss=stop_loss, type=LIMIT, limit_price=90)
    assert stage.order(type=LIMIT, limit_price=89)
    assert stage.refusal(side=Side.SELL).startswith("cannot open a short sell")
