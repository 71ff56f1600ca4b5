"""New York's clocks, through both changes of the hour."""

from datetime import date

import pytest

from agenttrader.app.new_york import at, day_of, midnight_after, stamp
from agenttrader.model.times import Instant, from_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("utc", "there"),
    (
        ("2026-11-20T14:31:00Z", "2026-11-20T09:31:00.000000000-05:00"),
        ("2026-07-01T13:30:00.123456789Z", "2026-07-01T09:30:00.123456789-04:00"),
        ("2026-03-08T06:59:59Z", "2026-03-08T01:59:59.000000000-05:00"),
        ("2026-03-08T07:00:00Z", "2026-03-08T03:00:00.000000000-04:00"),
    ),
)
def test_a_stamp_has_new_yorks_offset_and_names_the_same_instant(utc: str, there: str) -> None:
    assert stamp(from_rfc3339(utc)) == there
    assert from_rfc3339(there) == from_rfc3339(utc)


def test_a_day_there_is_not_always_the_day_in_utc() -> None:
    assert day_of(from_rfc3339("2026-11-21T01:00:00Z")) == date(2026, 11, 20)
    assert rfc3339(at(date(2026, 11, 20), 9, 30)) == "2026-11-20T14:30:00Z"
    assert rfc3339(at(date(2026, 7, 1), 9, 30)) == "2026-07-01T13:30:00Z"
    assert rfc3339(Instant(midnight_after(date(2026, 10, 31)))) == "2026-11-01T04:00:00Z"
    assert rfc3339(Instant(midnight_after(date(2026, 11, 1)))) == "2026-11-02T05:00:00Z"
