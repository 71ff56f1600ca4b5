"""From when to when a history is asked for, and in which steps: Alpaca's rules for its parameters.

Documented: at most two of `start`, `end` and `period` (number and D, W, M or A; one month where nothing is
said), a timeframe that follows from the length where it is not given, and minutes for 30 days at most.
"""

import re
from datetime import date, timedelta

from msgspec import Struct

from agenttrader.app.new_york import at, day_of, midnight_after
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Duration, Instant

DAY = Duration(24 * 60 * MINUTE)
STEPS = {
    "1Min": MINUTE,
    "5Min": Duration(5 * MINUTE),
    "15Min": Duration(15 * MINUTE),
    "1H": Duration(60 * MINUTE),
    "1D": DAY,
}
INTRADAY_DAYS_MAX = 30
MINUTES_DAYS, QUARTERS_DAYS = 7, 30
"""A shorter span is told by minutes, one shorter than the second by quarters of an hour, unless asked."""
_PERIOD = re.compile(r"([1-9]\d{0,3})([DWMA])", re.ASCII)
_MONTHS_A_YEAR = 12
_LAST_SAFE_DAY = 28
"""Every month has it."""


class Span(Struct, frozen=True):
    """From `start` to and with `end`, in windows of `step`, which Alpaca calls `timeframe`."""

    start: Instant
    end: Instant
    timeframe: str

    @property
    def step(self) -> Duration:
        """The length of a window."""
        return STEPS[self.timeframe]


def span_asked(parameters: Parameters, now: Instant) -> Span:
    """The span that is asked for. Raises BadValue for one that cannot be."""
    start, end = parameters.time("start"), parameters.time("end")
    last_day, period = parameters.day("date_end"), parameters.text("period")
    timeframe = parameters.word("timeframe", (*STEPS, ""), "")
    if last_day is not None:
        if end is not None:
            raise BadValue("date_end: expected either end or date_end, found both")
        end = Instant(midnight_after(last_day) - 1)
    if start is not None and end is not None and period is not None:
        raise BadValue("period: expected two of start, end and period, found all three")
    in_months = (period or ("1M" if start is None else "D"))[-1] in "MA"
    if start is None:
        until = now if end is None else end
        start, end = _first(day_of(until), period or "1M"), until
    elif end is None:
        end = now if period is None else Instant(midnight_after(_shifted(day_of(start), period, 1)) - 1)
    if end < start:
        raise BadValue("end: expected a time at or after the start, found one before it")
    days = (day_of(end) - day_of(start)).days + 1
    chosen = timeframe or ("1D" if in_months else _timeframe_of(days))
    if chosen != "1D" and days > INTRADAY_DAYS_MAX:
        raise BadValue(f"timeframe: expected 1D for more than {INTRADAY_DAYS_MAX} days, found {chosen}")
    return Span(start, end, chosen)


def _timeframe_of(days: int) -> str:
    if days < MINUTES_DAYS:
        return "1Min"
    return "15Min" if days < QUARTERS_DAYS else "1D"


def _first(last: date, period: str) -> Instant:
    """The beginning of a period whose last day is `last`."""
    return at(_shifted(last, period, -1), 0)


def _shifted(day: date, period: str, sign: int) -> date:
    """The other end of a period that begins (+1) or ends (-1) with `day`. Raises BadValue for none."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise BadValue(f"period: expected a number and D, W, M or A, such as 1D, found {period!r}")
    count, unit = int(match[1]), match[2]
    try:
        if unit in "DW":
            return day + sign * timedelta(days=count * (1 if unit == "D" else 7) - 1)
        months = day.year * _MONTHS_A_YEAR + day.month - 1 + sign * count * (1 if unit == "M" else 12)
        year, month = divmod(months, _MONTHS_A_YEAR)
        return date(year, month + 1, min(day.day, _LAST_SAFE_DAY)) - sign * timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadValue(f"period: expected one within the calendar, found {period!r}") from None
