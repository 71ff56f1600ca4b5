import subprocess
import sys
from pathlib import Path

import pytest

from agenttrader.adapters import calendars
from agenttrader.adapters.calendars import read_calendar, read_session
from agenttrader.adapters.kept_sessions import KeptSessions
from agenttrader.model.errors import BadValue
from agenttrader.model.times import rfc3339


@pytest.fixture(autouse=True)
def _asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself is asked, whatever was kept before."""
    monkeypatch.setattr(calendars, "beside_the_library", lambda: KeptSessions(tmp_path, "test"))


def test_a_week_with_a_holiday_and_a_half_day() -> None:
    calendar = read_calendar("XNYS", "2026-11-23", "2026-11-29")
    assert [
        (session.date, rfc3339(session.open), rfc3339(session.close)) for session in calendar.sessions
    ] == [
        ("2026-11-23", "2026-11-23T14:30:00Z", "2026-11-23T21:00:00Z"),
        ("2026-11-24", "2026-11-24T14:30:00Z", "2026-11-24T21:00:00Z"),
        ("2026-11-25", "2026-11-25T14:30:00Z", "2026-11-25T21:00:00Z"),
        ("2026-11-27", "2026-11-27T14:30:00Z", "2026-11-27T18:00:00Z"),
    ]
    assert rfc3339(calendar.start) == "2026-11-23T00:00:00Z"
    assert rfc3339(calendar.end) == "2026-11-30T00:00:00Z"


def test_daylight_saving_moves_the_open() -> None:
    assert rfc3339(read_session("XNYS", "2026-03-06").open) == "2026-03-06T14:30:00Z"
    assert rfc3339(read_session("XNYS", "2026-03-09").open) == "2026-03-09T13:30:00Z"


@pytest.mark.parametrize(
    ("day", "early", "late"),
    (
        ("2026-11-20", "2026-11-20T09:00:00Z", "2026-11-21T01:00:00Z"),
        ("2026-11-27", "2026-11-27T09:00:00Z", "2026-11-27T22:00:00Z"),
        ("2026-07-01", "2026-07-01T08:00:00Z", "2026-07-02T00:00:00Z"),
    ),
)
def test_new_york_trades_from_four_and_four_hours_after_the_close(day: str, early: str, late: str) -> None:
    session = read_session("XNYS", day)
    assert (rfc3339(session.first), rfc3339(session.last)) == (early, late)


def test_of_other_exchanges_no_hours_around_the_session_are_known() -> None:
    session = read_session("XLON", "2026-11-20")
    assert (session.early_open, session.late_close) == (None, None)


def test_a_closure_that_was_not_a_holiday() -> None:
    assert read_calendar("XNYS", "2025-01-09", "2025-01-09").sessions == ()


@pytest.mark.parametrize(
    ("day", "near"),
    (
        ("2026-11-26", "2026-11-25 and 2026-11-27"),
        ("2026-11-28", "2026-11-27 and 2026-11-30"),
    ),
)
def test_a_day_without_a_session_names_its_neighbours(day: str, near: str) -> None:
    with pytest.raises(BadValue, match=f"expected a session of XNYS, found {day}; near it are {near}"):
        read_session("XNYS", day)


@pytest.mark.parametrize(
    ("name", "first", "last", "message"),
    (
        ("XNYS", "2026-11-27", "2026-11-26", "expected a range of 1 to"),
        ("XNYS", "1971-11-27", "2026-11-26", "expected a range of 1 to"),
        ("XNYS", "0001-01-01", "0001-01-02", "from 1970 to 2199, found '0001-01-01'"),
        ("XNYS", "2026-11-25", "9999-12-31", "from 1970 to 2199, found '9999-12-31'"),
        ("XNYS", "2026-02-30", "2026-11-26", "first: expected a date as YYYY-MM-DD"),
        ("XNYS", "20261127", "2026-11-28", "first: expected a date as YYYY-MM-DD"),
        ("NOWHERE", "2026-11-25", "2026-11-26", "found NOWHERE"),
        ("AIXK", "2016-06-01", "2016-06-30", "exchange_calendars knows"),
        ("XHKG", "2026-11-25", "2026-11-26", "without a break at noon"),
    ),
)
def test_what_is_not_known_is_refused(name: str, first: str, last: str, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        read_calendar(name, first, last)


def test_importing_the_module_does_not_import_pandas() -> None:
    program = "import sys, agenttrader.adapters.calendars; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
