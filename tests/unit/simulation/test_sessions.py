"""The table of sessions: what covers a time, what comes next, and which bells ring once."""

import pytest

from agenttrader.model.times import INSTANT_MAX, Instant
from agenttrader.simulation.inputs import Session
from agenttrader.simulation.sessions import Bell, Sessions

LONG = Session(
    date="2026-11-20",
    open=Instant(10),
    close=Instant(20),
    early_open=Instant(5),
    late_close=Instant(25),
)
SHORT = Session(date="2026-11-23", open=Instant(40), close=Instant(50))
TABLE = (LONG, SHORT)


@pytest.mark.parametrize(
    ("time", "is_open", "is_extended"),
    (
        (0, False, False),
        (4, False, False),
        (5, False, True),
        (9, False, True),
        (10, True, False),
        (19, True, False),
        (20, False, True),
        (25, False, False),
        (40, True, False),
        (50, False, False),
    ),
)
def test_what_covers_a_time(time: int, *, is_open: bool, is_extended: bool) -> None:
    sessions = Sessions(TABLE, Instant(0))
    assert sessions.is_open(Instant(time)) is is_open
    assert sessions.is_extended(Instant(time)) is is_extended


def test_what_came_last_and_what_comes_next() -> None:
    sessions = Sessions(TABLE, Instant(0))
    assert [sessions.last_open(Instant(time)) for time in (9, 10, 39, 40)] == [None, 10, 10, 40]
    assert [sessions.next_open(Instant(time)) for time in (9, 10, 40)] == [10, 40, None]
    assert [sessions.next_close(Instant(time)) for time in (19, 20, 50)] == [20, 50, None]
    assert [sessions.next_day_end(Instant(time)) for time in (20, 24, 25, 50)] == [25, 25, 50, None]


def test_every_bell_rings_once_in_its_order() -> None:
    sessions = Sessions(TABLE, Instant(5))
    assert sessions.next_edge == 10
    assert [edge.bell for edge in sessions.pass_to(Instant(9))] == []
    edges = sessions.pass_to(Instant(40))
    assert [edge.bell for edge in edges] == [Bell.OPEN, Bell.CLOSE, Bell.LATE_CLOSE, Bell.OPEN]
    assert [edge.session for edge in edges] == [LONG, LONG, LONG, SHORT]
    assert sessions.pass_to(Instant(40)) == []
    assert [edge.time for edge in sessions.pass_to(Instant(60))] == [50]
    assert sessions.next_edge == INSTANT_MAX
