"""The venue's trading days: a table of sessions, and how far the clock has come through it."""

from bisect import bisect_right
from enum import Enum
from typing import NamedTuple

from agenttrader.model.times import INSTANT_MAX, Instant
from agenttrader.simulation.inputs import Session


class Bell(Enum):
    """What happens at the edge of a session."""

    OPEN = "open"
    CLOSE = "close"


class Edge(NamedTuple):
    """A session opens or closes at `time`."""

    time: Instant
    bell: Bell


class Sessions:
    """The table, in order and without overlap. Edges at or before `start` have already been passed."""

    def __init__(self, sessions: tuple[Session, ...], start: Instant) -> None:
        # Openings lie at even places, closes at odd ones.
        self._edges = [edge for session in sessions for edge in (session.open, session.close)]
        self._passed = bisect_right(self._edges, start)
        self.next_edge = self._next_edge()
        """The first edge that has not been passed; the end of time where the table has ended."""

    def is_open(self, time: Instant) -> bool:
        """Whether a session covers `time`; at its close it does not any more."""
        return bisect_right(self._edges, time) % 2 == 1

    def next_open(self, time: Instant) -> Instant | None:
        """The first opening after `time`; None where the table has ended."""
        place = bisect_right(self._edges, time)
        return self._edge(place + place % 2)

    def next_close(self, time: Instant) -> Instant | None:
        """The first close after `time`; None where the table has ended."""
        place = bisect_right(self._edges, time)
        return self._edge(place + 1 - place % 2)

    def pass_to(self, time: Instant) -> list[Edge]:
        """The edges up to `time` that have not been passed before, in order."""
        places = range(self._passed, bisect_right(self._edges, time))
        self._passed += len(places)
        self.next_edge = self._next_edge()
        return [Edge(self._edges[place], Bell.CLOSE if place % 2 else Bell.OPEN) for place in places]

    def _next_edge(self) -> Instant:
        edge = self._edge(self._passed)
        return INSTANT_MAX if edge is None else edge

    def _edge(self, place: int) -> Instant | None:
        return self._edges[place] if place < len(self._edges) else None
