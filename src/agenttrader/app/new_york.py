"""The hands of the clock in New York: Alpaca's trading days, and what it says of time, are in its time."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agenttrader.model.times import SECOND, Instant, from_datetime, to_datetime

_ZONE = ZoneInfo("America/New_York")


def wall_time(instant: Instant) -> datetime:
    """The instant as a datetime of New York, cut to the microsecond."""
    return to_datetime(instant).astimezone(_ZONE)


def day_of(instant: Instant) -> date:
    """The date that New York has at an instant."""
    return wall_time(instant).date()


def at(day: date, hour: int, minute: int = 0) -> Instant:
    """The instant at which New York's clocks show this."""
    return from_datetime(datetime.combine(day, time(hour, minute), _ZONE))


def midnight_after(day: date) -> Instant:
    """The end of a date."""
    return at(day + timedelta(days=1), 0)


def stamp(instant: Instant) -> str:
    """RFC 3339 with nine decimals and New York's offset, as Alpaca's clock writes it."""
    moment = wall_time(instant)
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % SECOND:09d}{offset[:3]}:{offset[3:]}"
