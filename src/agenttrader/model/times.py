"""Instants are integers of nanoseconds since 1970, UTC.

RFC 3339 text exists only in protocols and on the command line.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType

from agenttrader.model.errors import BadValue

Instant = NewType("Instant", int)
"""Nanoseconds since 1970-01-01T00:00:00Z."""
Duration = NewType("Duration", int)
"""Nanoseconds."""

SECOND = Duration(1_000_000_000)
MINUTE = Duration(60 * SECOND)
MILLISECOND = Duration(1_000_000)

INSTANT_MIN, INSTANT_MAX = Instant(-(2**63)), Instant(2**63 - 1)
"""1677-09-21 to 2262-04-11: what a record and its hash can carry."""

RECENT_TIMES = 1_024
"""How many are kept as they were written and read: one answer of a broker has the same a hundred times."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_ONE_SECOND = timedelta(seconds=1)
_HOUR = r"(?:[01]\d|2[0-3])"
_RFC3339 = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)[T ]({_HOUR}:\d\d:\d\d)(?:\.(\d{{1,9}}))?(Z|[+-]{_HOUR}:[0-5]\d)", re.ASCII
)


def rfc3339(instant: Instant) -> str:
    """The instant as `2026-11-20T14:30:00Z`, with as many decimals as it has, at most nine."""
    seconds, nanoseconds = divmod(instant, SECOND)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{_whole_seconds(seconds)}{fraction}Z"


@lru_cache(RECENT_TIMES)
def _whole_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(RECENT_TIMES)
def from_rfc3339(text: str) -> Instant:
    """The instant that RFC 3339 text names; BadValue for anything else, and where the offset is missing."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise BadValue(
            f"time: expected RFC 3339 with an offset, such as 2026-11-20T14:30:00Z, found {text!r}"
        )
    date, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if offset == 'Z' else offset}")
    except ValueError:
        raise BadValue(f"time: expected a real date and time, found {text!r}") from None
    return _instant(moment, int((fraction or "0").ljust(9, "0")))


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime, to the microsecond. Raises BadValue for a naive one."""
    if moment.tzinfo is None:
        raise BadValue(f"time: expected an aware datetime, found {moment!r} without a time zone")
    return _instant(moment.replace(microsecond=0), moment.microsecond * 1_000)


def to_datetime(instant: Instant) -> datetime:
    """The instant as an aware UTC datetime, cut to the microsecond."""
    seconds, nanoseconds = divmod(instant, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1_000)


def _instant(whole: datetime, nanoseconds: int) -> Instant:
    """The instant of an aware datetime of whole seconds, and so many nanoseconds after it."""
    instant = (whole - _EPOCH) // _ONE_SECOND * SECOND + nanoseconds
    if not INSTANT_MIN <= instant <= INSTANT_MAX:
        raise BadValue(f"time: expected a time from 1677 to 2262, found {whole}")
    return Instant(instant)
