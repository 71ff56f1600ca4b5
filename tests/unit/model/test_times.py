from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.errors import BadValue
from agenttrader.model.times import (
    INSTANT_MAX,
    INSTANT_MIN,
    MINUTE,
    SECOND,
    Instant,
    from_datetime,
    from_rfc3339,
    rfc3339,
    to_datetime,
)

INSTANTS = st.integers(INSTANT_MIN + 1_000, INSTANT_MAX).map(Instant)  # A whole microsecond in.
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@pytest.mark.parametrize(
    ("text", "instant"),
    (
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-11-20T14:30:00Z", 1_795_185_000_000_000_000),
        ("2026-11-20T14:30:00.5Z", 1_795_185_000_500_000_000),
        ("2026-11-20T14:30:00.000001Z", 1_795_185_000_000_001_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
        ("1677-09-21T00:12:43.145224192Z", -(2**63)),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ),
)
def test_an_instant_and_its_text(text: str, instant: int) -> None:
    assert rfc3339(Instant(instant)) == text
    assert from_rfc3339(text) == instant


@pytest.mark.parametrize(
    "text",
    (
        "2026-11-20T14:30:00+00:00",
        "2026-11-20T14:30:00-00:00",
        "2026-11-20 14:30:00Z",
        "2026-11-20T09:30:00-05:00",
        "2026-11-20T20:00:00+05:30",
        "2026-11-21T14:29:00+23:59",
        "2026-11-20T14:30:00.000000000Z",
    ),
)
def test_one_instant_has_many_texts(text: str) -> None:
    assert from_rfc3339(text) == 1_795_185_000_000_000_000


@pytest.mark.parametrize(
    "text",
    (
        *(
            "",
            "now",
            "2026-11-20",
            "2026-11-20T14:30:00",
            "2026-11-20T14:30Z",
            "14:30:00Z",
            "20261120T143000Z",
        ),
        *("2026-11-20T14:30:00.Z", "2026-11-20T14:30:00.1234567890Z", "2026-11-20T14:30:00,5Z"),
        *("2026-11-20T14:30:00z", "2026-11-20t14:30:00Z", " 2026-11-20T14:30:00Z", "2026-11-20T14:30:00Z\n"),
        *("2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z"),
        *("2026-11-20T24:00:00Z", "2026-11-20T14:60:00Z", "2026-11-20T14:30:60Z", "0000-01-01T00:00:00Z"),
        *(
            "2026-11-20T14:30:00+24:00",
            "2026-11-20T14:30:00+05:60",
            "2026-11-20T14:30:00+5",
            "2026-11-20T14:30:00+0530",
        ),
        *("٢٠٢٦-11-20T14:30:00Z", "-026-11-20T14:30:00Z", "1795185000", "2026-11-20T14:30:00 Z"),
        *("1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0999-01-01T00:00:00Z"),
    ),
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match=r"^time: expected"):
        from_rfc3339(text)


@given(INSTANTS)
def test_a_text_means_the_instant_that_it_was_made_of(instant: Instant) -> None:
    text = rfc3339(instant)
    assert from_rfc3339(text) == instant
    assert len(text) <= len("2026-11-20T14:30:00.123456789Z")
    assert datetime.fromisoformat(text[:19] + "Z") == to_datetime(instant).replace(microsecond=0)


@given(INSTANTS, INSTANTS)
def test_texts_of_whole_length_sort_as_their_instants(one: Instant, other: Instant) -> None:
    texts = [to_datetime(Instant(each)).strftime("%Y-%m-%dT%H:%M:%S") for each in (one, other)]
    assert (texts[0] < texts[1]) == (one // SECOND < other // SECOND)


@given(INSTANTS, OFFSETS)
def test_the_offset_does_not_move_the_instant(instant: Instant, minutes: int) -> None:
    local = to_datetime(instant).astimezone(timezone(timedelta(minutes=minutes)))
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    nanoseconds = f"{instant % SECOND:09d}"
    text = f"{local:%Y-%m-%dT%H:%M:%S}.{nanoseconds}{sign}{hours:02d}:{rest:02d}"
    assert from_rfc3339(text) == instant
    whole_microseconds = Instant(instant // 1_000 * 1_000)
    assert from_datetime(local) == whole_microseconds


@given(INSTANTS)
def test_a_datetime_is_the_instant_cut_to_the_microsecond(instant: Instant) -> None:
    moment = to_datetime(instant)
    assert moment.tzinfo is UTC
    assert 0 <= instant - from_datetime(moment) < 1_000


def test_a_datetime_without_a_time_zone_is_refused() -> None:
    with pytest.raises(BadValue, match=r"expected an aware datetime, found .* without a time zone"):
        from_datetime(datetime(2026, 11, 20, 14, 30))  # noqa: DTZ001


def test_a_datetime_beyond_what_an_instant_can_be_is_refused() -> None:
    for year in (1, 1600, 2300, 9999):
        with pytest.raises(BadValue, match="expected a time from 1677 to 2262"):
            from_datetime(datetime(year, 6, 1, tzinfo=UTC))


def test_durations_are_nanoseconds() -> None:
    assert (SECOND, MINUTE) == (10**9, 60 * 10**9)
