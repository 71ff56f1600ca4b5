import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.marketdata.series import Place, Series
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant

times = st.lists(st.integers(0, 12).map(Instant), max_size=30)
instants = st.integers(-2, 14).map(Instant)


def numbered(found: list[Instant]) -> Series[int]:
    return Series((time, number) for number, time in enumerate(found))


@given(found=times, start=instants, end=instants)
def test_an_interval_has_both_its_ends_in_the_order_of_time_then_of_arrival(
    found: list[Instant], start: Instant, end: Instant
) -> None:
    expected = sorted((time, number) for number, time in enumerate(found) if start <= time <= end)
    assert numbered(found).between(start, end) == [number for _, number in expected]


@given(found=times, start=instants, end=instants, count=st.integers(1, 5), descending=st.booleans())
def test_pages_put_together_are_the_whole_interval(
    found: list[Instant],
    start: Instant,
    end: Instant,
    count: int,
    descending: bool,  # noqa: FBT001
) -> None:
    series = numbered(found)
    heard: list[int] = []
    beyond: Place | None = None
    for _ in range(40):
        page = series.page(start, end, count=count, beyond=beyond, descending=descending)
        assert len(page) <= count
        heard += [number for _, number in page]
        if not page:
            break
        beyond = page[-1][0]
    whole = series.between(start, end)
    assert heard == (whole[::-1] if descending else whole)


@given(found=times, more=times)
def test_a_place_holds_while_more_is_told(found: list[Instant], more: list[Instant]) -> None:
    series = numbered(found)
    everything = (Instant(0), Instant(99))
    first = series.page(*everything, count=3, beyond=None, descending=False)
    for number, time in enumerate(more, 100):
        series.add(Instant(50 + time), number)
    if first:
        after = series.page(*everything, count=99, beyond=first[-1][0], descending=False)
        told = [number for _, number in (*first, *after)]
        assert told == series.between(*everything)


@pytest.mark.parametrize("ordinal", (-(10**30), -1, 10**30))
def test_a_place_that_never_was_is_no_harm(ordinal: int) -> None:
    series = numbered([Instant(1), Instant(2), Instant(3)])
    for descending in (False, True):
        page = series.page(
            Instant(2), Instant(3), count=9, beyond=Place(Instant(2), ordinal), descending=descending
        )
        assert {number for _, number in page} <= {1, 2}


def test_what_is_put_takes_the_place_of_what_was_there() -> None:
    series = Series([(Instant(1), "one"), (Instant(2), "two")])
    series.put(Instant(1), "uno")
    series.put(Instant(3), "tre")
    assert series.all() == ["uno", "two", "tre"]
    assert series.latest == "tre"
    assert Series[str]().latest is None


def test_the_oldest_go_and_asking_for_them_is_refused() -> None:
    series = Series([(Instant(time), time) for time in range(1, 12)], size_max=10)
    assert series.all() == list(range(3, 12))
    with pytest.raises(BadValue, match=r"expected a time after 1970-01-01T00:00:00\.000000002Z"):
        series.between(Instant(2), Instant(9))
    assert series.between(Instant(3), Instant(4)) == [3, 4]


def test_a_time_goes_whole_or_not_at_all() -> None:
    series = Series([(Instant(time), time) for time in itertools.chain([1] * 5, range(2, 8))], size_max=10)
    assert series.all() == list(range(2, 8))
