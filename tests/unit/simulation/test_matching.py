"""Every order type against one bar, by hand, and its bounds by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.simulation.matching import PriceBar, Touch, touch, touched_by
from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce, VenueOrder


def order(side: Side, type_: OrderType, level: int | None = None, sequence: int = 1) -> VenueOrder:
    return VenueOrder(
        id=f"o{sequence}",
        sequence=sequence,
        account="a",
        client_order_id="c",
        symbol="ABC",
        side=side,
        type=type_,
        time_in_force=TimeInForce.DAY,
        lots=1,
        limit=level if type_ is OrderType.LIMIT else None,
        stop=level if type_ is OrderType.STOP else None,
        status=Status.NEW,
        accepted_at=Instant(0),
        updated_at=Instant(0),
        eligible_from=Instant(0),
        expires_at=None,
    )


def bar(open_: int, high: int, low: int, close: int) -> PriceBar:
    return PriceBar(Instant(0), Instant(60), open_, high, low, close)


BAR = bar(100, 110, 90, 105)


@pytest.mark.parametrize(
    ("side", "type_", "level", "expected"),
    (
        (Side.BUY, OrderType.MARKET, None, Touch(100, at_open=True)),
        (Side.SELL, OrderType.MARKET, None, Touch(100, at_open=True)),
        (Side.BUY, OrderType.LIMIT, 101, Touch(100, at_open=True)),
        (Side.BUY, OrderType.LIMIT, 100, Touch(100, at_open=True)),
        (Side.BUY, OrderType.LIMIT, 95, Touch(95, at_open=False)),
        (Side.BUY, OrderType.LIMIT, 90, Touch(90, at_open=False)),
        (Side.BUY, OrderType.LIMIT, 89, None),
        (Side.SELL, OrderType.LIMIT, 99, Touch(100, at_open=True)),
        (Side.SELL, OrderType.LIMIT, 110, Touch(110, at_open=False)),
        (Side.SELL, OrderType.LIMIT, 111, None),
        (Side.BUY, OrderType.STOP, 99, Touch(100, at_open=True)),
        (Side.BUY, OrderType.STOP, 108, Touch(108, at_open=False)),
        (Side.BUY, OrderType.STOP, 111, None),
        (Side.SELL, OrderType.STOP, 103, Touch(100, at_open=True)),
        (Side.SELL, OrderType.STOP, 92, Touch(92, at_open=False)),
        (Side.SELL, OrderType.STOP, 89, None),
    ),
)
def test_a_bar_fills_an_order_at(
    side: Side, type_: OrderType, level: int | None, expected: Touch | None
) -> None:
    assert touch(order(side, type_, level), BAR) == expected


@given(
    st.lists(st.integers(1, 50), min_size=4, max_size=4),
    st.sampled_from(Side),
    st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP]),
    st.integers(1, 50),
)
def test_no_fill_lies_outside_the_bar_or_is_worse_than_the_limit(
    prices: list[int], side: Side, type_: OrderType, level: int
) -> None:
    low, *inside, high = sorted(prices)
    found = touch(order(side, type_, level), bar(inside[0], high, low, inside[1]))
    if found is None:
        assert type_ is not OrderType.MARKET
        return
    assert low <= found.price <= high
    assert found.at_open is (found.price == inside[0])
    if type_ is OrderType.LIMIT:
        assert found.price * side.sign <= level * side.sign
    if type_ is OrderType.STOP:
        assert found.price * side.sign >= level * side.sign


def test_of_what_a_bar_touches_stops_are_tried_first_and_then_the_oldest() -> None:
    orders = [
        order(Side.SELL, OrderType.LIMIT, 105, sequence=1),
        order(Side.SELL, OrderType.STOP, 95, sequence=2),
        order(Side.BUY, OrderType.MARKET, sequence=3),
        order(Side.SELL, OrderType.LIMIT, 111, sequence=4),
        order(Side.SELL, OrderType.STOP, 89, sequence=5),
        order(Side.BUY, OrderType.STOP, 99, sequence=6),
    ]
    assert touched_by(BAR, orders) == [
        ("o2", Touch(95, at_open=False)),
        ("o6", Touch(100, at_open=True)),
        ("o1", Touch(105, at_open=False)),
        ("o3", Touch(100, at_open=True)),
    ]


def test_the_status_machine_has_no_way_back() -> None:
    filled = order(Side.BUY, OrderType.MARKET).become(Status.FILLED, Instant(1))
    assert not filled.status.is_open
    with pytest.raises(AssertionError, match="filled cannot become canceled"):
        filled.become(Status.CANCELED, Instant(2))
