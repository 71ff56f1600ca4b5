from itertools import pairwise

import msgspec
import pytest

from agenttrader.model.errors import BadValue
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import Instant, from_rfc3339

THURSDAY = Session(
    date="2026-11-25", open=from_rfc3339("2026-11-25T14:30:00Z"), close=from_rfc3339("2026-11-25T21:00:00Z")
)
HALF_DAY = Session(
    date="2026-11-27", open=from_rfc3339("2026-11-27T14:30:00Z"), close=from_rfc3339("2026-11-27T18:00:00Z")
)
CALENDAR = Calendar(
    name="XNYS",
    start=from_rfc3339("2026-11-25T00:00:00Z"),
    end=from_rfc3339("2026-11-28T00:00:00Z"),
    sessions=(THURSDAY, HALF_DAY),
)


@pytest.mark.parametrize(
    ("time", "trading", "latest"),
    (
        ("2026-11-25T00:00:00Z", None, None),
        ("2026-11-25T14:29:59.999999999Z", None, None),
        ("2026-11-25T14:30:00Z", THURSDAY, THURSDAY),
        ("2026-11-25T20:59:59.999999999Z", THURSDAY, THURSDAY),
        ("2026-11-25T21:00:00Z", None, THURSDAY),
        ("2026-11-26T16:00:00Z", None, THURSDAY),
        ("2026-11-27T14:30:00Z", HALF_DAY, HALF_DAY),
        ("2026-11-27T18:00:00Z", None, HALF_DAY),
    ),
)
def test_the_session_at_a_time_and_the_day_it_counts_to(
    time: str, trading: Session | None, latest: Session | None
) -> None:
    instant = from_rfc3339(time)
    assert CALENDAR.session_at(instant) == trading
    assert CALENDAR.latest(instant) == latest


LONG = msgspec.structs.replace(
    THURSDAY,
    early_open=from_rfc3339("2026-11-25T09:00:00Z"),
    late_close=from_rfc3339("2026-11-26T01:00:00Z"),
)
LONG_DAYS = msgspec.structs.replace(CALENDAR, sessions=(LONG, HALF_DAY))


@pytest.mark.parametrize(
    ("time", "around"),
    (
        ("2026-11-25T08:59:59.999999999Z", None),
        ("2026-11-25T09:00:00Z", LONG),
        ("2026-11-25T14:30:00Z", LONG),
        ("2026-11-25T21:00:00Z", LONG),
        ("2026-11-26T00:59:59.999999999Z", LONG),
        ("2026-11-26T01:00:00Z", None),
        ("2026-11-27T14:29:59Z", None),
        ("2026-11-27T14:30:00Z", HALF_DAY),
        ("2026-11-27T18:00:00Z", None),
    ),
)
def test_the_session_whose_hours_early_and_late_cover_a_time(time: str, around: Session | None) -> None:
    assert LONG_DAYS.session_around(from_rfc3339(time)) == around


def test_a_session_says_when_its_hours_begin_and_end() -> None:
    assert (LONG.first, LONG.last) == (LONG.early_open, LONG.late_close)
    assert (HALF_DAY.first, HALF_DAY.last) == (HALF_DAY.open, HALF_DAY.close)


@pytest.mark.parametrize(
    "hours", ({"early_open": Instant(THURSDAY.open + 1)}, {"late_close": Instant(THURSDAY.close - 1)})
)
def test_the_hours_around_a_session_lie_around_it(hours: dict[str, Instant]) -> None:
    with pytest.raises(BadValue, match="session 2026-11-25: expected open before close"):
        msgspec.structs.replace(THURSDAY, **hours)


def test_following_is_strictly_after() -> None:
    assert CALENDAR.following(Instant(THURSDAY.open - 1)) == THURSDAY
    assert CALENDAR.following(THURSDAY.open) == HALF_DAY


@pytest.mark.parametrize("time", ("2026-11-24T23:59:59Z", "2026-11-28T00:00:00Z"))
def test_outside_the_table_nothing_is_known(time: str) -> None:
    instant = from_rfc3339(time)
    assert not CALENDAR.covers(instant)
    for question in (CALENDAR.session_at, CALENDAR.latest, CALENDAR.following):
        with pytest.raises(
            BadValue, match=r"calendar XNYS: expected a time from 2026-11-25T00:00:00Z .* longer range"
        ):
            question(instant)


def test_the_session_after_the_last_is_unknown() -> None:
    with pytest.raises(BadValue, match="the session after"):
        CALENDAR.following(HALF_DAY.open)


def test_a_date_is_a_session_a_holiday_or_unknown() -> None:
    assert CALENDAR.on("2026-11-27") == HALF_DAY
    assert CALENDAR.on("2026-11-26") is None
    with pytest.raises(BadValue, match="2026-11-30"):
        CALENDAR.on("2026-11-30")


def test_the_digest_covers_every_field_and_survives_a_round_trip() -> None:
    again = msgspec.json.decode(msgspec.json.encode(CALENDAR), type=Calendar)
    assert again == CALENDAR
    assert again.digest == CALENDAR.digest
    later = Session(date="2026-11-27", open=HALF_DAY.open, close=Instant(HALF_DAY.close + 1))
    variants = (
        CALENDAR,
        msgspec.structs.replace(CALENDAR, name="XNAS"),
        msgspec.structs.replace(CALENDAR, start=Instant(CALENDAR.start - 1)),
        msgspec.structs.replace(CALENDAR, end=Instant(CALENDAR.end + 1)),
        msgspec.structs.replace(CALENDAR, sessions=(THURSDAY,)),
        msgspec.structs.replace(CALENDAR, sessions=(THURSDAY, later)),
    )
    digests = sorted(calendar.digest for calendar in variants)
    assert all(one != other for one, other in pairwise(digests))


def test_a_session_closes_after_it_opens() -> None:
    with pytest.raises(BadValue, match="expected open before close"):
        Session(date="2026-11-27", open=HALF_DAY.close, close=HALF_DAY.close)


@pytest.mark.parametrize(
    "sessions",
    (
        (HALF_DAY, THURSDAY),
        (THURSDAY, THURSDAY),
        (THURSDAY, msgspec.structs.replace(HALF_DAY, open=CALENDAR.end, close=Instant(CALENDAR.end + 1))),
    ),
)
def test_sessions_stand_in_order_and_within_the_table(sessions: tuple[Session, ...]) -> None:
    with pytest.raises(BadValue, match="expected sessions in order"):
        msgspec.structs.replace(CALENDAR, sessions=sessions)
