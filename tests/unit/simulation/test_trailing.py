"""Trailing stops: the stop behind the best price of the bars that have passed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce
from agenttrader.simulation.trailing import stop_behind
from agenttrader.testing.venue_stage import CLOSE, SETTINGS, VenueStage

TRAILING = OrderType.TRAILING_STOP


ABC = SETTINGS.listings[0]
"""In ticks of a cent; a unit of price is a hundredth of a hundredth of it."""


@pytest.mark.parametrize(
    ("side", "trail", "percent", "expected"),
    (
        (Side.SELL, "5", None, "95"),
        (Side.BUY, "5", None, "105"),
        (Side.SELL, None, "1.5", "98.5"),
        (Side.SELL, None, "0.333", "99.66"),
        (Side.BUY, None, "0.333", "100.34"),
        (Side.SELL, None, "0.000000001", "99.99"),
        (Side.BUY, None, "0.000000001", "100.01"),
        (Side.SELL, "200", None, "0.01"),
    ),
)
def test_the_stop_lies_behind_the_best_price_on_a_tick(
    side: Side, trail: str | None, percent: str | None, expected: str
) -> None:
    units = None if trail is None else ABC.units(Decimal(trail), "trail")
    stop = stop_behind(ABC, 100 * 10**6, side, units, None if percent is None else Decimal(percent))
    assert ABC.price(stop) == Decimal(expected)


@given(
    st.integers(1, 10**9),
    st.sampled_from(Side),
    st.one_of(st.integers(1, 10**5).map(lambda ticks: ticks * 10**4), st.decimals("0.001", "99.9", places=3)),
)
def test_a_stop_is_less_than_a_tick_further_away_than_asked(
    high_water: int, side: Side, trail: int | Decimal
) -> None:
    tick = 10**4
    if isinstance(trail, int):
        stop, asked = stop_behind(ABC, high_water, side, trail, None), Decimal(trail)
    else:
        stop, asked = stop_behind(ABC, high_water, side, None, trail), high_water * trail / 100
    assert stop % tick == 0
    assert stop == tick or 0 <= (stop - high_water) * side.sign - asked < tick


def test_a_price_between_ticks_leaves_the_stop_on_one() -> None:
    stage = VenueStage()
    stage.order("entry")
    stage.bar(2, 100)
    order = stage.order(side=Side.SELL, type=TRAILING, trail_price=5)
    stage.bar(3, 100, "101.123456", 100, 101)
    assert stage[order].stop == 96_120_000
    assert stage.bar(4, 100, 100, 96, 97) == ["order fill 10@96.12"]


def test_a_stop_follows_bars_that_have_passed_and_never_goes_back() -> None:
    stage = VenueStage()
    stage.order("entry")
    stage.bar(2, 100)
    order = stage.order(side=Side.SELL, type=TRAILING, trail_price=5, time_in_force=TimeInForce.GTC)
    levels = [(stage[order].high_water, stage[order].stop)]
    # The high of a bar may come after its low: its own high does not raise the stop that its low meets.
    assert stage.bar(3, 100, 120, 96, 110) == []
    levels.append((stage[order].high_water, stage[order].stop))
    assert stage.bar(4, 118, 119, 116, 118) == []
    levels.append((stage[order].high_water, stage[order].stop))
    assert levels == [(10**8, 95 * 10**6), (12 * 10**7, 115 * 10**6), (12 * 10**7, 115 * 10**6)]
    assert stage.bar(5, 118, 118, 114, 116) == ["order fill 10@115.00"]


def test_a_purchase_trails_by_percent_above_the_lowest() -> None:
    stage = VenueStage()
    order = stage.order(type=TRAILING, trail_percent=2)
    assert stage[order].stop == 102 * 10**6
    stage.bar(2, 100, 101, 90, 91)
    assert stage[order].stop == 91_800_000
    assert stage.bar(3, 95) == ["order fill 10@95.00"]


def test_a_trailing_stop_sleeps_outside_the_session() -> None:
    stage = VenueStage()
    order = stage.order(type=TRAILING, trail_price=5, time_in_force=TimeInForce.GTC)
    stage.bar(CLOSE, 100)
    assert stage.bar(CLOSE + 1, 200) == []
    assert stage.bar(CLOSE + 2, 50) == []
    assert (stage[order].status, stage[order].high_water) == (Status.NEW, 10**8)


@given(
    st.lists(st.integers(50, 150), min_size=1, max_size=6),
    st.sampled_from(Side),
    st.integers(1, 40),
    st.sampled_from(["trail_price", "trail_percent"]),
)
def test_a_stop_only_ever_moves_with_the_market(closes: list[int], side: Side, trail: int, by: str) -> None:
    stage = VenueStage()
    if side is Side.SELL:
        stage.order("entry")
        stage.bar(2, 100)
    asked: dict[str, Any] = {"side": side, "type": TRAILING, by: trail}
    order = stage.order(**asked)
    before = stage[order].stop
    for minute, price in enumerate(closes, start=3):
        stage.bar(minute, price)
        after = stage[order].stop
        assert before is not None
        assert after is not None
        assert after * side.sign <= before * side.sign
        before = after
        if not stage[order].status.is_open:
            assert price * 10**6 * side.sign >= after * side.sign
            break
