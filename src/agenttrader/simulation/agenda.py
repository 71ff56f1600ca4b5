"""What the venue must look at again by itself: orders, each at a time, in the order of the times."""

import heapq

from agenttrader.model.times import INSTANT_MAX, Instant


class Agenda:
    """Order ids by the time when they are due; those of one time come as they were written down."""

    def __init__(self) -> None:
        self._entries: list[tuple[Instant, int, str]] = []
        self._number = 0

    @property
    def next_time(self) -> Instant:
        """When the first is due; the end of time where none is."""
        return self._entries[0][0] if self._entries else INSTANT_MAX

    def add(self, time: Instant, order_id: str) -> None:
        """Look at the order again at `time`."""
        self._number += 1
        heapq.heappush(self._entries, (time, self._number, order_id))

    def take(self) -> tuple[Instant, str]:
        """The first that is due, which is then no longer on the agenda."""
        time, _, order_id = heapq.heappop(self._entries)
        return time, order_id
