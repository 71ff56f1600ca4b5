"""The day's loss: what three samples in a row say at least, by whatever money came or went."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.portfolio.day_loss import DayLoss

D = Decimal


def sampled(day: DayLoss, *equities: int, start: int = 1) -> DayLoss:
    for number, equity in enumerate(equities, start):
        day.sample(D(equity), Instant(number))
    return day


def opened(equity: int = 1000) -> DayLoss:
    day = DayLoss()
    day.open(D(equity))
    return day


def test_it_is_what_three_samples_in_a_row_say_at_least() -> None:
    day = sampled(opened(), 900, 800)
    assert day.loss() is None
    assert sampled(day, 850, start=3).loss() == 100
    assert sampled(day, 700, start=4).loss() == 150
    assert sampled(day, 1100, start=5).loss() == -100


def test_a_second_sample_of_one_instant_says_nothing_more() -> None:
    day = sampled(opened(), 900, 900)
    day.sample(D(900), Instant(2))
    assert day.loss() is None


def test_a_day_is_not_known_before_its_open() -> None:
    assert sampled(DayLoss(), 900, 900, 900).loss() is None


def test_each_day_begins_at_its_open() -> None:
    day = sampled(opened(), 900, 900, 900)
    day.open(D(900))
    assert day.loss() is None
    assert sampled(day, 890, 890, 890, start=4).loss() == 10


def test_one_bad_price_at_the_open_is_no_height_to_fall_from() -> None:
    day = sampled(DayLoss(), 1000, 1001)
    day.open(D(5000))
    assert sampled(day, 1000, 1000, 1000, start=3).loss() == 1


def test_begun_anew_it_counts_from_the_equity_of_then() -> None:
    day = sampled(opened(), 900, 880, 890)
    day.begin_anew()
    assert day.loss() == -20
    assert sampled(day, 870, 870, 870, start=4).loss() == 10


@given(
    st.lists(st.integers(1, 10**6), min_size=3, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(-(10**7), 10**7)), max_size=4),
)
def test_money_that_comes_or_goes_changes_no_loss(
    equities: list[int], transfers: list[tuple[int, int]]
) -> None:
    plain, moved = opened(), opened()
    flows = 0
    for number, equity in enumerate(equities, 1):
        for at, amount in transfers:
            if at == number:
                moved.transfer(D(amount))
                flows += amount
        plain.sample(D(equity), Instant(number))
        moved.sample(D(equity + flows), Instant(number))
    assert moved.loss() == plain.loss()
