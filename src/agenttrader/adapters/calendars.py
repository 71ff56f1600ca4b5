"""Sessions from the exchange calendar, cut out as plain data for a stated range of dates.

The library behind it (exchange_calendars, with pandas) takes more than half a second to import, so it is
imported when it is asked something that is not `kept_sessions` yet. What it does not know about is BadValue,
never a guess.
"""

import warnings
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from agenttrader.adapters.kept_sessions import beside_the_library
from agenttrader.model.errors import BadValue
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import from_datetime

RANGE_DAYS_MAX = 366 * 30
"""A longer table is a mistyped year, not a wish."""
YEAR_MIN, YEAR_MAX = 1970, 2199
"""Instants count from 1970, and beyond two centuries nobody has decreed a holiday."""
_NEW_YORKS = frozenset({"XNYS", "XNAS"})
_NEW_YORK, _EARLY, _LATE = ZoneInfo("America/New_York"), time(4), timedelta(hours=4)
"""Their extended hours: from 4:00 there, and four hours after the close, on half days too.

Source: docs.alpaca.markets, "Placing Orders" (Extended Hours Trading).
"""
_NEIGHBOURS = timedelta(days=14)
"""No exchange that we trade on closes for longer: so near lie the sessions before and after a date."""


def read_calendar(name: str, first: str, last: str) -> Calendar:
    """Every session of exchange `name` (as XNYS) from the date `first` to and with `last`, both YYYY-MM-DD.

    Raises BadValue for an exchange or dates that are not known, and for an exchange that closes at noon.
    """
    start, end = _date(first, "first"), _date(last, "last")
    if not start <= end <= start + timedelta(days=RANGE_DAYS_MAX):
        raise BadValue(
            f"calendar {name}: expected a range of 1 to {RANGE_DAYS_MAX} days, found {first} to {last}"
        )
    return Calendar(
        name=name,
        start=from_datetime(datetime.combine(start, time(), UTC)),
        end=from_datetime(datetime.combine(end, time(), UTC) + timedelta(days=1)),
        sessions=tuple(session for session in _sessions(name, start, end) if first <= session.date <= last),
    )


def read_session(name: str, day: str) -> Session:
    """The session of exchange `name` on `day`, YYYY-MM-DD.

    Raises BadValue where the exchange does not trade on it, naming the sessions before and after.
    """
    sessions = _sessions(name, _date(day, "date"), _date(day, "date"))
    found = next((session for session in sessions if session.date == day), None)
    if found is None:
        before = max(session.date for session in sessions if session.date < day)
        after = min(session.date for session in sessions if session.date > day)
        raise BadValue(f"date: expected a session of {name}, found {day}; near it are {before} and {after}")
    return found


def _date(text: str, name: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text or not YEAR_MIN <= found.year <= YEAR_MAX:
        raise BadValue(f"{name}: expected a date as YYYY-MM-DD from {YEAR_MIN} to {YEAR_MAX}, found {text!r}")
    return found


def _sessions(name: str, first: date, last: date) -> tuple[Session, ...]:
    """The sessions of the range and two weeks around it: the library knows no empty range."""
    start, end = first - _NEIGHBOURS, last + _NEIGHBOURS
    kept = beside_the_library()
    known = kept.read(name, start.isoformat(), end.isoformat())
    if known is None:
        known = _said(name, start, end)
        kept.keep(name, start.isoformat(), end.isoformat(), known)
    return known


def _said(name: str, start: date, end: date) -> tuple[Session, ...]:
    """What the library says."""
    schedule = _schedule(name, start, end)
    if schedule["break_start"].notna().any():
        raise BadValue(f"calendar {name}: expected sessions without a break at noon; this exchange has one")
    return tuple(_session(name, row) for row in schedule.itertuples())


def _session(name: str, row: Any) -> Session:
    plain = Session(
        date=row.Index.strftime("%Y-%m-%d"),
        open=from_datetime(row.open.to_pydatetime()),
        close=from_datetime(row.close.to_pydatetime()),
    )
    if name not in _NEW_YORKS:
        return plain
    early = datetime.combine(date.fromisoformat(plain.date), _EARLY, _NEW_YORK)
    late = row.close.to_pydatetime() + _LATE
    return replace(plain, early_open=from_datetime(early.astimezone(UTC)), late_close=from_datetime(late))


def _schedule(name: str, start: date, end: date) -> Any:
    """The library's table, a pandas DataFrame with a row for each session."""
    # Here, because it is the one function that needs them.
    import exchange_calendars  # type: ignore[import-untyped] # noqa: PLC0415
    from exchange_calendars.errors import CalendarError  # type: ignore[import-untyped] # noqa: PLC0415
    from pandas.errors import OutOfBoundsDatetime  # type: ignore[import-untyped] # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # The library calls what its own pandas deprecates; that is not ours to mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            return exchange_calendars.get_calendar(name, start=start, end=end).schedule
    except (CalendarError, OutOfBoundsDatetime, ValueError) as error:
        raise BadValue(
            f"calendar: expected an exchange and dates that exchange_calendars knows, found {name} "
            f"from {start} to {end}: {error}"
        ) from error
