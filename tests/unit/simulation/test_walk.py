import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.simulation.chance import Chance
from agenttrader.simulation.walk import RETURN_UNIT, Walk


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    ticks=st.integers(1, 10**7),
    volume=st.integers(1, 10**6),
    shove=st.integers(-RETURN_UNIT, RETURN_UNIT),
)
def test_a_candle_holds_together_whatever_pushes_it(seed: int, ticks: int, volume: int, shove: int) -> None:
    walk = Walk(Chance(seed), ticks, volume)
    for activity in (600, 1_000, 2_400):
        candle = walk.minute(activity, shove)
        assert 1 <= candle.low <= min(candle.open, candle.close)
        assert max(candle.open, candle.close) <= candle.high
        assert candle.volume >= 1


@pytest.mark.parametrize("sign", (-1, 1))
def test_a_gap_moves_the_price_by_what_it_says(sign: int) -> None:
    walk = Walk(Chance("gap"), 10_000, 1_000)
    walk.gap(sign * RETURN_UNIT // 20)
    assert walk.minute(1_000).open == pytest.approx(10_000 + sign * 500, abs=10)


def test_a_fall_ends_at_one_tick() -> None:
    walk = Walk(Chance("fall"), 5, 1_000)
    walk.gap(-2 * RETURN_UNIT)
    assert walk.minute(1_000, -RETURN_UNIT).low == 1


def test_volume_comes_with_the_move_and_the_hour() -> None:
    def volume(activity: int, shove: int) -> int:
        return Walk(Chance("volume"), 100_000, 10_000).minute(activity, shove).volume

    assert volume(1_000, RETURN_UNIT // 50) > 3 * volume(1_000, 0)
    assert volume(2_400, 0) > 2 * volume(600, 0)
