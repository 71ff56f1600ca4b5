"""Every order type against one bar, by hand, and its bounds by property."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.simulation.matching import Moment, PriceBar, Touch, lapses, touch, touched_by
from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce, VenueOrder

BUY, SELL = Side.BUY, Side.SELL
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
STOP_LIMIT, TRAILING = OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
EARLIER = Instant(-60)


def order(
    side: Side,
    type_: OrderType,
    limit: int | None = None,
    stop: int | None = None,
    sequence: int = 1,
    **changes: Any,
) -> VenueOrder:
    fields: dict[str, Any] = {
        "id": f"o{sequence}",
        "sequence": sequence,
        "account": "a",
        "client_order_id": "c",
        "symbol": "ABC",
        "side": side,
        "type": type_,
        "time_in_force": TimeInForce.DAY,
        "lots": 1,
        "limit": limit,
        "stop": stop,
        "status": Status.NEW,
        "accepted_at": EARLIER,
        "updated_at": EARLIER,
        "eligible_from": EARLIER,
        "expires_at": None,
    }
    return VenueOrder(**(fields | changes))


def bar(open_: int, high: int, low: int, close: int, **changes: Any) -> PriceBar:
    return PriceBar(Instant(0), Instant(60), open_, high, low, close, previous=EARLIER, **changes)


BAR = bar(100, 110, 90, 105)


def opens(price: int | None, *, triggers: bool = False) -> Touch:
    return Touch(price, Moment.OPEN, triggers)


def inside(price: int | None, *, triggers: bool = False) -> Touch:
    return Touch(price, Moment.INSIDE, triggers)


@pytest.mark.parametrize(
    ("asked", "expected"),
    (
        (order(BUY, MARKET), opens(100)),
        (order(SELL, MARKET), opens(100)),
        (order(BUY, LIMIT, 101), opens(100)),
        (order(BUY, LIMIT, 100), inside(100)),
        (order(BUY, LIMIT, 95), inside(95)),
        (order(BUY, LIMIT, 91), inside(91)),
        (order(BUY, LIMIT, 90), None),
        (order(SELL, LIMIT, 99), opens(100)),
        (order(SELL, LIMIT, 109), inside(109)),
        (order(SELL, LIMIT, 110), None),
        (order(BUY, STOP, stop=99), opens(100, triggers=True)),
        (order(BUY, STOP, stop=108), inside(108, triggers=True)),
        (order(BUY, STOP, stop=110), inside(110, triggers=True)),
        (order(BUY, STOP, stop=111), None),
        (order(SELL, STOP, stop=103), opens(100, triggers=True)),
        (order(SELL, STOP, stop=92), inside(92, triggers=True)),
        (order(SELL, STOP, stop=89), None),
        (order(SELL, STOP, stop=89, triggered=True), opens(100)),
        (order(BUY, STOP, stop=98, cap=101), opens(100, triggers=True)),
        (order(BUY, STOP, stop=98, cap=99), inside(99, triggers=True)),
        (order(BUY, STOP, stop=80, cap=82), opens(None, triggers=True)),
        (order(BUY, STOP, stop=105, cap=107), inside(105, triggers=True)),
        (order(BUY, STOP, stop=80, cap=91, triggered=True), inside(91)),
        (order(SELL, TRAILING, stop=95), inside(95, triggers=True)),
        (order(SELL, TRAILING), None),
        (order(SELL, STOP_LIMIT, limit=99, stop=103), opens(100, triggers=True)),
        (order(SELL, STOP_LIMIT, limit=100, stop=103), opens(100, triggers=True)),
        (order(SELL, STOP_LIMIT, limit=102, stop=103), inside(102, triggers=True)),
        (order(SELL, STOP_LIMIT, limit=111, stop=103), opens(None, triggers=True)),
        (order(SELL, STOP_LIMIT, limit=94, stop=95), inside(None, triggers=True)),
        (order(SELL, STOP_LIMIT, limit=80, stop=85), None),
        (order(SELL, STOP_LIMIT, limit=109, stop=85, triggered=True), inside(109)),
    ),
)
def test_a_bar_does_to_an_order(asked: VenueOrder, expected: Touch | None) -> None:
    assert touch(asked, BAR) == expected


def test_an_order_that_arrives_takes_what_the_open_offers() -> None:
    flat = bar(100, 100, 100, 100)
    assert touch(order(BUY, LIMIT, 100), flat) is None
    assert touch(order(BUY, LIMIT, 100, eligible_from=Instant(0)), flat) == opens(100)
    assert touch(order(BUY, LIMIT, 99, eligible_from=Instant(0)), flat) is None


@pytest.mark.parametrize("time_in_force", (TimeInForce.IOC, TimeInForce.FOK))
def test_an_immediate_order_sees_one_open(time_in_force: TimeInForce) -> None:
    assert touch(order(BUY, LIMIT, 101, time_in_force=time_in_force), BAR) == opens(100)
    resting = order(BUY, LIMIT, 95, time_in_force=time_in_force)
    assert touch(resting, BAR) is None
    assert lapses(resting, BAR)


def test_auctions_have_the_first_open_and_the_last_close() -> None:
    first, last = bar(100, 110, 90, 105, opens=True), bar(100, 110, 90, 105, closes=True)
    on_open: dict[str, Any] = {"time_in_force": TimeInForce.OPG}
    on_close: dict[str, Any] = {"time_in_force": TimeInForce.CLS}
    assert touch(order(BUY, MARKET, **on_open), first) == opens(100)
    assert touch(order(BUY, LIMIT, 101, **on_open), first) == opens(100)
    assert touch(order(BUY, LIMIT, 100, **on_open), first) is None
    assert touch(order(BUY, MARKET, **on_open), last) is None
    assert touch(order(BUY, MARKET, **on_close), last) == Touch(105, Moment.CLOSE)
    assert touch(order(SELL, LIMIT, 104, **on_close), last) == Touch(105, Moment.CLOSE)
    assert touch(order(SELL, LIMIT, 105, **on_close), last) is None
    assert [lapses(order(BUY, MARKET, **on_open), each) for each in (first, last)] == [True, False]
    assert [lapses(order(BUY, MARKET, **on_close), each) for each in (first, last)] == [False, True]
    assert not lapses(order(BUY, MARKET), first)


@given(
    st.lists(st.integers(1, 50), min_size=4, max_size=4),
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    st.sampled_from(TimeInForce),
    st.tuples(st.integers(1, 50), st.integers(1, 50), st.booleans(), st.booleans()),
)
def test_no_fill_lies_outside_the_bar_or_is_worse_than_the_limit(
    prices: list[int],
    side: Side,
    type_: OrderType,
    time_in_force: TimeInForce,
    other: tuple[int, int, bool, bool],
) -> None:
    low, *middle, high = sorted(prices)
    limit = other[0] if type_ in {LIMIT, STOP_LIMIT} else None
    stop = other[1] if type_ in {STOP, STOP_LIMIT, TRAILING} else None
    asked = order(side, type_, limit, stop, time_in_force=time_in_force, triggered=other[2])
    found = touch(asked, bar(middle[0], high, low, middle[1], opens=other[3], closes=other[3]))
    if found is None or found.price is None:
        assert found is None or found.triggers
        return
    assert low <= found.price <= high
    if found.moment is Moment.OPEN:
        assert found.price == middle[0]
    if limit is not None:
        assert found.price * side.sign <= limit * side.sign
    if found.triggers and stop is not None and found.moment is Moment.OPEN:
        assert middle[0] * side.sign >= stop * side.sign


def test_of_what_a_bar_touches_stops_are_tried_first_and_then_the_oldest() -> None:
    orders = [
        order(SELL, LIMIT, 105, sequence=1),
        order(SELL, STOP, stop=95, sequence=2),
        order(BUY, MARKET, sequence=3),
        order(SELL, LIMIT, 111, sequence=4),
        order(SELL, STOP, stop=89, sequence=5),
        order(BUY, STOP, stop=99, sequence=6),
        order(SELL, STOP, stop=95, triggered=True, sequence=7),
    ]
    assert touched_by(BAR, orders) == [
        ("o2", inside(95, triggers=True)),
        ("o6", opens(100, triggers=True)),
        ("o1", inside(105)),
        ("o3", opens(100)),
        ("o7", opens(100)),
    ]


def test_the_status_machine_has_no_way_back() -> None:
    filled = order(BUY, MARKET).become(Status.FILLED, Instant(1))
    assert not filled.status.is_open
    with pytest.raises(AssertionError, match="filled cannot become canceled"):
        filled.become(Status.CANCELED, Instant(2))
