from datetime import date

import pytest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.alpaca_timeframes import Timeframe, Unit, midnight, period_at, read_timeframe

NOON = from_rfc3339("2026-11-20T17:07:30Z")

timeframes = st.one_of(
    st.builds(Timeframe, st.integers(1, 59), st.just(Unit.MINUTE)),
    st.builds(Timeframe, st.integers(1, 23), st.just(Unit.HOUR)),
    st.sampled_from([Timeframe(1, Unit.DAY), Timeframe(1, Unit.WEEK)]),
    st.builds(Timeframe, st.sampled_from([1, 2, 3, 6, 12]), st.just(Unit.MONTH)),
)


@given(timeframe=timeframes)
def test_what_alpacas_client_writes_is_read(timeframe: Timeframe) -> None:
    theirs = TimeFrame(timeframe.count, TimeFrameUnit(timeframe.unit.value))
    assert read_timeframe(str(theirs)) == timeframe


def test_short_names_are_the_same() -> None:
    assert [read_timeframe(text) for text in ("5T", "2H", "1D", "1W", "3M")] == [
        Timeframe(5, Unit.MINUTE),
        Timeframe(2, Unit.HOUR),
        Timeframe(1, Unit.DAY),
        Timeframe(1, Unit.WEEK),
        Timeframe(3, Unit.MONTH),
    ]


@pytest.mark.parametrize(
    "text",
    ("", "Min", "0Min", "60Min", "24Hour", "2Day", "2Week", "4Month", "1min", "1Sec", "01Min", "9" * 99),
)
def test_other_timeframes_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match="invalid timeframe: expected 1 to 59 Min"):
        read_timeframe(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    (
        ("1Min", "2026-11-20T17:07:00Z", "2026-11-20T17:08:00Z"),
        ("5Min", "2026-11-20T17:05:00Z", "2026-11-20T17:10:00Z"),
        # 17:07:30 is 727.5 minutes after midnight in New York.
        ("7Min", "2026-11-20T17:01:00Z", "2026-11-20T17:08:00Z"),
        ("1Hour", "2026-11-20T17:00:00Z", "2026-11-20T18:00:00Z"),
        ("4Hour", "2026-11-20T17:00:00Z", "2026-11-20T21:00:00Z"),
        ("23Hour", "2026-11-20T05:00:00Z", "2026-11-21T04:00:00Z"),
        ("1Day", "2026-11-20T05:00:00Z", "2026-11-21T05:00:00Z"),
        ("1Week", "2026-11-16T05:00:00Z", "2026-11-23T05:00:00Z"),
        ("1Month", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
        ("3Month", "2026-10-01T04:00:00Z", "2027-01-01T05:00:00Z"),
        ("12Month", "2026-01-01T05:00:00Z", "2027-01-01T05:00:00Z"),
    ),
)
def test_periods_are_new_yorks(text: str, start: str, end: str) -> None:
    period = period_at(NOON, read_timeframe(text))
    assert (rfc3339(period.start), rfc3339(period.end)) == (start, end)


def test_a_day_has_23_or_25_hours_when_the_clocks_change() -> None:
    days = [period_at(midnight(day), Timeframe(1, Unit.DAY)) for day in (date(2026, 3, 8), date(2026, 11, 1))]
    assert [day.length // (60 * MINUTE) for day in days] == [23, 25]


@given(timeframe=timeframes, instant=st.integers(from_rfc3339("2013-01-01T00:00:00Z"), NOON).map(Instant))
def test_periods_cut_time_without_gap_or_overlap(timeframe: Timeframe, instant: Instant) -> None:
    period = period_at(instant, timeframe)
    assert period.start <= instant < period.end
    assert period_at(period.start, timeframe) == period
    assert period_at(Instant(period.end - 1), timeframe) == period
    assert period_at(period.end, timeframe).start == period.end
