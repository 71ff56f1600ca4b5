"""The highest equity: three samples in a row make it, three in a row lie below it, transfers move nothing."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.times import Instant
from agenttrader.portfolio.high_water import SAMPLES, HighWater

D = Decimal
EQUITIES = st.integers(1, 400).map(D)
SERIES = st.lists(EQUITIES, max_size=30)


def after(*equities: int | Decimal, water: HighWater | None = None, start: int = 0) -> HighWater:
    """The water after samples, one an instant."""
    found = water or HighWater()
    for number, equity in enumerate(equities, start=start):
        found.sample(D(equity), Instant(number))
    return found


def test_nobody_knows_before_three_samples() -> None:
    assert after(100, 50).drawdown() is None
    assert after(100, 50, 40).drawdown() == 0


def test_three_in_a_row_are_believed_and_the_mildest_of_them_counts() -> None:
    calm = (100, 100, 100)
    assert after(*calm, 90, 80).drawdown() == 0
    assert after(*calm, 90, 80, 70).drawdown() == D("0.1")


@given(st.integers(0, 20), EQUITIES)
def test_one_bad_tick_makes_neither_a_loss_nor_a_height_to_fall_from(place: int, tick: Decimal) -> None:
    calm = [D(100)] * 24
    calm[SAMPLES + place] = tick
    water = HighWater()
    for number, equity in enumerate(calm):
        water.sample(equity, Instant(number))
        assert not water.drawdown()


@given(SERIES)
def test_without_transfers_it_is_the_fall_from_the_highest_that_three_reached(series: list[Decimal]) -> None:
    water = after(*series)
    lowest = [min(series[at : at + SAMPLES]) for at in range(len(series) - SAMPLES + 1)]
    if not lowest:
        assert water.drawdown() is None
        return
    highest = max(lowest)
    assert water.drawdown() == max(D(0), highest - max(series[-SAMPLES:])) / highest


@given(st.lists(st.tuples(st.booleans(), st.integers(-150, 400)), max_size=40))
def test_with_transfers_it_is_the_same_part_of_the_money_of_now(history: list[tuple[bool, int]]) -> None:
    """The oracle keeps every sample, in fractions, and restates them all at each transfer."""
    water, told, high = HighWater(), list[Fraction](), Fraction(0)
    is_known = is_emptied = False
    for number, (is_transfer, amount) in enumerate(history):
        if is_transfer:
            water.transfer(D(amount))
            middle = sorted(told[-SAMPLES:])[1] if is_known else Fraction(0)
            is_kept = middle > 0 and middle + amount > 0
            is_emptied |= is_known and not is_kept
            ratio = (middle + amount) / middle if is_kept else Fraction(1)
            high *= ratio
            told = [each * ratio if is_kept else each + amount for each in told]
        else:
            water.sample(D(amount), Instant(number))
            told.append(Fraction(amount))
            high = max(high, min(told[-SAMPLES:]) if len(told) >= SAMPLES else Fraction(0))
            is_known |= high > 0
        found = water.drawdown()
        if not is_known:
            assert found is None
        elif is_emptied:
            assert found == 1
        else:
            assert found is not None
            expected = max(Fraction(0), high - max(told[-SAMPLES:])) / high
            assert abs(Fraction(found) - expected) < Fraction(1, 10**20)


def test_a_deposit_hides_no_loss_and_a_withdrawal_makes_none() -> None:
    for amount in (-89, -45, 1, 1_000_000):
        water = after(100, 100, 100, 90, 90, 90)
        water.transfer(D(amount))
        found = water.drawdown()
        assert found is not None
        assert abs(found - D("0.1")) < D("1e-20")
        after(*[90 + amount] * SAMPLES, water=water, start=6)
        again = water.drawdown()
        assert again is not None
        assert abs(again - D("0.1")) < D("1e-20")


def test_an_account_that_was_emptied_counts_as_lost_until_somebody_begins_anew() -> None:
    water = after(100, 100, 100)
    water.transfer(D(-100))
    assert water.drawdown() == 1
    water.transfer(D(500))
    after(500, 500, 500, water=water, start=3)
    assert water.drawdown() == 1
    water.begin_anew()
    assert water.drawdown() == 0
    assert water.high == 500


def test_to_begin_anew_forgets_the_height_and_not_the_samples() -> None:
    water = after(100, 100, 100, 60, 50, 55)
    assert water.drawdown() == D("0.4")
    water.begin_anew()
    assert (water.high, water.drawdown()) == (D(50), D(0))


def test_a_second_sample_of_the_same_instant_is_not_another() -> None:
    water = after(100, 100, 100)
    for _ in range(5):
        water.sample(D(10), Instant(3))
    assert water.drawdown() == 0


def test_what_never_was_above_nothing_has_nothing_to_fall_from() -> None:
    assert after(0, 0, 0, -5).drawdown() is None
