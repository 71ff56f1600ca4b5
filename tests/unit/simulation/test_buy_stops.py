"""A buy stop is limited once it is triggered, and may so fail to buy."""

from decimal import Decimal

import pytest

from agenttrader.simulation.buy_stops import cap_of
from agenttrader.simulation.orders import OrderClass, OrderType, Side, StopLoss
from agenttrader.testing.venue_stage import SETTINGS, VenueStage

ABC = SETTINGS.listings[0]


@pytest.mark.parametrize(
    ("side", "order_type", "stop", "cap"),
    (
        (Side.BUY, OrderType.STOP, "49.99", "51.98"),
        (Side.BUY, OrderType.STOP, "50", "51.25"),
        (Side.BUY, OrderType.STOP, "105", "107.62"),
        (Side.SELL, OrderType.STOP, "105", None),
        (Side.BUY, OrderType.TRAILING_STOP, "105", None),
        (Side.BUY, OrderType.STOP_LIMIT, "105", None),
    ),
)
def test_the_cap_lies_some_per_cent_above_the_stop(
    side: Side, order_type: OrderType, stop: str, cap: str | None
) -> None:
    found = cap_of(ABC, side, order_type, ABC.units(Decimal(stop), "stop"))
    assert found == (None if cap is None else ABC.units(Decimal(cap), "cap"))


def test_a_stop_that_gaps_beyond_its_cap_waits_for_the_price_to_come_back() -> None:
    stage = VenueStage()
    order = stage.order(type=OrderType.STOP, stop_price=105)
    assert stage.bar(2, 110, 112, 109, 110) == []
    assert stage[order].triggered
    assert stage.bar(3, 110, 111, 107, 108) == ["order fill 10@107.62"]


def test_a_short_is_unprotected_beyond_the_cap() -> None:
    stage = VenueStage()
    loss = StopLoss(stop=Decimal(105))
    entry = stage.order("entry", side=Side.SELL, order_class=OrderClass.OTO, stop_loss=loss)
    stage.bar(2, 100)
    assert stage[stage[entry].legs[0]].cap == 107_620_000
    assert stage.bar(3, 120) == []
    assert stage.quantity() == -10


def test_a_replaced_stop_has_another_cap() -> None:
    stage = VenueStage()
    order = stage.order(type=OrderType.STOP, stop_price=105)
    stage.replace(order, stop_price=110)
    assert stage.outcome.order is not None
    assert stage.outcome.order.cap == 112_750_000


def test_cash_is_set_aside_at_the_cap_for_which_it_may_buy() -> None:
    stage = VenueStage()
    stage.order("dear", type=OrderType.STOP, stop_price=105, quantity=90)
    assert stage.exchange.books.reserved("a") == 90 * 107_620 * 10**12
    refusal = stage.refusal(type=OrderType.STOP, stop_price=105, quantity=3)
    assert refusal == "insufficient buying power (required: 322.86, available: 314.20)"
    stage.bar(2, "107.62")
    assert stage.exchange.books.ledger.cash("a") >= 0
