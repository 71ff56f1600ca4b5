"""Trailing stops: the stop behind the best price of the bars that have passed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce
from agenttrader.simulation.trailing import stop_behind
from agenttrader.testing.venue_stage import CLOSE, VenueStage

TRAILING = OrderType.TRAILING_STOP


@pytest.mark.parametrize(
    ("side", "trail", "percent", "expected"),
    (
        (Side.SELL, 5, None, 95),
        (Side.BUY, 5, None, 105),
        (Side.SELL, None, Decimal("1.5"), 98),
        (Side.BUY, None, Decimal("1.5"), 102),
        (Side.SELL, 200, None, 1),
    ),
)
def test_the_stop_lies_behind_the_best_price(
    side: Side, trail: int | None, percent: Decimal | None, expected: int
) -> None:
    assert stop_behind(100, side, trail, percent) == expected


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
