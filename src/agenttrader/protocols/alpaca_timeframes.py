"""Alpaca's timeframes, `1Min` to `12Month`, and the periods that they cut time into.

Days, weeks and months begin at midnight in New York, as Alpaca's bars do (seen in its examples: a daily bar's
time is 04:00 or 05:00 UTC). Minutes and hours are counted from that midnight anew each day, and a week begins
on Monday: rules of our own.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Duration, Instant, from_datetime, to_datetime
from agenttrader.model.words import Word

NEW_YORK = ZoneInfo("America/New_York")
_MONTHS_IN_YEAR = 12
_FORM = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D|Week|W|Month|M)", re.ASCII)


class Unit(Word):
    """What a timeframe is counted in, under Alpaca's name."""

    MINUTE = "Min"
    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


_SHORT = {"T": Unit.MINUTE, "H": Unit.HOUR, "D": Unit.DAY, "W": Unit.WEEK, "M": Unit.MONTH}
_COUNTS: dict[Unit, frozenset[int]] = {
    Unit.MINUTE: frozenset(range(1, 60)),
    Unit.HOUR: frozenset(range(1, 24)),
    Unit.DAY: frozenset({1}),
    Unit.WEEK: frozenset({1}),
    Unit.MONTH: frozenset({1, 2, 3, 6, 12}),
}


class Timeframe(Struct, frozen=True):
    """So many units of time, as a bar covers them."""

    count: int
    unit: Unit


ONE_MINUTE = Timeframe(1, Unit.MINUTE)
ONE_DAY = Timeframe(1, Unit.DAY)


class Period(Struct, frozen=True):
    """From `start` to before `end`."""

    start: Instant
    end: Instant

    @property
    def length(self) -> Duration:
        """From start to end; a day in New York has 23, 24 or 25 hours."""
        return Duration(self.end - self.start)


def read_timeframe(text: str) -> Timeframe:
    """The timeframe of `5Min`, `5T`, `1Hour`, `1Day` and so on. Raises BadValue for any other."""
    form = _FORM.fullmatch(text)
    if form is not None:
        count, unit = int(form[1]), _SHORT.get(form[2]) or Unit(form[2])
        if count in _COUNTS[unit]:
            return Timeframe(count, unit)
    raise BadValue(
        "invalid timeframe: expected 1 to 59 Min, 1 to 23 Hour, 1Day, 1Week, or 1, 2, 3, 6 or 12 Month, "
        f"found {text[:20]!r}"
    )


def period_at(instant: Instant, timeframe: Timeframe) -> Period:
    """The period of the timeframe that `instant` lies in."""
    day = to_datetime(instant).astimezone(NEW_YORK).date()
    count = timeframe.count
    match timeframe.unit:
        case Unit.MINUTE | Unit.HOUR:
            minutes = count if timeframe.unit is Unit.MINUTE else 60 * count
            return _part_of_day(instant, day, Duration(minutes * MINUTE))
        case Unit.DAY:
            first, after = day, day + timedelta(days=1)
        case Unit.WEEK:
            first = day - timedelta(days=day.weekday())
            after = first + timedelta(days=7)
        case Unit.MONTH:
            months = (day.year * _MONTHS_IN_YEAR + day.month - 1) // count * count
            first, after = _first_of(months), _first_of(months + count)
        case _:
            assert_never(timeframe.unit)
    return Period(midnight(first), midnight(after))


def midnight(day: date) -> Instant:
    """When the day begins in New York."""
    return from_datetime(datetime.combine(day, time(), NEW_YORK))


def _part_of_day(instant: Instant, day: date, length: Duration) -> Period:
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    start = Instant(begin + (instant - begin) // length * length)
    return Period(start, min(Instant(start + length), end))


def _first_of(months: int) -> date:
    """The first day of a month that is counted from the year 0."""
    return date(months // _MONTHS_IN_YEAR, months % _MONTHS_IN_YEAR + 1, 1)
