"""The venue's trading days: a table of sessions, and how far the clock has come through it."""

from bisect import bisect_right
from enum import Enum
from typing import NamedTuple

from agenttrader.model.times import INSTANT_MAX, Instant
from agenttrader.simulation.inputs import Session


class Bell(Enum):
    """What happens at an edge: the hours before a session, the session, the hours after it, and their end."""

    EARLY_OPEN = "early_open"
    OPEN = "open"
    CLOSE = "close"
    LATE_CLOSE = "late_close"


class Edge(NamedTuple):
    """The bell that rings at `time`."""

    time: Instant
    bell: Bell
    session: Session

    @property
    def ends_day(self) -> bool:
        """Whether nothing of the session's day is left after it."""
        last = Bell.CLOSE if self.session.late_close is None else Bell.LATE_CLOSE
        return self.bell is last


class Sessions:
    """The table, in order and without overlap. Edges at or before `start` have already been passed."""

    def __init__(self, sessions: tuple[Session, ...], start: Instant) -> None:
        self._edges = [edge for session in sessions for edge in _edges_of(session)]
        self._times = [edge.time for edge in self._edges]
        self._opens = [session.open for session in sessions]
        self._closes = [session.close for session in sessions]
        self._dates = {session.close: session.date for session in sessions}
        self._day_ends = [session.late_close or session.close for session in sessions]
        self._passed = bisect_right(self._times, start)
        self.next_edge = self._next_edge()
        """The first edge that has not been passed; the end of time where the table has ended."""

    def is_open(self, time: Instant) -> bool:
        """Whether a session covers `time`; at its close it does not any more."""
        return self._last_bell(time) is Bell.OPEN

    def is_extended(self, time: Instant) -> bool:
        """Whether the hours before or after a session cover `time`."""
        place = bisect_right(self._times, time)
        if place == 0:
            return False
        edge = self._edges[place - 1]
        return edge.bell is Bell.EARLY_OPEN or (
            edge.bell is Bell.CLOSE and edge.session.late_close is not None
        )

    def last_open(self, time: Instant) -> Instant | None:
        """The last opening at or before `time`."""
        place = bisect_right(self._opens, time)
        return self._opens[place - 1] if place else None

    def next_open(self, time: Instant) -> Instant | None:
        """The first opening after `time`; None where the table has ended."""
        return _first_after(self._opens, time)

    def next_close(self, time: Instant) -> Instant | None:
        """The first close after `time`; None where the table has ended."""
        return _first_after(self._closes, time)

    def next_day_end(self, time: Instant) -> Instant | None:
        """The first end of a day after `time`, with its late hours; None where the table has ended."""
        return _first_after(self._day_ends, time)

    def date_of_close(self, close: Instant) -> str:
        """The day of the session that ends at `close`."""
        return self._dates[close]

    def close_on(self, session_date: str) -> Instant | None:
        """The close of a day's session; None where the table has none."""
        return next((close for close, date in self._dates.items() if date == session_date), None)

    def date_after(self, session_date: str) -> str | None:
        """The day of the next session; None where the table has ended."""
        return min((each for each in self._dates.values() if each > session_date), default=None)

    def pass_to(self, time: Instant) -> list[Edge]:
        """The edges up to `time` that have not been passed before, in order."""
        edges = self._edges[self._passed : bisect_right(self._times, time)]
        self._passed += len(edges)
        self.next_edge = self._next_edge()
        return edges

    def _last_bell(self, time: Instant) -> Bell | None:
        place = bisect_right(self._times, time)
        return self._edges[place - 1].bell if place else None

    def _next_edge(self) -> Instant:
        return self._times[self._passed] if self._passed < len(self._times) else INSTANT_MAX


def _edges_of(session: Session) -> list[Edge]:
    return [
        Edge(time, bell, session)
        for time, bell in (
            (session.early_open, Bell.EARLY_OPEN),
            (session.open, Bell.OPEN),
            (session.close, Bell.CLOSE),
            (session.late_close, Bell.LATE_CLOSE),
        )
        if time is not None
    ]


def _first_after(times: list[Instant], time: Instant) -> Instant | None:
    place = bisect_right(times, time)
    return times[place] if place < len(times) else None
