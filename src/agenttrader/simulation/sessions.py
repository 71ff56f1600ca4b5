"""The venue's trading days: a table of sessions, and how far the clock has come through it."""

from bisect import bisect_right
from enum import Enum
from typing import NamedTuple

from agenttrader.model.times import Instant
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
        self._edges = [
            edge
            for session in sessions
            for edge in (Edge(session.open, Bell.OPEN), Edge(session.close, Bell.CLOSE))
        ]
        self._passed = self._count(start)

    def is_open(self, time: Instant) -> bool:
        """Whether a session covers `time`; at its close it does not any more."""
        return self._count(time) % 2 == 1

    def next_open(self, time: Instant) -> Instant | None:
        """The first opening after `time`; None where the table has ended."""
        return next((edge.time for edge in self._after(time) if edge.bell is Bell.OPEN), None)

    def next_close(self, time: Instant) -> Instant | None:
        """The first close after `time`; None where the table has ended."""
        return next((edge.time for edge in self._after(time) if edge.bell is Bell.CLOSE), None)

    def pass_to(self, time: Instant) -> list[Edge]:
        """The edges up to `time` that have not been passed before, in order."""
        passed = max(self._count(time), self._passed)
        edges = self._edges[self._passed : passed]
        self._passed = passed
        return edges

    def _after(self, time: Instant) -> list[Edge]:
        return self._edges[self._count(time) :]

    def _count(self, time: Instant) -> int:
        """How many edges lie at or before `time`."""
        return bisect_right(self._edges, time, key=lambda edge: edge.time)
